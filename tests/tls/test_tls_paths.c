/* A session over TLS and two cables: one of them is cut, and the session lives. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>

#include "certificates.h"
#include "network.h"
#include "patience.h"
#include "server_process.h"
#include "support/test.h"

struct stage {
    struct network network;
    struct certificates ours;
    struct certificate_files files;
    struct server_process server;
    struct process client;
    struct event_reader client_events;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->client.errors = stage->client.output = -1;
    stage->server.process.errors = stage->server.process.output = -1;
    certificates_make(&stage->ours, "our authority");
    certificates_issue(&stage->ours, "good",
                       &(struct certificate_wish){.common_name = "good", .alternatives = "IP:" NETWORK_SERVER},
                       &stage->files);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    network_remove(&stage->network);
    event_reader_clear(&stage->client_events);
    process_clear(&stage->client);
    server_process_clear(&stage->server);
    certificates_clear(&stage->ours);
    free(stage);
    return 0;
}

static void start_server(struct stage *stage)
{
    struct process *process = &stage->server.process;

    server_process_init(&stage->server);
    process_add(process, "--mptcp");
    process_add(process, "--events=json");
    process_add(process, "--listen");
    process_add(process, "127.0.0.1:3333");
    process_add(process, "--tls-listen");
    process_add(process, "0.0.0.0:4444");
    process_add(process, "--tls-cert");
    process_add(process, stage->files.certificate);
    process_add(process, "--tls-key");
    process_add(process, stage->files.key);
    network_enter(stage->network.server);
    process_start(process);
    network_enter(stage->network.home);
    event_reader_init(&stage->server.events, process->output);
    expect_events(&stage->server.events, "listening", 2);
}

static void start_client(struct stage *stage)
{
    process_init(&stage->client, "LUBDUB_CLIENT");
    process_add(&stage->client, "--events=json");
    process_add(&stage->client, "--mptcp=require");
    process_add(&stage->client, "--tls");
    process_add(&stage->client, "--tls-ca");
    process_add(&stage->client, stage->ours.authority_file);
    process_add(&stage->client, "--id=pump");
    process_add(&stage->client, "--interval=100ms");
    process_add(&stage->client, "--expiry=10s");
    process_add(&stage->client, "--timeout=10s");
    process_add(&stage->client, NETWORK_SERVER ":4444");
    network_enter(stage->network.client);
    process_start(&stage->client);
    network_enter(stage->network.home);
    event_reader_init(&stage->client_events, stage->client.output);
}

/* The second path comes some round trips after the first. */
static void expect_two_paths(struct event_reader *events, const char *name, const char *identity)
{
    if (event_number(expect_event(events, name, identity), "paths") == 1) {
        assert_int_equal(event_number(expect_event(events, "path-back", identity), "paths"), 2);
    }
}

static void session_over_tls_lives_while_one_path_does(void **state)
{
    struct stage *stage = *state;

    network_make_two(&stage->network);
    start_server(stage);
    start_client(stage);
    expect_two_paths(&stage->client_events, "up", NULL);
    expect_two_paths(&stage->server.events, "connected", "pump");

    network_lose_path(&stage->network, 1);
    assert_int_equal(event_number(expect_event(&stage->client_events, "path-lost", NULL), "paths"), 1);
    assert_int_equal(event_number(expect_event(&stage->server.events, "path-lost", "pump"), "paths"), 1);
    network_find_path(&stage->network, 1);
    assert_int_equal(event_number(expect_event(&stage->client_events, "path-back", NULL), "paths"), 2);

    assert_int_equal(count_events(&stage->client_events, "down", NULL), 0);
    process_signal(&stage->client, SIGINT);
    assert_string_equal(event_text(expect_event(&stage->server.events, "disconnected", "pump"), "cause"), "bye");
    server_process_finish(&stage->server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(session_over_tls_lives_while_one_path_does, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
