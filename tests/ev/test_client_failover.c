/* How a client goes on where a server accepts its connection and no more: to the next address, and to the next server.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client_fixture.h"
#include "fake_names.h"
#include "loop_wait.h"
#include "patience.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define SLACK_SECONDS ((double)SLACK / (double)LUBDUB_SECOND)

/* A name of two addresses: first 127.0.0.3, where the server returned is, then 127.0.0.1, where the fixture's is. */
static struct fake_server *begin(struct client_fixture *fixture)
{
    fake_names_set_flaky(true); /* links our own names in */
    fixture->servers[0].host = "blackhole.fake";
    fixture->settings.reconnects = true;
    return fake_server_new(fixture->loop, "127.0.0.3", fixture->server->port);
}

static struct fake_peer *accept_and_welcome(struct fake_server *server, uint64_t session)
{
    struct fake_peer *peer = expect_peer(server);

    peer_expect(peer, HELLO);
    fake_peer_welcome(peer, session, 0, 0);
    return peer;
}

static void expect_at(const struct seen_event *seen, const char *ip)
{
    assert_ptr_equal(strstr(seen->remote, ip), seen->remote);
}

/* ---- C1: the next address ---- */

/* The kernel of a frozen server goes on accepting. */
static void frozen_first_address_is_followed_by_the_second(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_server *frozen = begin(fixture);
    double began = ev_time();
    const struct seen_event *seen;

    fixture->settings.session.handshake_timeout = 300 * MS;
    client_fixture_start(fixture);
    expect_peer(frozen);
    accept_and_welcome(fixture->server, 1);
    expect_at(expect_seen(fixture, CONNECTING), "127.0.0.3:");
    seen = expect_seen(fixture, FAILED);
    expect_at(seen, "127.0.0.3:");
    expect_at(expect_seen(fixture, CONNECTING), "127.0.0.1:");
    expect_at(expect_seen(fixture, UP), "127.0.0.1:");
    assert_true(ev_time() - began < 0.3 + SLACK_SECONDS); /* the timeout, and no wait before the next address */
    fake_server_free(frozen);
}

static void first_address_that_closes_at_once_is_followed_by_the_second(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_server *first = begin(fixture);

    client_fixture_start(fixture);
    fake_peer_close(expect_peer(first));
    accept_and_welcome(fixture->server, 1);
    expect_seen(fixture, CONNECTING);
    expect_seen(fixture, FAILED);
    expect_seen(fixture, CONNECTING);
    expect_at(expect_seen(fixture, UP), "127.0.0.1:");
    fake_server_free(first);
}

static void first_address_that_is_overloaded_is_followed_by_the_second(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_server *first = begin(fixture);
    struct fake_peer *peer;

    client_fixture_start(fixture);
    peer = expect_peer(first);
    peer_expect(peer, HELLO);
    fake_peer_bye(peer, LUBDUB_REASON_OVERLOADED, 3600000);
    accept_and_welcome(fixture->server, 1);
    expect_seen(fixture, CONNECTING);
    assert_int_equal(expect_seen(fixture, FAILED)->event.reason, LUBDUB_REASON_OVERLOADED);
    expect_seen(fixture, CONNECTING);
    expect_at(expect_seen(fixture, UP), "127.0.0.1:");
    fake_server_free(first);
}

static void server_that_froze_during_its_session_is_followed_by_the_other_address(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_server *first = begin(fixture);
    double began;

    fixture->settings.session.interval = 50 * MS;
    fixture->settings.session.expiry = LUBDUB_HOUR;
    fixture->settings.session.timeout = 200 * MS;
    client_fixture_start(fixture);
    accept_and_welcome(first, 1); /* and no ack, ever */
    expect_later(fixture, UP);
    began = ev_time();
    accept_and_welcome(fixture->server, 2);
    assert_int_equal(expect_seen(fixture, DOWN)->event.cause, LUBDUB_CAUSE_HUNG);
    expect_at(expect_later(fixture, UP), "127.0.0.1:");
    assert_true(ev_time() - began < 0.2 + SLACK_SECONDS);
    fake_server_free(first);
}

