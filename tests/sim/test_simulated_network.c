/* What the simulated network and TCP do to a beat: delays as drawn, outages as TCP shows them. */
#include <stdlib.h>

#include "simulate/world/delay.h"
#include "simulate/world/path.h"
#include "simulate/world/queue.h"
#include "simulate/world/simulate.h"

#include "statistics/random.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define DRAWS 200000

static void events_come_in_the_order_of_time_and_then_of_putting(void **state)
{
    struct sim_queue queue = {0};
    struct sim_event event;
    uint64_t random = 1;
    lubdub_time last_at = 0;
    uint64_t last_order = 0;
    unsigned taken = 0;
    unsigned i;
    (void)state;

    for (i = 0; i < 20000; i++) {
        sim_queue_put(&queue, last_at + random_below(&random, 1000), 0, i, 0);
        if (i % 3 == 0) {
            assert_true(sim_queue_take(&queue, LUBDUB_TIME_NEVER, &event));
            assert_true(event.at > last_at || taken == 0 || (event.at == last_at && event.order > last_order));
            last_at = event.at;
            last_order = event.order;
            taken++;
        }
    }
    assert_false(sim_queue_take(&queue, last_at - 1, &event));
    while (sim_queue_take(&queue, LUBDUB_TIME_NEVER, &event)) {
        assert_true(event.at > last_at || (event.at == last_at && event.order > last_order));
        last_at = event.at;
        last_order = event.order;
        taken++;
    }
    assert_int_equal(taken, 20000);
    sim_queue_clear(&queue);
}

static void timer_that_is_armed_again_rings_once(void **state)
{
    struct sim_queue queue = {0};
    struct sim_timer timer;
    struct sim_event event;
    unsigned rung = 0;
    (void)state;

    sim_timer_init(&timer);
    sim_timer_arm(&timer, &queue, 100, 0, 0, 0);
    sim_timer_arm(&timer, &queue, 200, 0, 0, 0); /* later: the earlier one will do */
    sim_timer_arm(&timer, &queue, 50, 0, 0, 0);
    while (sim_queue_take(&queue, LUBDUB_TIME_NEVER, &event)) {
        if (sim_timer_take(&timer, event.at)) {
            assert_int_equal(event.at, 50);
            rung++;
        }
    }
    assert_int_equal(rung, 1);
    sim_queue_clear(&queue);
}

static int in_order(const void *one, const void *other)
{
    lubdub_duration a = *(const lubdub_duration *)one;
    lubdub_duration b = *(const lubdub_duration *)other;

    return a < b ? -1 : a > b;
}

static void expect_percentile(lubdub_duration *sorted, double percent, double expected)
{
    double found = (double)sorted[(size_t)(percent / 100 * DRAWS)] / (double)MS;

    if (found < expected * 0.97 || found > expected * 1.03) {
        fail_msg("percentile %.1f is %.3f ms and should be %.3f ms", percent, found, expected);
    }
}

static lubdub_duration *drawn(const struct sim_delay *delay)
{
    static lubdub_duration draws[DRAWS];
    uint64_t random = 42;
    size_t i;

    for (i = 0; i < DRAWS; i++) {
        draws[i] = sim_delay_draw(delay, random_next(&random));
    }
    qsort(draws, DRAWS, sizeof *draws, in_order);
    return draws;
}

static void delays_have_the_percentiles_of_their_distributions(void **state)
{
    struct sim_delay delay;
    lubdub_duration *draws;
    (void)state;

    sim_delay_uniform(&delay, 10 * MS, 30 * MS);
    draws = drawn(&delay);
    expect_percentile(draws, 50, 20);
    expect_percentile(draws, 99, 29.8);
    assert_true(draws[0] >= 10 * MS && draws[DRAWS - 1] <= 30 * MS);

    /* 5 + 20 · e^z: 25 at the median, 5 + 20 · e^1.2816 at 90 %, 5 + 20 · e^2.3263 at 99 % */
    sim_delay_lognormal(&delay, 5 * MS, 20 * MS, 1000);
    draws = drawn(&delay);
    expect_percentile(draws, 50, 25);
    expect_percentile(draws, 90, 77.04);
    expect_percentile(draws, 99, 209.8);

    sim_delay_exponential(&delay, 100 * MS);
    draws = drawn(&delay);
    expect_percentile(draws, 50, 69.3);
    expect_percentile(draws, 99, 460.5);

    sim_delay_constant(&delay, 7 * MS);
    draws = drawn(&delay);
    assert_true(draws[0] == 7 * MS && draws[DRAWS - 1] == 7 * MS);
}

