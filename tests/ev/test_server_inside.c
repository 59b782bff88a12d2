/* From inside the callback an application may do anything, to the session it is about, to others, and to the server. */
#include <stdio.h>
#include <stdlib.h>

#include "server_fixture.h"
#include "support/test.h"

/* ---- free ---- */

/* Frees the server in the callback of this kind. */
static void free_at(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    const enum lubdub_server_event_kind *kind = fixture->user_data;

    if (event->kind == *kind) {
        fixture->inside_count++;
        fixture->told_before = fixture->told_count;
        server_fixture_free(fixture);
    }
}

static bool is_freed(struct server_fixture *fixture)
{
    return fixture->server == NULL;
}

/* Until so many of a kind were told, or the server was freed. */
static void run_until_told(struct server_fixture *fixture, enum lubdub_server_event_kind kind, size_t count)
{
    const lubdub_time until = now() + PATIENCE;

    while (fixture->server != NULL && server_fixture_count(fixture, kind) < count) {
        assert_true(now() < until);
        server_fixture_run(fixture, LUBDUB_MILLISECOND);
    }
}

/* Clients that bring about every kind of event, together with those of a small crowd around them. */
static void make_everything_happen(struct server_fixture *fixture)
{
    struct raw_client *client = &fixture->clients[0];
    unsigned i;

    for (i = 1; i < 4 && fixture->server != NULL; i++) {
        raw_connect(&fixture->clients[i], server_fixture_port(fixture));
        raw_say_hello(&fixture->clients[i], NULL, 0, 0, 1);
        server_fixture_run(fixture, 2 * LUBDUB_MILLISECOND);
    }
    if (fixture->server == NULL) {
        return;
    }
    raw_connect(client, server_fixture_port(fixture));
    raw_say_hello(client, "a", 50, 5000, 1);
    raw_message(client, "hello");
    raw_send_frame(client, LUBDUB_FRAME_PROBE, 1, 1, NULL, 0);
    run_until_told(fixture, LUBDUB_SERVER_LATE, 1);
    raw_send_frame(client, LUBDUB_FRAME_PROBE, 0, 2, NULL, 0);
    raw_bye(client, LUBDUB_REASON_NORMAL);
    run_until_told(fixture, LUBDUB_SERVER_GONE, 1);
    if (fixture->server == NULL) {
        return;
    }
    raw_connect(&fixture->clients[4], server_fixture_port(fixture));
    raw_send(&fixture->clients[4], "HTTP", 4);
    run_until_told(fixture, LUBDUB_SERVER_REJECTED, 1);
    if (fixture->server == NULL) {
        return;
    }
    lubdub_server_drain(fixture->server, 20 * LUBDUB_MILLISECOND);
    assert_true(server_fixture_wait(fixture, is_freed));
}

static void free_inside_callbacks_of(struct server_fixture *fixture, enum lubdub_server_event_kind kind)
{
    fixture->inside = free_at;
    fixture->user_data = &kind;
    fixture->settings.grace = 20 * LUBDUB_MILLISECOND;
    fixture->settings.on_message = LUBDUB_ON_MESSAGE_BROADCAST;
    server_fixture_start(fixture);
    if (fixture->server != NULL) {
        make_everything_happen(fixture);
    }
    assert_null(fixture->server);
    assert_int_equal(fixture->inside_count, 1);
    assert_true(fixture->told_count == fixture->told_before || fixture->settings.workers > 1); /* no event followed */
}

#define FREE_INSIDE(kind, name)                                 \
    static void free_inside_##name(void **state)                \
    {                                                           \
        free_inside_callbacks_of(*state, LUBDUB_SERVER_##kind); \
    }

FREE_INSIDE(CONNECTED, connected)
FREE_INSIDE(MESSAGE, message)
FREE_INSIDE(HEALTH, health)
FREE_INSIDE(LATE, late)
FREE_INSIDE(RECOVERED, recovered)
FREE_INSIDE(DISCONNECTED, disconnected)
FREE_INSIDE(GONE, gone)
FREE_INSIDE(REJECTED, rejected)
FREE_INSIDE(DRAINING, draining)
FREE_INSIDE(STOPPED, stopped)

static void free_inside_listening(void **state)
{
    struct server_fixture *fixture = *state;
    enum lubdub_server_event_kind kind = LUBDUB_SERVER_LISTENING;

    fixture->inside = free_at;
    fixture->user_data = &kind;
    assert_int_equal(
        lubdub_server_new(&fixture->server, fixture->loop, &fixture->settings, server_fixture_on_event, fixture),
        LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_listen(fixture->server, NULL, 0), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_start(fixture->server), LUBDUB_ERROR_OK);
    assert_null(fixture->server);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_LISTENING), 1); /* of two addresses */
}

