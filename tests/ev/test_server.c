/* A server and its sessions, from listening to the last one's end, on one loop. */
#include <stdio.h>
#include <stdlib.h>

#include "server_fixture.h"
#include "support/test.h"

static const struct told_event *expect_end(struct server_fixture *fixture, enum lubdub_cause cause)
{
    const struct told_event *end = expect_told(fixture, DISCONNECTED);

    assert_int_equal(end->event.cause, cause);
    return end;
}

/* ---- life ---- */

static void settings_that_cannot_work_make_no_server(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server *server = NULL;

    assert_null(lubdub_server_settings_check(&fixture->settings));
    fixture->settings.session.expiry = fixture->settings.session.interval;
    assert_non_null(lubdub_server_settings_check(&fixture->settings));
    assert_int_equal(lubdub_server_new(&server, fixture->loop, &fixture->settings, NULL, NULL), LUBDUB_ERROR_INVALID);
    lubdub_server_settings_init(&fixture->settings);
    fixture->settings.interval_max = 1;
    assert_int_equal(lubdub_server_new(&server, fixture->loop, &fixture->settings, NULL, NULL), LUBDUB_ERROR_INVALID);
    lubdub_server_settings_init(&fixture->settings);
    fixture->settings.workers = 257;
    assert_int_equal(lubdub_server_new(&server, fixture->loop, &fixture->settings, NULL, NULL), LUBDUB_ERROR_INVALID);
    lubdub_server_settings_init(&fixture->settings);
    assert_int_equal(lubdub_server_new(&server, NULL, &fixture->settings, NULL, NULL), LUBDUB_ERROR_INVALID);
    assert_null(server);
    lubdub_server_free(NULL);
}

static void settings_of_an_older_caller_are_understood(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server_settings older;

    PLAINLY_ONLY(fixture);
    memset(&older, 0xee, sizeof older);
    lubdub_server_settings_init_sized(&older, offsetof(struct lubdub_server_settings, shares_port));
    assert_int_equal(older.size, offsetof(struct lubdub_server_settings, shares_port));
    fixture->settings = older;
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "a");
}

static void expect_refused(struct server_fixture *fixture, const struct lubdub_server_settings *settings)
{
    struct lubdub_server *server = NULL;

    assert_non_null(lubdub_server_settings_check(settings));
    assert_int_equal(lubdub_server_new(&server, fixture->loop, settings, NULL, NULL), LUBDUB_ERROR_INVALID);
    assert_null(server);
    assert_int_equal(lubdub_server_reconfigure(fixture->server, settings), LUBDUB_ERROR_INVALID);
}

static void b6_settings_without_their_initialiser_are_refused(void **state)
{
    struct server_fixture *fixture = *state;
    static const struct lubdub_slice token = {"secret", 6};
    struct lubdub_server_settings settings;

    server_fixture_start(fixture);
    memset(&settings, 0, sizeof settings);
    expect_refused(fixture, &settings);
    lubdub_server_settings_init(&settings);
    settings.tokens = &token; /* they were ignored, and everybody was let in */
    settings.token_count = 1;
    settings.size = 0;
    expect_refused(fixture, &settings);
    lubdub_server_settings_init(&settings);
    settings.session.size = 0;
    expect_refused(fixture, &settings);
}

static void settings_of_a_newer_caller_are_refused_where_they_are_not_known(void **state)
{
    struct server_fixture *fixture = *state;
    struct {
        struct lubdub_server_settings known;
        uint64_t unknown;
    } newer;

    server_fixture_start(fixture);
    memset(&newer, 0xee, sizeof newer);
    lubdub_server_settings_init_sized(&newer.known, sizeof newer);
    assert_int_equal(newer.known.size, sizeof newer);
    assert_null(lubdub_server_settings_check(&newer.known));
    newer.unknown = 1;
    expect_refused(fixture, &newer.known);
    lubdub_server_settings_init(&newer.known);
    newer.known.session.reserved[0] = 1;
    expect_refused(fixture, &newer.known);
}

static void tokens_that_let_in_everybody_or_nobody_are_refused(void **state)
{
    struct server_fixture *fixture = *state;
    static const char bytes[LUBDUB_TOKEN_LIMIT + 1];
    const struct lubdub_slice wrong[] = {{"", 0}, {NULL, 0}, {NULL, 6}, {bytes, sizeof bytes}};
    size_t i;

    server_fixture_start(fixture);
    for (i = 0; i < COUNT_OF(wrong); i++) {
        const struct lubdub_slice tokens[] = {{"secret", 6}, wrong[i]};

        fixture->settings.tokens = tokens;
        fixture->settings.token_count = COUNT_OF(tokens);
        expect_refused(fixture, &fixture->settings);
        fixture->settings.token_count = 1;
        assert_null(lubdub_server_settings_check(&fixture->settings));
    }
    fixture->settings.tokens = NULL;
    expect_refused(fixture, &fixture->settings);
}

