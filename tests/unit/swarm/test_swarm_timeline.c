/* Samples go into bins, and bins double. */
#include "support/test.h"

#include <math.h>

#include "swarm/findings/timeline.h"

#define MS LUBDUB_MILLISECOND
#define START (1000 * LUBDUB_SECOND)
#define WIDTH (100 * MS)

static struct lubdub_histogram round_trips;

/* Every test gets a timeline with bins of 100 ms. */
static int setup(void **state)
{
    static struct swarm_timeline timeline;

    memset(&round_trips, 0, sizeof round_trips);
    assert_true(swarm_timeline_init(&timeline, START, WIDTH));
    *state = &timeline;
    return 0;
}

static int teardown(void **state)
{
    swarm_timeline_clear(*state);
    return 0;
}

static void sample(struct swarm_timeline *timeline, lubdub_duration after, uint32_t client, uint32_t server)
{
    swarm_timeline_sample(timeline, &(struct swarm_sample){START + after, {client, server}, &round_trips});
}

static void expect_near(double value, double wanted)
{
    if (fabs(value - wanted) > 1e-9 * (1 + fabs(wanted))) {
        fail_msg("%.9f is not %.9f", value, wanted);
    }
}

static void bin_has_the_last_sample_that_fell_into_it(void **state)
{
    struct swarm_timeline *timeline = *state;

    sample(timeline, 50 * MS, 1, 0);
    sample(timeline, 100 * MS, 2, 1);
    sample(timeline, 101 * MS, 3, 2);
    assert_int_equal(timeline->count, 2);
    assert_int_equal(timeline->bins[0].up[SWARM_SIDE_CLIENT], 2);
    assert_int_equal(timeline->bins[0].up[SWARM_SIDE_SERVER], 1);
    assert_int_equal(timeline->bins[1].up[SWARM_SIDE_CLIENT], 3);
    assert_true(swarm_timeline_start(timeline, 1) == WIDTH);
}

static void bin_without_a_sample_says_so(void **state)
{
    struct swarm_timeline *timeline = *state;

    sample(timeline, 50 * MS, 1, 1);
    sample(timeline, 350 * MS, 2, 2);
    assert_int_equal(timeline->count, 4);
    assert_true(timeline->bins[0].is_sampled);
    assert_false(timeline->bins[1].is_sampled);
    assert_false(timeline->bins[2].is_sampled);
    assert_true(timeline->bins[3].is_sampled);
}

static void time_up_is_the_sum_over_all_sessions(void **state)
{
    struct swarm_timeline *timeline = *state;

    sample(timeline, 1000 * MS, 100, 100); /* rising to a hundred */
    sample(timeline, 3000 * MS, 100, 90);
    sample(timeline, 4000 * MS, 0, 90);
    expect_near(timeline->up_seconds[SWARM_SIDE_CLIENT], 50 + 200 + 50);
    expect_near(timeline->up_seconds[SWARM_SIDE_SERVER], 50 + 190 + 90);
}

static void round_trips_are_of_the_time_since_the_sample_before(void **state)
{
    struct swarm_timeline *timeline = *state;
    struct swarm_summary summary;

    lubdub_histogram_add(&round_trips, 100);
    lubdub_histogram_add(&round_trips, 120);
    sample(timeline, 50 * MS, 1, 1);
    lubdub_histogram_add(&round_trips, 5000);
    sample(timeline, 150 * MS, 1, 1);
    sample(timeline, 250 * MS, 1, 1);

    swarm_histogram_summarize(&summary, &timeline->bins[0].round_trips);
    assert_int_equal(summary.count, 2);
    assert_int_equal(summary.min, 100);
    assert_int_equal(summary.max, 120);
    swarm_histogram_summarize(&summary, &timeline->bins[1].round_trips);
    assert_int_equal(summary.count, 1);
    assert_in_range(summary.p50, 5000, 5000 + 5000 / 128);
    assert_in_range(summary.min, 5000 - 5000 / 64, 5000);
    assert_int_equal(timeline->bins[2].round_trips.count, 0);
}

