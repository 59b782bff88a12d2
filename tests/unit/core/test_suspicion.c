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

static void d3_one_address_weighs_no_more_than_all_others(void **state)
{
    struct lubdub_suspicion suspicion = {0};
    unsigned i;
    (void)state;

    for (i = 0; i < 20; i++) {
        lubdub_suspicion_count_from(&suspicion, i, 1, 0);
    }
    lubdub_suspicion_count_from(&suspicion, 63, 40, 40); /* two thirds of all, but from one address */
    assert_false(suspicion.is_there);
    lubdub_suspicion_count_from(&suspicion, 0, 0, 1); /* and one of the others */
    assert_true(suspicion.is_there);
    lubdub_suspicion_count_from(&suspicion, 63, -40, -40);
    assert_false(suspicion.is_there);
}

static void d3_where_all_come_from_one_address_each_counts(void **state)
{
    struct lubdub_suspicion suspicion = {0};
    (void)state;

    lubdub_suspicion_count_from(&suspicion, 7, 20, 0);
    lubdub_suspicion_count_from(&suspicion, 7, 0, 11);
    assert_true(suspicion.is_there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_late_at_once_is_suspicious_until_few_are),
        cmocka_unit_test(few_who_are_late_say_nothing_of_us),
        cmocka_unit_test(d3_one_address_weighs_no_more_than_all_others),
        cmocka_unit_test(d3_where_all_come_from_one_address_each_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
