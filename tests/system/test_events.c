/* What the server tells: every promised field of every event, and the text form as people and scripts read it. */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <lubdub/cause.h>
#include <lubdub/option.h>

#include "patience.h"
#include "raw_client.h"
#include "scratch.h"
#include "server_process.h"
#include "support/test.h"

struct stage {
    struct server_process server;
    struct raw_client client;
    struct raw_client other;
    struct scratch scratch;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->client.socket = stage->other.socket = -1;
    scratch_make(&stage->scratch);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    raw_close(&stage->client);
    raw_close(&stage->other);
    server_process_clear(&stage->server);
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

/* How the server names this socket. */
static char *name_of(const struct raw_client *client, char text[64])
{
    struct sockaddr_in local;
    socklen_t length = sizeof local;

    assert_int_equal(getsockname(client->socket, (struct sockaddr *)&local, &length), 0);
    snprintf(text, 64, "127.0.0.1:%u", ntohs(local.sin_port));
    return text;
}

/* ---- JSON ---- */

/* RFC 3339, UTC, microseconds, and now. */
static void expect_timestamp(const char *text)
{
    struct tm parts = {0};
    int microseconds = -1;
    int length = 0;

    assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%6dZ%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                            &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &microseconds, &length),
                     7);
    assert_int_equal(length, 27);
    assert_int_equal(strlen(text), 27);
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    assert_true(labs(timegm(&parts) - time(NULL)) < 120);
}

static void expect_who(const json_t *event, const struct raw_client *client, const char *identity)
{
    char name[64];

    assert_int_equal(event_number(event, "session"), client->session);
    expect_text(event, "id", identity);
    expect_text(event, "remote", name_of(client, name));
}

static void say_hello_with_labels(struct raw_client *client, const char *identity)
{
    struct wire_bytes options = {0};

    wire_bytes_put_option(&options, LUBDUB_OPTION_IDENTITY, identity, strlen(identity));
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, 200);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, 3000);
    wire_bytes_put_option(&options, LUBDUB_OPTION_LABEL, "site=Kiel", 9);
    wire_bytes_put_option(&options, LUBDUB_OPTION_LABEL, "rack=", 5);
    raw_send_frame(client, LUBDUB_FRAME_HELLO, 0, 1, options.data, options.length);
    wire_bytes_clear(&options);
    raw_expect_welcome(client);
}

static void every_json_event_has_its_promised_fields(void **state)
{
    struct stage *stage = *state;
    struct event_reader *events = &stage->server.events;
    const json_t *event;
    static struct raw_frame frame;
    size_t i;

    server_process_start(&stage->server, "--node=kiel-1", "--grace=200ms", NULL);
    raw_connect(&stage->client, stage->server.port);
    say_hello_with_labels(&stage->client, "pump-7");

    event = expect_event(events, "connected", NULL);
    expect_who(event, &stage->client, "pump-7");
    assert_int_equal(event_number(event, "interval_ms"), 200);
    assert_int_equal(event_number(event, "expiry_ms"), 3000);
    assert_false(event_flag(event, "resumed"));
    assert_false(event_flag(event, "tls"));
    assert_true(json_is_object(json_object_get(event, "labels")));
    expect_text(json_object_get(event, "labels"), "site", "Kiel");
    expect_text(json_object_get(event, "labels"), "rack", "");

    raw_message(&stage->client, "hello");
    event = expect_event(events, "message", NULL);
    expect_who(event, &stage->client, "pump-7");
    assert_int_equal(event_number(event, "length"), 5);
    raw_expect(&stage->client, LUBDUB_FRAME_MESSAGE, 1, &frame);

    raw_send_frame(&stage->client, LUBDUB_FRAME_PROBE, 2, ++stage->client.probes, "disk full", 9);
    raw_expect(&stage->client, LUBDUB_FRAME_ACK, 1, &frame);
    assert_int_equal(frame.flags, 2);
    assert_int_equal(frame.length, 9);
    assert_memory_equal(frame.content, "disk full", 9);
    event = expect_event(events, "health", NULL);
    expect_who(event, &stage->client, "pump-7");
    expect_text(event, "health", "critical");
    expect_text(event, "was", "passing");
    expect_text(event, "content", "disk full");

    event = expect_event(events, "late", NULL);
    expect_who(event, &stage->client, "pump-7");
    assert_true(event_number(event, "silent_ms") >= 200);
    raw_send_frame(&stage->client, LUBDUB_FRAME_PROBE, 1, ++stage->client.probes, NULL, 0);
    event = expect_event(events, "recovered", NULL);
    expect_who(event, &stage->client, "pump-7");
    assert_true(event_number(event, "silent_ms") >= 200);
    event = expect_event(events, "health", NULL);
    expect_text(event, "health", "warning");
    expect_text(event, "was", "critical");

    raw_bye(&stage->client, LUBDUB_REASON_NORMAL);
    event = expect_event(events, "disconnected", NULL);
    expect_who(event, &stage->client, "pump-7");
    expect_text(event, "cause", "bye");
    assert_int_equal(event_number(event, "reason"), 0);
    assert_int_equal(event_number(event, "probes"), 2);
    assert_true(event_number(event, "connected_ms") >= 200);
    assert_true(event_number(event, "silent_ms") < 20000);

    event = expect_event(events, "gone", NULL);
    expect_text(event, "id", "pump-7");

    raw_connect(&stage->other, stage->server.port);
    raw_send(&stage->other, "LD\1\1\0\0\377\377\0\0\0\0\0\0\0\1", 16);
    event = expect_event(events, "rejected", NULL);
    expect_text(event, "cause", "protocol");
    assert_true(strlen(event_text(event, "text")) > 0);
    assert_true(event_has(event, "remote"));

    server_process_finish(&stage->server);
    for (i = 0; i < events->count; i++) {
        expect_text(events->events[i], "node", "kiel-1");
        expect_timestamp(event_text(events->events[i], "time"));
        assert_true(event_time(events->events[i]) <= now());
        assert_true(i == 0 || event_time(events->events[i]) >= event_time(events->events[i - 1]));
    }
    expect_text(events->events[0], "event", "listening");
    expect_text(events->events[0], "address", stage->server.address);
}

