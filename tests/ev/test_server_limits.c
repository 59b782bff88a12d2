/* Limits that clients can reach: each is kept, counted, and costs the others nothing. */
#include <stdlib.h>
#include <string.h>

#include "proxy_bytes.h"
#include "server_fixture.h"
#include "support/test.h"

#define MANY 300

static uint64_t reached(struct server_fixture *fixture, enum lubdub_server_limit limit)
{
    return server_fixture_counts(fixture).by_limit[limit];
}

/* ---- connections that have sent no frame ---- */

static void oldest_connection_without_a_frame_makes_room(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    fixture->settings.max_opening = 3;
    server_fixture_start(fixture);
    for (i = 0; i < 2 * FIXTURE_CLIENTS; i++) { /* sessions are none of them, however many */
        server_fixture_join(fixture, i % FIXTURE_CLIENTS, NULL);
        raw_close(&fixture->clients[i % FIXTURE_CLIENTS]);
    }
    assert_int_equal(reached(fixture, LUBDUB_SERVER_LIMIT_OPENING), 0);
    for (i = 0; i < 4; i++) {
        raw_connect(&fixture->clients[i], server_fixture_port(fixture));
        raw_send(&fixture->clients[i], "LD\1\3\0\0\0\4\0\0\0\0\0\0\0\1abc", 19); /* a probe but for its last byte */
        while (server_fixture_counts(fixture).accepted < 2 * FIXTURE_CLIENTS + i + 1) {
            server_fixture_run(fixture, LUBDUB_MILLISECOND);
        }
    }
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_OVERLOADED);
    assert_string_equal(expect_told(fixture, REJECTED)->text,
                        "there are too many connections that have sent no frame (the limit is 3)");
    assert_int_equal(reached(fixture, LUBDUB_SERVER_LIMIT_OPENING), 1);
    raw_send(&fixture->clients[1], "d", 1); /* the others go on */
    raw_expect(&fixture->clients[1], LUBDUB_FRAME_ACK, 1, &(struct raw_frame){0});
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_REJECTED), 1);
}

/* A connection that ends by itself, or that breaks the protocol, is none that waits. */
static void what_has_ended_takes_no_room(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    fixture->settings.max_opening = 2;
    server_fixture_start(fixture);
    for (i = 0; i < 100; i++) {
        raw_connect(&fixture->clients[0], server_fixture_port(fixture));
        raw_send(&fixture->clients[0], "GET / HTTP/1.1\r\n", 16);
        raw_expect_silent_end(&fixture->clients[0]);
        raw_close(&fixture->clients[0]);
        raw_connect(&fixture->clients[1], server_fixture_port(fixture));
        raw_close(&fixture->clients[1]);
    }
    while (server_fixture_counts(fixture).connections > 0) {
        server_fixture_run(fixture, LUBDUB_MILLISECOND);
    }
    assert_int_equal(reached(fixture, LUBDUB_SERVER_LIMIT_OPENING), 0);
    raw_connect(&fixture->clients[2], server_fixture_port(fixture));
    raw_connect(&fixture->clients[3], server_fixture_port(fixture));
    server_fixture_join(fixture, 4, "honest");
    raw_expect_bye(&fixture->clients[2], LUBDUB_REASON_OVERLOADED);
    raw_probe(&fixture->clients[3]);
    raw_expect(&fixture->clients[3], LUBDUB_FRAME_ACK, 1, &(struct raw_frame){0});
}

static void clients_come_in_while_many_others_say_nothing(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_client silent[MANY];
    unsigned i;

    fixture->settings.max_opening = 16;
    fixture->settings.workers = 2;
    server_fixture_start(fixture);
    for (i = 0; i < MANY; i++) {
        raw_connect(&silent[i], server_fixture_port(fixture));
        if (i % 50 == 49) {
            raw_join(&fixture->clients[i / 50], server_fixture_port(fixture), NULL, 1000, 60000);
        }
    }
    while (server_fixture_counts(fixture).accepted < MANY + MANY / 50) {
        server_fixture_run(fixture, LUBDUB_MILLISECOND);
    }
    for (i = 0; i < MANY / 50; i++) {
        raw_expect_life(&fixture->clients[i]);
    }
    assert_in_range(reached(fixture, LUBDUB_SERVER_LIMIT_OPENING), MANY - 16, MANY);
    assert_int_equal(server_fixture_counts(fixture).disconnected, 0);
    for (i = 0; i < MANY; i++) {
        raw_close(&silent[i]);
    }
}

