/* Who is stopped loses nobody: neither the one who was stopped, nor the ones who were stopped with it. */
#include <signal.h>
#include <stdlib.h>

#include <lubdub/cause.h>

#include "crowd.h"
#include "patience.h"
#include "raw_client.h"
#include "server_process.h"
#include "support/test.h"

/* Short enough for a test, and long enough that a crowd on a busy machine gets its turn in it. */
#define INTERVAL_MS 200
#define EXPIRY_MS 800

#ifdef __SANITIZE_THREAD__
#define CLIENTS 1000
#else
#define CLIENTS 2000
#endif
#define EXPIRY (EXPIRY_MS * LUBDUB_MILLISECOND)

struct stage {
    struct server_process server;
    struct crowd crowd;
};

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct stage));
    return *state == NULL;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    crowd_kill(&stage->crowd);
    server_process_clear(&stage->server);
    free(stage);
    return 0;
}

static void begin(struct stage *stage, const char *workers, uint32_t count)
{
    server_process_start(&stage->server, "--workers", workers, NULL);
    stage->crowd = (struct crowd){.port = stage->server.port,
                                  .prefix = "member",
                                  .count = count,
                                  .interval_ms = INTERVAL_MS,
                                  .expiry_ms = EXPIRY_MS};
    crowd_start(&stage->crowd);
    expect_events(&stage->server.events, "connected", count);
}

/* Reads the server's events for so long. */
static void listen_for(struct stage *stage, lubdub_duration length)
{
    lubdub_time until = now() + length;

    while (now() < until) {
        event_reader_read(&stage->server.events, until);
    }
}

/* Nobody was lost, on either side, and each still gets its answers. */
static void expect_all_alive(struct stage *stage, uint32_t count)
{
    struct crowd_report before;
    struct crowd_report after;

    crowd_ask(&stage->crowd, &before);
    listen_for(stage, 2 * EXPIRY);
    crowd_ask(&stage->crowd, &after);
    if (after.living < count && after.longest_gap_ms > EXPIRY_MS - 2 * INTERVAL_MS) {
        print_message("the machine kept the crowd silent for %u ms: this says nothing\n", after.longest_gap_ms);
        skip();
    }
    assert_int_equal(count_events(&stage->server.events, "disconnected", NULL), 0);
    assert_int_equal(after.living, count);
    assert_int_equal(after.ended, 0);
    assert_int_equal(after.byes[LUBDUB_REASON_TOO_MANY_FRAMES], 0);
    assert_true(after.acks >= before.acks + count);
}

static void server_stopped_for(struct stage *stage, const char *workers, unsigned expiries)
{
    begin(stage, workers, CLIENTS);
    process_stop(&stage->server.process);
    stay(expiries * EXPIRY);
    process_go_on(&stage->server.process);
    expect_all_alive(stage, CLIENTS);
    assert_int_equal(server_process_count(&stage->server, "sessions"), CLIENTS);
    assert_true(server_process_count(&stage->server, "absences") >= 1);
}

static void server_stopped_for_ten_expiries_loses_nobody(void **state)
{
    server_stopped_for(*state, "1", 10);
}

static void server_stopped_for_two_expiries_loses_nobody(void **state)
{
    server_stopped_for(*state, "1", 2);
}

static void each_of_two_workers_forgives(void **state)
{
    server_stopped_for(*state, "2", 5);
}

static void both_stopped_and_the_server_goes_on_first(void **state)
{
    struct stage *stage = *state;

    begin(stage, "1", CLIENTS);
    crowd_stop(&stage->crowd);
    process_stop(&stage->server.process);
    stay(10 * EXPIRY);
    process_go_on(&stage->server.process);
    stay(EXPIRY / 2);
    crowd_go_on(&stage->crowd);
    expect_all_alive(stage, CLIENTS);
}

static void both_stopped_and_the_clients_go_on_first(void **state)
{
    struct stage *stage = *state;

    begin(stage, "1", CLIENTS);
    process_stop(&stage->server.process);
    crowd_stop(&stage->crowd);
    stay(5 * EXPIRY);
    crowd_go_on(&stage->crowd);
    stay(EXPIRY / 2);
    process_go_on(&stage->server.process);
    expect_all_alive(stage, CLIENTS);
}