static void anonymous_session_is_known_by_its_address(void **state)
{
    struct stage *stage = *state;
    const json_t *event;
    static struct raw_frame frame;
    char name[64];

    server_process_start(&stage->server, "--interval=500ms", "--expiry=60s", NULL);
    raw_connect(&stage->client, stage->server.port);
    raw_probe(&stage->client);
    raw_expect(&stage->client, LUBDUB_FRAME_ACK, 1, &frame);
    event = expect_event(&stage->server.events, "connected", NULL);
    expect_text(event, "remote", name_of(&stage->client, name));
    assert_int_equal(event_number(event, "interval_ms"), 500);
    assert_int_equal(event_number(event, "expiry_ms"), 60000);
    assert_true(event_number(event, "session") != 0);
    assert_true(!event_has(event, "id") || strcmp(event_text(event, "id"), name) == 0);
    assert_false(event_has(event, "node"));

    raw_connect(&stage->other, stage->server.port);
    raw_message(&stage->other, "first");
    raw_expect(&stage->other, LUBDUB_FRAME_MESSAGE, 1, &frame);
    assert_int_equal(frame.length, 5);
    server_process_finish(&stage->server);
}

static void names_from_the_wire_are_escaped(void **state)
{
    static const char name[] = "\"quoted\" back\\slash {} %s $(x) \xc2\xa0 ../x";
    struct stage *stage = *state;
    const json_t *event;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, name, 1000, 60000);
    event = expect_event(&stage->server.events, "connected", name); /* as it was after JSON's own unescaping */
    expect_text(event, "id", name);
    raw_send_frame(&stage->client, LUBDUB_FRAME_PROBE, 1, 1, "\xff\x1b[2J\n\"\\", 8);
    event = expect_event(&stage->server.events, "health", name);
    assert_non_null(strstr(event_text(event, "content"), "\x1b[2J\n\"\\"));
    server_process_finish(&stage->server);
}

