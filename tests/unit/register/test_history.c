/* What happened in which minute, and what of it a day later. */
#include "server/register/history.h"

#include "support/test.h"

#define MINUTE 60000ull
#define START (1000000 * MINUTE)

static void minutes_are_summed_up(void **state)
{
    static struct history history;
    struct history_minute sum;

    (void)state;
    history_connect(&history, START);
    history_end(&history, START, LUBDUB_CAUSE_CLOSED, true);
    history_end(&history, START + 4 * MINUTE, LUBDUB_CAUSE_BYE, false);
    history_reject(&history, START + 4 * MINUTE);

    history_sum(&history, START + 4 * MINUTE + 5, 5, &sum);
    assert_int_equal(sum.connects, 1);
    assert_int_equal(sum.losses, 1);
    assert_int_equal(sum.rejected, 1);
    assert_int_equal(sum.ends[LUBDUB_CAUSE_CLOSED], 1);
    assert_int_equal(sum.ends[LUBDUB_CAUSE_BYE], 1);
    history_sum(&history, START + 5 * MINUTE, 5, &sum);
    assert_int_equal(sum.connects, 0);
    assert_int_equal(sum.ends[LUBDUB_CAUSE_BYE], 1);
    assert_int_equal(history_at(&history, START + 4 * MINUTE, 4).connects, 1);
    assert_int_equal(history_at(&history, START + 4 * MINUTE, 3).connects, 0);

    /* A day later the places are used again. */
    history_sum(&history, START + (HISTORY_MINUTES + 4) * MINUTE, HISTORY_MINUTES, &sum);
    assert_int_equal(sum.connects, 0);
    history_connect(&history, START + HISTORY_MINUTES * MINUTE);
    history_sum(&history, START + HISTORY_MINUTES * MINUTE, HISTORY_MINUTES, &sum);
    assert_int_equal(sum.connects, 1);
    assert_int_equal(sum.losses, 0);
}

static void last_marks_are_kept(void **state)
{
    static struct history history;
    unsigned i;

    (void)state;
    assert_null(history_mark_at(&history, 0));
    for (i = 1; i <= HISTORY_MARKS + 5; i++) {
        history_mark(&history, i, HISTORY_OUTAGE, i);
    }
    assert_int_equal(history_mark_at(&history, 0)->count, HISTORY_MARKS + 5);
    assert_int_equal(history_mark_at(&history, HISTORY_MARKS - 1)->count, 6);
    assert_null(history_mark_at(&history, HISTORY_MARKS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minutes_are_summed_up),
        cmocka_unit_test(last_marks_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
