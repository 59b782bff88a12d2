/* The ordinary life of a client, against a server of which every byte is the test's. */
#include "client_fixture.h"
#include "loop_wait.h"
#include "patience.h"
#include "support/test.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define MS LUBDUB_MILLISECOND

static void first_frame_is_hello_with_all_that_was_set(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_label label;
    struct lubdub_options options;
    struct lubdub_frame hello;

    assert_true(lubdub_label_parse(&label, "room=cellar", 11));
    fixture->settings.session.interval = 50 * MS;
    fixture->settings.session.identity = lubdub_client_text("pump-7");
    fixture->settings.session.token = lubdub_client_text("secret");
    fixture->settings.session.expiry = 700 * MS;
    fixture->settings.session.labels = &label;
    fixture->settings.session.label_count = 1;
    client_fixture_start(fixture);
    hello = peer_expect(expect_peer(fixture->server), HELLO);

    assert_true(hello.sequence > 0);
    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_HELLO, hello.content, hello.length));
    assert_int_equal(options.interval_ms, 50);
    assert_int_equal(options.expiry_ms, 700);
    assert_memory_equal(options.identity.data, "pump-7", 6);
    assert_memory_equal(options.token.data, "secret", 6);
    assert_int_equal(options.label_count, 1);
    assert_memory_equal(options.labels[0].value.data, "cellar", 6);
}

static void welcome_brings_up_and_what_was_granted(void **state)
{
    struct client_fixture *fixture = *state;
    const struct seen_event *seen;
    struct fake_peer *peer;

    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    fake_peer_welcome(peer, 42, 100, 900);

    seen = expect_seen(fixture, CONNECTING);
    assert_int_equal(seen->event.server->port, fixture->server->port);
    assert_string_equal(seen->event.server->host, "127.0.0.1");
    assert_int_equal(seen->state, LUBDUB_CLIENT_STATE_CONNECTING);
    seen = expect_seen(fixture, UP);
    assert_int_equal(seen->event.session, 42);
    assert_int_equal(seen->session, 42);
    assert_int_equal(seen->event.interval, 100 * MS);
    assert_int_equal(seen->event.expiry, 900 * MS);
    assert_false(seen->event.is_resumed);
    assert_int_equal(seen->event.last_end, LUBDUB_CAUSE_NONE);
    assert_int_equal(seen->state, LUBDUB_CLIENT_STATE_UP);
    assert_true(lubdub_client_socket(fixture->client) >= 0);
}

static void last_end_and_resumption_are_told(void **state)
{
    struct client_fixture *fixture = *state;
    struct wire_bytes options = {0};
    const uint8_t hung = LUBDUB_CAUSE_HUNG;
    const struct seen_event *seen;
    struct fake_peer *peer;

    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    wire_bytes_put_option(&options, LUBDUB_OPTION_LAST_END, &hung, 1);
    fake_peer_send_frame(peer, LUBDUB_FRAME_WELCOME, LUBDUB_FLAG_RESUMED, 1, options.data, options.length);
    wire_bytes_clear(&options);

    seen = expect_later(fixture, UP);
    assert_true(seen->event.is_resumed);
    assert_int_equal(seen->event.last_end, LUBDUB_CAUSE_HUNG);
}

static void every_ack_is_told_with_its_round_trip(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_client_counts counts = {.size = sizeof counts};
    struct fake_peer *peer;
    unsigned i;

    fixture->settings.session.interval = 20 * MS;
    fixture->settings.session.content = lubdub_client_text("opaque");
    peer = client_fixture_go_up(fixture);
    for (i = 1; i <= 3; i++) {
        struct lubdub_frame probe = peer_expect(peer, PROBE);
        const struct seen_event *seen;

        assert_int_equal(probe.sequence, i);
        assert_memory_equal(probe.content, "opaque", 6);
        fake_peer_ack(peer, &probe);
        seen = expect_seen(fixture, ACKED);
        assert_int_equal(seen->event.sequence, i);
        assert_in_range(seen->event.round_trip, 1, LUBDUB_SECOND);
    }
    lubdub_client_counts(fixture->client, &counts);
    assert_int_equal(counts.sessions, 1);
    assert_int_equal(counts.acked, 3);
    assert_int_equal(counts.lost, 0);
}

static void servers_challenge_is_answered_at_once(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer;
    struct lubdub_frame ack;
    const struct seen_event *seen;

    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    fake_peer_welcome(peer, 7, 0, 0);
    peer_expect(peer, PROBE); /* it is not answered */
    fake_peer_send_frame(peer, LUBDUB_FRAME_PROBE, LUBDUB_HEALTH_WARNING, 1, "are you there", 13);
    ack = peer_expect(peer, ACK);
    assert_int_equal(ack.sequence, 1);
    assert_int_equal(ack.flags, LUBDUB_HEALTH_WARNING);
    assert_memory_equal(ack.content, "are you there", 13);
    expect_later(fixture, UP);
    seen = expect_seen(fixture, HEALTH);
    assert_int_equal(seen->event.health, LUBDUB_HEALTH_WARNING);
}

