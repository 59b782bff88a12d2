/* Injections and verdicts are matched: what was noticed by which side, what was missed, what was a false alarm. */
#include "support/test.h"

#include "swarm/findings/ledger.h"

#define MS LUBDUB_MILLISECOND
#define START (1000 * LUBDUB_SECOND)

/* Every test gets a ledger of ten identities, all up; identity N has session 100 + N. */
static int setup(void **state)
{
    static struct swarm_ledger ledger;
    uint32_t i;

    assert_true(swarm_ledger_init(&ledger, 10));
    for (i = 0; i < 10; i++) {
        swarm_ledger_up(&ledger, i, 100 + i, START);
    }
    *state = &ledger;
    return 0;
}

static int teardown(void **state)
{
    swarm_ledger_clear(*state);
    return 0;
}

static void server_says(struct swarm_ledger *ledger, uint32_t identity, lubdub_time at, enum lubdub_cause cause)
{
    swarm_ledger_verdict(
        ledger,
        &(struct swarm_verdict){
            .side = SWARM_SIDE_SERVER, .identity = identity, .session = 100 + identity, .at = at, .cause = cause});
}

static void client_says(struct swarm_ledger *ledger, uint32_t identity, lubdub_time at, enum lubdub_cause cause)
{
    swarm_ledger_verdict(
        ledger, &(struct swarm_verdict){.side = SWARM_SIDE_CLIENT, .identity = identity, .at = at, .cause = cause});
}

static void freeze(struct swarm_ledger *ledger, uint32_t identity)
{
    swarm_ledger_inject(ledger, SWARM_FAULT_FREEZE, identity, START, SWARM_MUST_NOTICE);
}

static void frozen_client_that_the_server_calls_hung_is_detected(void **state)
{
    struct swarm_ledger *ledger = *state;

    freeze(ledger, 3);
    assert_int_equal(ledger->open_count, 1);
    server_says(ledger, 3, START + 700 * MS, LUBDUB_CAUSE_HUNG);

    assert_int_equal(ledger->count, 1);
    assert_int_equal(ledger->observations[0].outcome, SWARM_DETECTED);
    assert_int_equal(ledger->observations[0].identity, 3);
    assert_int_equal(ledger->observations[0].cause, LUBDUB_CAUSE_HUNG);
    assert_true(ledger->observations[0].decided_at - ledger->observations[0].injected_at == 700 * MS);
    assert_int_equal(ledger->open_count, 0);
    assert_int_equal(ledger->noticed_count, 1);
    assert_int_equal(ledger->false_count, 0);
}

static void verdict_with_a_cause_that_the_fault_does_not_explain_is_a_wrong_cause(void **state)
{
    struct swarm_ledger *ledger = *state;

    freeze(ledger, 3);
    server_says(ledger, 3, START + 700 * MS, LUBDUB_CAUSE_UNREACHABLE);
    assert_int_equal(ledger->observations[0].outcome, SWARM_WRONG_CAUSE);
    assert_int_equal(ledger->open_count, 0);
    assert_int_equal(ledger->false_count, 0);
}

static void killed_client_may_be_closed_or_reset_and_a_reset_one_only_reset(void **state)
{
    struct swarm_ledger *ledger = *state;

    swarm_ledger_inject(ledger, SWARM_FAULT_KILL, 0, START, SWARM_MUST_NOTICE);
    swarm_ledger_inject(ledger, SWARM_FAULT_KILL, 1, START, SWARM_MUST_NOTICE);
    swarm_ledger_inject(ledger, SWARM_FAULT_RESET, 2, START, SWARM_MUST_NOTICE);
    swarm_ledger_inject(ledger, SWARM_FAULT_RESET, 3, START, SWARM_MUST_NOTICE);
    server_says(ledger, 0, START + 1, LUBDUB_CAUSE_CLOSED);
    server_says(ledger, 1, START + 1, LUBDUB_CAUSE_RESET);
    server_says(ledger, 2, START + 1, LUBDUB_CAUSE_RESET);
    server_says(ledger, 3, START + 1, LUBDUB_CAUSE_CLOSED);
    assert_int_equal(ledger->observations[0].outcome, SWARM_DETECTED);
    assert_int_equal(ledger->observations[1].outcome, SWARM_DETECTED);
    assert_int_equal(ledger->observations[2].outcome, SWARM_DETECTED);
    assert_int_equal(ledger->observations[3].outcome, SWARM_WRONG_CAUSE);
}

