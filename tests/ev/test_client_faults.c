/* What a server can do to a client, and what the client then reports (docs/protocol.md, sections 5 to 7). */
#include <sys/socket.h>

#include "client_fixture.h"
#include "loop_wait.h"
#include "patience.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND

/* Up, with the first probe on the server's side. */
static struct fake_peer *go_up(struct client_fixture *fixture, struct lubdub_frame *probe)
{
    struct fake_peer *peer = client_fixture_go_up(fixture);

    *probe = peer_expect(peer, PROBE);
    return peer;
}

/* One DOWN with this cause, then the end of all: nothing asked it to come back. */
static const struct seen_event *expect_down_at(struct client_fixture *fixture, enum lubdub_cause cause,
                                               const char *file, int line)
{
    const struct seen_event *seen = client_fixture_expect(fixture, LUBDUB_CLIENT_DOWN, file, line);

    if (seen->event.cause != cause) {
        print_error("cause %s: %s\n", lubdub_cause_word(seen->event.cause), seen->copy);
        _fail(file, line);
    }
    client_fixture_expect(fixture, LUBDUB_CLIENT_STOPPED, file, line);
    client_fixture_expect_silence(fixture, file, line);
    return seen;
}
#define expect_down(fixture, cause) expect_down_at(fixture, LUBDUB_CAUSE_##cause, __FILE__, __LINE__)

/* And the server is told why. */
static void expect_protocol_error(struct client_fixture *fixture, struct fake_peer *peer)
{
    const struct seen_event *seen;

    assert_int_equal(peer_expect(peer, BYE).sequence, LUBDUB_REASON_PROTOCOL_ERROR);
    fake_peer_close(peer);
    seen = expect_down(fixture, PROTOCOL);
    assert_true(seen->event.has_reason);
    assert_int_equal(seen->event.reason, LUBDUB_REASON_PROTOCOL_ERROR);
    assert_true(seen->event.text.length > 0);
}

/* ---- acks ---- */

static void ack_of_a_probe_never_sent_is_a_protocol_error(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_frame probe;
    struct fake_peer *peer = go_up(fixture, &probe);

    probe.sequence = 2;
    fake_peer_ack(peer, &probe);
    expect_protocol_error(fixture, peer);
}

static void second_ack_of_the_same_probe_is_a_protocol_error(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_frame probe;
    struct fake_peer *peer = go_up(fixture, &probe);

    fake_peer_ack(peer, &probe);
    expect_seen(fixture, ACKED);
    fake_peer_ack(peer, &probe);
    expect_protocol_error(fixture, peer);
}

static void ack_with_other_content_is_a_protocol_error(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_frame probe;
    struct fake_peer *peer;

    fixture->settings.session.content = lubdub_client_text("opaque");
    peer = go_up(fixture, &probe);
    fake_peer_send_frame(peer, LUBDUB_FRAME_ACK, 0, probe.sequence, "opaquE", 6);
    expect_protocol_error(fixture, peer);
}

static void ack_before_welcome_is_a_protocol_error(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer;

    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    fake_peer_send_frame(peer, LUBDUB_FRAME_ACK, 0, 1, NULL, 0);
    expect_seen(fixture, CONNECTING);
    expect_protocol_error(fixture, peer);
}

/* ---- other frames ---- */

static void garbage_is_answered_by_closing_without_a_word(void **state)
{
    static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct client_fixture *fixture = *state;
    const struct seen_event *seen;
    struct fake_peer *peer;

    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    fake_peer_send(peer, http, sizeof http - 1);
    expect_seen(fixture, CONNECTING);
    seen = expect_down(fixture, PROTOCOL);
    assert_false(seen->event.was_up);
    assert_false(seen->event.has_reason);
    peer_expect_end(peer);
    assert_int_equal(peer->received.length, 0);
}

