/* What one may cost another is bounded (docs/internals/budgets.md): mailboxes, sends of a turn, and what waits behind them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "endpoint.h"
#include "failing_malloc.h"
#include "server/library/state.h"
#include "server_fixture.h"
#include "support/test.h"

/* server/library/mailbox.h and budget.h */
#define MAILBOX_LIMIT (4 * 1024 * 1024)
#define REACHED_PER_TURN 256

/* common/ev/reactor.h */
#define WRITES_PER_TURN 256
#define WRITES_AT_LEAST 4

#define LARGE 60000
#define MANY 4000

static uint8_t content[LARGE];

static void one_turn(struct server_fixture *fixture)
{
    ev_run(fixture->loop, EVRUN_NOWAIT);
}

/* ---- calls from another thread ---- */

struct call {
    struct lubdub_server *server;
    uint64_t session;
    size_t length;
    size_t posted; /* broadcasts until one was refused */
    enum lubdub_error broadcast;
    enum lubdub_error send;
    enum lubdub_error disconnect;
};

static void *fill(void *user_data)
{
    struct call *call = user_data;

    for (call->posted = 0; call->posted < 2 * MAILBOX_LIMIT / call->length; call->posted++) {
        call->broadcast = lubdub_server_broadcast(call->server, content, call->length);
        if (call->broadcast != LUBDUB_ERROR_OK) {
            break;
        }
    }
    call->send = lubdub_server_send(call->server, call->session, content, call->length);
    return NULL;
}

static void *disconnect(void *user_data)
{
    struct call *call = user_data;

    call->disconnect = lubdub_server_disconnect(call->server, call->session, LUBDUB_REASON_NORMAL, "out");
    return NULL;
}

static void in_another_thread(void *(*run)(void *user_data), void *user_data)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, run, user_data), 0);
    pthread_join(thread, NULL);
}

static void b1_mailbox_is_bounded_and_its_caller_is_told(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *client;
    struct call call = {.length = LARGE};
    const struct told_event *told;

    server_fixture_start(fixture);
    client = server_fixture_join(fixture, 0, "a");
    call.server = fixture->server;
    call.session = client->session;
    in_another_thread(fill, &call); /* the loop does not run */
    assert_in_range(call.posted, MAILBOX_LIMIT / LARGE / 2, MAILBOX_LIMIT / LARGE);
    assert_int_equal(call.broadcast, LUBDUB_ERROR_FULL);
    assert_int_equal(call.send, LUBDUB_ERROR_FULL);

    told = expect_told(fixture, ROOM);
    assert_int_equal(told->event.session, 0);
    assert_int_equal(lubdub_server_broadcast(fixture->server, "x", 1), LUBDUB_ERROR_OK);
    server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_ROOM), 1); /* once for all that were refused */
}

static void *send_one(void *user_data)
{
    struct call *call = user_data;

    call->send = lubdub_server_send(call->server, call->session, content, call->length);
    return NULL;
}

static bool has_dropped_one(struct server_fixture *fixture)
{
    return server_fixture_counts(fixture).messages_dropped > 0;
}

static bool has_dropped_two(struct server_fixture *fixture)
{
    return server_fixture_counts(fixture).messages_dropped > 1;
}

/* OK says that it was handed over: the session may take less, or end before the loop comes to it. */
static void what_was_handed_over_and_cannot_be_delivered_is_counted(void **state)
{
    struct server_fixture *fixture = *state;
    struct call call = {.length = 2000}; /* the client takes 1024 bytes */

    server_fixture_start(fixture);
    call.session = server_fixture_join(fixture, 0, "a")->session;
    call.server = fixture->server;
    in_another_thread(send_one, &call);
    assert_int_equal(call.send, LUBDUB_ERROR_OK);
    assert_true(server_fixture_wait(fixture, has_dropped_one));
    call.length = 10;
    in_another_thread(send_one, &call);
    assert_int_equal(call.send, LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_disconnect(fixture->server, call.session, LUBDUB_REASON_NORMAL, NULL),
                     LUBDUB_ERROR_OK);
    assert_true(server_fixture_wait(fixture, has_dropped_two));
    expect_told(fixture, DISCONNECTED);
}

