/*
 * Who probes when: each connection once an interval, at a moment of its own that does not depend on its number. What is
 * late is sent at once and never left out, so that a slow server cannot make the load smaller.
 */
#ifndef LUBDUB_BENCH_SPEED_PACING_H
#define LUBDUB_BENCH_SPEED_PACING_H

#include <stdint.h>

#include <lubdub/time.h>

#include "speed/connections.h"

struct speed_turn {
    lubdub_duration phase; /* within the interval */
    uint32_t connection;
};

struct speed_pacing {
    struct speed_turn *turns; /* by phase */
    uint32_t count;
    uint32_t next;
    lubdub_duration interval;
    lubdub_time cycle_began;
    struct lubdub_histogram behind; /* how late the generator itself was */
};

void speed_pacing_init(struct speed_pacing *pacing, uint32_t count, lubdub_duration interval, uint64_t seed);
void speed_pacing_clear(struct speed_pacing *pacing);

/* The first interval begins now. */
void speed_pacing_start(struct speed_pacing *pacing);

/* Probes and takes answers until then. */
void speed_pacing_run(struct speed_pacing *pacing, struct speed_connections *connections, lubdub_time until);

#endif
