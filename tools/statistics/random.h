/*
 * Numbers that look random and are the same for the same seed everywhere (splitmix64): for the swarm, the simulator,
 * the benchmarks and the tests. A state is one number and begins as the seed.
 */
#ifndef LUBDUB_STATISTICS_RANDOM_H
#define LUBDUB_STATISTICS_RANDOM_H

#include <stdint.h>

/* One number made of another, with no order between them that shows. */
static inline uint64_t random_mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint64_t random_next(uint64_t *state)
{
    return random_mix(*state += 0x9e3779b97f4a7c15u);
}

/* 0 to count - 1; count is not 0. The bias of the modulus is beyond what any run could show. */
static inline uint64_t random_below(uint64_t *state, uint64_t count)
{
    return random_next(state) % count;
}

/* low to high, both included. */
static inline uint64_t random_between(uint64_t *state, uint64_t low, uint64_t high)
{
    return low + random_below(state, high - low + 1);
}

#endif
