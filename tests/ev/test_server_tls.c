/* A server over TLS: how many handshakes it works on at once and in a turn, sockets that are handed over, and
 * what copies of sessions tell. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server_fixture.h"
#include "support/test.h"
#ifdef LUBDUB_HAS_TLS
#include <lubdub/tls.h>

#include "certificates.h"
#include "raw_tls.h"
#else
#define raw_begin_handshake(client) ((void)(client))
#endif

/* Without TLS in the build there is nothing to test. */
static int set_up(void **state)
{
    struct server_fixture *fixture;

    setenv("LUBDUB_TESTS_OVER_TLS", "1", 1);
    server_fixture_setup(state);
    fixture = *state;
    if (fixture->tls == NULL) {
        server_fixture_teardown(state);
        *state = NULL;
    }
    return 0;
}

static int tear_down(void **state)
{
    return *state != NULL ? server_fixture_teardown(state) : 0;
}

static struct server_fixture *fixture_of(void **state)
{
    if (*state == NULL) {
        skip();
    }
    return *state;
}

static uint64_t reached(struct server_fixture *fixture, enum lubdub_server_limit limit)
{
    return server_fixture_counts(fixture).by_limit[limit];
}

static bool one_is_under_way(struct server_fixture *fixture)
{
    return server_fixture_counts(fixture).tls_under_way == 1;
}

static bool one_waits(struct server_fixture *fixture)
{
    return server_fixture_counts(fixture).tls_waiting == 1;
}

/* Of two handshakes the first is under way, and the second has to wait. */
static void begin_two_where_one_may(struct server_fixture *fixture)
{
    fixture->settings.max_handshakes = 1;
    server_fixture_start(fixture);
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    raw_begin_handshake(&fixture->clients[0]);
    assert_true(server_fixture_wait(fixture, one_is_under_way));
    raw_connect(&fixture->clients[1], server_fixture_port(fixture));
    raw_begin_handshake(&fixture->clients[1]);
    assert_true(server_fixture_wait(fixture, one_waits));
}

static void handshake_waits_while_so_many_are_under_way(void **state)
{
    struct server_fixture *fixture = fixture_of(state);
    struct lubdub_server_figures figures = {.size = sizeof figures};

    begin_two_where_one_may(fixture);
    assert_int_equal(reached(fixture, LUBDUB_SERVER_LIMIT_HANDSHAKES), 1);
    lubdub_server_figures(fixture->server, &figures);
    assert_int_equal(figures.by_limit[LUBDUB_SERVER_LIMIT_HANDSHAKES], 1);
    assert_int_equal(figures.tls_under_way, 1);
    assert_int_equal(figures.tls_waiting, 1);
    raw_hello(&fixture->clients[0], "first", 0, 0); /* which leaves its place to the other one */
    raw_hello(&fixture->clients[1], "second", 0, 0);
    assert_int_equal(server_fixture_counts(fixture).tls_1_3, 2);
}

/* The client lets the server wait in the middle of its handshake. */
static void length_of_a_handshake_is_all_of_it(void **state)
{
    struct server_fixture *fixture = fixture_of(state);
    struct lubdub_server_figures figures = {.size = sizeof figures};

    server_fixture_start(fixture);
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    raw_begin_handshake(&fixture->clients[0]);
    assert_true(server_fixture_wait(fixture, one_is_under_way));
    stay(20 * LUBDUB_MILLISECOND);
    raw_hello(&fixture->clients[0], "slow", 0, 0);
    lubdub_server_figures(fixture->server, &figures);
    assert_int_equal(figures.tls_handshake.count, 1);
    assert_true(figures.tls_handshake.sum >= 20 * LUBDUB_MILLISECOND);
}

static void new_settings_let_more_of_them_in(void **state)
{
    struct server_fixture *fixture = fixture_of(state);

    begin_two_where_one_may(fixture);
    fixture->settings.max_handshakes = 2;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    raw_hello(&fixture->clients[1], "second", 0, 0);
    raw_hello(&fixture->clients[0], "first", 0, 0);
}

