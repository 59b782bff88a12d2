/* Whatever an application does from inside a callback: it is done, and nothing is touched that is gone. */
#include "client_fixture.h"
#include "loop_wait.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND

/* The kind of event in which a test does something. */
static enum lubdub_client_event_kind moment;

static void free_then(struct client_fixture *fixture, const struct lubdub_client_event *event)
{
    if (event->kind == moment) {
        struct lubdub_client *client = fixture->client;

        fixture->client = NULL;
        fixture->inside_count++;
        lubdub_client_free(client);
    }
}

static void stop_then(struct client_fixture *fixture, const struct lubdub_client_event *event)
{
    if (event->kind == moment && fixture->inside_count++ == 0) {
        lubdub_client_stop(fixture->client, LUBDUB_REASON_NORMAL);
    }
}

static void stop_and_free_then(struct client_fixture *fixture, const struct lubdub_client_event *event)
{
    if (event->kind == moment) {
        lubdub_client_stop(fixture->client, LUBDUB_REASON_NORMAL);
        free_then(fixture, event);
    }
}

static bool was_inside(void *user_data)
{
    return ((const struct client_fixture *)user_data)->inside_count > 0;
}

/* A life in which every kind of event comes, with a server that says all this in one go. */
static void live(struct client_fixture *fixture)
{
    struct lubdub_frame probe;
    struct fake_peer *peer;

    fixture->settings.reconnects = true;
    fixture->settings.session.timeout = 50 * MS;
    fixture->settings.session.stays_connected = moment == LUBDUB_CLIENT_LATE_ACK;
    fixture->servers[1] = fixture->servers[0];
    fixture->servers[0].port = fake_free_port();
    fixture->settings.server_count = 2;
    client_fixture_start(fixture);
    if (moment == LUBDUB_CLIENT_CONNECTING || moment == LUBDUB_CLIENT_FAILED) {
        assert_true(loop_wait(fixture->loop, was_inside, fixture));
        return;
    }
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    fake_peer_welcome(peer, 7, 0, 0);
    if (moment == LUBDUB_CLIENT_UP) {
        assert_true(loop_wait(fixture->loop, was_inside, fixture));
        return;
    }
    probe = peer_expect(peer, PROBE);
    if (moment == LUBDUB_CLIENT_LATE_ACK) {
        expect_later(fixture, UP);
        expect_seen(fixture, DOWN);
    }
    fake_peer_ack(peer, &probe);
    fake_peer_send_frame(peer, LUBDUB_FRAME_WELCOME, LUBDUB_FLAG_CHANGED, 7, NULL, 0);
    fake_peer_send_frame(peer, LUBDUB_FRAME_PROBE, LUBDUB_HEALTH_CRITICAL, 1, NULL, 0);
    fake_peer_send_frame(peer, LUBDUB_FRAME_MESSAGE, 0, 1, "x", 1);
    fake_peer_send_frame(peer, LUBDUB_FRAME_MESSAGE, 0, 2, "y", 1);
    fake_peer_bye(peer, LUBDUB_REASON_NORMAL, 0);
    assert_true(loop_wait(fixture->loop, was_inside, fixture));
}

static const enum lubdub_client_event_kind moments[] = {
    LUBDUB_CLIENT_CONNECTING, LUBDUB_CLIENT_FAILED,   LUBDUB_CLIENT_UP,     LUBDUB_CLIENT_GRANT_CHANGED,
    LUBDUB_CLIENT_ACKED,      LUBDUB_CLIENT_MESSAGE,  LUBDUB_CLIENT_HEALTH, LUBDUB_CLIENT_DOWN,
    LUBDUB_CLIENT_RETRYING,   LUBDUB_CLIENT_LATE_ACK,
};

