/* News of both sides is understood in whatever order it arrives. */
#include "support/test.h"

#include <stdlib.h>

#include "swarm/run/attendance.h"
#include "swarm/run/news.h"
#include "swarm/run/return.h"

#define CLIENTS 10
#define SESSION 41
#define START (1000 * LUBDUB_SECOND)

static const struct swarm_options options = {.clients = CLIENTS};
static struct swarm_findings findings;
static struct swarm_run run;

static void up(uint32_t client, uint64_t session)
{
    swarm_run_workers_hooks.on_up(
        &run, &(struct swarm_message){.kind = SWARM_UP, .client = client, .session = session, .at = START});
}

static void struck(uint32_t client, enum swarm_fault fault, bool is_done, lubdub_time at)
{
    swarm_run_workers_hooks.on_struck(
        &run, &(struct swarm_message){
                  .kind = SWARM_STRUCK, .client = client, .fault = (uint8_t)fault, .flag = is_done, .at = at});
}

static void client_says(uint32_t client, enum lubdub_cause cause, lubdub_time at)
{
    swarm_run_workers_hooks.on_down(
        &run, &(struct swarm_message){.kind = SWARM_DOWN, .client = client, .cause = (uint8_t)cause, .at = at});
}

static void server_says(uint32_t client, enum lubdub_cause cause, lubdub_time at)
{
    swarm_run_on_server_event(&run, &(struct swarm_server_event){.kind = SWARM_SERVER_DISCONNECTED,
                                                                 .has_client = true,
                                                                 .client = client,
                                                                 .session = SESSION,
                                                                 .cause = cause,
                                                                 .at = at});
}

