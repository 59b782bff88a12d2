/* Rows from a ledger, and the bounds of docs/protocol.md, section 8. */
#include "support/test.h"

#include <math.h>

#include "swarm/findings/result.h"

#define MS LUBDUB_MILLISECOND
#define START (1000 * LUBDUB_SECOND)

static const struct swarm_timing timing = {
    .interval = 250 * MS, .timeout = 2000 * MS, .expiry = 750 * MS, .delay = 10 * MS};

static void expect_bound(enum swarm_fault fault, enum swarm_side side, uint64_t low_ms, uint64_t high_ms)
{
    lubdub_duration low;
    lubdub_duration high;

    assert_true(swarm_bound(fault, side, &timing, &low, &high));
    assert_int_equal(low, low_ms * MS);
    assert_int_equal(high, high_ms * MS);
}

static void bounds_are_those_of_section_8(void **state)
{
    lubdub_duration low;
    lubdub_duration high;

    (void)state;
    expect_bound(SWARM_FAULT_FREEZE, SWARM_SIDE_SERVER, 750 - 250 - 10, 750 + 10);
    expect_bound(SWARM_FAULT_SERVER_FREEZE, SWARM_SIDE_CLIENT, 2000 - 2 * 10, 2000 + 250);
    expect_bound(SWARM_FAULT_KILL, SWARM_SIDE_SERVER, 0, 10);
    expect_bound(SWARM_FAULT_RESET, SWARM_SIDE_SERVER, 0, 10);
    expect_bound(SWARM_FAULT_BYE, SWARM_SIDE_SERVER, 0, 10);
    expect_bound(SWARM_FAULT_SERVER_KILL, SWARM_SIDE_CLIENT, 0, 10);
    expect_bound(SWARM_FAULT_CUT, SWARM_SIDE_CLIENT, 2000 - 2 * 10, 2000 + 250);
    expect_bound(SWARM_FAULT_CUT, SWARM_SIDE_SERVER, 750 - 250 - 10, 750 + 10);
    expect_bound(SWARM_FAULT_SERVER_CUT, SWARM_SIDE_CLIENT, 2000 - 2 * 10, 2000 + 250);
    expect_bound(SWARM_FAULT_SERVER_CUT, SWARM_SIDE_SERVER, 750 - 250 - 10, 750 + 10);
    expect_bound(SWARM_FAULT_POWER, SWARM_SIDE_SERVER, 750 - 250 - 10, 750 + 10);
    /* The deaf one for itself; who still hears it, by its end or by its silence. Likewise the mute one. */
    expect_bound(SWARM_FAULT_DROP_IN, SWARM_SIDE_CLIENT, 2000 - 2 * 10, 2000 + 250);
    expect_bound(SWARM_FAULT_DROP_IN, SWARM_SIDE_SERVER, 750 - 250 - 10, 750 + 10 + 250 + 2 * (200 + 40));
    expect_bound(SWARM_FAULT_DROP_OUT, SWARM_SIDE_CLIENT, 750 - 250 - 10, 2000 + 250);
    expect_bound(SWARM_FAULT_DROP_OUT, SWARM_SIDE_SERVER, 750 - 250 - 10, 750 + 10);
    assert_false(swarm_bound(SWARM_FAULT_LOSS, SWARM_SIDE_SERVER, &timing, &low, &high));
    assert_false(swarm_bound(SWARM_FAULT_SERVER_STALL, SWARM_SIDE_SERVER, &timing, &low, &high));
    assert_false(swarm_bound(SWARM_FAULT_NONE, SWARM_SIDE_CLIENT, &timing, &low, &high));
}

static void bound_does_not_wrap_below_zero(void **state)
{
    const struct swarm_timing tight = {.interval = 500 * MS, .timeout = 5 * MS, .expiry = 505 * MS, .delay = 20 * MS};
    lubdub_duration low;
    lubdub_duration high;

    (void)state;
    assert_true(swarm_bound(SWARM_FAULT_FREEZE, SWARM_SIDE_SERVER, &tight, &low, &high));
    assert_int_equal(low, 0);
    assert_true(swarm_bound(SWARM_FAULT_SERVER_FREEZE, SWARM_SIDE_CLIENT, &tight, &low, &high));
    assert_int_equal(low, 0);
}

