/*
 * What a caller may get wrong: NULL, wrong sizes, calls in the wrong state, in callbacks, after _free was asked for,
 * from other threads while a server stops. Each is a named error, or an assert that the header promises.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lubdub/client.h>

#include "server_fixture.h"
#include "support/test.h"

#define EXPECT_INVALID(call) assert_int_equal(call, LUBDUB_ERROR_INVALID)

/* Whether it ends in an assert. */
static bool asserts(void (*misuse)(void *argument), void *argument)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        (void)!freopen("/dev/null", "w", stderr);
        misuse(argument);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* ---- NULL ---- */

static void null_is_invalid_for_a_server(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server_session *found;
    struct lubdub_server *server;
    uint64_t cursor = 0;

    server_fixture_start(fixture);
    server = fixture->server;
    EXPECT_INVALID(lubdub_server_new(NULL, fixture->loop, &fixture->settings, NULL, NULL));
    EXPECT_INVALID(lubdub_server_new(&server, NULL, &fixture->settings, NULL, NULL));
    EXPECT_INVALID(lubdub_server_new(&server, fixture->loop, NULL, NULL, NULL));
    server = fixture->server;
    EXPECT_INVALID(lubdub_server_listen(NULL, "127.0.0.1", 0));
    EXPECT_INVALID(lubdub_server_adopt_listener(NULL, 0));
    EXPECT_INVALID(lubdub_server_adopt(NULL, 0));
    EXPECT_INVALID(lubdub_server_start(NULL));
    EXPECT_INVALID(lubdub_server_send(NULL, 1, "a", 1));
    EXPECT_INVALID(lubdub_server_send(server, 1, NULL, 1));
    EXPECT_INVALID(lubdub_server_send_to(NULL, "a", 1, "a", 1));
    EXPECT_INVALID(lubdub_server_send_to(server, NULL, 1, "a", 1));
    EXPECT_INVALID(lubdub_server_send_to(server, "a", 1, NULL, 1));
    EXPECT_INVALID(lubdub_server_broadcast(NULL, "a", 1));
    EXPECT_INVALID(lubdub_server_broadcast(server, NULL, 1));
    EXPECT_INVALID(lubdub_server_accept(NULL, 1, 0, 0));
    EXPECT_INVALID(lubdub_server_refuse(NULL, 1, LUBDUB_REASON_NORMAL, NULL));
    EXPECT_INVALID(lubdub_server_disconnect(NULL, 1, LUBDUB_REASON_NORMAL, NULL));
    EXPECT_INVALID(lubdub_server_disconnect_identity(NULL, "a", 1, LUBDUB_REASON_NORMAL, NULL));
    EXPECT_INVALID(lubdub_server_disconnect_identity(server, NULL, 1, LUBDUB_REASON_NORMAL, NULL));
    EXPECT_INVALID(lubdub_server_disconnect_token(NULL, "a", 1, LUBDUB_REASON_NORMAL, NULL));
    EXPECT_INVALID(lubdub_server_disconnect_token(server, NULL, 1, LUBDUB_REASON_NORMAL, NULL));
    EXPECT_INVALID(lubdub_server_set_data(NULL, 1, NULL));
    EXPECT_INVALID(lubdub_server_regrant(NULL, 1, 0, 0));
    EXPECT_INVALID(lubdub_server_drain(NULL, 0));
    EXPECT_INVALID(lubdub_server_reconfigure(NULL, &fixture->settings));
    EXPECT_INVALID(lubdub_server_reconfigure(server, NULL));
    EXPECT_INVALID(lubdub_server_list(NULL, &cursor, 1, &found));
    EXPECT_INVALID(lubdub_server_list(server, NULL, 1, &found));
    EXPECT_INVALID(lubdub_server_list(server, &cursor, 1, NULL));
    EXPECT_INVALID(lubdub_server_find(NULL, "a", 1, &found));
    EXPECT_INVALID(lubdub_server_find(server, NULL, 1, &found));
    EXPECT_INVALID(lubdub_server_find(server, "a", 1, NULL));
    EXPECT_INVALID(lubdub_server_find_session(NULL, 1, &found));
    EXPECT_INVALID(lubdub_server_find_session(server, 1, NULL));
    server_fixture_join(fixture, 0, "a"); /* it goes on */
}