static void identities_that_are_not_allowed_are_refused(void **state)
{
    static const struct {
        const char *name;
        size_t length;
    } rows[] = {
        {"", 0},
        {"a\0b", 3},
        {"a\nb", 3},
        {"a\rb", 3},
        {"a\tb", 3},
        {"a\x1b"
         "b",
         3},
        {"a\x7f"
         "b",
         3},
        {"a\xc2\x85", 3},
        {"\xff", 1},
        {"\xc0\xaf", 2},
        {"\xed\xa0\x80", 3},
        {"\xf5\x80\x80\x80", 4},
        {"cut\xe2\x82", 5},
    };
    struct stage *stage = *state;
    char longest[129];
    size_t i;

    server_process_start(&stage->server, NULL);
    for (i = 0; i <= COUNT_OF(rows); i++) {
        struct wire_bytes options = {0};

        memset(longest, 'x', sizeof longest);
        if (i < COUNT_OF(rows)) {
            wire_bytes_put_option(&options, LUBDUB_OPTION_IDENTITY, rows[i].name, rows[i].length);
        } else {
            wire_bytes_put_option(&options, LUBDUB_OPTION_IDENTITY, longest, sizeof longest);
        }
        raw_connect(&stage->client, stage->server.port);
        raw_send_frame(&stage->client, LUBDUB_FRAME_HELLO, 0, 1, options.data, options.length);
        raw_expect_bye(&stage->client, LUBDUB_REASON_PROTOCOL_ERROR);
        raw_close(&stage->client);
        wire_bytes_clear(&options);
    }
    longest[128] = '\0';
    raw_join(&stage->client, stage->server.port, longest, 0, 0);
    server_process_finish(&stage->server);
    assert_int_equal(count_events(&stage->server.events, "rejected", NULL) +
                         count_summed_up(&stage->server.events, "rejected"),
                     COUNT_OF(rows) + 1);
}

/* ---- text ---- */

/* Reads standard output until this line stands there. */
static void expect_line(struct stage *stage, char **lines, const char *line)
{
    lubdub_time until = now() + PATIENCE;
    char wanted[256];

    snprintf(wanted, sizeof wanted, "%s\n", line);
    while (strstr(*lines, wanted) == NULL) {
        struct pollfd wait = {.fd = stage->server.process.output, .events = POLLIN};
        size_t length = strlen(*lines);
        ssize_t part;

        if (poll(&wait, 1, poll_time(until)) <= 0) {
            fail_msg("no line \"%s\" in:\n%s", line, *lines);
        }
        *lines = realloc(*lines, length + 4097);
        part = read(wait.fd, *lines + length, 4096);
        assert_true(part > 0);
        (*lines)[length + (size_t)part] = '\0';
    }
}

static void text_events_are_as_promised(void **state)
{
    struct stage *stage = *state;
    char *lines = calloc(1, 1);
    char name[64];
    char line[256];

    server_process_init(&stage->server);
    server_process_listen(&stage->server);
    process_start(&stage->server.process); /* text is the default */
    snprintf(line, sizeof line, "listening on %s", stage->server.address);
    expect_line(stage, &lines, line);

    raw_connect(&stage->client, stage->server.port);
    raw_expect_life(&stage->client);
    name_of(&stage->client, name);
    snprintf(line, sizeof line, "\n%s connected", name); /* nothing before it: an anonymous session */
    expect_line(stage, &lines, line);
    raw_close(&stage->client);
    snprintf(line, sizeof line, "\n%s disconnected: closed", name);
    expect_line(stage, &lines, line);

    raw_join(&stage->client, stage->server.port, "pump-7", 0, 0);
    name_of(&stage->client, name);
    snprintf(line, sizeof line, "\npump-7 %s connected", name);
    expect_line(stage, &lines, line);
    raw_bye(&stage->client, LUBDUB_REASON_NORMAL);
    snprintf(line, sizeof line, "\npump-7 %s disconnected: bye", name);
    expect_line(stage, &lines, line);
    raw_close(&stage->client);

    raw_connect(&stage->client, stage->server.port);
    raw_say_hello(&stage->client, "bidi\xe2\x80\xae\xc2\xa0x", 0, 0, 1);
    snprintf(line, sizeof line,
             "%s rejected: protocol: the identity is blank, or not UTF-8 without control and "
             "invisible characters",
             name_of(&stage->client, name));
    expect_line(stage, &lines, line);
    assert_null(strstr(lines, "\xe2\x80\xae")); /* nothing raw that turns a terminal's line around */

    process_signal(&stage->server.process, SIGTERM);
    expect_line(stage, &lines, "stopped");
    assert_int_equal(process_wait(&stage->server.process), 0);
    free(lines);
}

/* What a line of this identity begins with, and that nothing raw of it stands there. */
static void expect_name_in_text(struct stage *stage, char **lines, const char *identity, const char *shown)
{
    char name[64];
    char line[512];

    raw_join(&stage->client, stage->server.port, identity, 1000, 60000);
    snprintf(line, sizeof line, "\n%s %s connected", shown, name_of(&stage->client, name));
    expect_line(stage, lines, line);
    raw_bye(&stage->client, LUBDUB_REASON_NORMAL);
    snprintf(line, sizeof line, "\n%s %s disconnected: bye", shown, name);
    expect_line(stage, lines, line);
    raw_close(&stage->client);
}

