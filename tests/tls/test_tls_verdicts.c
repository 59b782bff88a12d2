/*
 * Which silence it was, over TLS: a cable that is cut, and a process that stands still, on both sides, by fixed times
 * and by evidence. And a peer of which only TLS goes on talking.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <lubdub/cause.h>

#include "cable_stage.h"
#include "certificates.h"
#include "patience.h"
#include "raw_client.h"
#include "raw_tls.h"
#include "support/test.h"
#include "talkative_server.h"

#define MS LUBDUB_MILLISECOND

struct stage {
    struct cable_stage cables;
    struct certificates ours;
    struct certificate_files files;
    struct raw_client raw;
    pid_t talkative;
    char address[64];
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->raw.socket = -1;
    cable_stage_init(&stage->cables);
    certificates_make(&stage->ours, "our authority");
    certificates_issue(
        &stage->ours, "good",
        &(struct certificate_wish){.common_name = "good", .alternatives = "IP:127.0.0.1,IP:" NETWORK_SERVER},
        &stage->files);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    raw_close(&stage->raw);
    raw_clients_speak_tls(NULL);
    cable_stage_clear(&stage->cables);
    talkative_server_end(stage->talkative);
    certificates_clear(&stage->ours);
    free(stage);
    return 0;
}

/* Over TLS, at this address of this namespace (0: the test's own). */
static void start_server(struct stage *stage, const char *address, int where, const char *detect)
{
    struct process *process = &stage->cables.server.process;

    server_process_init(&stage->cables.server);
    stage->cables.server.port = where != 0 ? 4444 : free_port();
    snprintf(stage->address, sizeof stage->address, "%s:%u", address, (unsigned)stage->cables.server.port);
    process_add(process, "--events=json");
    process_add(process, "--tls-listen");
    process_add(process, stage->address);
    process_add(process, "--tls-cert");
    process_add(process, stage->files.certificate);
    process_add(process, "--tls-key");
    process_add(process, stage->files.key);
    process_add(process, detect);
    if (where != 0) {
        network_enter(where);
    }
    process_start(process);
    if (where != 0) {
        network_enter(stage->cables.network.home);
    }
    event_reader_init(&stage->cables.server.events, process->output);
    (void)expect_event(&stage->cables.server.events, "listening", NULL);
}

/* With a probe every 100 ms. */
static void start_client(struct stage *stage, int where, const char *expiry, const char *timeout)
{
    process_init(&stage->cables.client, "LUBDUB_CLIENT");
    process_add(&stage->cables.client, "--events=json");
    process_add(&stage->cables.client, "--tls");
    process_add(&stage->cables.client, "--tls-ca");
    process_add(&stage->cables.client, stage->ours.authority_file);
    process_add(&stage->cables.client, "--id=pump");
    process_add(&stage->cables.client, "--interval=100ms");
    process_add(&stage->cables.client, expiry);
    process_add(&stage->cables.client, timeout);
    process_add(&stage->cables.client, stage->address);
    if (where != 0) {
        network_enter(where);
    }
    process_start(&stage->cables.client);
    if (where != 0) {
        network_enter(stage->cables.network.home);
    }
    event_reader_init(&stage->cables.client_events, stage->cables.client.output);
}

static void expect_acks(struct stage *stage)
{
    expect_event(&stage->cables.client_events, "up", NULL);
    expect_events(&stage->cables.client_events, "ack", 4);
}

/* ---- a cable that is cut ---- */

static void cut_is_unreachable(struct stage *stage, const char *detect, const char *timeout)
{
    const json_t *end;
    lubdub_time before;
    lubdub_time after;

    network_make(&stage->cables.network);
    start_server(stage, NETWORK_SERVER, stage->cables.network.server, detect);
    start_client(stage, stage->cables.network.client, "--expiry=2s", timeout);
    expect_acks(stage);
    before = now();
    network_cut(&stage->cables.network);
    after = now();

    end = expect_event(&stage->cables.server.events, "disconnected", "pump");
    expect_text(end, "cause", "unreachable");
    assert_int_equal(event_number(end, "reason"), LUBDUB_REASON_EXPIRED);
    assert_true(event_time(end) + 100 * MS + HELD_UP > before + 2000 * MS);
    assert_true(event_time(end) <= after + 2000 * MS + SLACK + server_process_absence(&stage->cables.server));
    end = expect_event(&stage->cables.client_events, "down", NULL);
    expect_text(end, "cause", "unreachable");
    assert_true(event_number(end, "waited_ms") >= 1500);
    assert_true(event_time(end) <= after + (1500 + 100) * MS + SLACK);
    assert_int_equal(process_wait(&stage->cables.client), 1);
    server_process_finish(&stage->cables.server);
}

static void cut_path_is_unreachable_on_both_sides(void **state)
{
    cut_is_unreachable(*state, "--detect=fixed", "--timeout=1500ms");
}

/* Evidence says nothing of a path that is silent: the verdicts come at the fixed times. */
static void cut_path_is_unreachable_on_both_sides_where_they_adapt(void **state)
{
    cut_is_unreachable(*state, "--detect=adaptive", "--timeout=auto:1500ms");
}

/* ---- a process that stands still ---- */

static void stopped_client_is_hung(void **state)
{
    struct stage *stage = *state;
    const json_t *end;

    start_server(stage, "127.0.0.1", 0, "--detect=fixed");
    start_client(stage, 0, "--expiry=2s", "--timeout=60s");
    expect_acks(stage);
    process_stop(&stage->cables.client);
    end = expect_event(&stage->cables.server.events, "disconnected", "pump");
    expect_text(end, "cause", "hung");
    assert_false(event_has(end, "adaptive_ms"));
    assert_true(event_number(end, "silent_ms") >= 2000);
    process_go_on(&stage->cables.client);
}

