/*
 * Durations in bounded memory: the least and the most exactly, percentiles to one part in 128, since a goal may be a
 * ratio of a few percent. Pure.
 *
 * A histogram of which the buckets grow with what they count: 128 for every power of two (as HdrHistogram does), from a
 * nanosecond to centuries, 58 KiB.
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

/* What `later` has beyond `earlier`, which it was itself before: least and most are then exact only to their bucket. */
void lubdub_histogram_add_difference(struct lubdub_histogram *histogram, const struct lubdub_histogram *later,
                                     const struct lubdub_histogram *earlier);

/* All that the other one has. */
void lubdub_histogram_add_all(struct lubdub_histogram *histogram, const struct lubdub_histogram *other);

/*
 * The duration that so many percent (0 to 100) were not longer than; the upper end of its bucket, but never more than
 * the longest. 0 where nothing was counted.
 */
lubdub_duration lubdub_histogram_percentile(const struct lubdub_histogram *histogram, double percent);

#endif
