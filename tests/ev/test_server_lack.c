/* Where descriptors or memory run out: who is in stays in, who cannot come in is told so if at all possible. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "endpoint.h"
#include "failing_malloc.h"
#include "server_fixture.h"
#include "support/test.h"

/* ---- descriptors ---- */

static struct rlimit plenty;

/* No descriptor is left beyond those that are open. */
static void take_all_descriptors(void)
{
    struct rlimit few;
    int next = dup(STDIN_FILENO);

    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &plenty), 0);
    few = plenty;
    few.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
}

static void give_descriptors_back(void)
{
    if (plenty.rlim_cur > 0) {
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &plenty), 0);
    }
}

static int tear_down(void **state)
{
    give_descriptors_back();
    failing_malloc_end();
    return server_fixture_teardown(state);
}

static void one_who_finds_no_descriptor_is_told_and_the_others_wait(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;
    const struct told_event *paused;
    unsigned i;
    unsigned told = 0;

    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "insider");
    for (i = 1; i < 5; i++) {
        raw_connect(&fixture->clients[i], server_fixture_port(fixture)); /* in the backlog, as the loop does not run */
    }
    take_all_descriptors();
    paused = expect_told(fixture, PAUSED);
    assert_true(paused->event.text.length > 0);
    raw_expect_life(&fixture->clients[0]);
    give_descriptors_back();

    for (i = 1; i < 5; i++) {
        raw_say_hello(&fixture->clients[i], NULL, 0, 0, 1);
        assert_int_equal(raw_receive(&fixture->clients[i], &frame, now() + PATIENCE), RAW_FRAME);
        assert_true(frame.type == LUBDUB_FRAME_WELCOME || frame.sequence == LUBDUB_REASON_OVERLOADED);
        told += frame.type == LUBDUB_FRAME_BYE;
    }
    assert_in_range(told, 1, 3); /* one in each pause */
}

/* A tenth of a second between two attempts: no spinning, and no flood of events. */
static void accepting_pauses(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    server_fixture_start(fixture);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        raw_connect(&fixture->clients[i], server_fixture_port(fixture));
    }
    take_all_descriptors();
    server_fixture_run(fixture, 500 * LUBDUB_MILLISECOND);
    assert_in_range(server_fixture_count(fixture, LUBDUB_SERVER_PAUSED), 1, 6);
    give_descriptors_back();
}

/* ---- D6: what the kernel refuses to watch ---- */

static unsigned refused_listeners; /* so many times */
static bool refuses_all;

/* Stands before the C library's, for libev. */
__attribute__((visibility("default"))) int epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event)
{
    int listens = 0;
    socklen_t length = sizeof listens;

    if (operation == EPOLL_CTL_ADD) {
        getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length);
        if (refuses_all || (listens != 0 && refused_listeners > 0)) {
            refused_listeners -= listens != 0;
            errno = ENOSPC;
            return -1;
        }
    }
    return (int)syscall(SYS_epoll_ctl, epoll, operation, descriptor, event);
}

static void d6_listener_that_cannot_be_watched_is_told_once_and_tried_again(void **state)
{
    struct server_fixture *fixture = *state;

    refused_listeners = 2;
    server_fixture_start(fixture);
    assert_true(expect_told(fixture, PAUSED)->event.text.length > 0);
    server_fixture_join(fixture, 0, "a");
    assert_int_equal(refused_listeners, 0);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_PAUSED), 1);
}

static void d6_worker_that_could_not_be_woken_is_not_made(void **state)
{
    struct server_fixture *fixture = *state;
    enum lubdub_error error;

    fixture->settings.workers = 2;
    refuses_all = true;
    error = lubdub_server_new(&fixture->server, fixture->loop, &fixture->settings, NULL, NULL);
    refuses_all = false;
    assert_int_equal(error, LUBDUB_ERROR_SYSTEM);
    assert_int_equal(errno, ENOSPC);
    fixture->server = NULL;
    server_fixture_start(fixture);
}

static void every_descriptor_is_closed_on_exec(void **state)
{
    struct server_fixture *fixture = *state;
    int descriptor;

    fixture->settings.workers = 2;
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "a");
    for (descriptor = 3; descriptor < 100; descriptor++) {
        int flags = fcntl(descriptor, F_GETFD);

        if (flags >= 0 && (flags & FD_CLOEXEC) == 0) {
            char path[64];
            char target[128] = "";

            snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
            (void)!readlink(path, target, sizeof target - 1);
            assert_null(strstr(target, "socket:"));
            assert_null(strstr(target, "anon_inode:"));
        }
    }
}

/* ---- memory ---- */