static void turn_of_addresses_goes_on_behind_the_last_session(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_server *first = begin(fixture);
    unsigned i;

    client_fixture_start(fixture);
    for (i = 0; i < 4; i++) {
        struct fake_peer *peer = accept_and_welcome(i % 2 == 0 ? first : fixture->server, i + 1);

        peer_expect(peer, PROBE);
        fake_peer_close(peer);
        expect_at(expect_later(fixture, UP), i % 2 == 0 ? "127.0.0.3:" : "127.0.0.1:");
        expect_seen(fixture, DOWN);
        expect_seen(fixture, RETRYING);
        expect_seen(fixture, CONNECTING);
    }
    fake_server_free(first);
}

static void each_address_has_its_own_retry_after(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_server *first = begin(fixture);

    client_fixture_start(fixture);
    fake_peer_bye(accept_and_welcome(first, 1), LUBDUB_REASON_DRAINING, 3600000);
    expect_at(expect_later(fixture, UP), "127.0.0.3:");
    expect_seen(fixture, DOWN);
    assert_true(expect_seen(fixture, RETRYING)->event.retry_in <= 40 * MS);
    fake_peer_close(accept_and_welcome(fixture->server, 2));
    expect_at(expect_later(fixture, UP), "127.0.0.1:");
    expect_seen(fixture, DOWN);
    fake_peer_bye(accept_and_welcome(fixture->server, 3), LUBDUB_REASON_DRAINING, 7200000); /* and not at the first */
    expect_later(fixture, UP);
    expect_seen(fixture, DOWN);
    assert_in_range(expect_seen(fixture, RETRYING)->event.retry_in, LUBDUB_HOUR - LUBDUB_SECOND, LUBDUB_HOUR * 3 / 2);
    fake_server_free(first);
}

static void when_all_addresses_fail_the_next_server_comes(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_server *first = begin(fixture);
    struct fake_server *other = fake_server_new(fixture->loop, "127.0.0.1", 0);

    fixture->servers[1] = (struct lubdub_client_server){"127.0.0.1", other->port};
    fixture->settings.server_count = 2;
    client_fixture_start(fixture);
    fake_peer_close(expect_peer(first));
    fake_peer_close(expect_peer(fixture->server));
    accept_and_welcome(other, 1);
    assert_int_equal(expect_later(fixture, UP)->event.server->port, other->port);
    fake_server_free(first);
    fake_server_free(other);
}

static void client_may_be_stopped_and_freed_between_two_addresses(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_server *first = begin(fixture);
    struct fake_peer *peer;

    client_fixture_start(fixture);
    peer = expect_peer(first);
    peer_expect(peer, HELLO);
    lubdub_client_stop(fixture->client, LUBDUB_REASON_NORMAL);
    fake_peer_close(peer);
    expect_seen(fixture, CONNECTING);
    expect_seen(fixture, STOPPED);
    assert_int_equal(lubdub_client_start(fixture->client), LUBDUB_ERROR_OK);
    expect_peer(first);
    lubdub_client_free(fixture->client);
    fixture->client = NULL;
    loop_run_for(fixture->loop, 0.05);
    fake_server_free(first);
}

/* ---- C12: a client that stays ---- */

static void use_two_servers_and_stay(struct client_fixture *fixture, const struct fake_server *other)
{
    fixture->servers[1] = (struct lubdub_client_server){"127.0.0.1", other->port};
    fixture->settings.server_count = 2;
    fixture->settings.reconnects = true;
    fixture->settings.session.stays_connected = true;
    fixture->settings.session.timeout = 100 * MS;
    fixture->settings.session.expiry = LUBDUB_HOUR;
    fixture->settings.stay_limit = 400 * MS;
}

static void server_that_stays_silent_is_left_for_the_next(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_server *other = fake_server_new(fixture->loop, "127.0.0.1", 0);
    const struct seen_event *seen;
    struct fake_peer *peer;
    double began;

    use_two_servers_and_stay(fixture, other);
    client_fixture_start(fixture);
    peer = accept_and_welcome(fixture->server, 1);
    expect_later(fixture, UP);
    assert_true(expect_seen(fixture, DOWN)->event.is_connected);
    began = ev_time();
    seen = expect_seen(fixture, DOWN);
    assert_false(seen->event.is_connected);
    assert_true(seen->event.was_up);
    assert_int_equal(seen->event.cause, LUBDUB_CAUSE_HUNG);
    assert_true(ev_time() - began >= 0.39);
    peer_expect(peer, PROBE);
    peer_expect(peer, BYE);
    accept_and_welcome(other, 2);
    assert_int_equal(expect_later(fixture, UP)->event.server->port, other->port);
    fake_server_free(other);
}

