/* Which clients a server lets in, and what one client, address or identity may cost, also when it comes often. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "endpoint.h"
#include "server_fixture.h"
#include "support/test.h"

/* ---- allowances ---- */

/* interval 1 s, expiry 60 s: a burst of 120 probes. Returns whether so many are taken. */
static bool probes_are_taken(struct server_fixture *fixture, const char *identity, unsigned count)
{
    struct raw_client *client = &fixture->clients[0];
    static struct raw_frame frame;
    bool are_taken;
    unsigned i;

    raw_connect(client, server_fixture_port(fixture));
    if (identity != NULL) {
        raw_say_hello(client, identity, 0, 0, now());
        raw_expect_welcome(client);
    }
    for (i = 0; i < count; i++) {
        raw_probe(client);
    }
    for (i = 0; i < count; i++) {
        assert_int_equal(raw_receive(client, &frame, now() + PATIENCE), RAW_FRAME);
        if (frame.type == LUBDUB_FRAME_BYE) {
            assert_int_equal(frame.sequence, LUBDUB_REASON_TOO_MANY_FRAMES);
            break;
        }
    }
    are_taken = i == count;
    raw_close(client);
    client->socket = -1;
    expect_told(fixture, DISCONNECTED);
    return are_taken;
}

static void b4_credit_survives_no_reconnection_of_an_identity(void **state)
{
    struct server_fixture *fixture = *state;

    server_fixture_start(fixture);
    assert_true(probes_are_taken(fixture, "pump", 110));
    assert_false(probes_are_taken(fixture, "pump", 110));
    assert_true(probes_are_taken(fixture, "pump", 4)); /* a few are left to every session */
    assert_false(probes_are_taken(fixture, "pump", 16));
}

static void b4_credit_survives_no_reconnection_of_an_address(void **state)
{
    struct server_fixture *fixture = *state;

    server_fixture_start(fixture);
    assert_true(probes_are_taken(fixture, NULL, 110));
    assert_false(probes_are_taken(fixture, NULL, 16));
    assert_false(probes_are_taken(fixture, "another", 16));
    assert_true(probes_are_taken(fixture, NULL, 3));
}

static void b4_usual_client_begins_anew(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    server_fixture_start(fixture);
    for (i = 0; i < 20; i++) {
        assert_true(probes_are_taken(fixture, "pump", 3));
    }
    assert_true(probes_are_taken(fixture, "pump", 110));
}

/* ---- identities that are away ---- */

static void b16_of_too_many_that_are_away_the_first_is_gone(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    fixture->settings.grace = LUBDUB_HOUR;
    fixture->settings.away_limit = 3;
    server_fixture_start(fixture);
    for (i = 0; i < 5; i++) {
        char name[16];

        snprintf(name, sizeof name, "m%u", i);
        raw_close(server_fixture_join(fixture, i, name));
        fixture->clients[i].socket = -1;
        expect_told(fixture, DISCONNECTED);
    }
    assert_string_equal(expect_told(fixture, GONE)->identity, "m0");
    assert_string_equal(expect_told(fixture, GONE)->identity, "m1");
    server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_GONE), 2);
    assert_int_equal(server_fixture_counts(fixture).gone_early, 2);

    fixture->settings.away_limit = 1;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    assert_string_equal(expect_told(fixture, GONE)->identity, "m2");
}

/* ---- suspicion of ourselves ---- */

static void d3_silent_connections_do_not_make_the_server_suspect_itself(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_client silent[16];
    unsigned i;

    fixture->settings.session.adapts = true;
    server_fixture_start(fixture);
    for (i = 0; i < 8; i++) {
        raw_join(&fixture->clients[i], server_fixture_port(fixture), NULL, 1000, 0);
        raw_expect_life(&fixture->clients[i]);
    }
    for (i = 0; i < 16; i++) {
        raw_join(&silent[i], server_fixture_port(fixture), NULL, 20, 60000);
    }
    for (i = 0; i < 16; i++) {
        expect_told(fixture, LATE);
    }
    assert_int_equal(server_fixture_counts(fixture).suspicions, 0);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_SUSPICIOUS), 0);
    for (i = 0; i < 16; i++) {
        raw_close(&silent[i]);
    }
}

/* ---- descriptors ---- */

static struct rlimit plenty;

static int tear_down(void **state)
{
    if (plenty.rlim_cur > 0) {
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &plenty), 0);
        plenty.rlim_cur = 0;
    }
    return server_fixture_teardown(state);
}

/* From now on there are so many descriptors beyond those that are open. */
static void leave_descriptors(unsigned count)
{
    struct rlimit few;
    int next = dup(STDIN_FILENO);

    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &plenty), 0);
    few = plenty;
    few.rlim_cur = (rlim_t)next + count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
}

#define NEWCOMERS 40

/* Clients in another process, which has descriptors of its own. Returns what it counted: BYE 7 before a second was
 * over. */