/* Nobody is told which sessions take less than what goes to all of them. */
static void what_a_broadcast_cannot_deliver_is_counted(void **state)
{
    struct server_fixture *fixture = *state;

    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "a"); /* takes 1024 bytes */
    assert_int_equal(lubdub_server_broadcast(fixture->server, content, 2000), LUBDUB_ERROR_OK);
    assert_true(server_fixture_wait(fixture, has_dropped_one));
    assert_int_equal(lubdub_server_broadcast(fixture->server, content, 1024), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_broadcast(fixture->server, content, 1025), LUBDUB_ERROR_OK);
    assert_true(server_fixture_wait(fixture, has_dropped_two));
    assert_int_equal(server_fixture_counts(fixture).messages_dropped, 2);
}

/* Counts messages until BYE with this reason. */
static size_t messages_before_bye(struct raw_client *client, unsigned reason)
{
    static struct raw_frame frame;
    size_t count = 0;

    for (;;) {
        assert_int_equal(raw_receive(client, &frame, now() + PATIENCE), RAW_FRAME);
        if (frame.type == LUBDUB_FRAME_BYE) {
            assert_int_equal(frame.sequence, reason);
            return count;
        }
        count += frame.type == LUBDUB_FRAME_MESSAGE;
    }
}

/* So many messages for so many sessions that the loop needs hundreds of turns. */
static void fill_with_small_ones(struct server_fixture *fixture)
{
    unsigned i;

    for (i = 0; i < FIXTURE_CLIENTS - 1; i++) {
        server_fixture_join(fixture, i, NULL);
    }
    for (i = 0; i < MANY; i++) {
        assert_int_equal(lubdub_server_broadcast(fixture->server, content, 10), LUBDUB_ERROR_OK);
    }
}

static void b1_disconnect_overtakes_messages(void **state)
{
    struct server_fixture *fixture = *state;
    struct call call = {.length = LARGE};

    fixture->settings.session.output_limit = LUBDUB_CONTENT_LIMIT;
    server_fixture_start(fixture);
    fill_with_small_ones(fixture);
    call.server = fixture->server;
    call.session = fixture->clients[3].session;
    in_another_thread(disconnect, &call);
    assert_int_equal(call.disconnect, LUBDUB_ERROR_OK);
    assert_int_equal(messages_before_bye(&fixture->clients[3], LUBDUB_REASON_NORMAL), 0);
}

static void b1_new_settings_overtake_messages(void **state)
{
    struct server_fixture *fixture = *state;
    const struct lubdub_slice token = {"secret", 6};
    struct raw_client *newcomer = &fixture->clients[FIXTURE_CLIENTS - 1];
    unsigned i;

    server_fixture_start(fixture);
    fill_with_small_ones(fixture);
    fixture->settings.tokens = &token;
    fixture->settings.token_count = 1;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    raw_connect(newcomer, server_fixture_port(fixture));
    raw_say_hello(newcomer, NULL, 0, 0, 1);
    for (i = 0; i < 10; i++) {
        one_turn(fixture);
    }
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_REJECTED), 1);
}

static void b1_drain_overtakes_messages(void **state)
{
    struct server_fixture *fixture = *state;

    server_fixture_start(fixture);
    fill_with_small_ones(fixture);
    lubdub_server_drain(fixture->server, LUBDUB_HOUR);
    assert_int_equal(messages_before_bye(&fixture->clients[3], LUBDUB_REASON_DRAINING), 0);
}

static void b1_patience_of_a_drain_counts_from_the_call(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "a");
    lubdub_server_drain(fixture->server, 500 * LUBDUB_MILLISECOND);
    stay(600 * LUBDUB_MILLISECOND);
    for (i = 0; i < 20; i++) {
        one_turn(fixture);
    }
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_STOPPED), 1);
}

/* ---- a worker that is held up ---- */

static sem_t is_held;
static sem_t may_go_on;
static pthread_t test_thread;

static void hold_up_another_worker(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    if (event->kind == LUBDUB_SERVER_MESSAGE && !pthread_equal(pthread_self(), test_thread) &&
        fixture->inside_count++ == 0) {
        sem_post(&is_held);
        sem_wait(&may_go_on);
    }
}

/*
 * Two workers, and clients on both. The other worker stands still inside a callback from here to sem_post(&may_go_on).
 */