static void no_server_is_made_without_memory(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server *server = NULL;
    size_t failing;
    bool came = true;

    for (failing = 1; came; failing++) {
        enum lubdub_error error;

        assert_true(failing < 100);
        failing_malloc_begin(failing, false);
        endpoint_core_runs = true;
        error = lubdub_server_new(&server, fixture->loop, &fixture->settings, NULL, NULL);
        if (error == LUBDUB_ERROR_OK) {
            error = lubdub_server_listen(server, NULL, 0);
            lubdub_server_free(server);
        }
        endpoint_core_runs = false;
        came = failing_malloc_end();
        assert_int_equal(error, came ? LUBDUB_ERROR_NO_MEMORY : LUBDUB_ERROR_OK);
    }
    assert_true(failing > 4);
}

static void throw(struct raw_client * client, struct wire_bytes *bytes)
{
    (void)!send(client->socket, bytes->data, bytes->length, MSG_NOSIGNAL | MSG_DONTWAIT);
    wire_bytes_clear(bytes);
}

/* Whatever there is in a server's life, quickly, and without looking at the answers. */
static void live(struct server_fixture *fixture)
{
    struct wire_bytes bytes = {0};
    struct wire_bytes options = {0};
    struct raw_client clients[3];
    unsigned i;

    for (i = 0; i < 3; i++) {
        raw_connect(&clients[i], server_fixture_port(fixture));
    }
    server_fixture_run(fixture, LUBDUB_MILLISECOND);
    wire_bytes_put_option(&options, LUBDUB_OPTION_IDENTITY, "pump", 4);
    wire_bytes_put_option(&options, LUBDUB_OPTION_LABEL, "site=Kiel", 9);
    for (i = 0; i < 2; i++) { /* the second takes over */
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_HELLO, 0, 1, options.data, options.length);
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, 1, NULL, 500);
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 1, 1, NULL, 100);
        throw(&clients[i], &bytes);
        server_fixture_run(fixture, LUBDUB_MILLISECOND);
    }
    wire_bytes_clear(&options);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, 1, NULL, 100);
    wire_bytes_put(&bytes, "LD\1", 3); /* the start of one more */
    throw(&clients[2], &bytes);
    server_fixture_run(fixture, LUBDUB_MILLISECOND);
    endpoint_core_runs = true;
    for (i = 0; i < fixture->told_count; i++) {
        uint64_t session = fixture->told[i].event.session;

        if (fixture->told[i].event.kind == LUBDUB_SERVER_CONNECTED && session != fixture->clients[0].session) {
            lubdub_server_send(fixture->server, session, "x", 1);
            lubdub_server_regrant(fixture->server, session, LUBDUB_SECOND, LUBDUB_MINUTE);
        }
    }
    lubdub_server_broadcast(fixture->server, "all", 3);
    lubdub_server_reconfigure(fixture->server, &fixture->settings);
    endpoint_core_runs = false;
    server_fixture_run(fixture, LUBDUB_MILLISECOND);
    for (i = 0; i < 3; i++) {
        raw_close(&clients[i]);
    }
}

static bool only_the_insider_is_left(struct server_fixture *fixture)
{
    return server_fixture_counts(fixture).connections == 1;
}

static void any_allocation_may_fail(struct server_fixture *fixture, bool later_ones_too)
{
    size_t failing;
    bool came = true;

    fixture->settings.on_message = LUBDUB_ON_MESSAGE_BROADCAST;
    fixture->settings.grace = LUBDUB_HOUR;
    fixture->settings.max_per_address = 100;
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "insider");
    for (failing = 1; came; failing++) {
        assert_true(failing < 400);
        fixture->told_count = 0;
        failing_malloc_begin(failing, later_ones_too);
        live(fixture);
        came = failing_malloc_end();
        raw_expect_life(&fixture->clients[0]);
        assert_true(server_fixture_wait(fixture, only_the_insider_is_left));
        assert_int_equal(server_fixture_counts(fixture).sessions, 1);
        assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_CONNECTED),
                         server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED));
    }
    assert_true(failing > 10);
    server_fixture_join(fixture, 1, "newcomer");
}

static void any_allocation_may_fail_once(void **state)
{
    any_allocation_may_fail(*state, false);
}

static void all_allocations_may_fail_from_any_on(void **state)
{
    any_allocation_may_fail(*state, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_who_finds_no_descriptor_is_told_and_the_others_wait),
        TEST(accepting_pauses),
        TEST(d6_listener_that_cannot_be_watched_is_told_once_and_tried_again),
        TEST(d6_worker_that_could_not_be_woken_is_not_made),
        TEST(every_descriptor_is_closed_on_exec),
        TEST(no_server_is_made_without_memory),
        TEST(any_allocation_may_fail_once),
        TEST(all_allocations_may_fail_from_any_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
