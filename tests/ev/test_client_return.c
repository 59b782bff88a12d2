/* How a client finds a server, loses it, and comes back. */
#include "client_fixture.h"
#include "fake_names.h"
#include "loop_wait.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND

static struct fake_peer *accept_and_welcome(struct client_fixture *fixture, uint64_t session)
{
    struct fake_peer *peer = expect_peer(fixture->server);

    peer_expect(peer, HELLO);
    fake_peer_welcome(peer, session, 0, 0);
    return peer;
}

/* ---- without coming back ---- */

static void refused_is_down_and_the_end(void **state)
{
    struct client_fixture *fixture = *state;
    const struct seen_event *seen;

    fixture->servers[0].port = fake_free_port();
    client_fixture_start(fixture);
    expect_seen(fixture, CONNECTING);
    seen = expect_seen(fixture, DOWN);
    assert_int_equal(seen->event.cause, LUBDUB_CAUSE_REFUSED);
    assert_false(seen->event.was_up);
    assert_true(seen->event.text.length > 0);
    expect_seen(fixture, STOPPED);
    expect_silence(fixture);
}

static void servers_are_tried_in_turn(void **state)
{
    struct client_fixture *fixture = *state;
    const struct seen_event *seen;

    fixture->servers[1] = fixture->servers[0];
    fixture->servers[0].port = fake_free_port();
    fixture->settings.server_count = 2;
    client_fixture_start(fixture);
    accept_and_welcome(fixture, 5);
    expect_seen(fixture, CONNECTING);
    seen = expect_seen(fixture, FAILED);
    assert_int_equal(seen->event.cause, LUBDUB_CAUSE_REFUSED);
    assert_int_equal(seen->event.server->port, fixture->servers[0].port);
    seen = expect_seen(fixture, CONNECTING);
    assert_int_equal(seen->event.server->port, fixture->servers[1].port);
    assert_int_equal(expect_seen(fixture, UP)->event.server->port, fixture->servers[1].port);
}

static void server_that_would_not_have_us_is_followed_by_the_next(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_server *other = fake_server_new(fixture->loop, "127.0.0.1", 0);
    const struct seen_event *seen;
    struct fake_peer *peer;

    fixture->servers[1] = (struct lubdub_client_server){"127.0.0.1", other->port};
    fixture->settings.server_count = 2;
    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    fake_peer_bye(peer, LUBDUB_REASON_OVERLOADED, 0);
    peer = expect_peer(other);
    peer_expect(peer, HELLO);
    expect_seen(fixture, CONNECTING);
    seen = expect_seen(fixture, FAILED);
    assert_int_equal(seen->event.cause, LUBDUB_CAUSE_REJECTED);
    assert_int_equal(seen->event.reason, LUBDUB_REASON_OVERLOADED);
    expect_seen(fixture, CONNECTING);
    fake_server_free(other);
}

static void when_all_fail_the_last_failure_is_told(void **state)
{
    struct client_fixture *fixture = *state;
    unsigned i;

    fixture->settings.server_count = 3;
    for (i = 0; i < 3; i++) {
        fixture->servers[i] = (struct lubdub_client_server){"127.0.0.1", fake_free_port()};
    }
    client_fixture_start(fixture);
    expect_seen(fixture, CONNECTING);
    expect_seen(fixture, FAILED);
    expect_seen(fixture, CONNECTING);
    expect_seen(fixture, FAILED);
    expect_seen(fixture, CONNECTING);
    expect_seen(fixture, DOWN);
    expect_seen(fixture, STOPPED);
}

static void server_of_an_address_without_a_route_is_unreachable(void **state)
{
    struct client_fixture *fixture = *state;

    fixture->servers[0] = (struct lubdub_client_server){"127.0.0.1", 1};
    fixture->settings.source = "::1"; /* leads nowhere near an IPv4 address */
    client_fixture_start(fixture);
    expect_seen(fixture, CONNECTING);
    assert_int_equal(expect_seen(fixture, DOWN)->event.cause, LUBDUB_CAUSE_UNREACHABLE);
}

/* ---- coming back ---- */

static void end_of_a_session_is_followed_by_another(void **state)
{
    struct client_fixture *fixture = *state;
    const struct seen_event *seen;
    unsigned i;

    fixture->settings.reconnects = true;
    client_fixture_start(fixture);
    for (i = 1; i <= 3; i++) {
        struct fake_peer *peer = accept_and_welcome(fixture, i);

        expect_seen(fixture, CONNECTING);
        assert_int_equal(expect_seen(fixture, UP)->event.session, i);
        peer_expect(peer, PROBE); /* unread, it would turn the FIN into a RST */
        fake_peer_close(peer);
        seen = expect_seen(fixture, DOWN);
        assert_int_equal(seen->event.cause, LUBDUB_CAUSE_CLOSED);
        assert_int_equal(seen->state, LUBDUB_CLIENT_STATE_WAITING);
        assert_int_equal(seen->event.session, i);
        seen = expect_seen(fixture, RETRYING);
        assert_true(seen->event.retry_in <= 40 * MS);
    }
}

