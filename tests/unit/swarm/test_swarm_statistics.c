/* Percentiles by nearest rank, against distributions of which they are known. */
#include "statistics/random.h"
#include "support/test.h"

#include <stdlib.h>

#include "statistics/summary.h"

static void percentile_is_the_value_of_nearest_rank(void **state)
{
    const lubdub_duration values[] = {15, 20, 35, 40, 50}; /* the textbook's example */

    (void)state;
    assert_int_equal(swarm_percentile(values, 5, 0.05), 15);
    assert_int_equal(swarm_percentile(values, 5, 0.30), 20);
    assert_int_equal(swarm_percentile(values, 5, 0.40), 20);
    assert_int_equal(swarm_percentile(values, 5, 0.50), 35);
    assert_int_equal(swarm_percentile(values, 5, 1.00), 50);
    assert_int_equal(swarm_percentile(values, 5, 0), 15);
    assert_int_equal(swarm_percentile(values, 1, 0.999), 15);
}

/* 0.07 times 100 is a hair over 7 in binary, and must not become rank 8. */
static void rank_is_not_one_too_high_where_binary_fractions_are(void **state)
{
    lubdub_duration values[1000];
    size_t i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        values[i] = i + 1;
    }
    for (i = 1; i <= 100; i++) {
        assert_int_equal(swarm_percentile(values, 100, (double)i / 100), i);
    }
    for (i = 1; i <= 1000; i++) {
        assert_int_equal(swarm_percentile(values, 1000, (double)i / 1000), i);
    }
}

static void summary_sorts_and_names_the_ranks(void **state)
{
    lubdub_duration values[1000];
    struct swarm_summary summary;
    size_t i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        values[i] = 1000 - i; /* 1000 down to 1 */
    }
    swarm_summarize(&summary, values, 1000);
    assert_int_equal(summary.count, 1000);
    assert_int_equal(summary.min, 1);
    assert_int_equal(summary.p50, 500);
    assert_int_equal(summary.p90, 900);
    assert_int_equal(summary.p99, 990);
    assert_int_equal(summary.p999, 999);
    assert_int_equal(summary.max, 1000);
    assert_int_equal(values[0], 1);
}

static void summary_of_nothing_is_all_zero(void **state)
{
    struct swarm_summary summary = {.max = 7};
    lubdub_duration none;
    static struct lubdub_histogram histogram;

    (void)state;
    swarm_summarize(&summary, &none, 0);
    assert_int_equal(summary.count, 0);
    assert_int_equal(summary.max, 0);
    swarm_histogram_summarize(&summary, &histogram);
    assert_int_equal(summary.count, 0);
    assert_int_equal(summary.p99, 0);
}

static void histogram_gives_nearly_the_same_as_the_values_themselves(void **state)
{
    static lubdub_duration values[20000];
    static struct lubdub_histogram histogram;
    uint64_t seed = 7;
    struct swarm_summary exact;
    struct swarm_summary rounded;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(values); i++) {
        /* from 50 us on, with a long tail */
        values[i] = 50000 + random_below(&seed, 100000) * (1 + random_below(&seed, 100) / 99 * 50);
        lubdub_histogram_add(&histogram, values[i]);
    }
    swarm_summarize(&exact, values, COUNT_OF(values));
    swarm_histogram_summarize(&rounded, &histogram);
    assert_int_equal(rounded.count, exact.count);
    assert_int_equal(rounded.min, exact.min);
    assert_int_equal(rounded.max, exact.max);
    assert_in_range(rounded.p50, exact.p50, exact.p50 + exact.p50 / 128);
    assert_in_range(rounded.p99, exact.p99, exact.p99 + exact.p99 / 128);
    assert_in_range(rounded.p999, exact.p999, exact.p999 + exact.p999 / 128);
}

static void histogram_takes_every_duration_there_is(void **state)
{
    static struct lubdub_histogram histogram;
    struct swarm_summary summary;
    unsigned shift;

    (void)state;
    for (shift = 0; shift < 64; shift++) {
        memset(&histogram, 0, sizeof histogram);
        lubdub_histogram_add(&histogram, UINT64_C(1) << shift);
        lubdub_histogram_add(&histogram, (UINT64_C(1) << shift) - 1);
        lubdub_histogram_add(&histogram, UINT64_MAX);
        swarm_histogram_summarize(&summary, &histogram);
        assert_true(summary.min == (UINT64_C(1) << shift) - 1);
        assert_true(summary.max == UINT64_MAX);
        assert_true(summary.p50 >= UINT64_C(1) << shift);
        assert_true(summary.p50 - (UINT64_C(1) << shift) <= (UINT64_C(1) << shift) / 128);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentile_is_the_value_of_nearest_rank),
        cmocka_unit_test(rank_is_not_one_too_high_where_binary_fractions_are),
        cmocka_unit_test(summary_sorts_and_names_the_ranks),
        cmocka_unit_test(summary_of_nothing_is_all_zero),
        cmocka_unit_test(histogram_takes_every_duration_there_is),
        cmocka_unit_test(histogram_gives_nearly_the_same_as_the_values_themselves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
