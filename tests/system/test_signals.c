/* TERM and INT, HUP, USR1: leaving in order, new settings all or none, and a line of counters. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lubdub/cause.h>
#include <lubdub/option.h>

#include "crowd.h"
#include "patience.h"
#include "raw_client.h"
#include "scratch.h"
#include "server_process.h"
#include "support/test.h"

struct stage {
    struct server_process server;
    struct crowd crowd;
    struct raw_client client;
    struct raw_client other;
    struct scratch scratch;
    char config[SCRATCH_PATH];
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->client.socket = stage->other.socket = -1;
    scratch_make(&stage->scratch);
    scratch_path(&stage->scratch, "config", stage->config);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    crowd_kill(&stage->crowd);
    raw_close(&stage->client);
    raw_close(&stage->other);
    server_process_clear(&stage->server);
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

/* ---- leaving ---- */

static void drain_says_when_to_come_back_and_ends_in_order(void **state)
{
    struct stage *stage = *state;
    static struct raw_frame frame;
    uint64_t retry_after = 0;
    lubdub_time asked_at;
    const json_t *end;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "guest", 1000, 60000);
    asked_at = now();
    process_signal(&stage->server.process, SIGTERM);
    expect_event(&stage->server.events, "draining", NULL);
    raw_expect(&stage->client, LUBDUB_FRAME_BYE, LUBDUB_REASON_DRAINING, &frame);
    assert_true(raw_option(&frame, LUBDUB_OPTION_RETRY_AFTER_MS, &retry_after));
    assert_in_range(retry_after, 1, 60 * 60 * 1000);
    end = expect_event(&stage->server.events, "disconnected", "guest");
    expect_text(end, "cause", "shutdown");
    assert_int_equal(event_number(end, "reason"), LUBDUB_REASON_DRAINING);
    while (raw_try_connect(&stage->other, stage->server.port)) { /* the other worker's door closes a moment later */
        raw_close(&stage->other);
        assert_true(now() < asked_at + PATIENCE);
    }
    raw_close(&stage->client); /* the last one has left: no need to wait for the whole time */
    event_reader_finish(&stage->server.events);
    expect_text(stage->server.events.events[stage->server.events.count - 1], "event", "stopped");
    assert_int_equal(process_wait(&stage->server.process), 0);
    assert_true(now() < asked_at + PATIENCE);
}

static void drain_of_an_empty_server_is_at_once(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, "--drain=1h", "--workers=2", NULL);
    server_process_finish(&stage->server);
}

/* Those who do not leave are left behind when the time is over. */
static void drain_ends_although_nobody_leaves(void **state)
{
    struct stage *stage = *state;
    lubdub_time asked_at;

    server_process_start(&stage->server, "--drain=700ms", "--workers=2", NULL);
    stage->crowd = (struct crowd){
        .port = stage->server.port, .prefix = "guest", .count = 300, .interval_ms = 1000, .expiry_ms = 60000};
    crowd_start(&stage->crowd);
    crowd_stop(&stage->crowd); /* takes no BYE and closes nothing */
    asked_at = now();
    server_process_finish(&stage->server);
    assert_true(now() >= asked_at + 700 * LUBDUB_MILLISECOND);
    assert_int_equal(count_events(&stage->server.events, "disconnected", NULL), 300);
}

static void returns_are_spread(void **state)
{
    struct stage *stage = *state;
    struct raw_client guests[40];
    static struct raw_frame frame;
    uint64_t first = 0;
    bool is_spread = false;
    size_t i;

    server_process_start(&stage->server, NULL);
    for (i = 0; i < COUNT_OF(guests); i++) {
        raw_join(&guests[i], stage->server.port, NULL, 1000, 60000);
    }
    process_signal(&stage->server.process, SIGTERM);
    for (i = 0; i < COUNT_OF(guests); i++) {
        uint64_t retry_after = 0;

        raw_expect(&guests[i], LUBDUB_FRAME_BYE, LUBDUB_REASON_DRAINING, &frame);
        assert_true(raw_option(&frame, LUBDUB_OPTION_RETRY_AFTER_MS, &retry_after));
        first = i == 0 ? retry_after : first;
        is_spread = is_spread || retry_after != first;
        raw_close(&guests[i]);
    }
    assert_true(is_spread);
    assert_int_equal(process_wait(&stage->server.process), 0);
}

