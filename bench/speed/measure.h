/* One phase of the load: what was done, what it cost, printed as a line of JSON. */
#ifndef LUBDUB_BENCH_SPEED_MEASURE_H
#define LUBDUB_BENCH_SPEED_MEASURE_H

#include "speed/connections.h"
#include "speed/pacing.h"
#include "speed/process.h"

struct speed_measure {
    const char *phase;
    const struct speed_processes *processes;
    lubdub_time began;
    lubdub_time ended; /* set by speed_measure_end(), unless it was before */
    struct speed_usage before;
    struct speed_usage after;
    lubdub_duration own_before; /* processor time of the generator */
    lubdub_duration own_after;
};

void speed_measure_begin(struct speed_measure *measure, const char *phase, const struct speed_processes *processes);
void speed_measure_end(struct speed_measure *measure);

/*
 * Prints the line. `done` is how many of whatever the phase is about were done: the processor time is divided by
 * it. Memory is the difference to `empty`, for each connection. behind may be NULL.
 */
void speed_measure_print(const struct speed_measure *measure, uint64_t done,
                         const struct speed_connections *connections, const struct speed_usage *empty,
                         const struct lubdub_histogram *behind);

#endif
