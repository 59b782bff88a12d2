/* What a path can be like: which of its two ways are closed, and how bad it is while it is open. */
#ifndef LUBDUB_SWARM_ORDERS_CONDITIONS_H
#define LUBDUB_SWARM_ORDERS_CONDITIONS_H

#include <stdint.h>

#include <lubdub/time.h>

enum swarm_way {
    SWARM_WAY_TO_SERVER,
    SWARM_WAY_TO_CLIENT,
    SWARM_WAY_COUNT,
};

#define SWARM_WAY_BIT(way) (1u << (way))
#define SWARM_NO_WAY 0u
#define SWARM_BOTH_WAYS (SWARM_WAY_BIT(SWARM_WAY_TO_SERVER) | SWARM_WAY_BIT(SWARM_WAY_TO_CLIENT))

/* How bad an open path is, each way by itself. Zeroed: not at all. */
struct swarm_conditions {
    double loss;               /* of all packets: 0 to 1 */
    lubdub_duration delay;     /* at most an hour; so is the jitter */
    lubdub_duration jitter;    /* the delay is so much more or less, all values alike; at most the delay */
    uint32_t bytes_per_second; /* 0: no limit */
};

#endif
