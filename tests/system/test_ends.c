/* A cause for every end, as the server tells it, and in time: never before its bound, and soon after. */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lubdub/cause.h>
#include <lubdub/option.h>

#include "crowd.h"
#include "patience.h"
#include "raw_client.h"
#include "server_process.h"
#include "support/test.h"

/* KiB; for allocators and sanitizers. */
#define MEMORY_SLACK (MEMORY_FACTOR * 3072)

struct stage {
    struct server_process server;
    struct crowd crowd;
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

    crowd_kill(&stage->crowd);
    raw_close(&stage->client);
    raw_close(&stage->other);
    server_process_clear(&stage->server);
    free(stage);
    return 0;
}

static const json_t *expect_end(struct stage *stage, const char *identity, const char *cause)
{
    const json_t *end = expect_event(&stage->server.events, "disconnected", identity);

    expect_text(end, "cause", cause);
    return end;
}

static void expect_reason(const json_t *event, unsigned reason)
{
    assert_int_equal(event_number(event, "reason"), reason);
}

/* ---- processes that die ---- */

static void crowd_of(struct stage *stage, uint32_t count, uint32_t interval_ms, uint32_t expiry_ms)
{
    stage->crowd = (struct crowd){.port = stage->server.port,
                                  .prefix = "member",
                                  .count = count,
                                  .interval_ms = interval_ms,
                                  .expiry_ms = expiry_ms};
    crowd_start(&stage->crowd);
    expect_events(&stage->server.events, "connected", count);
}

static void killed_client_is_closed_at_once(void **state)
{
    struct stage *stage = *state;
    lubdub_time killed_at;
    const json_t *end;

    server_process_start(&stage->server, NULL);
    crowd_of(stage, 1, 600000, 3600000); /* no probe so soon, so no answer can lie there unread */
    killed_at = now();
    crowd_kill(&stage->crowd);
    end = expect_end(stage, "member-0", "closed");
    assert_true(event_time(end) >= killed_at);
    assert_true(event_time(end) <= killed_at + SLACK);
    assert_false(event_has(end, "reason"));
    server_process_finish(&stage->server);
}

static void client_that_dies_with_bytes_unread_is_reset(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "unread", 1000, 60000);
    raw_probe(&stage->client);
    assert_int_equal(poll(&(struct pollfd){.fd = stage->client.socket, .events = POLLIN}, 1, 20000), 1);
    raw_close(&stage->client);
    expect_end(stage, "unread", "reset");

    raw_join(&stage->client, stage->server.port, "lingers-not", 1000, 60000);
    raw_reset(&stage->client);
    expect_end(stage, "lingers-not", "reset");
    server_process_finish(&stage->server);
}

static void stopped_client_is_late_and_then_hung_at_its_expiry(void **state)
{
    struct stage *stage = *state;
    const lubdub_duration interval = 200 * LUBDUB_MILLISECOND;
    const lubdub_duration expiry = 1000 * LUBDUB_MILLISECOND;
    lubdub_time stopped_at;
    lubdub_time last = 0;
    size_t i;

    server_process_start(&stage->server, NULL);
    crowd_of(stage, 50, 200, 1000);
    stay(expiry / 2);
    event_reader_read(&stage->server.events, now());
    assert_int_equal(count_events(&stage->server.events, "late", NULL), 0);
    stopped_at = now();
    crowd_stop(&stage->crowd);
    for (i = 0; i < 50; i++) {
        const json_t *late = expect_event(&stage->server.events, "late", NULL);
        const json_t *end = expect_end(stage, event_text(late, "id"), "hung");

        assert_true(event_number(late, "silent_ms") >= 200);
        assert_true(event_time(late) < event_time(end));
        /* docs/protocol.md, section 8: (E - I - d, E + d] after the fault; and never before the expiry. */
        assert_true(event_time(end) + interval + HELD_UP > stopped_at + expiry);
        last = event_time(end);
        assert_true(event_number(end, "silent_ms") >= 1000);
        assert_true(event_number(end, "deadline_ns") <= event_time(end));
        expect_reason(end, LUBDUB_REASON_EXPIRED);
    }
    assert_true(last <= stopped_at + expiry + SLACK + server_process_absence(&stage->server));
    assert_int_equal(count_events(&stage->server.events, "recovered", NULL), 0);
    server_process_finish(&stage->server);
}