static void null_is_invalid_for_a_client(void **state)
{
    static const struct lubdub_client_server address = {"127.0.0.1", 9};
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct lubdub_client_settings settings;
    struct lubdub_client *client;
    (void)state;

    lubdub_client_settings_init(&settings);
    settings.servers = &address;
    settings.server_count = 1;
    EXPECT_INVALID(lubdub_client_new(NULL, loop, &settings, NULL, NULL));
    EXPECT_INVALID(lubdub_client_new(&client, NULL, &settings, NULL, NULL));
    EXPECT_INVALID(lubdub_client_new(&client, loop, NULL, NULL, NULL));
    EXPECT_INVALID(lubdub_client_start(NULL));
    EXPECT_INVALID(lubdub_client_send(NULL, "a", 1));
    EXPECT_INVALID(lubdub_client_stop(NULL, LUBDUB_REASON_NORMAL));
    EXPECT_INVALID(lubdub_client_set_token(NULL, "a", 1));
    EXPECT_INVALID(lubdub_client_set_content(NULL, "a", 1));
    assert_int_equal(lubdub_client_new(&client, loop, &settings, NULL, NULL), LUBDUB_ERROR_OK);
    EXPECT_INVALID(lubdub_client_send(client, NULL, 1));
    EXPECT_INVALID(lubdub_client_set_token(client, NULL, 1));
    EXPECT_INVALID(lubdub_client_set_content(client, NULL, 1));
    assert_int_equal(lubdub_client_send(client, NULL, 0), LUBDUB_ERROR_WRONG_STATE);
    assert_int_equal(lubdub_client_free(client), LUBDUB_ERROR_OK);
    ev_loop_destroy(loop);
}

/* ---- asserts, where no error can be returned ---- */

static void count_no_server(void *argument)
{
    lubdub_server_counts(NULL, argument);
}

static void count_into_nothing(void *argument)
{
    lubdub_server_counts(argument, NULL);
}

static void figures_of_no_server(void *argument)
{
    lubdub_server_figures(NULL, argument);
}

static void figures_into_nothing(void *argument)
{
    lubdub_server_figures(argument, NULL);
}

static void port_of_no_server(void *argument)
{
    (void)argument;
    lubdub_server_port(NULL);
}

static void data_of_no_server(void *argument)
{
    (void)argument;
    lubdub_server_data(NULL, 1);
}

static void health_of_no_server(void *argument)
{
    (void)argument;
    lubdub_server_set_health(NULL, LUBDUB_HEALTH_PASSING);
}

static void health_that_there_is_not(void *argument)
{
    lubdub_server_set_health(argument, (enum lubdub_health)3);
}

static void health_of_no_client(void *argument)
{
    (void)argument;
    lubdub_client_set_health(NULL, LUBDUB_HEALTH_PASSING);
}

static void progress_of_no_client(void *argument)
{
    (void)argument;
    lubdub_client_progress(NULL);
}

static void what_returns_no_error_asserts(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server_counts counts = {.size = sizeof counts};
    struct lubdub_server_figures figures = {.size = sizeof figures};

    server_fixture_start(fixture);
    assert_true(asserts(count_no_server, &counts));
    assert_true(asserts(count_into_nothing, fixture->server));
    assert_true(asserts(figures_of_no_server, &figures));
    assert_true(asserts(figures_into_nothing, fixture->server));
    assert_true(asserts(port_of_no_server, NULL));
    assert_true(asserts(data_of_no_server, NULL));
    assert_true(asserts(health_of_no_server, NULL));
    assert_true(asserts(health_that_there_is_not, fixture->server));
    assert_true(asserts(health_of_no_client, NULL));
    assert_true(asserts(progress_of_no_client, NULL));
    server_fixture_join(fixture, 0, "a");
}

/* ---- sizes ---- */

