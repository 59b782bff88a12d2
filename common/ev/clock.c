/* Reads the kernel's clocks. */
#include "ev/clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec time;

    clock_gettime(id, &time);
    return (uint64_t)time.tv_sec * LUBDUB_SECOND + (uint64_t)time.tv_nsec;
}

lubdub_time lubdub_clock_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t lubdub_clock_realtime(void)
{
    return read_clock(CLOCK_REALTIME);
}

lubdub_duration lubdub_clock_worked(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
