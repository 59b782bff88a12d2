/* Keeps the packets in a binary heap of pointers, where a parent is never due after its children. */
#include "swarm/network/schedule.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024

void swarm_schedule_init(struct swarm_schedule *schedule, size_t byte_limit)
{
    *schedule = (struct swarm_schedule){.byte_limit = byte_limit};
}

void swarm_schedule_clear(struct swarm_schedule *schedule)
{
    while (schedule->count > 0) {
        free(schedule->parcels[--schedule->count]);
    }
    free(schedule->parcels);
    swarm_schedule_init(schedule, schedule->byte_limit);
}

static bool is_before(const struct swarm_parcel *one, const struct swarm_parcel *other)
{
    return one->due != other->due ? one->due < other->due : one->order < other->order;
}

static void rise(struct swarm_schedule *schedule, size_t place)
{
    struct swarm_parcel *parcel = schedule->parcels[place];

    while (place > 0 && is_before(parcel, schedule->parcels[(place - 1) / 2])) {
        schedule->parcels[place] = schedule->parcels[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    schedule->parcels[place] = parcel;
}

static void sink(struct swarm_schedule *schedule, size_t place)
{
    struct swarm_parcel *parcel = schedule->parcels[place];
    size_t child;

    for (child = 2 * place + 1; child < schedule->count; child = 2 * place + 1) {
        if (child + 1 < schedule->count && is_before(schedule->parcels[child + 1], schedule->parcels[child])) {
            child++;
        }
        if (!is_before(schedule->parcels[child], parcel)) {
            break;
        }
        schedule->parcels[place] = schedule->parcels[child];
        place = child;
    }
    schedule->parcels[place] = parcel;
}

static bool has_place(struct swarm_schedule *schedule)
{
    size_t capacity = schedule->capacity > 0 ? 2 * schedule->capacity : FIRST_CAPACITY;
    struct swarm_parcel **grown;

    if (schedule->count < schedule->capacity) {
        return true;
    }
    grown = realloc(schedule->parcels, capacity * sizeof(struct swarm_parcel *));
    if (grown == NULL) {
        return false;
    }
    schedule->parcels = grown;
    schedule->capacity = capacity;
    return true;
}

/* With its place in the heap. */
static size_t size_of(uint16_t length)
{
    return sizeof(struct swarm_parcel) + sizeof(struct swarm_parcel *) + length;
}

bool swarm_schedule_add(struct swarm_schedule *schedule, lubdub_time due, uint32_t path, uint8_t way,
                        const uint8_t *packet, uint16_t length)
{
    struct swarm_parcel *parcel;

    if (schedule->bytes + size_of(length) > schedule->byte_limit || !has_place(schedule)) {
        return false;
    }
    parcel = malloc(sizeof *parcel + length);
    if (parcel == NULL) {
        return false;
    }
    parcel->due = due;
    parcel->order = schedule->order++;
    parcel->path = path;
    parcel->way = way;
    parcel->length = length;
    memcpy(parcel->bytes, packet, length);
    schedule->bytes += size_of(length);
    schedule->parcels[schedule->count++] = parcel;
    rise(schedule, schedule->count - 1);
    return true;
}

lubdub_time swarm_schedule_next(const struct swarm_schedule *schedule)
{
    return schedule->count > 0 ? schedule->parcels[0]->due : LUBDUB_TIME_NEVER;
}

struct swarm_parcel *swarm_schedule_take(struct swarm_schedule *schedule, lubdub_time now)
{
    struct swarm_parcel *first;

    if (swarm_schedule_next(schedule) > now || schedule->count == 0) {
        return NULL;
    }
    first = schedule->parcels[0];
    schedule->bytes -= size_of(first->length);
    schedule->parcels[0] = schedule->parcels[--schedule->count];
    if (schedule->count > 0) {
        sink(schedule, 0);
    }
    return first;
}