static void fault_that_nobody_notices_is_missed_when_the_time_is_over(void **state)
{
    struct swarm_ledger *ledger = *state;

    freeze(ledger, 3);
    server_says(ledger, 4, START + 1, LUBDUB_CAUSE_HUNG);
    swarm_ledger_settle(ledger, LUBDUB_TIME_NEVER);
    assert_int_equal(ledger->observations[0].outcome, SWARM_MISSED);
    assert_int_equal(ledger->open_count, 0);
}

static void verdict_after_that_neither_detects_nor_alarms(void **state)
{
    struct swarm_ledger *ledger = *state;

    freeze(ledger, 3);
    swarm_ledger_settle(ledger, LUBDUB_TIME_NEVER);
    server_says(ledger, 3, START + 60 * LUBDUB_SECOND, LUBDUB_CAUSE_CLOSED);
    assert_int_equal(ledger->count, 1);
    assert_int_equal(ledger->observations[0].outcome, SWARM_MISSED);
    assert_int_equal(ledger->noticed_count, 0);
    assert_int_equal(ledger->false_count, 0);
}

static void interrupted_run_leaves_young_faults_undecided_and_misses_old_ones(void **state)
{
    struct swarm_ledger *ledger = *state;

    freeze(ledger, 3);
    swarm_ledger_inject(ledger, SWARM_FAULT_FREEZE, 4, START + 5 * LUBDUB_SECOND, SWARM_MUST_NOTICE);
    swarm_ledger_settle(ledger, START + 2 * LUBDUB_SECOND);
    assert_int_equal(ledger->observations[0].outcome, SWARM_MISSED);
    assert_int_equal(ledger->observations[1].outcome, SWARM_UNDECIDED);
    assert_int_equal(ledger->open_count, 0);
}

static void verdict_on_a_client_that_lives_is_a_false_alarm(void **state)
{
    struct swarm_ledger *ledger = *state;

    server_says(ledger, 5, START, LUBDUB_CAUSE_HUNG);
    assert_int_equal(ledger->false_count, 1);
    assert_int_equal(ledger->observations[0].outcome, SWARM_FALSE_ALARM);
    assert_int_equal(ledger->observations[0].fault, SWARM_FAULT_NONE);
    assert_int_equal(ledger->observations[0].side, SWARM_SIDE_SERVER);
    assert_true(ledger->observations[0].injected_at == 0);
}

/* The server expires a living client, which then gets a BYE: one false alarm, the server's. */
static void one_who_judges_is_to_blame_whichever_is_heard_first(void **state)
{
    struct swarm_ledger *ledger = *state;

    client_says(ledger, 5, START + 2 * MS, LUBDUB_CAUSE_BYE);
    server_says(ledger, 5, START + 1 * MS, LUBDUB_CAUSE_HUNG);
    assert_int_equal(ledger->false_count, 1);
    assert_int_equal(ledger->count, 1);
    assert_int_equal(ledger->observations[0].side, SWARM_SIDE_SERVER);
    assert_int_equal(ledger->observations[0].cause, LUBDUB_CAUSE_HUNG);

    client_says(ledger, 6, START + 1 * MS, LUBDUB_CAUSE_HUNG);
    server_says(ledger, 6, START + 2 * MS, LUBDUB_CAUSE_CLOSED);
    assert_int_equal(ledger->false_count, 2);
    assert_int_equal(ledger->count, 2);
    assert_int_equal(ledger->observations[1].side, SWARM_SIDE_CLIENT);
}

/* The client reads its clock, waits for its processor, and then finds the BYE that was written meanwhile. */
static void one_who_judges_is_to_blame_even_if_its_stamp_is_later(void **state)
{
    struct swarm_ledger *ledger = *state;

    client_says(ledger, 5, START, LUBDUB_CAUSE_BYE);
    server_says(ledger, 5, START + 36 * MS, LUBDUB_CAUSE_HUNG);
    server_says(ledger, 6, START + 36 * MS, LUBDUB_CAUSE_HUNG);
    client_says(ledger, 6, START, LUBDUB_CAUSE_BYE);
    assert_int_equal(ledger->false_count, 2);
    assert_int_equal(ledger->observations[0].side, SWARM_SIDE_SERVER);
    assert_int_equal(ledger->observations[1].side, SWARM_SIDE_SERVER);
}