static void second_signal_ends_at_once(void **state)
{
    static const int second[] = {SIGTERM, SIGINT};
    struct stage *stage = *state;
    size_t i;

    for (i = 0; i < COUNT_OF(second); i++) {
        server_process_start(&stage->server, "--drain=1h", NULL);
        raw_join(&stage->client, stage->server.port, "guest", 1000, 60000); /* never leaves */
        process_signal(&stage->server.process, SIGINT);
        expect_event(&stage->server.events, "draining", NULL);
        process_signal(&stage->server.process, second[i]);
        assert_int_equal(process_wait(&stage->server.process), 128 + second[i]);
        raw_close(&stage->client);
        server_process_clear(&stage->server);
    }
}

/* ---- new settings ---- */

static void start_with_config(struct stage *stage, const char *config)
{
    scratch_write_text(&stage->scratch, "config", config, stage->config);
    server_process_start(&stage->server, "--config", stage->config, NULL);
}

/* Writes the file, hangs up, and waits until the log has these words once more. */
static void read_again(struct stage *stage, const char *config, const char *words)
{
    const unsigned before = process_count_errors(&stage->server.process, words);
    const lubdub_time until = now() + PATIENCE;

    if (config != NULL) {
        scratch_write_text(&stage->scratch, "config", config, stage->config);
    }
    process_signal(&stage->server.process, SIGHUP);
    while (process_count_errors(&stage->server.process, words) == before) {
        assert_true(now() < until);
        stay(2 * LUBDUB_MILLISECOND);
    }
}

static void expect_grant(struct stage *stage, uint32_t interval_ms, uint32_t expiry_ms)
{
    struct raw_client client;

    raw_join(&client, stage->server.port, NULL, 0, 0);
    assert_int_equal(client.interval_ms, interval_ms);
    assert_int_equal(client.expiry_ms, expiry_ms);
    raw_close(&client);
}

static void good_config_holds_for_who_comes_then_and_keeps_who_is_there(void **state)
{
    struct stage *stage = *state;

    start_with_config(stage, "interval = 2s\nexpiry = 10s\n");
    raw_join(&stage->client, stage->server.port, "old", 0, 0);
    assert_int_equal(stage->client.interval_ms, 2000);
    read_again(stage, "interval = 100ms\nexpiry = 300ms\nmax-sessions = 2\n",
               "changed=\"interval,expiry,max-sessions\"");
    expect_grant(stage, 100, 300);
    stay(700 * LUBDUB_MILLISECOND); /* longer than the new expiry, which is not for the old session */
    raw_expect_life(&stage->client);

    /* What changed is told against what held last, not against the start. */
    read_again(stage, "interval = 2s\nexpiry = 10s\nmax-sessions = 2\n", "changed=\"interval,expiry\"");
    expect_grant(stage, 2000, 10000);
    read_again(stage, NULL, "changed=\"\"");
    server_process_finish(&stage->server);
}

static void bad_config_changes_nothing(void **state)
{
    static const char *const bad[] = {"interval = never\n", "nonsense\n", "interval = 3s\nexpiry = 4s\n",
                                      "interval = 3s\nnosuch = 1\n", "interval = 3s\ntoken-file = /nonexistent\n"};
    struct stage *stage = *state;
    size_t i;

    start_with_config(stage, "interval = 2s\nexpiry = 10s\n");
    raw_join(&stage->client, stage->server.port, "old", 0, 0);
    for (i = 0; i < COUNT_OF(bad); i++) {
        read_again(stage, bad[i], "configuration not taken");
        expect_grant(stage, 2000, 10000);
    }
    assert_int_equal(unlink(stage->config), 0);
    read_again(stage, NULL, "configuration not taken");
    expect_grant(stage, 2000, 10000);
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
}

