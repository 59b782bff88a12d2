/* A session over TLS and two cables: one of them is cut, and the session lives. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>

#include "cable_stage.h"
#include "certificates.h"
#include "patience.h"
#include "support/test.h"

struct stage {
    struct cable_stage cables;
    struct certificates ours;
    struct certificate_files files;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    cable_stage_init(&stage->cables);
    certificates_make(&stage->ours, "our authority");
    certificates_issue(&stage->ours, "good",
                       &(struct certificate_wish){.common_name = "good", .alternatives = "IP:" NETWORK_SERVER},
                       &stage->files);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    cable_stage_clear(&stage->cables);
    certificates_clear(&stage->ours);
    free(stage);
    return 0;
}

static void start_server(struct stage *stage)
{
    struct process *process = &stage->cables.server.process;

    server_process_init(&stage->cables.server);
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
    network_enter(stage->cables.network.server);
    process_start(process);
    network_enter(stage->cables.network.home);
    event_reader_init(&stage->cables.server.events, process->output);
    expect_events(&stage->cables.server.events, "listening", 2);
}

static void start_client(struct stage *stage)
{
    process_init(&stage->cables.client, "LUBDUB_CLIENT");
    process_add(&stage->cables.client, "--events=json");
    process_add(&stage->cables.client, "--mptcp=require");
    process_add(&stage->cables.client, "--tls");
    process_add(&stage->cables.client, "--tls-ca");
    process_add(&stage->cables.client, stage->ours.authority_file);
    process_add(&stage->cables.client, "--id=pump");
    process_add(&stage->cables.client, "--interval=100ms");
    process_add(&stage->cables.client, "--expiry=10s");
    process_add(&stage->cables.client, "--timeout=10s");
    process_add(&stage->cables.client, NETWORK_SERVER ":4444");
    network_enter(stage->cables.network.client);
    process_start(&stage->cables.client);
    network_enter(stage->cables.network.home);
    event_reader_init(&stage->cables.client_events, stage->cables.client.output);
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

    network_make_two(&stage->cables.network);
    start_server(stage);
    start_client(stage);
    expect_two_paths(&stage->cables.client_events, "up", NULL);
    expect_two_paths(&stage->cables.server.events, "connected", "pump");

    network_lose_path(&stage->cables.network, 1);
    assert_int_equal(event_number(expect_event(&stage->cables.client_events, "path-lost", NULL), "paths"), 1);
    assert_int_equal(event_number(expect_event(&stage->cables.server.events, "path-lost", "pump"), "paths"), 1);
    network_find_path(&stage->cables.network, 1);
    assert_int_equal(event_number(expect_event(&stage->cables.client_events, "path-back", NULL), "paths"), 2);

    assert_int_equal(count_events(&stage->cables.client_events, "down", NULL), 0);
    process_signal(&stage->cables.client, SIGINT);
    assert_string_equal(event_text(expect_event(&stage->cables.server.events, "disconnected", "pump"), "cause"), "bye");
    server_process_finish(&stage->cables.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(session_over_tls_lives_while_one_path_does, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