static void earlier_one_is_to_blame_where_both_judge(void **state)
{
    struct swarm_ledger *ledger = *state;

    server_says(ledger, 5, START + 2 * MS, LUBDUB_CAUSE_HUNG);
    client_says(ledger, 5, START + 1 * MS, LUBDUB_CAUSE_UNREACHABLE);
    assert_int_equal(ledger->false_count, 1);
    assert_int_equal(ledger->observations[0].side, SWARM_SIDE_CLIENT);
}

static void client_given_up_before_its_fault_is_a_false_alarm_and_not_a_quick_detection(void **state)
{
    struct swarm_ledger *ledger = *state;

    freeze(ledger, 3);
    server_says(ledger, 3, START - 1, LUBDUB_CAUSE_HUNG);
    assert_int_equal(ledger->observations[0].outcome, SWARM_FALSE_ALARM);
    assert_int_equal(ledger->observations[0].fault, SWARM_FAULT_NONE);
    assert_int_equal(ledger->open_count, 0);
    assert_int_equal(ledger->false_count, 1);
}

/* The server reads its clock, waits for its processor, and only then finds the end of file. */
static void what_the_kernel_tells_may_be_stamped_before_the_fault(void **state)
{
    struct swarm_ledger *ledger = *state;

    swarm_ledger_inject(ledger, SWARM_FAULT_KILL, 3, START, SWARM_MUST_NOTICE);
    server_says(ledger, 3, START - 20 * MS, LUBDUB_CAUSE_CLOSED);
    assert_int_equal(ledger->observations[0].outcome, SWARM_DETECTED);
    assert_int_equal(ledger->false_count, 0);
}

static void end_told_twice_by_the_same_side_is_a_false_alarm_of_its_own(void **state)
{
    struct swarm_ledger *ledger = *state;

    freeze(ledger, 3);
    server_says(ledger, 3, START + 700 * MS, LUBDUB_CAUSE_HUNG);
    server_says(ledger, 3, START + 701 * MS, LUBDUB_CAUSE_CLOSED);
    assert_int_equal(ledger->observations[0].outcome, SWARM_DETECTED);
    assert_int_equal(ledger->false_count, 1);
}

static void other_side_that_sees_the_end_of_a_detected_session_says_nothing_new(void **state)
{
    struct swarm_ledger *ledger = *state;

    swarm_ledger_inject(ledger, SWARM_FAULT_SERVER_FREEZE, 3, START, SWARM_MUST_NOTICE);
    client_says(ledger, 3, START + 900 * MS, LUBDUB_CAUSE_HUNG);
    server_says(ledger, 3, START + 950 * MS, LUBDUB_CAUSE_CLOSED);
    assert_int_equal(ledger->observations[0].outcome, SWARM_DETECTED);
    assert_int_equal(ledger->count, 1);
    assert_int_equal(ledger->false_count, 0);
}

static void everybody_who_gets_through_a_stall_is_spared_and_counts_anew(void **state)
{
    struct swarm_ledger *ledger = *state;

    swarm_ledger_inject(ledger, SWARM_FAULT_SERVER_STALL, 3, START, SWARM_MUST_NOT_NOTICE);
    assert_int_equal(ledger->open_count, 0);
    swarm_ledger_settle(ledger, LUBDUB_TIME_NEVER);
    assert_int_equal(ledger->observations[0].outcome, SWARM_SPARED);

    client_says(ledger, 3, START + 9 * LUBDUB_SECOND, LUBDUB_CAUSE_HUNG);
    assert_int_equal(ledger->observations[1].outcome, SWARM_FALSE_ALARM);
    assert_int_equal(ledger->observations[1].fault, SWARM_FAULT_NONE);
}

static void verdict_of_either_side_in_a_stall_is_a_false_alarm_of_the_stall(void **state)
{
    struct swarm_ledger *ledger = *state;

    swarm_ledger_inject(ledger, SWARM_FAULT_SERVER_STALL, 3, START, SWARM_MUST_NOT_NOTICE);
    swarm_ledger_inject(ledger, SWARM_FAULT_SERVER_STALL, 4, START, SWARM_MUST_NOT_NOTICE);
    client_says(ledger, 3, START + 2 * LUBDUB_SECOND, LUBDUB_CAUSE_HUNG);
    server_says(ledger, 4, START + 3 * LUBDUB_SECOND, LUBDUB_CAUSE_HUNG);
    assert_int_equal(ledger->observations[0].outcome, SWARM_FALSE_ALARM);
    assert_int_equal(ledger->observations[0].fault, SWARM_FAULT_SERVER_STALL);
    assert_int_equal(ledger->observations[0].side, SWARM_SIDE_CLIENT);
    assert_int_equal(ledger->observations[1].side, SWARM_SIDE_SERVER);
    assert_int_equal(ledger->false_count, 2);
}