static unsigned of_this_thread; /* a client */
static unsigned of_the_other;

static const char *const names[FIXTURE_CLIENTS] = {"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"};

static void hold_up_with(struct server_fixture *fixture,
                         void (*inside)(struct server_fixture *fixture, const struct lubdub_server_event *event),
                         void (*on_freed)(void *user_data))
{
    unsigned i;

    test_thread = pthread_self();
    fixture->settings.workers = 2;
    fixture->inside = inside;
    do {
        server_fixture_free(fixture);
        fixture->settings.on_freed = on_freed;
        of_this_thread = of_the_other = FIXTURE_CLIENTS;
        server_fixture_start(fixture);
        for (i = 0; i < FIXTURE_CLIENTS; i++) {
            const struct told_event *told;

            if (fixture->clients[i].socket >= 0) {
                raw_close(&fixture->clients[i]);
            }
            server_fixture_join(fixture, i, names[i]);
            told = expect_told(fixture, CONNECTED);
            if (pthread_equal(told->thread, test_thread)) {
                of_this_thread = i;
            } else {
                of_the_other = i;
            }
        }
    } while (of_this_thread == FIXTURE_CLIENTS || of_the_other == FIXTURE_CLIENTS); /* the kernel's hash decides */
    raw_message(&fixture->clients[of_the_other], "stop");
    sem_wait(&is_held);
}

static void hold_up(struct server_fixture *fixture)
{
    hold_up_with(fixture, hold_up_another_worker, NULL);
}

/* Sends to the client of the other worker until its mailbox is full. Returns how many fitted. */
static size_t fill_the_other_mailbox(struct server_fixture *fixture, size_t length)
{
    enum lubdub_error error;
    size_t count = 0;

    do {
        assert_true(count < 2 * MAILBOX_LIMIT / length);
        error = lubdub_server_send(fixture->server, fixture->clients[of_the_other].session, content, length);
        count += error == LUBDUB_ERROR_OK;
    } while (error == LUBDUB_ERROR_OK);
    assert_int_equal(error, LUBDUB_ERROR_FULL);
    return count;
}

static int set_up(void **state)
{
    sem_init(&is_held, 0, 0);
    sem_init(&may_go_on, 0, 0);
    return server_fixture_setup(state);
}

static int tear_down(void **state)
{
    sem_post(&may_go_on);
    return server_fixture_teardown(state);
}

static bool two_more_messages_came(struct server_fixture *fixture)
{
    return server_fixture_count(fixture, LUBDUB_SERVER_MESSAGE) == 3;
}

static void b1_message_for_a_full_mailbox_is_dropped_and_counted(void **state)
{
    struct server_fixture *fixture = *state;

    fixture->settings.on_message = LUBDUB_ON_MESSAGE_BROADCAST;
    hold_up(fixture);
    assert_in_range(fill_the_other_mailbox(fixture, 1000), MAILBOX_LIMIT / 2000, MAILBOX_LIMIT / 1000);
    assert_int_equal(lubdub_server_broadcast(fixture->server, content, 1000), LUBDUB_ERROR_FULL);
    assert_int_equal(server_fixture_counts(fixture).messages_dropped, 0);
    raw_send_frame(&fixture->clients[of_this_thread], LUBDUB_FRAME_MESSAGE, 0, 1, content, 1000);
    raw_send_frame(&fixture->clients[of_this_thread], LUBDUB_FRAME_MESSAGE, 0, 2, content, 1000);
    assert_true(server_fixture_wait(fixture, two_more_messages_came));
    assert_int_equal(server_fixture_counts(fixture).messages_dropped, 2);
}

static void *go_on_later(void *user_data)
{
    (void)user_data;
    stay(100 * LUBDUB_MILLISECOND);
    sem_post(&may_go_on);
    return NULL;
}

/* What a program does at its second SIGTERM. */
static void b1_free_waits_for_no_messages(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;
    pthread_t thread;
    size_t posted;
    size_t came = 0;

    hold_up(fixture);
    posted = fill_the_other_mailbox(fixture, 10);
    assert_int_equal(pthread_create(&thread, NULL, go_on_later, NULL), 0);
    server_fixture_free(fixture);
    pthread_join(thread, NULL);
    while (raw_receive(&fixture->clients[of_the_other], &frame, now() + PATIENCE) == RAW_FRAME) {
        came += frame.type == LUBDUB_FRAME_MESSAGE;
    }
    assert_true(posted > MANY);
    assert_in_range(came, 0, 2 * REACHED_PER_TURN);
}

