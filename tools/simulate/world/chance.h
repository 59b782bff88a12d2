/* Draws the simulator's random numbers: the same seed gives the same numbers everywhere. */
#ifndef LUBDUB_SIMULATE_WORLD_CHANCE_H
#define LUBDUB_SIMULATE_WORLD_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "statistics/random.h"

/* A number depends only on its place in the sequence, so drawing one number changes no other. */
static inline uint64_t sim_mix(uint64_t z)
{
    return random_mix(z);
}

struct sim_random {
    uint64_t state; /* begins as the seed */
};

static inline uint64_t sim_random_next(struct sim_random *random)
{
    return random_next(&random->state);
}

static inline uint64_t sim_random_below(struct sim_random *random, uint64_t count)
{
    return random_below(&random->state, count);
}

static inline uint64_t sim_random_between(struct sim_random *random, uint64_t least, uint64_t most)
{
    return random_between(&random->state, least, most);
}

/* A share of all cases in 2^-32: SIM_SHARE(1, 1000) is one in a thousand. */
#define SIM_SHARE(part, whole) ((uint32_t)((uint64_t)(part)*UINT32_MAX / (whole)))

static inline bool sim_random_is(struct sim_random *random, uint32_t share)
{
    return (uint32_t)(sim_random_next(random) >> 32) < share;
}

#endif