static void port_zero_is_any_free_port_and_is_told(void **state)
{
    struct server_fixture *fixture = *state;
    const struct told_event *listening;
    char wanted[80];

    server_fixture_start(fixture);
    assert_true(server_fixture_port(fixture) > 0);
    listening = expect_told(fixture, LISTENING);
    snprintf(wanted, sizeof wanted, "127.0.0.1:%u", server_fixture_port(fixture));
    assert_string_equal(listening->address, wanted);
    assert_true(listening->event.now > 0);
}

static void all_addresses_are_both_families_on_one_port(void **state)
{
    struct server_fixture *fixture = *state;
    uint16_t port;

    assert_int_equal(lubdub_server_new(&fixture->server, fixture->loop, &fixture->settings, NULL, NULL),
                     LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_port(fixture->server), 0);
    assert_int_equal(server_fixture_listen(fixture, fixture->server, NULL, 0), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_start(fixture->server), LUBDUB_ERROR_OK);
    port = server_fixture_port(fixture);
    raw_connect_to(&fixture->clients[0], "127.0.0.1", port);
    raw_expect_life(&fixture->clients[0]);
    raw_connect_to(&fixture->clients[1], "::1", port);
    raw_expect_life(&fixture->clients[1]);
}

static void wrong_calls_are_refused(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server *second;

    server_fixture_start(fixture);
    assert_int_equal(lubdub_server_start(fixture->server), LUBDUB_ERROR_WRONG_STATE);
    assert_int_equal(lubdub_server_listen(fixture->server, "127.0.0.1", 0), LUBDUB_ERROR_WRONG_STATE);
    assert_int_equal(lubdub_server_new(&second, fixture->loop, &fixture->settings, NULL, NULL), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_listen(second, "localhost", 0), LUBDUB_ERROR_ADDRESS);
    assert_int_equal(lubdub_server_listen(second, "", 0), LUBDUB_ERROR_ADDRESS);
    assert_int_equal(lubdub_server_listen(second, "192.0.2.1", 0), LUBDUB_ERROR_ADDRESS);
    assert_int_equal(lubdub_server_listen(second, "127.0.0.1", server_fixture_port(fixture)),
                     LUBDUB_ERROR_ADDRESS_IN_USE);
    lubdub_server_free(second);
    assert_int_equal(lubdub_server_send(fixture->server, 0, "x", 1), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_send(fixture->server, 12345, "x", 1), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_disconnect(fixture->server, UINT64_MAX, LUBDUB_REASON_NORMAL, NULL),
                     LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_regrant(fixture->server, 7, LUBDUB_SECOND, LUBDUB_MINUTE), LUBDUB_ERROR_NOT_FOUND);
}

static void servers_share_a_loop(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server *second;

    server_fixture_start(fixture);
    assert_int_equal(lubdub_server_new(&second, fixture->loop, &fixture->settings, NULL, NULL), LUBDUB_ERROR_OK);
    assert_int_equal(server_fixture_listen(fixture, second, "127.0.0.1", 0), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_start(second), LUBDUB_ERROR_OK);
    server_fixture_join(fixture, 0, "same");
    raw_join(&fixture->clients[1], lubdub_server_port(second), "same", 0, 0); /* identities are each server's own */
    lubdub_server_free(second);
    raw_expect_life(&fixture->clients[0]);
    raw_expect_silent_end(&fixture->clients[1]);
}

static void server_freed_before_its_start_leaves_nothing(void **state)
{
    struct server_fixture *fixture = *state;

    fixture->settings.workers = 3;
    assert_int_equal(lubdub_server_new(&fixture->server, fixture->loop, &fixture->settings, NULL, NULL),
                     LUBDUB_ERROR_OK);
    assert_int_equal(server_fixture_listen(fixture, fixture->server, NULL, 0), LUBDUB_ERROR_OK);
}

static void free_closes_everybody_without_a_word(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *client;

    server_fixture_start(fixture);
    client = server_fixture_join(fixture, 0, "a");
    expect_told(fixture, CONNECTED);
    server_fixture_free(fixture);
    raw_expect_silent_end(client);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 0);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_STOPPED), 0);
}

/* ---- messages ---- */

static void message_is_told_and_echoed(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;
    struct raw_client *client;
    const struct told_event *told;

    fixture->settings.on_message = LUBDUB_ON_MESSAGE_ECHO;
    server_fixture_start(fixture);
    client = server_fixture_join(fixture, 0, "a");
    raw_message(client, "ahoy");
    raw_expect(client, LUBDUB_FRAME_MESSAGE, 1, &frame);
    assert_int_equal(frame.length, 4);
    assert_memory_equal(frame.content, "ahoy", 4);
    told = expect_told(fixture, MESSAGE);
    assert_int_equal(told->event.session, client->session);
    assert_string_equal(told->identity, "a");
    assert_string_equal(told->content, "ahoy");
    assert_int_equal(told->event.length, 4);
    assert_int_equal(server_fixture_counts(fixture).messages, 1);
}

