/* Other threads send, tell health, stop and free; a server tells its own health. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <lubdub/client.h>

#include "server_fixture.h"
#include "support/test.h"

static struct {
    struct lubdub_client *client;
    atomic_uint up;
    atomic_uint down;
    atomic_uint stopped;
    atomic_uint room;
    atomic_uint health; /* what the server said last */
    atomic_uint health_count;
    atomic_uint freed;
    enum lubdub_error freed_as;
    bool frees_inside;
    bool reconnects;
} seen;

static void on_event(struct lubdub_client *client, const struct lubdub_client_event *event, void *user_data)
{
    (void)user_data;
    switch (event->kind) {
    case LUBDUB_CLIENT_UP:
        seen.up++;
        if (seen.frees_inside) {
            seen.freed_as = lubdub_client_free(client);
            assert_int_equal(lubdub_client_free(client), LUBDUB_ERROR_WRONG_STATE);
            assert_int_equal(seen.freed, 0);
            seen.client = NULL;
        }
        break;
    case LUBDUB_CLIENT_DOWN:
        seen.down++;
        break;
    case LUBDUB_CLIENT_STOPPED:
        seen.stopped++;
        break;
    case LUBDUB_CLIENT_ROOM:
        seen.room++;
        break;
    case LUBDUB_CLIENT_HEALTH:
        seen.health = event->health;
        seen.health_count++;
        break;
    default:
        break;
    }
}

static void on_freed(void *user_data)
{
    assert_ptr_equal(user_data, &seen);
    seen.freed++;
}

static bool is_up(struct server_fixture *fixture)
{
    (void)fixture;
    return seen.up > 0;
}

/* A client in the loop of the fixture's server. */
static void start_client(struct server_fixture *fixture)
{
    struct lubdub_client_server server = {"127.0.0.1", server_fixture_port(fixture)};
    struct lubdub_client_settings settings;

    lubdub_client_settings_init(&settings);
    settings.servers = &server;
    settings.server_count = 1;
    settings.session.identity = lubdub_client_text("a");
    settings.on_freed = on_freed;
    settings.reconnects = seen.reconnects;
    settings.backoff_min = 20 * LUBDUB_MILLISECOND;
    assert_int_equal(lubdub_client_new(&seen.client, fixture->loop, &settings, on_event, &seen), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_client_stop(seen.client, LUBDUB_REASON_NORMAL), LUBDUB_ERROR_WRONG_STATE);
    assert_int_equal(lubdub_client_start(seen.client), LUBDUB_ERROR_OK);
    assert_true(server_fixture_wait(fixture, is_up));
}

static int set_up(void **state)
{
    memset(&seen, 0, sizeof seen);
    return server_fixture_setup(state);
}

static int tear_down(void **state)
{
    lubdub_client_free(seen.client);
    return server_fixture_teardown(state);
}

/* ---- other threads ---- */

#define THREADS 3
#define MESSAGES 50

static void *send_many(void *user_data)
{
    unsigned *refused = user_data;
    unsigned i;

    for (i = 0; i < MESSAGES; i++) {
        *refused += lubdub_client_send(seen.client, "hello", 5) != LUBDUB_ERROR_OK;
        lubdub_client_set_health(seen.client, i % 2 == 0 ? LUBDUB_HEALTH_WARNING : LUBDUB_HEALTH_CRITICAL);
        (void)lubdub_client_state(seen.client);
        (void)lubdub_client_session(seen.client);
    }
    return NULL;
}

static bool all_came(struct server_fixture *fixture)
{
    return server_fixture_count(fixture, LUBDUB_SERVER_MESSAGE) == THREADS * MESSAGES;
}

static bool is_critical(struct server_fixture *fixture)
{
    struct lubdub_server_session *found = NULL;
    bool is_so = lubdub_server_find(fixture->server, "a", 1, &found) == LUBDUB_ERROR_OK &&
                 found->health == LUBDUB_HEALTH_CRITICAL;

    lubdub_server_session_free(found);
    return is_so;
}

static bool is_stopped(struct server_fixture *fixture)
{
    (void)fixture;
    return seen.stopped > 0;
}

static void *stop(void *user_data)
{
    *(enum lubdub_error *)user_data = lubdub_client_stop(seen.client, LUBDUB_REASON_NORMAL);
    return NULL;
}

