/* A loop that gathers: how long it waits, and what ends the wait. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ev/clock.h"
#include "ev/reactor.h"
#include "server_fixture.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define GATHER (10 * MS) /* a hundredth of the interval */

/* ---- the kernel's call, watched ---- */

/* The wait of a loop: how long it was to be, and whether something ended it. */
struct wait {
    unsigned count;
    lubdub_duration length;
    lubdub_duration room; /* from before it to the next deadline of the loop */
    int result;
    bool is_long; /* it lasts for PATIENCE unless something ends it */
    void (*meanwhile)(void);
};

static struct wait wait;
static struct lubdub_reactor *reactor; /* of the loop */

int epoll_pwait2(int set, struct epoll_event *events, int capacity, const struct timespec *timeout,
                 const sigset_t *signals)
{
    static int (*real)(int, struct epoll_event *, int, const struct timespec *, const sigset_t *);
    const struct timespec patience = {.tv_sec = PATIENCE / LUBDUB_SECOND};

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "epoll_pwait2");
    }
    wait.count++;
    wait.length = (lubdub_duration)timeout->tv_sec * LUBDUB_SECOND + (lubdub_duration)timeout->tv_nsec;
    wait.room = lubdub_time_between(reactor->ran_at, reactor->armed_for);
    if (wait.meanwhile != NULL) {
        wait.meanwhile();
    }
    wait.result = real(set, events, capacity, wait.is_long ? &patience : timeout, signals);
    return wait.result;
}

/* ---- a server whose loop has much to do, as it believes ---- */

static int set_up(void **state)
{
    struct server_fixture *fixture;

    if (server_fixture_setup(state) != 0) {
        return 1;
    }
    fixture = *state;
    wait = (struct wait){0};
    fixture->settings.gather = 100 * MS;
    return 0;
}

static void start(struct server_fixture *fixture)
{
    server_fixture_start(fixture);
    reactor = lubdub_reactor_acquire(fixture->loop, NULL); /* the server's */
    lubdub_reactor_release(reactor);
}

/* The client probes, and the loop serves it. The next turn of the loop begins with a gather. */
static void make_busy(struct server_fixture *fixture, struct raw_client *client)
{
    wait.is_long = false;
    raw_probe(client);
    assert_true(client->probes < 60); /* as many as it may send at once */
    reactor->ready_count = 0;
    while (reactor->ready_count == 0) {
        ev_run(fixture->loop, EVRUN_NOWAIT);
    }
    reactor->gather.per_second = LUBDUB_GATHER_MOST * LUBDUB_SECOND / GATHER;
    reactor->gather.counted_from = lubdub_clock_now();
    wait.count = 0;
}

static void one_turn(struct server_fixture *fixture)
{
    ev_run(fixture->loop, EVRUN_NOWAIT);
}

/* Nothing ends a wait that is sticky from before: news that the loop has handled already. */
static struct raw_client *busy_client(struct server_fixture *fixture)
{
    struct raw_client *client = server_fixture_join(fixture, 0, "busy");

    do {
        make_busy(fixture, client);
        one_turn(fixture);
    } while (wait.count == 0 || wait.result != 0);
    make_busy(fixture, client);
    return client;
}

static void loop_with_much_to_do_gathers_for_a_hundredth_of_the_interval_and_no_longer(void **state)
{
    struct server_fixture *fixture = *state;

    start(fixture);
    (void)busy_client(fixture);
    one_turn(fixture);
    assert_int_equal(wait.count, 1);
    assert_in_range(wait.length, 1, GATHER);
}

static void input_of_a_session_does_not_end_a_gather(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *client;

    start(fixture);
    client = busy_client(fixture);
    raw_probe(client);
    one_turn(fixture);
    assert_int_equal(wait.count, 1);
    assert_int_equal(wait.result, 0);
    raw_expect_life(client);
}

static void loop_that_is_told_not_to_does_not_gather(void **state)
{
    struct server_fixture *fixture = *state;

    fixture->settings.gather = 0;
    start(fixture);
    (void)server_fixture_join(fixture, 0, "busy");
    make_busy(fixture, &fixture->clients[0]);
    one_turn(fixture);
    assert_int_equal(wait.count, 0);
}

static void new_connection_ends_a_gather(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client newcomer;
    uint64_t before;

    start(fixture);
    (void)busy_client(fixture);
    raw_connect(&newcomer, server_fixture_port(fixture));
    before = server_fixture_counts(fixture).accepted;
    wait.is_long = true;
    one_turn(fixture);
    assert_int_equal(wait.count, 1);
    assert_int_equal(wait.result, 1);
    assert_int_equal(server_fixture_counts(fixture).accepted, before + 1);
    raw_close(&newcomer);
}

static void expect_end_to_end_a_gather(struct server_fixture *fixture, void (*leave)(struct raw_client *client))
{
    struct raw_client *other;

    start(fixture);
    other = server_fixture_join(fixture, 1, "other");
    (void)busy_client(fixture);
    leave(other);
    wait.is_long = true;
    one_turn(fixture);
    assert_int_equal(wait.count, 1);
    assert_int_equal(wait.result, 1);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 1);
    other->socket = -1;
}