/* Every test gets a ledger of twenty identities, all up in session 1. */
static int setup(void **state)
{
    static struct swarm_ledger ledger;
    uint32_t i;

    assert_true(swarm_ledger_init(&ledger, 20));
    for (i = 0; i < 20; i++) {
        swarm_ledger_up(&ledger, i, 1, START);
    }
    *state = &ledger;
    return 0;
}

static int teardown(void **state)
{
    swarm_ledger_clear(*state);
    return 0;
}

static void say(struct swarm_ledger *ledger, enum swarm_side side, uint32_t identity, lubdub_duration after,
                enum lubdub_cause cause)
{
    swarm_ledger_verdict(
        ledger, &(struct swarm_verdict){.side = side, .identity = identity, .at = START + after, .cause = cause});
}

static const struct swarm_row *row_of(const struct swarm_rows *rows, enum swarm_fault fault, enum swarm_side side)
{
    size_t i;

    for (i = 0; i < rows->count; i++) {
        if (rows->rows[i].fault == fault && rows->rows[i].side == side) {
            return &rows->rows[i];
        }
    }
    fail_msg("there is no such row");
    return NULL;
}

static void row_counts_what_became_of_its_faults(void **state)
{
    const struct swarm_order order = {.fault = SWARM_FAULT_FREEZE, .share = 1};
    struct swarm_ledger *ledger = *state;
    struct swarm_rows rows;
    struct swarm_sums sums;
    const struct swarm_row *row;
    uint32_t i;

    for (i = 0; i < 6; i++) {
        swarm_ledger_inject(ledger, SWARM_FAULT_FREEZE, i, START, SWARM_MUST_NOTICE);
    }
    say(ledger, SWARM_SIDE_SERVER, 0, 600 * MS, LUBDUB_CAUSE_HUNG);
    say(ledger, SWARM_SIDE_SERVER, 1, 500 * MS, LUBDUB_CAUSE_HUNG);
    say(ledger, SWARM_SIDE_SERVER, 2, 763 * MS, LUBDUB_CAUSE_HUNG);
    say(ledger, SWARM_SIDE_SERVER, 3, 550 * MS, LUBDUB_CAUSE_UNREACHABLE);
    say(ledger, SWARM_SIDE_SERVER, 19, 100 * MS, LUBDUB_CAUSE_HUNG); /* it lives */
    swarm_ledger_settle(ledger, LUBDUB_TIME_NEVER);

    assert_true(swarm_rows_make(&rows, ledger, &order, 1, &timing, true));
    row = row_of(&rows, SWARM_FAULT_FREEZE, SWARM_SIDE_SERVER);
    assert_int_equal(row->injected, 6);
    assert_int_equal(row->detected, 4);
    assert_int_equal(row->wrong_cause, 1);
    assert_int_equal(row->missed, 2);
    assert_int_equal(row->false_alarms, 0);
    assert_int_equal(row->latency.min, 500 * MS);
    assert_int_equal(row->latency.p50, 550 * MS);
    assert_int_equal(row->latency.max, 763 * MS);
    assert_true(row->certainty.mean > 603.24 * MS && row->certainty.mean < 603.26 * MS);
    assert_true(row->certainty.mean_interval.low > 420 * MS && row->certainty.mean_interval.low < 425 * MS);
    assert_true(isinf(row->certainty.quantiles[SWARM_P50].high)); /* of four values */
    assert_int_equal(swarm_row_over_bound(row), 3 * MS);
    assert_int_equal(row->causes[LUBDUB_CAUSE_HUNG], 3);
    assert_int_equal(row->causes[LUBDUB_CAUSE_UNREACHABLE], 1);
    assert_int_equal(row_of(&rows, SWARM_FAULT_NONE, SWARM_SIDE_SERVER)->false_alarms, 1);
    assert_int_equal(row_of(&rows, SWARM_FAULT_NONE, SWARM_SIDE_CLIENT)->false_alarms, 0);

    swarm_rows_sum(&rows, &sums);
    assert_int_equal(sums.injected, 6);
    assert_int_equal(sums.detected, 4);
    assert_int_equal(sums.wrong_cause, 1);
    assert_int_equal(sums.missed, 2);
    assert_int_equal(sums.false_alarms, 1);
}

