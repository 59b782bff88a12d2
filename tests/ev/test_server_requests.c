/* The application decides which clients come in: at once, later, from another thread, or not at all. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "server_fixture.h"
#include "support/test.h"

enum plan {
    ACCEPT,
    ACCEPT_SLOWLY, /* with a grant of its own */
    REFUSE,
    REFUSE_AT_LENGTH,
    LATER,
    ANSWER_TWICE,
    FREE,
};

struct gate {
    enum plan plan;
    _Atomic uint64_t request; /* the last one */
    atomic_uint asked;
    char identity[32];
    char token[32];
    char remote[80];
    char text[300];
    struct lubdub_server_request seen;
};

static struct gate gate;
static struct server_fixture *the_fixture;

static void copy(char *target, struct lubdub_slice slice)
{
    assert_true(slice.length < 32);
    memcpy(target, slice.length > 0 ? slice.data : "", slice.length);
    target[slice.length] = '\0';
}

static void on_request(struct lubdub_server *server, const struct lubdub_server_request *request, void *user_data)
{
    struct lubdub_server_session *found;

    assert_ptr_equal(user_data, the_fixture);
    gate.seen = *request;
    copy(gate.identity, request->identity);
    copy(gate.token, request->token);
    snprintf(gate.remote, sizeof gate.remote, "%s", request->remote);
    assert_int_equal(lubdub_server_find_session(server, request->request, &found), LUBDUB_ERROR_NOT_FOUND);
    switch (gate.plan) {
    case ACCEPT:
        assert_int_equal(lubdub_server_accept(server, request->request, 0, 0), LUBDUB_ERROR_OK);
        break;
    case ACCEPT_SLOWLY:
        assert_int_equal(lubdub_server_accept(server, request->request, 2 * LUBDUB_SECOND, 9 * LUBDUB_SECOND),
                         LUBDUB_ERROR_OK);
        break;
    case REFUSE:
        assert_int_equal(lubdub_server_refuse(server, request->request, LUBDUB_REASON_UNAUTHORIZED, "not you"),
                         LUBDUB_ERROR_OK);
        break;
    case REFUSE_AT_LENGTH: /* 255 bytes, and characters of two behind them */
        memset(gate.text, 'x', 255);
        snprintf(gate.text + 255, sizeof gate.text - 255, "ääää");
        assert_int_equal(lubdub_server_refuse(server, request->request, LUBDUB_REASON_NORMAL, gate.text),
                         LUBDUB_ERROR_OK);
        break;
    case LATER:
        break;
    case ANSWER_TWICE:
        assert_int_equal(lubdub_server_accept(server, request->request, 0, 0), LUBDUB_ERROR_OK);
        assert_int_equal(lubdub_server_refuse(server, request->request, LUBDUB_REASON_NORMAL, NULL),
                         LUBDUB_ERROR_NOT_FOUND);
        break;
    case FREE:
        server_fixture_free(the_fixture);
        break;
    }
    gate.request = request->request;
    gate.asked++;
}

static int set_up(void **state)
{
    int result = server_fixture_setup(state);

    memset(&gate, 0, sizeof gate);
    the_fixture = *state;
    the_fixture->settings.on_request = on_request;
    return result;
}

static bool was_asked(struct server_fixture *fixture)
{
    (void)fixture;
    return gate.asked > 0;
}

/* HELLO with a token; the answer is waited for by the test. */
static void knock(struct server_fixture *fixture, unsigned index, const char *identity, const char *token)
{
    struct lubdub_options options = {.identity = {identity, strlen(identity)}, .token = {token, strlen(token)}};
    uint8_t content[256];

    gate.asked = 0;
    options.interval_ms = 500;
    options.expiry_ms = 5000;
    raw_connect(&fixture->clients[index], server_fixture_port(fixture));
    raw_send_frame(&fixture->clients[index], LUBDUB_FRAME_HELLO, 0, 7 + index, content,
                   lubdub_options_encode(&options, LUBDUB_FRAME_HELLO, content, sizeof content));
    assert_true(server_fixture_wait(fixture, was_asked));
}

static void a_request_tells_what_the_client_says_and_an_accepted_client_is_a_session(void **state)
{
    struct server_fixture *fixture = *state;
    const struct told_event *connected;

    server_fixture_start(fixture);
    knock(fixture, 0, "pump-7", "secret");
    assert_string_equal(gate.identity, "pump-7");
    assert_string_equal(gate.token, "secret");
    assert_memory_equal(gate.remote, "127.0.0.1:", 10);
    assert_true(gate.seen.incarnation == 7 && !gate.seen.is_anonymous);
    assert_true(gate.seen.interval == 500 * LUBDUB_MILLISECOND && gate.seen.expiry == 5 * LUBDUB_SECOND);
    connected = expect_told(fixture, CONNECTED);
    assert_true(connected->event.session == gate.request);
    assert_true(connected->event.interval == 500 * LUBDUB_MILLISECOND);
    raw_expect_welcome(&fixture->clients[0]);
    raw_expect_life(&fixture->clients[0]);
    assert_int_equal(lubdub_server_accept(fixture->server, gate.request, 0, 0), LUBDUB_ERROR_NOT_FOUND);
}

