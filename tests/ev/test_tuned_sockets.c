/* The kernel's timers on real sockets: what a listener is given is inherited, and a client that is up has its own. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client_fixture.h"
#include "server_fixture.h"
#include "support/test.h"
#include "ev/tuning.h"

#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#define TCP_RTO_MIN_US 45
#endif

static void skip_where_the_kernel_is_old(void)
{
    char lacks[LUBDUB_TUNING_TEXT_SIZE];

    if (lubdub_tuning_lacks(lacks)[0] != '\0') {
        print_message("this kernel has no %s: skipped\n", lacks);
        skip();
    }
}

static unsigned option_of(int socket, int option)
{
    unsigned value = 0;
    socklen_t length = sizeof value;

    assert_int_equal(getsockopt(socket, IPPROTO_TCP, option, &value, &length), 0);
    return value;
}

static void accepted_socket_has_its_listeners_timers(void **state)
{
    const struct lubdub_tuning tuning = lubdub_tuning_for(LUBDUB_SECOND, 6 * LUBDUB_SECOND);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char congestion[16] = "";
    int accepted;
    (void)state;

    skip_where_the_kernel_is_old();
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    lubdub_tuning_set(listener, &tuning, NULL);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, length), 0);
    accepted = accept(listener, NULL, NULL);
    assert_true(accepted >= 0);
    assert_in_range(option_of(accepted, TCP_RTO_MIN_US), 100000, 110000); /* the kernel counts in ticks */
    assert_int_equal(option_of(accepted, TCP_RTO_MAX_MS), 1000);
    assert_int_equal(option_of(accepted, TCP_USER_TIMEOUT), 13000);
    assert_int_equal(option_of(accepted, TCP_THIN_LINEAR_TIMEOUTS), 1);
    length = sizeof congestion;
    assert_int_equal(getsockopt(accepted, IPPROTO_TCP, TCP_CONGESTION, congestion, &length), 0);
    assert_string_equal(congestion, "reno");
    {
        const struct lubdub_tuning longer = lubdub_tuning_for(30 * LUBDUB_SECOND, 6 * LUBDUB_SECOND);

        lubdub_tuning_set(accepted, &longer, &tuning);
        assert_int_equal(option_of(accepted, TCP_RTO_MAX_MS), 5000);
        assert_in_range(option_of(accepted, TCP_RTO_MIN_US), 200000, 210000);
    }
    close(accepted);
    close(client);
    close(listener);
}

static void client_that_is_up_has_timers_for_its_deadlines(void **state)
{
    struct client_fixture *fixture = *state;

    skip_where_the_kernel_is_old();
    fixture->settings.session.interval = LUBDUB_SECOND;
    fixture->settings.session.expiry = 9 * LUBDUB_SECOND;
    fixture->settings.session.timeout = 6 * LUBDUB_SECOND;
    client_fixture_go_up(fixture);
    assert_int_equal(option_of(lubdub_client_socket(fixture->client), TCP_RTO_MAX_MS),
                     1000); /* of three seconds granted */
    assert_int_equal(option_of(lubdub_client_socket(fixture->client), TCP_USER_TIMEOUT), 13000);
}

/* With a short TCP_RTO_MAX_MS the kernel's own patience, of 15 tries, is a quarter of a minute. */
static void client_that_stays_is_never_ended_by_the_kernel(void **state)
{
    struct client_fixture *fixture = *state;

    skip_where_the_kernel_is_old();
    fixture->settings.session.stays_connected = true;
    client_fixture_go_up(fixture);
    assert_int_equal(option_of(lubdub_client_socket(fixture->client), TCP_RTO_MAX_MS), 1000);
    assert_true(option_of(lubdub_client_socket(fixture->client), TCP_USER_TIMEOUT) > 24 * 3600 * 1000);
}

/* The other end of this connection: the server is in this process. */
static int socket_of_server(const struct raw_client *client)
{
    struct sockaddr_in own;
    socklen_t length = sizeof own;
    int socket;

    assert_int_equal(getsockname(client->socket, (struct sockaddr *)&own, &length), 0);
    for (socket = 0; socket < 1024; socket++) {
        struct sockaddr_in peer;

        length = sizeof peer;
        if (getpeername(socket, (struct sockaddr *)&peer, &length) == 0 && peer.sin_family == AF_INET &&
            peer.sin_port == own.sin_port) {
            return socket;
        }
    }
    fail_msg("the server has no such connection");
    return -1;
}

static void connection_from_before_the_start_has_its_listeners_timers(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *client = &fixture->clients[0];

    skip_where_the_kernel_is_old();
    fixture->settings.session.interval = 20 * LUBDUB_SECOND;
    assert_int_equal(
        lubdub_server_new(&fixture->server, fixture->loop, &fixture->settings, server_fixture_on_event, fixture),
        LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_listen(fixture->server, "127.0.0.1", 0), LUBDUB_ERROR_OK);
    raw_connect(client, server_fixture_port(fixture));
    assert_int_equal(lubdub_server_start(fixture->server), LUBDUB_ERROR_OK);
    raw_hello(client, NULL, 0, 0);
    assert_int_equal(option_of(socket_of_server(client), TCP_RTO_MAX_MS), 10000);
    assert_int_equal(option_of(socket_of_server(client), TCP_USER_TIMEOUT), 121000);
}

static bool one_is_accepted(struct server_fixture *fixture)
{
    return server_fixture_counts(fixture).accepted == 1;
}

static void connection_from_before_a_reload_has_timers_for_what_it_is_granted(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    skip_where_the_kernel_is_old();
    fixture->settings.session.expiry = 3 * LUBDUB_SECOND;
    server_fixture_start(fixture);
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    assert_true(server_fixture_wait(fixture, one_is_accepted));
    fixture->settings.session.interval = 20 * LUBDUB_SECOND;
    fixture->settings.session.expiry = LUBDUB_MINUTE;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    raw_hello(&fixture->clients[0], NULL, 0, 0);
    raw_join(&fixture->clients[1], server_fixture_port(fixture), NULL, 0, 0);
    for (i = 0; i < 2; i++) {
        assert_int_equal(option_of(socket_of_server(&fixture->clients[i]), TCP_RTO_MAX_MS), 10000);
        assert_int_equal(option_of(socket_of_server(&fixture->clients[i]), TCP_USER_TIMEOUT), 121000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_socket_has_its_listeners_timers),
        cmocka_unit_test_setup_teardown(client_that_is_up_has_timers_for_its_deadlines, client_fixture_setup,
                                        client_fixture_teardown),
        cmocka_unit_test_setup_teardown(client_that_stays_is_never_ended_by_the_kernel, client_fixture_setup,
                                        client_fixture_teardown),
        cmocka_unit_test_setup_teardown(connection_from_before_the_start_has_its_listeners_timers, server_fixture_setup,
                                        server_fixture_teardown),
        cmocka_unit_test_setup_teardown(connection_from_before_a_reload_has_timers_for_what_it_is_granted,
                                        server_fixture_setup, server_fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