static void welcome_split_into_bytes_is_understood(void **state)
{
    struct client_fixture *fixture = *state;
    struct wire_bytes bytes = {0};
    struct fake_peer *peer;
    size_t i;

    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_WELCOME, 0, 9, NULL, 0);
    for (i = 0; i < bytes.length; i++) {
        fake_peer_send(peer, bytes.data + i, 1);
        ev_run(fixture->loop, EVRUN_NOWAIT);
    }
    wire_bytes_clear(&bytes);
    assert_int_equal(expect_later(fixture, UP)->event.session, 9);
}

static void other_version_gets_bye_9(void **state)
{
    static const uint8_t version_2[16] = {'L', 'D', 2, LUBDUB_FRAME_WELCOME};
    struct client_fixture *fixture = *state;
    struct fake_peer *peer;

    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    fake_peer_send(peer, version_2, sizeof version_2);
    assert_int_equal(peer_expect(peer, BYE).sequence, LUBDUB_REASON_UNSUPPORTED_VERSION);
    fake_peer_close(peer);
    expect_seen(fixture, CONNECTING);
    expect_down(fixture, PROTOCOL);
}

static void welcome_with_session_0_is_a_protocol_error(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer;

    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    fake_peer_welcome(peer, 0, 0, 0);
    expect_seen(fixture, CONNECTING);
    expect_protocol_error(fixture, peer);
}

static void message_out_of_sequence_is_a_protocol_error(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_frame probe;
    struct fake_peer *peer = go_up(fixture, &probe);

    fake_peer_send_frame(peer, LUBDUB_FRAME_MESSAGE, 0, 2, "x", 1);
    expect_protocol_error(fixture, peer);
}

/* ---- silence ---- */

static void silence_of_a_living_kernel_is_hung(void **state)
{
    struct client_fixture *fixture = *state;
    const struct seen_event *seen;
    struct lubdub_frame probe;

    fixture->settings.session.timeout = 200 * MS;
    go_up(fixture, &probe);
    seen = expect_down(fixture, HUNG);
    assert_int_equal(seen->event.sequence, 1);
    assert_in_range(seen->event.waited_for, 200 * MS, 200 * MS + SLACK);
    assert_true(seen->event.deadline != 0);
    assert_true(seen->event.deadline <= seen->event.now);
    assert_in_range(seen->event.silent_for, 200 * MS, 200 * MS + SLACK);
    assert_true(seen->event.was_up);
    assert_false(seen->event.is_connected);
}

static void no_welcome_is_an_end_too(void **state)
{
    struct client_fixture *fixture = *state;
    const struct seen_event *seen;

    fixture->settings.session.handshake_timeout = 100 * MS;
    client_fixture_start(fixture);
    peer_expect(expect_peer(fixture->server), HELLO);
    expect_seen(fixture, CONNECTING);
    seen = expect_seen(fixture, DOWN);
    assert_true(seen->event.cause == LUBDUB_CAUSE_HUNG || seen->event.cause == LUBDUB_CAUSE_UNREACHABLE);
    assert_false(seen->event.was_up);
    expect_seen(fixture, STOPPED);
}

static void lost_probes_are_counted_when_the_server_goes(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_client_counts counts = {.size = sizeof counts};
    struct fake_peer *peer;

    fixture->settings.session.interval = 20 * MS;
    peer = client_fixture_go_up(fixture);
    peer_expect(peer, PROBE);
    peer_expect(peer, PROBE);
    lubdub_client_counts(fixture->client, &counts);
    assert_true(counts.sent >= 2);
    assert_int_equal(counts.lost, 0); /* under way */
    fake_peer_close(peer);
    expect_seen(fixture, DOWN);
    lubdub_client_counts(fixture->client, &counts);
    assert_int_equal(counts.lost, counts.sent);
    assert_int_equal(counts.acked, 0);
}