static void an_accepted_client_gets_the_grant_of_the_application_within_the_limits(void **state)
{
    struct server_fixture *fixture = *state;
    const struct told_event *connected;

    gate.plan = ACCEPT_SLOWLY;
    fixture->settings.expiry_max = 8 * LUBDUB_SECOND;
    server_fixture_start(fixture);
    knock(fixture, 0, "a", "");
    connected = expect_told(fixture, CONNECTED);
    assert_true(connected->event.interval == 2 * LUBDUB_SECOND && connected->event.expiry == 8 * LUBDUB_SECOND);
}

static const struct told_event *start_and_reject(struct server_fixture *fixture, enum plan plan)
{
    gate.plan = plan;
    server_fixture_start(fixture);
    knock(fixture, 0, "a", "");
    return expect_told(fixture, REJECTED);
}

static void a_refused_client_gets_reason_and_text_and_no_session(void **state)
{
    struct server_fixture *fixture = *state;
    const struct told_event *rejected = start_and_reject(fixture, REFUSE);

    assert_int_equal(rejected->event.cause, LUBDUB_CAUSE_REJECTED);
    assert_int_equal(rejected->event.reason, LUBDUB_REASON_UNAUTHORIZED);
    assert_string_equal(rejected->text, "not you");
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_UNAUTHORIZED);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_CONNECTED), 0);
}

static void a_text_that_is_too_long_is_cut_between_characters(void **state)
{
    struct server_fixture *fixture = *state;
    const struct told_event *rejected = start_and_reject(fixture, REFUSE_AT_LENGTH);

    assert_int_equal(strlen(rejected->text), 255);
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_NORMAL);
}

static void an_impostor_that_is_refused_takes_no_identity_over(void **state)
{
    struct server_fixture *fixture = *state;

    server_fixture_start(fixture);
    knock(fixture, 0, "a", "");
    raw_expect_welcome(&fixture->clients[0]);
    gate.plan = LATER;
    knock(fixture, 1, "a", "");
    raw_expect_life(&fixture->clients[0]); /* while it is decided */
    assert_int_equal(lubdub_server_refuse(fixture->server, gate.request, LUBDUB_REASON_UNAUTHORIZED, NULL),
                     LUBDUB_ERROR_OK);
    raw_expect_bye(&fixture->clients[1], LUBDUB_REASON_UNAUTHORIZED);
    raw_expect_life(&fixture->clients[0]);
    gate.plan = ACCEPT;
    knock(fixture, 2, "a", "");
    raw_expect_welcome(&fixture->clients[2]);
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_REPLACED);
}

struct answer {
    struct server_fixture *fixture;
    enum lubdub_error error;
};

static void *accept_elsewhere(void *user_data)
{
    struct answer *answer = user_data;

    answer->error = lubdub_server_accept(answer->fixture->server, gate.request, LUBDUB_SECOND, 0);
    return NULL;
}

static void an_answer_may_come_later_and_from_another_thread(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;
    struct answer answer = {.fixture = fixture};
    pthread_t thread;

    gate.plan = LATER;
    fixture->settings.workers = 2;
    server_fixture_start(fixture);
    knock(fixture, 0, "a", "");
    raw_send_frame(&fixture->clients[0], LUBDUB_FRAME_PROBE, 0, 1, "early", 5); /* it waits */
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_CONNECTED), 0);
    assert_int_equal(pthread_create(&thread, NULL, accept_elsewhere, &answer), 0);
    pthread_join(thread, NULL);
    assert_int_equal(answer.error, LUBDUB_ERROR_OK);
    assert_true(expect_told(fixture, CONNECTED)->event.interval == LUBDUB_SECOND);
    raw_expect_welcome(&fixture->clients[0]);
    raw_expect(&fixture->clients[0], LUBDUB_FRAME_ACK, 1, &frame);
    assert_memory_equal(frame.content, "early", 5);
}

static void a_client_without_an_answer_waits_for_its_handshake_time(void **state)
{
    struct server_fixture *fixture = *state;

    gate.plan = LATER;
    fixture->settings.session.handshake_timeout = 50 * LUBDUB_MILLISECOND;
    server_fixture_start(fixture);
    knock(fixture, 0, "a", "");
    expect_told(fixture, REJECTED);
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_HANDSHAKE_TIMEOUT);
    assert_int_equal(lubdub_server_accept(fixture->server, gate.request, 0, 0), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_CONNECTED), 0);
}

