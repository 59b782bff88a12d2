/* What is asked of the session of an identity, or of all that a token let in; and the application's own pointer. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "server_fixture.h"
#include "support/test.h"

static const struct lubdub_slice tokens[] = {{"red", 3}, {"blue", 4}};

static void join_with_token(struct server_fixture *fixture, unsigned index, const char *identity, const char *token)
{
    struct lubdub_options options = {.identity = {identity, strlen(identity)}, .token = {token, strlen(token)}};
    uint8_t content[256];

    raw_connect(&fixture->clients[index], server_fixture_port(fixture));
    raw_send_frame(&fixture->clients[index], LUBDUB_FRAME_HELLO, 0, 7 + index, content,
                   lubdub_options_encode(&options, LUBDUB_FRAME_HELLO, content, sizeof content));
}

/* ---- another thread ---- */

struct call {
    struct lubdub_server *server;
    uint64_t session;
    const char *identity;
    const char *content;
    enum lubdub_error sent;
    enum lubdub_error sent_to;
    enum lubdub_error set;
};

static void *call_elsewhere(void *user_data)
{
    struct call *call = user_data;

    call->sent = lubdub_server_send(call->server, call->session, call->content, strlen(call->content));
    call->sent_to = lubdub_server_send_to(call->server, call->identity, strlen(call->identity), call->content,
                                          strlen(call->content));
    call->set = lubdub_server_set_data(call->server, call->session, call);
    return NULL;
}

static void run_elsewhere(struct call *call)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, call_elsewhere, call), 0);
    pthread_join(thread, NULL);
}

/* ---- identities ---- */

static void a_message_goes_to_the_session_of_an_identity(void **state)
{
    static uint8_t too_long[LUBDUB_CONTENT_LIMIT + 1];
    static struct raw_frame frame;
    struct server_fixture *fixture = *state;
    struct lubdub_server *server;

    server_fixture_start(fixture);
    server = fixture->server;
    server_fixture_join(fixture, 0, "a");
    server_fixture_join(fixture, 1, "b");
    assert_int_equal(lubdub_server_send_to(server, "b", 1, "hello", 5), LUBDUB_ERROR_OK);
    raw_expect(&fixture->clients[1], LUBDUB_FRAME_MESSAGE, 1, &frame);
    assert_memory_equal(frame.content, "hello", 5);
    assert_int_equal(lubdub_server_send_to(server, "c", 1, "hello", 5), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_send_to(server, "", 0, "hello", 5), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_send_to(server, "b", 1, too_long, sizeof too_long), LUBDUB_ERROR_TOO_LONG);
    raw_bye(&fixture->clients[1], LUBDUB_REASON_NORMAL);
    expect_told(fixture, DISCONNECTED);
    assert_int_equal(lubdub_server_send_to(server, "b", 1, "hello", 5), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_disconnect_identity(server, "b", 1, LUBDUB_REASON_NORMAL, NULL),
                     LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_disconnect_identity(server, "a", 1, LUBDUB_REASON_OVERLOADED, "go"),
                     LUBDUB_ERROR_OK);
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_OVERLOADED);
}

