/* TCP's timers from a session's deadlines. */
#include "support/test.h"
#include "ev/tuning.h"

#define MS LUBDUB_MILLISECOND

static void timers_follow_the_shortest_deadline_within_what_the_kernel_takes(void **state)
{
    const struct {
        lubdub_duration shortest;
        unsigned rto_min_us;
        unsigned rto_max_ms;
    } cases[] = {
        {1 * MS, 60000, 1000},
        {600 * MS, 60000, 1000},
        {1000 * MS, 100000, 1000},
        {3 * LUBDUB_SECOND, 200000, 1000},
        {30 * LUBDUB_SECOND, 200000, 5000},
        {3 * LUBDUB_HOUR, 200000, 120000},
    };
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct lubdub_tuning tuning = lubdub_tuning_for(cases[i].shortest, cases[i].shortest);

        assert_int_equal(tuning.rto_min_us, cases[i].rto_min_us);
        assert_int_equal(tuning.rto_max_ms, cases[i].rto_max_ms);
    }
}

static void kernel_ends_nothing_before_our_own_verdict(void **state)
{
    (void)state;

    assert_int_equal(lubdub_tuning_for(100 * MS, 3 * LUBDUB_SECOND).user_timeout_ms, 7000);
    assert_int_equal(lubdub_tuning_of_server(LUBDUB_SECOND, 300 * LUBDUB_SECOND).rto_max_ms, 1000);
    assert_int_equal(lubdub_tuning_of_server(LUBDUB_MINUTE, 60 * LUBDUB_SECOND).rto_max_ms, 10000);
    assert_int_equal(lubdub_tuning_of_server(LUBDUB_SECOND, 300 * LUBDUB_SECOND).user_timeout_ms, 601000);
    assert_true(lubdub_tuning_for(LUBDUB_HOUR, LUBDUB_HOUR).user_timeout_ms > 3600000);
    assert_true(lubdub_tuning_for(LUBDUB_SECOND, 0).user_timeout_ms > 24 * 3600 * 1000); /* who waits on decides */
    assert_int_equal(lubdub_tuning_for(LUBDUB_SECOND, UINT64_MAX).user_timeout_ms, (2 * 24 * 3600 + 1) * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_follow_the_shortest_deadline_within_what_the_kernel_takes),
        cmocka_unit_test(kernel_ends_nothing_before_our_own_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