static void what_needs_a_restart_is_named_every_time(void **state)
{
    struct stage *stage = *state;

    start_with_config(stage, "workers = 1\n");
    read_again(stage, "workers = 2\nnode = other\n", "ignored=\"workers,node\"");
    read_again(stage, NULL, "ignored=\"workers,node\"");
    server_process_finish(&stage->server);
    assert_false(event_has(stage->server.events.events[0], "node"));
}

static void fewer_sessions_allowed_than_there_are_ends_none(void **state)
{
    struct stage *stage = *state;

    start_with_config(stage, "");
    raw_join(&stage->client, stage->server.port, "one", 1000, 60000);
    raw_join(&stage->other, stage->server.port, "two", 1000, 60000);
    read_again(stage, "max-sessions = 1\n", "changed=\"max-sessions\"");
    raw_expect_life(&stage->client);
    raw_expect_life(&stage->other);
    server_process_finish(&stage->server);
}

static void storm_of_hang_ups_is_no_matter(void **state)
{
    struct stage *stage = *state;
    size_t descriptors;
    int i;

    start_with_config(stage, "interval = 2s\nexpiry = 10s\n");
    raw_join(&stage->client, stage->server.port, "old", 1000, 60000);
    descriptors = process_descriptors(&stage->server.process);
    for (i = 0; i < 1000; i++) {
        process_signal(&stage->server.process, SIGHUP);
    }
    raw_expect_life(&stage->client);
    assert_int_equal(server_process_count(&stage->server, "sessions"), 1);
    assert_int_equal(process_descriptors(&stage->server.process), descriptors);
    server_process_finish(&stage->server);
}

/* ---- counters ---- */

static void counters_count(void **state)
{
    struct stage *stage = *state;
    struct raw_client passer_by;

    server_process_start(&stage->server, "--on-message=drop", NULL);
    raw_connect(&passer_by, stage->server.port);
    raw_close(&passer_by);
    raw_connect(&passer_by, stage->server.port);
    raw_send(&passer_by, "HELO", 4);
    raw_expect_silent_end(&passer_by);
    raw_close(&passer_by);
    raw_join(&stage->client, stage->server.port, "one", 1000, 60000);
    raw_message(&stage->client, "a");
    raw_message(&stage->client, "b");
    raw_expect_life(&stage->client);
    raw_join(&stage->other, stage->server.port, "two", 1000, 60000);
    raw_bye(&stage->other, 0);
    expect_event(&stage->server.events, "disconnected", "two");
    expect_event(&stage->server.events, "rejected", NULL);
    server_process_await_count(&stage->server, "accepted", 4);
    server_process_await_count(&stage->server, "empty", 1);
    assert_int_equal(server_process_count(&stage->server, "sessions"), 1);
    assert_int_equal(server_process_count(&stage->server, "connected"), 2);
    assert_int_equal(server_process_count(&stage->server, "disconnected"), 1);
    assert_int_equal(server_process_count(&stage->server, "rejected"), 1);
    assert_int_equal(server_process_count(&stage->server, "messages"), 2);
    assert_int_equal(server_process_count(&stage->server, "events_lost"), 0);
    server_process_finish(&stage->server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(drain_says_when_to_come_back_and_ends_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drain_of_an_empty_server_is_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drain_ends_although_nobody_leaves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(returns_are_spread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(second_signal_ends_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(good_config_holds_for_who_comes_then_and_keeps_who_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_config_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_needs_a_restart_is_named_every_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fewer_sessions_allowed_than_there_are_ends_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(storm_of_hang_ups_is_no_matter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counters_count, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