static bool all_have_begun(struct server_fixture *fixture)
{
    struct lubdub_server_counts counts = server_fixture_counts(fixture);

    return counts.tls_under_way + counts.tls_waiting + counts.tls_failed == FIXTURE_CLIENTS;
}

/* By the kernel's hash each of four loops has some of the clients. */
static void loops_share_the_handshakes(void **state)
{
    struct server_fixture *fixture = fixture_of(state);
    unsigned i;

    fixture->settings.workers = 4;
    fixture->settings.max_handshakes = 4;
    server_fixture_start(fixture);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        raw_connect(&fixture->clients[i], server_fixture_port(fixture));
        raw_begin_handshake(&fixture->clients[i]);
    }
    assert_true(server_fixture_wait(fixture, all_have_begun));
    assert_in_range(server_fixture_counts(fixture).tls_under_way, 1, 4);
}

static void turn_begins_so_many_handshakes_and_the_next_one_goes_on(void **state)
{
    struct server_fixture *fixture = fixture_of(state);
    unsigned i;

    fixture->settings.handshakes_per_turn = 1;
    server_fixture_start(fixture);
    for (i = 0; i < 4; i++) { /* the loop runs when all of them have come */
        raw_connect(&fixture->clients[i], server_fixture_port(fixture));
        raw_begin_handshake(&fixture->clients[i]);
    }
    for (i = 0; i < 4; i++) {
        raw_hello(&fixture->clients[i], NULL, 0, 0);
    }
    assert_int_equal(reached(fixture, LUBDUB_SERVER_LIMIT_HANDSHAKES), 0);
    assert_in_range(reached(fixture, LUBDUB_SERVER_LIMIT_HANDSHAKES_PER_TURN), 3, UINT32_MAX);
}

/* Time for one step of one of them. */
static void turn_works_on_handshakes_for_so_long_and_on_one_at_the_least(void **state)
{
    struct server_fixture *fixture = fixture_of(state);
    unsigned i;

    fixture->settings.handshake_work = 1;
    server_fixture_start(fixture);
    for (i = 0; i < 4; i++) {
        raw_connect(&fixture->clients[i], server_fixture_port(fixture));
        raw_begin_handshake(&fixture->clients[i]);
    }
    for (i = 0; i < 4; i++) {
        raw_hello(&fixture->clients[i], NULL, 0, 0);
    }
    assert_in_range(reached(fixture, LUBDUB_SERVER_LIMIT_HANDSHAKES_PER_TURN), 3, UINT32_MAX);
}

static bool all_others_wait(struct server_fixture *fixture)
{
    return server_fixture_counts(fixture).tls_waiting == FIXTURE_CLIENTS - 1;
}

/*
 * Many are let in at once and the first takes all the time of the turn. The ClientHellos of the others have been read:
 * their sockets say nothing any more.
 */
static void handshake_that_is_let_in_too_late_in_a_turn_is_not_forgotten(void **state)
{
    struct server_fixture *fixture = fixture_of(state);
    unsigned i;

    fixture->settings.max_handshakes = 1;
    fixture->settings.handshake_work = 1;
    server_fixture_start(fixture);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        raw_connect(&fixture->clients[i], server_fixture_port(fixture));
        raw_begin_handshake(&fixture->clients[i]);
    }
    assert_true(server_fixture_wait(fixture, all_others_wait));
    fixture->settings.max_handshakes = FIXTURE_CLIENTS;
    fixture->settings.handshakes_per_turn = FIXTURE_CLIENTS;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        raw_hello(&fixture->clients[i], NULL, 0, 0);
    }
    assert_int_equal(server_fixture_counts(fixture).tls_failed, 0);
}