static void who_stays_connected_is_up_again_with_a_late_ack(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_client_counts counts = {.size = sizeof counts};
    const struct seen_event *seen;
    struct lubdub_frame probe;
    struct fake_peer *peer;

    fixture->settings.session.timeout = 50 * MS;
    fixture->settings.session.stays_connected = true;
    peer = go_up(fixture, &probe);
    seen = expect_seen(fixture, DOWN);
    assert_int_equal(seen->event.sequence, 1);
    assert_true(seen->event.is_connected);
    assert_int_equal(seen->state, LUBDUB_CLIENT_STATE_DOWN);
    expect_silence(fixture); /* told once */

    fake_peer_ack(peer, &probe);
    seen = expect_seen(fixture, LATE_ACK);
    assert_int_equal(seen->event.sequence, 1);
    assert_true(seen->event.round_trip >= 50 * MS);
    seen = expect_seen(fixture, UP);
    assert_true(seen->event.is_recovered);
    assert_int_equal(seen->event.session, 7);
    assert_int_equal(seen->state, LUBDUB_CLIENT_STATE_UP);
    lubdub_client_counts(fixture->client, &counts);
    assert_int_equal(counts.late, 1);
    assert_int_equal(counts.acked, 1);
    assert_int_equal(counts.lost, 0);
}

static void who_stays_connected_goes_with_the_connection(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_frame probe;
    struct fake_peer *peer;

    fixture->settings.session.timeout = 50 * MS;
    fixture->settings.session.stays_connected = true;
    peer = go_up(fixture, &probe);
    expect_seen(fixture, DOWN);
    fake_peer_close(peer);
    assert_false(expect_down(fixture, CLOSED)->event.is_connected);
}

/* ---- ends ---- */

static void end_of_file_is_closed_and_a_reset_is_reset(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_frame probe;

    fake_peer_close(go_up(fixture, &probe));
    assert_in_range(expect_down(fixture, CLOSED)->event.connected_for, 1, 5 * LUBDUB_SECOND);
    lubdub_client_start(fixture->client);
    fake_peer_welcome(expect_peer(fixture->server), 8, 0, 0);
    expect_seen(fixture, CONNECTING);
    expect_seen(fixture, UP);
    fake_peer_reset(fixture->server->peers[1]);
    expect_down(fixture, RESET);
}

static void frames_before_an_end_of_file_count(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_frame probe;
    struct fake_peer *peer = go_up(fixture, &probe);

    fake_peer_ack(peer, &probe);
    fake_peer_send_frame(peer, LUBDUB_FRAME_MESSAGE, 0, 1, "last", 4);
    fake_peer_close(peer);
    expect_seen(fixture, ACKED);
    assert_memory_equal(expect_seen(fixture, MESSAGE)->copy, "last", 4);
    expect_down(fixture, CLOSED);
}

static void bye_is_reported_with_its_reason(void **state)
{
    static const struct {
        unsigned reason;
        enum lubdub_cause cause;
    } samples[] = {
        {0, LUBDUB_CAUSE_BYE},      {1, LUBDUB_CAUSE_BYE},      {2, LUBDUB_CAUSE_REPLACED},  {3, LUBDUB_CAUSE_BYE},
        {4, LUBDUB_CAUSE_REJECTED}, {5, LUBDUB_CAUSE_REJECTED}, {6, LUBDUB_CAUSE_REJECTED},  {7, LUBDUB_CAUSE_REJECTED},
        {8, LUBDUB_CAUSE_REJECTED}, {9, LUBDUB_CAUSE_REJECTED}, {10, LUBDUB_CAUSE_REJECTED}, {99, LUBDUB_CAUSE_BYE},
    };
    struct client_fixture *fixture = *state;
    size_t i;

    client_fixture_start(fixture);
    for (i = 0; i < COUNT_OF(samples); i++) {
        struct fake_peer *peer = expect_peer(fixture->server);
        const struct seen_event *seen;

        fake_peer_welcome(peer, 7, 0, 0);
        expect_seen(fixture, CONNECTING);
        expect_seen(fixture, UP);
        fake_peer_bye(peer, samples[i].reason, 0);
        seen = expect_seen(fixture, DOWN);
        assert_int_equal(seen->event.cause, samples[i].cause);
        assert_true(seen->event.has_reason);
        assert_int_equal(seen->event.reason, samples[i].reason);
        expect_seen(fixture, STOPPED);
        lubdub_client_start(fixture->client);
    }
}