static void free_inside_callbacks_with_two_workers(void **state)
{
    struct server_fixture *fixture = *state;

    fixture->settings.workers = 2;
    free_inside_callbacks_of(fixture, LUBDUB_SERVER_DRAINING);
}

/* In the middle of a read that holds more frames: none of them is told any more. */
static void free_in_the_middle_of_many_frames(void **state)
{
    struct server_fixture *fixture = *state;
    enum lubdub_server_event_kind kind = LUBDUB_SERVER_MESSAGE;
    struct wire_bytes bytes = {0};
    uint64_t i;

    fixture->inside = free_at;
    fixture->user_data = &kind;
    server_fixture_start(fixture);
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_HELLO, 0, 1, NULL, 0);
    for (i = 1; i <= 20; i++) {
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, i, "x", 1);
    }
    raw_send(&fixture->clients[0], bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
    assert_true(server_fixture_wait(fixture, is_freed));
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_MESSAGE), 1);
}

/* Another server on the same loop goes on. */
static void free_of_one_server_leaves_the_other(void **state)
{
    struct server_fixture *fixture = *state;
    enum lubdub_server_event_kind kind = LUBDUB_SERVER_MESSAGE;
    struct lubdub_server *other;

    assert_int_equal(lubdub_server_new(&other, fixture->loop, &fixture->settings, NULL, NULL), LUBDUB_ERROR_OK);
    assert_int_equal(server_fixture_listen(fixture, other, "127.0.0.1", 0), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_start(other), LUBDUB_ERROR_OK);
    raw_join(&fixture->clients[1], lubdub_server_port(other), "b", 0, 0);
    fixture->inside = free_at;
    fixture->user_data = &kind;
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "a");
    raw_message(&fixture->clients[0], "x");
    assert_true(server_fixture_wait(fixture, is_freed));
    raw_expect_silent_end(&fixture->clients[0]);
    raw_expect_life(&fixture->clients[1]);
    lubdub_server_free(other);
}

/* ---- everything else ---- */

/* Sends to itself and to the other client, whose number is in user_data. */
static void answer(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    const uint64_t *other = fixture->user_data;

    if (event->kind == LUBDUB_SERVER_MESSAGE && event->length > 0 && event->content[0] == '?') {
        assert_int_equal(lubdub_server_send(fixture->server, event->session, "first", 5), LUBDUB_ERROR_OK);
        assert_int_equal(lubdub_server_send(fixture->server, *other, "other", 5), LUBDUB_ERROR_OK);
        assert_int_equal(lubdub_server_send(fixture->server, event->session, "second", 6), LUBDUB_ERROR_OK);
        assert_int_equal(lubdub_server_broadcast(fixture->server, "all", 3), LUBDUB_ERROR_OK);
    }
}

static void expect_message(struct raw_client *client, uint64_t sequence, const char *content)
{
    static struct raw_frame frame;

    raw_expect(client, LUBDUB_FRAME_MESSAGE, sequence, &frame);
    assert_int_equal(frame.length, strlen(content));
    assert_memory_equal(frame.content, content, frame.length);
}

static void send_inside_to_self_and_others_keeps_the_order(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *one;
    struct raw_client *other;

    fixture->settings.on_message = LUBDUB_ON_MESSAGE_ECHO;
    server_fixture_start(fixture);
    one = server_fixture_join(fixture, 0, "one");
    other = server_fixture_join(fixture, 1, "other");
    fixture->inside = answer;
    fixture->user_data = &other->session;
    raw_message(one, "?");
    expect_message(one, 1, "first");
    expect_message(one, 2, "second");
    expect_message(one, 3, "all");
    expect_message(one, 4, "?"); /* the echo comes after the callback, and behind all that it sent */
    expect_message(other, 1, "other");
    expect_message(other, 2, "all");
    raw_expect_life(one);
    raw_expect_life(other);
}

/* What to do in the callback of which kind, and to whom. */
struct deed {
    enum lubdub_server_event_kind kind;
    uint64_t session; /* 0: the one that the event is about */
    uint64_t to;
    enum lubdub_error result;
};