/* A run with one process whose channel is closed: what it is told goes nowhere. */
static int setup(void **state)
{
    uint32_t i;

    (void)state;
    memset(&run, 0, sizeof run);
    memset(&findings, 0, sizeof findings);
    run.findings = &findings;
    run.options = &options;
    run.loop = ev_loop_new(EVFLAG_AUTO); /* it never turns */
    assert_non_null(run.loop);
    swarm_run_return_init(&run);
    findings.has_server = true;
    run.workers.settings.client_count = CLIENTS;
    run.workers.count = 1;
    run.workers.list = calloc(1, sizeof *run.workers.list);
    assert_non_null(run.workers.list);
    assert_true(swarm_attendance_init(&run.attendance, CLIENTS));
    assert_true(swarm_ledger_init(&findings.ledger, CLIENTS));
    for (i = 0; i < CLIENTS; i++) {
        up(i, SESSION);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    swarm_run_return_clear(&run);
    ev_loop_destroy(run.loop);
    free(run.workers.list);
    swarm_attendance_clear(&run.attendance);
    swarm_held_back_clear(&run.held_back);
    swarm_ledger_clear(&findings.ledger);
    return 0;
}

static void servers_verdict_may_come_before_the_answer_to_the_strike(void **state)
{
    (void)state;
    swarm_run_strike(&run, SWARM_FAULT_KILL, 3);
    server_says(3, LUBDUB_CAUSE_CLOSED, START + 70);
    assert_int_equal(findings.ledger.count, 0);
    assert_false(swarm_run_all_verdicts_are_in(&run));
    struck(3, SWARM_FAULT_KILL, true, START + 50);
    assert_true(swarm_run_all_verdicts_are_in(&run));
    assert_int_equal(findings.ledger.count, 1);
    assert_int_equal(findings.ledger.false_count, 0);
    assert_int_equal(findings.ledger.observations[0].outcome, SWARM_DETECTED);
    assert_true(findings.ledger.observations[0].injected_at == START + 50);
    assert_true(findings.ledger.observations[0].decided_at == START + 70);
    assert_false(swarm_run_is_up(&run, 3));
    assert_int_equal(run.attendance.up_count, CLIENTS - 1);
}

static void verdict_on_one_who_could_not_be_struck_is_a_false_alarm(void **state)
{
    (void)state;
    swarm_run_strike(&run, SWARM_FAULT_FREEZE, 3);
    server_says(3, LUBDUB_CAUSE_HUNG, START + 70);
    client_says(3, LUBDUB_CAUSE_BYE, START + 80);
    struck(3, SWARM_FAULT_FREEZE, false, 0);
    assert_int_equal(findings.ledger.false_count, 1);
    assert_int_equal(findings.ledger.observations[0].side, SWARM_SIDE_SERVER);
    assert_int_equal(findings.measures.skipped_count, 1);
    assert_true(swarm_run_all_verdicts_are_in(&run));
}

static void verdict_on_another_does_not_wait(void **state)
{
    (void)state;
    swarm_run_strike(&run, SWARM_FAULT_KILL, 3);
    server_says(4, LUBDUB_CAUSE_HUNG, START + 70);
    assert_int_equal(findings.ledger.false_count, 1);
    struck(3, SWARM_FAULT_KILL, true, START + 50);
    assert_int_equal(findings.ledger.false_count, 1);
    assert_int_equal(findings.ledger.open_count, 1);
}

static void strike_on_one_who_is_not_up_is_skipped_and_counted(void **state)
{
    (void)state;
    client_says(3, LUBDUB_CAUSE_CLOSED, START + 10);
    assert_int_equal(run.attendance.up_count, CLIENTS - 1);
    swarm_run_strike(&run, SWARM_FAULT_KILL, 3);
    assert_int_equal(findings.measures.skipped_count, 1);
    assert_int_equal(run.attendance.struck_count, 0);
    swarm_run_strike(&run, SWARM_FAULT_KILL, 4);
    swarm_run_strike(&run, SWARM_FAULT_KILL, 4); /* dies once */
    assert_int_equal(findings.measures.skipped_count, 2);
    assert_int_equal(run.attendance.struck_count, 1);
}

static void fault_of_the_servers_is_injected_into_all_who_are_up(void **state)
{
    (void)state;
    client_says(3, LUBDUB_CAUSE_CLOSED, START + 10);
    swarm_run_inject_all(&run, SWARM_FAULT_SERVER_KILL, START + 50, SWARM_MUST_NOTICE);
    assert_int_equal(findings.ledger.open_count, CLIENTS - 1);
    client_says(5, LUBDUB_CAUSE_RESET, START + 60);
    assert_int_equal(findings.ledger.open_count, CLIENTS - 2);
}

static void after_a_death_in_the_swarm_nothing_is_judged(void **state)
{
    (void)state;
    findings.is_worker_lost = true;
    server_says(3, LUBDUB_CAUSE_RESET, START + 70);
    client_says(4, LUBDUB_CAUSE_HUNG, START + 70);
    assert_int_equal(findings.ledger.count, 0);
}

static void clients_of_a_process_that_died_were_rightly_given_up(void **state)
{
    (void)state;
    server_says(2, LUBDUB_CAUSE_CLOSED, START + 70);
    server_says(3, LUBDUB_CAUSE_CLOSED, START + 30);
    server_says(8, LUBDUB_CAUSE_CLOSED, START + 70);
    assert_int_equal(findings.ledger.false_count, 3);
    swarm_ledger_clients_died(&findings.ledger, 0, 5, START + 50);
    assert_int_equal(findings.ledger.false_count, 2);
    assert_int_equal(findings.ledger.observations[0].outcome, SWARM_EXCUSED);
    assert_int_equal(findings.ledger.observations[1].outcome, SWARM_FALSE_ALARM); /* before it died */
    assert_int_equal(findings.ledger.observations[2].outcome, SWARM_FALSE_ALARM); /* of another process */
}

#define NEWS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NEWS_TEST(servers_verdict_may_come_before_the_answer_to_the_strike),
        NEWS_TEST(verdict_on_one_who_could_not_be_struck_is_a_false_alarm),
        NEWS_TEST(verdict_on_another_does_not_wait),
        NEWS_TEST(strike_on_one_who_is_not_up_is_skipped_and_counted),
        NEWS_TEST(fault_of_the_servers_is_injected_into_all_who_are_up),
        NEWS_TEST(after_a_death_in_the_swarm_nothing_is_judged),
        NEWS_TEST(clients_of_a_process_that_died_were_rightly_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