static void client_that_may_give_up_a_stalled_server_detects_it_and_the_server_follows(void **state)
{
    struct swarm_ledger *ledger = *state;

    swarm_ledger_inject(ledger, SWARM_FAULT_SERVER_STALL, 3, START, SWARM_MAY_NOTICE);
    client_says(ledger, 3, START + 2 * LUBDUB_SECOND, LUBDUB_CAUSE_HUNG);
    server_says(ledger, 3, START + 3 * LUBDUB_SECOND, LUBDUB_CAUSE_CLOSED);
    assert_int_equal(ledger->observations[0].outcome, SWARM_DETECTED);
    assert_int_equal(ledger->false_count, 0);
}

static void verdict_on_an_older_session_of_the_identity_is_stale(void **state)
{
    struct swarm_ledger *ledger = *state;

    swarm_ledger_up(ledger, 3, 4711, START);
    server_says(ledger, 3, START, LUBDUB_CAUSE_CLOSED);  /* session 103 */
    server_says(ledger, 10, START, LUBDUB_CAUSE_CLOSED); /* there is no such identity */
    assert_int_equal(ledger->count, 0);
    assert_int_equal(ledger->stale_count, 2);
}

static void sessions_that_differ_in_their_upper_half_only_are_told_apart(void **state)
{
    struct swarm_ledger *ledger = *state;

    swarm_ledger_up(ledger, 3, (UINT64_C(7) << 48) + 103, START);
    server_says(ledger, 3, START, LUBDUB_CAUSE_CLOSED);
    assert_int_equal(ledger->stale_count, 1);
}

static void death_of_the_server_excuses_what_clients_said_from_then_on(void **state)
{
    struct swarm_ledger *ledger = *state;

    client_says(ledger, 1, START, LUBDUB_CAUSE_HUNG);
    client_says(ledger, 2, START + 5 * LUBDUB_SECOND, LUBDUB_CAUSE_CLOSED);
    server_says(ledger, 3, START + 5 * LUBDUB_SECOND, LUBDUB_CAUSE_HUNG);
    swarm_ledger_server_died(ledger, START + 4 * LUBDUB_SECOND);
    assert_int_equal(ledger->observations[0].outcome, SWARM_FALSE_ALARM);
    assert_int_equal(ledger->observations[1].outcome, SWARM_EXCUSED);
    assert_int_equal(ledger->observations[2].outcome, SWARM_FALSE_ALARM);
    assert_int_equal(ledger->false_count, 2);
}

static void lateness_is_that_of_the_verdict_that_counts(void **state)
{
    struct swarm_ledger *ledger = *state;
    struct swarm_verdict verdict = {.side = SWARM_SIDE_SERVER,
                                    .identity = 3,
                                    .session = 103,
                                    .at = START + 700 * MS,
                                    .cause = LUBDUB_CAUSE_HUNG,
                                    .late_by = 42,
                                    .has_deadline = true};

    freeze(ledger, 3);
    swarm_ledger_verdict(ledger, &verdict);
    client_says(ledger, 3, START + 701 * MS, LUBDUB_CAUSE_CLOSED); /* follows, and changes nothing */
    assert_true(ledger->observations[0].has_deadline);
    assert_int_equal(ledger->observations[0].late_by, 42);

    client_says(ledger, 4, START, LUBDUB_CAUSE_BYE);
    assert_false(ledger->observations[1].has_deadline);
    verdict.identity = 4;
    verdict.session = 104;
    swarm_ledger_verdict(ledger, &verdict); /* who judged is to blame, with its own lateness */
    assert_true(ledger->observations[1].has_deadline);
    assert_int_equal(ledger->observations[1].late_by, 42);
}

static void mistake_lasts_until_who_was_given_up_is_up_again(void **state)
{
    struct swarm_ledger *ledger = *state;

    server_says(ledger, 5, START, LUBDUB_CAUSE_HUNG);
    server_says(ledger, 6, START, LUBDUB_CAUSE_HUNG);
    client_says(ledger, 5, START + 1 * MS, LUBDUB_CAUSE_BYE);
    assert_true(swarm_ledger_is_mistaken(ledger, 5));
    assert_false(swarm_ledger_is_mistaken(ledger, 7));
    assert_false(swarm_ledger_is_mistaken(ledger, 10));
    swarm_ledger_up(ledger, 5, 205, START + 300 * MS);
    assert_false(swarm_ledger_is_mistaken(ledger, 5));
    swarm_ledger_up(ledger, 5, 305, START + 900 * MS); /* a later session corrects nothing more */
    assert_true(ledger->observations[0].corrected_at - ledger->observations[0].decided_at == 300 * MS);
    assert_true(ledger->observations[1].corrected_at == 0);
}