static void a_result_of_any_size_is_filled_no_further(void **state)
{
    struct server_fixture *fixture = *state;
    union {
        struct lubdub_server_figures figures;
        struct lubdub_server_counts counts;
        uint8_t bytes[sizeof(struct lubdub_server_figures) + 64];
    } result;
    size_t size;

    server_fixture_start(fixture);
    for (size = 0; size < sizeof result; size += 8) {
        size_t i;

        memset(&result, 0xee, sizeof result);
        result.figures.size = size;
        lubdub_server_figures(fixture->server, &result.figures);
        for (i = size > sizeof size ? size : sizeof size; i < sizeof result; i++) {
            assert_int_equal(result.bytes[i], 0xee);
        }
    }
}

static void content_of_the_wrong_length_is_refused(void **state)
{
    struct server_fixture *fixture = *state;
    static char content[LUBDUB_CONTENT_LIMIT + 1];
    uint64_t session;

    server_fixture_start(fixture);
    session = server_fixture_join(fixture, 0, "a")->session;
    assert_int_equal(lubdub_server_send(fixture->server, session, content, sizeof content), LUBDUB_ERROR_TOO_LONG);
    assert_int_equal(lubdub_server_send_to(fixture->server, "a", 1, content, sizeof content), LUBDUB_ERROR_TOO_LONG);
    assert_int_equal(lubdub_server_broadcast(fixture->server, content, sizeof content), LUBDUB_ERROR_TOO_LONG);
    assert_int_equal(lubdub_server_send(fixture->server, session, NULL, 0), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_send_to(fixture->server, content, LUBDUB_IDENTITY_LIMIT + 1, "a", 1),
                     LUBDUB_ERROR_NOT_FOUND);
}

/* ---- wrong states ---- */

static void a_server_that_was_not_started_has_no_sessions(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server_session *first;
    struct lubdub_server *server;
    uint64_t cursor = 0;

    assert_int_equal(lubdub_server_new(&server, fixture->loop, &fixture->settings, NULL, NULL), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_send(server, 1, "a", 1), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_send_to(server, "a", 1, "a", 1), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_disconnect(server, 1, LUBDUB_REASON_NORMAL, NULL), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_regrant(server, 1, 0, 0), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_set_data(server, 1, NULL), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_list(server, &cursor, 1, &first), LUBDUB_ERROR_OK);
    assert_null(first);
    assert_int_equal(lubdub_server_drain(server, 0), LUBDUB_ERROR_WRONG_STATE);
    assert_int_equal(lubdub_server_broadcast(server, "a", 1), LUBDUB_ERROR_OK); /* to nobody */
    assert_int_equal(lubdub_server_start(server), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_start(server), LUBDUB_ERROR_WRONG_STATE);
    assert_int_equal(lubdub_server_listen(server, "127.0.0.1", 0), LUBDUB_ERROR_WRONG_STATE);
    assert_int_equal(lubdub_server_free(server), LUBDUB_ERROR_OK);
}

/* ---- inside a callback, for this session and another one, and after _free was asked for ---- */

static void call_everything(struct lubdub_server *server, uint64_t session)
{
    struct lubdub_server_figures figures = {.size = sizeof figures};
    struct lubdub_server_session *found;
    uint64_t cursor = 0;

    (void)lubdub_server_set_data(server, session, NULL);
    (void)lubdub_server_data(server, session);
    (void)lubdub_server_send(server, session, "hello", 5);
    (void)lubdub_server_send_to(server, "a", 1, "hello", 5);
    (void)lubdub_server_broadcast(server, "hello", 5);
    (void)lubdub_server_regrant(server, session, LUBDUB_SECOND, LUBDUB_MINUTE);
    (void)lubdub_server_accept(server, session, 0, 0);
    (void)lubdub_server_refuse(server, session, LUBDUB_REASON_NORMAL, "no");
    lubdub_server_set_health(server, session % 2 == 0 ? LUBDUB_HEALTH_PASSING : LUBDUB_HEALTH_WARNING);
    lubdub_server_figures(server, &figures);
    (void)lubdub_server_find_session(server, session, &found);
    lubdub_server_session_free(found);
    (void)lubdub_server_find(server, "b", 1, &found);
    lubdub_server_session_free(found);
    (void)lubdub_server_list(server, &cursor, 8, &found);
    lubdub_server_session_free(found);
    (void)lubdub_server_disconnect_token(server, "none", 4, LUBDUB_REASON_NORMAL, NULL);
    (void)lubdub_server_adopt(server, -1);
    (void)lubdub_server_disconnect_identity(server, "b", 1, LUBDUB_REASON_NORMAL, NULL);
    (void)lubdub_server_disconnect(server, session, LUBDUB_REASON_NORMAL, NULL);
}

