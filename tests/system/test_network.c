/* A path that is cut, both ways or one, for long or for a while; and a process that hangs at the end of a whole one. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <lubdub/cause.h>

#include "network.h"
#include "patience.h"
#include "raw_client.h"
#include "server_process.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND

struct stage {
    struct network network;
    struct server_process server;
    struct process client;
    struct event_reader client_events;
    struct raw_client raw;
    char target[64];
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->raw.socket = stage->client.errors = stage->client.output = -1;
    stage->server.process.errors = stage->server.process.output = -1;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    network_remove(&stage->network);
    raw_close(&stage->raw);
    event_reader_clear(&stage->client_events);
    process_clear(&stage->client);
    server_process_clear(&stage->server);
    free(stage);
    return 0;
}

static void start_server(struct stage *stage, const char *interval, const char *expiry)
{
    struct server_process *server = &stage->server;

    network_make(&stage->network);
    network_enter(stage->network.server);
    server_process_init(server);
    server->port = 3333;
    snprintf(server->address, sizeof server->address, "%s:%u", NETWORK_SERVER, server->port);
    process_add(&server->process, "--listen");
    process_add(&server->process, server->address);
    process_add(&server->process, "--events=json");
    process_add(&server->process, "--interval");
    process_add(&server->process, interval);
    process_add(&server->process, "--expiry");
    process_add(&server->process, expiry);
    process_start(&server->process);
    network_enter(stage->network.home);
    event_reader_init(&server->events, server->process.output);
    expect_event(&server->events, "listening", NULL);
}

/* lubdub-client at the other end of the cable. */
static void start_client(struct stage *stage, const char *interval, const char *expiry, const char *timeout)
{
    process_init(&stage->client, "LUBDUB_CLIENT");
    process_add(&stage->client, "--events=json");
    process_add(&stage->client, "--id=pump");
    process_add(&stage->client, "--interval");
    process_add(&stage->client, interval);
    process_add(&stage->client, "--expiry");
    process_add(&stage->client, expiry);
    process_add(&stage->client, "--timeout");
    process_add(&stage->client, timeout);
    process_add(&stage->client, stage->server.address);
    network_enter(stage->network.client);
    process_start(&stage->client);
    network_enter(stage->network.home);
    event_reader_init(&stage->client_events, stage->client.output);
    expect_event(&stage->client_events, "up", NULL);
    expect_event(&stage->client_events, "ack", NULL);
    expect_event(&stage->client_events, "ack", NULL);
}

static void join_raw(struct stage *stage, uint32_t interval_ms, uint32_t expiry_ms)
{
    network_enter(stage->network.client);
    raw_connect_to(&stage->raw, NETWORK_SERVER, stage->server.port);
    network_enter(stage->network.home);
    raw_hello(&stage->raw, "raw", interval_ms, expiry_ms);
    raw_expect_life(&stage->raw);
}

/* docs/protocol.md, section 8: within (E - I - d, E + d] of the fault, which happened between the two moments. */
static void expect_server_verdict(struct stage *stage, const char *identity, const char *cause, lubdub_time before,
                                  lubdub_time after, lubdub_duration interval, lubdub_duration expiry)
{
    const json_t *end = expect_event(&stage->server.events, "disconnected", identity);

    expect_text(end, "cause", cause);
    assert_int_equal(event_number(end, "reason"), LUBDUB_REASON_EXPIRED);
    assert_true(event_time(end) + interval + HELD_UP > before + expiry);
    assert_true(event_time(end) <= after + expiry + SLACK + server_process_absence(&stage->server));
}

/* Within (T - 2d, T + I]. */
static void expect_client_verdict(struct stage *stage, const char *cause, lubdub_time before, lubdub_time after,
                                  lubdub_duration interval, lubdub_duration timeout)
{
    const json_t *down = expect_event(&stage->client_events, "down", NULL);

    expect_text(down, "cause", cause);
    assert_true(event_number(down, "sequence") > 0);
    assert_true(event_number(down, "waited_ms") >= timeout / MS);
    assert_true(event_time(down) + interval + HELD_UP > before + timeout);
    assert_true(event_time(down) <= after + timeout + interval + SLACK);
    assert_int_equal(process_wait(&stage->client), 1);
}

static void cut_path_is_unreachable_on_both_sides(void **state)
{
    struct stage *stage = *state;
    lubdub_time before;
    lubdub_time after;

    start_server(stage, "1s", "60s");
    start_client(stage, "200ms", "2s", "1500ms");
    before = now();
    network_cut(&stage->network);
    after = now();
    expect_server_verdict(stage, "pump", "unreachable", before, after, 200 * MS, 2000 * MS);
    expect_client_verdict(stage, "unreachable", before, after, 200 * MS, 1500 * MS);
    server_process_finish(&stage->server);
}

static void path_cut_at_the_servers_own_end_is_unreachable_on_both_sides(void **state)
{
    struct stage *stage = *state;
    lubdub_time before;
    lubdub_time after;

    start_server(stage, "1s", "60s");
    start_client(stage, "200ms", "2s", "1500ms");
    before = now();
    network_cut_at_server(&stage->network);
    after = now();
    expect_server_verdict(stage, "pump", "unreachable", before, after, 200 * MS, 2000 * MS);
    expect_client_verdict(stage, "unreachable", before, after, 200 * MS, 1500 * MS);
    server_process_finish(&stage->server);
}

