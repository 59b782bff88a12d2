/*
 * The simulated Multipath TCP beside the kernel's: the slowest probe after a cut, of the programs on two cables, and of
 * the same sessions in virtual time. It prints both.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>

#include "simulate/world/simulate.h"

#include "cable_stage.h"
#include "patience.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define INTERVAL (500 * MS)
#define DEADLINE (10 * LUBDUB_SECOND)
#define CUT_AT (60 * LUBDUB_SECOND)
#define PHASES 25
#define PROBES 6 /* that are looked at after a cut */

/* The kernel counts time in ticks of up to 10 ms, and may be late by more: this machine does other things, too. */
#define TICKS (25 * MS)
#define LATENESS SLACK

/* ---- the model ---- */

struct range {
    lubdub_duration least;
    lubdub_duration most;
};

static lubdub_duration simulate(lubdub_time cut_at, lubdub_duration length, bool of_one)
{
    struct sim_settings settings;
    struct sim_result result = {0};
    struct sim_trace trace = {0};
    lubdub_duration slowest = 0;
    size_t k;

    sim_settings_init(&settings);
    settings.clients = 1;
    settings.length = 2 * LUBDUB_MINUTE;
    settings.is_mixed = false;
    settings.network = SIM_NETWORK_CLEAN;
    settings.paths = 2;
    settings.faults = SIM_FAULTS_NONE;
    settings.interval = INTERVAL;
    settings.timeout = settings.expiry = DEADLINE;
    settings.outage_at = cut_at;
    settings.outage_length = length;
    settings.outage_of_one = of_one;
    settings.traces = &trace;
    sim_run(&settings, &result);
    assert_false(result.has_failed);
    for (k = 0; k < trace.count; k++) {
        const struct sim_beat *beat = &trace.beats[k];

        if (beat->sent_at + INTERVAL > cut_at && beat->sent_at < cut_at + PROBES * INTERVAL) {
            slowest = lubdub_duration_longer(slowest, beat->answered_at - beat->sent_at);
        }
    }
    sim_trace_clear(&trace);
    sim_result_clear(&result);
    return slowest;
}

/* Whatever the moment of the cut between two probes. */
static struct range model(lubdub_duration length, bool of_one)
{
    struct range range = {UINT64_MAX, 0};
    unsigned i;

    for (i = 0; i < PHASES; i++) {
        lubdub_duration slowest = simulate(CUT_AT + i * INTERVAL / PHASES, length, of_one);

        range.least = lubdub_duration_shorter(range.least, slowest);
        range.most = lubdub_duration_longer(range.most, slowest);
    }
    return range;
}

/* ---- the kernel ---- */

static void start(struct cable_stage *stage)
{
    struct process *server = &stage->server.process;
    struct process *client = &stage->client;

    network_make_two(&stage->network);
    server_process_init(&stage->server);
    process_add(server, "--listen=0.0.0.0:3333");
    process_add(server, "--events=json");
    process_add(server, "--mptcp");
    network_enter(stage->network.server);
    process_start(server);
    network_enter(stage->network.home);
    event_reader_init(&stage->server.events, server->output);
    expect_event(&stage->server.events, "listening", NULL);

    process_init(client, "LUBDUB_CLIENT");
    process_add(client, "--events=json");
    process_add(client, "--mptcp");
    process_add(client, "--interval=500ms");
    process_add(client, "--timeout=10s");
    process_add(client, "--expiry=10s");
    process_add(client, NETWORK_SERVER ":3333");
    network_enter(stage->network.client);
    process_start(client);
    network_enter(stage->network.home);
    event_reader_init(&stage->client_events, client->output);
    if (event_number(expect_event(&stage->client_events, "up", NULL), "paths") == 1) {
        assert_int_equal(event_number(expect_event(&stage->client_events, "path-back", NULL), "paths"), 2);
    }
    expect_events(&stage->client_events, "ack", 2);
}

/* Of the next probes, in nanoseconds. */
static lubdub_duration slowest_probe(struct cable_stage *stage)
{
    lubdub_duration slowest = 0;
    unsigned i;

    for (i = 0; i < PROBES; i++) {
        slowest = lubdub_duration_longer(
            slowest, event_number(expect_event(&stage->client_events, "ack", NULL), "rtt_us") * LUBDUB_MICROSECOND);
    }
    return slowest;
}

static void compare(const char *what, struct range model, lubdub_duration kernel)
{
    print_message("%s: the kernel %.0f ms, the model %.0f to %.0f ms\n", what, (double)kernel / MS,
                  (double)model.least / MS, (double)model.most / MS);
    assert_true(kernel + TICKS >= model.least);
    assert_true(kernel <= model.most + LATENESS);
}

static void cut_of_the_path_in_use_is_as_in_the_kernel(void **state)
{
    struct cable_stage *stage = *state;

    start(stage);
    network_lose_path(&stage->network, 1);
    compare("the path in use is cut", model(20 * LUBDUB_SECOND, true), slowest_probe(stage));
}

static void cut_of_the_idle_path_is_as_in_the_kernel(void **state)
{
    struct cable_stage *stage = *state;

    start(stage);
    network_lose_path(&stage->network, 2);
    compare("the idle path is cut", (struct range){0, 3 * MS}, slowest_probe(stage));
}

static void cut_of_both_paths_is_as_in_the_kernel(void **state)
{
    struct cable_stage *stage = *state;

    start(stage);
    network_lose_path(&stage->network, 1);
    network_lose_path(&stage->network, 2);
    stay(1200 * MS);
    network_find_path(&stage->network, 1);
    network_find_path(&stage->network, 2);
    compare("both are cut for 1.2 s", model(1200 * MS, false), slowest_probe(stage));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cut_of_the_path_in_use_is_as_in_the_kernel, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(cut_of_the_idle_path_is_as_in_the_kernel, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(cut_of_both_paths_is_as_in_the_kernel, cable_stage_set_up,
                                        cable_stage_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
