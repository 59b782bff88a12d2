/* The few figures that are shown of many durations: least, most, and percentiles between. Pure. */
#ifndef LUBDUB_STATISTICS_SUMMARY_H
#define LUBDUB_STATISTICS_SUMMARY_H

#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "ev/histogram.h"

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

/* Percentiles are those of the buckets' upper ends, never beyond the largest value; min and max are exact. */
void swarm_histogram_summarize(struct swarm_summary *summary, const struct lubdub_histogram *histogram);

#endif