static void late_ack_ends_the_thought_of_leaving(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_server *other = fake_server_new(fixture->loop, "127.0.0.1", 0);
    struct lubdub_frame probe;
    struct fake_peer *peer;

    use_two_servers_and_stay(fixture, other);
    client_fixture_start(fixture);
    peer = accept_and_welcome(fixture->server, 1);
    probe = peer_expect(peer, PROBE);
    expect_later(fixture, UP);
    expect_seen(fixture, DOWN);
    fake_peer_ack(peer, &probe);
    expect_seen(fixture, LATE_ACK);
    assert_true(expect_seen(fixture, UP)->event.is_recovered);
    loop_run_for(fixture->loop, 0.6);
    expect_silence(fixture);
    fake_server_free(other);
}

/* ---- C7: a clock that is behind ---- */

static void refused_hello_does_not_make_the_waits_grow_and_names_the_clock(void **state)
{
    struct client_fixture *fixture = *state;
    unsigned i;

    fixture->settings.reconnects = true;
    fixture->settings.backoff_max = LUBDUB_HOUR;
    client_fixture_start(fixture);
    for (i = 0; i < 4; i++) {
        struct fake_peer *peer = expect_peer(fixture->server);
        const struct seen_event *seen;

        peer_expect(peer, HELLO);
        fake_peer_bye(peer, LUBDUB_REASON_REPLACED, 0);
        seen = expect_later(fixture, DOWN);
        assert_int_equal(seen->event.cause, LUBDUB_CAUSE_REPLACED);
        assert_non_null(strstr(seen->copy, "clock"));
        assert_true(expect_seen(fixture, RETRYING)->event.retry_in <= (10u << i) * MS);
    }
}

/* ---- C8: another token ---- */

static void expect_token(struct fake_peer *peer, const char *token)
{
    struct lubdub_frame hello = peer_expect(peer, HELLO);
    struct lubdub_options options;

    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_HELLO, hello.content, hello.length));
    assert_int_equal(options.token.length, strlen(token));
    assert_memory_equal(options.token.data, token, strlen(token));
}

static void change_token(struct client_fixture *fixture, const struct lubdub_client_event *event)
{
    if (event->kind == LUBDUB_CLIENT_CONNECTING && ++fixture->inside_count == 2) {
        assert_int_equal(lubdub_client_set_token(fixture->client, "second", 6), LUBDUB_ERROR_OK);
    }
}

static void token_may_change_before_each_connection(void **state)
{
    static char long_token[LUBDUB_TOKEN_LIMIT + 1];
    struct client_fixture *fixture = *state;
    struct fake_peer *peer;

    fixture->settings.reconnects = true;
    fixture->settings.session.token = lubdub_client_text("first");
    fixture->inside = change_token;
    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    expect_token(peer, "first");
    fake_peer_close(peer);
    peer = expect_peer(fixture->server);
    expect_token(peer, "second");
    fake_peer_close(peer);
    assert_int_equal(lubdub_client_set_token(fixture->client, long_token, sizeof long_token), LUBDUB_ERROR_TOO_LONG);
    assert_int_equal(lubdub_client_set_token(fixture->client, NULL, 0), LUBDUB_ERROR_OK);
    expect_token(expect_peer(fixture->server), "");
}

/* ---- E12: another content ---- */

static void content_changes_with_the_next_probe_and_stays_for_later_connections(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_frame probe;
    struct lubdub_frame first;
    struct fake_peer *peer;

    fixture->settings.reconnects = true;
    fixture->settings.session.interval = 50 * MS;
    fixture->settings.session.expiry = LUBDUB_HOUR;
    fixture->settings.session.content = lubdub_client_text("first");
    client_fixture_start(fixture);
    peer = accept_and_welcome(fixture->server, 1);
    first = peer_expect(peer, PROBE);
    assert_int_equal(first.length, 5);
    assert_int_equal(lubdub_client_set_content(fixture->client, "second", 6), LUBDUB_ERROR_OK);
    fake_peer_send_frame(peer, LUBDUB_FRAME_ACK, 0, 1, "first", 5);
    probe = peer_expect(peer, PROBE);
    assert_int_equal(probe.length, 6);
    assert_memory_equal(probe.content, "second", 6);
    fake_peer_ack(peer, &probe);
    expect_later(fixture, UP);
    expect_seen(fixture, ACKED);
    expect_seen(fixture, ACKED);
    fake_peer_close(peer);
    peer = accept_and_welcome(fixture->server, 2);
    probe = peer_expect(peer, PROBE);
    assert_int_equal(probe.length, 6);
    fake_peer_ack(peer, &probe);
    expect_later(fixture, DOWN);
    expect_later(fixture, UP);
}