static void messages_go_both_ways(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer;
    struct lubdub_frame message;
    const struct seen_event *seen;

    peer = client_fixture_go_up(fixture);
    peer_expect(peer, PROBE);
    assert_int_equal(lubdub_client_send(fixture->client, "hello", 5), LUBDUB_ERROR_OK);
    message = peer_expect(peer, MESSAGE);
    assert_int_equal(message.sequence, 1);
    assert_memory_equal(message.content, "hello", 5);
    fake_peer_send_frame(peer, LUBDUB_FRAME_MESSAGE, 0, 1, "back", 4);
    seen = expect_seen(fixture, MESSAGE);
    assert_int_equal(seen->event.sequence, 1);
    assert_int_equal(seen->event.length, 4);
    assert_memory_equal(seen->event.content, "back", 4);
}

static void send_is_refused_where_it_cannot_work(void **state)
{
    static const uint8_t content[2000];
    struct client_fixture *fixture = *state;

    client_fixture_start(fixture);
    assert_int_equal(lubdub_client_send(fixture->client, "x", 1), LUBDUB_ERROR_WRONG_STATE);
    expect_seen(fixture, CONNECTING);
    assert_int_equal(lubdub_client_send(fixture->client, "x", 1), LUBDUB_ERROR_WRONG_STATE);
    fake_peer_welcome(expect_peer(fixture->server), 1, 0, 0);
    expect_seen(fixture, UP);
    assert_int_equal(lubdub_client_send(fixture->client, content, sizeof content), LUBDUB_ERROR_TOO_LONG);
    assert_int_equal(lubdub_client_send(fixture->client, content, 1024), LUBDUB_ERROR_OK);
}

static void health_is_told_with_every_probe_from_then_on(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer;
    struct lubdub_frame probe;

    fixture->settings.reconnects = true;
    client_fixture_start(fixture);
    lubdub_client_set_health(fixture->client, LUBDUB_HEALTH_CRITICAL);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    fake_peer_welcome(peer, 1, 10, 1000);
    probe = peer_expect(peer, PROBE);
    assert_int_equal(probe.flags, LUBDUB_HEALTH_CRITICAL);
    lubdub_client_set_health(fixture->client, LUBDUB_HEALTH_WARNING);
    while (probe.flags != LUBDUB_HEALTH_WARNING) {
        probe = peer_expect(peer, PROBE);
        assert_true(probe.sequence < 4);
    }
    fake_peer_close(peer);
    peer = expect_peer(fixture->server); /* on the next connection too */
    peer_expect(peer, HELLO);
    fake_peer_welcome(peer, 2, 10, 1000);
    assert_int_equal(peer_expect(peer, PROBE).flags, LUBDUB_HEALTH_WARNING);
}

static void changed_grant_is_told_and_kept_to(void **state)
{
    struct client_fixture *fixture = *state;
    struct wire_bytes options = {0};
    struct fake_peer *peer = client_fixture_go_up(fixture);
    const struct seen_event *seen;

    wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, 200);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, 800);
    fake_peer_send_frame(peer, LUBDUB_FRAME_WELCOME, LUBDUB_FLAG_CHANGED, 7, options.data, options.length);
    wire_bytes_clear(&options);
    seen = expect_later(fixture, GRANT_CHANGED);
    assert_int_equal(seen->event.interval, 200 * MS);
    assert_int_equal(seen->event.expiry, 800 * MS);
}

