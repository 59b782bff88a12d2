/* What several paths do to a beat: a cut of one costs two short waits, outages are shared as told, and nobody is lost.
 */
#include "simulate/contest/bound.h"
#include "simulate/contest/paths.h"
#include "simulate/world/many.h"

#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define CUT_AT (60 * LUBDUB_SECOND)

/* The stream waits so long before it uses another path: once for the probe, once for its answer. */
#define WAIT (204 * MS)

static void settings_of_two_paths(struct sim_settings *settings, lubdub_duration interval, lubdub_duration patience)
{
    sim_settings_init(settings);
    settings->clients = 1;
    settings->length = 2 * LUBDUB_MINUTE;
    settings->is_mixed = false;
    settings->network = SIM_NETWORK_CLEAN;
    settings->paths = 2;
    settings->faults = SIM_FAULTS_NONE;
    settings->interval = interval;
    settings->timeout = settings->expiry = patience;
}

static void run(const struct sim_settings *settings, struct sim_result *result)
{
    *result = (struct sim_result){0};
    sim_run(settings, result);
    if (result->has_failed) {
        fail_msg("%s", result->problem);
    }
}

static size_t first_beat_after(const struct sim_trace *trace, lubdub_time at)
{
    size_t k = 0;

    while (k < trace->count && trace->beats[k].sent_at < at) {
        k++;
    }
    assert_true(k + 5 < trace->count);
    return k;
}

static lubdub_duration round_trip(const struct sim_trace *trace, size_t k)
{
    assert_true(trace->beats[k].answered_at != LUBDUB_TIME_NEVER);
    return trace->beats[k].answered_at - trace->beats[k].sent_at;
}

static void cut_of_the_path_in_use_costs_one_probe_two_waits(void **state)
{
    struct sim_settings settings;
    struct sim_result result;
    struct sim_trace trace = {0};
    size_t k;
    size_t i;
    (void)state;

    settings_of_two_paths(&settings, LUBDUB_SECOND, LUBDUB_HOUR);
    settings.outage_at = CUT_AT;
    settings.outage_length = 20 * LUBDUB_SECOND;
    settings.outage_of_one = true;
    settings.traces = &trace;
    run(&settings, &result);
    k = first_beat_after(&trace, CUT_AT);
    assert_true(round_trip(&trace, k - 1) < 3 * MS);
    assert_true(trace.beats[k].heard_at - trace.beats[k].sent_at >= WAIT);
    assert_true(round_trip(&trace, k) >= 2 * WAIT && round_trip(&trace, k) < 2 * WAIT + 10 * MS);
    for (i = 1; i < 5; i++) {
        assert_true(round_trip(&trace, k + i) < 3 * MS); /* over the other path, at once */
    }
    sim_trace_clear(&trace);
    sim_result_clear(&result);
}

static void cut_of_one_path_loses_nobody_at_half_a_second(void **state)
{
    struct sim_settings settings;
    struct sim_result result;
    (void)state;

    settings_of_two_paths(&settings, 200 * MS, 500 * MS);
    settings.clients = 20;
    settings.outage_at = CUT_AT;
    settings.outage_length = 20 * LUBDUB_SECOND;
    settings.outage_of_one = true;
    run(&settings, &result);
    assert_int_equal(result.verdicts, 0);
    assert_int_equal(result.sessions, settings.clients);
    sim_result_clear(&result);

    settings.outage_of_one = false; /* and of both everybody is */
    run(&settings, &result);
    assert_true(result.verdicts >= settings.clients);
    sim_result_clear(&result);
}

/* The longest that a probe waited for its answer, where both paths were out for so long. */
static lubdub_duration longest_wait(lubdub_duration rto_max, lubdub_duration outage)
{
    struct sim_settings settings;
    struct sim_result result;
    struct sim_trace trace = {0};
    lubdub_duration longest = 0;
    size_t k;

    settings_of_two_paths(&settings, LUBDUB_SECOND, LUBDUB_HOUR);
    settings.outage_at = CUT_AT;
    settings.outage_length = outage;
    settings.tcp.rto_max = rto_max;
    settings.traces = &trace;
    run(&settings, &result);
    for (k = first_beat_after(&trace, CUT_AT); k < trace.count && trace.beats[k].sent_at < CUT_AT + outage; k++) {
        longest = lubdub_duration_longer(longest, round_trip(&trace, k));
    }
    sim_trace_clear(&trace);
    sim_result_clear(&result);
    return longest;
}

