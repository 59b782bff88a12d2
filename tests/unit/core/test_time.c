/* Time's arithmetic at the ends of its range. */
#include "support/test.h"

#include <lubdub/time.h>

static void later_saturates_at_never(void **state)
{
    (void)state;
    assert_true(lubdub_time_after(5, 7) == 12);
    assert_true(lubdub_time_after(0, 0) == 0);
    assert_true(lubdub_time_after(LUBDUB_TIME_NEVER - 1, 1) == LUBDUB_TIME_NEVER);
    assert_true(lubdub_time_after(LUBDUB_TIME_NEVER - 1, 2) == LUBDUB_TIME_NEVER);
    assert_true(lubdub_time_after(LUBDUB_TIME_NEVER, 0) == LUBDUB_TIME_NEVER);
    assert_true(lubdub_time_after(LUBDUB_TIME_NEVER, LUBDUB_TIME_NEVER) == LUBDUB_TIME_NEVER);
    assert_true(lubdub_time_after(1, LUBDUB_TIME_NEVER) == LUBDUB_TIME_NEVER);
}

static void length_between_is_never_negative(void **state)
{
    (void)state;
    assert_true(lubdub_time_between(5, 12) == 7);
    assert_true(lubdub_time_between(12, 5) == 0);
    assert_true(lubdub_time_between(5, 5) == 0);
    assert_true(lubdub_time_between(0, LUBDUB_TIME_NEVER) == LUBDUB_TIME_NEVER);
}

static void earlier_is_the_smaller_and_never_is_last(void **state)
{
    (void)state;
    assert_true(lubdub_time_earlier(5, 7) == 5);
    assert_true(lubdub_time_earlier(7, 5) == 5);
    assert_true(lubdub_time_earlier(LUBDUB_TIME_NEVER, 5) == 5);
}

static void units_are_nanoseconds(void **state)
{
    (void)state;
    assert_true(LUBDUB_HOUR == UINT64_C(3600000000000));
    assert_true(LUBDUB_MINUTE == 60 * LUBDUB_SECOND);
    assert_true(LUBDUB_SECOND == 1000 * LUBDUB_MILLISECOND);
    assert_true(LUBDUB_MILLISECOND == 1000 * LUBDUB_MICROSECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_saturates_at_never),
        cmocka_unit_test(length_between_is_never_negative),
        cmocka_unit_test(earlier_is_the_smaller_and_never_is_last),
        cmocka_unit_test(units_are_nanoseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