static void broadcast_reaches_all_sessions_and_nobody_else(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;
    struct raw_client *stranger = &fixture->clients[3];
    unsigned i;

    server_fixture_start(fixture);
    for (i = 0; i < 3; i++) {
        server_fixture_join(fixture, i, NULL);
    }
    raw_connect(stranger, server_fixture_port(fixture)); /* has said nothing yet */
    assert_int_equal(lubdub_server_broadcast(fixture->server, "to all", 6), LUBDUB_ERROR_OK);
    for (i = 0; i < 3; i++) {
        raw_expect(&fixture->clients[i], LUBDUB_FRAME_MESSAGE, 1, &frame);
        assert_memory_equal(frame.content, "to all", 6);
    }
    raw_hello(stranger, NULL, 0, 0); /* gets WELCOME first and nothing before it */
    assert_int_equal(lubdub_server_broadcast(fixture->server, NULL, 65536), LUBDUB_ERROR_TOO_LONG);
}

static void broadcast_that_is_too_long_for_clients_is_not_sent(void **state)
{
    struct server_fixture *fixture = *state;
    static uint8_t content[1025];

    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "a");
    lubdub_server_broadcast(fixture->server, content, sizeof content);
    raw_expect_life(&fixture->clients[0]);
}

static void send_reaches_one(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;
    struct raw_client *one;
    struct raw_client *other;
    static uint8_t content[1025];

    server_fixture_start(fixture);
    one = server_fixture_join(fixture, 0, "one");
    other = server_fixture_join(fixture, 1, "other");
    assert_int_equal(lubdub_server_send(fixture->server, one->session, "for you", 7), LUBDUB_ERROR_OK);
    raw_expect(one, LUBDUB_FRAME_MESSAGE, 1, &frame);
    assert_memory_equal(frame.content, "for you", 7);
    assert_int_equal(lubdub_server_send(fixture->server, one->session, NULL, 0), LUBDUB_ERROR_OK);
    raw_expect(one, LUBDUB_FRAME_MESSAGE, 2, &frame);
    assert_int_equal(lubdub_server_send(fixture->server, one->session, content, 1025), LUBDUB_ERROR_TOO_LONG);
    raw_expect_life(other);
}

static void who_has_no_room_misses_messages_and_it_is_counted(void **state)
{
    struct server_fixture *fixture = *state;
    static uint8_t content[1000];
    struct raw_client *deaf = &fixture->clients[0];
    enum lubdub_error error = LUBDUB_ERROR_OK;
    int i;

    fixture->settings.session.output_limit = 4096;
    server_fixture_start(fixture);
    raw_connect_narrow(deaf, server_fixture_port(fixture), 4096);
    raw_hello(deaf, "deaf", 0, 0);
    for (i = 0; i < 1000 && error == LUBDUB_ERROR_OK; i++) {
        error = lubdub_server_send(fixture->server, deaf->session, content, sizeof content);
    }
    assert_int_equal(error, LUBDUB_ERROR_FULL);
    assert_int_equal(server_fixture_counts(fixture).messages_dropped, 1);
    lubdub_server_broadcast(fixture->server, content, sizeof content);
    server_fixture_run(fixture, 50 * LUBDUB_MILLISECOND);
    assert_int_equal(server_fixture_counts(fixture).messages_dropped, 2);
}

/* ---- ends ---- */

static void disconnect_says_bye_with_reason_and_text(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *client;
    const struct told_event *end;

    server_fixture_start(fixture);
    client = server_fixture_join(fixture, 0, "a");
    assert_int_equal(lubdub_server_disconnect(fixture->server, client->session, LUBDUB_REASON_NORMAL, "enough"),
                     LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_regrant(fixture->server, client->session, LUBDUB_SECOND, LUBDUB_MINUTE),
                     LUBDUB_ERROR_NOT_FOUND); /* it has said BYE, and its end comes */
    end = expect_end(fixture, LUBDUB_CAUSE_SHUTDOWN);
    assert_int_equal(end->event.session, client->session);
    assert_true(end->event.has_reason);
    assert_int_equal(end->event.reason, LUBDUB_REASON_NORMAL);
    assert_string_equal(end->text, "enough");
    assert_int_equal(lubdub_server_disconnect(fixture->server, client->session, LUBDUB_REASON_NORMAL, NULL),
                     LUBDUB_ERROR_NOT_FOUND);
    raw_expect_bye(client, LUBDUB_REASON_NORMAL);
    server_fixture_run(fixture, 50 * LUBDUB_MILLISECOND);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 1);
}

static void numbers_of_sessions_never_come_twice(void **state)
{
    struct server_fixture *fixture = *state;
    uint64_t numbers[50];
    size_t i;
    size_t j;

    server_fixture_start(fixture);
    for (i = 0; i < COUNT_OF(numbers); i++) {
        numbers[i] = server_fixture_join(fixture, 0, "a")->session;
        assert_true(numbers[i] != 0);
        for (j = 0; j < i; j++) {
            assert_true(numbers[j] != numbers[i]);
        }
        raw_reset(&fixture->clients[0]);
        expect_end(fixture, LUBDUB_CAUSE_RESET);
        /* One that is over is not found, although its place is somebody else's soon. */
        assert_int_equal(lubdub_server_send(fixture->server, numbers[i / 2], "x", 1), LUBDUB_ERROR_NOT_FOUND);
    }
}