/* net.ipv4.tcp_rto_max_ms, the one of TCP's timers that an operator can set for paths: for the probe, and for its
 * answer. */
static void longest_timeout_of_the_machine_bounds_what_follows_an_outage_of_both_paths(void **state)
{
    const lubdub_duration outage = 8 * LUBDUB_SECOND;
    (void)state;

    assert_true(longest_wait(LUBDUB_SECOND, outage) < outage + 2 * LUBDUB_SECOND);
    assert_true(longest_wait(2 * LUBDUB_MINUTE, outage) > outage + 4 * LUBDUB_SECOND);
}

/* How many of 720,000 looks find the first path out; the second; both. */
static void count_outages(unsigned share, unsigned counts[3])
{
    struct sim_path paths[2];
    lubdub_time at;
    unsigned i;

    for (i = 0; i < 2; i++) {
        sim_path_init(&paths[i], SIM_NETWORK_EXPONENTIAL, 77 + i);
        sim_path_share(&paths[i], share, 5);
    }
    counts[0] = counts[1] = counts[2] = 0;
    for (at = 0; at < 100 * LUBDUB_HOUR; at += LUBDUB_SECOND / 2) {
        bool one = sim_path_is_out(&paths[0], at);
        bool other = sim_path_is_out(&paths[1], at);

        counts[0] += one;
        counts[1] += other;
        counts[2] += one && other;
    }
}

static void outages_are_shared_as_told_and_as_many_as_before(void **state)
{
    static const unsigned shares[] = {0, 50, 500, 1000};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(shares); i++) {
        unsigned counts[3];
        double expected = 720000 * 0.8 / 120.8;

        count_outages(shares[i], counts);
        assert_true(counts[0] > expected * 0.9 && counts[0] < expected * 1.1);
        assert_true(counts[1] > expected * 0.9 && counts[1] < expected * 1.1);
        assert_true(counts[2] > expected * shares[i] / 1000 * 0.7);
        assert_true(counts[2] < expected * (shares[i] / 1000.0 * 1.3 + 0.015)); /* and by chance */
    }
}

static uint64_t verdicts_of(unsigned paths, unsigned shared)
{
    struct sim_settings settings;
    struct sim_result result;
    uint64_t verdicts;

    settings_of_two_paths(&settings, LUBDUB_SECOND, 3 * LUBDUB_SECOND);
    settings.clients = 20;
    settings.length = 2 * LUBDUB_HOUR;
    settings.network = SIM_NETWORK_EXPONENTIAL;
    settings.paths = paths;
    settings.shared = shared;
    run(&settings, &result);
    verdicts = result.verdicts;
    sim_result_clear(&result);
    return verdicts;
}

static void second_path_that_shares_no_outage_loses_few_and_one_that_shares_all_is_no_help(void **state)
{
    uint64_t one = verdicts_of(1, 0);
    (void)state;

    assert_true(one > 40);
    assert_true(verdicts_of(2, 0) < one / 10);
    assert_true(verdicts_of(2, SIM_SHARED_ALL) > one / 2);
}

static void everything_holds_over_several_paths(void **state)
{
    struct sim_settings settings;
    static struct sim_sum sum;
    unsigned i;
    (void)state;

    for (i = 0; i < 2; i++) {
        sim_settings_init(&settings);
        settings.length = 3 * LUBDUB_MINUTE;
        settings.fault_gap = 2 * LUBDUB_SECOND;
        settings.paths = 2 + i;
        settings.shared = 200;
        settings.adapts = i == 1;
        assert_true(sim_run_many(&settings, 1, 6, 2, NULL, &sum));
        if (sum.failed > 0) {
            fail_msg("seed %llu, %u paths: %s", (unsigned long long)sum.failures[0].seed, settings.paths,
                     sum.failures[0].problem);
        }
        assert_true(sum.total.causes > 0);
        sim_sum_clear(&sum);
    }
}

