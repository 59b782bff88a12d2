/* Verdicts that come by evidence, with the real programs. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "raw_client.h"
#include "server_process.h"
#include "support/test.h"

#define SILENT_ONES 6

struct stage {
    struct server_process server;
    struct process client;
    struct event_reader seen;
    struct raw_client silent[SILENT_ONES];
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    size_t i;

    *state = stage;
    for (i = 0; i < SILENT_ONES; i++) {
        stage->silent[i].socket = -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    size_t i;

    for (i = 0; i < SILENT_ONES; i++) {
        raw_close(&stage->silent[i]);
    }
    if (stage->client.variable != NULL) {
        event_reader_clear(&stage->seen);
        process_clear(&stage->client);
    }
    server_process_clear(&stage->server);
    free(stage);
    return 0;
}

static void client_start(struct stage *stage)
{
    process_init(&stage->client, "LUBDUB_CLIENT");
    process_add(&stage->client, "--events=json");
    process_add(&stage->client, "--interval=200ms");
    process_add(&stage->client, "--expiry=20s");
    process_add(&stage->client, "--timeout=auto:20s");
    process_add(&stage->client, "--id=pump-7");
    process_add(&stage->client, stage->server.address);
    process_start(&stage->client);
    event_reader_init(&stage->seen, stage->client.output);
    expect_event(&stage->seen, "ack", NULL);
}

static void stopped_client_is_hung_long_before_its_expiry(void **state)
{
    struct stage *stage = *state;
    const json_t *end;

    server_process_start(&stage->server, "--detect=adaptive", NULL);
    client_start(stage);
    process_stop(&stage->client);
    end = expect_event(&stage->server.events, "disconnected", "pump-7");
    expect_text(end, "cause", "hung");
    assert_true(event_number(end, "adaptive_ms") >= 650);
    assert_in_range(event_number(end, "silent_ms"), 850, 19999);
    assert_int_equal(server_process_count(&stage->server, "suspicions"), 0);
    process_go_on(&stage->client);
}

static void stopped_server_is_hung_long_before_the_timeout(void **state)
{
    struct stage *stage = *state;
    const json_t *end;

    server_process_start(&stage->server, NULL);
    client_start(stage);
    process_stop(&stage->server.process);
    end = expect_event(&stage->seen, "down", NULL);
    expect_text(end, "cause", "hung");
    assert_true(event_number(end, "adaptive_ms") >= 650);
    assert_in_range(event_number(end, "waited_ms"), 650, 19999);
    assert_int_equal(process_wait(&stage->client), 1);
    process_go_on(&stage->server.process);
}

static void server_that_does_not_adapt_waits_for_the_expiry(void **state)
{
    struct stage *stage = *state;
    const json_t *end;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->silent[0], stage->server.port, "silent", 200, 2000);
    end = expect_event(&stage->server.events, "disconnected", "silent");
    assert_false(event_has(end, "adaptive_ms"));
    assert_true(event_number(end, "silent_ms") >= 2000);
}

/* Their kernels acknowledge, and they say nothing, all at once: that may be our own fault. */
static void when_most_are_late_at_once_the_server_suspects_itself_and_waits(void **state)
{
    struct stage *stage = *state;
    size_t i;

    server_process_start(&stage->server, "--detect=adaptive", "--workers=1", NULL);
    for (i = 0; i < SILENT_ONES; i++) {
        char name[16];

        snprintf(name, sizeof name, "silent-%zu", i);
        raw_join(&stage->silent[i], stage->server.port, name, 1000, 4000);
        raw_expect_life(&stage->silent[i]); /* one that never answered says nothing of the server */
    }
    expect_event(&stage->server.events, "suspicious", NULL);
    for (i = 0; i < SILENT_ONES / 2; i++) { /* then too few are left to say anything */
        const json_t *end = expect_event(&stage->server.events, "disconnected", NULL);

        assert_false(event_has(end, "adaptive_ms"));
        assert_true(event_number(end, "silent_ms") >= 4000);
    }
    process_expect_error(&stage->server.process, "suspecting ourselves");
    assert_int_equal(process_count_errors(&stage->server.process, "suspecting ourselves"), 1);
}

static void goal_start(struct stage *stage, const char *goal)
{
    process_init(&stage->client, "LUBDUB_CLIENT");
    process_add(&stage->client, "--events=json");
    process_add(&stage->client, "--count=1");
    process_add(&stage->client, "--goal");
    process_add(&stage->client, goal);
    process_add(&stage->client, stage->server.address);
    process_start(&stage->client);
    event_reader_init(&stage->seen, stage->client.output);
}

static void goal_becomes_interval_and_expiry(void **state)
{
    struct stage *stage = *state;
    const json_t *up;

    server_process_start(&stage->server, NULL);
    goal_start(stage, "detect=20s,false-alarms=1/day,measure=500ms");
    up = expect_event(&stage->seen, "up", NULL);
    assert_in_range(event_number(up, "interval_ms"), 10, 10000);
    /* A round trip is left of the 20 s, or else the server would find us later than that. */
    assert_in_range(event_number(up, "expiry_ms"), 2 * event_number(up, "interval_ms"), 19999);
    process_expect_error(&stage->client, "settings for the goal");
    assert_int_equal(process_wait(&stage->client), 0);
}

/* As lubdub-plan has it, and as it is typed in a hurry. */
static void goal_is_a_false_alarm_a_month_where_only_the_time_is_said(void **state)
{
    struct stage *stage = *state;
    const json_t *up;

    server_process_start(&stage->server, NULL);
    goal_start(stage, "20s,measure=500ms");
    up = expect_event(&stage->seen, "up", NULL);
    assert_in_range(event_number(up, "expiry_ms"), 2 * event_number(up, "interval_ms"), 20000);
    process_expect_error(&stage->client, "settings for the goal");
    assert_int_equal(process_wait(&stage->client), 0);
}

static void goal_that_cannot_be_reached_is_refused_with_what_was_measured(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    goal_start(stage, "detect=10ms,false-alarms=1/year,measure=500ms");
    assert_int_equal(process_wait(&stage->client), 1);
    process_expect_error(&stage->client, "--goal cannot be reached with a round trip of");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stopped_client_is_hung_long_before_its_expiry),
        TEST(stopped_server_is_hung_long_before_the_timeout),
        TEST(server_that_does_not_adapt_waits_for_the_expiry),
        TEST(when_most_are_late_at_once_the_server_suspects_itself_and_waits),
        TEST(goal_becomes_interval_and_expiry),
        TEST(goal_is_a_false_alarm_a_month_where_only_the_time_is_said),
        TEST(goal_that_cannot_be_reached_is_refused_with_what_was_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
