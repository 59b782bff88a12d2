/* Sessions over two cables: one of them cut, both, silently, again and again; and what Multipath TCP cannot have. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cable_stage.h"
#include "patience.h"
#include "support/raw_client.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define OFFERED 6
#define PROBE_INTERVAL (100 * MS)
#define PATHS_LIMIT 3 /* the first, and two more (ip mptcp limits) */
#define ENOUGH_ACKS 10

/* On all addresses: a path to another address than the first must find a listener, too. */
static void start_server(struct cable_stage *stage, const char *mptcp)
{
    struct server_process *server = &stage->server;

    network_enter(stage->network.server);
    server_process_init(server);
    process_add(&server->process, "--listen");
    process_add(&server->process, "0.0.0.0:3333");
    process_add(&server->process, "--events=json");
    if (mptcp != NULL) {
        process_add(&server->process, mptcp);
    }
    process_start(&server->process);
    network_enter(stage->network.home);
    event_reader_init(&server->events, server->process.output);
    expect_event(&server->events, "listening", NULL);
}

static void start_client(struct cable_stage *stage, const char *mptcp, const char *timeout)
{
    process_init(&stage->client, "LUBDUB_CLIENT");
    process_add(&stage->client, "--events=json");
    process_add(&stage->client, "--id=pump");
    process_add(&stage->client, "--interval=100ms");
    process_add(&stage->client, "--expiry");
    process_add(&stage->client, timeout);
    process_add(&stage->client, "--timeout");
    process_add(&stage->client, timeout);
    if (mptcp != NULL) {
        process_add(&stage->client, mptcp);
    }
    process_add(&stage->client, NETWORK_SERVER ":3333");
    network_enter(stage->network.client);
    process_start(&stage->client);
    network_enter(stage->network.home);
    event_reader_init(&stage->client_events, stage->client.output);
}

/* The second path comes some round trips after the first. */
static void expect_two_paths(struct event_reader *events, const char *name, const char *identity)
{
    uint64_t paths = event_number(expect_event(events, name, identity), "paths");

    if (paths == 1) {
        paths = event_number(expect_event(events, "path-back", identity), "paths");
    }
    assert_int_equal(paths, 2);
}

static void join(struct cable_stage *stage, const char *timeout)
{
    network_make_two(&stage->network);
    start_server(stage, "--mptcp");
    start_client(stage, "--mptcp", timeout);
    expect_two_paths(&stage->client_events, "up", NULL);
    expect_two_paths(&stage->server.events, "connected", "pump");
}

static void expect_paths(struct cable_stage *stage, const char *name, unsigned paths)
{
    assert_int_equal(event_number(expect_event(&stage->client_events, name, NULL), "paths"), paths);
    assert_int_equal(event_number(expect_event(&stage->server.events, name, "pump"), "paths"), paths);
}

/* It has lived until now, and leaves as it is told. */
static void leave(struct cable_stage *stage)
{
    assert_int_equal(count_events(&stage->client_events, "down", NULL), 0);
    process_signal(&stage->client, SIGINT);
    expect_text(expect_event(&stage->server.events, "disconnected", "pump"), "cause", "bye");
    server_process_finish(&stage->server);
    assert_int_equal(count_events(&stage->server.events, "connected", "pump"), 1);
}

/* ---- cut ---- */

static void session_lives_while_one_path_does_and_its_loss_is_told(void **state)
{
    struct cable_stage *stage = *state;

    join(stage, "10s");
    network_lose_path(&stage->network, 1); /* the path that carries the probes */
    expect_paths(stage, "path-lost", 1);
    network_find_path(&stage->network, 1);
    expect_paths(stage, "path-back", 2);
    network_lose_path(&stage->network, 2); /* the path that may be idle */
    expect_paths(stage, "path-lost", 1);
    leave(stage);
}

static void cable_that_is_pulled_out_loses_a_path_only(void **state)
{
    struct cable_stage *stage = *state;

    join(stage, "10s");
    network_cut(&stage->network);
    expect_paths(stage, "path-lost", 1);
    leave(stage);
}

static void peer_is_unreachable_when_all_paths_are_silent(void **state)
{
    struct cable_stage *stage = *state;

    join(stage, "2s");
    network_lose_path(&stage->network, 1);
    network_lose_path(&stage->network, 2);
    expect_text(expect_event(&stage->client_events, "down", NULL), "cause", "unreachable");
    expect_text(expect_event(&stage->server.events, "disconnected", "pump"), "cause", "unreachable");
    assert_int_equal(process_wait(&stage->client), 1);
}

