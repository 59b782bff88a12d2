/* Most late at once: rather our fault than theirs. */
#include "support/test.h"

#include "core/suspicion.h"

static void most_late_at_once_is_suspicious_until_few_are(void **state)
{
    struct lubdub_suspicion suspicion = {0};
    (void)state;

    lubdub_suspicion_count(&suspicion, 20, 0);
    lubdub_suspicion_count(&suspicion, 0, 10);
    assert_false(suspicion.is_there); /* half is not most */
    lubdub_suspicion_count(&suspicion, 0, 1);
    assert_true(suspicion.is_there);
    lubdub_suspicion_count(&suspicion, 0, -5);
    assert_true(suspicion.is_there);
    lubdub_suspicion_count(&suspicion, 0, -1);
    assert_false(suspicion.is_there);
    assert_int_equal(suspicion.times, 1);
}

static void few_who_are_late_say_nothing_of_us(void **state)
{
    struct lubdub_suspicion suspicion = {0};
    (void)state;

    lubdub_suspicion_count(&suspicion, 3, 3);
    assert_false(suspicion.is_there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_late_at_once_is_suspicious_until_few_are),
        cmocka_unit_test(few_who_are_late_say_nothing_of_us),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
