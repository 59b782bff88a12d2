/*
 * Counts durations in 17 buckets with fixed bounds, from 0.1 ms to 10 s and beyond. One thread adds; any thread may
 * read, and gets numbers that may be one addition apart.
 */
#ifndef LUBDUB_EV_BUCKETS_H
#define LUBDUB_EV_BUCKETS_H

#include <stdatomic.h>
#include <stdint.h>

#include <lubdub/time.h>

#define LUBDUB_BUCKET_BOUNDS 16

/* The longest duration of each bucket but the last, which has no bound. */
extern const lubdub_duration lubdub_bucket_bounds[LUBDUB_BUCKET_BOUNDS];

/* Zeroed: nothing counted. */
struct lubdub_buckets {
    _Atomic uint64_t counts[LUBDUB_BUCKET_BOUNDS + 1];
    _Atomic lubdub_duration sum;
};

void lubdub_buckets_add(struct lubdub_buckets *buckets, lubdub_duration duration);

#endif