static void frozen_server_is_hung_over_the_path_that_is_left(void **state)
{
    struct cable_stage *stage = *state;

    join(stage, "5s");
    network_lose_path(&stage->network, 1);
    expect_paths(stage, "path-lost", 1);
    process_stop(&stage->server.process);
    expect_text(expect_event(&stage->client_events, "down", NULL), "cause", "hung");
    assert_int_equal(process_wait(&stage->client), 1);
    process_go_on(&stage->server.process);
}

static void frozen_client_is_hung_over_the_path_that_is_left(void **state)
{
    struct cable_stage *stage = *state;

    join(stage, "5s");
    network_lose_path(&stage->network, 1);
    expect_paths(stage, "path-lost", 1);
    process_stop(&stage->client);
    expect_text(expect_event(&stage->server.events, "disconnected", "pump"), "cause", "hung");
}

static void path_that_comes_and_goes_each_second_loses_nobody(void **state)
{
    struct cable_stage *stage = *state;
    unsigned i;

    join(stage, "10s");
    for (i = 0; i < 3; i++) {
        network_lose_path(&stage->network, 1);
        stay(LUBDUB_SECOND);
        network_find_path(&stage->network, 1);
        stay(LUBDUB_SECOND);
    }
    leave(stage);
}

/* ---- subflows that end, or never come about ---- */

static void reset_of_one_path_loses_a_path_only(void **state)
{
    struct cable_stage *stage = *state;

    join(stage, "10s");
    network_enter(stage->network.client);
    if (run("ss", "--kill", "--no-header", "--tcp", "dst", NETWORK_SERVER_2, NULL) != 0) {
        network_enter(stage->network.home);
        print_message("needs ss --kill: skipped\n");
        skip();
    }
    network_enter(stage->network.home);
    expect_paths(stage, "path-lost", 1);
    leave(stage);
}

static void expect_one_path_that_lives(struct cable_stage *stage)
{
    start_server(stage, "--mptcp");
    start_client(stage, "--mptcp", "10s");
    assert_int_equal(event_number(expect_event(&stage->client_events, "up", NULL), "paths"), 1);
    assert_int_equal(event_number(expect_event(&stage->server.events, "connected", "pump"), "paths"), 1);
    expect_events(&stage->client_events, "ack", ENOUGH_ACKS);
    assert_int_equal(count_events(&stage->client_events, "path-lost", NULL), 0); /* it never worked */
    leave(stage);
}

static void path_whose_syn_reaches_nobody_costs_nothing(void **state)
{
    struct cable_stage *stage = *state;

    network_make_two(&stage->network);
    network_lose_path(&stage->network, 2);
    expect_one_path_that_lives(stage);
}

/* The server has answered its SYN, and the client never hears of that. */
static void path_that_stays_half_open_costs_nothing(void **state)
{
    struct cable_stage *stage = *state;

    network_make_two(&stage->network);
    network_lose_second_from_server(&stage->network);
    expect_one_path_that_lives(stage);
}

static void offered_addresses_that_lead_nowhere_cost_nothing(void **state)
{
    struct cable_stage *stage = *state;

    network_make_two(&stage->network);
    network_offer(&stage->network, OFFERED, false);
    start_server(stage, "--mptcp");
    start_client(stage, "--mptcp", "10s");
    expect_event(&stage->client_events, "up", NULL);
    expect_event(&stage->server.events, "connected", "pump");
    expect_events(&stage->client_events, "ack", ENOUGH_ACKS);
    leave(stage);
}

/* Takes what is told of paths until there are so many, and none more. */
static void expect_paths_up_to(struct event_reader *events, const char *name, const char *identity, uint64_t most)
{
    uint64_t paths = event_number(expect_event(events, name, identity), "paths");

    while (paths < most) {
        paths = event_number(expect_event(events, "path-back", identity), "paths");
    }
    assert_int_equal(paths, most);
}

static void addresses_beyond_the_limit_bring_no_more_paths_than_that(void **state)
{
    struct cable_stage *stage = *state;

    network_make_two(&stage->network);
    network_offer(&stage->network, OFFERED, true);
    start_server(stage, "--mptcp");
    start_client(stage, "--mptcp", "10s");
    expect_paths_up_to(&stage->client_events, "up", NULL, PATHS_LIMIT);
    expect_paths_up_to(&stage->server.events, "connected", "pump", PATHS_LIMIT);
    expect_events(&stage->client_events, "ack", count_events(&stage->client_events, "ack", NULL) + ENOUGH_ACKS);
    assert_null(find_event(&stage->client_events, "path-back", NULL));
    assert_null(find_event(&stage->server.events, "path-back", "pump"));
    leave(stage);
}