/* The test once for each moment, each time with all anew. */
static void in_every_event(void (*inside)(struct client_fixture *, const struct lubdub_client_event *),
                           void (*check)(struct client_fixture *fixture))
{
    size_t i;

    for (i = 0; i < COUNT_OF(moments); i++) {
        struct client_fixture *fixture;
        void *state;

        moment = moments[i];
        client_fixture_setup(&state);
        fixture = state;
        fixture->inside = inside;
        live(fixture);
        check(fixture);
        client_fixture_teardown(&state);
    }
}

/* Nothing comes afterwards: the fixture fails when something does. */
static void expect_nothing_more(struct client_fixture *fixture)
{
    assert_null(fixture->client);
    assert_int_equal(fixture->inside_count, 1);
    loop_run_for(fixture->loop, 0.06);
    assert_int_equal(fixture->seen[fixture->seen_count - 1].event.kind, moment);
}

static void client_is_freed_inside_every_event(void **state)
{
    (void)state;
    in_every_event(free_then, expect_nothing_more);
}

static void client_is_stopped_and_freed_inside_every_event(void **state)
{
    (void)state;
    in_every_event(stop_and_free_then, expect_nothing_more);
}

static bool is_stopped(void *user_data)
{
    const struct client_fixture *fixture = user_data;

    return lubdub_client_state(fixture->client) == LUBDUB_CLIENT_STATE_STOPPED;
}

static void expect_stopped(struct client_fixture *fixture)
{
    size_t i;

    for (i = 0; i < fixture->server->accepted; i++) {
        fake_peer_close(fixture->server->peers[i]); /* else it is waited for a second for its end */
    }
    assert_true(loop_wait(fixture->loop, is_stopped, fixture));
    assert_int_equal(fixture->seen[fixture->seen_count - 1].event.kind, LUBDUB_CLIENT_STOPPED);
    fixture->looked_at = fixture->seen_count;
    expect_silence(fixture);
}

static void client_is_stopped_inside_every_event(void **state)
{
    (void)state;
    in_every_event(stop_then, expect_stopped);
}

/* ---- the same for STOPPED, which live() does not bring ---- */

static void start_then(struct client_fixture *fixture, const struct lubdub_client_event *event)
{
    if (event->kind == LUBDUB_CLIENT_STOPPED && fixture->inside_count++ == 0) {
        assert_int_equal(lubdub_client_start(fixture->client), LUBDUB_ERROR_OK);
    }
}

static void client_is_started_inside_stopped(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer;

    fixture->inside = start_then;
    peer = client_fixture_go_up(fixture);
    peer_expect(peer, PROBE);
    fake_peer_close(peer);
    peer_expect(expect_peer(fixture->server), HELLO);
}

static void client_is_freed_inside_stopped(void **state)
{
    struct client_fixture *fixture = *state;

    moment = LUBDUB_CLIENT_STOPPED;
    fixture->inside = free_then;
    client_fixture_go_up(fixture);
    lubdub_client_stop(fixture->client, LUBDUB_REASON_NORMAL);
    assert_true(loop_wait(fixture->loop, was_inside, fixture));
    expect_nothing_more(fixture);
}

/* ---- sending ---- */

static void send_then(struct client_fixture *fixture, const struct lubdub_client_event *event)
{
    if (event->kind == LUBDUB_CLIENT_UP || event->kind == LUBDUB_CLIENT_MESSAGE) {
        assert_int_equal(lubdub_client_send(fixture->client, "from inside", 11), LUBDUB_ERROR_OK);
        assert_int_equal(lubdub_client_send(fixture->client, "and again", 9), LUBDUB_ERROR_OK);
    }
    if (event->kind == LUBDUB_CLIENT_DOWN) {
        assert_int_equal(lubdub_client_send(fixture->client, "too late", 8), LUBDUB_ERROR_WRONG_STATE);
        fixture->inside_count++;
    }
}