static void one_who_was_really_dead_is_no_mistake_to_correct(void **state)
{
    struct swarm_ledger *ledger = *state;

    freeze(ledger, 3);
    server_says(ledger, 3, START + 700 * MS, LUBDUB_CAUSE_HUNG);
    swarm_ledger_up(ledger, 3, 203, START + 900 * MS);
    assert_int_equal(ledger->observations[0].outcome, SWARM_DETECTED);
    assert_true(ledger->observations[0].corrected_at == 0);
}

static void cut(struct swarm_ledger *ledger, uint32_t identity)
{
    swarm_ledger_inject(ledger, SWARM_FAULT_CUT, identity, START, SWARM_MUST_NOTICE);
}

static void both_sides_have_to_notice_a_cut_each_for_itself(void **state)
{
    struct swarm_ledger *ledger = *state;

    cut(ledger, 3);
    cut(ledger, 4);
    cut(ledger, 5);
    assert_int_equal(ledger->count, 6);
    assert_int_equal(ledger->open_count, 6);
    server_says(ledger, 3, START + 700 * MS, LUBDUB_CAUSE_UNREACHABLE);
    client_says(ledger, 3, START + 900 * MS, LUBDUB_CAUSE_UNREACHABLE);
    client_says(ledger, 4, START + 900 * MS, LUBDUB_CAUSE_HUNG);
    assert_int_equal(ledger->open_count, 3);
    swarm_ledger_settle(ledger, LUBDUB_TIME_NEVER);

    assert_int_equal(ledger->observations[0].side, SWARM_SIDE_CLIENT);
    assert_int_equal(ledger->observations[0].outcome, SWARM_DETECTED);
    assert_true(ledger->observations[0].decided_at == START + 900 * MS);
    assert_int_equal(ledger->observations[1].side, SWARM_SIDE_SERVER);
    assert_int_equal(ledger->observations[1].outcome, SWARM_DETECTED);
    assert_true(ledger->observations[1].decided_at == START + 700 * MS);
    assert_int_equal(ledger->observations[2].outcome, SWARM_WRONG_CAUSE);
    assert_int_equal(ledger->observations[3].outcome, SWARM_MISSED);
    assert_int_equal(ledger->observations[4].outcome, SWARM_MISSED);
    assert_int_equal(ledger->observations[5].outcome, SWARM_MISSED);
    assert_int_equal(ledger->false_count, 0);
    assert_int_equal(ledger->open_count, 0);
}

static void one_given_up_before_the_cut_is_one_false_alarm_and_nothing_was_injected(void **state)
{
    struct swarm_ledger *ledger = *state;

    cut(ledger, 3);
    client_says(ledger, 3, START - 2, LUBDUB_CAUSE_BYE);
    server_says(ledger, 3, START - 3, LUBDUB_CAUSE_HUNG);
    cut(ledger, 4);
    server_says(ledger, 4, START - 1, LUBDUB_CAUSE_HUNG);
    client_says(ledger, 4, START + 1, LUBDUB_CAUSE_CLOSED);
    swarm_ledger_settle(ledger, LUBDUB_TIME_NEVER);

    assert_int_equal(ledger->count, 4);
    assert_int_equal(ledger->false_count, 2);
    assert_int_equal(ledger->open_count, 0);
    assert_int_equal(ledger->observations[0].outcome, SWARM_FALSE_ALARM);
    assert_int_equal(ledger->observations[0].side, SWARM_SIDE_SERVER);
    assert_int_equal(ledger->observations[1].outcome, SWARM_SPARED);
    assert_int_equal(ledger->observations[2].outcome, SWARM_SPARED);
    assert_int_equal(ledger->observations[3].outcome, SWARM_FALSE_ALARM);
    assert_int_equal(ledger->observations[3].side, SWARM_SIDE_SERVER);
    assert_true(ledger->observations[2].injected_at == 0);
}