static void connection_closed_before_its_first_byte_is_no_news(void **state)
{
    struct server_fixture *fixture = *state;

    server_fixture_start(fixture);
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    raw_close(&fixture->clients[0]);
    while (server_fixture_counts(fixture).empty == 0) {
        server_fixture_run(fixture, LUBDUB_MILLISECOND);
    }
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    raw_send(&fixture->clients[0], "L", 1);
    raw_close(&fixture->clients[0]);
    assert_int_equal(expect_told(fixture, REJECTED)->event.cause, LUBDUB_CAUSE_CLOSED); /* this one had begun */
    assert_int_equal(server_fixture_counts(fixture).empty, 1);
    assert_int_equal(server_fixture_counts(fixture).rejected, 1);
}

static void handshake_time_ends_who_says_nothing(void **state)
{
    struct server_fixture *fixture = *state;
    const struct told_event *rejected;
    lubdub_time connected_at;

    PLAINLY_ONLY(fixture);
    fixture->settings.session.handshake_timeout = 200 * LUBDUB_MILLISECOND;
    server_fixture_start(fixture);
    connected_at = now();
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    rejected = expect_told(fixture, REJECTED);
    assert_int_equal(rejected->event.cause, LUBDUB_CAUSE_TIMEOUT);
    assert_int_equal(rejected->event.session, 0);
    assert_true(rejected->event.now >= connected_at + 200 * LUBDUB_MILLISECOND);
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_HANDSHAKE_TIMEOUT);
}

static void silent_session_is_late_then_expired_and_never_before(void **state)
{
    struct server_fixture *fixture = *state;
    const struct told_event *late;
    const struct told_event *end;
    lubdub_time said_at;

    server_fixture_start(fixture);
    said_at = now();
    raw_join(&fixture->clients[0], server_fixture_port(fixture), "a", 100, 400);
    late = expect_told(fixture, LATE);
    assert_true(late->event.now >= said_at + 100 * LUBDUB_MILLISECOND);
    end = expect_end(fixture, LUBDUB_CAUSE_HUNG);
    assert_true(end->event.now >= said_at + 400 * LUBDUB_MILLISECOND);
    assert_true(end->event.deadline >= said_at + 400 * LUBDUB_MILLISECOND);
    assert_true(end->event.deadline <= end->event.now);
    assert_true(end->event.silent_for >= 400 * LUBDUB_MILLISECOND);
    assert_int_equal(end->event.reason, LUBDUB_REASON_EXPIRED);
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_EXPIRED);
}

static void health_is_told_when_it_changes(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *client;
    const struct told_event *told;
    static const unsigned flags[] = {0, 1, 1, 3, 2, 0};
    size_t i;

    server_fixture_start(fixture);
    client = server_fixture_join(fixture, 0, "a");
    for (i = 0; i < COUNT_OF(flags); i++) {
        raw_send_frame(client, LUBDUB_FRAME_PROBE, flags[i], ++client->probes, "why", 3);
    }
    told = expect_told(fixture, HEALTH);
    assert_int_equal(told->event.was_health, LUBDUB_HEALTH_PASSING);
    assert_int_equal(told->event.health, LUBDUB_HEALTH_WARNING);
    assert_string_equal(told->content, "why");
    assert_int_equal(expect_told(fixture, HEALTH)->event.health, LUBDUB_HEALTH_CRITICAL);
    assert_int_equal(expect_told(fixture, HEALTH)->event.health, LUBDUB_HEALTH_PASSING);
    raw_expect_life(client);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_HEALTH), 3);
}

/* ---- grants ---- */

static void changed_grant_is_said_and_clamped(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;
    struct raw_client *client;
    uint64_t value = 0;

    server_fixture_start(fixture);
    client = server_fixture_join(fixture, 0, "a");
    assert_int_equal(lubdub_server_regrant(fixture->server, client->session, 1, 24 * LUBDUB_HOUR), LUBDUB_ERROR_OK);
    raw_expect(client, LUBDUB_FRAME_WELCOME, client->session, &frame);
    assert_int_equal(frame.flags, LUBDUB_FLAG_CHANGED);
    assert_true(raw_option(&frame, LUBDUB_OPTION_INTERVAL_MS, &value));
    assert_int_equal(value, 10);
    assert_true(raw_option(&frame, LUBDUB_OPTION_EXPIRY_MS, &value));
    assert_int_equal(value, 10 * 60 * 1000);
    raw_expect_life(client);
}

/*
 * Until two probes came under the new grant, the longer of the two expiries counts. Under the new one are those that
 * come after the ACK of the challenge that follows the WELCOME.
 */