/* Windows that are shut, slow links, receivers that stop reading. */
static void everything_holds_while_messages_flow_over_two_paths(void **state)
{
    struct sim_settings settings;
    static struct sim_sum sum;
    (void)state;

    sim_settings_init(&settings);
    settings.length = LUBDUB_MINUTE;
    settings.clients = 10;
    settings.fault_gap = 2 * LUBDUB_SECOND;
    settings.paths = 2;
    settings.shared = 200;
    settings.has_messages = true;
    assert_true(sim_run_many(&settings, 1, 3, 2, NULL, &sum));
    if (sum.failed > 0) {
        fail_msg("seed %llu: %s", (unsigned long long)sum.failures[0].seed, sum.failures[0].problem);
    }
    assert_true(sum.total.messages > 1000);
    sim_sum_clear(&sum);
}

static lubdub_duration bound_of(unsigned paths, unsigned shared)
{
    struct sim_settings settings;
    struct paths_bound bound;
    lubdub_duration timeout;

    settings_of_two_paths(&settings, LUBDUB_SECOND, LUBDUB_HOUR);
    settings.network = SIM_NETWORK_EXPONENTIAL;
    settings.paths = paths;
    settings.shared = shared;
    paths_bound_make(&bound, &settings, 300, 1);
    timeout = paths_bound_timeout(&bound, settings.interval, 1);
    paths_bound_clear(&bound);
    return timeout;
}

/*
 * On one path as computed by hand: of outages B, exponential with a mean of m = 0.8 s, every 2 min and B, an alarm is
 * expected of E[min(1, B - T)] = m (1 - e^(-1/m)) e^(-T/m); one a day, where T = 4.81 s.
 */
static void bound_is_that_of_the_outages_alone(void **state)
{
    const lubdub_duration one = bound_of(1, 0);
    (void)state;

    assert_true(one > 4600 * MS && one < 5000 * MS);
    assert_true(bound_of(2, SIM_SHARED_ALL) > one - 300 * MS && bound_of(2, SIM_SHARED_ALL) < one + 300 * MS);
    assert_true(bound_of(2, 50) > one * 2 / 5 && bound_of(2, 50) < one * 3 / 5);
    assert_true(bound_of(2, 0) < one * 2 / 5);
}

/* So short a run says how many packets go, and does not pretend to know how often a timeout is wrong in a day. */
static void comparison_has_one_path_with_as_many_packets_and_no_figure_without_ground(void **state)
{
    struct sim_settings settings;
    struct paths_contest contest;
    char problem[SIM_PROBLEM_SIZE];
    unsigned observer;
    (void)state;

    sim_settings_init(&settings);
    settings.length = 10 * LUBDUB_MINUTE;
    settings.paths = 2;
    settings.shared = 50;
    if (!paths_contest_run(&settings, true, SIM_NETWORK_EXPONENTIAL, 1, 2, 2, &contest, problem)) {
        fail_msg("%s", problem);
    }
    assert_int_equal(contest.count, 3); /* one path, one with as many packets, two */
    assert_int_equal(contest.entries[2].paths, 2);
    assert_true(contest.entries[2].segments_a_second > 1.5 * contest.entries[0].segments_a_second);
    assert_true(contest.entries[1].segments_a_second > 0.9 * contest.entries[2].segments_a_second);
    assert_true(contest.entries[1].segments_a_second < 1.1 * contest.entries[2].segments_a_second);
    for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
        assert_int_equal(contest.entries[2].cells[observer].timeout[PATHS_A_DAY], 0);
        assert_int_equal(contest.entries[0].cells[observer].timeout[PATHS_A_MONTH], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_of_the_path_in_use_costs_one_probe_two_waits),
        cmocka_unit_test(cut_of_one_path_loses_nobody_at_half_a_second),
        cmocka_unit_test(longest_timeout_of_the_machine_bounds_what_follows_an_outage_of_both_paths),
        cmocka_unit_test(outages_are_shared_as_told_and_as_many_as_before),
        cmocka_unit_test(second_path_that_shares_no_outage_loses_few_and_one_that_shares_all_is_no_help),
        cmocka_unit_test(everything_holds_over_several_paths),
        cmocka_unit_test(everything_holds_while_messages_flow_over_two_paths),
        cmocka_unit_test(bound_is_that_of_the_outages_alone),
        cmocka_unit_test(comparison_has_one_path_with_as_many_packets_and_no_figure_without_ground),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