static void stopped_client_is_hung_long_before_its_expiry_where_the_server_adapts(void **state)
{
    struct stage *stage = *state;
    const json_t *end;

    start_server(stage, "127.0.0.1", 0, "--detect=adaptive");
    start_client(stage, 0, "--expiry=20s", "--timeout=60s");
    expect_acks(stage);
    process_stop(&stage->cables.client);
    end = expect_event(&stage->cables.server.events, "disconnected", "pump");
    expect_text(end, "cause", "hung");
    assert_true(event_has(end, "adaptive_ms"));
    assert_in_range(event_number(end, "silent_ms"), 100, 19999);
    process_go_on(&stage->cables.client);
}

static void stopped_server_is_hung(struct stage *stage, const char *timeout, bool adapts)
{
    const json_t *end;

    start_server(stage, "127.0.0.1", 0, "--detect=fixed");
    start_client(stage, 0, "--expiry=60s", timeout);
    expect_acks(stage);
    process_stop(&stage->cables.server.process);
    end = expect_event(&stage->cables.client_events, "down", NULL);
    expect_text(end, "cause", "hung");
    assert_int_equal(event_has(end, "adaptive_ms"), adapts);
    assert_in_range(event_number(end, "waited_ms"), adapts ? 100 : 2000, 19999);
    assert_int_equal(process_wait(&stage->cables.client), 1);
    process_go_on(&stage->cables.server.process);
}

static void stopped_server_is_hung_for_the_client(void **state)
{
    stopped_server_is_hung(*state, "--timeout=2s", false);
}

static void stopped_server_is_hung_long_before_the_timeout_where_the_client_adapts(void **state)
{
    stopped_server_is_hung(*state, "--timeout=auto:20s", true);
}

/* ---- TLS that goes on talking ---- */

/* Sends them until the session has ended. Returns how many. */
static unsigned update_until_the_end(struct stage *stage, const char *identity)
{
    const json_t *end = NULL;
    unsigned updates = 0;

    raw_join(&stage->raw, stage->cables.server.port, identity, 100, 1500);
    raw_expect_life(&stage->raw);
    while (end == NULL && updates < 30) { /* OpenSSL takes 32 of them without data */
        raw_update_key(&stage->raw);
        updates++;
        event_reader_read(&stage->cables.server.events, now() + 80 * MS);
        end = find_event(&stage->cables.server.events, "disconnected", identity);
    }
    if (end == NULL) {
        end = expect_event(&stage->cables.server.events, "disconnected", identity);
    }
    expect_text(end, "cause", "hung");
    assert_int_equal(event_number(end, "probes"), 1);
    assert_in_range(event_number(end, "silent_ms"), 100, 1500 + SLACK / MS);
    raw_close(&stage->raw);
    return updates;
}

/* A busy machine may leave time for too few of them: then it is done again. */
static void updates_of_the_key_are_no_sign_of_life(struct stage *stage, const char *detect)
{
    static const char *const identities[] = {"first", "second", "third"};
    unsigned updates = 0;
    size_t i;

    start_server(stage, "127.0.0.1", 0, detect);
    raw_clients_speak_tls(stage->ours.authority_file);
    for (i = 0; i < COUNT_OF(identities) && updates <= 3; i++) {
        updates = update_until_the_end(stage, identities[i]);
    }
    assert_true(updates > 3);
}

static void client_of_which_only_tls_talks_is_hung(void **state)
{
    updates_of_the_key_are_no_sign_of_life(*state, "--detect=fixed");
}

static void client_of_which_only_tls_talks_is_hung_where_the_server_adapts(void **state)
{
    updates_of_the_key_are_no_sign_of_life(*state, "--detect=adaptive");
}

static void tickets_are_no_answers(struct stage *stage, const char *timeout)
{
    const json_t *end;
    uint16_t port;

    stage->talkative = talkative_server_start(&stage->files, &port);
    snprintf(stage->address, sizeof stage->address, "127.0.0.1:%u", (unsigned)port);
    start_client(stage, 0, "--expiry=60s", timeout);
    expect_event(&stage->cables.client_events, "up", NULL);
    end = expect_event(&stage->cables.client_events, "down", NULL);
    expect_text(end, "cause", "hung");
    assert_int_equal(count_events(&stage->cables.client_events, "ack", NULL), 0);
    assert_in_range(event_number(end, "waited_ms"), 100, 2000 + SLACK / MS);
    assert_int_equal(process_wait(&stage->cables.client), 1);
}

static void server_of_which_only_tls_talks_is_hung(void **state)
{
    tickets_are_no_answers(*state, "--timeout=2s");
}

static void server_of_which_only_tls_talks_is_hung_where_the_client_adapts(void **state)
{
    tickets_are_no_answers(*state, "--timeout=auto:2s");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cut_path_is_unreachable_on_both_sides),
        TEST(cut_path_is_unreachable_on_both_sides_where_they_adapt),
        TEST(stopped_client_is_hung),
        TEST(stopped_client_is_hung_long_before_its_expiry_where_the_server_adapts),
        TEST(stopped_server_is_hung_for_the_client),
        TEST(stopped_server_is_hung_long_before_the_timeout_where_the_client_adapts),
        TEST(client_of_which_only_tls_talks_is_hung),
        TEST(client_of_which_only_tls_talks_is_hung_where_the_server_adapts),
        TEST(server_of_which_only_tls_talks_is_hung),
        TEST(server_of_which_only_tls_talks_is_hung_where_the_client_adapts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