static void old_expiry_counts_until_two_probes_were_seen(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;
    struct raw_client *client;
    const struct told_event *end;
    lubdub_time heard_at;

    server_fixture_start(fixture);
    client = server_fixture_join(fixture, 0, "a"); /* 1 s and 60 s */
    lubdub_server_regrant(fixture->server, client->session, 50 * LUBDUB_MILLISECOND, 150 * LUBDUB_MILLISECOND);
    raw_expect(client, LUBDUB_FRAME_WELCOME, client->session, &frame);
    raw_expect(client, LUBDUB_FRAME_PROBE, 1, &frame);
    raw_expect_life(client);
    raw_expect_life(client);
    server_fixture_run(fixture, 300 * LUBDUB_MILLISECOND);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 0);
    raw_send_frame(client, LUBDUB_FRAME_ACK, 0, 1, NULL, 0);
    raw_expect_life(client);
    heard_at = now();
    raw_expect_life(client);
    end = expect_end(fixture, LUBDUB_CAUSE_HUNG);
    assert_true(end->event.now >= heard_at + 150 * LUBDUB_MILLISECOND);
    assert_true(end->event.now <= heard_at + 150 * LUBDUB_MILLISECOND + SLACK);
}

/* ---- the same identity ---- */

static void join_as(struct server_fixture *fixture, unsigned index, const char *identity, uint64_t incarnation)
{
    raw_connect(&fixture->clients[index], server_fixture_port(fixture));
    raw_say_hello(&fixture->clients[index], identity, 0, 0, incarnation);
}

static void higher_and_equal_incarnations_take_over(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    server_fixture_start(fixture);
    for (i = 0; i < 4; i++) {
        join_as(fixture, i, "pump", 5 + i / 2);
        raw_expect_welcome(&fixture->clients[i]);
        if (i > 0) {
            const struct told_event *end = expect_end(fixture, LUBDUB_CAUSE_REPLACED);

            assert_int_equal(end->event.session, fixture->clients[i - 1].session);
            raw_expect_bye(&fixture->clients[i - 1], LUBDUB_REASON_REPLACED);
        }
    }
    raw_expect_life(&fixture->clients[3]);
    assert_int_equal(server_fixture_counts(fixture).sessions, 1);
}

static void lower_incarnation_is_refused_and_changes_nothing(void **state)
{
    struct server_fixture *fixture = *state;
    const struct told_event *rejected;

    server_fixture_start(fixture);
    join_as(fixture, 0, "pump", 5);
    raw_expect_welcome(&fixture->clients[0]);
    join_as(fixture, 1, "pump", 4);
    server_fixture_run(fixture, 5 * LUBDUB_MILLISECOND); /* it waits for a word of the other */
    raw_expect_life(&fixture->clients[0]);
    raw_expect_bye(&fixture->clients[1], LUBDUB_REASON_REPLACED);
    rejected = expect_told(fixture, REJECTED);
    assert_int_equal(rejected->event.cause, LUBDUB_CAUSE_REPLACED);
    assert_string_equal(rejected->identity, "pump");
    assert_true(rejected->remote[0] != '\0');
    raw_expect_life(&fixture->clients[0]);
    join_as(fixture, 2, "Pump", 1); /* bytes, not letters */
    raw_expect_welcome(&fixture->clients[2]);
    raw_expect_life(&fixture->clients[0]);
}

static void anonymous_sessions_take_nothing_over(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    server_fixture_start(fixture);
    for (i = 0; i < 3; i++) {
        raw_join(&fixture->clients[i], server_fixture_port(fixture), NULL, 0, 0);
    }
    for (i = 0; i < 3; i++) {
        raw_expect_life(&fixture->clients[i]);
    }
}

/* ---- grace and what is remembered ---- */

static uint64_t last_end_told(struct raw_client *client, unsigned *flags)
{
    static struct raw_frame frame;
    uint64_t last_end = 0;

    assert_int_equal(raw_receive(client, &frame, now() + PATIENCE), RAW_FRAME);
    assert_int_equal(frame.type, LUBDUB_FRAME_WELCOME);
    *flags = frame.flags;
    raw_option(&frame, LUBDUB_OPTION_LAST_END, &last_end);
    return last_end;
}

static void identity_back_within_its_grace_is_resumed(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned flags;

    fixture->settings.grace = LUBDUB_MINUTE;
    server_fixture_start(fixture);
    join_as(fixture, 0, "roamer", 1);
    assert_int_equal(last_end_told(&fixture->clients[0], &flags), 0);
    assert_int_equal(flags, 0);
    raw_close(&fixture->clients[0]);
    expect_end(fixture, LUBDUB_CAUSE_CLOSED);
    join_as(fixture, 0, "roamer", 2);
    assert_int_equal(last_end_told(&fixture->clients[0], &flags), LUBDUB_CAUSE_CLOSED);
    assert_int_equal(flags, LUBDUB_FLAG_RESUMED);
    expect_told(fixture, CONNECTED);
    assert_true(expect_told(fixture, CONNECTED)->event.is_resumed);

    /* Taken over while it is still there: known as well. */
    join_as(fixture, 1, "roamer", 3);
    assert_int_equal(last_end_told(&fixture->clients[1], &flags), LUBDUB_CAUSE_REPLACED);
    assert_int_equal(flags, LUBDUB_FLAG_RESUMED);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_GONE), 0);
}

