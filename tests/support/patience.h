/* Sets how long tests wait for an expected event, and how they measure that time. */
#ifndef LUBDUB_TESTS_SUPPORT_PATIENCE_H
#define LUBDUB_TESTS_SUPPORT_PATIENCE_H

#include <time.h>

#include <lubdub/time.h>

/* For anything that is to come "at once", on a loaded machine under sanitizers. */
#define PATIENCE (20 * LUBDUB_SECOND)

/* What a verdict may come after its bound, on such a machine. */
#define SLACK (3 * LUBDUB_SECOND)

/* For how much longer than an interval a peer may have been silent when a fault comes: such a machine holds it up. */
#define HELD_UP (500 * LUBDUB_MILLISECOND)

static inline lubdub_time now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * LUBDUB_SECOND + (uint64_t)time.tv_nsec;
}

/* For what the test itself does to the programs: a stop of this length. Never to wait for something. */
static inline void stay(lubdub_duration length)
{
    struct timespec time = {.tv_sec = (time_t)(length / LUBDUB_SECOND), .tv_nsec = (long)(length % LUBDUB_SECOND)};

    while (nanosleep(&time, &time) != 0) {
    }
}

/* Milliseconds until then, for poll. */
static inline int poll_time(lubdub_time until)
{
    return (int)((lubdub_time_between(now(), until) + LUBDUB_MILLISECOND - 1) / LUBDUB_MILLISECOND);
}

#endif