static void disconnect_at(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    struct deed *deed = fixture->user_data;

    if (event->kind == deed->kind && fixture->inside_count++ == 0) {
        deed->to = deed->session != 0 ? deed->session : event->session;
        deed->result = lubdub_server_disconnect(fixture->server, deed->to, LUBDUB_REASON_UNAUTHORIZED, "out");
        (void)lubdub_server_send(fixture->server, deed->to, "too late", 8);
        (void)lubdub_server_regrant(fixture->server, deed->to, LUBDUB_SECOND, LUBDUB_MINUTE);
    }
}

static void disconnect_of_self_inside(struct server_fixture *fixture, enum lubdub_server_event_kind kind)
{
    struct deed deed = {.kind = kind};
    struct raw_client *client = &fixture->clients[0];

    fixture->inside = disconnect_at;
    fixture->user_data = &deed;
    fixture->settings.on_message = LUBDUB_ON_MESSAGE_ECHO;
    server_fixture_start(fixture);
    raw_connect(client, server_fixture_port(fixture));
    raw_say_hello(client, "a", 50, 5000, 1);
    raw_message(client, "x");
    raw_send_frame(client, LUBDUB_FRAME_PROBE, 1, 1, NULL, 0);
    if (kind == LUBDUB_SERVER_RECOVERED) {
        expect_told(fixture, LATE);
        raw_send_frame(client, LUBDUB_FRAME_PROBE, 1, 2, NULL, 0);
    }
    assert_int_equal(expect_told(fixture, DISCONNECTED)->event.cause, LUBDUB_CAUSE_SHUTDOWN);
    assert_int_equal(deed.result, LUBDUB_ERROR_OK);
    server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 1);
    for (;;) {
        static struct raw_frame frame;

        assert_int_equal(raw_receive(client, &frame, now() + PATIENCE), RAW_FRAME);
        if (frame.type == LUBDUB_FRAME_BYE) {
            assert_int_equal(frame.sequence, LUBDUB_REASON_UNAUTHORIZED);
            break;
        }
    }
    raw_expect_silent_end(client);
}

static void disconnect_of_self_inside_connected(void **state)
{
    disconnect_of_self_inside(*state, LUBDUB_SERVER_CONNECTED);
}

static void disconnect_of_self_inside_message(void **state)
{
    disconnect_of_self_inside(*state, LUBDUB_SERVER_MESSAGE);
}

static void disconnect_of_self_inside_health(void **state)
{
    disconnect_of_self_inside(*state, LUBDUB_SERVER_HEALTH);
}

static void disconnect_of_self_inside_late(void **state)
{
    disconnect_of_self_inside(*state, LUBDUB_SERVER_LATE);
}

static void disconnect_of_self_inside_recovered(void **state)
{
    disconnect_of_self_inside(*state, LUBDUB_SERVER_RECOVERED);
}

static void disconnect_of_another_inside_each_kind(void **state)
{
    static const enum lubdub_server_event_kind kinds[] = {LUBDUB_SERVER_CONNECTED, LUBDUB_SERVER_MESSAGE,
                                                          LUBDUB_SERVER_HEALTH,    LUBDUB_SERVER_LATE,
                                                          LUBDUB_SERVER_RECOVERED, LUBDUB_SERVER_DISCONNECTED};
    struct server_fixture *fixture = *state;
    struct deed deed = {0};
    size_t i;

    server_fixture_start(fixture);
    for (i = 0; i < COUNT_OF(kinds); i++) {
        struct raw_client *victim = server_fixture_join(fixture, 1, "victim");
        struct raw_client *client = &fixture->clients[0];

        fixture->inside_count = 0;
        deed = (struct deed){.kind = kinds[i], .session = victim->session};
        fixture->user_data = &deed;
        fixture->inside = disconnect_at;
        raw_connect(client, server_fixture_port(fixture));
        raw_say_hello(client, "doer", 30, 5000, i + 1);
        raw_message(client, "x");
        raw_send_frame(client, LUBDUB_FRAME_PROBE, 1, 1, NULL, 0);
        run_until_told(fixture, LUBDUB_SERVER_LATE, server_fixture_count(fixture, LUBDUB_SERVER_LATE) + 1);
        raw_send_frame(client, LUBDUB_FRAME_PROBE, 1, 2, NULL, 0);
        raw_bye(client, 0);
        raw_expect_bye(victim, LUBDUB_REASON_UNAUTHORIZED);
        assert_int_equal(deed.result, LUBDUB_ERROR_OK);
        run_until_told(fixture, LUBDUB_SERVER_DISCONNECTED, 2 * (i + 1));
        server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
        assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 2 * (i + 1));
        raw_close(client);
        raw_close(victim);
    }
}

