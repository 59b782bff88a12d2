/* What is learned of a peer: RFC 6298's arithmetic, and the worst that fades. */
#include "core/estimator.h"
#include "support/test.h"

#include <string.h>

#define MS LUBDUB_MILLISECOND

static void first_sample_is_smoothed_and_half_of_it_deviation(void **state)
{
    struct lubdub_estimator estimator;
    (void)state;

    lubdub_estimator_init(&estimator);
    assert_false(estimator.has_sample);
    assert_true(lubdub_estimator_usual(&estimator) == 0);
    lubdub_estimator_add(&estimator, 100 * MS);
    assert_int_equal(estimator.smoothed, 100000);
    assert_int_equal(estimator.deviation, 50000);
    assert_true(lubdub_estimator_usual(&estimator) == 300 * MS); /* SRTT + 4 RTTVAR */
}

/* RFC 6298, 2.3: RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R|, and then SRTT = 7/8 SRTT + 1/8 R. */
static void next_sample_moves_both_by_the_gains_of_the_rfc(void **state)
{
    struct lubdub_estimator estimator;
    (void)state;

    lubdub_estimator_init(&estimator);
    lubdub_estimator_add(&estimator, 100 * MS);
    lubdub_estimator_add(&estimator, 180 * MS);
    assert_int_equal(estimator.deviation, 50000 * 3 / 4 + 80000 / 4 + 0);
    assert_int_equal(estimator.smoothed, 110000);
    lubdub_estimator_add(&estimator, 30 * MS);
    assert_int_equal(estimator.smoothed, 100000);
    assert_int_equal(estimator.deviation, 63125);
}

static void steady_answers_leave_no_deviation(void **state)
{
    struct lubdub_estimator estimator;
    int i;
    (void)state;

    lubdub_estimator_init(&estimator);
    for (i = 0; i < 100; i++) {
        lubdub_estimator_add(&estimator, 100 * MS);
    }
    assert_int_equal(estimator.smoothed, 100000);
    assert_int_equal(estimator.deviation, 0);
    assert_int_equal(estimator.worst, 100000);
}

static void worst_is_remembered_for_hours_and_fades(void **state)
{
    struct lubdub_estimator estimator;
    int i;
    (void)state;

    lubdub_estimator_init(&estimator);
    lubdub_estimator_add(&estimator, 10 * MS);
    lubdub_estimator_add(&estimator, 800 * MS);
    assert_true(lubdub_estimator_worst(&estimator) == 800 * MS);
    for (i = 0; i < 60; i++) {
        lubdub_estimator_add(&estimator, 10 * MS);
    }
    assert_true(lubdub_estimator_worst(&estimator) > 780 * MS);
    assert_true(lubdub_estimator_usual(&estimator) < 20 * MS);
    for (i = 0; i < 2779; i++) {
        lubdub_estimator_add(&estimator, 10 * MS);
    }
    assert_in_range(estimator.worst, 395000, 415000); /* half of what it was above the others */
    for (i = 0; i < 100000; i++) {
        lubdub_estimator_add(&estimator, 10 * MS);
    }
    assert_int_equal(estimator.worst, 10000);
}

static void answers_longer_than_the_counters_saturate(void **state)
{
    struct lubdub_estimator estimator;
    (void)state;

    lubdub_estimator_init(&estimator);
    lubdub_estimator_add(&estimator, UINT64_MAX);
    assert_int_equal(estimator.smoothed, UINT32_MAX);
    lubdub_estimator_add(&estimator, 0);
    lubdub_estimator_add(&estimator, UINT64_MAX);
    assert_int_equal(estimator.worst, UINT32_MAX);
    assert_true(lubdub_estimator_usual(&estimator) > LUBDUB_HOUR);
}