/* ---- the end of all paths at once ---- */

static void killed_peer_ends_the_session_on_all_paths(void **state)
{
    struct cable_stage *stage = *state;
    const char *cause;

    join(stage, "10s");
    process_signal(&stage->client, SIGKILL);
    cause = event_text(expect_event(&stage->server.events, "disconnected", "pump"), "cause");
    assert_true(strcmp(cause, "closed") == 0 || strcmp(cause, "reset") == 0);
    server_process_finish(&stage->server);
}

/* The server looks at paths when it is sent something. */
static void probe_until_there_are_two_paths(struct cable_stage *stage, struct raw_client *client)
{
    uint64_t paths = event_number(expect_event(&stage->server.events, "connected", "pump"), "paths");
    lubdub_time until = now() + PATIENCE;

    while (paths < 2) {
        const json_t *back;
        struct raw_frame ack;

        assert_true(now() < until);
        raw_probe(client);
        raw_expect(client, LUBDUB_FRAME_ACK, client->probes, &ack);
        event_reader_read(&stage->server.events, now() + PROBE_INTERVAL);
        back = find_event(&stage->server.events, "path-back", "pump");
        paths = back != NULL ? event_number(back, "paths") : paths;
    }
}

/* A peer that closes with bytes unread says MP_FASTCLOSE on all paths. */
static void fast_close_ends_the_session_on_all_paths(void **state)
{
    struct cable_stage *stage = *state;
    struct raw_client client;

    network_make_two(&stage->network);
    start_server(stage, "--mptcp");
    network_enter(stage->network.client);
    raw_connect_over_paths(&client, NETWORK_SERVER, 3333);
    network_enter(stage->network.home);
    raw_hello(&client, "pump", PROBE_INTERVAL / MS, 10000);
    probe_until_there_are_two_paths(stage, &client);
    raw_probe(&client);
    assert_true(raw_wait_readable(client.socket, now() + PATIENCE)); /* the ack, which nobody reads */
    raw_close(&client);
    expect_text(expect_event(&stage->server.events, "disconnected", "pump"), "cause", "reset");
    server_process_finish(&stage->server);
}

/* ---- one end that does not speak it ---- */

static void client_with_paths_takes_plain_tcp_from_a_plain_server(void **state)
{
    struct cable_stage *stage = *state;

    network_make_two(&stage->network);
    start_server(stage, NULL);
    start_client(stage, "--mptcp", "10s");
    assert_int_equal(event_number(expect_event(&stage->client_events, "up", NULL), "paths"), 1);
    assert_int_equal(event_number(expect_event(&stage->server.events, "connected", "pump"), "paths"), 1);
    expect_events(&stage->client_events, "ack", 5);
    leave(stage);
}

static void plain_client_is_served_by_a_server_with_paths(void **state)
{
    struct cable_stage *stage = *state;

    network_make_two(&stage->network);
    start_server(stage, "--mptcp");
    start_client(stage, NULL, "2s");
    assert_int_equal(event_number(expect_event(&stage->client_events, "up", NULL), "paths"), 1);
    assert_int_equal(event_number(expect_event(&stage->server.events, "connected", "pump"), "paths"), 1);
    expect_events(&stage->client_events, "ack", 5);
    process_stop(&stage->client);
    expect_text(expect_event(&stage->server.events, "disconnected", "pump"), "cause", "hung");
}

/* ---- a box on the way that strips the option ---- */

static void expect_plain_behind_a_box(struct cable_stage *stage, bool at_server, enum network_packets packets)
{
    network_make_two(&stage->network);
    network_strip(&stage->network, at_server ? stage->network.server : stage->network.client, packets);
    start_server(stage, "--mptcp");
    start_client(stage, "--mptcp", "10s");
    assert_int_equal(event_number(expect_event(&stage->client_events, "up", NULL), "paths"), 1);
    assert_int_equal(event_number(expect_event(&stage->server.events, "connected", "pump"), "paths"), 1);
    expect_events(&stage->client_events, "ack", 10);
    assert_int_equal(count_events(&stage->client_events, "path-back", NULL), 0);
    leave(stage);
}

static void box_that_strips_the_option_of_a_syn_leaves_plain_tcp(void **state)
{
    expect_plain_behind_a_box(*state, true, NETWORK_SYNS);
}

static void box_that_strips_the_option_of_the_answer_leaves_plain_tcp(void **state)
{
    expect_plain_behind_a_box(*state, false, NETWORK_SYNS);
}