static void connections_that_wait_for_their_proxy_are_counted_too(void **state)
{
    struct server_fixture *fixture = *state;
    static const struct lubdub_slice proxy = {"127.0.0.1", 9};
    struct wire_bytes header = {0};
    unsigned i;

    fixture->settings.proxies = &proxy;
    fixture->settings.proxy_count = 1;
    fixture->settings.max_opening = 2;
    server_fixture_start(fixture);
    for (i = 0; i < 3; i++) {
        raw_connect(&fixture->clients[i], server_fixture_port(fixture));
        while (server_fixture_counts(fixture).connections + reached(fixture, LUBDUB_SERVER_LIMIT_OPENING) < i + 1) {
            server_fixture_run(fixture, LUBDUB_MILLISECOND);
        }
    }
    raw_expect_silent_end(&fixture->clients[0]);
    assert_int_equal(reached(fixture, LUBDUB_SERVER_LIMIT_OPENING), 1);
    proxy_bytes_put(&header, "192.0.2.7", 4711);
    for (i = 1; i < 3; i++) {
        raw_send(&fixture->clients[i], header.data, header.length);
        raw_hello(&fixture->clients[i], NULL, 0, 0);
    }
    wire_bytes_clear(&header);
}

static void block_once(struct ev_loop *loop, ev_check *check, int revents)
{
    (void)revents;

    stay(500 * LUBDUB_MILLISECOND);
    ev_check_stop(loop, check);
}

/* The loop's own idea of now is as old as its turn, which an application may make long. */
static void a_proxy_has_its_whole_time_also_where_the_loop_was_blocked_before(void **state)
{
    struct server_fixture *fixture = *state;
    static const struct lubdub_slice proxy = {"127.0.0.1", 9};
    struct wire_bytes header = {0};
    ev_check check;

    PLAINLY_ONLY(fixture);
    fixture->settings.proxies = &proxy;
    fixture->settings.proxy_count = 1;
    fixture->settings.session.handshake_timeout = 400 * LUBDUB_MILLISECOND;
    server_fixture_start(fixture);
    server_fixture_run(fixture, LUBDUB_MILLISECOND);
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    ev_check_init(&check, block_once);
    ev_check_start(fixture->loop, &check); /* called in the turn that accepts, ahead of the listener */
    while (server_fixture_counts(fixture).connections == 0) {
        server_fixture_run(fixture, LUBDUB_MILLISECOND);
    }
    server_fixture_run(fixture, 10 * LUBDUB_MILLISECOND);
    proxy_bytes_put(&header, "192.0.2.7", 4711);
    raw_send(&fixture->clients[0], header.data, header.length);
    raw_hello(&fixture->clients[0], NULL, 0, 0);
    wire_bytes_clear(&header);
}

/* ---- the others ---- */

static void say_hello_with_labels(struct raw_client *client, uint16_t port, unsigned count)
{
    static const char *const labels[] = {"a=1", "b=2", "c=3"};
    struct wire_bytes options = {0};
    unsigned i;

    raw_connect(client, port);
    for (i = 0; i < count; i++) {
        wire_bytes_put_option(&options, LUBDUB_OPTION_LABEL, labels[i], 3);
    }
    raw_send_frame(client, LUBDUB_FRAME_HELLO, 0, 1, options.data, options.length);
    wire_bytes_clear(&options);
}

static void client_with_too_many_labels_is_refused(void **state)
{
    struct server_fixture *fixture = *state;

    fixture->settings.max_labels = 2;
    server_fixture_start(fixture);
    say_hello_with_labels(&fixture->clients[0], server_fixture_port(fixture), 2);
    raw_expect_welcome(&fixture->clients[0]);
    say_hello_with_labels(&fixture->clients[1], server_fixture_port(fixture), 3);
    raw_expect_bye(&fixture->clients[1], LUBDUB_REASON_OVERLOADED);
    assert_string_equal(expect_told(fixture, REJECTED)->text, "there are too many labels (the limit is 2)");
    assert_int_equal(reached(fixture, LUBDUB_SERVER_LIMIT_LABELS), 1);
    fixture->settings.max_labels = 0;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    server_fixture_run(fixture, 10 * LUBDUB_MILLISECOND);
    say_hello_with_labels(&fixture->clients[2], server_fixture_port(fixture), 1);
    raw_expect_bye(&fixture->clients[2], LUBDUB_REASON_OVERLOADED);
    raw_expect_life(&fixture->clients[0]);
}