static void identity_away_for_longer_is_gone_once(void **state)
{
    struct server_fixture *fixture = *state;
    const struct told_event *gone;
    lubdub_time ended_at;
    unsigned flags;

    fixture->settings.grace = 200 * LUBDUB_MILLISECOND;
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "one");
    server_fixture_join(fixture, 1, "two");
    raw_close(&fixture->clients[0]);
    ended_at = expect_end(fixture, LUBDUB_CAUSE_CLOSED)->event.now;
    gone = expect_told(fixture, GONE);
    assert_string_equal(gone->identity, "one");
    assert_true(gone->event.now >= ended_at + 200 * LUBDUB_MILLISECOND);
    raw_close(&fixture->clients[1]);
    assert_string_equal(expect_told(fixture, GONE)->identity, "two");
    server_fixture_run(fixture, 300 * LUBDUB_MILLISECOND);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_GONE), 2);
    join_as(fixture, 0, "one", UINT64_MAX);
    assert_int_equal(last_end_told(&fixture->clients[0], &flags), LUBDUB_CAUSE_CLOSED);
    assert_int_equal(flags, 0);
}

static void shorter_grace_holds_for_those_who_are_away_and_for_those_who_leave(void **state)
{
    struct server_fixture *fixture = *state;
    lubdub_time reconfigured_at;

    fixture->settings.grace = LUBDUB_HOUR;
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "away");
    server_fixture_join(fixture, 1, "leaves");
    raw_close(&fixture->clients[0]);
    expect_end(fixture, LUBDUB_CAUSE_CLOSED);
    fixture->settings.grace = 200 * LUBDUB_MILLISECOND;
    reconfigured_at = now();
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    server_fixture_run(fixture, 50 * LUBDUB_MILLISECOND);
    raw_close(&fixture->clients[1]);
    expect_end(fixture, LUBDUB_CAUSE_CLOSED);
    assert_string_equal(expect_told(fixture, GONE)->identity, "away");
    assert_true(now() >= reconfigured_at + 200 * LUBDUB_MILLISECOND);
    assert_string_equal(expect_told(fixture, GONE)->identity, "leaves");
}

static void many_who_leave_together_are_gone_together(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client crowd[100];
    size_t i;

    fixture->settings.grace = 100 * LUBDUB_MILLISECOND;
    server_fixture_start(fixture);
    for (i = 0; i < COUNT_OF(crowd); i++) {
        char name[16];

        snprintf(name, sizeof name, "m%zu", i);
        raw_join(&crowd[i], server_fixture_port(fixture), name, 0, 0);
    }
    for (i = 0; i < COUNT_OF(crowd); i++) {
        raw_close(&crowd[i]);
    }
    for (i = 0; i < COUNT_OF(crowd); i++) {
        expect_told(fixture, GONE);
    }
}

static void last_ends_are_remembered_of_a_bounded_number(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned flags;
    int i;

    fixture->settings.remembered_ends = 3;
    server_fixture_start(fixture);
    for (i = 0; i < 5; i++) {
        char name[8];

        snprintf(name, sizeof name, "m%d", i);
        server_fixture_join(fixture, 0, name);
        raw_reset(&fixture->clients[0]);
        expect_end(fixture, LUBDUB_CAUSE_RESET);
    }
    join_as(fixture, 0, "m0", UINT64_MAX);
    assert_int_equal(last_end_told(&fixture->clients[0], &flags), 0);
    join_as(fixture, 1, "m4", UINT64_MAX);
    assert_int_equal(last_end_told(&fixture->clients[1], &flags), LUBDUB_CAUSE_RESET);
    join_as(fixture, 2, "m2", UINT64_MAX);
    assert_int_equal(last_end_told(&fixture->clients[2], &flags), LUBDUB_CAUSE_RESET);
}

/* ---- drain ---- */

static void drain_tells_everybody_and_stops_when_all_have_left(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    PLAINLY_ONLY(fixture);
    server_fixture_start(fixture);
    for (i = 0; i < 3; i++) {
        server_fixture_join(fixture, i, NULL);
    }
    raw_connect(&fixture->clients[3], server_fixture_port(fixture)); /* no session yet: told too */
    server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    lubdub_server_drain(fixture->server, LUBDUB_HOUR);
    expect_told(fixture, DRAINING);
    for (i = 0; i < 4; i++) {
        raw_expect_bye(&fixture->clients[i], LUBDUB_REASON_DRAINING);
        raw_close(&fixture->clients[i]);
    }
    for (i = 0; i < 3; i++) {
        assert_int_equal(expect_end(fixture, LUBDUB_CAUSE_SHUTDOWN)->event.reason, LUBDUB_REASON_DRAINING);
    }
    expect_told(fixture, STOPPED);
    assert_int_equal(fixture->told[fixture->told_count - 1].event.kind, LUBDUB_SERVER_STOPPED);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DRAINING), 1);
}

