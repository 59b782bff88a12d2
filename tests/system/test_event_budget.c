/* What one client can write into the events of all: its own come beyond a budget as a summary, nobody else's are lost.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lubdub/cause.h>
#include <lubdub/option.h>

#include "patience.h"
#include "raw_client.h"
#include "server_process.h"
#include "support/test.h"

#define HONEST 239

struct stage {
    struct server_process server;
    struct raw_client client;
    struct raw_client other;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->client.socket = stage->other.socket = -1;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    raw_close(&stage->client);
    raw_close(&stage->other);
    server_process_clear(&stage->server);
    free(stage);
    return 0;
}

/* How many events of this kind of one session (0: of all) the summaries stand for. */
static uint64_t summed_up(const struct event_reader *events, const char *of, uint64_t session)
{
    uint64_t count = 0;
    size_t i;

    for (i = 0; i < events->count; i++) {
        const json_t *event = events->events[i];

        if (strcmp(event_text(event, "event"), "summary") == 0 && strcmp(event_text(event, "of"), of) == 0 &&
            (session == 0 || (event_has(event, "session") && event_number(event, "session") == session))) {
            count += event_number(event, "count");
        }
    }
    return count;
}

static uint64_t dropped(const struct event_reader *events)
{
    uint64_t count = 0;
    size_t i;

    for (i = 0; i < events->count; i++) {
        if (strcmp(event_text(events->events[i], "event"), "dropped") == 0) {
            count += event_number(events->events[i], "count");
        }
    }
    return count;
}

/* ---- an attacker in a thread of its own ---- */

struct attacker {
    pthread_t thread;
    atomic_bool is_over;
    uint16_t port;
    bool toggles_health;
    uint64_t frames;
};

/* More probes, or messages, than the server allows at once: the server ends the connection when it has told the rest.
 */
#define FLOOD 5000

static void send_all(int socket, const struct wire_bytes *bytes)
{
    static char drained[65536];
    size_t sent = 0;
    ssize_t part = 1;

    while (sent < bytes->length && part > 0) {
        part = send(socket, bytes->data + sent, bytes->length - sent, MSG_NOSIGNAL);
        sent += part > 0 ? (size_t)part : 0;
        while (recv(socket, drained, sizeof drained, MSG_DONTWAIT) > 0) {
        }
    }
    shutdown(socket, SHUT_WR);
    while (recv(socket, drained, sizeof drained, 0) > 0) {
    }
}

static void *attack(void *argument)
{
    struct attacker *attacker = argument;
    struct wire_bytes options = {0};
    struct wire_bytes bytes = {0};
    uint64_t sequence;

    wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, 10);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, 60000);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_HELLO, 0, 1, options.data, options.length);
    for (sequence = 1; sequence <= FLOOD; sequence++) {
        if (attacker->toggles_health) {
            wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, (unsigned)(sequence & 1), sequence, NULL, 0);
        } else {
            wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, sequence, NULL, 0);
        }
    }
    while (!atomic_load(&attacker->is_over)) {
        struct raw_client client;

        raw_connect(&client, attacker->port);
        send_all(client.socket, &bytes);
        raw_close(&client);
        attacker->frames += FLOOD;
    }
    wire_bytes_clear(&options);
    wire_bytes_clear(&bytes);
    return NULL;
}

/* Nobody reads the events while one client floods and honest ones come and go; then all of theirs stand there. */
static void flood(struct stage *stage, bool toggles_health)
{
    struct attacker attacker = {.toggles_health = toggles_health};
    struct event_reader *events = &stage->server.events;
    size_t recorded = 0;
    size_t connections;
    unsigned i;

    server_process_start(&stage->server, "--on-message=drop", NULL);
    attacker.port = stage->server.port;
    assert_int_equal(pthread_create(&attacker.thread, NULL, attack, &attacker), 0);
    for (i = 0; i < HONEST; i++) {
        char name[32];

        snprintf(name, sizeof name, "honest-%u", i);
        raw_join(&stage->other, stage->server.port, name, 1000, 60000);
        raw_bye(&stage->other, 0);
        raw_expect_silent_end(&stage->other);
        raw_close(&stage->other);
        stay(10 * LUBDUB_MILLISECOND);
    }
    atomic_store(&attacker.is_over, true);
    pthread_join(attacker.thread, NULL);
    process_signal(&stage->server.process, SIGTERM);
    event_reader_finish(events);
    assert_int_equal(process_wait(&stage->server.process), 0);

    for (i = 0; i < HONEST; i++) {
        char name[32];

        snprintf(name, sizeof name, "honest-%u", i);
        recorded += count_events(events, "connected", name) == 1 && count_events(events, "disconnected", name) == 1;
    }
    connections = attacker.frames / FLOOD;
    print_message("%llu frames on %zu connections: %zu lines, %llu events summed up, %llu dropped, "
                  "%zu of %u honest clients recorded\n",
                  (unsigned long long)attacker.frames, connections, events->count,
                  (unsigned long long)summed_up(events, toggles_health ? "health" : "message", 0),
                  (unsigned long long)dropped(events), recorded, HONEST);
    assert_int_equal(recorded, HONEST);
    assert_int_equal(dropped(events), 0);
    assert_true(events->count < 2 * HONEST + 40 * connections + 100);
}

static void finding_b3_honest_clients_are_recorded_beside_one_that_floods_with_messages(void **state)
{
    flood(*state, false);
}

static void finding_b3_honest_clients_are_recorded_beside_one_that_toggles_its_health(void **state)
{
    flood(*state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finding_b3_honest_clients_are_recorded_beside_one_that_floods_with_messages,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_b3_honest_clients_are_recorded_beside_one_that_toggles_its_health,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