static void bye_instead_of_welcome_never_was_up(void **state)
{
    struct client_fixture *fixture = *state;
    struct wire_bytes options = {0};
    const struct seen_event *seen;
    struct fake_peer *peer;

    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    wire_bytes_put_option(&options, LUBDUB_OPTION_TEXT, "no token", 8);
    fake_peer_send_frame(peer, LUBDUB_FRAME_BYE, 0, LUBDUB_REASON_UNAUTHORIZED, options.data, options.length);
    wire_bytes_clear(&options);
    expect_seen(fixture, CONNECTING);
    seen = expect_down(fixture, REJECTED);
    assert_int_equal(seen->event.reason, LUBDUB_REASON_UNAUTHORIZED);
    assert_string_equal(seen->copy, "no token");
    assert_false(seen->event.was_up);
}

/* ---- a flood ---- */

struct flood {
    struct client_fixture *fixture;
    struct fake_peer *peer;
    struct wire_bytes waiting; /* for the kernel to take */
    uint64_t probes;
};

/* There is always more to read. Returns whether the client has told the end of all. */
static bool flood_on(void *user_data)
{
    struct flood *flood = user_data;
    ssize_t sent;

    while (flood->waiting.length < 4096) {
        wire_bytes_put_frame(&flood->waiting, LUBDUB_FRAME_PROBE, 0, ++flood->probes, "anybody there?", 14);
    }
    sent = send(flood->peer->io.fd, flood->waiting.data, flood->waiting.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    wire_bytes_drop(&flood->waiting, sent > 0 ? (size_t)sent : 0);
    wire_bytes_drop(&flood->peer->received, flood->peer->received.length); /* its ACKs */
    return flood->fixture->seen[flood->fixture->seen_count - 1].event.kind == LUBDUB_CLIENT_STOPPED;
}

/* The frames of a server are bounded by no rate. They prove nothing, either: only the ACK of its own probe does. */
static void server_that_floods_and_does_not_answer_is_down_at_its_timeout(void **state)
{
    struct client_fixture *fixture = *state;
    struct flood flood = {.fixture = fixture};
    struct lubdub_frame probe;
    const struct seen_event *seen;

    fixture->settings.session.timeout = 300 * MS;
    flood.peer = go_up(fixture, &probe);
    assert_true(loop_wait(fixture->loop, flood_on, &flood));
    wire_bytes_clear(&flood.waiting);
    assert_true(flood.probes > 1000);
    seen = expect_down(fixture, HUNG);
    assert_int_equal(seen->event.sequence, 1);
}

int main(void)
{
#define CLIENT_TEST(test) cmocka_unit_test_setup_teardown(test, client_fixture_setup, client_fixture_teardown)
    const struct CMUnitTest tests[] = {
        CLIENT_TEST(ack_of_a_probe_never_sent_is_a_protocol_error),
        CLIENT_TEST(second_ack_of_the_same_probe_is_a_protocol_error),
        CLIENT_TEST(ack_with_other_content_is_a_protocol_error),
        CLIENT_TEST(ack_before_welcome_is_a_protocol_error),
        CLIENT_TEST(garbage_is_answered_by_closing_without_a_word),
        CLIENT_TEST(welcome_split_into_bytes_is_understood),
        CLIENT_TEST(other_version_gets_bye_9),
        CLIENT_TEST(welcome_with_session_0_is_a_protocol_error),
        CLIENT_TEST(message_out_of_sequence_is_a_protocol_error),
        CLIENT_TEST(silence_of_a_living_kernel_is_hung),
        CLIENT_TEST(no_welcome_is_an_end_too),
        CLIENT_TEST(lost_probes_are_counted_when_the_server_goes),
        CLIENT_TEST(who_stays_connected_is_up_again_with_a_late_ack),
        CLIENT_TEST(who_stays_connected_goes_with_the_connection),
        CLIENT_TEST(end_of_file_is_closed_and_a_reset_is_reset),
        CLIENT_TEST(frames_before_an_end_of_file_count),
        CLIENT_TEST(server_that_floods_and_does_not_answer_is_down_at_its_timeout),
        CLIENT_TEST(bye_is_reported_with_its_reason),
        CLIENT_TEST(bye_instead_of_welcome_never_was_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
