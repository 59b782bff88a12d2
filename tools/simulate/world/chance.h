/* Numbers that look random and are the same for the same seed everywhere (splitmix64). */
#ifndef LUBDUB_SIMULATE_WORLD_CHANCE_H
#define LUBDUB_SIMULATE_WORLD_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

/* A number's place in the sequence decides what it is, so who asks for another one changes nobody else's. */
static inline uint64_t sim_mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

struct sim_random {
    uint64_t state; /* begins as the seed */
};

static inline uint64_t sim_random_next(struct sim_random *random)
{
    return sim_mix(random->state += 0x9e3779b97f4a7c15u);
}

/* 0 to count - 1; count is not 0. The bias of the modulus is beyond what any run could show. */
static inline uint64_t sim_random_below(struct sim_random *random, uint64_t count)
{
    return sim_random_next(random) % count;
}

static inline uint64_t sim_random_between(struct sim_random *random, uint64_t least, uint64_t most)
{
    return least + sim_random_below(random, most - least + 1);
}

/* A share of all cases in 2^-32: SIM_SHARE(1, 1000) is one in a thousand. */
#define SIM_SHARE(part, whole) ((uint32_t)((uint64_t)(part)*UINT32_MAX / (whole)))

static inline bool sim_random_is(struct sim_random *random, uint32_t share)
{
    return (uint32_t)(sim_random_next(random) >> 32) < share;
}

#endif