static void stops_again_and_again_lose_nobody(void **state)
{
    struct stage *stage = *state;
    int i;

    begin(stage, "1", 500);
    for (i = 0; i < 8; i++) {
        process_stop(&stage->server.process);
        stay((unsigned)(50 + 240 * i) * LUBDUB_MILLISECOND);
        process_go_on(&stage->server.process);
        stay(20 * LUBDUB_MILLISECOND);
    }
    expect_all_alive(stage, 500);
}

/* Killed, so its machine says FIN or RST: that is no silence, and is read as soon as the server runs again. */
static void client_killed_during_the_stop_is_closed(void **state)
{
    struct stage *stage = *state;
    lubdub_time went_on_at;
    size_t i;

    begin(stage, "1", 10);
    process_stop(&stage->server.process);
    crowd_kill(&stage->crowd);
    stay(5 * EXPIRY);
    went_on_at = now();
    process_go_on(&stage->server.process);
    for (i = 0; i < 10; i++) {
        const json_t *end = expect_event(&stage->server.events, "disconnected", NULL);
        const char *cause = event_text(end, "cause");

        assert_true(strcmp(cause, "closed") == 0 || strcmp(cause, "reset") == 0);
        assert_true(event_time(end) <= went_on_at + SLACK);
    }
    server_process_finish(&stage->server);
}

/* Frozen during the stop and silent ever after: found within one expiry after it, and not at once. */
static void client_hung_during_the_stop_is_found_within_one_expiry_after_it(void **state)
{
    struct stage *stage = *state;
    lubdub_time went_on_at;
    size_t i;

    begin(stage, "1", 100);
    process_stop(&stage->server.process);
    crowd_stop(&stage->crowd);
    stay(5 * EXPIRY);
    went_on_at = now();
    process_go_on(&stage->server.process);
    for (i = 0; i < 100; i++) {
        const json_t *end = expect_event(&stage->server.events, "disconnected", NULL);

        expect_text(end, "cause", "hung");
        assert_true(event_time(end) <= went_on_at + EXPIRY + SLACK);
        assert_true(event_time(end) >= went_on_at + EXPIRY - INTERVAL_MS * LUBDUB_MILLISECOND - HELD_UP);
    }
    server_process_finish(&stage->server);
}

/* The time for a first frame runs while we run. */
static void handshake_time_does_not_run_while_the_server_is_stopped(void **state)
{
    struct stage *stage = *state;
    struct raw_client client;

    server_process_start(&stage->server, "--handshake-timeout", "2s", NULL);
    raw_connect(&client, stage->server.port);
    stay(100 * LUBDUB_MILLISECOND);
    process_stop(&stage->server.process);
    stay(3 * LUBDUB_SECOND);
    process_go_on(&stage->server.process);
    stay(300 * LUBDUB_MILLISECOND);
    raw_hello(&client, "slow-starter", 0, 0);
    raw_close(&client);
    server_process_finish(&stage->server);
}

/* A drain that is stopped in the middle goes on, and ends. */
static void drain_survives_a_stop(void **state)
{
    struct stage *stage = *state;

    begin(stage, "1", 100);
    process_signal(&stage->server.process, SIGTERM);
    process_stop(&stage->server.process);
    stay(LUBDUB_SECOND);
    process_go_on(&stage->server.process);
    event_reader_finish(&stage->server.events);
    assert_int_equal(process_wait(&stage->server.process), 0);
    assert_int_equal(count_events(&stage->server.events, "disconnected", NULL), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(server_stopped_for_ten_expiries_loses_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(server_stopped_for_two_expiries_loses_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_of_two_workers_forgives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(both_stopped_and_the_server_goes_on_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(both_stopped_and_the_clients_go_on_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stops_again_and_again_lose_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(client_killed_during_the_stop_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(client_hung_during_the_stop_is_found_within_one_expiry_after_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(handshake_time_does_not_run_while_the_server_is_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drain_survives_a_stop, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
