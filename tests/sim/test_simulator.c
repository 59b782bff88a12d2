/* Hundreds of seeds hold, the same seed is the same run, and the judge sees what does not hold. */
#include <stdio.h>
#include <stdlib.h>

#include "simulate/world/many.h"

#include "support/test.h"

#define MS LUBDUB_MILLISECOND

static void settings_of_a_short_run(struct sim_settings *settings)
{
    sim_settings_init(settings);
    settings->length = 3 * LUBDUB_MINUTE;
    settings->fault_gap = 2 * LUBDUB_SECOND;
}

/* Plays the seeds, or the one that the environment names in LUBDUB_SEED; prints what failed and how to see it. */
static void expect_all_hold(struct sim_settings *settings, uint64_t first, uint64_t last, const char *arguments)
{
    static struct sim_sum sum;
    const char *wanted = getenv("LUBDUB_SEED");
    size_t i;

    if (wanted != NULL) {
        first = last = strtoull(wanted, NULL, 10);
    }
    assert_true(sim_run_many(settings, first, last, 2, NULL, &sum));
    for (i = 0; i < sum.failure_count; i++) {
        print_error("seed %llu, at %.6f s: %s\n  lubdub-simulate --story --seeds %llu --length %llus "
                    "--fault-gap %llums %s\n",
                    (unsigned long long)sum.failures[i].seed, (double)sum.failures[i].at / (double)LUBDUB_SECOND,
                    sum.failures[i].problem, (unsigned long long)sum.failures[i].seed,
                    (unsigned long long)(settings->length / LUBDUB_SECOND),
                    (unsigned long long)(settings->fault_gap / MS), arguments);
    }
    assert_int_equal(sum.failed, 0);
    assert_true(sum.total.faults > last - first);
    sim_sum_clear(&sum);
}

static void hundreds_of_seeds_hold(void **state)
{
    struct sim_settings settings;
    (void)state;

    settings_of_a_short_run(&settings);
    expect_all_hold(&settings, 1, 150, "");
}

/* Seeds of an hour in which something was wrong once (tests/sim/ledger). */
static void seeds_that_failed_once_hold(void **state)
{
    const struct {
        uint64_t seed;
        bool adapts;
        bool has_messages;
        uint32_t clients;
    } once[] = {
        /* A server judged with frames unread: they came while its own bytes waited, and then it was stopped. */
        {325, true, true, 20},
        /* A client was frozen in the middle of a frame, and its bytes were taken for arriving ones at the expiry. */
        {722, false, true, 20},
        /* The acknowledgement of the last question took longer than its kernel's estimate: the judge asked too much. */
        {928, false, true, 20},
        /* Two grants changed in a silence, their challenges waited, and the last look before the verdict was left out.
         */
        {129, false, true, 10},
        /* Answers to challenges of an earlier silence were missing, and the server asked nothing in the next. */
        {936, false, true, 10},
        /* A server in doubt reckoned when it had asked, and its pace had changed. */
        {1070, true, false, 10},
        /* A server that had been away moved the times of its questions, too. */
        {2526, true, false, 10},
        /* A stopped server's kernel delivered old bytes late, up to the middle of a frame: the judge asked too much. */
        {3465, false, true, 10},
        /* A grant changed while as many challenges waited as may, and probes under way were taken for its own. */
        {6648, true, true, 10},
        /* Segments took longer than the network was thought to take at most: the judge asked too much. */
        {3729, false, true, 10},
        /* What was lost in an outage had not been sent again yet when the server was stopped: the judge asked too much. */
        {21725, false, false, 10},
        /* A client that had been stopped thought that it had asked later, and took no acknowledgement for an answer. */
        {23006, false, true, 10},
    };
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(once); i++) {
        struct sim_settings settings;
        struct sim_result result = {0};

        sim_settings_init(&settings);
        settings.seed = once[i].seed;
        settings.adapts = once[i].adapts;
        settings.has_messages = once[i].has_messages;
        settings.clients = once[i].clients;
        sim_run(&settings, &result);
        if (result.has_failed) {
            fail_msg("seed %llu: %s", (unsigned long long)once[i].seed, result.problem);
        }
        sim_result_clear(&result);
    }
}

static void short_expiries_hold(void **state)
{
    struct sim_settings settings;
    (void)state;

    settings_of_a_short_run(&settings);
    settings.length = LUBDUB_MINUTE;
    settings.interval = 50 * MS;
    settings.timeout = settings.expiry = 150 * MS;
    settings.tcp.rto_min = 20 * MS;
    expect_all_hold(&settings, 1000, 1019, "--interval 50ms --rto-min 20ms");
}

