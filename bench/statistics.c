/* Ranks and buckets. */
#include "statistics.h"

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

/*
 * Below 128 a bucket for each number. Above, the number's highest eight bits choose: the first of them is always set,
 * the seven others are the place within its octave.
 */
static size_t bucket_of(lubdub_duration duration)
{
    unsigned shift;

    if (duration < SWARM_BUCKETS_PER_OCTAVE) {
        return duration;
    }
    shift = 63 - (unsigned)__builtin_clzll(duration) - 7;
    return (size_t)(shift + 1) * SWARM_BUCKETS_PER_OCTAVE + (duration >> shift) - SWARM_BUCKETS_PER_OCTAVE;
}

/* The largest number that falls into it. */
static lubdub_duration bucket_end(size_t bucket)
{
    size_t octave = bucket / SWARM_BUCKETS_PER_OCTAVE;
    lubdub_duration place = bucket % SWARM_BUCKETS_PER_OCTAVE;

    if (octave == 0) {
        return place;
    }
    return ((SWARM_BUCKETS_PER_OCTAVE + place + 1) << (octave - 1)) - 1;
}

void swarm_histogram_add(struct swarm_histogram *histogram, lubdub_duration duration)
{
    if (histogram->count == 0 || duration < histogram->min) {
        histogram->min = duration;
    }
    if (duration > histogram->max) {
        histogram->max = duration;
    }
    histogram->count++;
    histogram->buckets[bucket_of(duration)]++;
}

static void add_many(struct swarm_histogram *histogram, size_t bucket, uint64_t count, lubdub_duration low,
                     lubdub_duration high)
{
    if (histogram->count == 0 || low < histogram->min) {
        histogram->min = low;
    }
    if (high > histogram->max) {
        histogram->max = high;
    }
    histogram->count += count;
    histogram->buckets[bucket] += count;
}

void swarm_histogram_add_difference(struct swarm_histogram *histogram, const struct swarm_histogram *later,
                                    const struct swarm_histogram *earlier)
{
    size_t i;

    for (i = 0; later->count > earlier->count && i < SWARM_OCTAVES * SWARM_BUCKETS_PER_OCTAVE; i++) {
        lubdub_duration low = i > 0 ? bucket_end(i - 1) + 1 : 0;
        lubdub_duration high = bucket_end(i);

        if (later->buckets[i] > earlier->buckets[i]) {
            add_many(histogram, i, later->buckets[i] - earlier->buckets[i], low > later->min ? low : later->min,
                     high < later->max ? high : later->max);
        }
    }
}

void swarm_histogram_add_all(struct swarm_histogram *histogram, const struct swarm_histogram *other)
{
    size_t i;

    for (i = 0; other->count > 0 && i < SWARM_OCTAVES * SWARM_BUCKETS_PER_OCTAVE; i++) {
        if (other->buckets[i] > 0) {
            add_many(histogram, i, other->buckets[i], other->min, other->max);
        }
    }
}

static lubdub_duration histogram_percentile(const struct swarm_histogram *histogram, double share)
{
    uint64_t left = rank_of(histogram->count, share);
    size_t bucket = 0;
    lubdub_duration end;

    while (histogram->buckets[bucket] < left) {
        left -= histogram->buckets[bucket++];
    }
    end = bucket_end(bucket);
    return end < histogram->max ? end : histogram->max;
}

void swarm_histogram_summarize(struct swarm_summary *summary, const struct swarm_histogram *histogram)
{
    memset(summary, 0, sizeof *summary);
    if (histogram->count == 0) {
        return;
    }
    *summary = (struct swarm_summary){
        .count = histogram->count,
        .min = histogram->min,
        .p50 = histogram_percentile(histogram, 0.5),
        .p90 = histogram_percentile(histogram, 0.9),
        .p99 = histogram_percentile(histogram, 0.99),
        .p999 = histogram_percentile(histogram, 0.999),
        .max = histogram->max,
    };
}