static void other_threads_send_tell_health_and_stop(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned refused[THREADS] = {0};
    pthread_t threads[THREADS];
    enum lubdub_error stopped_as = LUBDUB_ERROR_INVALID;
    const struct told_event *end;
    unsigned i;

    fixture->settings.session.interval = 20 * LUBDUB_MILLISECOND;
    server_fixture_start(fixture);
    start_client(fixture);
    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &refused[i]), 0);
    }
    assert_true(server_fixture_wait(fixture, all_came));
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(refused[i], 0);
    }
    assert_true(server_fixture_wait(fixture, is_critical));
    assert_int_equal(pthread_create(&threads[0], NULL, stop, &stopped_as), 0);
    pthread_join(threads[0], NULL);
    assert_int_equal(stopped_as, LUBDUB_ERROR_OK);
    assert_true(server_fixture_wait(fixture, is_stopped));
    end = expect_told(fixture, DISCONNECTED);
    assert_int_equal(end->event.cause, LUBDUB_CAUSE_BYE);
    assert_int_equal(lubdub_client_send(seen.client, "hello", 5), LUBDUB_ERROR_WRONG_STATE);
    assert_int_equal(lubdub_client_stop(seen.client, LUBDUB_REASON_NORMAL), LUBDUB_ERROR_WRONG_STATE);
}

static void *fill(void *user_data)
{
    static char content[1000];
    unsigned *sent = user_data;

    while (lubdub_client_send(seen.client, content, sizeof content) == LUBDUB_ERROR_OK) {
        ++*sent;
    }
    return NULL;
}

static bool has_room(struct server_fixture *fixture)
{
    (void)fixture;
    return seen.room > 0;
}

static unsigned handed_over;

static bool all_handed_over_came(struct server_fixture *fixture)
{
    return server_fixture_count(fixture, LUBDUB_SERVER_MESSAGE) == handed_over;
}

/* The queue takes less than the burst that the server allows and the rest: nothing is lost, and nothing is cut. */
static void what_waits_for_room_is_not_lost(void **state)
{
    struct server_fixture *fixture = *state;
    pthread_t thread;

    fixture->settings.session.message_rate = 2000;
    server_fixture_start(fixture);
    start_client(fixture);
    handed_over = 0;
    assert_int_equal(pthread_create(&thread, NULL, fill, &handed_over), 0); /* the loop does not run meanwhile */
    pthread_join(thread, NULL);
    assert_true(handed_over > 200);
    assert_true(server_fixture_wait(fixture, has_room));
    assert_true(server_fixture_wait(fixture, all_handed_over_came));
    assert_int_equal(seen.down, 0);
}

static void what_was_handed_over_for_a_session_that_ended_is_dropped_and_counted(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_client_counts counts = {.size = sizeof counts};
    unsigned refused = 0;
    pthread_t thread;

    server_fixture_start(fixture);
    start_client(fixture);
    assert_int_equal(pthread_create(&thread, NULL, send_many, &refused), 0);
    pthread_join(thread, NULL);
    assert_int_equal(lubdub_client_stop(seen.client, LUBDUB_REASON_NORMAL), LUBDUB_ERROR_OK);
    assert_true(server_fixture_wait(fixture, is_stopped));
    lubdub_client_counts(seen.client, &counts);
    assert_int_equal(counts.dropped, MESSAGES);
}

static bool has_delivered_a_burst(struct server_fixture *fixture)
{
    return server_fixture_count(fixture, LUBDUB_SERVER_MESSAGE) >= 8;
}

static bool is_up_again(struct server_fixture *fixture)
{
    (void)fixture;
    return seen.up > 1;
}

static void *send_one(void *user_data)
{
    *(enum lubdub_error *)user_data = lubdub_client_send(seen.client, "hello", 5);
    return NULL;
}

