/* Sessions of one loop that meet inside a step: one's takeover, message or end never reads or tells for another. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server_fixture.h"
#include "support/test.h"

/* ---- A1: one input buffer, many sessions ---- */

#define TAKEOVERS 60

static bool both_are_accepted(struct server_fixture *fixture)
{
    return server_fixture_counts(fixture).connections == 2;
}

static bool nobody_is_there(struct server_fixture *fixture)
{
    return server_fixture_counts(fixture).connections == 0;
}

static void append_frame(struct wire_bytes *bytes, unsigned type, uint64_t sequence, const char *content)
{
    const struct lubdub_frame frame = {.type = (uint8_t)type,
                                       .sequence = sequence,
                                       .content = (const uint8_t *)content,
                                       .length = (uint16_t)strlen(content)};
    uint8_t encoded[256];

    wire_bytes_put(bytes, encoded, lubdub_frame_encode(encoded, sizeof encoded, &frame));
}

/* What B leaves unread: frames, or bytes that are none. */
static void say_something(struct raw_client *client, unsigned round)
{
    static const uint8_t garbage[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    if (round % 2 == 0) {
        raw_message(client, "the bytes of B");
        raw_probe(client);
        raw_probe(client);
    } else {
        raw_send(client, garbage, sizeof garbage);
    }
}

/*
 * While the server does not run, B says something and resets, and A says HELLO with B's identity and more frames in one
 * segment. The takeover writes BYE to B, finds it reset, and must not read B's bytes into what A is served from.
 */
static void a1_successor_of_a_reset_session_is_served_from_its_own_bytes(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *a = &fixture->clients[0];
    struct raw_client *b = &fixture->clients[1];
    unsigned round;

    fixture->settings.on_message = LUBDUB_ON_MESSAGE_ECHO;
    server_fixture_start(fixture);
    for (round = 0; round < TAKEOVERS; round++) {
        static struct raw_frame frame;
        const struct told_event *told;
        char name[16];

        snprintf(name, sizeof name, "shared-%u", round); /* one changes hands only a few times a second */
        server_fixture_join(fixture, 1, name);
        raw_connect(a, server_fixture_port(fixture));
        assert_true(server_fixture_wait(fixture, both_are_accepted));

        /* The loop stands still from here: nothing below waits. */
        say_something(b, round);
        raw_reset(b);
        {
            struct wire_bytes bytes = {0};
            const int off = 0;
            const int on = 1;

            setsockopt(a->socket, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
            raw_say_hello(a, name, 0, 0, UINT64_MAX);
            append_frame(&bytes, LUBDUB_FRAME_PROBE, 1, "one");
            append_frame(&bytes, LUBDUB_FRAME_MESSAGE, 1, "the bytes of A");
            append_frame(&bytes, LUBDUB_FRAME_PROBE, 2, "two");
            raw_send(a, bytes.data, bytes.length);
            setsockopt(a->socket, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
            wire_bytes_clear(&bytes);
        }
        raw_expect_welcome(a);
        raw_expect(a, LUBDUB_FRAME_ACK, 1, &frame);
        assert_memory_equal(frame.content, "one", 3);
        raw_expect(a, LUBDUB_FRAME_MESSAGE, 1, &frame);
        assert_memory_equal(frame.content, "the bytes of A", 14);
        raw_expect(a, LUBDUB_FRAME_ACK, 2, &frame);
        assert_memory_equal(frame.content, "two", 3);

        /* B's end came before A's beginning. */
        assert_int_equal(expect_told(fixture, CONNECTED)->event.session, b->session);
        told = expect_told(fixture, DISCONNECTED);
        assert_int_equal(told->event.session, b->session);
        assert_int_equal(told->event.cause, LUBDUB_CAUSE_REPLACED);
        assert_true(told < expect_told(fixture, CONNECTED));
        told = expect_told(fixture, MESSAGE);
        assert_int_equal(told->event.session, a->session);
        assert_string_equal(told->content, "the bytes of A");

        raw_close(a);
        a->socket = -1;
        expect_told(fixture, DISCONNECTED);
        assert_true(server_fixture_wait(fixture, nobody_is_there));
    }
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_MESSAGE), TAKEOVERS);
}

/* ---- A2: a callback that sends ---- */

#define CROWD 10000
#define SMALLEST_CROWD 500
#define STACK_SIZE (256 * 1024)
#define LARGEST_STACK_SIZE (4 * 1024 * 1024)

struct relay {
    struct ev_loop *loop;
    struct lubdub_server *server;
    pthread_mutex_t mutex; /* says so when its owner takes it again */
    uint64_t sessions[CROWD];
    unsigned crowd;
    unsigned connected;
    unsigned disconnected;
    unsigned wrong_ends; /* not told as reset */
    unsigned entered_twice;
    unsigned found_broken; /* sends that said so */
    int go_on;             /* readable: the crowd has been reset */
};

/* Forwards something to a neighbour whenever it is called, with a mutex held. */
static void forward(struct lubdub_server *server, const struct lubdub_server_event *event, void *user_data)
{
    struct relay *relay = user_data;
    unsigned next;

    if (pthread_mutex_lock(&relay->mutex) != 0) {
        relay->entered_twice++;
        return;
    }
    if (event->kind == LUBDUB_SERVER_CONNECTED && relay->connected < relay->crowd) {
        relay->sessions[relay->connected++] = event->session;
    }
    if (event->kind == LUBDUB_SERVER_DISCONNECTED) {
        relay->disconnected++;
        relay->wrong_ends += event->cause != LUBDUB_CAUSE_RESET;
        for (next = 0; next < relay->crowd && relay->sessions[next] != event->session; next++) {
            /* the one behind it, in whatever order they go */
        }
        next = (next + 1) % relay->crowd;
        relay->found_broken +=
            lubdub_server_send(server, relay->sessions[next], "it has left", 11) == LUBDUB_ERROR_NOT_FOUND;
    }
    pthread_mutex_unlock(&relay->mutex);
}

static void *serve(void *user_data)
{
    struct relay *relay = user_data;
    lubdub_time until;
    char byte;

    if (lubdub_server_start(relay->server) != LUBDUB_ERROR_OK) {
        return NULL;
    }
    until = now() + 12 * PATIENCE;
    while (relay->connected < relay->crowd && now() < until) {
        ev_run(relay->loop, EVRUN_ONCE);
    }
    while (read(relay->go_on, &byte, 1) < 0 && errno == EINTR) {
    }
    until = now() + 12 * PATIENCE;
    while (relay->disconnected < relay->crowd && now() < until) {
        ev_run(relay->loop, EVRUN_ONCE);
    }
    return NULL;
}

/* A process of its own, since both ends of so many connections would be too many descriptors for one. */
static pid_t start_crowd(uint16_t port, unsigned crowd, int ready, const int reset[2])
{
    pid_t child = fork();

    if (child == 0) {
        int *sockets = calloc(crowd, sizeof *sockets);
        unsigned i;
        char byte;

        close(reset[1]); /* so that it ends with its parent */
        for (i = 0; i < crowd; i++) {
            struct raw_client client = {.socket = -1};

            raw_connect(&client, port);
            raw_send_frame(&client, LUBDUB_FRAME_PROBE, 0, 1, NULL, 0);
            sockets[i] = client.socket;
        }
        if (write(ready, "", 1) != 1 || read(reset[0], &byte, 1) != 1) {
            _exit(1);
        }
        for (i = 0; i < crowd; i++) {
            const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
            static const uint8_t unread[] = "LD\1\5\0\0\0\0\0\0\0\0\0\0\0\1";

            (void)!send(sockets[i], unread, 16, MSG_NOSIGNAL); /* a message that nobody has read yet */
            setsockopt(sockets[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            close(sockets[i]);
        }
        (void)!write(ready, "", 1);
        _exit(0);
    }
    return child;
}

/* As many as descriptors allow; 0: too few to say anything. */
static unsigned largest_crowd(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < SMALLEST_CROWD + 100) {
        return 0;
    }
    return limit.rlim_max > CROWD + 100 ? CROWD : (unsigned)limit.rlim_max - 100;
}

static void a2_resets_at_once_enter_no_callback_from_inside_a_send(void **state)
{
    struct relay *relay = calloc(1, sizeof *relay);
    struct lubdub_server_settings settings;
    pthread_mutexattr_t checked;
    pthread_attr_t small;
    size_t stack_size = STACK_SIZE;
    pthread_t thread;
    int ready[2];
    int reset[2];
    int go_on[2];
    pid_t child;
    int status;
    char byte;
    (void)state;

    relay->crowd = largest_crowd();
    if (relay->crowd == 0) {
        free(relay);
        print_message("skipped: this process may have too few descriptors\n");
        skip();
    }
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(reset), 0);
    assert_int_equal(pipe(go_on), 0);
    relay->go_on = go_on[0];
    pthread_mutexattr_init(&checked);
    pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&relay->mutex, &checked);

    relay->loop = ev_loop_new(EVFLAG_AUTO);
    lubdub_server_settings_init(&settings);
    settings.session.expiry = LUBDUB_MINUTE;
    settings.session.interval = 10 * LUBDUB_SECOND;
    assert_int_equal(lubdub_server_new(&relay->server, relay->loop, &settings, forward, relay), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_listen(relay->server, "127.0.0.1", 0), LUBDUB_ERROR_OK);
    child = start_crowd(lubdub_server_port(relay->server), relay->crowd, ready[1], reset);
    assert_int_not_equal(child, -1);

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, stack_size);
    while (pthread_create(&thread, &small, serve, relay) != 0) { /* sanitizers want more for themselves */
        stack_size *= 2;
        assert_true(stack_size <= LARGEST_STACK_SIZE);
        pthread_attr_setstacksize(&small, stack_size);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(write(reset[1], "", 1), 1);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(write(go_on[1], "", 1), 1);
    pthread_join(thread, NULL);
    assert_int_equal(waitpid(child, &status, 0), child);

    assert_int_equal(relay->connected, relay->crowd);
    assert_int_equal(relay->disconnected, relay->crowd);
    assert_int_equal(relay->entered_twice, 0);
    assert_int_equal(relay->wrong_ends, 0);
    assert_true(relay->found_broken > 0); /* else nothing of what this test is about has happened */

    lubdub_server_free(relay->server);
    ev_loop_destroy(relay->loop);
    pthread_mutex_destroy(&relay->mutex);
    pthread_mutexattr_destroy(&checked);
    pthread_attr_destroy(&small);
    close(ready[0]), close(ready[1]), close(reset[0]), close(reset[1]), close(go_on[0]), close(go_on[1]);
    free(relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a1_successor_of_a_reset_session_is_served_from_its_own_bytes,
                                        server_fixture_setup, server_fixture_teardown),
        cmocka_unit_test(a2_resets_at_once_enter_no_callback_from_inside_a_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
