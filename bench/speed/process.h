/* What the processes under load cost, as /proc tells it. */
#ifndef LUBDUB_BENCH_SPEED_PROCESS_H
#define LUBDUB_BENCH_SPEED_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include <lubdub/time.h>

#define SPEED_PROCESSES_LIMIT 64

struct speed_processes {
    pid_t ids[SPEED_PROCESSES_LIMIT];
    unsigned count;
};

/* Sums over all of them. */
struct speed_usage {
    lubdub_duration processor; /* of all threads, exact */
    lubdub_duration user;      /* its two parts, told apart by the tick: right on the average only */
    lubdub_duration system;
    uint64_t resident; /* bytes, from smaps_rollup: exact, and slow to read */
    uint64_t kernel;   /* bytes of the whole machine's slab: sockets and what belongs to them, both ends */
};

void speed_usage_read(struct speed_usage *usage, const struct speed_processes *processes);

/* Waits until the processes have nothing to do, at most two seconds. */
void speed_processes_rest(const struct speed_processes *processes);

#endif
