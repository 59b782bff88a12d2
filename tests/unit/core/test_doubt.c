/* The doubt about one peer: when it is asked, when evidence is enough, and what is learned at the end. */
#include "core/doubt.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define SINCE (1000 * LUBDUB_SECOND)

static struct lubdub_doubt begun(void)
{
    struct lubdub_doubt doubt;

    lubdub_doubt_begin(&doubt, SINCE, SINCE + 10 * MS);
    return doubt;
}

static void look(struct lubdub_doubt *doubt, enum lubdub_path path, lubdub_duration later)
{
    lubdub_doubt_look(doubt, path, 0, SINCE + later);
}

static void doubt_is_there_from_its_beginning_to_its_end(void **state)
{
    struct lubdub_doubt doubt = begun();
    (void)state;

    assert_true(lubdub_doubt_is_there(&doubt));
    lubdub_doubt_end(&doubt);
    assert_false(lubdub_doubt_is_there(&doubt));
    lubdub_doubt_begin(&doubt, 0, 0); /* at the first moment of a clock, too */
    assert_true(lubdub_doubt_is_there(&doubt));
}

static void doubt_begins_by_the_usual_wait_or_half_of_the_worst_within_bounds(void **state)
{
    (void)state;
    assert_int_equal(lubdub_doubt_begins_after(50 * MS, 20 * MS, 1 * MS, 500 * MS), 50 * MS);
    assert_int_equal(lubdub_doubt_begins_after(50 * MS, 400 * MS, 1 * MS, 500 * MS), 200 * MS);
    assert_int_equal(lubdub_doubt_begins_after(50 * MS, 0, 80 * MS, 500 * MS), 80 * MS);
    assert_int_equal(lubdub_doubt_begins_after(900 * MS, 0, 80 * MS, 500 * MS), 500 * MS);
}

static void patience_is_twice_the_worst_and_never_below_the_floor_or_above_the_fixed_timeout(void **state)
{
    (void)state;
    assert_int_equal(lubdub_doubt_patience(0, 0, 10 * LUBDUB_SECOND), 650 * MS);
    assert_int_equal(lubdub_doubt_patience(0, 100 * MS, 10 * LUBDUB_SECOND), 1050 * MS);
    assert_int_equal(lubdub_doubt_patience(900 * MS, 100 * MS, 10 * LUBDUB_SECOND), 1800 * MS);
    assert_int_equal(lubdub_doubt_patience(900 * MS, 100 * MS, LUBDUB_SECOND), LUBDUB_SECOND);
}

static void peer_is_asked_five_times_within_the_patience_and_no_faster_than_its_kernel_acknowledges(void **state)
{
    struct lubdub_doubt doubt = begun();
    (void)state;

    assert_int_equal(lubdub_doubt_pace(LUBDUB_SECOND), 200 * MS);
    assert_int_equal(lubdub_doubt_pace(300 * MS), 100 * MS);
    assert_int_equal(lubdub_doubt_next(&doubt, LUBDUB_SECOND), SINCE + 210 * MS);
    look(&doubt, LUBDUB_PATH_ACKNOWLEDGED, 300 * MS);
    assert_int_equal(lubdub_doubt_next(&doubt, LUBDUB_SECOND), SINCE + 500 * MS);
}

static void verdict_needs_a_path_that_was_acknowledged_since(void **state)
{
    struct lubdub_doubt doubt = begun();
    (void)state;

    assert_int_equal(lubdub_doubt_hung_at(&doubt, SINCE, LUBDUB_SECOND), LUBDUB_TIME_NEVER);
    look(&doubt, LUBDUB_PATH_UNKNOWN, 50 * MS);
    assert_int_equal(lubdub_doubt_hung_at(&doubt, SINCE, LUBDUB_SECOND), LUBDUB_TIME_NEVER);
    look(&doubt, LUBDUB_PATH_ACKNOWLEDGED, 100 * MS);
    look(&doubt, LUBDUB_PATH_ACKNOWLEDGED, 200 * MS); /* the first look counts */
    assert_int_equal(lubdub_doubt_hung_at(&doubt, SINCE, LUBDUB_SECOND), SINCE + LUBDUB_SECOND);
    look(&doubt, LUBDUB_PATH_ACKNOWLEDGED, 800 * MS);
    assert_int_equal(lubdub_doubt_hung_at(&doubt, SINCE, LUBDUB_SECOND), SINCE + LUBDUB_SECOND);
    look(&doubt, LUBDUB_PATH_SILENT, 900 * MS);
    assert_int_equal(lubdub_doubt_hung_at(&doubt, SINCE, LUBDUB_SECOND), LUBDUB_TIME_NEVER);
}

/* An outage doubles the retransmission timeout: what was lost in it comes as long after it as it lasted. */
static void outage_is_made_up_for_as_long_as_it_lasted(void **state)
{
    struct lubdub_doubt doubt = begun();
    (void)state;

    look(&doubt, LUBDUB_PATH_SILENT, 100 * MS);
    look(&doubt, LUBDUB_PATH_ACKNOWLEDGED, 3000 * MS);
    assert_int_equal(lubdub_doubt_hung_at(&doubt, SINCE, LUBDUB_SECOND), SINCE + 6000 * MS);
    assert_int_equal(lubdub_doubt_hung_at(&doubt, SINCE + 2500 * MS, LUBDUB_SECOND), SINCE + 4000 * MS);
}

