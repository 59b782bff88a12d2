/* The swarm's own internet with real packets: TCP across the wire, delayed, lost, cut and mended. */
#include "support/patience.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "swarm/network/namespace.h"
#include "swarm/network/network.h"

#define CLIENTS 20

struct fixture {
    struct swarm_network network;
    int listener;
    uint16_t port;
};

static int open_socket(const struct swarm_network *network, enum swarm_side side, uint32_t address)
{
    const int home = swarm_namespace_this();
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    const int on = 1;
    int opened;

    assert_true(swarm_namespace_enter(swarm_network_of(network, side)));
    opened = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(swarm_namespace_enter(home));
    close(home);
    assert_true(opened >= 0);
    setsockopt(opened, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    assert_int_equal(bind(opened, (const struct sockaddr *)&own, sizeof own), 0);
    return opened;
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    memset(&fixture, 0, sizeof fixture);
    fixture.listener = -1;
    *state = &fixture;
    if (!swarm_network_make(&fixture.network, CLIENTS, false, 1)) {
        assert_true(fixture.network.problem[0] != '\0');
        return 0;
    }
    fixture.listener = open_socket(&fixture.network, SWARM_SIDE_SERVER, SWARM_SERVER_ADDRESS);
    assert_int_equal(listen(fixture.listener, CLIENTS), 0);
    assert_int_equal(getsockname(fixture.listener, (struct sockaddr *)&address, &length), 0);
    fixture.port = ntohs(address.sin_port);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->listener >= 0) {
        close(fixture->listener);
    }
    swarm_network_clear(&fixture->network);
    return 0;
}

static struct swarm_network *network_of(void **state)
{
    struct fixture *fixture = *state;

    if (!swarm_network_is_made(&fixture->network)) {
        print_message("%s: skipped\n", fixture->network.problem);
        skip();
    }
    return &fixture->network;
}

/* A connection: the client's end and the server's. */
struct line {
    int ends[SWARM_SIDE_COUNT];
};

static struct line dial(const struct fixture *fixture, uint32_t client)
{
    struct sockaddr_in server = {
        .sin_family = AF_INET, .sin_port = htons(fixture->port), .sin_addr.s_addr = htonl(SWARM_SERVER_ADDRESS)};
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    struct line line;

    line.ends[SWARM_SIDE_CLIENT] = open_socket(&fixture->network, SWARM_SIDE_CLIENT, swarm_client_address(client));
    assert_int_equal(connect(line.ends[SWARM_SIDE_CLIENT], (struct sockaddr *)&server, sizeof server), 0);
    line.ends[SWARM_SIDE_SERVER] = accept(fixture->listener, (struct sockaddr *)&peer, &length);
    assert_true(line.ends[SWARM_SIDE_SERVER] >= 0);
    assert_int_equal(ntohl(peer.sin_addr.s_addr), swarm_client_address(client));
    return line;
}

static void hang_up(const struct line *line)
{
    close(line->ends[SWARM_SIDE_CLIENT]);
    close(line->ends[SWARM_SIDE_SERVER]);
}

static void say(const struct line *line, enum swarm_side side)
{
    assert_int_equal(send(line->ends[side], "x", 1, MSG_NOSIGNAL), 1);
}

static bool hears(const struct line *line, enum swarm_side side, lubdub_duration patience)
{
    struct pollfd poll_for = {.fd = line->ends[side], .events = POLLIN};
    char byte;

    return poll(&poll_for, 1, poll_time(now() + patience)) == 1 && recv(line->ends[side], &byte, 1, 0) == 1;
}

/* A byte to the server and one back. */
static lubdub_duration round_trip(const struct line *line)
{
    lubdub_time start = now();

    say(line, SWARM_SIDE_CLIENT);
    assert_true(hears(line, SWARM_SIDE_SERVER, PATIENCE));
    say(line, SWARM_SIDE_SERVER);
    assert_true(hears(line, SWARM_SIDE_CLIENT, PATIENCE));
    return now() - start;
}

static void every_client_reaches_the_server_under_its_own_address(void **state)
{
    struct swarm_network *network = network_of(state);
    struct swarm_network_measures measures;
    uint32_t i;

    for (i = 0; i < CLIENTS; i++) {
        struct line line = dial(*state, i);

        round_trip(&line);
        hang_up(&line);
    }
    swarm_network_measure(network, &measures);
    assert_true(measures.carried_count >= 5 * CLIENTS);
    assert_int_equal(measures.failed_count, 0);
    assert_int_equal(measures.cut_count + measures.lost_count + measures.overflow_count, 0);
}