static void punctual_sessions_are_late_by_nothing(void **state)
{
    struct lubdub_lateness lateness = {0};
    (void)state;

    lubdub_lateness_add(&lateness, 0, 3 * LUBDUB_SECOND);
    assert_true(lubdub_lateness_usual(&lateness, 3 * LUBDUB_SECOND) == 0);
    assert_true(lubdub_lateness_worst(&lateness, 3 * LUBDUB_SECOND) == 0);
}

static void lateness_is_learned_to_a_part_in_65536_of_the_expiry(void **state)
{
    struct lubdub_lateness lateness = {0};
    lubdub_duration usual;
    int i;
    (void)state;

    for (i = 0; i < 100; i++) {
        lubdub_lateness_add(&lateness, 20 * MS, 3 * LUBDUB_SECOND);
    }
    usual = lubdub_lateness_usual(&lateness, 3 * LUBDUB_SECOND);
    assert_in_range(usual, 80 * MS, 81 * MS); /* four deviations */
    assert_in_range(lubdub_lateness_worst(&lateness, 3 * LUBDUB_SECOND), 20 * MS, 20 * MS + 50 * LUBDUB_MICROSECOND);
}

/* Never down, so that no late session counts as punctual, and by no more than one part. */
static void lateness_is_rounded_up_by_one_part_at_the_most(void **state)
{
    const lubdub_duration expiries[] = {65536, 65537, MS, 100 * MS, 3 * LUBDUB_SECOND, LUBDUB_HOUR};
    size_t i;
    unsigned tenth;
    (void)state;

    for (i = 0; i < COUNT_OF(expiries); i++) {
        for (tenth = 0; tenth < 10; tenth++) {
            struct lubdub_lateness lateness = {0};
            lubdub_duration late_by = expiries[i] / 10 * tenth;

            lubdub_lateness_add(&lateness, late_by, expiries[i]);
            assert_in_range(lubdub_lateness_worst(&lateness, expiries[i]), late_by, late_by + expiries[i] / 65536 + 1);
        }
    }
}

static void lateness_saturates_at_the_expiry(void **state)
{
    struct lubdub_lateness lateness = {0};
    (void)state;

    lubdub_lateness_add(&lateness, 400 * LUBDUB_HOUR, 3 * LUBDUB_SECOND);
    assert_int_equal(lateness.worst, UINT16_MAX);
    assert_in_range(lubdub_lateness_worst(&lateness, 3 * LUBDUB_SECOND), 2999 * MS, 3001 * MS);
    lubdub_lateness_add(&lateness, 1, LUBDUB_MILLISECOND); /* the shortest expiry there is */
    assert_true(lateness.worst > 60000);
}

static void what_was_learned_survives_a_new_expiry(void **state)
{
    struct lubdub_lateness lateness = {0};
    (void)state;

    lubdub_lateness_add(&lateness, 300 * MS, 3 * LUBDUB_SECOND);
    lubdub_lateness_rescale(&lateness, 3 * LUBDUB_SECOND, 60 * LUBDUB_SECOND);
    assert_in_range(lubdub_lateness_worst(&lateness, 60 * LUBDUB_SECOND), 300 * MS, 302 * MS);
    lubdub_lateness_rescale(&lateness, 60 * LUBDUB_SECOND, 100 * MS);
    assert_int_equal(lateness.worst, UINT16_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_sample_is_smoothed_and_half_of_it_deviation),
        cmocka_unit_test(next_sample_moves_both_by_the_gains_of_the_rfc),
        cmocka_unit_test(steady_answers_leave_no_deviation),
        cmocka_unit_test(worst_is_remembered_for_hours_and_fades),
        cmocka_unit_test(answers_longer_than_the_counters_saturate),
        cmocka_unit_test(punctual_sessions_are_late_by_nothing),
        cmocka_unit_test(lateness_is_learned_to_a_part_in_65536_of_the_expiry),
        cmocka_unit_test(lateness_is_rounded_up_by_one_part_at_the_most),
        cmocka_unit_test(lateness_saturates_at_the_expiry),
        cmocka_unit_test(what_was_learned_survives_a_new_expiry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
