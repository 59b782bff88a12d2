/* A server serves sockets of the application's own, listening ones and connected ones. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server_fixture.h"
#include "support/test.h"

/* On 127.0.0.1 and a free port, as systemd would hand it over. */
static int listen_ourselves(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(listening >= 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, 64), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return listening;
}

static void make(struct server_fixture *fixture)
{
    assert_int_equal(
        lubdub_server_new(&fixture->server, fixture->loop, &fixture->settings, server_fixture_on_event, fixture),
        LUBDUB_ERROR_OK);
}

static void serve_on(struct server_fixture *fixture, int listening)
{
    make(fixture);
    assert_int_equal(lubdub_server_adopt_listener(fixture->server, listening), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_start(fixture->server), LUBDUB_ERROR_OK);
}

static void a_listening_socket_is_served_and_stays_the_callers(void **state)
{
    struct server_fixture *fixture = *state;
    char expected[32];
    uint16_t port;
    int listening = listen_ourselves(&port);

    serve_on(fixture, listening);
    assert_int_equal(lubdub_server_port(fixture->server), port);
    snprintf(expected, sizeof expected, "127.0.0.1:%u", port);
    assert_string_equal(expect_told(fixture, LISTENING)->address, expected);
    raw_join(&fixture->clients[0], port, "a", 0, 0);
    raw_expect_life(&fixture->clients[0]);
    server_fixture_free(fixture);

    raw_connect(&fixture->clients[1], port); /* it waits in the queue that the next server finds */
    raw_say_hello(&fixture->clients[1], "b", 0, 0, 1);
    serve_on(fixture, listening);
    raw_expect_welcome(&fixture->clients[1]);
    close(listening);
    raw_join(&fixture->clients[2], port, "c", 0, 0);
}

static void all_loops_accept_from_one_listening_socket(void **state)
{
    struct server_fixture *fixture = *state;
    uint16_t port;
    int listening = listen_ourselves(&port);
    unsigned i;

    fixture->settings.workers = 3;
    serve_on(fixture, listening);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        raw_join(&fixture->clients[i], port, NULL, 0, 0);
    }
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        raw_expect_life(&fixture->clients[i]);
    }
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_LISTENING), 1);
    close(listening);
}

/* A connection of our own: the client, and the socket that accept() gave. */
static int connect_ourselves(struct raw_client *client, int listening, uint16_t port)
{
    raw_connect(client, port);
    return accept(listening, NULL, NULL);
}

static void a_connected_socket_is_served(void **state)
{
    struct server_fixture *fixture = *state;
    uint16_t port;
    int listening = listen_ourselves(&port);
    unsigned i;

    fixture->settings.workers = 2;
    server_fixture_start(fixture);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        int ours = connect_ourselves(&fixture->clients[i], listening, port);

        assert_int_equal(lubdub_server_adopt(fixture->server, ours), LUBDUB_ERROR_OK);
        raw_hello(&fixture->clients[i], NULL, 0, 0);
        assert_true(fcntl(ours, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(ours, F_GETFD) & FD_CLOEXEC);
    }
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        const struct told_event *connected = expect_told(fixture, CONNECTED);

        assert_memory_equal(connected->remote, "127.0.0.1:", 10);
        raw_expect_life(&fixture->clients[i]);
    }
    close(listening);
}

static void what_is_no_such_socket_is_refused_and_stays_the_callers(void **state)
{
    struct server_fixture *fixture = *state;
    uint16_t port;
    int listening = listen_ourselves(&port);
    int lonely = socket(AF_INET, SOCK_STREAM, 0);
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    int ends[2];
    size_t i;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    make(fixture);
    {
        const int wrong[] = {-1, lonely, datagrams, ends[0], fileno(stderr)};

        for (i = 0; i < COUNT_OF(wrong); i++) {
            assert_int_equal(lubdub_server_adopt_listener(fixture->server, wrong[i]), LUBDUB_ERROR_INVALID);
            assert_int_equal(lubdub_server_adopt(fixture->server, wrong[i]), LUBDUB_ERROR_INVALID);
        }
    }
    assert_int_equal(lubdub_server_adopt(fixture->server, listening), LUBDUB_ERROR_INVALID);
    assert_int_equal(lubdub_server_start(fixture->server), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_adopt_listener(fixture->server, listening), LUBDUB_ERROR_WRONG_STATE);
    assert_true(close(listening) == 0 && close(lonely) == 0 && close(datagrams) == 0);
    assert_true(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void a_server_that_is_freed_or_drains_closes_what_it_adopted(void **state)
{
    struct server_fixture *fixture = *state;
    uint16_t port;
    int listening = listen_ourselves(&port);

    server_fixture_start(fixture);
    assert_int_equal(lubdub_server_adopt(fixture->server, connect_ourselves(&fixture->clients[0], listening, port)),
                     LUBDUB_ERROR_OK);
    server_fixture_free(fixture);
    raw_expect_silent_end(&fixture->clients[0]);

    server_fixture_start(fixture);
    lubdub_server_drain(fixture->server, LUBDUB_SECOND);
    expect_told(fixture, STOPPED);
    assert_int_equal(lubdub_server_adopt(fixture->server, connect_ourselves(&fixture->clients[1], listening, port)),
                     LUBDUB_ERROR_OK);
    raw_expect_silent_end(&fixture->clients[1]);
    close(listening);
}

#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, server_fixture_setup, server_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_listening_socket_is_served_and_stays_the_callers),
        FIXTURE_TEST(all_loops_accept_from_one_listening_socket),
        FIXTURE_TEST(a_connected_socket_is_served),
        FIXTURE_TEST(what_is_no_such_socket_is_refused_and_stays_the_callers),
        FIXTURE_TEST(a_server_that_is_freed_or_drains_closes_what_it_adopted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
