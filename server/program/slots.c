/* Finds places for keys in the table, and replaces the key that is idle for longest. */
#define _GNU_SOURCE
#include "server/program/slots.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

#include "ev/clock.h"
#include "ev/sip_hash.h"

#define WAYS 8

bool slots_init(struct slots *slots, size_t count)
{
    assert(count > 0 && count % WAYS == 0);
    slots->count = count;
    slots->items = calloc(count, sizeof *slots->items);
    if (getrandom(slots->secret, sizeof slots->secret, 0) != sizeof slots->secret) {
        slots->secret[0] = lubdub_clock_realtime();
        slots->secret[1] = (uintptr_t)slots->items;
    }
    return slots->items != NULL;
}

void slots_clear(struct slots *slots)
{
    free(slots->items);
    slots->items = NULL;
}

uint64_t slots_key(const struct slots *slots, const void *bytes, size_t length)
{
    uint64_t hash = lubdub_sip_hash(slots->secret, bytes, length);

    return hash != 0 ? hash : 1;
}

static size_t first_way(const struct slots *slots, uint64_t key)
{
    return (size_t)(key % (slots->count / WAYS)) * WAYS;
}

size_t slots_find(const struct slots *slots, uint64_t key)
{
    size_t first = first_way(slots, key);
    size_t i;

    for (i = first; i < first + WAYS; i++) {
        if (slots->items[i].key == key) {
            return i;
        }
    }
    return SLOTS_NONE;
}

size_t slots_claim(struct slots *slots, uint64_t key, bool *is_new)
{
    size_t first = first_way(slots, key);
    size_t place = slots_find(slots, key);
    size_t i;

    *is_new = place == SLOTS_NONE;
    if (!*is_new) {
        return place;
    }
    for (i = first; i < first + WAYS; i++) {
        const struct slot *slot = &slots->items[i];

        if (!slot->is_pinned &&
            (slot->key == 0 || place == SLOTS_NONE || slot->busy_until < slots->items[place].busy_until)) {
            place = i;
        }
        if (slot->key == 0) {
            break;
        }
    }
    if (place != SLOTS_NONE) {
        slots->items[place] = (struct slot){.key = key};
    }
    return place;
}

void slots_free(struct slots *slots, size_t place)
{
    slots->items[place] = (struct slot){0};
}

bool bucket_has_room(lubdub_time used_to, lubdub_duration period, unsigned burst, lubdub_time now)
{
    return lubdub_time_between(now, used_to) <= (burst - 1) * period;
}

bool bucket_take(lubdub_time *used_to, lubdub_duration period, unsigned burst, lubdub_time now)
{
    if (!bucket_has_room(*used_to, period, burst, now)) {
        return false;
    }
    *used_to = lubdub_time_after(*used_to > now ? *used_to : now, period);
    return true;
}

void bucket_charge(lubdub_time *used_to, lubdub_duration period, unsigned burst, lubdub_time now)
{
    if (!bucket_take(used_to, period, burst, now)) {
        *used_to = lubdub_time_after(now, burst * period);
    }
}