#define CROWD 450
#define LAST_TOLD 40

/* A turn of the loop tells 256 sessions at most. The last ones are spread over as long a time as the first ones. */
static void drain_spreads_the_return_by_the_sessions_that_it_found(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_client crowd[CROWD];
    static struct raw_frame frame;
    uint64_t latest = 0;
    unsigned i;

    PLAINLY_ONLY(fixture);
    server_fixture_start(fixture);
    for (i = 0; i < CROWD; i++) {
        raw_join(&crowd[i], server_fixture_port(fixture), NULL, 0, 0);
    }
    lubdub_server_drain(fixture->server, LUBDUB_HOUR);
    expect_told(fixture, DRAINING);
    for (i = 0; i < CROWD; i++) {
        uint64_t retry_after = 0;

        assert_int_equal(raw_receive(&crowd[i], &frame, now() + PATIENCE), RAW_FRAME);
        assert_int_equal(frame.type, LUBDUB_FRAME_BYE);
        assert_true(raw_option(&frame, LUBDUB_OPTION_RETRY_AFTER_MS, &retry_after));
        assert_in_range(retry_after, 100, 100 + CROWD + 100);
        latest = i >= CROWD - LAST_TOLD && retry_after > latest ? retry_after : latest;
        raw_close(&crowd[i]);
    }
    assert_true(latest >= 470); /* once in some million runs it is not, by chance */
    expect_told(fixture, STOPPED);
}

static void second_drain_shortens_the_patience_and_is_not_told(void **state)
{
    struct server_fixture *fixture = *state;
    lubdub_time asked_at;

    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "stays");
    lubdub_server_drain(fixture->server, LUBDUB_HOUR);
    expect_told(fixture, DRAINING);
    asked_at = now();
    lubdub_server_drain(fixture->server, 100 * LUBDUB_MILLISECOND);
    assert_true(expect_told(fixture, STOPPED)->event.now >= asked_at);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DRAINING), 1);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 1);
    lubdub_server_drain(fixture->server, 0);
    server_fixture_run(fixture, 50 * LUBDUB_MILLISECOND);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_STOPPED), 1);
}

/* ---- limits and new settings ---- */

static void most_sessions_and_most_per_address(void **state)
{
    struct server_fixture *fixture = *state;

    fixture->settings.max_sessions = 2;
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "a");
    server_fixture_join(fixture, 1, NULL);
    join_as(fixture, 2, "c", 1);
    raw_expect_bye(&fixture->clients[2], LUBDUB_REASON_OVERLOADED);
    raw_close(&fixture->clients[2]);
    join_as(fixture, 2, NULL, 1);
    raw_expect_bye(&fixture->clients[2], LUBDUB_REASON_OVERLOADED);
    raw_close(&fixture->clients[2]);

    PLAINLY_ONLY(fixture);
    fixture->settings.max_sessions = 0;
    fixture->settings.max_per_address = 1; /* counts who comes from now on */
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    server_fixture_run(fixture, 10 * LUBDUB_MILLISECOND);
    server_fixture_join(fixture, 2, "c");
    raw_connect(&fixture->clients[3], server_fixture_port(fixture));
    raw_expect_bye(&fixture->clients[3], LUBDUB_REASON_OVERLOADED);
    raw_close(&fixture->clients[2]);
    while (server_fixture_counts(fixture).connections > 2) {
        server_fixture_run(fixture, LUBDUB_MILLISECOND);
    }
    server_fixture_join(fixture, 2, "c");
}

static void reconfigured_settings_hold_for_newcomers(void **state)
{
    struct server_fixture *fixture = *state;
    static const struct lubdub_slice token = {"secret", 6};

    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "old");
    fixture->settings.session.interval = 50 * LUBDUB_MILLISECOND;
    fixture->settings.session.expiry = 100 * LUBDUB_MILLISECOND;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    server_fixture_run(fixture, 300 * LUBDUB_MILLISECOND);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 0);
    server_fixture_join(fixture, 1, "new");
    assert_int_equal(fixture->clients[1].interval_ms, 50);
    assert_int_equal(fixture->clients[1].expiry_ms, 100);

    fixture->settings.session.expiry = 1;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_INVALID);
    fixture->settings.session.expiry = LUBDUB_MINUTE;
    fixture->settings.tokens = &token;
    fixture->settings.token_count = 1;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    server_fixture_run(fixture, 10 * LUBDUB_MILLISECOND);
    join_as(fixture, 2, "without", 1);
    raw_expect_bye(&fixture->clients[2], LUBDUB_REASON_UNAUTHORIZED);
    raw_expect_life(&fixture->clients[0]); /* who is in stays in */
}