static bool frees;

static void call_everything_inside(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    struct lubdub_server *server = fixture->server;

    if (event->kind != LUBDUB_SERVER_MESSAGE || server == NULL) {
        return;
    }
    fixture->inside_count++;
    if (frees) {
        fixture->server = NULL;
        assert_int_equal(lubdub_server_free(server), LUBDUB_ERROR_LATER);
    }
    call_everything(server, event->session);
    call_everything(server, fixture->clients[1].session);
    if (frees) {
        assert_int_equal(lubdub_server_drain(server, 0), LUBDUB_ERROR_OK);
        assert_int_equal(lubdub_server_free(server), LUBDUB_ERROR_WRONG_STATE);
    }
}

static bool was_inside(struct server_fixture *fixture)
{
    return fixture->inside_count > 0;
}

static void talk_inside(struct server_fixture *fixture)
{
    fixture->inside = call_everything_inside;
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "a");
    server_fixture_join(fixture, 1, "b");
    raw_message(&fixture->clients[0], "now");
    assert_true(server_fixture_wait(fixture, was_inside));
}

static bool both_have_ended(struct server_fixture *fixture)
{
    return server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED) == 2;
}

static void a_callback_may_call_everything_for_its_session_and_for_others(void **state)
{
    struct server_fixture *fixture = *state;

    frees = false;
    talk_inside(fixture);
    assert_true(server_fixture_wait(fixture, both_have_ended));
}

static void after_free_was_asked_for_calls_do_no_harm_until_the_callback_returns(void **state)
{
    struct server_fixture *fixture = *state;

    frees = true;
    talk_inside(fixture);
    server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 0); /* no event begins after _free */
}

/* ---- other threads, while the server stops ---- */

struct caller {
    struct lubdub_server *server;
    atomic_bool is_over;
    pthread_t thread;
    uint64_t session;
};

static void *call_on(void *user_data)
{
    struct caller *caller = user_data;

    while (!caller->is_over) {
        call_everything(caller->server, caller->session);
    }
    return NULL;
}

static void other_threads_may_call_until_stopped(void **state)
{
    struct server_fixture *fixture = *state;
    struct caller callers[2] = {0};
    unsigned i;

    fixture->settings.workers = 2;
    server_fixture_start(fixture);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        server_fixture_join(fixture, i, NULL);
    }
    for (i = 0; i < COUNT_OF(callers); i++) {
        callers[i].server = fixture->server;
        callers[i].session = fixture->clients[i].session;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_on, &callers[i]), 0);
    }
    assert_int_equal(lubdub_server_drain(fixture->server, 50 * LUBDUB_MILLISECOND), LUBDUB_ERROR_OK);
    expect_told(fixture, STOPPED);
    server_fixture_run(fixture, 10 * LUBDUB_MILLISECOND);
    for (i = 0; i < COUNT_OF(callers); i++) {
        callers[i].is_over = true;
        pthread_join(callers[i].thread, NULL);
    }
    server_fixture_free(fixture);
}

#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, server_fixture_setup, server_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(null_is_invalid_for_a_server),
        cmocka_unit_test(null_is_invalid_for_a_client),
        FIXTURE_TEST(what_returns_no_error_asserts),
        FIXTURE_TEST(a_result_of_any_size_is_filled_no_further),
        FIXTURE_TEST(content_of_the_wrong_length_is_refused),
        FIXTURE_TEST(a_server_that_was_not_started_has_no_sessions),
        FIXTURE_TEST(a_callback_may_call_everything_for_its_session_and_for_others),
        FIXTURE_TEST(after_free_was_asked_for_calls_do_no_harm_until_the_callback_returns),
        FIXTURE_TEST(other_threads_may_call_until_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