/* ---- takeovers across workers, where there is no room for their letters ---- */

/* Until there is no room for letters to the worker of this client's session. They are for a session that is not there. */
static void *fill_control(void *user_data)
{
    const struct call *call = user_data;
    struct lubdub_mailbox *mailbox = &lubdub_server_worker(call->server, call->session)->mailbox;
    struct lubdub_letter *letter;
    bool is_posted;

    do {
        letter = lubdub_letter_new(LUBDUB_LETTER_REGRANT);
        letter->session = call->session + ((uint64_t)1 << 40);
        is_posted = lubdub_mailbox_post(mailbox, letter, false);
    } while (is_posted);
    lubdub_letter_free(letter);
    return NULL;
}

/* Connects until the kernel gives the connection to this thread's worker; the other accepts nothing now. */
static void connect_to_this_thread(struct server_fixture *fixture, struct raw_client *client)
{
    uint64_t before = server_fixture_counts(fixture).accepted;

    raw_connect(client, server_fixture_port(fixture));
    server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    while (server_fixture_counts(fixture).accepted == before) {
        raw_close(client);
        raw_connect(client, server_fixture_port(fixture));
        server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    }
}

static void b1_takeover_needs_no_room_for_its_letters(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client newcomer;
    struct call call;
    lubdub_time until;

    hold_up(fixture);
    call = (struct call){.server = fixture->server, .session = fixture->clients[of_the_other].session};
    fill_control(&call);
    connect_to_this_thread(fixture, &newcomer);
    raw_say_hello(&newcomer, names[of_the_other], 0, 0, UINT64_MAX);
    server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 0); /* it waits for the other worker */

    call.session = fixture->clients[of_this_thread].session;
    in_another_thread(fill_control, &call);
    sem_post(&may_go_on);
    until = now() + PATIENCE;
    while (server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED) == 0) {
        assert_true(now() < until);
        stay(LUBDUB_MILLISECOND);
    }
    stay(50 * LUBDUB_MILLISECOND); /* this loop does not run: the newcomer is released, and there is no room to say so */
    assert_string_equal(expect_told(fixture, CONNECTED)->identity, names[of_the_other]);
    raw_expect_welcome(&newcomer);
    raw_expect_bye(&fixture->clients[of_the_other], LUBDUB_REASON_REPLACED);
    raw_close(&newcomer);
}

/* ---- D7: without memory ---- */

static void d7_drain_needs_no_memory(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    server_fixture_start(fixture);
    for (i = 0; i < 3; i++) {
        server_fixture_join(fixture, i, NULL);
    }
    failing_malloc_begin(1, true);
    endpoint_core_runs = true;
    lubdub_server_drain(fixture->server, 100 * LUBDUB_MILLISECOND);
    endpoint_core_runs = false;
    failing_malloc_end();
    expect_told(fixture, STOPPED);
}

/* B18: OK means that every worker takes the new settings, NO_MEMORY that none does. */
static void d7_reload_is_all_or_nothing(void **state)
{
    struct server_fixture *fixture = *state;
    const struct lubdub_slice token = {"secret", 6};
    enum lubdub_error error = LUBDUB_ERROR_NO_MEMORY;
    size_t failing;

    fixture->settings.workers = 2;
    server_fixture_start(fixture);
    fixture->settings.tokens = &token;
    fixture->settings.token_count = 1;
    for (failing = 1; error != LUBDUB_ERROR_OK; failing++) {
        unsigned refused = 0;
        unsigned i;

        assert_true(failing < 10);
        failing_malloc_begin(failing, true);
        endpoint_core_runs = true;
        error = lubdub_server_reconfigure(fixture->server, &fixture->settings);
        endpoint_core_runs = false;
        failing_malloc_end();
        server_fixture_run(fixture, 50 * LUBDUB_MILLISECOND);
        for (i = 0; i < 16; i++) {
            struct raw_client client;
            static struct raw_frame frame;

            raw_connect(&client, server_fixture_port(fixture));
            raw_say_hello(&client, NULL, 0, 0, 1);
            assert_int_equal(raw_receive(&client, &frame, now() + PATIENCE), RAW_FRAME);
            refused += frame.type == LUBDUB_FRAME_BYE;
            raw_close(&client);
        }
        assert_int_equal(refused, error == LUBDUB_ERROR_OK ? 16 : 0);
    }
    assert_true(failing > 2);
}

