/* From many durations to the few that are shown. Pure. */
#ifndef LUBDUB_SWARM_STATISTICS_H
#define LUBDUB_SWARM_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

struct swarm_summary {
    size_t count; /* 0: the rest is 0 and means nothing */
    lubdub_duration min;
    lubdub_duration p50;
    lubdub_duration p90;
    lubdub_duration p99;
    lubdub_duration p999;
    lubdub_duration max;
};

/* The value of nearest rank: the smallest one that at least `share` of all do not exceed. Sorted, not empty. */
lubdub_duration swarm_percentile(const lubdub_duration *sorted, size_t count, double share);

void swarm_sort(lubdub_duration *durations, size_t count);

/* Sorts the durations. */
void swarm_summarize(struct swarm_summary *summary, lubdub_duration *durations, size_t count);

/*
 * For more values than one wants to keep: buckets each at most 1/128 of their values wide, from a nanosecond to
 * centuries, 58 KiB. Finer than program/histogram.h, since goals here are ratios of a few percent.
 */
#define SWARM_BUCKETS_PER_OCTAVE 128
#define SWARM_OCTAVES 58 /* the first counts by ones */

struct swarm_histogram {
    uint64_t count;
    lubdub_duration min;
    lubdub_duration max;
    uint64_t buckets[SWARM_OCTAVES * SWARM_BUCKETS_PER_OCTAVE];
};

/* Zeroed: empty. */
void swarm_histogram_add(struct swarm_histogram *histogram, lubdub_duration duration);

/* What `later` has beyond `earlier`, which it was itself before, or all of another one. Its min and max are exact only
 * to their bucket. */
void swarm_histogram_add_difference(struct swarm_histogram *histogram, const struct swarm_histogram *later,
                                    const struct swarm_histogram *earlier);
void swarm_histogram_add_all(struct swarm_histogram *histogram, const struct swarm_histogram *other);

/* Percentiles are those of the buckets' upper ends, never beyond the largest value; min and max are exact. */
void swarm_histogram_summarize(struct swarm_summary *summary, const struct swarm_histogram *histogram);

#endif