static void delay_is_felt_twice_in_a_round_trip_and_by_nobody_else(void **state)
{
    const struct swarm_conditions late = {.delay = 60 * LUBDUB_MILLISECOND};
    const struct swarm_conditions good = {0};
    struct swarm_network *network = network_of(state);
    struct line slow = dial(*state, 1);
    struct line quick = dial(*state, 2);
    lubdub_duration quickest = LUBDUB_TIME_NEVER;
    struct swarm_network_measures measures;
    int i;

    swarm_network_set_conditions(network, 1, &late);
    for (i = 0; i < 5; i++) {
        lubdub_duration took = round_trip(&quick);

        quickest = took < quickest ? took : quickest;
        assert_true(round_trip(&slow) >= 120 * LUBDUB_MILLISECOND);
    }
    assert_true(quickest < 120 * LUBDUB_MILLISECOND);
    swarm_network_set_conditions(network, 1, &good);
    for (i = 0; i < 100 && round_trip(&slow) >= 120 * LUBDUB_MILLISECOND; i++) {
    }
    assert_true(i < 100);
    swarm_network_measure(network, &measures);
    assert_true(measures.lag.count > 0);
    hang_up(&slow);
    hang_up(&quick);
}

static void everything_arrives_in_spite_of_loss(void **state)
{
    const struct swarm_conditions bad = {.loss = 0.2};
    struct swarm_network *network = network_of(state);
    struct swarm_network_measures measures;
    struct line line = dial(*state, 3);
    int i;

    swarm_network_set_conditions(network, 3, &bad);
    for (i = 0; i < 30; i++) {
        round_trip(&line);
    }
    swarm_network_measure(network, &measures);
    assert_true(measures.lost_count > 0);
    assert_int_equal(measures.failed_count, 0);
    hang_up(&line);
}

static void slow_link_takes_its_time(void **state)
{
    const struct swarm_conditions slow = {.bytes_per_second = 1000};
    struct swarm_network *network = network_of(state);
    struct line line = dial(*state, 4);

    swarm_network_set_conditions(network, 4, &slow);
    /* Each way 20 bytes of IP, 32 of TCP and 1 of ours. */
    assert_true(round_trip(&line) >= 2 * 53 * LUBDUB_MILLISECOND);
    hang_up(&line);
}

static void cut_path_carries_nothing_until_it_is_mended(void **state)
{
    struct swarm_network *network = network_of(state);
    struct swarm_network_measures measures;
    struct line cut = dial(*state, 5);
    struct line whole = dial(*state, 6);

    swarm_network_close(network, 5, SWARM_BOTH_WAYS);
    say(&cut, SWARM_SIDE_CLIENT);
    say(&cut, SWARM_SIDE_SERVER);
    round_trip(&whole);
    assert_false(hears(&cut, SWARM_SIDE_SERVER, 300 * LUBDUB_MILLISECOND));
    assert_false(hears(&cut, SWARM_SIDE_CLIENT, 0));
    swarm_network_close(network, 5, 0);
    assert_true(hears(&cut, SWARM_SIDE_SERVER, PATIENCE)); /* TCP sends it again */
    assert_true(hears(&cut, SWARM_SIDE_CLIENT, PATIENCE));
    swarm_network_measure(network, &measures);
    assert_true(measures.cut_count >= 2);
    hang_up(&cut);
    hang_up(&whole);
}

static void cable_that_is_cut_loses_what_is_on_its_way(void **state)
{
    const struct swarm_conditions late = {.delay = LUBDUB_SECOND};
    struct swarm_network *network = network_of(state);
    struct swarm_network_measures measures;
    struct line line = dial(*state, 7);

    swarm_network_set_conditions(network, 7, &late);
    say(&line, SWARM_SIDE_CLIENT);
    swarm_network_close(network, 7, SWARM_BOTH_WAYS);
    assert_false(hears(&line, SWARM_SIDE_SERVER, 1500 * LUBDUB_MILLISECOND));
    swarm_network_measure(network, &measures);
    assert_true(measures.cut_count >= 1);
    hang_up(&line);
}