static void stall_puts_everybody_at_stake_on_both_sides_and_counts_them_once(void **state)
{
    const struct swarm_order order = {.fault = SWARM_FAULT_SERVER_STALL, .share = 1};
    struct swarm_ledger *ledger = *state;
    struct swarm_rows rows;
    struct swarm_sums sums;
    uint32_t i;

    for (i = 0; i < 20; i++) {
        swarm_ledger_inject(ledger, SWARM_FAULT_SERVER_STALL, i, START, SWARM_MUST_NOT_NOTICE);
    }
    say(ledger, SWARM_SIDE_SERVER, 4, 1501 * MS, LUBDUB_CAUSE_HUNG);
    say(ledger, SWARM_SIDE_CLIENT, 4, 1502 * MS, LUBDUB_CAUSE_BYE);
    say(ledger, SWARM_SIDE_CLIENT, 5, 1502 * MS, LUBDUB_CAUSE_HUNG);
    swarm_ledger_settle(ledger, LUBDUB_TIME_NEVER);

    assert_true(swarm_rows_make(&rows, ledger, &order, 1, &timing, true));
    assert_int_equal(row_of(&rows, SWARM_FAULT_SERVER_STALL, SWARM_SIDE_CLIENT)->injected, 20);
    assert_int_equal(row_of(&rows, SWARM_FAULT_SERVER_STALL, SWARM_SIDE_SERVER)->injected, 20);
    assert_int_equal(row_of(&rows, SWARM_FAULT_SERVER_STALL, SWARM_SIDE_CLIENT)->false_alarms, 1);
    assert_int_equal(row_of(&rows, SWARM_FAULT_SERVER_STALL, SWARM_SIDE_SERVER)->false_alarms, 1);
    swarm_rows_sum(&rows, &sums);
    assert_int_equal(sums.injected, 20);
    assert_int_equal(sums.false_alarms, 2);
    assert_int_equal(sums.missed, 0);
}

static void cut_has_a_row_for_each_side_and_was_injected_once(void **state)
{
    const struct swarm_order order = {.fault = SWARM_FAULT_CUT, .share = 1};
    struct swarm_ledger *ledger = *state;
    struct swarm_rows rows;
    struct swarm_sums sums;
    const struct swarm_row *row;
    uint32_t i;

    for (i = 0; i < 3; i++) {
        swarm_ledger_inject(ledger, SWARM_FAULT_CUT, i, START, SWARM_MUST_NOTICE);
    }
    say(ledger, SWARM_SIDE_SERVER, 0, 700 * MS, LUBDUB_CAUSE_UNREACHABLE);
    say(ledger, SWARM_SIDE_CLIENT, 0, 2100 * MS, LUBDUB_CAUSE_UNREACHABLE);
    say(ledger, SWARM_SIDE_CLIENT, 1, 2200 * MS, LUBDUB_CAUSE_UNREACHABLE);
    swarm_ledger_settle(ledger, LUBDUB_TIME_NEVER);

    assert_true(swarm_rows_make(&rows, ledger, &order, 1, &timing, true));
    row = row_of(&rows, SWARM_FAULT_CUT, SWARM_SIDE_CLIENT);
    assert_int_equal(row->injected, 3);
    assert_int_equal(row->detected, 2);
    assert_int_equal(row->missed, 1);
    assert_int_equal(row->latency.max, 2200 * MS);
    assert_int_equal(row->bound_high, (2000 + 250) * MS);
    row = row_of(&rows, SWARM_FAULT_CUT, SWARM_SIDE_SERVER);
    assert_int_equal(row->injected, 3);
    assert_int_equal(row->detected, 1);
    assert_int_equal(row->missed, 2);
    assert_int_equal(row->bound_high, (750 + 10) * MS);
    swarm_rows_sum(&rows, &sums);
    assert_int_equal(sums.injected, 3);
    assert_int_equal(sums.detected, 3);
    assert_int_equal(sums.missed, 3);
}

