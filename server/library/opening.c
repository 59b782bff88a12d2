/*
 * Keeps numbers of connections in a ring, in the order in which they were accepted. A number stays in the ring when its
 * connection has become a session or has ended: that is seen when its turn comes, or when the ring is full.
 */
#include "server/library/opening.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev/clock.h"
#include "server/library/peer.h"

#define SMALLEST_RING 64

/* A larger ring was for a crowd that came at once, and is given back when that has come in. */
#define LARGEST_KEPT_RING 1024

static uint64_t *place(const struct lubdub_opening *opening, uint32_t index)
{
    return &opening->numbers[(opening->first + index) & (opening->capacity - 1)];
}

/* The connection with this number, if it is still opening. */
static struct lubdub_record *find(const struct lubdub_worker *worker, uint64_t number)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, number);

    return record != NULL && record->peer->is_opening ? record : NULL;
}

/* Keeps the numbers of those that are still opening, in a ring of this capacity. */
static bool tidy(struct lubdub_worker *worker, uint32_t capacity)
{
    struct lubdub_opening *opening = &worker->opening;
    uint64_t *numbers = malloc(capacity * sizeof *numbers);
    uint32_t length = 0;
    uint32_t i;

    if (numbers == NULL) {
        return false;
    }
    for (i = 0; i < opening->length; i++) {
        uint64_t number = *place(opening, i);

        if (find(worker, number) != NULL) {
            numbers[length++] = number;
        }
    }
    free(opening->numbers);
    opening->numbers = numbers;
    opening->capacity = capacity;
    opening->first = 0;
    opening->length = length;
    return true;
}

bool lubdub_opening_begin(struct lubdub_worker *worker, struct lubdub_record *record)
{
    struct lubdub_opening *opening = &worker->opening;

    if (opening->length == opening->capacity) {
        uint32_t capacity = SMALLEST_RING;

        while (capacity < 4 * (opening->count + 1)) {
            capacity *= 2;
        }
        if (!tidy(worker, capacity)) {
            return false;
        }
    }
    *place(opening, opening->length++) = lubdub_pool_number(&worker->pool, record);
    opening->count++;
    record->peer->is_opening = true;
    return true;
}

/* No connection is opening any more, so no number in the ring counts. */
static void empty(struct lubdub_opening *opening)
{
    opening->first = opening->length = 0;
    if (opening->capacity > LARGEST_KEPT_RING) {
        free(opening->numbers);
        opening->numbers = NULL;
        opening->capacity = 0;
    }
}

void lubdub_opening_end(struct lubdub_worker *worker, struct lubdub_record *record)
{
    if (!record->peer->is_opening) {
        return;
    }
    record->peer->is_opening = false;
    worker->opening.count--;
    if (worker->opening.count == 0) {
        empty(&worker->opening);
    }
}

unsigned lubdub_opening_most(const struct lubdub_worker *worker)
{
    size_t most = lubdub_worker_settings(worker)->max_opening;
    size_t share = (most + worker->server->worker_count - 1) / worker->server->worker_count;

    return most == 0 || share > UINT_MAX ? UINT_MAX : (unsigned)share;
}

const char *lubdub_opening_refusal(const struct lubdub_worker *worker, char text[LUBDUB_OPENING_TEXT])
{
    snprintf(text, LUBDUB_OPENING_TEXT, "there are too many connections that have sent no frame (the limit is %zu)",
             lubdub_worker_settings(worker)->max_opening);
    return text;
}

static void drop_first(struct lubdub_opening *opening)
{
    opening->first++;
    opening->length--;
}

/* NULL: there is room for another. It stays the first of the ring. */
static struct lubdub_record *find_surplus(struct lubdub_worker *worker)
{
    struct lubdub_opening *opening = &worker->opening;
    struct lubdub_record *oldest = NULL;

    if (opening->count < lubdub_opening_most(worker)) {
        return NULL;
    }
    while (opening->length > 0 && (oldest = find(worker, *place(opening, 0))) == NULL) {
        drop_first(opening);
    }
    return oldest;
}

struct lubdub_record *lubdub_opening_surplus(struct lubdub_worker *worker)
{
    struct lubdub_record *oldest = find_surplus(worker);

    if (oldest != NULL) {
        drop_first(&worker->opening);
    }
    return oldest;
}

void lubdub_opening_clear(struct lubdub_worker *worker)
{
    free(worker->opening.numbers);
    worker->opening.numbers = NULL;
}

bool lubdub_opening_is_busy(struct lubdub_worker *worker)
{
    const struct lubdub_record *oldest = find_surplus(worker);
    lubdub_duration patience = lubdub_worker_settings(worker)->session.handshake_timeout / 2;

    return oldest != NULL && lubdub_time_between(oldest->link.session.heard_at, lubdub_clock_now()) < patience;
}