static void messages_are_sent_inside_events(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer;

    fixture->inside = send_then;
    peer = client_fixture_go_up(fixture);
    assert_int_equal(peer_expect(peer, MESSAGE).sequence, 1);
    assert_int_equal(peer_expect(peer, MESSAGE).sequence, 2);
    peer_expect(peer, PROBE);
    fake_peer_send_frame(peer, LUBDUB_FRAME_MESSAGE, 0, 1, "answer", 6);
    assert_int_equal(peer_expect(peer, MESSAGE).sequence, 3);
    assert_int_equal(peer_expect(peer, MESSAGE).sequence, 4);
    fake_peer_bye(peer, LUBDUB_REASON_NORMAL, 0);
    assert_true(loop_wait(fixture->loop, was_inside, fixture));
}

/* ---- one client's callback, another client ---- */

static struct lubdub_client *other;

static void free_other_then(struct client_fixture *fixture, const struct lubdub_client_event *event)
{
    if (event->kind == LUBDUB_CLIENT_UP) {
        fixture->inside_count++;
        lubdub_client_free(other);
        other = NULL;
    }
}

static void client_is_freed_inside_the_event_of_another(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer;

    assert_int_equal(lubdub_client_new(&other, fixture->loop, &fixture->settings, NULL, NULL), LUBDUB_ERROR_OK);
    lubdub_client_start(other);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    fake_peer_welcome(peer, 99, 0, 0);
    peer_expect(peer, PROBE);
    fixture->inside = free_other_then;
    client_fixture_go_up(fixture);
    assert_int_equal(fixture->inside_count, 1);
    peer_expect_end(peer);
}

/* ---- freeing outside ---- */

static void client_is_freed_in_every_state(void **state)
{
    struct client_fixture *fixture = *state;
    enum lubdub_client_state wanted;

    fixture->settings.reconnects = true;
    fixture->settings.backoff_min = fixture->settings.backoff_max = LUBDUB_HOUR;
    for (wanted = LUBDUB_CLIENT_STATE_STOPPED; wanted <= LUBDUB_CLIENT_STATE_STOPPING; wanted++) {
        struct fake_peer *peer = NULL;

        assert_int_equal(lubdub_client_new(&fixture->client, fixture->loop, &fixture->settings, NULL, NULL),
                         LUBDUB_ERROR_OK);
        if (wanted != LUBDUB_CLIENT_STATE_STOPPED) {
            lubdub_client_start(fixture->client);
            peer = expect_peer(fixture->server);
        }
        if (wanted != LUBDUB_CLIENT_STATE_STOPPED && wanted != LUBDUB_CLIENT_STATE_CONNECTING) {
            fake_peer_welcome(peer, 1, 0, 0);
            peer_expect(peer, HELLO);
            peer_expect(peer, PROBE);
        }
        if (wanted == LUBDUB_CLIENT_STATE_WAITING) {
            fake_peer_bye(peer, LUBDUB_REASON_NORMAL, 0);
            peer_expect_end(peer);
        }
        if (wanted == LUBDUB_CLIENT_STATE_STOPPING) {
            lubdub_client_stop(fixture->client, LUBDUB_REASON_NORMAL);
        }
        if (wanted != LUBDUB_CLIENT_STATE_DOWN) { /* freed while up: as good */
            assert_int_equal(lubdub_client_state(fixture->client), wanted);
        }
        lubdub_client_free(fixture->client);
        fixture->client = NULL;
        if (peer != NULL) {
            peer_expect_end(peer);
        }
    }
    lubdub_client_free(NULL);
}

int main(void)
{
#define CLIENT_TEST(test) cmocka_unit_test_setup_teardown(test, client_fixture_setup, client_fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_is_freed_inside_every_event),
        cmocka_unit_test(client_is_stopped_inside_every_event),
        cmocka_unit_test(client_is_stopped_and_freed_inside_every_event),
        CLIENT_TEST(client_is_started_inside_stopped),
        CLIENT_TEST(client_is_freed_inside_stopped),
        CLIENT_TEST(messages_are_sent_inside_events),
        CLIENT_TEST(client_is_freed_inside_the_event_of_another),
        CLIENT_TEST(client_is_freed_in_every_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