static void settings_of_handshakes_have_bounds(void **state)
{
    static const struct {
        size_t most;
        size_t per_turn;
        lubdub_duration work;
        const char *fault;
    } rows[] = {
        {1, 1, 1, NULL},
        {65536, 65536, 100 * LUBDUB_MILLISECOND, NULL},
        {0, 8, 1, "max_handshakes is not 1 to 65536"},
        {65537, 8, 1, "max_handshakes is not 1 to 65536"},
        {8, 0, 1, "handshakes_per_turn is not 1 to 65536"},
        {8, 65537, 1, "handshakes_per_turn is not 1 to 65536"},
        {8, 8, 0, "handshake_work is none, or more than 100 ms"},
        {8, 8, 100 * LUBDUB_MILLISECOND + 1, "handshake_work is none, or more than 100 ms"},
    };
    struct lubdub_server_settings settings;
    size_t i;
    (void)state;

    lubdub_server_settings_init(&settings);
    assert_null(lubdub_server_settings_check(&settings));
    for (i = 0; i < COUNT_OF(rows); i++) {
        const char *fault;

        settings.max_handshakes = rows[i].most;
        settings.handshakes_per_turn = rows[i].per_turn;
        settings.handshake_work = rows[i].work;
        fault = lubdub_server_settings_check(&settings);
        if (rows[i].fault == NULL) {
            assert_null(fault);
        } else {
            assert_non_null(fault);
            assert_string_equal(fault, rows[i].fault);
        }
    }
}

/* ---- sockets of the application's own ---- */

static int listen_ourselves(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, 8), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return listening;
}

static void sockets_of_the_applications_own_speak_tls(void **state)
{
    struct server_fixture *fixture = fixture_of(state);
    uint16_t port;
    uint16_t other_port;
    int listening = listen_ourselves(&port);
    int other = listen_ourselves(&other_port);
    int connected;

    fixture->settings.workers = 2;
    fixture->settings.tls = fixture->tls;
    assert_int_equal(
        lubdub_server_new(&fixture->server, fixture->loop, &fixture->settings, server_fixture_on_event, fixture),
        LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_adopt_listener_tls(fixture->server, -1), LUBDUB_ERROR_INVALID);
    assert_int_equal(lubdub_server_adopt_listener_tls(fixture->server, listening), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_start(fixture->server), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_adopt_listener_tls(fixture->server, other), LUBDUB_ERROR_WRONG_STATE);
    assert_true(expect_told(fixture, LISTENING)->event.is_tls);
    close(listening);
    raw_join(&fixture->clients[0], port, "a", 0, 0);
    assert_true(expect_told(fixture, CONNECTED)->event.is_tls);

    assert_int_equal(lubdub_server_adopt_tls(fixture->server, other), LUBDUB_ERROR_INVALID);
    raw_connect(&fixture->clients[1], other_port);
    connected = accept(other, NULL, NULL);
    close(other);
    assert_int_equal(lubdub_server_adopt_tls(fixture->server, connected), LUBDUB_ERROR_OK);
    raw_hello(&fixture->clients[1], "b", 0, 0);
    assert_true(expect_told(fixture, CONNECTED)->event.is_tls);

    fixture->settings.tls = NULL; /* the listener needs it */
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_INVALID);
}

static void without_tls_in_the_settings_there_is_none(void **state)
{
    struct server_fixture *fixture = fixture_of(state);
    uint16_t port;
    int listening = listen_ourselves(&port);
    int connected;

    fixture->settings.tls = NULL;
    assert_int_equal(
        lubdub_server_new(&fixture->server, fixture->loop, &fixture->settings, server_fixture_on_event, fixture),
        LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_adopt_listener_tls(fixture->server, listening), LUBDUB_ERROR_INVALID);
    assert_int_equal(lubdub_server_start(fixture->server), LUBDUB_ERROR_OK);
    raw_connect(&fixture->clients[0], port);
    connected = accept(listening, NULL, NULL);
    assert_int_equal(lubdub_server_adopt_tls(fixture->server, connected), LUBDUB_ERROR_INVALID);
    assert_true(close(connected) == 0 && close(listening) == 0); /* they stay the caller's */
    assert_int_equal(lubdub_server_adopt_listener_tls(NULL, 3), LUBDUB_ERROR_INVALID);
    assert_int_equal(lubdub_server_adopt_tls(NULL, 3), LUBDUB_ERROR_INVALID);
}

