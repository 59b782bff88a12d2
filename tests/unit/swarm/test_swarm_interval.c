/* Confidence intervals against tables in print, and against what they promise: to be right so often. */
#include "statistics/random.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>

#include "statistics/interval.h"

#define ROUNDS 2000

static void expect_near(double value, double wanted, double tolerance)
{
    if (fabs(value - wanted) > tolerance) {
        fail_msg("%.6f is not %.6f", value, wanted);
    }
}

/* Half of the quantiles of chi-square, as Garwood and every table since give them. */
static void count_of_events_is_sure_within_garwoods_limits(void **state)
{
    static const struct {
        uint64_t count;
        double low;
        double high;
    } table[] = {
        {0, 0, 3.689},       {1, 0.0253, 5.572},   {2, 0.2422, 7.225},   {5, 1.623, 11.668},
        {10, 4.795, 18.390}, {20, 12.217, 30.888}, {50, 37.111, 65.919}, {100, 81.364, 121.627},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(table); i++) {
        struct swarm_interval interval = swarm_interval_of_count(table[i].count, 0.95);

        expect_near(interval.low, table[i].low, 0.001);
        expect_near(interval.high, table[i].high, 0.001);
    }
    expect_near(swarm_interval_of_count(0, 0.90).high, 2.996, 0.001); /* the rule of three */
    expect_near(swarm_interval_of_count(0, 0.99).high, 5.298, 0.001);
}

static void many_events_are_sure_within_two_roots(void **state)
{
    struct swarm_interval interval = swarm_interval_of_count(1000000, 0.95);

    (void)state;
    expect_near(interval.low, 1000000 - 1.96 * 1000, 5);
    expect_near(interval.high, 1000000 + 1.96 * 1000, 5);
}

/* For a sample of that size with mean 0 and a standard error of 1, the interval ends at the quantile. */
static double student(size_t count, double confidence)
{
    return swarm_interval_of_mean(0, sqrt((double)count), count, confidence).high;
}

static void mean_is_sure_within_students_limits(void **state)
{
    (void)state;
    expect_near(student(2, 0.95), 12.706, 0.001);
    expect_near(student(3, 0.95), 4.303, 0.001);
    expect_near(student(4, 0.95), 3.182, 0.001);
    expect_near(student(6, 0.95), 2.571, 0.001);
    expect_near(student(11, 0.95), 2.228, 0.001);
    expect_near(student(31, 0.95), 2.042, 0.001);
    expect_near(student(121, 0.95), 1.980, 0.001);
    expect_near(student(100000, 0.95), 1.960, 0.001);
    expect_near(student(11, 0.99), 3.169, 0.001);
    expect_near(student(11, 0.90), 1.812, 0.001);
}

static void one_value_says_nothing_of_a_mean(void **state)
{
    struct swarm_interval interval = swarm_interval_of_mean(7, 0, 1, 0.95);

    (void)state;
    assert_true(interval.low <= 0 && isinf(interval.high));
    assert_true(isinf(swarm_interval_of_mean(0, 0, 0, 0.95).high));
}

static void expect_ranks(size_t count, double share, size_t low, size_t high)
{
    struct swarm_ranks ranks = swarm_interval_of_quantile(count, share, 0.95);

    assert_int_equal(ranks.low, low);
    assert_int_equal(ranks.high, high);
}

static void median_lies_between_the_ranks_of_the_sign_test(void **state)
{
    (void)state;
    expect_ranks(5, 0.5, 0, 6); /* five values are too few for 95 % */
    expect_ranks(6, 0.5, 1, 6);
    expect_ranks(10, 0.5, 2, 9);
    expect_ranks(20, 0.5, 6, 15);
    expect_ranks(100, 0.5, 40, 61);
}

static void high_quantile_of_few_values_has_no_upper_end(void **state)
{
    (void)state;
    assert_int_equal(swarm_interval_of_quantile(100, 0.99, 0.95).high, 101);
    assert_int_equal(swarm_interval_of_quantile(367, 0.99, 0.95).high, 368);
    assert_int_equal(swarm_interval_of_quantile(368, 0.99, 0.95).high, 368); /* 0.99^368 is just below 2.5 % */
    assert_int_equal(swarm_interval_of_quantile(0, 0.5, 0.95).low, 0);
    assert_int_equal(swarm_interval_of_quantile(0, 0.5, 0.95).high, 1);
}