/* Little time between the challenge and the verdict: less than one retransmission takes. */
static void cut_path_is_unreachable_with_a_short_expiry_too(void **state)
{
    struct stage *stage = *state;
    lubdub_time before;
    lubdub_time after;

    start_server(stage, "1s", "60s");
    start_client(stage, "100ms", "400ms", "400ms");
    before = now();
    network_cut(&stage->network);
    after = now();
    expect_server_verdict(stage, "pump", "unreachable", before, after, 100 * MS, 400 * MS);
    expect_client_verdict(stage, "unreachable", before, after, 100 * MS, 400 * MS);
    server_process_finish(&stage->server);
}

static void hung_client_is_hung_and_not_unreachable(void **state)
{
    struct stage *stage = *state;
    lubdub_time before;

    start_server(stage, "1s", "60s");
    start_client(stage, "100ms", "600ms", "60s");
    before = now();
    process_stop(&stage->client);
    expect_server_verdict(stage, "pump", "hung", before, now(), 100 * MS, 600 * MS);
    server_process_finish(&stage->server);
}

static void hung_server_is_hung_and_not_unreachable(void **state)
{
    struct stage *stage = *state;
    lubdub_time before;

    start_server(stage, "1s", "60s");
    start_client(stage, "100ms", "60s", "500ms");
    before = now();
    process_stop(&stage->server.process);
    expect_client_verdict(stage, "hung", before, now(), 100 * MS, 500 * MS);
    process_go_on(&stage->server.process);
    expect_event(&stage->server.events, "disconnected", "pump");
    server_process_finish(&stage->server);
}

/* The server's side of the path still works, and TCP may send for a long time: silence is what counts. */
static void loss_from_the_client_alone_expires_it(void **state)
{
    struct stage *stage = *state;
    lubdub_time before;
    lubdub_time after;

    start_server(stage, "1s", "60s");
    start_client(stage, "200ms", "1500ms", "60s");
    before = now();
    network_lose_from_client(&stage->network);
    after = now();
    expect_server_verdict(stage, "pump", "unreachable", before, after, 200 * MS, 1500 * MS);
    server_process_finish(&stage->server);
}

/* The server hears the client and has no reason to end it; the client hears nothing. */
static void loss_from_the_server_alone_is_found_by_the_client(void **state)
{
    struct stage *stage = *state;
    lubdub_time before;
    lubdub_time after;

    start_server(stage, "1s", "60s");
    start_client(stage, "200ms", "60s", "1s");
    before = now();
    network_lose_from_server(&stage->network);
    after = now();
    expect_client_verdict(stage, "unreachable", before, after, 200 * MS, 1000 * MS);
}

static void outage_shorter_than_the_expiry_loses_nobody(void **state)
{
    struct stage *stage = *state;

    start_server(stage, "1s", "60s");
    start_client(stage, "100ms", "12s", "12s");
    join_raw(stage, 100, 12000);
    network_cut(&stage->network);
    expect_event(&stage->server.events, "late", "pump");
    stay(LUBDUB_SECOND);
    network_mend(&stage->network);
    expect_event(&stage->server.events, "recovered", "pump");
    raw_expect_life(&stage->raw);
    assert_int_equal(count_events(&stage->server.events, "disconnected", NULL), 0);
    assert_int_equal(count_events(&stage->client_events, "down", NULL), 0);
    process_signal(&stage->client, SIGINT);
    expect_text(expect_event(&stage->server.events, "disconnected", "pump"), "cause", "bye");
    server_process_finish(&stage->server);
}

/* What the server said before it closed arrives when the path is whole again; nothing of the old session lives on. */
static void session_that_expired_in_an_outage_stays_ended(void **state)
{
    struct stage *stage = *state;

    start_server(stage, "1s", "60s");
    join_raw(stage, 100, 2000);
    network_cut(&stage->network);
    expect_text(expect_event(&stage->server.events, "disconnected", "raw"), "cause", "unreachable");
    network_mend(&stage->network);
    raw_expect_bye(&stage->raw, LUBDUB_REASON_EXPIRED);
    raw_close(&stage->raw);
    join_raw(stage, 1000, 60000);
    server_process_finish(&stage->server);
    assert_int_equal(count_events(&stage->server.events, "disconnected", "raw"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cut_path_is_unreachable_on_both_sides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(path_cut_at_the_servers_own_end_is_unreachable_on_both_sides, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(cut_path_is_unreachable_with_a_short_expiry_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hung_client_is_hung_and_not_unreachable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hung_server_is_hung_and_not_unreachable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loss_from_the_client_alone_expires_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loss_from_the_server_alone_is_found_by_the_client, set_up, tear_down),
        cmocka_unit_test_setup_teardown(outage_shorter_than_the_expiry_loses_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(session_that_expired_in_an_outage_stays_ended, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