static void fault_on_one_who_lives_with_another_spares_him_the_first(void **state)
{
    struct swarm_ledger *ledger = *state;

    swarm_ledger_inject(ledger, SWARM_FAULT_SERVER_STALL, 3, START, SWARM_MUST_NOT_NOTICE);
    swarm_ledger_inject(ledger, SWARM_FAULT_FREEZE, 3, START + 1, SWARM_MUST_NOTICE);
    swarm_ledger_settle(ledger, START);
    assert_int_equal(ledger->observations[0].outcome, SWARM_SPARED);
    assert_int_equal(ledger->observations[1].outcome, SWARM_UNDECIDED);

    swarm_ledger_inject(ledger, SWARM_FAULT_SERVER_STALL, 4, START, SWARM_MUST_NOT_NOTICE);
    swarm_ledger_inject(ledger, SWARM_FAULT_FREEZE, 4, START + 1, SWARM_MUST_NOTICE);
    server_says(ledger, 4, START + 700 * MS, LUBDUB_CAUSE_HUNG);
    swarm_ledger_settle(ledger, LUBDUB_TIME_NEVER);
    assert_int_equal(ledger->observations[2].outcome, SWARM_SPARED);
    assert_int_equal(ledger->observations[3].outcome, SWARM_DETECTED);
    assert_int_equal(ledger->false_count, 0);
}

static void ledger_grows_to_any_number_of_observations(void **state)
{
    struct swarm_ledger *ledger = *state;
    uint64_t session;

    for (session = 1; session <= 5000; session++) {
        swarm_ledger_up(ledger, 7, session, START);
        freeze(ledger, 7);
        swarm_ledger_verdict(ledger, &(struct swarm_verdict){.side = SWARM_SIDE_SERVER,
                                                             .identity = 7,
                                                             .session = session,
                                                             .at = START + session,
                                                             .cause = LUBDUB_CAUSE_HUNG});
    }
    assert_int_equal(ledger->count, 5000);
    assert_int_equal(ledger->noticed_count, 5000);
    assert_int_equal(ledger->open_count, 0);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(frozen_client_that_the_server_calls_hung_is_detected),
        LEDGER_TEST(verdict_with_a_cause_that_the_fault_does_not_explain_is_a_wrong_cause),
        LEDGER_TEST(killed_client_may_be_closed_or_reset_and_a_reset_one_only_reset),
        LEDGER_TEST(fault_that_nobody_notices_is_missed_when_the_time_is_over),
        LEDGER_TEST(verdict_after_that_neither_detects_nor_alarms),
        LEDGER_TEST(interrupted_run_leaves_young_faults_undecided_and_misses_old_ones),
        LEDGER_TEST(verdict_on_a_client_that_lives_is_a_false_alarm),
        LEDGER_TEST(one_who_judges_is_to_blame_whichever_is_heard_first),
        LEDGER_TEST(one_who_judges_is_to_blame_even_if_its_stamp_is_later),
        LEDGER_TEST(earlier_one_is_to_blame_where_both_judge),
        LEDGER_TEST(client_given_up_before_its_fault_is_a_false_alarm_and_not_a_quick_detection),
        LEDGER_TEST(what_the_kernel_tells_may_be_stamped_before_the_fault),
        LEDGER_TEST(end_told_twice_by_the_same_side_is_a_false_alarm_of_its_own),
        LEDGER_TEST(other_side_that_sees_the_end_of_a_detected_session_says_nothing_new),
        LEDGER_TEST(everybody_who_gets_through_a_stall_is_spared_and_counts_anew),
        LEDGER_TEST(verdict_of_either_side_in_a_stall_is_a_false_alarm_of_the_stall),
        LEDGER_TEST(client_that_may_give_up_a_stalled_server_detects_it_and_the_server_follows),
        LEDGER_TEST(verdict_on_an_older_session_of_the_identity_is_stale),
        LEDGER_TEST(sessions_that_differ_in_their_upper_half_only_are_told_apart),
        LEDGER_TEST(death_of_the_server_excuses_what_clients_said_from_then_on),
        LEDGER_TEST(lateness_is_that_of_the_verdict_that_counts),
        LEDGER_TEST(mistake_lasts_until_who_was_given_up_is_up_again),
        LEDGER_TEST(one_who_was_really_dead_is_no_mistake_to_correct),
        LEDGER_TEST(both_sides_have_to_notice_a_cut_each_for_itself),
        LEDGER_TEST(one_given_up_before_the_cut_is_one_false_alarm_and_nothing_was_injected),
        LEDGER_TEST(fault_on_one_who_lives_with_another_spares_him_the_first),
        LEDGER_TEST(ledger_grows_to_any_number_of_observations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
