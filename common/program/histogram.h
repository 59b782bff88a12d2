/*
 * Durations in bounded memory: the least and the most exactly, percentiles to one part in 32. Pure.
 *
 * A histogram of which the buckets grow with what they count: 32 for every power of two (as HdrHistogram does).
 */
#ifndef LUBDUB_PROGRAM_HISTOGRAM_H
#define LUBDUB_PROGRAM_HISTOGRAM_H

#include <stdint.h>

#include <lubdub/time.h>

#define LUBDUB_HISTOGRAM_STEP_BITS 5
#define LUBDUB_HISTOGRAM_STEPS (1u << LUBDUB_HISTOGRAM_STEP_BITS)
#define LUBDUB_HISTOGRAM_BUCKETS ((64u - LUBDUB_HISTOGRAM_STEP_BITS + 1u) * LUBDUB_HISTOGRAM_STEPS)

/* Zeroed: nothing counted. */
struct lubdub_histogram {
    uint64_t count;
    lubdub_duration least;
    lubdub_duration most;
    uint64_t buckets[LUBDUB_HISTOGRAM_BUCKETS];
};

void lubdub_histogram_add(struct lubdub_histogram *histogram, lubdub_duration duration);

/*
 * The duration that so many percent (0 to 100) were not longer than; the upper end of its bucket, but never more than
 * the longest. 0 where nothing was counted.
 */
lubdub_duration lubdub_histogram_percentile(const struct lubdub_histogram *histogram, double percent);

#endif