static bool is_up(void *client)
{
    return lubdub_client_state(client) == LUBDUB_CLIENT_STATE_UP;
}

static void server_that_comes_back_is_found(void **state)
{
    struct client_fixture *fixture = *state;
    uint16_t port = fixture->server->port;
    unsigned rounds = 0;

    fixture->settings.reconnects = true;
    client_fixture_start(fixture);
    fake_peer_close(accept_and_welcome(fixture, 1));
    fake_server_free(fixture->server);
    fixture->server = NULL;
    expect_later(fixture, UP);
    expect_later(fixture, DOWN);
    while (rounds < 3) {
        assert_int_equal(expect_later(fixture, DOWN)->event.cause, LUBDUB_CAUSE_REFUSED);
        rounds++;
    }
    fixture->server = fake_server_new(fixture->loop, "127.0.0.1", port);
    accept_and_welcome(fixture, 2);
    assert_true(loop_wait(fixture->loop, is_up, fixture->client));
    assert_int_equal(lubdub_client_session(fixture->client), 2);
}

static void incarnation_rises_with_every_attempt(void **state)
{
    struct client_fixture *fixture = *state;
    uint64_t last = 0;
    unsigned i;

    fixture->settings.reconnects = true;
    client_fixture_start(fixture);
    for (i = 0; i < 4; i++) {
        struct fake_peer *peer = expect_peer(fixture->server);
        uint64_t incarnation = peer_expect(peer, HELLO).sequence;

        assert_true(incarnation > last);
        last = incarnation;
        fake_peer_close(peer);
    }
}

static void incarnation_of_the_settings_is_kept(void **state)
{
    struct client_fixture *fixture = *state;
    unsigned i;

    fixture->settings.reconnects = true;
    fixture->settings.session.incarnation = 4711;
    client_fixture_start(fixture);
    for (i = 0; i < 2; i++) {
        struct fake_peer *peer = expect_peer(fixture->server);

        assert_int_equal(peer_expect(peer, HELLO).sequence, 4711);
        fake_peer_close(peer);
    }
}

static void everything_of_a_connection_begins_anew_with_the_next(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_frame probe;
    struct fake_peer *peer;

    fixture->settings.reconnects = true;
    client_fixture_start(fixture);
    peer = accept_and_welcome(fixture, 1);
    probe = peer_expect(peer, PROBE);
    fake_peer_close(peer);
    peer = accept_and_welcome(fixture, 2);
    assert_int_equal(peer_expect(peer, PROBE).sequence, 1);
    fake_peer_ack(peer, &probe); /* the counters are the new connection's: it is taken for its own */
    expect_later(fixture, UP);
    expect_later(fixture, DOWN);
    expect_later(fixture, UP);
    expect_seen(fixture, ACKED);
    fake_peer_ack(peer, &probe);
    assert_int_equal(expect_seen(fixture, DOWN)->event.cause, LUBDUB_CAUSE_PROTOCOL);
}

static void retry_after_is_honoured(void **state)
{
    struct client_fixture *fixture = *state;
    const struct seen_event *seen;
    struct fake_peer *peer;
    double began;

    fixture->settings.reconnects = true;
    client_fixture_start(fixture);
    peer = accept_and_welcome(fixture, 1);
    expect_later(fixture, UP);
    began = ev_time();
    fake_peer_bye(peer, LUBDUB_REASON_DRAINING, 300);
    seen = expect_seen(fixture, DOWN);
    assert_int_equal(seen->event.cause, LUBDUB_CAUSE_BYE);
    assert_int_equal(seen->event.reason, LUBDUB_REASON_DRAINING);
    seen = expect_seen(fixture, RETRYING);
    assert_in_range(seen->event.retry_in, 300 * MS, 450 * MS);
    expect_peer(fixture->server);
    assert_true(ev_time() - began >= 0.299);
}

static void no_more_than_an_hour_of_retry_after_is_believed(void **state)
{
    struct client_fixture *fixture = *state;

    fixture->settings.reconnects = true;
    client_fixture_start(fixture);
    fake_peer_bye(accept_and_welcome(fixture, 1), LUBDUB_REASON_OVERLOADED, UINT32_MAX);
    expect_later(fixture, UP);
    expect_seen(fixture, DOWN);
    assert_in_range(expect_seen(fixture, RETRYING)->event.retry_in, LUBDUB_HOUR, LUBDUB_HOUR * 3 / 2);
}

static void retry_after_of_one_server_does_not_keep_us_from_another(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_server *other = fake_server_new(fixture->loop, "127.0.0.1", 0);

    fixture->settings.reconnects = true;
    fixture->servers[1] = (struct lubdub_client_server){"127.0.0.1", other->port};
    fixture->settings.server_count = 2;
    client_fixture_start(fixture);
    fake_peer_bye(accept_and_welcome(fixture, 1), LUBDUB_REASON_DRAINING, 3600000);
    expect_later(fixture, UP);
    expect_seen(fixture, DOWN);
    assert_true(expect_seen(fixture, RETRYING)->event.retry_in <= 40 * MS);
    fake_peer_close(expect_peer(other));
    fake_peer_close(expect_peer(other)); /* and again there, not at the first */
    fake_server_free(other);
}