static void closed_connection_ends_a_gather(void **state)
{
    expect_end_to_end_a_gather(*state, raw_close);
}

static void reset_connection_ends_a_gather(void **state)
{
    expect_end_to_end_a_gather(*state, raw_reset);
}

static void say_bye_and_close(struct raw_client *client)
{
    raw_bye(client, LUBDUB_REASON_NORMAL);
    raw_close(client);
}

static void bye_ends_a_gather(void **state)
{
    expect_end_to_end_a_gather(*state, say_bye_and_close);
}

static void gather_that_is_switched_on_later_minds_those_that_are_there(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *other;
    struct raw_client newcomer;

    fixture->settings.gather = 0;
    start(fixture);
    other = server_fixture_join(fixture, 1, "other");
    (void)server_fixture_join(fixture, 0, "busy");
    fixture->settings.gather = 100 * MS;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    do {
        make_busy(fixture, &fixture->clients[0]);
        one_turn(fixture);
    } while (wait.count == 0 || wait.result != 0);
    make_busy(fixture, &fixture->clients[0]);
    raw_connect(&newcomer, server_fixture_port(fixture));
    wait.is_long = true;
    one_turn(fixture);
    assert_int_equal(wait.result, 1);
    make_busy(fixture, &fixture->clients[0]);
    raw_close(other);
    other->socket = -1;
    wait.is_long = true;
    one_turn(fixture);
    assert_int_equal(wait.result, 1);
    expect_told(fixture, DISCONNECTED);
    raw_close(&newcomer);
}

/* ---- letters ---- */

static struct server_fixture *here;
static uint64_t addressee;

static void *send_letter(void *user_data)
{
    (void)user_data;
    assert_int_equal(lubdub_server_disconnect(here->server, addressee, LUBDUB_REASON_NORMAL, NULL), LUBDUB_ERROR_OK);
    return NULL;
}

static void from_another_thread(void)
{
    pthread_t thread;

    wait.meanwhile = NULL;
    assert_int_equal(pthread_create(&thread, NULL, send_letter, NULL), 0);
    pthread_join(thread, NULL);
}

static void letter_during_a_gather_ends_it(void **state)
{
    struct server_fixture *fixture = here = *state;

    start(fixture);
    addressee = server_fixture_join(fixture, 1, "other")->session;
    (void)busy_client(fixture);
    wait.is_long = true;
    wait.meanwhile = from_another_thread;
    one_turn(fixture);
    assert_int_equal(wait.count, 1);
    assert_int_equal(wait.result, 1);
    expect_told(fixture, DISCONNECTED);
}

static void letter_before_a_gather_does_away_with_it(void **state)
{
    struct server_fixture *fixture = here = *state;

    start(fixture);
    addressee = server_fixture_join(fixture, 1, "other")->session;
    (void)busy_client(fixture);
    from_another_thread();
    wait.is_long = true;
    one_turn(fixture);
    assert_int_equal(wait.count, 0);
    expect_told(fixture, DISCONNECTED);
}

/* ---- deadlines ---- */

static void gather_ends_at_the_next_deadline(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client silent = {.socket = -1};

    fixture->settings.session.handshake_timeout = 4 * MS;
    fixture->settings.session.interval = 30 * LUBDUB_SECOND; /* else a gather is short anyway */
    start(fixture);
    (void)busy_client(fixture);
    do { /* on a busy machine the deadline may be over before the loop comes to gather */
        if (silent.socket < 0 || server_fixture_count(fixture, LUBDUB_SERVER_REJECTED) > 0) {
            if (silent.socket >= 0) {
                expect_told(fixture, REJECTED);
                raw_close(&silent);
            }
            raw_connect(&silent, server_fixture_port(fixture));
        }
        make_busy(fixture, &fixture->clients[0]);
        one_turn(fixture);
        assert_true(wait.count == 0 || wait.length <= wait.room);
    } while (wait.count == 0 || wait.room > 5 * MS);
    raw_close(&silent);
}

int main(void)
{
#define GATHERING(name) cmocka_unit_test_setup_teardown(name, set_up, server_fixture_teardown)
    const struct CMUnitTest tests[] = {
        GATHERING(loop_with_much_to_do_gathers_for_a_hundredth_of_the_interval_and_no_longer),
        GATHERING(input_of_a_session_does_not_end_a_gather),
        GATHERING(loop_that_is_told_not_to_does_not_gather),
        GATHERING(new_connection_ends_a_gather),
        GATHERING(closed_connection_ends_a_gather),
        GATHERING(reset_connection_ends_a_gather),
        GATHERING(bye_ends_a_gather),
        GATHERING(gather_that_is_switched_on_later_minds_those_that_are_there),
        GATHERING(letter_during_a_gather_ends_it),
        GATHERING(letter_before_a_gather_does_away_with_it),
        GATHERING(gather_ends_at_the_next_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
