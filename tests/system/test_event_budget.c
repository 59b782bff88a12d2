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
    lubdub_duration lasted;
};

/* Of sessions without an identity that end as soon as they have begun, so many are told of each network. */
#define BRIEF_AT_ONCE 2000
#define BRIEF_A_SECOND 200

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
    lubdub_time began_at = now();
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
    attacker->lasted = now() - began_at;
    wire_bytes_clear(&options);
    wire_bytes_clear(&bytes);
    return NULL;
}

/* Each session has both events or none, all are told or counted, and those that are told have a budget. */
static void check_brief_sessions(const struct event_reader *events, const struct attacker *attacker)
{
    size_t sessions = HONEST + attacker->frames / FLOOD;
    size_t begun = count_events(events, "connected", NULL);
    lubdub_duration seconds = attacker->lasted / LUBDUB_SECOND + 1;

    assert_int_equal(begun, count_events(events, "disconnected", NULL));
    assert_int_equal(begun + count_summed_up(events, "connected"), sessions);
    assert_int_equal(begun + count_summed_up(events, "disconnected"), sessions);
    assert_true(begun <= HONEST + BRIEF_AT_ONCE + seconds * BRIEF_A_SECOND);
}

/* The reader is back: it reads until it has the last of the honest ones. */
static void read_on(struct event_reader *events)
{
    const lubdub_time until = now() + PATIENCE;
    bool has_last = false;
    char last[32];
    size_t i = 0;

    snprintf(last, sizeof last, "honest-%u", HONEST - 1);
    for (;;) {
        for (; i < events->count; i++) {
            has_last = has_last || (event_has(events->events[i], "id") &&
                                    strcmp(event_text(events->events[i], "event"), "disconnected") == 0 &&
                                    strcmp(event_text(events->events[i], "id"), last) == 0);
        }
        if (has_last) {
            return;
        }
        assert_true(now() < until && !events->has_ended);
        event_reader_read(events, until);
    }
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
    read_on(events);
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
                  (unsigned long long)count_summed_up(events, toggles_health ? "health" : "message"),
                  (unsigned long long)dropped(events), recorded, HONEST);
    assert_int_equal(recorded, HONEST); /* on a busy machine minor lines may be dropped, but none of these */
    assert_true(events->count < 2 * HONEST + 40 * connections + 100);
    check_brief_sessions(events, &attacker);
}

static void finding_b3_honest_clients_are_recorded_beside_one_that_floods_with_messages(void **state)
{
    flood(*state, false);
}

static void finding_b3_honest_clients_are_recorded_beside_one_that_toggles_its_health(void **state)
{
    flood(*state, true);
}

/* ---- late and recovered ---- */

#define DOZERS 20

/* More than what is told of them has: they answer until they have sent so much. */
#define BYTES_SENT 120000

/* Its longest name, each character of which is two in JSON. */
static void name_of_dozer(size_t index, char name[129])
{
    memset(name, '"', 128);
    name[128] = '\0';
    name[0] = (char)('a' + index / 26);
    name[1] = (char)('a' + index % 26);
}

static size_t bytes_of(const struct event_reader *events)
{
    size_t bytes = 0;
    size_t i;

    for (i = 0; i < events->count; i++) {
        char *text = json_dumps(events->events[i], JSON_COMPACT | JSON_ENSURE_ASCII);

        bytes += strlen(text) + 1;
        free(text);
    }
    return bytes;
}

