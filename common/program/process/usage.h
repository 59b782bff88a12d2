/* Reads how much processor time and memory a process uses, from /proc. */
#ifndef LUBDUB_PROGRAM_PROCESS_USAGE_H
#define LUBDUB_PROGRAM_PROCESS_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <lubdub/time.h>

struct lubdub_usage {
    lubdub_duration processor; /* of all threads, exact to the nanosecond */
    uint64_t resident;         /* bytes, without what it shares: the pages of programs, libraries and shared memory */
};

/* False: there is no such process, or no such /proc. */
bool lubdub_usage_read(struct lubdub_usage *usage, pid_t process);

#endif
