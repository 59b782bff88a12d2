/* A client whose allocations fail, each once: it says so or goes on, and never falls over. */
#include "client_fixture.h"
#include "endpoint.h"
#include "failing_malloc.h"
#include "support/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop_wait.h"

#define MS LUBDUB_MILLISECOND

/* More than a client's life has allocations. */
#define MOST_ALLOCATIONS 200

/* Another process is the server, so that it is only the client whose memory is short. Echoes messages. */
static void serve(int listener)
{
    for (;;) {
        static const uint8_t welcome[16] = {'L', 'D', 1, LUBDUB_FRAME_WELCOME, [15] = 1};
        uint8_t bytes[4096];
        size_t have = 0;
        int peer = accept(listener, NULL, NULL);
        ssize_t length;

        while ((length = recv(peer, bytes + have, sizeof bytes - have, 0)) > 0) {
            struct lubdub_frame frame;
            size_t taken;

            for (have += (size_t)length; lubdub_frame_decode(&frame, bytes, have, 2048, &taken) == LUBDUB_FRAME_WHOLE;
                 have -= taken) {
                if (frame.type == LUBDUB_FRAME_HELLO) {
                    send(peer, welcome, sizeof welcome, MSG_NOSIGNAL);
                } else if (frame.type != LUBDUB_FRAME_BYE) {
                    bytes[3] = frame.type == LUBDUB_FRAME_PROBE ? LUBDUB_FRAME_ACK : frame.type;
                    send(peer, bytes, 1, MSG_NOSIGNAL); /* split, so that the client has to keep a part */
                    usleep(2000);
                    send(peer, bytes + 1, taken - 1, MSG_NOSIGNAL);
                }
                memmove(bytes, bytes + taken, have - taken);
            }
        }
        close(peer);
    }
}

static pid_t server;

static int setup(void **state)
{
    struct client_fixture *fixture;

    client_fixture_setup(state);
    fixture = *state;
    server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        serve(fixture->server->listener.fd);
    }
    ev_io_stop(fixture->loop, &fixture->server->listener);
    return 0;
}

static int teardown(void **state)
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return client_fixture_teardown(state);
}

static unsigned ack_count;

static void on_event(struct lubdub_client *client, const struct lubdub_client_event *event, void *user_data)
{
    bool *is_stopped = user_data;

    switch (event->kind) {
    case LUBDUB_CLIENT_UP:
        (void)lubdub_client_send(client, "x", 1);
        break;
    case LUBDUB_CLIENT_ACKED:
        ack_count++;
        if (event->sequence == 5) { /* the message could not be sent, as may happen */
            lubdub_client_stop(client, LUBDUB_REASON_NORMAL);
        }
        break;
    case LUBDUB_CLIENT_MESSAGE:
        lubdub_client_stop(client, LUBDUB_REASON_NORMAL);
        break;
    case LUBDUB_CLIENT_STOPPED:
        *is_stopped = true;
        break;
    default:
        break;
    }
}

static bool is_set(void *flag)
{
    return *(bool *)flag;
}

/* Returns whether so many allocations were made. */
static bool live(struct client_fixture *fixture, size_t n, bool later_ones_too)
{
    struct lubdub_client *client;
    bool is_stopped = false;
    enum lubdub_error error;
    bool came;

    endpoint_core_runs = true;
    failing_malloc_begin(n, later_ones_too);
    error = lubdub_client_new(&client, fixture->loop, &fixture->settings, on_event, &is_stopped);
    if (error == LUBDUB_ERROR_OK) {
        assert_int_equal(lubdub_client_start(client), LUBDUB_ERROR_OK);
        if (!loop_wait(fixture->loop, is_set, &is_stopped)) {
            fail_msg("allocation %zu: the client does not come to an end", n);
        }
    } else {
        assert_int_equal(error, LUBDUB_ERROR_NO_MEMORY);
        assert_null(client);
    }
    lubdub_client_free(client);
    came = failing_malloc_end();
    endpoint_core_runs = false;
    return came;
}

static void live_with_each_failing(struct client_fixture *fixture, bool later_ones_too)
{
    size_t n = 1;

    fixture->settings.session.timeout = LUBDUB_SECOND;
    fixture->settings.session.interval = 20 * MS;
    fixture->settings.session.content = lubdub_client_text("content");
    while (live(fixture, n, later_ones_too)) {
        n++;
        assert_true(n < MOST_ALLOCATIONS);
    }
    assert_true(n > 4);
    assert_true(ack_count > 0);
}

static void each_allocation_fails_once(void **state)
{
    live_with_each_failing(*state, false);
}

static void all_allocations_fail_from_some_point_on(void **state)
{
    live_with_each_failing(*state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_allocation_fails_once, setup, teardown),
        cmocka_unit_test_setup_teardown(all_allocations_fail_from_some_point_on, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
