/* Durations are counted in the bucket whose bound they do not pass. */
#include "ev/buckets.h"
#include "support/test.h"

static void a_duration_is_counted_where_its_bound_is(void **state)
{
    struct lubdub_buckets buckets = {0};
    (void)state;

    lubdub_buckets_add(&buckets, 0);
    lubdub_buckets_add(&buckets, LUBDUB_MILLISECOND / 10);
    lubdub_buckets_add(&buckets, LUBDUB_MILLISECOND / 10 + 1);
    lubdub_buckets_add(&buckets, 10 * LUBDUB_SECOND);
    lubdub_buckets_add(&buckets, LUBDUB_HOUR);
    assert_int_equal(buckets.counts[0], 2);
    assert_int_equal(buckets.counts[1], 1);
    assert_int_equal(buckets.counts[LUBDUB_BUCKET_BOUNDS - 1], 1);
    assert_int_equal(buckets.counts[LUBDUB_BUCKET_BOUNDS], 1);
    assert_true(buckets.sum == LUBDUB_MILLISECOND / 5 + 1 + 10 * LUBDUB_SECOND + LUBDUB_HOUR);
}

static void bounds_rise(void **state)
{
    unsigned i;
    (void)state;

    for (i = 1; i < LUBDUB_BUCKET_BOUNDS; i++) {
        assert_true(lubdub_bucket_bounds[i] > lubdub_bucket_bounds[i - 1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_duration_is_counted_where_its_bound_is),
        cmocka_unit_test(bounds_rise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