static void another_thread_is_told_what_was_not_found(void **state)
{
    struct server_fixture *fixture = *state;
    struct call call = {.identity = "a", .content = "hello"};
    static struct raw_frame frame;

    fixture->settings.workers = 2;
    server_fixture_start(fixture);
    call.server = fixture->server;
    call.session = server_fixture_join(fixture, 0, "a")->session;
    run_elsewhere(&call);
    assert_int_equal(call.sent, LUBDUB_ERROR_OK);
    assert_int_equal(call.sent_to, LUBDUB_ERROR_OK);
    assert_int_equal(call.set, LUBDUB_ERROR_NOT_FOUND); /* not its thread */
    raw_expect(&fixture->clients[0], LUBDUB_FRAME_MESSAGE, 1, &frame);
    raw_expect(&fixture->clients[0], LUBDUB_FRAME_MESSAGE, 2, &frame);
    raw_bye(&fixture->clients[0], LUBDUB_REASON_NORMAL);
    expect_told(fixture, DISCONNECTED);
    run_elsewhere(&call);
    assert_int_equal(call.sent, LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(call.sent_to, LUBDUB_ERROR_NOT_FOUND);
    call.session = UINT64_MAX;
    run_elsewhere(&call);
    assert_int_equal(call.sent, LUBDUB_ERROR_NOT_FOUND);
}

static void another_thread_is_told_that_there_was_no_room_and_when_there_is(void **state)
{
    static uint8_t content[60000];
    struct server_fixture *fixture = *state;
    struct call call = {.identity = "a", .content = "hello"};
    struct raw_client *client = &fixture->clients[0];
    enum lubdub_error error;

    fixture->settings.session.output_limit = sizeof content;
    server_fixture_start(fixture);
    call.server = fixture->server;
    raw_connect_narrow(client, server_fixture_port(fixture), 4096);
    {
        const struct lubdub_options options = {
            .identity = {"a", 1}, .has_max_content = true, .max_content = UINT16_MAX};
        uint8_t hello[64];

        raw_send_frame(client, LUBDUB_FRAME_HELLO, 0, 1, hello,
                       lubdub_options_encode(&options, LUBDUB_FRAME_HELLO, hello, sizeof hello));
    }
    raw_expect_welcome(client);
    call.session = client->session;
    do {
        error = lubdub_server_send(fixture->server, client->session, content, sizeof content);
    } while (error == LUBDUB_ERROR_OK);
    assert_int_equal(error, LUBDUB_ERROR_FULL);
    run_elsewhere(&call);
    assert_int_equal(call.sent, LUBDUB_ERROR_FULL);
    assert_int_equal(call.sent_to, LUBDUB_ERROR_FULL);
    while (server_fixture_count(fixture, LUBDUB_SERVER_ROOM) == 0) {
        static struct raw_frame frame;

        assert_int_equal(raw_receive(client, &frame, now() + PATIENCE), RAW_FRAME);
    }
    run_elsewhere(&call);
    assert_int_equal(call.sent, LUBDUB_ERROR_OK);
}

/* ---- tokens ---- */

static bool three_have_ended(struct server_fixture *fixture)
{
    return server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED) == 3;
}

static void all_that_a_token_let_in_are_disconnected_and_no_others(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server *server;
    char name[8];
    unsigned i;

    fixture->settings.workers = 2;
    fixture->settings.tokens = tokens;
    fixture->settings.token_count = COUNT_OF(tokens);
    server_fixture_start(fixture);
    server = fixture->server;
    for (i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "%u", i);
        join_with_token(fixture, i, i == 3 ? "" : name, i % 2 == 0 ? "red" : "blue");
        raw_expect_welcome(&fixture->clients[i]);
    }
    assert_int_equal(lubdub_server_disconnect_token(server, "green", 5, LUBDUB_REASON_NORMAL, NULL), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_disconnect_token(server, "", 0, LUBDUB_REASON_NORMAL, NULL), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_disconnect_token(server, "blue", 4, LUBDUB_REASON_UNAUTHORIZED, "lost"),
                     LUBDUB_ERROR_OK);
    for (i = 1; i < 6; i += 2) {
        raw_expect_bye(&fixture->clients[i], LUBDUB_REASON_UNAUTHORIZED);
    }
    assert_true(server_fixture_wait(fixture, three_have_ended));
    assert_string_equal(expect_told(fixture, DISCONNECTED)->text, "lost");
    for (i = 0; i < 6; i += 2) {
        raw_expect_life(&fixture->clients[i]);
    }
}

static void wait_for_answer(struct lubdub_server *server, const struct lubdub_server_request *request, void *user_data)
{
    struct server_fixture *fixture = user_data;

    assert_int_equal(lubdub_server_set_data(server, request->request, strdup("asked")), LUBDUB_ERROR_OK);
    fixture->inside_count++;
}

static bool was_asked(struct server_fixture *fixture)
{
    return fixture->inside_count > 0;
}

