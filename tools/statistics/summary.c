/* Sorts durations and takes the values of their ranks. */
#include "statistics/summary.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int smaller_first(const void *one, const void *other)
{
    const lubdub_duration *a = one;
    const lubdub_duration *b = other;

    return *a < *b ? -1 : *a > *b;
}

/* Rounded up, 1 to count. The product may lie a hair over the whole number that it should be. */
static uint64_t rank_of(uint64_t count, double share)
{
    double exact = share * (double)count - 1e-9;
    uint64_t rank = exact > 0 ? (uint64_t)exact + 1 : 1;

    return rank < count ? rank : count;
}

lubdub_duration swarm_percentile(const lubdub_duration *sorted, size_t count, double share)
{
    assert(count > 0);
    return sorted[rank_of(count, share) - 1];
}

void swarm_sort(lubdub_duration *durations, size_t count)
{
    qsort(durations, count, sizeof *durations, smaller_first);
}

void swarm_summarize(struct swarm_summary *summary, lubdub_duration *durations, size_t count)
{
    memset(summary, 0, sizeof *summary);
    if (count == 0) {
        return;
    }
    swarm_sort(durations, count);
    *summary = (struct swarm_summary){
        .count = count,
        .min = durations[0],
        .p50 = swarm_percentile(durations, count, 0.5),
        .p90 = swarm_percentile(durations, count, 0.9),
        .p99 = swarm_percentile(durations, count, 0.99),
        .p999 = swarm_percentile(durations, count, 0.999),
        .max = durations[count - 1],
    };
}

void swarm_histogram_summarize(struct swarm_summary *summary, const struct lubdub_histogram *histogram)
{
    memset(summary, 0, sizeof *summary);
    if (histogram->count == 0) {
        return;
    }
    *summary = (struct swarm_summary){
        .count = histogram->count,
        .min = histogram->least,
        .p50 = lubdub_histogram_percentile(histogram, 50),
        .p90 = lubdub_histogram_percentile(histogram, 90),
        .p99 = lubdub_histogram_percentile(histogram, 99),
        .p999 = lubdub_histogram_percentile(histogram, 99.9),
        .max = histogram->most,
    };
}