/* Session after session ends the next one from inside its own end. */
static void end_the_next(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    unsigned i;

    for (i = 0; event->kind == LUBDUB_SERVER_DISCONNECTED && i < FIXTURE_CLIENTS; i++) {
        if (fixture->clients[i].session == event->session) {
            lubdub_server_disconnect(fixture->server, fixture->clients[(i + 1) % FIXTURE_CLIENTS].session,
                                     LUBDUB_REASON_NORMAL, NULL);
            return;
        }
    }
}

static void ends_inside_ends(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    server_fixture_start(fixture);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        server_fixture_join(fixture, i, NULL);
    }
    fixture->inside = end_the_next;
    raw_bye(&fixture->clients[3], 0);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        expect_told(fixture, DISCONNECTED);
    }
    assert_int_equal(server_fixture_counts(fixture).sessions, 0);
}

static void do_all(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    struct lubdub_server_counts counts = {.size = sizeof counts};

    if (event->kind == LUBDUB_SERVER_MESSAGE) {
        lubdub_server_counts(fixture->server, &counts);
        assert_int_equal(counts.sessions, 1);
        assert_int_equal(lubdub_server_regrant(fixture->server, event->session, 2 * LUBDUB_SECOND, LUBDUB_MINUTE),
                         LUBDUB_ERROR_OK);
        fixture->settings.session.max_content = 8;
        assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
        lubdub_server_drain(fixture->server, 20 * LUBDUB_MILLISECOND);
    }
}

static void regrant_reconfigure_and_drain_inside(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;
    struct raw_client *client;

    server_fixture_start(fixture);
    client = server_fixture_join(fixture, 0, "a");
    fixture->inside = do_all;
    raw_message(client, "go");
    raw_expect(client, LUBDUB_FRAME_WELCOME, client->session, &frame);
    assert_int_equal(frame.flags, LUBDUB_FLAG_CHANGED);
    raw_expect_bye(client, LUBDUB_REASON_DRAINING);
    expect_told(fixture, STOPPED);
}

/* The application blocks for longer than every expiry: that is its doing and nobody's silence. */
static void block(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    (void)fixture;
    if (event->kind == LUBDUB_SERVER_MESSAGE) {
        stay(600 * LUBDUB_MILLISECOND);
    }
}

static void callback_that_blocks_costs_nobody_the_session(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    server_fixture_start(fixture);
    for (i = 0; i < 4; i++) {
        raw_join(&fixture->clients[i], server_fixture_port(fixture), NULL, 50, 200);
    }
    fixture->inside = block;
    raw_message(&fixture->clients[0], "block");
    expect_told(fixture, MESSAGE);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 0);
    for (i = 0; i < 4; i++) {
        raw_expect_life(&fixture->clients[i]);
    }
    assert_true(server_fixture_counts(fixture).absences >= 1);
    assert_true(server_fixture_counts(fixture).absent_for >= 500 * LUBDUB_MILLISECOND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, server_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(free_inside_listening),
        TEST(free_inside_connected),
        TEST(free_inside_message),
        TEST(free_inside_health),
        TEST(free_inside_late),
        TEST(free_inside_recovered),
        TEST(free_inside_disconnected),
        TEST(free_inside_gone),
        TEST(free_inside_rejected),
        TEST(free_inside_draining),
        TEST(free_inside_stopped),
        TEST(free_inside_callbacks_with_two_workers),
        TEST(free_in_the_middle_of_many_frames),
        TEST(free_of_one_server_leaves_the_other),
        TEST(send_inside_to_self_and_others_keeps_the_order),
        TEST(disconnect_of_self_inside_connected),
        TEST(disconnect_of_self_inside_message),
        TEST(disconnect_of_self_inside_health),
        TEST(disconnect_of_self_inside_late),
        TEST(disconnect_of_self_inside_recovered),
        TEST(disconnect_of_another_inside_each_kind),
        TEST(ends_inside_ends),
        TEST(regrant_reconfigure_and_drain_inside),
        TEST(callback_that_blocks_costs_nobody_the_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
