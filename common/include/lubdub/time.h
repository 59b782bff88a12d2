/*
 * Counts time for the whole toolkit: nanoseconds in 64 bits, on a clock that never goes back.
 *
 * The core is told what time it is and never asks. Any origin will do as long as it is the same for
 * one session's whole life; the adapters use CLOCK_MONOTONIC.
 */
#ifndef LUBDUB_TIME_H
#define LUBDUB_TIME_H

#include <stdint.h>

typedef uint64_t lubdub_time;     /* a point in time */
typedef uint64_t lubdub_duration; /* a length of time */

#define LUBDUB_MICROSECOND ((lubdub_duration)1000)
#define LUBDUB_MILLISECOND ((lubdub_duration)1000000)
#define LUBDUB_SECOND ((lubdub_duration)1000000000)
#define LUBDUB_MINUTE (60 * LUBDUB_SECOND)
#define LUBDUB_HOUR (60 * LUBDUB_MINUTE)

/* Later than every point in time: the deadline of something that waits for nothing. */
#define LUBDUB_TIME_NEVER UINT64_MAX

/* The point `length` after `start`. Saturates at LUBDUB_TIME_NEVER. */
static inline lubdub_time lubdub_time_after(lubdub_time start, lubdub_duration length)
{
    return start > LUBDUB_TIME_NEVER - length ? LUBDUB_TIME_NEVER : start + length;
}

/* How long it is from `start` to `end`; 0 where `end` is not later. */
static inline lubdub_duration lubdub_time_between(lubdub_time start, lubdub_time end)
{
    return end > start ? end - start : 0;
}

static inline lubdub_time lubdub_time_earlier(lubdub_time one, lubdub_time other)
{
    return one < other ? one : other;
}

static inline lubdub_duration lubdub_duration_shorter(lubdub_duration one, lubdub_duration other)
{
    return one < other ? one : other;
}

static inline lubdub_duration lubdub_duration_longer(lubdub_duration one, lubdub_duration other)
{
    return one > other ? one : other;
}

/* Limits a length to the range from `least` to `most`; `least` is not longer than `most`. */
static inline lubdub_duration lubdub_duration_clamp(lubdub_duration duration, lubdub_duration least,
                                                    lubdub_duration most)
{
    return lubdub_duration_shorter(lubdub_duration_longer(duration, least), most);
}

#endif