static atomic_uint freed;

static void free_data(void *data, void *user_data)
{
    (void)user_data;
    free(data);
    freed++;
}

static void a_client_that_waits_for_an_answer_is_among_them(void **state)
{
    struct server_fixture *fixture = *state;

    freed = 0;
    fixture->settings.on_request = wait_for_answer;
    fixture->settings.free_data = free_data;
    server_fixture_start(fixture);
    join_with_token(fixture, 0, "a", "any");
    assert_true(server_fixture_wait(fixture, was_asked));
    assert_int_equal(lubdub_server_disconnect_token(fixture->server, "any", 3, LUBDUB_REASON_UNAUTHORIZED, NULL),
                     LUBDUB_ERROR_OK);
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_UNAUTHORIZED);
    raw_close(&fixture->clients[0]);
    fixture->clients[0].socket = -1;
    expect_told(fixture, REJECTED);
    while (freed == 0) {
        server_fixture_run(fixture, LUBDUB_MILLISECOND);
    }
}

/* ---- own data ---- */

static unsigned freed_before_end;

static void keep_data(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    struct lubdub_server *server = fixture->server;

    switch (event->kind) {
    case LUBDUB_SERVER_CONNECTED:
        assert_null(event->data);
        assert_null(lubdub_server_data(server, event->session));
        assert_int_equal(lubdub_server_set_data(server, event->session, strdup("one")), LUBDUB_ERROR_OK);
        free(lubdub_server_data(server, event->session)); /* replaced: ours to free */
        assert_int_equal(lubdub_server_set_data(server, event->session, strdup("two")), LUBDUB_ERROR_OK);
        break;
    case LUBDUB_SERVER_MESSAGE:
        assert_string_equal(event->data, "two");
        assert_ptr_equal(lubdub_server_data(server, event->session), event->data);
        break;
    case LUBDUB_SERVER_DISCONNECTED:
        assert_string_equal(event->data, "two");
        freed_before_end += freed;
        break;
    default:
        break;
    }
}

static void own_data_is_freed_after_the_last_event_of_its_session(void **state)
{
    struct server_fixture *fixture = *state;
    uint64_t session;

    freed = freed_before_end = 0;
    fixture->inside = keep_data;
    fixture->settings.free_data = free_data;
    server_fixture_start(fixture);
    session = server_fixture_join(fixture, 0, "a")->session;
    raw_message(&fixture->clients[0], "hello");
    expect_told(fixture, MESSAGE);
    assert_non_null(lubdub_server_data(fixture->server, session));
    raw_bye(&fixture->clients[0], LUBDUB_REASON_NORMAL);
    expect_told(fixture, DISCONNECTED);
    assert_true(freed == 1 && freed_before_end == 0);
    assert_null(lubdub_server_data(fixture->server, session));
    assert_int_equal(lubdub_server_set_data(fixture->server, session, NULL), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_set_data(fixture->server, 0, NULL), LUBDUB_ERROR_NOT_FOUND);
}

static void own_data_is_freed_with_the_server(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    freed = 0;
    fixture->inside = keep_data;
    fixture->settings.workers = 2;
    fixture->settings.free_data = free_data;
    server_fixture_start(fixture);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        server_fixture_join(fixture, i, NULL);
    }
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        expect_told(fixture, CONNECTED);
    }
    server_fixture_free(fixture);
    assert_int_equal(freed, FIXTURE_CLIENTS);
}

#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, server_fixture_setup, server_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_message_goes_to_the_session_of_an_identity),
        FIXTURE_TEST(another_thread_is_told_what_was_not_found),
        FIXTURE_TEST(another_thread_is_told_that_there_was_no_room_and_when_there_is),
        FIXTURE_TEST(all_that_a_token_let_in_are_disconnected_and_no_others),
        FIXTURE_TEST(a_client_that_waits_for_an_answer_is_among_them),
        FIXTURE_TEST(own_data_is_freed_after_the_last_event_of_its_session),
        FIXTURE_TEST(own_data_is_freed_with_the_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