/* ---- B2: sends of a turn ---- */

static atomic_bool are_counted;
static atomic_size_t sends;

/* Both stand before the C library's: without sanitizers, a link calls the system directly (common/ev/socket.c). */
ssize_t send(int socket, const void *bytes, size_t length, int flags)
{
    if (are_counted) {
        sends++;
    }
    return sendto(socket, bytes, length, flags, NULL, 0);
}

#ifndef LUBDUB_SANITIZED
long syscall(long number, ...)
{
    long (*real)(long number, ...);
    long words[6];
    va_list arguments;
    size_t i;

    va_start(arguments, number);
    for (i = 0; i < COUNT_OF(words); i++) {
        words[i] = va_arg(arguments, long);
    }
    va_end(arguments);
    if (are_counted && number == SYS_sendto) {
        sends++;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    return real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
#endif

static size_t unread_bytes(const struct raw_client *client)
{
    int bytes = 0;

    assert_int_equal(ioctl(client->socket, FIONREAD, &bytes), 0);
    return (size_t)bytes;
}

static bool all_are_delivered(const struct server_fixture *fixture, size_t each)
{
    unsigned i;

    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        if (unread_bytes(&fixture->clients[i]) < each) {
            return false;
        }
    }
    return true;
}

/* Each says its burst at once: one budget for the letters of all of them. */
static void b2_turn_has_one_budget_for_all_broadcasts(void **state)
{
    enum { EACH = 64, LENGTH = 10, ALL = FIXTURE_CLIENTS * EACH };
    struct server_fixture *fixture = *state;
    lubdub_time until = now() + PATIENCE;
    size_t most = 0;
    size_t sum = 0;
    unsigned i;
    unsigned j;

    fixture->settings.on_message = LUBDUB_ON_MESSAGE_BROADCAST;
    server_fixture_start(fixture);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        server_fixture_join(fixture, i, NULL);
    }
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        for (j = 1; j <= EACH; j++) {
            raw_send_frame(&fixture->clients[i], LUBDUB_FRAME_MESSAGE, 0, j, content, LENGTH);
        }
    }
    while (!all_are_delivered(fixture, ALL * (LUBDUB_HEADER_LENGTH + LENGTH))) {
        assert_true(now() < until);
        sends = 0;
        are_counted = true;
        one_turn(fixture);
        are_counted = false;
        most = sends > most ? sends : most;
        sum += sends;
    }
    assert_true(sum > 2 * REACHED_PER_TURN);
    assert_in_range(most, 1, REACHED_PER_TURN + WRITES_PER_TURN + FIXTURE_CLIENTS * WRITES_AT_LEAST);
}

/* Makes the server's sockets writable again. */
static void read_from_all(const struct server_fixture *fixture)
{
    static uint8_t bytes[1 << 16];
    unsigned i;

    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        while (recv(fixture->clients[i].socket, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
        }
    }
}

/* However many clients read at once what has waited for them: the turn has a time, and not only writes for each. */
static void b2_output_that_waited_has_a_time_in_a_turn(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_serving *serving;
    lubdub_time until = now() + PATIENCE;
    unsigned reached = 0;
    unsigned i;

    PLAINLY_ONLY(fixture);
    server_fixture_start(fixture);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        const struct raw_client *client = server_fixture_join(fixture, i, NULL);

        while (lubdub_server_send(fixture->server, client->session, content, 1000) == LUBDUB_ERROR_OK) {
            one_turn(fixture);
        }
    }
    serving = &fixture->server->workers[0].group.reactor->serving;
    while (!serving->were_dear) {
        assert_true(now() < until);
        read_from_all(fixture);
        one_turn(fixture);
    }
    serving->cost = LUBDUB_SERVING_TIME; /* so a turn has time for one */
    read_from_all(fixture);
    one_turn(fixture);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        reached += unread_bytes(&fixture->clients[i]) > 0;
    }
    assert_in_range(reached, 0, 1);
}

