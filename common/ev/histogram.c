/* Counts durations in buckets, and finds the bucket of a percentile. */
#include "ev/histogram.h"

#include <stddef.h>

/* Below 2 * STEPS each value has a bucket of its own; above, each power of two has STEPS of them. */
static size_t bucket_of(lubdub_duration value)
{
    unsigned shift = 0;

    if (value >= LUBDUB_HISTOGRAM_STEPS) {
        shift = 63u - (unsigned)__builtin_clzll(value) - LUBDUB_HISTOGRAM_STEP_BITS;
    }
    return (size_t)shift * LUBDUB_HISTOGRAM_STEPS + (size_t)(value >> shift);
}

/* The largest value that falls into the bucket. */
static lubdub_duration end_of(size_t bucket)
{
    unsigned shift = bucket < 2 * LUBDUB_HISTOGRAM_STEPS ? 0 : (unsigned)(bucket / LUBDUB_HISTOGRAM_STEPS) - 1;
    uint64_t step = bucket - (size_t)shift * LUBDUB_HISTOGRAM_STEPS;

    return (step << shift) + ((UINT64_C(1) << shift) - 1);
}

static void add_many(struct lubdub_histogram *histogram, size_t bucket, uint64_t count, lubdub_duration low,
                     lubdub_duration high)
{
    if (histogram->count == 0 || low < histogram->least) {
        histogram->least = low;
    }
    if (high > histogram->most) {
        histogram->most = high;
    }
    histogram->count += count;
    histogram->buckets[bucket] += count;
}

void lubdub_histogram_add(struct lubdub_histogram *histogram, lubdub_duration duration)
{
    add_many(histogram, bucket_of(duration), 1, duration, duration);
}

void lubdub_histogram_add_difference(struct lubdub_histogram *histogram, const struct lubdub_histogram *later,
                                     const struct lubdub_histogram *earlier)
{
    size_t i;

    for (i = 0; later->count > earlier->count && i < LUBDUB_HISTOGRAM_BUCKETS; i++) {
        lubdub_duration low = i > 0 ? end_of(i - 1) + 1 : 0;
        lubdub_duration high = end_of(i);

        if (later->buckets[i] > earlier->buckets[i]) {
            add_many(histogram, i, later->buckets[i] - earlier->buckets[i], low > later->least ? low : later->least,
                     high < later->most ? high : later->most);
        }
    }
}

void lubdub_histogram_add_all(struct lubdub_histogram *histogram, const struct lubdub_histogram *other)
{
    size_t i;

    for (i = 0; other->count > 0 && i < LUBDUB_HISTOGRAM_BUCKETS; i++) {
        if (other->buckets[i] > 0) {
            add_many(histogram, i, other->buckets[i], other->least, other->most);
        }
    }
}

/* A product of percent and count may lie a hair over the whole number that it should be. */
lubdub_duration lubdub_histogram_percentile(const struct lubdub_histogram *histogram, double percent)
{
    double wanted = (double)histogram->count * percent / 100 - 1e-9;
    uint64_t seen = 0;
    size_t i;

    for (i = 0; i < LUBDUB_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= wanted) {
            return end_of(i) < histogram->most ? end_of(i) : histogram->most;
        }
    }
    return histogram->most;
}