/* A frozen server must not make the newest content be forgotten. */
static void content_that_found_no_room_goes_out_after_the_next_ack(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_frame probe;
    struct fake_peer *peer;
    char text[] = "a";
    unsigned i;

    fixture->settings.session.interval = 10 * MS;
    fixture->settings.session.expiry = LUBDUB_HOUR;
    client_fixture_start(fixture);
    peer = accept_and_welcome(fixture->server, 1);
    probe = peer_expect(peer, PROBE);
    for (i = 0; i < 20; i++) { /* more than are kept */
        assert_int_equal(lubdub_client_set_content(fixture->client, text, 1), LUBDUB_ERROR_OK);
        (void)peer_expect(peer, PROBE);
        text[0]++;
    }
    text[0]--;
    fake_peer_send_frame(peer, LUBDUB_FRAME_ACK, 0, 1, NULL, 0);
    fake_peer_send_frame(peer, LUBDUB_FRAME_ACK, 0, 2, "a", 1);
    fake_peer_send_frame(peer, LUBDUB_FRAME_ACK, 0, 3, "b", 1);
    do {
        probe = peer_expect(peer, PROBE);
        assert_true(probe.sequence < 200);
    } while (probe.length != 1 || probe.content[0] != text[0]);
}

/* ---- C10: fork ---- */

/* As client.h says: the child frees first of all. Else the connection stays open in it, and `closed` becomes `hung`. */
static void child_that_frees_its_copy_leaves_the_end_to_its_parent(void **state)
{
    struct client_fixture *fixture = *state;
    struct lubdub_frame probe;
    struct fake_peer *peer;
    int ends[2];
    char byte;
    pid_t child;

    fixture->settings.session.interval = 20 * MS;
    fixture->settings.session.expiry = LUBDUB_HOUR;
    client_fixture_start(fixture);
    peer = accept_and_welcome(fixture->server, 1);
    expect_later(fixture, UP);
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        lubdub_client_free(fixture->client);
        (void)!write(ends[1], "x", 1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    do { /* the parent's session goes on */
        probe = peer_expect(peer, PROBE);
        fake_peer_ack(peer, &probe);
    } while (probe.sequence < 5);
    lubdub_client_free(fixture->client);
    fixture->client = NULL;
    peer_expect_end(peer); /* at once, with the child alive */
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
}

/* ---- C14 ---- */

static void link_local_source_needs_its_scope(void **state)
{
    struct client_fixture *fixture = *state;

    fixture->settings.source = "fe80::1";
    assert_non_null(strstr(lubdub_client_settings_check(&fixture->settings), "scope"));
    fixture->settings.source = "fe80::1%1";
    assert_null(lubdub_client_settings_check(&fixture->settings));
}

int main(void)
{
#define CLIENT_TEST(test) cmocka_unit_test_setup_teardown(test, client_fixture_setup, client_fixture_teardown)
    const struct CMUnitTest tests[] = {
        CLIENT_TEST(frozen_first_address_is_followed_by_the_second),
        CLIENT_TEST(first_address_that_closes_at_once_is_followed_by_the_second),
        CLIENT_TEST(first_address_that_is_overloaded_is_followed_by_the_second),
        CLIENT_TEST(server_that_froze_during_its_session_is_followed_by_the_other_address),
        CLIENT_TEST(turn_of_addresses_goes_on_behind_the_last_session),
        CLIENT_TEST(each_address_has_its_own_retry_after),
        CLIENT_TEST(when_all_addresses_fail_the_next_server_comes),
        CLIENT_TEST(client_may_be_stopped_and_freed_between_two_addresses),
        CLIENT_TEST(server_that_stays_silent_is_left_for_the_next),
        CLIENT_TEST(late_ack_ends_the_thought_of_leaving),
        CLIENT_TEST(refused_hello_does_not_make_the_waits_grow_and_names_the_clock),
        CLIENT_TEST(token_may_change_before_each_connection),
        CLIENT_TEST(content_changes_with_the_next_probe_and_stays_for_later_connections),
        CLIENT_TEST(content_that_found_no_room_goes_out_after_the_next_ack),
        CLIENT_TEST(child_that_frees_its_copy_leaves_the_end_to_its_parent),
        CLIENT_TEST(link_local_source_needs_its_scope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