static void tokens_and_required_hello(void **state)
{
    struct server_fixture *fixture = *state;
    char secret[] = "secret";
    const struct lubdub_slice token = {secret, 6};
    struct wire_bytes options = {0};

    fixture->settings.tokens = &token;
    fixture->settings.token_count = 1;
    server_fixture_start(fixture);
    memset(secret, 0, sizeof secret); /* copied by whoever takes it */
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    raw_probe(&fixture->clients[0]);
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_UNAUTHORIZED);
    raw_connect(&fixture->clients[1], server_fixture_port(fixture));
    wire_bytes_put_option(&options, LUBDUB_OPTION_TOKEN, "secret", 6);
    raw_send_frame(&fixture->clients[1], LUBDUB_FRAME_HELLO, 0, 1, options.data, options.length);
    raw_expect_welcome(&fixture->clients[1]);
    wire_bytes_clear(&options);
    assert_int_equal(expect_told(fixture, REJECTED)->event.reason, LUBDUB_REASON_UNAUTHORIZED);
}

static void counts_of_an_older_caller_are_understood(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server_counts counts;

    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "a");
    raw_close(&fixture->clients[0]);
    expect_end(fixture, LUBDUB_CAUSE_CLOSED);
    memset(&counts, 0xee, sizeof counts);
    counts.size = offsetof(struct lubdub_server_counts, connected);
    lubdub_server_counts(fixture->server, &counts);
    assert_int_equal(counts.accepted, 1);
    assert_true(counts.connected == 0xeeeeeeeeeeeeeeee);
    counts.size = 0;
    counts.accepted = 99;
    lubdub_server_counts(fixture->server, &counts);
    assert_int_equal(counts.accepted, 99);
    memset(&counts, 0, sizeof counts);
    counts.size = offsetof(struct lubdub_server_counts, by_cause);
    lubdub_server_counts(fixture->server, &counts);
    assert_true(counts.longest_recent_turn > 0); /* it knows this one, if not the newest */
    assert_int_equal(counts.longest_recent_turn, counts.longest_turn); /* the first one did not take it away */
    assert_int_equal(counts.by_cause[LUBDUB_CAUSE_CLOSED], 0);
    counts = server_fixture_counts(fixture);
    assert_int_equal(counts.by_cause[LUBDUB_CAUSE_CLOSED], 1);
    assert_int_equal(counts.disconnected, 1);
    assert_int_equal(counts.sessions, 0);
    assert_true(counts.longest_turn > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, server_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settings_that_cannot_work_make_no_server),
        TEST(settings_of_an_older_caller_are_understood),
        TEST(b6_settings_without_their_initialiser_are_refused),
        TEST(settings_of_a_newer_caller_are_refused_where_they_are_not_known),
        TEST(tokens_that_let_in_everybody_or_nobody_are_refused),
        TEST(port_zero_is_any_free_port_and_is_told),
        TEST(all_addresses_are_both_families_on_one_port),
        TEST(wrong_calls_are_refused),
        TEST(servers_share_a_loop),
        TEST(server_freed_before_its_start_leaves_nothing),
        TEST(free_closes_everybody_without_a_word),
        TEST(message_is_told_and_echoed),
        TEST(broadcast_reaches_all_sessions_and_nobody_else),
        TEST(broadcast_that_is_too_long_for_clients_is_not_sent),
        TEST(send_reaches_one),
        TEST(who_has_no_room_misses_messages_and_it_is_counted),
        TEST(disconnect_says_bye_with_reason_and_text),
        TEST(numbers_of_sessions_never_come_twice),
        TEST(connection_closed_before_its_first_byte_is_no_news),
        TEST(handshake_time_ends_who_says_nothing),
        TEST(silent_session_is_late_then_expired_and_never_before),
        TEST(health_is_told_when_it_changes),
        TEST(changed_grant_is_said_and_clamped),
        TEST(old_expiry_counts_until_two_probes_were_seen),
        TEST(higher_and_equal_incarnations_take_over),
        TEST(lower_incarnation_is_refused_and_changes_nothing),
        TEST(anonymous_sessions_take_nothing_over),
        TEST(identity_back_within_its_grace_is_resumed),
        TEST(shorter_grace_holds_for_those_who_are_away_and_for_those_who_leave),
        TEST(identity_away_for_longer_is_gone_once),
        TEST(many_who_leave_together_are_gone_together),
        TEST(last_ends_are_remembered_of_a_bounded_number),
        TEST(drain_tells_everybody_and_stops_when_all_have_left),
        TEST(drain_spreads_the_return_by_the_sessions_that_it_found),
        TEST(second_drain_shortens_the_patience_and_is_not_told),
        TEST(most_sessions_and_most_per_address),
        TEST(reconfigured_settings_hold_for_newcomers),
        TEST(tokens_and_required_hello),
        TEST(counts_of_an_older_caller_are_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