/* ---- B17: order ---- */

static void broadcast_and_send(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    if (event->kind == LUBDUB_SERVER_MESSAGE) {
        assert_int_equal(lubdub_server_broadcast(fixture->server, "1", 1), LUBDUB_ERROR_OK);
        assert_int_equal(lubdub_server_send(fixture->server, event->session, "2", 1), LUBDUB_ERROR_OK);
        assert_int_equal(lubdub_server_broadcast(fixture->server, "3", 1), LUBDUB_ERROR_OK);
        assert_int_equal(lubdub_server_send(fixture->server, event->session, "4", 1), LUBDUB_ERROR_OK);
        assert_int_equal(lubdub_server_send(fixture->server, event->session + 1000000, "5", 1),
                         LUBDUB_ERROR_NOT_FOUND);
    }
}

static void b17_send_does_not_overtake_a_broadcast_of_its_thread(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *client;
    static struct raw_frame frame;
    uint64_t i;

    fixture->settings.on_message = LUBDUB_ON_MESSAGE_ECHO;
    fixture->inside = broadcast_and_send;
    server_fixture_start(fixture);
    client = server_fixture_join(fixture, 0, "a");
    raw_message(client, "5");
    for (i = 1; i <= 5; i++) {
        raw_expect(client, LUBDUB_FRAME_MESSAGE, i, &frame);
        assert_int_equal(frame.content[0], '0' + i);
    }
    /* What waited is over: a send leaves at once again. */
    fixture->inside = NULL;
    assert_int_equal(lubdub_server_send(fixture->server, client->session, "6", 1), LUBDUB_ERROR_OK);
    assert_true(unread_bytes(client) >= LUBDUB_HEADER_LENGTH + 1); /* TLS adds its own */
}

/* ---- B11: when user data may go ---- */

static atomic_uint freed;
static atomic_bool callback_is_over;

static void on_freed(void *user_data)
{
    assert_non_null(user_data);
    assert_true(callback_is_over);
    freed++;
}

static void be_held_up_or_free(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    if (event->kind != LUBDUB_SERVER_MESSAGE) {
        return;
    }
    if (pthread_equal(pthread_self(), test_thread)) {
        server_fixture_free(fixture);
        assert_int_equal(freed, 0);
    } else {
        hold_up_another_worker(fixture, event);
        callback_is_over = true;
    }
}

static bool is_freed(struct server_fixture *fixture)
{
    (void)fixture;
    return freed > 0;
}

static void b11_user_data_may_go_with_on_freed(void **state)
{
    struct server_fixture *fixture = *state;
    pthread_t thread;

    callback_is_over = true; /* of servers whose clients were all on one worker */
    hold_up_with(fixture, be_held_up_or_free, on_freed);
    callback_is_over = false;
    freed = 0;
    assert_int_equal(pthread_create(&thread, NULL, go_on_later, NULL), 0);
    raw_message(&fixture->clients[of_this_thread], "free");
    assert_true(server_fixture_wait(fixture, is_freed));
    pthread_join(thread, NULL);
    server_fixture_run(fixture, 10 * LUBDUB_MILLISECOND);
    assert_int_equal(freed, 1);

    server_fixture_start(fixture); /* and outside of a callback, before _free returns */
    server_fixture_free(fixture);
    assert_int_equal(freed, 2);
    fixture->settings.session.size = 0;
    assert_int_equal(lubdub_server_new(&fixture->server, fixture->loop, &fixture->settings, NULL, fixture),
                     LUBDUB_ERROR_INVALID);
    fixture->server = NULL;
    assert_int_equal(freed, 2); /* one that was not made is not freed */
}

/* ---- B18 ---- */

static void add_departures(struct lubdub_departed *departed, unsigned from, unsigned count, lubdub_time grace_until)
{
    unsigned i;

    for (i = from; i < from + count; i++) {
        char name[16];
        int length = snprintf(name, sizeof name, "m%u", i);

        lubdub_departed_add(departed, (struct lubdub_slice){name, (size_t)length}, LUBDUB_CAUSE_CLOSED, 0, grace_until, 10,
                            SIZE_MAX);
    }
}