/* What one endpoint sends changes nothing for what the other sends later: so policies can be compared. */
static void path_is_the_same_for_whoever_sends_what(void **state)
{
    struct sim_path quiet;
    struct sim_path busy;
    lubdub_time at;
    (void)state;

    sim_path_init(&quiet, SIM_NETWORK_MOBILE, 5);
    sim_path_init(&busy, SIM_NETWORK_MOBILE, 5);
    for (at = 0; at < LUBDUB_HOUR; at += LUBDUB_SECOND) {
        lubdub_time one = 0;
        lubdub_time other = 0;
        lubdub_time more = 0;
        bool is_through = sim_path_carry(&quiet, SIM_UP, 0, at, &one);

        (void)sim_path_carry(&busy, SIM_DOWN, 0, at, &more);
        assert_true(sim_path_carry(&busy, SIM_UP, 0, at, &other) == is_through);
        assert_true(one == other);
        (void)sim_path_carry(&busy, SIM_DOWN, 0, at + 300 * MS, &more);
    }
}

static void segments_never_overtake(void **state)
{
    struct sim_path path;
    lubdub_time last = 0;
    lubdub_time at;
    (void)state;

    sim_path_init(&path, SIM_NETWORK_MOBILE, 9);
    for (at = 0; at < LUBDUB_MINUTE; at += 2 * MS) {
        lubdub_time arrives;

        if (sim_path_carry(&path, SIM_DOWN, 0, at, &arrives)) {
            assert_true(arrives >= last && arrives > at);
            last = arrives;
        }
    }
}

/* ---- TCP ---- */

static void trace_with_outage(struct sim_trace *trace, lubdub_duration interval, lubdub_time at, lubdub_duration length,
                              lubdub_duration rto_max)
{
    struct sim_settings settings;
    struct sim_result result = {0};

    sim_settings_init(&settings);
    settings.clients = 1;
    settings.length = 2 * LUBDUB_MINUTE;
    settings.is_mixed = false;
    settings.network = SIM_NETWORK_CLEAN;
    settings.faults = SIM_FAULTS_NONE;
    settings.interval = interval;
    settings.timeout = settings.expiry = LUBDUB_HOUR;
    settings.outage_at = at;
    settings.outage_length = length;
    settings.tcp.rto_max = rto_max;
    if (rto_max < settings.tcp.rto_min) {
        settings.tcp.rto_min = rto_max / 2;
    }
    settings.traces = trace;
    sim_run(&settings, &result);
    if (result.has_failed) {
        fail_msg("%s", result.problem);
    }
    sim_result_clear(&result);
}

/* What was written after a timeout follows the first acknowledgement, which may be a delayed one. */
#define WINDOW_OPENS (50 * MS)

static void outage_becomes_up_to_twice_its_silence_and_then_a_burst(void **state)
{
    const lubdub_duration lengths[] = {50 * MS, 300 * MS, 1000 * MS, 3000 * MS};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(lengths); i++) {
        const lubdub_time began = 60 * LUBDUB_SECOND;
        const lubdub_time over = began + lengths[i];
        struct sim_trace trace = {0};
        lubdub_time burst_at = 0;
        size_t k;

        trace_with_outage(&trace, 40 * MS, began, lengths[i], 120 * LUBDUB_SECOND);
        for (k = 0; k < trace.count; k++) {
            const struct sim_beat *beat = &trace.beats[k];

            if (beat->sent_at < began || beat->sent_at >= over) {
                continue;
            }
            assert_true(beat->heard_at >= over);
            burst_at = burst_at == 0 ? beat->heard_at : burst_at;
            assert_true(beat->heard_at >= burst_at && beat->heard_at <= burst_at + WINDOW_OPENS);
        }
        assert_true(burst_at > 0);
        /* Retransmissions come at RTO, 3 RTO, 7 RTO … of 202 ms; later segments that get through say sooner. */
        assert_true(burst_at <= began + 2 * lengths[i] + 450 * MS);
        sim_trace_clear(&trace);
    }
}