static void finding_d5_sessions_that_only_answer_challenges_write_less_than_they_send(void **state)
{
    struct stage *stage = *state;
    struct event_reader *events = &stage->server.events;
    static struct raw_client dozers[DOZERS];
    static struct raw_frame frame;
    size_t sent = 0;
    size_t written;
    lubdub_time began_at = now();
    lubdub_duration lasted;
    size_t i;

    server_process_start(&stage->server, NULL);
    for (i = 0; i < DOZERS; i++) {
        char name[129];

        name_of_dozer(i, name);
        raw_join(&dozers[i], stage->server.port, name, 10, 60000);
        sent += 16 + 4 + 128 + 2 * 8;
    }
    while (sent < BYTES_SENT) {
        assert_true(now() < began_at + 2 * PATIENCE);
        for (i = 0; i < DOZERS; i++) {
            while (raw_receive(&dozers[i], &frame, now()) == RAW_FRAME) {
                if (frame.type == LUBDUB_FRAME_PROBE) {
                    raw_send_frame(&dozers[i], LUBDUB_FRAME_ACK, 0, frame.sequence, frame.content, frame.length);
                    sent += 16 + frame.length;
                }
            }
        }
        event_reader_read(events, now());
        stay(LUBDUB_MILLISECOND);
    }
    for (i = 0; i < DOZERS; i++) {
        raw_close(&dozers[i]);
    }
    server_process_finish(&stage->server);
    lasted = now() - began_at;
    written = bytes_of(events);
    print_message("%zu bytes sent, %zu bytes of events: %zu late, %llu more in sums\n", sent, written,
                  count_events(events, "late", NULL), (unsigned long long)count_summed_up(events, "late"));
    assert_true(count_summed_up(events, "late") > 10 * DOZERS);
    assert_in_range(count_events(events, "late", NULL), DOZERS, (3 + lasted / (20 * LUBDUB_SECOND)) * DOZERS);
    assert_true(count_events(events, "recovered", NULL) <= count_events(events, "late", NULL));
    assert_true(written < sent);
}

/* ---- refused connections ---- */

static void finding_b19_health_checks_of_a_balancer_are_summed_up(void **state)
{
    struct stage *stage = *state;
    struct event_reader *events = &stage->server.events;
    const json_t *sum;
    unsigned i;

    server_process_start(&stage->server, NULL);
    for (i = 0; i < 100; i++) {
        raw_connect(&stage->client, stage->server.port);
        raw_send(&stage->client, "GET /healthz HTTP/1.0\r\n\r\n", 26);
        raw_expect_silent_end(&stage->client);
        raw_close(&stage->client);
    }
    server_process_finish(&stage->server);
    assert_int_equal(count_events(events, "rejected", NULL), 10);
    sum = expect_event(events, "summary", NULL);
    expect_text(sum, "of", "rejected");
    expect_text(sum, "cause", "protocol");
    expect_text(sum, "network", "127.0.0.1");
    assert_int_equal(event_number(sum, "count"), 90);
    assert_true(event_has(sum, "over_ms"));
    assert_null(find_event(events, "summary", NULL));
}

/* ---- twins ---- */

static void finding_b20_twins_that_fight_are_told_a_few_times_a_second(void **state)
{
    struct stage *stage = *state;
    struct event_reader *events = &stage->server.events;
    static struct raw_frame frame;
    lubdub_time started_at = now();
    uint64_t takeovers = 0;
    uint64_t session = 0;
    uint64_t incarnation;
    uint64_t seconds;
    uint64_t lines;

    server_process_start(&stage->server, "--workers=2", NULL);
    for (incarnation = 1; incarnation <= 1000; incarnation++) {
        struct raw_client newcomer;

        raw_connect(&newcomer, stage->server.port);
        raw_say_hello(&newcomer, "twin", 1000, 60000, incarnation);
        assert_int_equal(raw_receive(&newcomer, &frame, now() + PATIENCE), RAW_FRAME);
        if (frame.type != LUBDUB_FRAME_WELCOME) { /* the server may have had enough of it, too */
            raw_close(&newcomer);
            continue;
        }
        takeovers++;
        session = frame.sequence;
        raw_close(&stage->client);
        stage->client = newcomer;
    }
    seconds = (now() - started_at) / LUBDUB_SECOND + 1;
    while (event_number(expect_event(events, "connected", "twin"), "session") != session) {
        ; /* soon after the end it is known which session has the name */
    }
    server_process_finish(&stage->server);
    lines = count_events(events, "connected", "twin") + count_events(events, "disconnected", "twin");
    print_message("%llu takeovers in %llu s: %llu lines\n", (unsigned long long)takeovers, (unsigned long long)seconds,
                  (unsigned long long)lines);
    assert_true(lines <= 2 * (5 + seconds) + 4);
    assert_int_equal(count_events(events, "connected", "twin") + count_summed_up(events, "connected"), takeovers);
    assert_int_equal(count_events(events, "disconnected", "twin") + count_summed_up(events, "disconnected"), takeovers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finding_d5_sessions_that_only_answer_challenges_write_less_than_they_send,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_b19_health_checks_of_a_balancer_are_summed_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_b20_twins_that_fight_are_told_a_few_times_a_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_b3_honest_clients_are_recorded_beside_one_that_floods_with_messages,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_b3_honest_clients_are_recorded_beside_one_that_toggles_its_health,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