static void client_that_wakes_in_time_recovers(void **state)
{
    struct stage *stage = *state;
    struct crowd_report report;

    server_process_start(&stage->server, NULL);
    crowd_of(stage, 20, 200, 5000);
    crowd_stop(&stage->crowd);
    expect_events(&stage->server.events, "late", 20);
    crowd_go_on(&stage->crowd);
    expect_events(&stage->server.events, "recovered", 20);
    assert_true(event_number(expect_event(&stage->server.events, "recovered", NULL), "silent_ms") >= 200);
    crowd_ask(&stage->crowd, &report);
    assert_int_equal(report.living, 20);
    server_process_finish(&stage->server);
}

/* It wakes after its end: what it sends then does not bring the old session back, and it may begin a new one. */
static void client_that_wakes_too_late_finds_bye_and_begins_anew(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "sleeper", 100, 1500);
    raw_expect_life(&stage->client);
    expect_end(stage, "sleeper", "hung");
    raw_expect_bye(&stage->client, LUBDUB_REASON_EXPIRED);
    raw_probe(&stage->client);
    raw_close(&stage->client);
    raw_join(&stage->client, stage->server.port, "sleeper", 100, 60000);
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
    assert_int_equal(count_events(&stage->server.events, "disconnected", "sleeper"), 2);
}

/* ---- clients that leave ---- */

static void bye_is_reported_with_reason_and_text(void **state)
{
    struct stage *stage = *state;
    struct wire_bytes options = {0};
    const json_t *end;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "polite", 1000, 3000);
    raw_expect_life(&stage->client);
    wire_bytes_put_option(&options, LUBDUB_OPTION_TEXT, "so long", 7);
    raw_send_frame(&stage->client, LUBDUB_FRAME_BYE, 0, LUBDUB_REASON_NORMAL, options.data, options.length);
    wire_bytes_clear(&options);
    end = expect_end(stage, "polite", "bye");
    expect_reason(end, LUBDUB_REASON_NORMAL);
    expect_text(end, "text", "so long");
    assert_int_equal(event_number(end, "probes"), 1);
    raw_expect_silent_end(&stage->client);
    server_process_finish(&stage->server);
}

static void what_came_whole_before_the_end_is_answered(void **state)
{
    struct stage *stage = *state;
    static struct raw_frame frame;
    int i;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "half-closer", 1000, 3000);
    for (i = 0; i < 10; i++) {
        raw_probe(&stage->client);
    }
    shutdown(stage->client.socket, SHUT_WR);
    for (i = 1; i <= 10; i++) {
        raw_expect(&stage->client, LUBDUB_FRAME_ACK, (uint64_t)i, &frame);
    }
    raw_expect_silent_end(&stage->client);
    expect_end(stage, "half-closer", "closed");
    server_process_finish(&stage->server);
}

/* ---- clients that break the page ---- */

static void flood_is_cut_with_its_reason(void **state)
{
    struct stage *stage = *state;
    const json_t *end;
    int i;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->other, stage->server.port, "bystander", 1000, 60000);
    raw_join(&stage->client, stage->server.port, "flood", 1000, 3000);
    for (i = 0; i < 200; i++) {
        raw_probe(&stage->client);
    }
    end = expect_end(stage, "flood", "protocol");
    expect_reason(end, LUBDUB_REASON_TOO_MANY_FRAMES);
    assert_in_range(event_number(end, "probes"), 16, 60); /* 16 at once, and two for each second that it takes */
    raw_expect_bye(&stage->client, LUBDUB_REASON_TOO_MANY_FRAMES);
    raw_expect_life(&stage->other);
    server_process_finish(&stage->server);
}

static void burst_of_sixteen_is_no_flood(void **state)
{
    struct stage *stage = *state;
    static struct raw_frame frame;
    int i;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "burst", 1000, 60000);
    for (i = 0; i < 16; i++) {
        raw_probe(&stage->client);
    }
    for (i = 1; i <= 16; i++) {
        raw_expect(&stage->client, LUBDUB_FRAME_ACK, (uint64_t)i, &frame);
    }
    server_process_finish(&stage->server);
    expect_end(stage, "burst", "shutdown");
}