/* ---- what they promise ---- */

static double uniform(uint64_t *seed)
{
    return ((double)(random_next(seed) >> 11) + 0.5) / 9007199254740992.0;
}

static double exponential(uint64_t *seed)
{
    return -log(uniform(seed));
}

static uint64_t poisson(uint64_t *seed, double expected)
{
    uint64_t count = 0;
    double left = expected;

    while ((left -= exponential(seed)) > 0) {
        count++;
    }
    return count;
}

static void expect_share(unsigned right, double least, double most)
{
    double share = (double)right / ROUNDS;

    if (share < least || share > most) {
        fail_msg("right in %.1f %% of all cases", share * 100);
    }
}

static void true_rate_is_inside_at_least_as_often_as_promised(void **state)
{
    static const double rates[] = {0.5, 3, 20};
    uint64_t seed = 1;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(rates); i++) {
        unsigned right = 0;
        unsigned round;

        for (round = 0; round < ROUNDS; round++) {
            struct swarm_interval interval = swarm_interval_of_count(poisson(&seed, rates[i]), 0.95);

            right += interval.low <= rates[i] && rates[i] <= interval.high;
        }
        expect_share(right, 0.945, 1);
    }
}

static void true_mean_is_inside_as_often_as_promised(void **state)
{
    uint64_t seed = 2;
    unsigned right = 0;
    unsigned round;

    (void)state;
    for (round = 0; round < ROUNDS; round++) {
        uint64_t values[12];
        struct swarm_interval interval;
        double deviation;
        double mean;
        size_t i;

        for (i = 0; i < COUNT_OF(values); i++) {
            values[i] = random_below(&seed, 2000001);
        }
        swarm_mean(values, COUNT_OF(values), &mean, &deviation);
        interval = swarm_interval_of_mean(mean, deviation, COUNT_OF(values), 0.95);
        right += interval.low <= 1e6 && 1e6 <= interval.high;
    }
    expect_share(right, 0.935, 0.965);
}

static int smaller_first(const void *one, const void *other)
{
    const double *a = one;
    const double *b = other;

    return *a < *b ? -1 : *a > *b;
}

static void true_quantile_is_between_the_ranks_as_often_as_promised(void **state)
{
    static const double shares[] = {0.5, 0.9, 0.99};
    double values[500];
    uint64_t seed = 3;
    size_t k;

    (void)state;
    for (k = 0; k < COUNT_OF(shares); k++) {
        double truth = -log(1 - shares[k]); /* of the exponential distribution */
        struct swarm_ranks ranks = swarm_interval_of_quantile(COUNT_OF(values), shares[k], 0.95);
        unsigned right = 0;
        unsigned round;
        size_t i;

        assert_in_range(ranks.low, 1, COUNT_OF(values));
        assert_in_range(ranks.high, ranks.low + 1, COUNT_OF(values));
        for (round = 0; round < ROUNDS; round++) {
            for (i = 0; i < COUNT_OF(values); i++) {
                values[i] = exponential(&seed);
            }
            qsort(values, COUNT_OF(values), sizeof *values, smaller_first);
            right += values[ranks.low - 1] <= truth && truth <= values[ranks.high - 1];
        }
        expect_share(right, 0.94, 0.99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(count_of_events_is_sure_within_garwoods_limits),
        cmocka_unit_test(many_events_are_sure_within_two_roots),
        cmocka_unit_test(mean_is_sure_within_students_limits),
        cmocka_unit_test(one_value_says_nothing_of_a_mean),
        cmocka_unit_test(median_lies_between_the_ranks_of_the_sign_test),
        cmocka_unit_test(high_quantile_of_few_values_has_no_upper_end),
        cmocka_unit_test(true_rate_is_inside_at_least_as_often_as_promised),
        cmocka_unit_test(true_mean_is_inside_as_often_as_promised),
        cmocka_unit_test(true_quantile_is_between_the_ranks_as_often_as_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