static void answer_teaches_how_long_the_peer_took_on_a_path_that_worked(void **state)
{
    struct lubdub_doubt doubt = begun();
    lubdub_duration took = 0;
    (void)state;

    assert_true(lubdub_doubt_lesson(&doubt, SINCE - 100 * MS, SINCE + 200 * MS, &took));
    assert_int_equal(took, 300 * MS);
    look(&doubt, LUBDUB_PATH_SILENT, 50 * MS);
    assert_false(
        lubdub_doubt_lesson(&doubt, SINCE - 100 * MS, SINCE + 200 * MS, &took)); /* the path is out until now */
    look(&doubt, LUBDUB_PATH_ACKNOWLEDGED, 150 * MS);
    assert_true(lubdub_doubt_lesson(&doubt, SINCE - 100 * MS, SINCE + 200 * MS, &took));
    assert_int_equal(took, 50 * MS);
}

static void last_question_before_a_moment_lies_on_the_grid_of_the_pace(void **state)
{
    struct lubdub_doubt doubt = begun();
    (void)state;

    doubt.asked_at = SINCE + 1000 * MS;
    assert_int_equal(lubdub_doubt_asked_before(&doubt, LUBDUB_SECOND, SINCE + 1000 * MS), SINCE + 1000 * MS);
    assert_int_equal(lubdub_doubt_asked_before(&doubt, LUBDUB_SECOND, SINCE + 1500 * MS), SINCE + 1000 * MS);
    assert_int_equal(lubdub_doubt_asked_before(&doubt, LUBDUB_SECOND, SINCE + 999 * MS), SINCE + 800 * MS);
    assert_int_equal(lubdub_doubt_asked_before(&doubt, LUBDUB_SECOND, SINCE + 800 * MS), SINCE + 800 * MS);
    assert_int_equal(lubdub_doubt_asked_before(&doubt, LUBDUB_SECOND, SINCE + 799 * MS), SINCE + 600 * MS);
}

static void our_own_absence_moves_all_but_the_times_of_questions(void **state)
{
    struct lubdub_doubt doubt = begun();
    (void)state;

    look(&doubt, LUBDUB_PATH_ACKNOWLEDGED, 20 * MS);
    lubdub_doubt_forgive(&doubt, LUBDUB_SECOND);
    assert_int_equal(doubt.since, SINCE + 1000 * MS);
    assert_int_equal(doubt.asked_at, SINCE + 10 * MS);
    assert_int_equal(doubt.looked_at, SINCE + 1020 * MS);
    assert_int_equal(doubt.acknowledged_at, SINCE + 1020 * MS);
    lubdub_doubt_end(&doubt);
    lubdub_doubt_forgive(&doubt, LUBDUB_SECOND);
    assert_false(lubdub_doubt_is_there(&doubt));
}

static void new_doubt_knows_nothing_of_the_one_before(void **state)
{
    struct lubdub_doubt doubt = begun();
    (void)state;

    lubdub_doubt_look(&doubt, LUBDUB_PATH_SILENT, 70 * MS, SINCE + LUBDUB_SECOND);
    lubdub_doubt_end(&doubt);
    lubdub_doubt_begin(&doubt, SINCE + LUBDUB_MINUTE, SINCE + LUBDUB_MINUTE + 10 * MS);
    assert_int_equal(doubt.since, SINCE + LUBDUB_MINUTE);
    assert_int_equal(doubt.asked_at, SINCE + LUBDUB_MINUTE + 10 * MS);
    assert_int_equal(doubt.looked_at, SINCE + LUBDUB_MINUTE + 10 * MS);
    assert_true(doubt.acknowledged_at == LUBDUB_TIME_NEVER);
    assert_int_equal(doubt.round_trip, 0);
    assert_false(doubt.was_silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubt_is_there_from_its_beginning_to_its_end),
        cmocka_unit_test(doubt_begins_by_the_usual_wait_or_half_of_the_worst_within_bounds),
        cmocka_unit_test(patience_is_twice_the_worst_and_never_below_the_floor_or_above_the_fixed_timeout),
        cmocka_unit_test(peer_is_asked_five_times_within_the_patience_and_no_faster_than_its_kernel_acknowledges),
        cmocka_unit_test(verdict_needs_a_path_that_was_acknowledged_since),
        cmocka_unit_test(outage_is_made_up_for_as_long_as_it_lasted),
        cmocka_unit_test(answer_teaches_how_long_the_peer_took_on_a_path_that_worked),
        cmocka_unit_test(last_question_before_a_moment_lies_on_the_grid_of_the_pace),
        cmocka_unit_test(our_own_absence_moves_all_but_the_times_of_questions),
        cmocka_unit_test(new_doubt_knows_nothing_of_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