static void a_client_that_left_meanwhile_gets_no_answer(void **state)
{
    struct server_fixture *fixture = *state;

    gate.plan = LATER;
    server_fixture_start(fixture);
    knock(fixture, 0, "a", "");
    raw_close(&fixture->clients[0]);
    server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    (void)lubdub_server_accept(fixture->server, gate.request, 0, 0); /* found or not: its end may be noticed later */
    server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    knock(fixture, 1, "a", "");
    assert_int_equal(lubdub_server_accept(fixture->server, gate.request, 0, 0), LUBDUB_ERROR_OK);
    raw_expect_welcome(&fixture->clients[1]);
    assert_int_equal(lubdub_server_accept(fixture->server, 0, 0, 0), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_refuse(fixture->server, UINT64_MAX, LUBDUB_REASON_NORMAL, NULL),
                     LUBDUB_ERROR_NOT_FOUND);
    fixture->clients[0].socket = -1;
}

static void an_anonymous_client_is_asked_about_too(void **state)
{
    struct server_fixture *fixture = *state;

    server_fixture_start(fixture);
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    raw_expect_life(&fixture->clients[0]);
    assert_true(gate.asked == 1 && gate.seen.is_anonymous && gate.identity[0] == '\0');
    gate.plan = REFUSE;
    raw_connect(&fixture->clients[1], server_fixture_port(fixture));
    raw_probe(&fixture->clients[1]);
    raw_expect_bye(&fixture->clients[1], LUBDUB_REASON_UNAUTHORIZED);
}

static void tokens_of_the_settings_are_judged_first(void **state)
{
    static const struct lubdub_slice token = {"good", 4};
    struct server_fixture *fixture = *state;
    struct lubdub_options options = {.token = {"bad", 3}};
    uint8_t content[64];

    fixture->settings.tokens = &token;
    fixture->settings.token_count = 1;
    server_fixture_start(fixture);
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    raw_send_frame(&fixture->clients[0], LUBDUB_FRAME_HELLO, 0, 1, content,
                   lubdub_options_encode(&options, LUBDUB_FRAME_HELLO, content, sizeof content));
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_UNAUTHORIZED);
    assert_int_equal(gate.asked, 0);
    knock(fixture, 1, "a", "good");
    raw_expect_welcome(&fixture->clients[1]);
}

static void the_second_answer_is_refused(void **state)
{
    struct server_fixture *fixture = *state;

    gate.plan = ANSWER_TWICE;
    server_fixture_start(fixture);
    knock(fixture, 0, "a", "");
    raw_expect_welcome(&fixture->clients[0]);
}

static void the_server_may_be_freed_inside(void **state)
{
    struct server_fixture *fixture = *state;

    gate.plan = FREE;
    server_fixture_start(fixture);
    knock(fixture, 0, "a", "");
    raw_expect_silent_end(&fixture->clients[0]);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_CONNECTED), 0);
}

static void a_drain_does_not_wait_for_answers(void **state)
{
    struct server_fixture *fixture = *state;

    gate.plan = LATER;
    server_fixture_start(fixture);
    knock(fixture, 0, "a", "");
    lubdub_server_drain(fixture->server, 10 * LUBDUB_SECOND);
    raw_expect_bye(&fixture->clients[0], LUBDUB_REASON_DRAINING);
    raw_close(&fixture->clients[0]);
    fixture->clients[0].socket = -1;
    expect_told(fixture, STOPPED);
    assert_int_equal(lubdub_server_accept(fixture->server, gate.request, 0, 0), LUBDUB_ERROR_NOT_FOUND);
}

#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, server_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_request_tells_what_the_client_says_and_an_accepted_client_is_a_session),
        FIXTURE_TEST(an_accepted_client_gets_the_grant_of_the_application_within_the_limits),
        FIXTURE_TEST(a_refused_client_gets_reason_and_text_and_no_session),
        FIXTURE_TEST(a_text_that_is_too_long_is_cut_between_characters),
        FIXTURE_TEST(an_impostor_that_is_refused_takes_no_identity_over),
        FIXTURE_TEST(an_answer_may_come_later_and_from_another_thread),
        FIXTURE_TEST(a_client_without_an_answer_waits_for_its_handshake_time),
        FIXTURE_TEST(a_client_that_left_meanwhile_gets_no_answer),
        FIXTURE_TEST(an_anonymous_client_is_asked_about_too),
        FIXTURE_TEST(tokens_of_the_settings_are_judged_first),
        FIXTURE_TEST(the_second_answer_is_refused),
        FIXTURE_TEST(the_server_may_be_freed_inside),
        FIXTURE_TEST(a_drain_does_not_wait_for_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