/* The queue was full when the session ended: nothing but a message that finds room would have woken the loop. */
static void a_queue_that_a_session_left_full_takes_messages_for_the_next_one(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_client_counts counts = {.size = sizeof counts};
    enum lubdub_error sent_as = LUBDUB_ERROR_INVALID;
    unsigned sent = 0;
    pthread_t thread;

    fixture->settings.session.message_rate = 1;
    fixture->settings.session.message_burst = 8;
    seen.reconnects = true;
    server_fixture_start(fixture);
    start_client(fixture);
    assert_int_equal(pthread_create(&thread, NULL, fill, &sent), 0);
    pthread_join(thread, NULL);
    assert_true(server_fixture_wait(fixture, has_delivered_a_burst));
    assert_int_equal(seen.room, 0);
    assert_int_equal(lubdub_server_disconnect(fixture->server, expect_told(fixture, CONNECTED)->event.session,
                                              LUBDUB_REASON_NORMAL, NULL),
                     LUBDUB_ERROR_OK);
    assert_true(server_fixture_wait(fixture, has_room)); /* which FULL has promised */
    assert_true(server_fixture_wait(fixture, is_up_again));
    lubdub_client_counts(seen.client, &counts);
    assert_in_range(counts.dropped, 1, sent - 8);
    assert_int_equal(pthread_create(&thread, NULL, send_one, &sent_as), 0);
    pthread_join(thread, NULL);
    assert_int_equal(sent_as, LUBDUB_ERROR_OK);
}

/* ---- the end of life ---- */

static bool is_freed(struct server_fixture *fixture)
{
    (void)fixture;
    return seen.freed > 0;
}

static void free_inside_a_callback_says_later_and_on_freed_says_when(void **state)
{
    struct server_fixture *fixture = *state;

    seen.frees_inside = true;
    server_fixture_start(fixture);
    start_client(fixture);
    assert_int_equal(seen.freed_as, LUBDUB_ERROR_LATER);
    assert_true(server_fixture_wait(fixture, is_freed));
    assert_int_equal(seen.freed, 1);
}

static void free_outside_says_ok_and_on_freed_comes_before(void **state)
{
    struct server_fixture *fixture = *state;

    server_fixture_start(fixture);
    start_client(fixture);
    assert_int_equal(lubdub_client_free(seen.client), LUBDUB_ERROR_OK);
    assert_int_equal(seen.freed, 1);
    seen.client = NULL;
    assert_int_equal(lubdub_client_free(NULL), LUBDUB_ERROR_OK);
}

static bool ended_loop(struct ev_loop *loop)
{
    return !ev_run(loop, EVRUN_NOWAIT);
}

static void a_client_at_rest_does_not_keep_its_loop_running(void **state)
{
    static const struct lubdub_client_server server = {"127.0.0.1", 9};
    struct lubdub_client_settings settings;
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct lubdub_client *client;
    (void)state;

    lubdub_client_settings_init(&settings);
    settings.servers = &server;
    settings.server_count = 1;
    assert_int_equal(lubdub_client_new(&client, loop, &settings, NULL, NULL), LUBDUB_ERROR_OK);
    assert_true(ended_loop(loop));
    lubdub_client_free(client);
    ev_loop_destroy(loop);
}

/* ---- the server ---- */

static enum lubdub_health wanted_health;

static bool has_heard(struct server_fixture *fixture)
{
    (void)fixture;
    return seen.health_count > 0 && seen.health == wanted_health;
}

static void a_server_tells_its_health_to_all_and_to_newcomers(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;

    fixture->settings.workers = 2;
    server_fixture_start(fixture);
    start_client(fixture);
    wanted_health = LUBDUB_HEALTH_CRITICAL;
    lubdub_server_set_health(fixture->server, LUBDUB_HEALTH_CRITICAL);
    assert_true(server_fixture_wait(fixture, has_heard));
    server_fixture_join(fixture, 0, "newcomer");
    assert_int_equal(raw_receive(&fixture->clients[0], &frame, now() + PATIENCE), RAW_FRAME);
    assert_int_equal(frame.type, LUBDUB_FRAME_PROBE);
    assert_int_equal(frame.flags & 3, 2);
    raw_send_frame(&fixture->clients[0], LUBDUB_FRAME_ACK, 2, frame.sequence, NULL, 0);
    raw_expect_life(&fixture->clients[0]);
    wanted_health = LUBDUB_HEALTH_PASSING;
    lubdub_server_set_health(fixture->server, LUBDUB_HEALTH_PASSING);
    assert_true(server_fixture_wait(fixture, has_heard));
    assert_int_equal(raw_receive(&fixture->clients[0], &frame, now() + PATIENCE), RAW_FRAME);
    assert_true(frame.type == LUBDUB_FRAME_PROBE && (frame.flags & 3) == 0);
}

