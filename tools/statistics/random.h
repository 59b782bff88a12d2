/* A run's choices: numbers that look random and are the same for the same seed everywhere (splitmix64). */
#ifndef LUBDUB_STATISTICS_RANDOM_H
#define LUBDUB_STATISTICS_RANDOM_H

#include <stdint.h>

struct swarm_random {
    uint64_t state; /* begins as the seed */
};

static inline uint64_t swarm_random_next(struct swarm_random *random)
{
    uint64_t z = (random->state += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 to count - 1; count is not 0. The bias of the modulus is beyond what any run could show. */
static inline uint64_t swarm_random_below(struct swarm_random *random, uint64_t count)
{
    return swarm_random_next(random) % count;
}

#endif