static void timeouts_of_many_intervals_hold(void **state)
{
    struct sim_settings settings;
    (void)state;

    settings_of_a_short_run(&settings);
    settings.interval = 500 * MS;
    settings.timeout = 9 * LUBDUB_SECOND;
    settings.expiry = 7 * LUBDUB_SECOND;
    settings.tcp.user_timeout = 4 * LUBDUB_SECOND;
    expect_all_hold(&settings, 2000, 2039, "--interval 500ms --timeout 9s --expiry 7s --user-timeout 4s");
}

static void sessions_that_adapt_hold(void **state)
{
    struct sim_settings settings;
    (void)state;

    settings_of_a_short_run(&settings);
    settings.adapts = true;
    expect_all_hold(&settings, 3000, 3059, "--adaptive");
    settings.tcp.rto_min = 60 * MS;
    settings.tcp.rto_max = LUBDUB_SECOND;
    settings.tcp.is_thin = true;
    expect_all_hold(&settings, 3100, 3139, "--adaptive --thin --rto-min 60ms --rto-max 1s");
}

/* Always, and ten times as long as by default. */
static void loops_that_gather_hold(void **state)
{
    struct sim_settings settings;
    (void)state;

    settings_of_a_short_run(&settings);
    settings.gather = 10 * MS;
    expect_all_hold(&settings, 5000, 5019, "--gather 10ms");
    settings.adapts = true;
    expect_all_hold(&settings, 5100, 5119, "--gather 10ms --adaptive");
    settings.has_messages = true;
    settings.length = LUBDUB_MINUTE;
    expect_all_hold(&settings, 5200, 5203, "--gather 10ms --adaptive --messages");
}

static int by_length(const void *one, const void *other)
{
    const lubdub_duration *a = one;
    const lubdub_duration *b = other;

    return *a < *b ? -1 : *a > *b;
}

/* How soon frozen peers are found, on the average of the middle half, by clients or servers that adapt. */
static lubdub_duration found_after(enum sim_observer observer, lubdub_duration gather)
{
    static struct sim_sum sum;
    struct sim_settings settings;
    struct sim_detections *found = &sum.total.detections[observer][0];
    lubdub_duration together = 0;
    size_t i;

    sim_settings_init(&settings);
    settings.is_mixed = false;
    settings.network = SIM_NETWORK_LAN;
    settings.faults = SIM_FAULTS_CONTEST;
    settings.fault_gap = 10 * LUBDUB_SECOND;
    settings.adapts = true;
    settings.is_blind[observer == SIM_OBSERVER_CLIENT ? SIM_OBSERVER_SERVER : SIM_OBSERVER_CLIENT] = true;
    settings.gather = gather;
    assert_true(sim_run_many(&settings, 1, 2, 2, NULL, &sum));
    assert_int_equal(sum.failed, 0);
    assert_int_equal(sum.total.false_alarms[observer], 0);
    assert_true(found->count > 500);
    qsort(found->items, found->count, sizeof *found->items, by_length);
    for (i = found->count / 4; i < found->count / 4 * 3; i++) {
        together += found->items[i] / (found->count / 2);
    }
    sim_sum_clear(&sum);
    return together;
}

static void sessions_that_adapt_find_the_dead_as_soon_where_loops_gather(void **state)
{
    enum sim_observer observer;
    (void)state;

    for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
        lubdub_duration without = found_after(observer, 0);
        lubdub_duration with = found_after(observer, MS);

        assert_in_range(with, without - without / 50, without + without / 50);
    }
}

/* Every answer is later than half the timeout, so that each probe is doubted and asked for again. */
static void sessions_in_doubt_all_the_time_are_not_cut_for_it(void **state)
{
    struct sim_settings settings;
    (void)state;

    settings_of_a_short_run(&settings);
    settings.adapts = true;
    settings.length = LUBDUB_MINUTE;
    settings.clients = 30;
    settings.interval = 10 * MS;
    settings.timeout = 3 * MS;
    settings.expiry = 25 * MS;
    settings.tcp.is_thin = true;
    settings.tcp.user_timeout = LUBDUB_SECOND;
    expect_all_hold(&settings, 1400, 1403,
                    "--adaptive --thin --clients 30 --interval 10ms --timeout 3ms --expiry 25ms --user-timeout 1s");
}