static void a_drain_says_when_it_cannot_be_and_what_it_cut(void **state)
{
    struct server_fixture *fixture = *state;

    assert_int_equal(
        lubdub_server_new(&fixture->server, fixture->loop, &fixture->settings, server_fixture_on_event, fixture),
        LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_drain(fixture->server, 0), LUBDUB_ERROR_WRONG_STATE);
    server_fixture_free(fixture);
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "stays");
    server_fixture_join(fixture, 1, "stays too");
    assert_int_equal(lubdub_server_drain(fixture->server, 20 * LUBDUB_MILLISECOND), LUBDUB_ERROR_OK);
    assert_int_equal(expect_told(fixture, STOPPED)->event.cut, 2);
    assert_int_equal(lubdub_server_drain(fixture->server, 0), LUBDUB_ERROR_WRONG_STATE);
}

static _Atomic(enum lubdub_error) freed_server_as;

static void free_server(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    if (event->kind == LUBDUB_SERVER_MESSAGE) {
        freed_server_as = lubdub_server_free(fixture->server);
    }
}

static bool was_refused(struct server_fixture *fixture)
{
    (void)fixture;
    return freed_server_as != LUBDUB_ERROR_OK;
}

/* A thread that waits for its own end would wait for ever. */
static void free_in_a_thread_of_the_servers_own_is_refused(void **state)
{
    struct server_fixture *fixture = *state;
    const struct told_event *connected;
    pthread_t here = pthread_self();
    unsigned i = 0;

    freed_server_as = LUBDUB_ERROR_OK;
    fixture->inside = free_server;
    fixture->settings.workers = 2;
    server_fixture_start(fixture);
    do { /* until the kernel gives one to the other worker */
        raw_join(&fixture->clients[0], server_fixture_port(fixture), NULL, 0, 0);
        connected = expect_told(fixture, CONNECTED);
        if (pthread_equal(connected->thread, here) == 0) {
            break;
        }
        raw_close(&fixture->clients[0]);
    } while (++i < 100);
    assert_true(i < 100);
    raw_message(&fixture->clients[0], "free");
    assert_true(server_fixture_wait(fixture, was_refused));
    assert_int_equal(freed_server_as, LUBDUB_ERROR_WRONG_STATE);
    raw_expect_life(&fixture->clients[0]);
    assert_int_equal(lubdub_server_free(NULL), LUBDUB_ERROR_OK);
}

static void free_server_here(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    if (event->kind == LUBDUB_SERVER_CONNECTED) {
        struct lubdub_server *server = fixture->server;

        freed_server_as = lubdub_server_free(server);
        assert_int_equal(lubdub_server_free(server), LUBDUB_ERROR_WRONG_STATE);
        fixture->server = NULL;
    }
}

static void free_of_a_server_inside_says_later(void **state)
{
    struct server_fixture *fixture = *state;

    freed_server_as = LUBDUB_ERROR_OK;
    fixture->inside = free_server_here;
    server_fixture_start(fixture);
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    raw_say_hello(&fixture->clients[0], "a", 0, 0, 1);
    assert_true(server_fixture_wait(fixture, was_refused));
    assert_int_equal(freed_server_as, LUBDUB_ERROR_LATER);
}

#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(other_threads_send_tell_health_and_stop),
        FIXTURE_TEST(what_waits_for_room_is_not_lost),
        FIXTURE_TEST(what_was_handed_over_for_a_session_that_ended_is_dropped_and_counted),
        FIXTURE_TEST(a_queue_that_a_session_left_full_takes_messages_for_the_next_one),
        FIXTURE_TEST(free_inside_a_callback_says_later_and_on_freed_says_when),
        FIXTURE_TEST(free_outside_says_ok_and_on_freed_comes_before),
        cmocka_unit_test(a_client_at_rest_does_not_keep_its_loop_running),
        FIXTURE_TEST(a_server_tells_its_health_to_all_and_to_newcomers),
        FIXTURE_TEST(a_drain_says_when_it_cannot_be_and_what_it_cut),
        FIXTURE_TEST(free_in_a_thread_of_the_servers_own_is_refused),
        FIXTURE_TEST(free_of_a_server_inside_says_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
