/*
 * Packets under way, each with the moment at which it is due; the first due comes out first, and of those due at the
 * same moment the one that went in first. Bounded. Pure: a binary heap, in any time that one likes.
 */
#ifndef LUBDUB_SWARM_NETWORK_SCHEDULE_H
#define LUBDUB_SWARM_NETWORK_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

/* What the packet's bytes stand behind. */
struct swarm_parcel {
    lubdub_time due;
    uint64_t order; /* of going in; the schedule's own */
    uint32_t path;
    uint16_t length;
    uint8_t way; /* enum swarm_way */
    uint8_t bytes[];
};

struct swarm_schedule {
    struct swarm_parcel **parcels;
    size_t count;
    size_t capacity;
    size_t bytes;      /* that all parcels together take */
    size_t byte_limit; /* as given */
    uint64_t order;
};

/* Holds nothing yet, and never more than about so many bytes. */
void swarm_schedule_init(struct swarm_schedule *schedule, size_t byte_limit);
void swarm_schedule_clear(struct swarm_schedule *schedule);

/* Copies the packet. False: no room, or no memory; then nothing has changed. */
bool swarm_schedule_add(struct swarm_schedule *schedule, lubdub_time due, uint32_t path, uint8_t way,
                        const uint8_t *packet, uint16_t length);

/* When the first is due; LUBDUB_TIME_NEVER: there is none. */
lubdub_time swarm_schedule_next(const struct swarm_schedule *schedule);

/* Takes the first one out if it is due, else NULL. The caller frees it. */
struct swarm_parcel *swarm_schedule_take(struct swarm_schedule *schedule, lubdub_time now);

#endif