static unsigned count_refusals(struct server_fixture *fixture)
{
    int result[2];
    uint8_t refused = 0;
    pid_t child;

    assert_int_equal(pipe2(result, O_CLOEXEC), 0);
    child = fork();
    if (child == 0) {
        static struct raw_client clients[NEWCOMERS];
        static struct raw_frame frame;
        lubdub_time until;
        unsigned i;

        setrlimit(RLIMIT_NOFILE, &plenty);
        raw_clients_turn(NULL, NULL);
        for (i = 0; i < NEWCOMERS; i++) {
            raw_connect(&clients[i], server_fixture_port(fixture));
        }
        until = now() + LUBDUB_SECOND;
        for (i = 0; i < NEWCOMERS; i++) {
            refused =
                (uint8_t)(refused + (raw_receive(&clients[i], &frame, until) == RAW_FRAME &&
                                     frame.type == LUBDUB_FRAME_BYE && frame.sequence == LUBDUB_REASON_OVERLOADED));
        }
        _exit(write(result[1], &refused, 1) == 1 ? 0 : 1);
    }
    close(result[1]);
    fcntl(result[0], F_SETFL, O_NONBLOCK);
    while (read(result[0], &refused, 1) < 0) {
        server_fixture_run(fixture, 5 * LUBDUB_MILLISECOND);
    }
    close(result[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return refused;
}

static void b7_clients_leave_descriptors_in_reserve_and_d10_all_are_told(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    /* The server's own and 3 clients with both ends; what is left then is the reserve. */
    lubdub_server_settings_init(&fixture->settings);
    leave_descriptors(3 + 2 * 3 + 8);
    server_fixture_start(fixture);
    for (i = 0; i < 3; i++) {
        server_fixture_join(fixture, i, NULL);
    }
    assert_in_range(count_refusals(fixture), NEWCOMERS - 8, NEWCOMERS); /* one in a tenth of a second before */
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_PAUSED), 1);
    for (i = 3; i < 5; i++) { /* a token file, an events file */
        int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

        assert_true(file >= 0);
        fixture->clients[i].socket = file;
    }
    raw_expect_life(&fixture->clients[0]);
}

static void b7_of_many_that_are_refused_few_linger(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_client crowd[300];
    static struct raw_frame frame;
    unsigned told = 0;
    unsigned i;

    fixture->settings.max_per_address = 1;
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, NULL);
    for (i = 0; i < 300; i++) {
        raw_connect(&crowd[i], server_fixture_port(fixture));
    }
    for (i = 0; i < 300; i++) {
        told += raw_receive(&crowd[i], &frame, now() + PATIENCE) == RAW_FRAME && frame.type == LUBDUB_FRAME_BYE &&
                frame.sequence == LUBDUB_REASON_OVERLOADED;
    }
    assert_int_equal(told, 300);
    assert_in_range(server_fixture_counts(fixture).connections, 2, 1 + 64);
    assert_int_equal(server_fixture_counts(fixture).rejected, 300);
    for (i = 0; i < 300; i++) {
        raw_close(&crowd[i]);
    }
    raw_expect_life(&fixture->clients[0]);
}

/* ---- listening ---- */

static void b10_listening_that_failed_leaves_nothing_bound(void **state)
{
    struct server_fixture *fixture = *state;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    socklen_t length = sizeof address;
    const int on = 1;
    int other = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct raw_client client;

    /* The port is free for IPv4 only. */
    if (other < 0 || setsockopt(other, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0 ||
        bind(other, (struct sockaddr *)&address, sizeof address) != 0 || listen(other, 1) != 0 ||
        getsockname(other, (struct sockaddr *)&address, &length) != 0) {
        close(other);
        skip();
    }
    fixture->settings.workers = 2;
    assert_int_equal(
        lubdub_server_new(&fixture->server, fixture->loop, &fixture->settings, server_fixture_on_event, fixture),
        LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_listen(fixture->server, NULL, ntohs(address.sin6_port)),
                     LUBDUB_ERROR_ADDRESS_IN_USE);
    assert_int_equal(lubdub_server_port(fixture->server), 0);
    assert_false(raw_try_connect(&client, ntohs(address.sin6_port)));
    close(other);
    assert_int_equal(lubdub_server_listen(fixture->server, NULL, ntohs(address.sin6_port)), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_start(fixture->server), LUBDUB_ERROR_OK);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_LISTENING), 2);
}

/* ---- which clients come in ---- */

static void e13_identity_is_required_where_it_is_said_so(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *client = &fixture->clients[0];

    fixture->settings.requires_identity = true;
    server_fixture_start(fixture);
    raw_connect(client, server_fixture_port(fixture));
    raw_say_hello(client, NULL, 0, 0, 1);
    raw_expect_bye(client, LUBDUB_REASON_UNAUTHORIZED);
    assert_string_equal(expect_told(fixture, REJECTED)->text, "an identity is required");
    raw_connect(&fixture->clients[1], server_fixture_port(fixture));
    raw_probe(&fixture->clients[1]);
    raw_expect_bye(&fixture->clients[1], LUBDUB_REASON_UNAUTHORIZED);
    server_fixture_join(fixture, 2, "pump");
}

static void e11_client_without_a_token_is_told_that_one_is_required(void **state)
{
    struct server_fixture *fixture = *state;
    const struct lubdub_slice token = {"secret", 6};

    fixture->settings.tokens = &token;
    fixture->settings.token_count = 1;
    server_fixture_start(fixture);
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    raw_say_hello(&fixture->clients[0], "pump", 0, 0, 1);
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_UNAUTHORIZED);
    assert_string_equal(expect_told(fixture, REJECTED)->text, "a token is required");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, server_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(b4_credit_survives_no_reconnection_of_an_identity),
        TEST(b4_credit_survives_no_reconnection_of_an_address),
        TEST(b4_usual_client_begins_anew),
        TEST(b16_of_too_many_that_are_away_the_first_is_gone),
        TEST(d3_silent_connections_do_not_make_the_server_suspect_itself),
        cmocka_unit_test_setup_teardown(b7_clients_leave_descriptors_in_reserve_and_d10_all_are_told,
                                        server_fixture_setup, tear_down),
        TEST(b7_of_many_that_are_refused_few_linger),
        TEST(b10_listening_that_failed_leaves_nothing_bound),
        TEST(e13_identity_is_required_where_it_is_said_so),
        TEST(e11_client_without_a_token_is_told_that_one_is_required),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