/* As in a drain with many in grace: their ends are over at once, and there are more than are remembered. */
static void b18_draining_beside_many_in_grace_is_linear(void **state)
{
    enum { MANY_IN_GRACE = 30000 };
    struct lubdub_departed departed;
    char identity[LUBDUB_IDENTITY_LIMIT];
    size_t length;
    clock_t began = clock();
    bool is_in_grace;
    bool is_early;
    (void)state;

    lubdub_departed_init(&departed, 1, 2);
    add_departures(&departed, 0, MANY_IN_GRACE, 1000);
    add_departures(&departed, MANY_IN_GRACE, MANY_IN_GRACE, 0);
    assert_true((clock() - began) / CLOCKS_PER_SEC < 2);
    assert_int_equal(departed.away.count, MANY_IN_GRACE);

    /* The last ten are remembered, and no other whose grace is over. */
    assert_int_equal(lubdub_departed_take(&departed, (struct lubdub_slice){"m59989", 6}, 0, &is_in_grace),
                     LUBDUB_CAUSE_NONE);
    assert_int_equal(lubdub_departed_take(&departed, (struct lubdub_slice){"m59990", 6}, 0, &is_in_grace),
                     LUBDUB_CAUSE_CLOSED);
    /* The grace of one that left before them is over after theirs: they are forgotten before it. */
    assert_true(lubdub_departed_pop_gone(&departed, 1000, SIZE_MAX, identity, &length, &is_early));
    assert_memory_equal(identity, "m0", 2);
    add_departures(&departed, 2 * MANY_IN_GRACE, 1, 0);
    assert_int_equal(lubdub_departed_take(&departed, (struct lubdub_slice){"m59991", 6}, 0, &is_in_grace),
                     LUBDUB_CAUSE_NONE);
    assert_int_equal(lubdub_departed_take(&departed, (struct lubdub_slice){"m0", 2}, 0, &is_in_grace),
                     LUBDUB_CAUSE_CLOSED);
    lubdub_departed_clear(&departed);
}

static unsigned wiped;

/* Both stand before the C library's. */
void explicit_bzero(void *memory, size_t length)
{
    void *volatile seen = memory; /* what is only to be written may not be read, says its declaration */

    wiped += memmem(seen, length, "the old token", 13) != NULL;
    memset(seen, 0, length);
}

void __explicit_bzero_chk(void *memory, size_t length, size_t room);
void __explicit_bzero_chk(void *memory, size_t length, size_t room)
{
    assert_true(length <= room);
    explicit_bzero(memory, length);
}

static void b18_old_tokens_are_wiped(void **state)
{
    struct server_fixture *fixture = *state;
    const struct lubdub_slice old = {"the old token", 13};
    const struct lubdub_slice newer = {"the newer token", 15};

    wiped = 0;
    fixture->settings.tokens = &old;
    fixture->settings.token_count = 1;
    server_fixture_start(fixture);
    fixture->settings.tokens = &newer;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    one_turn(fixture);
    one_turn(fixture);
    assert_true(wiped > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, server_fixture_teardown)
#define TEST_WITH_HOLD(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(b1_mailbox_is_bounded_and_its_caller_is_told),
        TEST(what_was_handed_over_and_cannot_be_delivered_is_counted),
        TEST(what_a_broadcast_cannot_deliver_is_counted),
        TEST(b1_disconnect_overtakes_messages),
        TEST(b1_new_settings_overtake_messages),
        TEST(b1_drain_overtakes_messages),
        TEST(b1_patience_of_a_drain_counts_from_the_call),
        TEST_WITH_HOLD(b1_message_for_a_full_mailbox_is_dropped_and_counted),
        TEST_WITH_HOLD(b1_free_waits_for_no_messages),
        TEST_WITH_HOLD(b1_takeover_needs_no_room_for_its_letters),
        TEST(d7_drain_needs_no_memory),
        TEST(d7_reload_is_all_or_nothing),
        TEST(b2_turn_has_one_budget_for_all_broadcasts),
        TEST(b2_output_that_waited_has_a_time_in_a_turn),
        TEST(b17_send_does_not_overtake_a_broadcast_of_its_thread),
        TEST_WITH_HOLD(b11_user_data_may_go_with_on_freed),
        TEST(b18_draining_beside_many_in_grace_is_linear),
        TEST(b18_old_tokens_are_wiped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