static void finding_b14_identity_cannot_forge_a_text_event(void **state)
{
    struct stage *stage = *state;
    char *lines = calloc(1, 1);

    server_process_init(&stage->server);
    server_process_listen(&stage->server);
    process_start(&stage->server.process);
    expect_line(stage, &lines, ""); /* it listens */
    expect_name_in_text(stage, &lines, "pump-7", "pump-7");
    expect_name_in_text(stage, &lines, "p\xc3\xbcmpe", "p\xc3\xbcmpe");
    expect_name_in_text(stage, &lines, "pump-7 10.0.0.7:1 disconnected: hung; then",
                        "\"pump-7 10.0.0.7:1 disconnected: hung; then\"");
    expect_name_in_text(stage, &lines, "127.0.0.1:4242", "\"127.0.0.1:4242\"");
    expect_name_in_text(stage, &lines, "a\" b", "\"a\\\" b\"");
    expect_name_in_text(stage, &lines, "connected", "\"connected\"");
    process_signal(&stage->server.process, SIGTERM);
    expect_line(stage, &lines, "stopped");
    assert_int_equal(process_wait(&stage->server.process), 0);
    free(lines);
}

/* What a check says stands in the event: bounded, and escaped for a terminal. */
static void finding_e12_content_of_a_health_event_is_shown_and_bounded(void **state)
{
    struct stage *stage = *state;
    static char content[1000];
    const json_t *event;
    char *lines = calloc(1, 1);

    memset(content, 'x', sizeof content);
    content[1] = '\0';
    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "pump-7", 1000, 60000);
    raw_send_frame(&stage->client, LUBDUB_FRAME_PROBE, 2, 1, content, sizeof content);
    event = expect_event(&stage->server.events, "health", "pump-7");
    assert_int_equal(strlen(event_text(event, "content")), 256 + 2); /* U+FFFD for the NUL */
    assert_true(event_flag(event, "truncated"));
    raw_send_frame(&stage->client, LUBDUB_FRAME_PROBE, 1, 2, "disk 95% full", 13);
    event = expect_event(&stage->server.events, "health", "pump-7");
    expect_text(event, "content", "disk 95% full");
    assert_false(event_has(event, "truncated"));
    raw_close(&stage->client);
    server_process_finish(&stage->server);
    server_process_clear(&stage->server);

    server_process_init(&stage->server);
    server_process_listen(&stage->server);
    process_start(&stage->server.process);
    expect_line(stage, &lines, ""); /* it listens */
    raw_join(&stage->client, stage->server.port, "pump-7", 1000, 60000);
    raw_send_frame(&stage->client, LUBDUB_FRAME_PROBE, 2, 1, "disk \x1b[2J\nfull", 14);
    expect_line(stage, &lines, " health: critical (was passing): \"disk \\x1b[2J\\x0afull\"");
    process_signal(&stage->server.process, SIGTERM);
    expect_line(stage, &lines, "stopped");
    assert_int_equal(process_wait(&stage->server.process), 0);
    free(lines);
}

static void no_events_are_written_when_none_are_wanted(void **state)
{
    struct stage *stage = *state;
    const lubdub_time until = now() + PATIENCE;
    char path[SCRATCH_PATH];
    char *output;
    size_t length;

    server_process_init(&stage->server);
    server_process_listen(&stage->server);
    process_add(&stage->server.process, "--events=none");
    process_add(&stage->server.process, "--events-file");
    process_add(&stage->server.process, scratch_path(&stage->scratch, "events", path));
    process_start(&stage->server.process);
    while (!raw_try_connect(&stage->client, stage->server.port)) {
        assert_true(now() < until);
        stay(5 * LUBDUB_MILLISECOND);
    }
    raw_expect_life(&stage->client);
    assert_int_equal(access(path, F_OK), 0);
    process_signal(&stage->server.process, SIGTERM);
    output = process_read_output(&stage->server.process, &length);
    assert_int_equal(length, 0);
    free(output);
    assert_int_equal(process_wait(&stage->server.process), 0);
}

/* ---- messages ---- */