static void broken_frames_end_the_session_with_their_reason(void **state)
{
    static const struct {
        const char *name;
        uint8_t bytes[24];
        size_t length;
        int reason; /* -1: nothing is written */
    } rows[] = {
        {"magic", "GET / HTTP/1.1\r\n\r\n", 18, -1},
        {"first byte", "\x16\x03\x01", 3, -1},
        {"version 0", "LD\0\3\0\0\0\0\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_UNSUPPORTED_VERSION},
        {"version 2", "LD\2\3\0\0\0\0\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_UNSUPPORTED_VERSION},
        {"type 0", "LD\1\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_PROTOCOL_ERROR},
        {"type 7", "LD\1\7\0\0\0\0\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_PROTOCOL_ERROR},
        {"type 255", "LD\1\377\0\0\0\0\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_PROTOCOL_ERROR},
        {"too long", "LD\1\3\0\0\4\1\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_CONTENT_TOO_LARGE},
        {"longest", "LD\1\5\0\0\377\377\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_CONTENT_TOO_LARGE},
        {"probe 0", "LD\1\3\0\0\0\0\0\0\0\0\0\0\0\0", 16, LUBDUB_REASON_PROTOCOL_ERROR},
        {"probe 2", "LD\1\3\0\0\0\0\0\0\0\0\0\0\0\2", 16, LUBDUB_REASON_PROTOCOL_ERROR},
        {"message 2", "LD\1\5\0\0\0\0\0\0\0\0\0\0\0\2", 16, LUBDUB_REASON_PROTOCOL_ERROR},
        {"HELLO again", "LD\1\1\0\0\0\0\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_PROTOCOL_ERROR},
        {"WELCOME", "LD\1\2\0\0\0\0\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_PROTOCOL_ERROR},
        {"ACK of nothing", "LD\1\4\0\0\0\0\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_PROTOCOL_ERROR},
        {"BYE with a cut option", "LD\1\6\0\0\0\2\0\0\0\0\0\0\0\0\10\0", 18, LUBDUB_REASON_PROTOCOL_ERROR},
    };
    struct stage *stage = *state;
    size_t i;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->other, stage->server.port, "bystander", 1000, 60000);
    for (i = 0; i < COUNT_OF(rows); i++) {
        const json_t *end;

        raw_join(&stage->client, stage->server.port, rows[i].name, 1000, 60000);
        raw_send(&stage->client, rows[i].bytes, rows[i].length);
        end = expect_end(stage, rows[i].name, "protocol");
        assert_true(strlen(event_text(end, "text")) > 0);
        if (rows[i].reason < 0) {
            raw_expect_silent_end(&stage->client);
        } else {
            expect_reason(end, (unsigned)rows[i].reason);
            raw_expect_bye(&stage->client, (unsigned)rows[i].reason);
        }
        raw_close(&stage->client);
    }
    raw_expect_life(&stage->other);
    server_process_finish(&stage->server);
}

static void what_never_became_a_session_is_rejected(void **state)
{
    static const struct {
        uint8_t bytes[24];
        size_t length;
        int reason;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18, -1},
        {"LD\2\1\0\0\0\0\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_UNSUPPORTED_VERSION},
        {"LD\1\4\0\0\0\0\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_PROTOCOL_ERROR},
        {"LD\1\6\0\0\0\0\0\0\0\0\0\0\0\0", 16, LUBDUB_REASON_PROTOCOL_ERROR},
        {"LD\1\3\0\0\0\0\0\0\0\0\0\0\0\7", 16, LUBDUB_REASON_PROTOCOL_ERROR},
        {"LD\1\1\0\0\0\3\0\0\0\0\0\0\0\1\1\0\0", 19, LUBDUB_REASON_PROTOCOL_ERROR},
        {"LD\1\1\0\0\20\1\0\0\0\0\0\0\0\1", 16, LUBDUB_REASON_CONTENT_TOO_LARGE},
    };
    struct stage *stage = *state;
    size_t i;

    server_process_start(&stage->server, NULL);
    for (i = 0; i < COUNT_OF(rows); i++) {
        raw_connect(&stage->client, stage->server.port);
        raw_send(&stage->client, rows[i].bytes, rows[i].length);
        if (rows[i].reason < 0) {
            raw_expect_silent_end(&stage->client);
        } else {
            raw_expect_bye(&stage->client, (unsigned)rows[i].reason);
        }
        raw_close(&stage->client);
    }
    server_process_finish(&stage->server);
    assert_int_equal(count_events(&stage->server.events, "connected", NULL),
                     count_events(&stage->server.events, "disconnected", NULL));
    /* A first PROBE that is out of sequence had a session for a moment, or none: one end either way. */
    assert_int_equal(count_events(&stage->server.events, "rejected", NULL) +
                         count_summed_up(&stage->server.events, "rejected") +
                         count_events(&stage->server.events, "disconnected", NULL),
                     COUNT_OF(rows));
}

static void silence_after_connecting_ends_with_the_handshake_time(void **state)
{
    struct stage *stage = *state;
    lubdub_time connected_at = now();
    const json_t *rejected;

    server_process_start(&stage->server, "--handshake-timeout", "700ms", NULL);
    connected_at = now();
    raw_connect(&stage->client, stage->server.port);
    raw_send(&stage->client, "LD\1\3\0\0", 6); /* a start is not enough */
    rejected = expect_event(&stage->server.events, "rejected", NULL);
    expect_text(rejected, "cause", "timeout");
    assert_true(strlen(event_text(rejected, "text")) > 0);
    assert_true(event_time(rejected) >= connected_at + 700 * LUBDUB_MILLISECOND);
    assert_true(event_time(rejected) <= now());
    raw_expect_bye(&stage->client, LUBDUB_REASON_HANDSHAKE_TIMEOUT);
    server_process_finish(&stage->server);
}

/* Bytes are no sign of life before they are a frame. */
static void drip_feed_is_silence(void **state)
{
    static const uint8_t probe[] = "LD\1\3\0\0\4\0\0\0\0\0\0\0\0\2........................";
    struct stage *stage = *state;
    lubdub_time heard_at;
    const json_t *end = NULL;
    size_t i;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "drip", 500, 2500);
    heard_at = now();
    raw_expect_life(&stage->client);
    for (i = 0; i < 40 && end == NULL; i++) {
        raw_send(&stage->client, probe + i % 40, 1);
        event_reader_read(&stage->server.events, now() + LUBDUB_SECOND / 5);
        end = find_event(&stage->server.events, "disconnected", "drip");
    }
    assert_non_null(end);
    expect_text(end, "cause", "unreachable"); /* its bytes come: it is slow */
    expect_reason(end, LUBDUB_REASON_EXPIRED);
    assert_true(event_time(end) >= heard_at + 2500 * LUBDUB_MILLISECOND);
    assert_true(event_time(end) <=
                heard_at + 2500 * LUBDUB_MILLISECOND + SLACK + server_process_absence(&stage->server));
    server_process_finish(&stage->server);
}

/* ---- clients that do not read ---- */

static void client_that_never_reads_is_a_slow_reader(void **state)
{
    static uint8_t content[1024];
    struct stage *stage = *state;
    lubdub_time until = now() + PATIENCE;
    size_t resident;
    const json_t *end = NULL;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->other, stage->server.port, "bystander", 100, 60000);
    raw_connect_narrow(&stage->client, stage->server.port, 4096);
    raw_hello(&stage->client, "glutton", 10, 1000);
    resident = process_resident(&stage->server.process);
    while (end == NULL && now() < until) {
        struct wire_bytes probe = {0};

        wire_bytes_put_frame(&probe, LUBDUB_FRAME_PROBE, 0, ++stage->client.probes, content, sizeof content);
        (void)!send(stage->client.socket, probe.data, probe.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        wire_bytes_clear(&probe);
        event_reader_read(&stage->server.events, now() + 10 * LUBDUB_MILLISECOND);
        end = find_event(&stage->server.events, "disconnected", "glutton");
    }
    assert_non_null(end);
    expect_text(end, "cause", "slow-reader");
    assert_true(process_resident(&stage->server.process) < resident + MEMORY_SLACK);
    raw_expect_life(&stage->other);
    server_process_finish(&stage->server);
}

static void slow_reader_of_messages_misses_some_and_costs_a_bounded_amount(void **state)
{
    static char content[1000];
    struct stage *stage = *state;
    struct raw_client deaf;
    size_t resident = 0;
    int i;

    memset(content, 'x', sizeof content - 1);
    server_process_start(&stage->server, "--on-message=broadcast", "--output-buffer=16k", "--message-rate=0", NULL);
    raw_connect_narrow(&deaf, stage->server.port, 4096);
    raw_hello(&deaf, "deaf", 1000, 5000);
    raw_join(&stage->client, stage->server.port, "talker", 10, 60000);
    for (i = 0; i < 8000; i++) {
        static struct raw_frame frame;

        if (i == 4000) {
            resident = process_resident(&stage->server.process); /* what is touched once has been touched */
        }
        raw_message(&stage->client, content);
        raw_expect(&stage->client, LUBDUB_FRAME_MESSAGE, (uint64_t)i + 1, &frame);
        assert_int_equal(frame.length, sizeof content - 1);
        event_reader_read(&stage->server.events, now()); /* or they pile up in the server's bounded store */
    }
    assert_true(process_resident(&stage->server.process) < resident + MEMORY_SLACK);
    expect_end(stage, "deaf", "hung"); /* nothing of it waits to be read: its silence decides */
    raw_close(&deaf);
    process_signal(&stage->server.process, SIGUSR1);
    process_expect_error(&stage->server.process, "counters ");
    assert_int_equal(process_count_errors(&stage->server.process, "messages_dropped=0 "), 0);
    server_process_finish(&stage->server);
}

/* ---- the same identity twice ---- */

static void newcomer_with_a_higher_or_equal_incarnation_takes_over(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    raw_connect(&stage->client, stage->server.port);
    raw_say_hello(&stage->client, "pump", 1000, 3000, 7);
    raw_expect_welcome(&stage->client);
    raw_connect(&stage->other, stage->server.port);
    raw_say_hello(&stage->other, "pump", 1000, 3000, 7);
    raw_expect_welcome(&stage->other);
    assert_true(stage->other.session != stage->client.session);
    raw_expect_bye(&stage->client, LUBDUB_REASON_REPLACED);
    expect_reason(expect_end(stage, "pump", "replaced"), LUBDUB_REASON_REPLACED);

    raw_close(&stage->client);
    raw_connect(&stage->client, stage->server.port);
    raw_say_hello(&stage->client, "pump", 1000, 3000, 8);
    raw_expect_welcome(&stage->client);
    raw_expect_bye(&stage->other, LUBDUB_REASON_REPLACED);
    expect_end(stage, "pump", "replaced");
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
}

static void latecomer_with_a_lower_incarnation_is_refused(void **state)
{
    struct stage *stage = *state;
    static struct raw_frame frame;

    server_process_start(&stage->server, NULL);
    raw_connect(&stage->client, stage->server.port);
    raw_say_hello(&stage->client, "pump", 1000, 3000, 7);
    raw_expect_welcome(&stage->client);
    raw_connect(&stage->other, stage->server.port);
    raw_say_hello(&stage->other, "pump", 1000, 3000, 6);
    do { /* the server asks whether it lives */
        assert_int_equal(raw_receive(&stage->client, &frame, now() + PATIENCE), RAW_FRAME);
    } while (frame.type != LUBDUB_FRAME_PROBE);
    raw_send_frame(&stage->client, LUBDUB_FRAME_ACK, 0, frame.sequence, NULL, 0);
    raw_expect_bye(&stage->other, LUBDUB_REASON_REPLACED);
    expect_text(expect_event(&stage->server.events, "rejected", "pump"), "cause", "replaced");
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
}

/* ---- grace ---- */

static void who_comes_back_in_time_is_resumed_and_who_does_not_is_gone(void **state)
{
    struct stage *stage = *state;
    const json_t *end;
    const json_t *gone;
    static struct raw_frame frame;
    uint64_t last_end = 0;

    server_process_start(&stage->server, "--grace", "3s", NULL);
    raw_join(&stage->client, stage->server.port, "roamer", 1000, 3000);
    assert_false(event_flag(expect_event(&stage->server.events, "connected", "roamer"), "resumed"));
    raw_reset(&stage->client);
    expect_end(stage, "roamer", "reset");

    raw_connect(&stage->client, stage->server.port);
    raw_say_hello(&stage->client, "roamer", 1000, 3000, UINT64_MAX);
    assert_int_equal(raw_receive(&stage->client, &frame, now() + PATIENCE), RAW_FRAME);
    assert_int_equal(frame.type, LUBDUB_FRAME_WELCOME);
    assert_int_equal(frame.flags, LUBDUB_FLAG_RESUMED);
    assert_true(raw_option(&frame, LUBDUB_OPTION_LAST_END, &last_end));
    assert_int_equal(last_end, LUBDUB_CAUSE_RESET);
    assert_true(event_flag(expect_event(&stage->server.events, "connected", "roamer"), "resumed"));
    assert_int_equal(count_events(&stage->server.events, "gone", NULL), 0);

    raw_bye(&stage->client, LUBDUB_REASON_NORMAL);
    end = expect_end(stage, "roamer", "bye");
    gone = expect_event(&stage->server.events, "gone", "roamer");
    assert_true(event_time(gone) >= event_time(end) + 3 * LUBDUB_SECOND);
    assert_true(event_time(gone) <= event_time(end) + 3 * LUBDUB_SECOND + SLACK);
    raw_close(&stage->client);

    raw_connect(&stage->client, stage->server.port);
    raw_say_hello(&stage->client, "roamer", 1000, 3000, UINT64_MAX);
    assert_int_equal(raw_receive(&stage->client, &frame, now() + PATIENCE), RAW_FRAME);
    assert_int_equal(frame.flags, 0);
    assert_true(raw_option(&frame, LUBDUB_OPTION_LAST_END, &last_end));
    assert_int_equal(last_end, LUBDUB_CAUSE_BYE);
    assert_false(event_flag(expect_event(&stage->server.events, "connected", "roamer"), "resumed"));
    server_process_finish(&stage->server);
    assert_int_equal(count_events(&stage->server.events, "gone", NULL), 1);
}

static void identities_that_differ_by_case_are_two(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "pump", 1000, 3000);
    raw_join(&stage->other, stage->server.port, "Pump", 1000, 3000);
    raw_expect_life(&stage->client);
    raw_expect_life(&stage->other);
    server_process_finish(&stage->server);
}

/* TCP takes it out of the stream. */
static void urgent_byte_changes_nothing(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "pump", 1000, 3000);
    assert_int_equal(send(stage->client.socket, "!", 1, MSG_OOB), 1);
    raw_expect_life(&stage->client);
    assert_int_equal(send(stage->client.socket, "!", 1, MSG_OOB), 1);
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
}

static void identity_that_ended_by_expiry_is_told_so_when_it_comes_back(void **state)
{
    struct stage *stage = *state;
    static struct raw_frame frame;
    uint64_t last_end = 0;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "sleeper", 50, 100);
    expect_end(stage, "sleeper", "hung");
    raw_close(&stage->client);
    raw_connect(&stage->client, stage->server.port);
    raw_say_hello(&stage->client, "sleeper", 50, 60000, UINT64_MAX);
    assert_int_equal(raw_receive(&stage->client, &frame, now() + PATIENCE), RAW_FRAME);
    assert_true(raw_option(&frame, LUBDUB_OPTION_LAST_END, &last_end));
    assert_int_equal(last_end, LUBDUB_CAUSE_HUNG);
    server_process_finish(&stage->server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_client_is_closed_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(client_that_dies_with_bytes_unread_is_reset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopped_client_is_late_and_then_hung_at_its_expiry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(client_that_wakes_in_time_recovers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(client_that_wakes_too_late_finds_bye_and_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bye_is_reported_with_reason_and_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_came_whole_before_the_end_is_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flood_is_cut_with_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(burst_of_sixteen_is_no_flood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_frames_end_the_session_with_their_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_never_became_a_session_is_rejected, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_after_connecting_ends_with_the_handshake_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drip_feed_is_silence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(client_that_never_reads_is_a_slow_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slow_reader_of_messages_misses_some_and_costs_a_bounded_amount, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(newcomer_with_a_higher_or_equal_incarnation_takes_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(latecomer_with_a_lower_incarnation_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_comes_back_in_time_is_resumed_and_who_does_not_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(identities_that_differ_by_case_are_two, set_up, tear_down),
        cmocka_unit_test_setup_teardown(urgent_byte_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(identity_that_ended_by_expiry_is_told_so_when_it_comes_back, set_up, tear_down),
    };

    measure_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