static uint64_t digest_of(uint64_t seed)
{
    struct sim_settings settings;
    struct sim_result result = {0};
    uint64_t digest;

    settings_of_a_short_run(&settings);
    settings.seed = seed;
    sim_run(&settings, &result);
    digest = result.digest;
    sim_result_clear(&result);
    return digest;
}

static void same_seed_is_the_same_run_and_another_is_another(void **state)
{
    (void)state;

    assert_true(digest_of(7) == digest_of(7));
    assert_true(digest_of(7) != digest_of(8));
}

static void jobs_change_nothing(void **state)
{
    static struct sim_sum one;
    static struct sim_sum three;
    struct sim_settings settings;
    (void)state;

    settings_of_a_short_run(&settings);
    assert_true(sim_run_many(&settings, 1, 9, 1, NULL, &one));
    assert_true(sim_run_many(&settings, 1, 9, 3, NULL, &three));
    assert_true(one.total.digest == three.total.digest);
    sim_sum_clear(&one);
    sim_sum_clear(&three);
}

/* A judge that expects more than the core promises must complain, else it would not see a core that does less. */
static void expect_complaint(struct sim_settings *settings, const char *words)
{
    struct sim_result result = {0};

    sim_run(settings, &result);
    assert_true(result.has_failed);
    if (strstr(result.problem, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", result.problem, words);
    }
    sim_result_clear(&result);
}

static void judge_sees_verdicts_that_come_too_early(void **state)
{
    struct sim_settings settings;
    (void)state;

    settings_of_a_short_run(&settings);
    settings.server_floor = settings.expiry + 10 * MS;
    expect_complaint(&settings, "after its last frame reached the server");

    settings_of_a_short_run(&settings);
    settings.client_floor = settings.timeout + 10 * MS;
    expect_complaint(&settings, "after probe");
}

static void judge_sees_adaptive_verdicts_below_their_floor(void **state)
{
    struct sim_settings settings;
    (void)state;

    settings_of_a_short_run(&settings);
    settings.adapts = true;
    settings.adaptive_floor = 1400 * MS;
    expect_complaint(&settings, "declared dead");
}

/* The core's expiry or timeout is longer than what the judge was told. */
static void longer_timeout(struct lubdub_session_settings *settings, enum lubdub_role role, const void *user_data)
{
    (void)user_data;
    if (role == LUBDUB_ROLE_CLIENT) {
        settings->timeout += 10 * MS;
    }
}

static void judge_sees_verdicts_that_come_too_late(void **state)
{
    struct sim_settings settings;
    (void)state;

    settings_of_a_short_run(&settings);
    settings.tune = longer_timeout;
    expect_complaint(&settings, "should have declared its peer dead");
}

static void contest_finds_every_frozen_and_cut_peer(void **state)
{
    struct sim_settings settings;
    struct sim_result result = {0};
    (void)state;

    sim_settings_init(&settings);
    settings.is_mixed = false;
    settings.network = SIM_NETWORK_LAN;
    settings.faults = SIM_FAULTS_CONTEST;
    settings.fault_gap = LUBDUB_MINUTE;
    sim_run(&settings, &result);
    if (result.has_failed) {
        fail_msg("%s", result.problem);
    }
    assert_true(result.detections[SIM_OBSERVER_SERVER][0].count > 100);
    assert_true(result.detections[SIM_OBSERVER_CLIENT][0].count > 100);
    assert_true(result.detections[SIM_OBSERVER_CLIENT][1].count > 100);
    assert_int_equal(result.missed[SIM_OBSERVER_CLIENT], 0);
    assert_int_equal(result.missed[SIM_OBSERVER_SERVER], 0);
    sim_result_clear(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hundreds_of_seeds_hold),
        cmocka_unit_test(seeds_that_failed_once_hold),
        cmocka_unit_test(short_expiries_hold),
        cmocka_unit_test(timeouts_of_many_intervals_hold),
        cmocka_unit_test(sessions_that_adapt_hold),
        cmocka_unit_test(loops_that_gather_hold),
        cmocka_unit_test(sessions_that_adapt_find_the_dead_as_soon_where_loops_gather),
        cmocka_unit_test(sessions_in_doubt_all_the_time_are_not_cut_for_it),
        cmocka_unit_test(same_seed_is_the_same_run_and_another_is_another),
        cmocka_unit_test(jobs_change_nothing),
        cmocka_unit_test(judge_sees_verdicts_that_come_too_early),
        cmocka_unit_test(judge_sees_adaptive_verdicts_below_their_floor),
        cmocka_unit_test(judge_sees_verdicts_that_come_too_late),
        cmocka_unit_test(contest_finds_every_frozen_and_cut_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