/* A day in samples of ten seconds: nothing is lost, and there are never more bins. */
static void long_run_has_wider_bins_and_loses_nothing(void **state)
{
    struct swarm_timeline *timeline = *state;
    uint64_t total = 0;
    size_t i;

    for (i = 1; i <= 8640; i++) {
        lubdub_histogram_add(&round_trips, 1000 + i);
        sample(timeline, i * 10 * LUBDUB_SECOND, (uint32_t)i, 7);
        assert_in_range(timeline->count, 1, SWARM_TIMELINE_BINS);
    }
    assert_true(timeline->count > SWARM_TIMELINE_BINS / 2);
    assert_true(timeline->width * timeline->count >= 24 * LUBDUB_HOUR);
    assert_true(timeline->width * (timeline->count - 1) < 24 * LUBDUB_HOUR);
    for (i = 0; i < timeline->count; i++) {
        assert_true(timeline->bins[i].is_sampled);
        assert_true(i == 0 || timeline->bins[i].up[SWARM_SIDE_CLIENT] > timeline->bins[i - 1].up[SWARM_SIDE_CLIENT]);
        total += timeline->bins[i].round_trips.count;
    }
    assert_int_equal(total, 8640);
    assert_int_equal(timeline->bins[timeline->count - 1].up[SWARM_SIDE_CLIENT], 8640);
}

static void faults_and_verdicts_are_counted_where_they_were(void **state)
{
    struct swarm_timeline *timeline = *state;
    struct swarm_ledger ledger;

    assert_true(swarm_ledger_init(&ledger, 4));
    swarm_ledger_inject(&ledger, SWARM_FAULT_CUT, 0, START + 50 * MS, SWARM_MUST_NOTICE);
    swarm_ledger_inject(&ledger, SWARM_FAULT_FREEZE, 1, START + 150 * MS, SWARM_MUST_NOTICE);
    swarm_ledger_verdict(&ledger, &(struct swarm_verdict){.side = SWARM_SIDE_SERVER,
                                                          .identity = 0,
                                                          .at = START + 250 * MS,
                                                          .cause = LUBDUB_CAUSE_UNREACHABLE});
    swarm_ledger_verdict(
        &ledger, &(struct swarm_verdict){
                     .side = SWARM_SIDE_CLIENT, .identity = 2, .at = START + 260 * MS, .cause = LUBDUB_CAUSE_HUNG});
    swarm_ledger_verdict(&ledger, &(struct swarm_verdict){.side = SWARM_SIDE_SERVER,
                                                          .identity = 1,
                                                          .at = START + 900 * MS, /* after the last sample */
                                                          .cause = LUBDUB_CAUSE_HUNG});
    sample(timeline, 300 * MS, 4, 4);
    swarm_timeline_count(timeline, &ledger);
    assert_int_equal(timeline->bins[0].injected, 1); /* a cut is one fault, though both have to notice it */
    assert_int_equal(timeline->bins[1].injected, 1);
    assert_int_equal(timeline->bins[2].noticed[SWARM_SIDE_SERVER], 1);
    assert_int_equal(timeline->bins[2].noticed[SWARM_SIDE_CLIENT], 0);
    assert_int_equal(timeline->bins[2].false_alarms[SWARM_SIDE_CLIENT], 1);
    swarm_ledger_clear(&ledger);
}

#define TIMELINE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TIMELINE_TEST(bin_has_the_last_sample_that_fell_into_it),
        TIMELINE_TEST(bin_without_a_sample_says_so),
        TIMELINE_TEST(time_up_is_the_sum_over_all_sessions),
        TIMELINE_TEST(round_trips_are_of_the_time_since_the_sample_before),
        TIMELINE_TEST(long_run_has_wider_bins_and_loses_nothing),
        TIMELINE_TEST(faults_and_verdicts_are_counted_where_they_were),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