/* Both kernels have agreed on it, and fall back when the first data comes without. */
static void box_that_strips_the_option_of_data_leaves_plain_tcp(void **state)
{
    expect_plain_behind_a_box(*state, true, NETWORK_ALL_BUT_SYNS);
}

static void box_that_strips_the_option_is_refused_where_paths_are_required(void **state)
{
    struct cable_stage *stage = *state;

    network_make_two(&stage->network);
    network_strip(&stage->network, stage->network.client, NETWORK_SYNS);
    start_server(stage, "--mptcp");
    start_client(stage, "--mptcp=require", "10s");
    expect_text(expect_event(&stage->client_events, "down", NULL), "cause", "protocol");
    assert_int_equal(process_wait(&stage->client), 1);
}

static void required_paths_refuse_a_plain_server(void **state)
{
    struct cable_stage *stage = *state;
    const json_t *down;

    network_make_two(&stage->network);
    start_server(stage, NULL);
    start_client(stage, "--mptcp=require", "2s");
    down = expect_event(&stage->client_events, "down", NULL);
    expect_text(down, "cause", "protocol");
    expect_text(down, "text", "Multipath TCP is required, and the server, or a box on the way, does not speak it");
    assert_int_equal(process_wait(&stage->client), 1);
    assert_int_equal(count_events(&stage->server.events, "connected", NULL), 0);
}

static void switch_off(int where, int home)
{
    network_enter(where);
    assert_int_equal(run("ip", "link", "set", "lo", "up", NULL), 0);
    if (run("sysctl", "--quiet", "--write", "net.mptcp.enabled=0", NULL) != 0) {
        network_enter(home);
        print_message("needs sysctl and the right to use it: skipped\n");
        skip();
    }
    network_enter(home);
}

static void kernel_that_has_it_switched_off_is_told_in_one_line(void **state)
{
    struct cable_stage *stage = *state;

    network_make_two(&stage->network);
    switch_off(stage->network.client, stage->network.home);
    switch_off(stage->network.server, stage->network.home);
    start_server(stage, "--mptcp");
    process_expect_error(&stage->server.process, "Multipath TCP is switched off here");
    start_client(stage, "--mptcp", "2s");
    assert_int_equal(event_number(expect_event(&stage->client_events, "up", NULL), "paths"), 1);
    assert_int_equal(process_count_errors(&stage->client, "Multipath TCP is switched off here"), 1);
    expect_event(&stage->server.events, "connected", "pump");
    leave(stage);
}

static void kernel_that_has_it_switched_off_cannot_start_where_it_is_required(void **state)
{
    struct cable_stage *stage = *state;

    network_make_two(&stage->network);
    switch_off(stage->network.client, stage->network.home);
    start_client(stage, "--mptcp=require", "2s");
    assert_int_equal(process_wait(&stage->client), 3);
    assert_int_equal(process_count_errors(&stage->client, "--mptcp=require: Multipath TCP is switched off here"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(session_lives_while_one_path_does_and_its_loss_is_told, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(cable_that_is_pulled_out_loses_a_path_only, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(peer_is_unreachable_when_all_paths_are_silent, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(frozen_server_is_hung_over_the_path_that_is_left, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(frozen_client_is_hung_over_the_path_that_is_left, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(path_that_comes_and_goes_each_second_loses_nobody, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(reset_of_one_path_loses_a_path_only, cable_stage_set_up, cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(path_whose_syn_reaches_nobody_costs_nothing, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(path_that_stays_half_open_costs_nothing, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(offered_addresses_that_lead_nowhere_cost_nothing, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(addresses_beyond_the_limit_bring_no_more_paths_than_that, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(fast_close_ends_the_session_on_all_paths, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(killed_peer_ends_the_session_on_all_paths, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(client_with_paths_takes_plain_tcp_from_a_plain_server, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(plain_client_is_served_by_a_server_with_paths, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(box_that_strips_the_option_of_a_syn_leaves_plain_tcp, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(box_that_strips_the_option_of_the_answer_leaves_plain_tcp, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(box_that_strips_the_option_of_data_leaves_plain_tcp, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(box_that_strips_the_option_is_refused_where_paths_are_required,
                                        cable_stage_set_up, cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(required_paths_refuse_a_plain_server, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(kernel_that_has_it_switched_off_is_told_in_one_line, cable_stage_set_up,
                                        cable_stage_tear_down),
        cmocka_unit_test_setup_teardown(kernel_that_has_it_switched_off_cannot_start_where_it_is_required,
                                        cable_stage_set_up, cable_stage_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