static void one_way_is_cut_and_the_other_is_not(void **state)
{
    struct swarm_network *network = network_of(state);
    struct line deaf = dial(*state, 8);
    struct line mute = dial(*state, 9);

    swarm_network_close(network, 8, SWARM_WAY_BIT(SWARM_WAY_TO_CLIENT));
    swarm_network_close(network, 9, SWARM_WAY_BIT(SWARM_WAY_TO_SERVER));
    say(&deaf, SWARM_SIDE_CLIENT);
    say(&deaf, SWARM_SIDE_SERVER);
    say(&mute, SWARM_SIDE_CLIENT);
    say(&mute, SWARM_SIDE_SERVER);
    assert_true(hears(&deaf, SWARM_SIDE_SERVER, PATIENCE));
    assert_true(hears(&mute, SWARM_SIDE_CLIENT, PATIENCE));
    assert_false(hears(&deaf, SWARM_SIDE_CLIENT, 300 * LUBDUB_MILLISECOND));
    assert_false(hears(&mute, SWARM_SIDE_SERVER, 0));
    hang_up(&deaf);
    hang_up(&mute);
}

static void all_are_cut_at_once_and_heal_together(void **state)
{
    struct swarm_network *network = network_of(state);
    struct line lines[3];
    uint32_t i;

    for (i = 0; i < COUNT_OF(lines); i++) {
        lines[i] = dial(*state, i);
    }
    swarm_network_close_all(network, SWARM_BOTH_WAYS);
    for (i = 0; i < COUNT_OF(lines); i++) {
        say(&lines[i], SWARM_SIDE_CLIENT);
    }
    stay(100 * LUBDUB_MILLISECOND);
    for (i = 0; i < COUNT_OF(lines); i++) {
        assert_false(hears(&lines[i], SWARM_SIDE_SERVER, 0));
    }
    swarm_network_heal(network);
    for (i = 0; i < COUNT_OF(lines); i++) {
        assert_true(hears(&lines[i], SWARM_SIDE_SERVER, PATIENCE));
        hang_up(&lines[i]);
    }
}

static void wire_dies_with_whoever_made_it(void **state)
{
    pid_t wire = -1;
    lubdub_time until;
    int pipe_ends[2];
    pid_t maker;

    network_of(state);
    assert_int_equal(pipe(pipe_ends), 0);
    maker = fork();
    if (maker == 0) {
        static struct swarm_network network;

        if (swarm_network_make(&network, 1, false, 1)) {
            wire = network.wire;
        }
        (void)!write(pipe_ends[1], &wire, sizeof wire);
        raise(SIGKILL);
    }
    assert_int_equal(read(pipe_ends[0], &wire, sizeof wire), (ssize_t)sizeof wire);
    assert_true(wire > 0);
    waitpid(maker, NULL, 0);
    close(pipe_ends[1]);
    close(pipe_ends[0]);
    for (until = now() + PATIENCE; kill(wire, 0) == 0 && now() < until; stay(LUBDUB_MILLISECOND)) {
        char path[64];
        char text[256] = "";
        FILE *file;

        /* Who adopts it may never ask for it: then it is a zombie, of which nothing is left but its number. */
        snprintf(path, sizeof path, "/proc/%ld/stat", (long)wire);
        file = fopen(path, "r");
        if (file != NULL) {
            (void)!fread(text, 1, sizeof text - 1, file);
            fclose(file);
        }
        if (strstr(text, ") Z ") != NULL) {
            break;
        }
    }
    assert_true(now() < until);
}

#define WIRE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(every_client_reaches_the_server_under_its_own_address),
        WIRE_TEST(delay_is_felt_twice_in_a_round_trip_and_by_nobody_else),
        WIRE_TEST(everything_arrives_in_spite_of_loss),
        WIRE_TEST(slow_link_takes_its_time),
        WIRE_TEST(cut_path_carries_nothing_until_it_is_mended),
        WIRE_TEST(cable_that_is_cut_loses_what_is_on_its_way),
        WIRE_TEST(one_way_is_cut_and_the_other_is_not),
        WIRE_TEST(all_are_cut_at_once_and_heal_together),
        WIRE_TEST(wire_dies_with_whoever_made_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