static void stop_says_bye_and_reports_one_end(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer = client_fixture_go_up(fixture);
    struct lubdub_frame probe = peer_expect(peer, PROBE);
    struct lubdub_client_counts counts = {.size = sizeof counts};
    const struct seen_event *seen;
    struct lubdub_frame bye;

    fake_peer_ack(peer, &probe);
    expect_seen(fixture, ACKED);
    lubdub_client_stop(fixture->client, LUBDUB_REASON_NORMAL);
    assert_int_equal(lubdub_client_state(fixture->client), LUBDUB_CLIENT_STATE_STOPPING);
    assert_int_equal(lubdub_client_send(fixture->client, "x", 1), LUBDUB_ERROR_WRONG_STATE);
    lubdub_client_stop(fixture->client, LUBDUB_REASON_OVERLOADED); /* too late to change its mind */
    bye = peer_expect(peer, BYE);
    assert_int_equal(bye.sequence, LUBDUB_REASON_NORMAL);
    peer_expect_end(peer); /* its write side is shut */
    assert_int_equal(fixture->seen_count, fixture->looked_at);
    fake_peer_close(peer);
    seen = expect_seen(fixture, DOWN);
    assert_int_equal(seen->event.cause, LUBDUB_CAUSE_SHUTDOWN);
    assert_true(seen->event.has_reason);
    assert_int_equal(seen->event.reason, LUBDUB_REASON_NORMAL);
    assert_int_equal(seen->event.session, 7);
    assert_true(seen->event.was_up);
    seen = expect_seen(fixture, STOPPED);
    assert_int_equal(seen->state, LUBDUB_CLIENT_STATE_STOPPED);
    expect_silence(fixture);
    lubdub_client_counts(fixture->client, &counts);
    assert_int_equal(counts.sent, 1);
    assert_int_equal(counts.acked, 1);
    assert_int_equal(counts.lost, 0);
}

static void server_that_ignores_the_bye_is_left_after_a_second(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer = client_fixture_go_up(fixture);
    double began = ev_time();

    lubdub_client_stop(fixture->client, LUBDUB_REASON_NORMAL);
    expect_seen(fixture, DOWN);
    expect_seen(fixture, STOPPED);
    assert_true(ev_time() - began > 0.9);
    assert_true(ev_time() - began < 1 + (double)SLACK / (double)LUBDUB_SECOND);
    peer_expect_end(peer);
}

static void stopped_client_starts_again(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer = client_fixture_go_up(fixture);

    assert_int_equal(lubdub_client_start(fixture->client), LUBDUB_ERROR_WRONG_STATE);
    lubdub_client_stop(fixture->client, LUBDUB_REASON_NORMAL);
    fake_peer_close(peer);
    expect_later(fixture, DOWN);
    expect_seen(fixture, STOPPED);
    assert_int_equal(lubdub_client_start(fixture->client), LUBDUB_ERROR_OK);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    fake_peer_welcome(peer, 8, 0, 0);
    expect_seen(fixture, CONNECTING);
    assert_int_equal(expect_seen(fixture, UP)->event.session, 8);
}

static void source_address_is_kept_to(void **state)
{
    struct client_fixture *fixture = *state;
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    fixture->settings.source = "127.0.0.9";
    client_fixture_go_up(fixture);
    assert_int_equal(getsockname(lubdub_client_socket(fixture->client), (struct sockaddr *)&address, &length), 0);
    assert_int_equal(ntohl(address.sin_addr.s_addr), 0x7f000009);
}

static void many_clients_share_a_loop(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_client *others[10];
    struct fake_peer *peers[11];
    size_t i;

    peers[0] = client_fixture_go_up(fixture);
    for (i = 0; i < COUNT_OF(others); i++) {
        assert_int_equal(lubdub_client_new(&others[i], fixture->loop, &fixture->settings, NULL, NULL), LUBDUB_ERROR_OK);
        lubdub_client_start(others[i]);
        peers[i + 1] = expect_peer(fixture->server);
        peer_expect(peers[i + 1], HELLO);
        fake_peer_welcome(peers[i + 1], i + 100, 50, 1000);
        peer_expect(peers[i + 1], PROBE);
        assert_int_equal(lubdub_client_session(others[i]), i + 100);
    }
    for (i = 0; i < COUNT_OF(others); i++) {
        lubdub_client_free(others[i]);
        peer_expect_end(peers[i + 1]);
    }
    peer_expect(peers[0], PROBE);
}

int main(void)
{
#define CLIENT_TEST(test) cmocka_unit_test_setup_teardown(test, client_fixture_setup, client_fixture_teardown)
    const struct CMUnitTest tests[] = {
        CLIENT_TEST(first_frame_is_hello_with_all_that_was_set),
        CLIENT_TEST(welcome_brings_up_and_what_was_granted),
        CLIENT_TEST(last_end_and_resumption_are_told),
        CLIENT_TEST(every_ack_is_told_with_its_round_trip),
        CLIENT_TEST(servers_challenge_is_answered_at_once),
        CLIENT_TEST(messages_go_both_ways),
        CLIENT_TEST(send_is_refused_where_it_cannot_work),
        CLIENT_TEST(health_is_told_with_every_probe_from_then_on),
        CLIENT_TEST(changed_grant_is_told_and_kept_to),
        CLIENT_TEST(stop_says_bye_and_reports_one_end),
        CLIENT_TEST(server_that_ignores_the_bye_is_left_after_a_second),
        CLIENT_TEST(stopped_client_starts_again),
        CLIENT_TEST(source_address_is_kept_to),
        CLIENT_TEST(many_clients_share_a_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