/* ---- what copies of sessions tell ---- */

#ifdef LUBDUB_HAS_TLS

static struct lubdub_server_session *find(struct server_fixture *fixture, const char *identity)
{
    struct lubdub_server_session *found;

    assert_int_equal(lubdub_server_find(fixture->server, identity, strlen(identity), &found), LUBDUB_ERROR_OK);
    return found;
}

/* From now on the server asks for certificates, and raw clients have this one. */
static void ask_for_certificates(struct server_fixture *fixture, const struct certificate_wish *of_clients)
{
    static const struct certificate_wish of_server = {.common_name = "localhost", .alternatives = "IP:127.0.0.1"};
    struct lubdub_tls_settings settings;
    struct certificate_files server;
    struct certificate_files client;
    struct certificates all;

    certificates_make(&all, "authority");
    certificates_issue(&all, "server", &of_server, &server);
    certificates_issue(&all, "client", of_clients, &client);
    lubdub_tls_settings_init(&settings);
    settings.certificate_file = server.certificate;
    settings.key_file = server.key;
    settings.authority_file = all.authority_file;
    lubdub_tls_free(fixture->tls);
    assert_int_equal(lubdub_tls_new(&fixture->tls, LUBDUB_ROLE_SERVER, &settings, NULL, 0), LUBDUB_ERROR_OK);
    fixture->settings.tls = fixture->tls;
    raw_clients_speak_tls(all.authority_file);
    raw_clients_show(&client);
    certificates_clear(&all);
}

static void copy_of_a_session_tells_its_certificate(void **state)
{
    struct server_fixture *fixture = fixture_of(state);
    struct lubdub_server_session *session;

    ask_for_certificates(fixture, &(struct certificate_wish){.common_name = "fan-1", .alternatives = "DNS:pump-*"});
    server_fixture_start(fixture);
    raw_join(&fixture->clients[0], server_fixture_port(fixture), "pump-7", 0, 0);
    session = find(fixture, "pump-7");
    assert_true(session->is_tls);
    assert_int_equal(session->certificate.length, 6);
    assert_memory_equal(session->certificate.data, "pump-*", 6);
    lubdub_server_session_free(session);

    raw_connect(&fixture->clients[1], server_fixture_port(fixture));
    raw_expect_life(&fixture->clients[1]); /* without HELLO */
    raw_close(&fixture->clients[0]);
    (void)expect_told(fixture, DISCONNECTED);
    {
        uint64_t cursor = 0;

        assert_int_equal(lubdub_server_list(fixture->server, &cursor, 8, &session), LUBDUB_ERROR_OK);
        assert_non_null(session);
        assert_true(session->is_tls && session->identity.length == 0);
        assert_int_equal(session->certificate.length, 6); /* the alternative names come first */
        lubdub_server_session_free(session);
    }
}

static void copy_of_a_session_without_a_certificate_names_none(void **state)
{
    struct server_fixture *fixture = fixture_of(state);
    struct lubdub_server_session *session;

    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "pump-7");
    session = find(fixture, "pump-7");
    assert_true(session->is_tls);
    assert_int_equal(session->certificate.length, 0);
    lubdub_server_session_free(session);
}

#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(handshake_waits_while_so_many_are_under_way),
        TEST(length_of_a_handshake_is_all_of_it),
        TEST(new_settings_let_more_of_them_in),
        TEST(loops_share_the_handshakes),
        TEST(turn_begins_so_many_handshakes_and_the_next_one_goes_on),
        TEST(turn_works_on_handshakes_for_so_long_and_on_one_at_the_least),
        TEST(handshake_that_is_let_in_too_late_in_a_turn_is_not_forgotten),
        TEST(settings_of_handshakes_have_bounds),
        TEST(sockets_of_the_applications_own_speak_tls),
        TEST(without_tls_in_the_settings_there_is_none),
#ifdef LUBDUB_HAS_TLS
        TEST(copy_of_a_session_tells_its_certificate),
        TEST(copy_of_a_session_without_a_certificate_names_none),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