static void echo_returns_every_byte_to_its_sender_alone(void **state)
{
    struct stage *stage = *state;
    static struct raw_frame frame;
    uint8_t content[1024];
    size_t i;

    for (i = 0; i < sizeof content; i++) {
        content[i] = (uint8_t)(i * 7);
    }
    server_process_start(&stage->server, "--on-message=echo", NULL);
    raw_join(&stage->client, stage->server.port, "speaker", 1000, 60000);
    raw_join(&stage->other, stage->server.port, "bystander", 1000, 60000);
    raw_send_frame(&stage->client, LUBDUB_FRAME_MESSAGE, 0, 1, content, sizeof content);
    raw_expect(&stage->client, LUBDUB_FRAME_MESSAGE, 1, &frame);
    assert_int_equal(frame.length, sizeof content);
    assert_memory_equal(frame.content, content, sizeof content);
    raw_send_frame(&stage->client, LUBDUB_FRAME_MESSAGE, 0, 2, NULL, 0);
    raw_expect(&stage->client, LUBDUB_FRAME_MESSAGE, 2, &frame);
    assert_int_equal(frame.length, 0);
    raw_send_frame(&stage->other, LUBDUB_FRAME_PROBE, 0, 1, content, sizeof content);
    raw_expect(&stage->other, LUBDUB_FRAME_ACK, 1, &frame); /* and no message before it */
    assert_memory_equal(frame.content, content, sizeof content);
    server_process_finish(&stage->server);
}

static void broadcast_reaches_everybody_on_every_worker(void **state)
{
    struct stage *stage = *state;
    struct raw_client crowd[20];
    static struct raw_frame frame;
    size_t i;

    server_process_start(&stage->server, "--on-message=broadcast", "--workers=2", NULL);
    for (i = 0; i < COUNT_OF(crowd); i++) {
        char name[16];

        snprintf(name, sizeof name, "ear-%zu", i);
        raw_join(&crowd[i], stage->server.port, name, 1000, 60000);
    }
    raw_message(&crowd[3], "to all");
    for (i = 0; i < COUNT_OF(crowd); i++) {
        raw_expect(&crowd[i], LUBDUB_FRAME_MESSAGE, 1, &frame);
        assert_int_equal(frame.length, 6);
        assert_memory_equal(frame.content, "to all", 6);
        raw_close(&crowd[i]);
    }
    server_process_finish(&stage->server);
}

static void drop_answers_nothing(void **state)
{
    struct stage *stage = *state;
    static struct raw_frame frame;

    server_process_start(&stage->server, "--on-message=drop", NULL);
    raw_join(&stage->client, stage->server.port, "speaker", 1000, 60000);
    raw_message(&stage->client, "into the void");
    raw_probe(&stage->client);
    raw_expect(&stage->client, LUBDUB_FRAME_ACK, 1, &frame);
    assert_int_equal(event_number(expect_event(&stage->server.events, "message", "speaker"), "length"), 13);
    server_process_finish(&stage->server);
}

/* ---- what a HELLO may get ---- */

static void grants_keep_within_the_servers_limits(void **state)
{
    static const struct {
        uint32_t interval_ms;
        uint32_t expiry_ms;
        uint32_t granted_interval_ms;
        uint32_t granted_expiry_ms;
    } rows[] = {
        {0, 0, 1000, 3000},
        {1, 0, 100, 300},
        {4294967295u, 0, 60000, 120000},
        {4294967295u, 4294967295u, 60000, 120000},
        {200, 1, 200, 400},
        {200, 500, 200, 500},
        {0, 10000, 1000, 10000},
        {200, 4294967295u, 200, 120000},
    };
    struct stage *stage = *state;
    size_t i;

    server_process_start(&stage->server, "--interval-min=100ms", "--interval-max=1m", "--expiry-max=2m", NULL);
    for (i = 0; i < COUNT_OF(rows); i++) {
        raw_join(&stage->client, stage->server.port, "asker", rows[i].interval_ms, rows[i].expiry_ms);
        assert_int_equal(stage->client.interval_ms, rows[i].granted_interval_ms);
        assert_int_equal(stage->client.expiry_ms, rows[i].granted_expiry_ms);
        raw_close(&stage->client);
    }
    server_process_finish(&stage->server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_json_event_has_its_promised_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(anonymous_session_is_known_by_its_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_from_the_wire_are_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(identities_that_are_not_allowed_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_events_are_as_promised, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_b14_identity_cannot_forge_a_text_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_e12_content_of_a_health_event_is_shown_and_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_events_are_written_when_none_are_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(echo_returns_every_byte_to_its_sender_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broadcast_reaches_everybody_on_every_worker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drop_answers_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(grants_keep_within_the_servers_limits, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