static void turn_accepts_so_many_and_the_next_one_goes_on(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    fixture->settings.accepts_per_turn = 1;
    server_fixture_start(fixture);
    for (i = 0; i < 4; i++) {
        raw_connect(&fixture->clients[i], server_fixture_port(fixture));
    }
    for (i = 0; i < 4; i++) {
        raw_hello(&fixture->clients[i], NULL, 0, 0);
    }
    assert_int_equal(reached(fixture, LUBDUB_SERVER_LIMIT_ACCEPTS), 4);
}

static void sessions_and_addresses_are_counted(void **state)
{
    struct server_fixture *fixture = *state;

    fixture->settings.max_sessions = 1;
    fixture->settings.max_per_address = 2;
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "one");
    raw_connect(&fixture->clients[1], server_fixture_port(fixture));
    raw_say_hello(&fixture->clients[1], "two", 0, 0, 1);
    raw_connect(&fixture->clients[2], server_fixture_port(fixture));
    raw_expect_bye(&fixture->clients[1], LUBDUB_REASON_OVERLOADED);
    raw_expect_bye(&fixture->clients[2], LUBDUB_REASON_OVERLOADED);
    assert_int_equal(reached(fixture, LUBDUB_SERVER_LIMIT_SESSIONS), 1);
    assert_int_equal(reached(fixture, LUBDUB_SERVER_LIMIT_ADDRESS), 1);
}

/* The receiver takes nothing: what has no room in its session is dropped. */
static void messages_without_room_in_their_session_are_counted(void **state)
{
    struct server_fixture *fixture = *state;
    static char content[1024];
    uint64_t session;
    unsigned i;

    fixture->settings.session.output_limit = 4096;
    server_fixture_start(fixture);
    raw_connect_narrow(&fixture->clients[0], server_fixture_port(fixture), 4096);
    raw_hello(&fixture->clients[0], NULL, 0, 0);
    session = fixture->clients[0].session;
    for (i = 0; reached(fixture, LUBDUB_SERVER_LIMIT_OUTPUT) == 0 && i < 100000; i++) {
        (void)lubdub_server_send(fixture->server, session, content, sizeof content);
    }
    assert_int_equal(reached(fixture, LUBDUB_SERVER_LIMIT_OUTPUT), 1);
    assert_int_equal(server_fixture_counts(fixture).messages_dropped, 1);
}

static void every_limit_has_a_word(void **state)
{
    struct server_fixture *fixture = *state;
    size_t i;
    size_t k;

    for (i = 0; lubdub_server_limit_word(i) != NULL; i++) {
        for (k = 0; k < i; k++) {
            assert_string_not_equal(lubdub_server_limit_word(i), lubdub_server_limit_word(k));
        }
    }
    assert_in_range(i, LUBDUB_SERVER_LIMIT_DESCRIPTORS + 1, LUBDUB_SERVER_LIMIT_CAPACITY);
    for (; i < 2 * LUBDUB_SERVER_LIMIT_CAPACITY; i++) {
        assert_null(lubdub_server_limit_word(i));
    }
    fixture->settings.accepts_per_turn = 0;
    assert_string_equal(lubdub_server_settings_check(&fixture->settings), "accepts_per_turn is not 1 to 65536");
    fixture->settings.accepts_per_turn = 1;
    fixture->settings.max_labels = 9;
    assert_string_equal(lubdub_server_settings_check(&fixture->settings), "max_labels is more than 8");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, server_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(oldest_connection_without_a_frame_makes_room),
        TEST(what_has_ended_takes_no_room),
        TEST(clients_come_in_while_many_others_say_nothing),
        TEST(connections_that_wait_for_their_proxy_are_counted_too),
        TEST(a_proxy_has_its_whole_time_also_where_the_loop_was_blocked_before),
        TEST(client_with_too_many_labels_is_refused),
        TEST(turn_accepts_so_many_and_the_next_one_goes_on),
        TEST(sessions_and_addresses_are_counted),
        TEST(messages_without_room_in_their_session_are_counted),
        TEST(every_limit_has_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