static void replaced_one_waits_before_it_comes_back(void **state)
{
    struct client_fixture *fixture = *state;
    const struct seen_event *seen;

    fixture->settings.reconnects = true;
    client_fixture_start(fixture);
    fake_peer_bye(accept_and_welcome(fixture, 1), LUBDUB_REASON_REPLACED, 0);
    expect_later(fixture, UP);
    seen = expect_seen(fixture, DOWN);
    assert_int_equal(seen->event.cause, LUBDUB_CAUSE_REPLACED);
    assert_in_range(expect_seen(fixture, RETRYING)->event.retry_in, 20 * MS, 40 * MS);
}

static void name_is_looked_up_anew_for_every_attempt_and_its_last_good_address_kept(void **state)
{
    struct client_fixture *fixture = *state;
    unsigned asked = fake_names_asked();
    struct fake_peer *peer;

    fixture->settings.reconnects = true;
    fixture->servers[0].host = "flaky.fake";
    fake_names_set_flaky(true);
    client_fixture_start(fixture);
    peer = accept_and_welcome(fixture, 1);
    assert_int_equal(fake_names_asked(), asked + 1);
    expect_later(fixture, UP);
    fake_names_set_flaky(false); /* no name server any more */
    fake_peer_bye(peer, LUBDUB_REASON_NORMAL, 0);
    accept_and_welcome(fixture, 2);
    assert_int_equal(fake_names_asked(), asked + 2);
    expect_later(fixture, DOWN);
    assert_string_equal(expect_later(fixture, UP)->event.server->host, "flaky.fake");
}

static void name_that_nobody_knows_is_asked_for_again(void **state)
{
    struct client_fixture *fixture = *state;

    fixture->settings.reconnects = true;
    fixture->servers[0].host = "flaky.fake";
    fake_names_set_flaky(false);
    client_fixture_start(fixture);
    assert_int_equal(expect_later(fixture, DOWN)->event.cause, LUBDUB_CAUSE_RESOLVE);
    assert_int_equal(expect_later(fixture, DOWN)->event.cause, LUBDUB_CAUSE_RESOLVE);
    fake_names_set_flaky(true);
    accept_and_welcome(fixture, 1);
}

static void stop_ends_the_waiting(void **state)
{
    struct client_fixture *fixture = *state;

    fixture->settings.reconnects = true;
    fixture->settings.backoff_min = fixture->settings.backoff_max = LUBDUB_HOUR;
    client_fixture_start(fixture);
    fake_peer_close(accept_and_welcome(fixture, 1));
    expect_later(fixture, UP);
    expect_seen(fixture, DOWN);
    expect_seen(fixture, RETRYING);
    lubdub_client_stop(fixture->client, LUBDUB_REASON_NORMAL);
    expect_seen(fixture, STOPPED);
    expect_silence(fixture);
}

static void stop_ends_the_connecting(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer;

    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    expect_seen(fixture, CONNECTING);
    lubdub_client_stop(fixture->client, LUBDUB_REASON_NORMAL);
    peer_expect(peer, BYE);
    fake_peer_close(peer);
    expect_seen(fixture, STOPPED); /* without DOWN: it never was up */
    expect_silence(fixture);
}

int main(void)
{
#define CLIENT_TEST(test) cmocka_unit_test_setup_teardown(test, client_fixture_setup, client_fixture_teardown)
    const struct CMUnitTest tests[] = {
        CLIENT_TEST(refused_is_down_and_the_end),
        CLIENT_TEST(servers_are_tried_in_turn),
        CLIENT_TEST(server_that_would_not_have_us_is_followed_by_the_next),
        CLIENT_TEST(when_all_fail_the_last_failure_is_told),
        CLIENT_TEST(server_of_an_address_without_a_route_is_unreachable),
        CLIENT_TEST(end_of_a_session_is_followed_by_another),
        CLIENT_TEST(server_that_comes_back_is_found),
        CLIENT_TEST(incarnation_rises_with_every_attempt),
        CLIENT_TEST(incarnation_of_the_settings_is_kept),
        CLIENT_TEST(everything_of_a_connection_begins_anew_with_the_next),
        CLIENT_TEST(retry_after_is_honoured),
        CLIENT_TEST(no_more_than_an_hour_of_retry_after_is_believed),
        CLIENT_TEST(retry_after_of_one_server_does_not_keep_us_from_another),
        CLIENT_TEST(replaced_one_waits_before_it_comes_back),
        CLIENT_TEST(name_is_looked_up_anew_for_every_attempt_and_its_last_good_address_kept),
        CLIENT_TEST(name_that_nobody_knows_is_asked_for_again),
        CLIENT_TEST(stop_ends_the_waiting),
        CLIENT_TEST(stop_ends_the_connecting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