/* From the end of the outage to the first beat that was sent in it. */
static lubdub_duration silence_after_outage(lubdub_duration length, lubdub_duration rto_max)
{
    const lubdub_time began = 60 * LUBDUB_SECOND;
    struct sim_trace trace = {0};
    lubdub_duration silence;
    size_t k = 0;

    trace_with_outage(&trace, LUBDUB_SECOND, began, length, rto_max);
    while (k < trace.count && trace.beats[k].sent_at < began) {
        k++;
    }
    assert_true(k < trace.count && trace.beats[k].heard_at >= began + length);
    silence = trace.beats[k].heard_at - (began + length);
    sim_trace_clear(&trace);
    return silence;
}

/* Else the first beat after the outage would tell at once that those before it were lost. */
static void nothing_new_goes_out_between_a_timeout_and_an_acknowledgement(void **state)
{
    const lubdub_time began = 60 * LUBDUB_SECOND;
    struct sim_trace trace = {0};
    size_t k;
    (void)state;

    trace_with_outage(&trace, 40 * MS, began, LUBDUB_SECOND, 120 * LUBDUB_SECOND);
    for (k = 0; k < trace.count; k++) {
        if (trace.beats[k].sent_at >= began && trace.beats[k].sent_at < began + LUBDUB_SECOND) {
            assert_true(trace.beats[k].heard_at >= began + 1400 * MS); /* RTO, 3 RTO, 7 RTO, of 200 ms at least */
        }
    }
    sim_trace_clear(&trace);
}

/* TCP_RTO_MAX_MS: what doubles without a limit overshoots the end of an outage by as much as it lasted. */
static void shorter_longest_rto_ends_the_silence_soon_after_the_outage(void **state)
{
    lubdub_duration longest = 0;
    lubdub_duration length;
    (void)state;

    for (length = LUBDUB_SECOND; length < 4 * LUBDUB_SECOND; length += 100 * MS) {
        lubdub_duration slow = silence_after_outage(length, 120 * LUBDUB_SECOND);

        longest = slow > longest ? slow : longest;
        assert_true(silence_after_outage(length, 100 * MS) <= 102 * MS);
    }
    assert_true(longest > 500 * MS);
}

static void nothing_is_lost_and_nothing_changes_its_order(void **state)
{
    struct sim_settings settings;
    struct sim_result result = {0};
    struct sim_trace traces[8] = {{0}};
    size_t i;
    size_t k;
    (void)state;

    sim_settings_init(&settings);
    settings.clients = COUNT_OF(traces);
    settings.is_mixed = false;
    settings.network = SIM_NETWORK_MOBILE;
    settings.faults = SIM_FAULTS_NONE;
    settings.timeout = settings.expiry = 2 * LUBDUB_HOUR;
    settings.traces = traces;
    sim_run(&settings, &result);
    assert_false(result.has_failed);
    assert_true(result.retransmissions > 0);
    for (i = 0; i < COUNT_OF(traces); i++) {
        assert_true(traces[i].count > 3500);
        for (k = 1; k + 60 < traces[i].count; k++) {
            const struct sim_beat *beat = &traces[i].beats[k];

            assert_true(beat->heard_at > beat->sent_at && beat->answered_at > beat->heard_at);
            assert_true(beat->answered_at != LUBDUB_TIME_NEVER);
            assert_true(beat->heard_at >= beat[-1].heard_at && beat->answered_at >= beat[-1].answered_at);
        }
        sim_trace_clear(&traces[i]);
    }
    sim_result_clear(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_in_the_order_of_time_and_then_of_putting),
        cmocka_unit_test(timer_that_is_armed_again_rings_once),
        cmocka_unit_test(delays_have_the_percentiles_of_their_distributions),
        cmocka_unit_test(path_is_the_same_for_whoever_sends_what),
        cmocka_unit_test(segments_never_overtake),
        cmocka_unit_test(outage_becomes_up_to_twice_its_silence_and_then_a_burst),
        cmocka_unit_test(nothing_new_goes_out_between_a_timeout_and_an_acknowledgement),
        cmocka_unit_test(shorter_longest_rto_ends_the_silence_soon_after_the_outage),
        cmocka_unit_test(nothing_is_lost_and_nothing_changes_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