static void lateness_is_of_the_verdicts_that_had_a_deadline(void **state)
{
    const struct swarm_order order = {.fault = SWARM_FAULT_FREEZE, .share = 1};
    struct swarm_ledger *ledger = *state;
    struct swarm_rows rows;
    uint32_t i;

    for (i = 0; i < 4; i++) {
        swarm_ledger_inject(ledger, SWARM_FAULT_FREEZE, i, START, SWARM_MUST_NOTICE);
        swarm_ledger_verdict(ledger, &(struct swarm_verdict){.side = SWARM_SIDE_SERVER,
                                                             .identity = i,
                                                             .at = START + 700 * MS,
                                                             .cause = LUBDUB_CAUSE_HUNG,
                                                             .late_by = (int64_t)i * 100 - 100,
                                                             .has_deadline = i != 3});
    }
    assert_true(swarm_rows_make(&rows, ledger, &order, 1, &timing, true));
    assert_int_equal(row_of(&rows, SWARM_FAULT_FREEZE, SWARM_SIDE_SERVER)->lateness.count, 3);
    assert_int_equal(row_of(&rows, SWARM_FAULT_FREEZE, SWARM_SIDE_SERVER)->lateness.min, 0);
    assert_int_equal(row_of(&rows, SWARM_FAULT_FREEZE, SWARM_SIDE_SERVER)->lateness.max, 100);
    assert_int_equal(row_of(&rows, SWARM_FAULT_NONE, SWARM_SIDE_SERVER)->lateness.count, 0);
}

static void side_that_tells_nothing_misses_nothing(void **state)
{
    const struct swarm_order order = {.fault = SWARM_FAULT_FREEZE, .share = 1};
    struct swarm_ledger *ledger = *state;
    struct swarm_rows rows;
    struct swarm_sums sums;
    const struct swarm_row *row;

    swarm_ledger_inject(ledger, SWARM_FAULT_FREEZE, 0, START, SWARM_MAY_NOTICE);
    swarm_ledger_settle(ledger, LUBDUB_TIME_NEVER);
    assert_true(swarm_rows_make(&rows, ledger, &order, 1, &timing, false));
    row = row_of(&rows, SWARM_FAULT_FREEZE, SWARM_SIDE_SERVER);
    assert_false(row->is_observed);
    assert_int_equal(row->injected, 1);
    swarm_rows_sum(&rows, &sums);
    assert_int_equal(sums.missed, 0);
}

static void faults_have_rows_only_where_they_were_ordered_and_once(void **state)
{
    const struct swarm_order orders[] = {
        {.fault = SWARM_FAULT_BYE, .share = 0.1},
        {.fault = SWARM_FAULT_SERVER_KILL, .share = 1},
        {.fault = SWARM_FAULT_SERVER_KILL, .share = 1},
    };
    struct swarm_rows rows;

    assert_true(swarm_rows_make(&rows, *state, orders, 3, &timing, true));
    assert_int_equal(rows.count, 2 + 2);
    row_of(&rows, SWARM_FAULT_BYE, SWARM_SIDE_SERVER);
    row_of(&rows, SWARM_FAULT_SERVER_KILL, SWARM_SIDE_CLIENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_are_those_of_section_8),
        cmocka_unit_test(bound_does_not_wrap_below_zero),
        cmocka_unit_test_setup_teardown(row_counts_what_became_of_its_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(stall_puts_everybody_at_stake_on_both_sides_and_counts_them_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(cut_has_a_row_for_each_side_and_was_injected_once, setup, teardown),
        cmocka_unit_test_setup_teardown(lateness_is_of_the_verdicts_that_had_a_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(side_that_tells_nothing_misses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_have_rows_only_where_they_were_ordered_and_once, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
