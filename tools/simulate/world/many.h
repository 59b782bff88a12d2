/* Runs many seeds, some at a time, and adds up their results. The order in which they are run changes nothing. */
#ifndef LUBDUB_SIMULATE_WORLD_MANY_H
#define LUBDUB_SIMULATE_WORLD_MANY_H

#include <stdatomic.h>

#include "simulate/world/simulate.h"

struct sim_failure {
    uint64_t seed;
    lubdub_time at;
    char problem[SIM_PROBLEM_SIZE];
};

#define SIM_FAILURES_KEPT 16

struct sim_sum {
    uint64_t seeds;
    uint64_t failed;
    struct sim_failure failures[SIM_FAILURES_KEPT]; /* of the lowest seeds */
    size_t failure_count;
    struct sim_result total; /* counts added up, detections side by side in the order of seeds; of digests one of all */
};

/*
 * Runs the seeds from first to last, up to `jobs` at a time, each with these settings but for the seed. Once *stop is
 * not 0, which a signal's handler may do, no further seed begins, and the sum is of the seeds before; NULL: never.
 * False: threads could not be started.
 */
bool sim_run_many(const struct sim_settings *settings, uint64_t first, uint64_t last, unsigned jobs,
                  const atomic_int *stop, struct sim_sum *sum);

void sim_sum_clear(struct sim_sum *sum);

#endif
