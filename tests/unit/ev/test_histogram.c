/* Percentiles in bounded memory. */
#include "support/test.h"

#include "ev/histogram.h"
#include "statistics/random.h"

static int make(void **state)
{
    static struct lubdub_histogram histogram;

    memset(&histogram, 0, sizeof histogram);
    *state = &histogram;
    return 0;
}

static void nothing_counted_has_no_percentile(void **state)
{
    const struct lubdub_histogram *histogram = *state;

    assert_int_equal(lubdub_histogram_percentile(histogram, 50), 0);
    assert_int_equal(lubdub_histogram_percentile(histogram, 100), 0);
}

static void one_duration_is_every_percentile(void **state)
{
    struct lubdub_histogram *histogram = *state;

    lubdub_histogram_add(histogram, 123456789);
    assert_int_equal(histogram->least, 123456789);
    assert_int_equal(histogram->most, 123456789);
    assert_int_equal(lubdub_histogram_percentile(histogram, 0), 123456789);
    assert_int_equal(lubdub_histogram_percentile(histogram, 50), 123456789);
    assert_int_equal(lubdub_histogram_percentile(histogram, 100), 123456789);
}

static void small_durations_are_exact(void **state)
{
    struct lubdub_histogram *histogram = *state;
    lubdub_duration duration;

    for (duration = 1; duration <= 50; duration++) {
        lubdub_histogram_add(histogram, duration);
    }
    assert_int_equal(lubdub_histogram_percentile(histogram, 50), 25);
    assert_int_equal(lubdub_histogram_percentile(histogram, 98), 49);
    assert_int_equal(lubdub_histogram_percentile(histogram, 100), 50);
}

static void percentile_is_never_too_low_and_at_most_a_128th_too_high(void **state)
{
    struct lubdub_histogram *histogram = *state;
    uint64_t seed = 7;
    unsigned i;

    for (i = 0; i < 2000; i++) {
        lubdub_duration duration = random_next(&seed) >> (random_next(&seed) % 64);
        lubdub_duration found;

        memset(histogram, 0, sizeof *histogram);
        lubdub_histogram_add(histogram, duration);
        lubdub_histogram_add(histogram, UINT64_MAX);
        found = lubdub_histogram_percentile(histogram, 50);
        assert_true(found >= duration);
        assert_true(found - duration <= duration / 128);
    }
}

static void one_in_a_hundred_does_not_move_the_median_but_the_99th(void **state)
{
    struct lubdub_histogram *histogram = *state;
    unsigned i;

    for (i = 0; i < 98; i++) {
        lubdub_histogram_add(histogram, LUBDUB_MILLISECOND);
    }
    lubdub_histogram_add(histogram, LUBDUB_SECOND);
    lubdub_histogram_add(histogram, 2 * LUBDUB_SECOND);
    assert_in_range(lubdub_histogram_percentile(histogram, 50), LUBDUB_MILLISECOND, LUBDUB_MILLISECOND * 33 / 32);
    assert_in_range(lubdub_histogram_percentile(histogram, 99), LUBDUB_SECOND, LUBDUB_SECOND / 32 * 33);
    assert_int_equal(lubdub_histogram_percentile(histogram, 100), 2 * LUBDUB_SECOND);
}

static void extremes_are_counted(void **state)
{
    struct lubdub_histogram *histogram = *state;

    lubdub_histogram_add(histogram, 0);
    lubdub_histogram_add(histogram, UINT64_MAX);
    assert_int_equal(histogram->least, 0);
    assert_true(histogram->most == UINT64_MAX);
    assert_int_equal(lubdub_histogram_percentile(histogram, 50), 0);
    assert_true(lubdub_histogram_percentile(histogram, 100) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_counted_has_no_percentile, make),
        cmocka_unit_test_setup(one_duration_is_every_percentile, make),
        cmocka_unit_test_setup(small_durations_are_exact, make),
        cmocka_unit_test_setup(percentile_is_never_too_low_and_at_most_a_128th_too_high, make),
        cmocka_unit_test_setup(one_in_a_hundred_does_not_move_the_median_but_the_99th, make),
        cmocka_unit_test_setup(extremes_are_counted, make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
