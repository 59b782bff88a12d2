/*
 * Counts durations in bounded memory: the least and the most exactly, percentiles to one part in 128, since a goal may
 * be a ratio of a few percent. Pure.
 *
 * The buckets of the histogram grow with the durations that they count: 128 for every power of two (as HdrHistogram
 * does), from a nanosecond to centuries, 58 KiB.
 */
#ifndef LUBDUB_EV_HISTOGRAM_H
#define LUBDUB_EV_HISTOGRAM_H

#include <stdint.h>

#include <lubdub/time.h>

#define LUBDUB_HISTOGRAM_STEP_BITS 7
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

/* What was counted between `earlier` and `later`, two states of one histogram; least and most are exact only to their
 * bucket. */
void lubdub_histogram_add_difference(struct lubdub_histogram *histogram, const struct lubdub_histogram *later,
                                     const struct lubdub_histogram *earlier);

/* Adds all that the other histogram has counted. */
void lubdub_histogram_add_all(struct lubdub_histogram *histogram, const struct lubdub_histogram *other);

/*
 * The percentile: so many percent (0 to 100) of the durations were not longer. It is the upper end of a bucket, but
 * never more than the longest duration. 0 where nothing was counted.
 */
lubdub_duration lubdub_histogram_percentile(const struct lubdub_histogram *histogram, double percent);

#endif
