/* Which of two connections has an identity, which one waits for the other, and in which order it is told. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "endpoint.h"
#include "server_fixture.h"
#include "support/test.h"

/* How soon a holder that does not answer is late: where it is to answer, a busy machine must not make it so. */
static uint32_t interval_ms;

static int set_up(void **state)
{
    interval_ms = 2000;
    return server_fixture_setup(state);
}

static struct raw_client *say(struct server_fixture *fixture, unsigned index, const char *identity,
                              uint64_t incarnation)
{
    struct raw_client *client = &fixture->clients[index];

    raw_connect(client, server_fixture_port(fixture));
    raw_say_hello(client, identity, interval_ms, 60000, incarnation);
    return client;
}

static struct raw_client *join(struct server_fixture *fixture, unsigned index, const char *identity,
                               uint64_t incarnation)
{
    struct raw_client *client = say(fixture, index, identity, incarnation);

    raw_expect_welcome(client);
    expect_told(fixture, CONNECTED);
    return client;
}

/* Waits for a challenge and answers it. */
static void answer(struct raw_client *client)
{
    static struct raw_frame frame;

    do {
        assert_int_equal(raw_receive(client, &frame, now() + PATIENCE), RAW_FRAME);
    } while (frame.type != LUBDUB_FRAME_PROBE);
    raw_send_frame(client, LUBDUB_FRAME_ACK, frame.flags, frame.sequence, frame.content, frame.length);
}

/* ---- which session has it ---- */

static void b13_on_a_tie_the_connection_that_was_accepted_later_wins(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *earlier = &fixture->clients[0];
    struct raw_client *later = &fixture->clients[1];

    server_fixture_start(fixture);
    raw_connect(earlier, server_fixture_port(fixture));
    server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    raw_connect(later, server_fixture_port(fixture));
    server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    raw_say_hello(later, "pump", interval_ms, 60000, 7);
    raw_expect_welcome(later);
    raw_say_hello(earlier, "pump", interval_ms, 60000, 7);
    answer(later);
    raw_expect_bye(earlier, LUBDUB_REASON_REPLACED);
    raw_expect_life(later);

    raw_connect(&fixture->clients[2], server_fixture_port(fixture));
    raw_say_hello(&fixture->clients[2], "pump", interval_ms, 60000, 7);
    raw_expect_welcome(&fixture->clients[2]);
    raw_expect_bye(later, LUBDUB_REASON_REPLACED);
}

static void b13_hello_of_a_connection_that_has_ended_takes_over_nobody(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *holder;
    struct raw_client *ended;

    server_fixture_start(fixture);
    holder = join(fixture, 0, "pump", 5);
    ended = say(fixture, 1, "pump", 6);
    raw_probe(ended);
    raw_close(ended); /* all of it arrives before the server looks */
    ended->socket = -1;
    assert_int_equal(expect_told(fixture, REJECTED)->event.cause, LUBDUB_CAUSE_REPLACED);
    raw_expect_life(holder);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 0);

    /* Where nobody has the identity, it is served as before. */
    ended = say(fixture, 2, "valve", 6);
    raw_close(ended);
    ended->socket = -1;
    assert_string_equal(expect_told(fixture, CONNECTED)->identity, "valve");
}

static void rule2_holder_that_answers_keeps_its_identity(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *holder;
    struct raw_client *newcomer;
    unsigned i;

    server_fixture_start(fixture);
    holder = join(fixture, 0, "pump", 5);
    for (i = 0; i < 3; i++) {
        newcomer = say(fixture, 1, "pump", 4);
        answer(holder);
        raw_expect_bye(newcomer, LUBDUB_REASON_REPLACED);
        expect_told(fixture, REJECTED);
        raw_close(newcomer);
        newcomer->socket = -1;
    }
    raw_expect_life(holder);
    assert_int_equal(server_fixture_counts(fixture).sessions, 1);
}

static void d11_holder_that_does_not_answer_loses_to_a_lower_incarnation(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *holder;
    struct raw_client *newcomer;
    lubdub_time asked_at;

    interval_ms = 50;
    server_fixture_start(fixture);
    holder = join(fixture, 0, "pump", UINT64_MAX);
    newcomer = say(fixture, 1, "pump", 1);
    asked_at = now();
    raw_expect_welcome(newcomer);
    assert_true(now() - asked_at >= 25 * LUBDUB_MILLISECOND); /* half an interval of 50 ms, and it is late */
    assert_int_equal(expect_told(fixture, DISCONNECTED)->event.cause, LUBDUB_CAUSE_REPLACED);
    raw_expect_bye(holder, LUBDUB_REASON_REPLACED);
    raw_expect_life(newcomer);
}

/* The newcomer waits in its handshake time, which is much shorter than the holder's late margin. */
static void d11_wait_ends_within_the_handshake_time(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *newcomer = &fixture->clients[1];

    fixture->settings.session.handshake_timeout = LUBDUB_SECOND;
    server_fixture_start(fixture);
    raw_join(&fixture->clients[0], server_fixture_port(fixture), "pump", 600000, 0);
    newcomer = say(fixture, 1, "pump", 1);
    raw_expect_welcome(newcomer);
}

static void rule2_what_comes_behind_a_hello_that_waits_is_answered_after_it(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;
    struct raw_client *newcomer;

    fixture->settings.on_message = LUBDUB_ON_MESSAGE_ECHO;
    interval_ms = 50;
    server_fixture_start(fixture);
    join(fixture, 0, "pump", 5);
    newcomer = say(fixture, 1, "pump", 4);
    raw_probe(newcomer);
    raw_message(newcomer, "hello");
    server_fixture_run(fixture, 10 * LUBDUB_MILLISECOND);
    raw_probe(newcomer); /* and a part that lies in the socket */
    raw_expect_welcome(newcomer);
    raw_expect(newcomer, LUBDUB_FRAME_ACK, 1, &frame);
    raw_expect(newcomer, LUBDUB_FRAME_MESSAGE, 1, &frame);
    raw_expect(newcomer, LUBDUB_FRAME_ACK, 2, &frame);
    raw_expect_life(newcomer);
}

static void rule2_newcomer_that_dies_while_it_waits_changes_nothing(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *holder;
    struct raw_client *newcomer;

    interval_ms = 1000;
    server_fixture_start(fixture);
    holder = join(fixture, 0, "pump", 5);
    newcomer = say(fixture, 1, "pump", 4);
    server_fixture_run(fixture, 5 * LUBDUB_MILLISECOND);
    raw_reset(newcomer);
    newcomer->socket = -1;
    server_fixture_run(fixture, 700 * LUBDUB_MILLISECOND); /* for longer than it waited: half an interval */
    raw_expect_life(holder);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 0);
}

/* ---- twins ---- */

#define TWINS 100

static void b20_twins_that_fight_are_damped_and_told_once(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_client twins[TWINS];
    static struct raw_frame frame;
    const lubdub_time began_at = now();
    uint64_t retry_after = 0;
    unsigned refused = 0;
    unsigned takeovers;
    unsigned i;

    server_fixture_start(fixture);
    for (i = 0; i < TWINS; i++) {
        raw_connect(&twins[i], server_fixture_port(fixture));
        raw_say_hello(&twins[i], "pump", interval_ms, 60000, i + 1);
        assert_int_equal(raw_receive(&twins[i], &frame, now() + PATIENCE), RAW_FRAME);
        if (frame.type == LUBDUB_FRAME_BYE) {
            assert_int_equal(frame.sequence, LUBDUB_REASON_OVERLOADED);
            assert_true(raw_option(&frame, LUBDUB_OPTION_RETRY_AFTER_MS, &retry_after));
            assert_true(retry_after >= 1000);
            refused++;
        }
    }
    takeovers = 5 * ((unsigned)((now() - began_at) / LUBDUB_SECOND) + 2); /* by the seconds that were begun */
    assert_true(refused + 1 + takeovers >= TWINS);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_REJECTED), 1);
    assert_int_equal(server_fixture_counts(fixture).rejected, refused);
    for (i = 0; i < TWINS; i++) {
        raw_close(&twins[i]);
    }
}

/* ---- order ---- */

#define NAMES 6
#define EACH 4
#define PROBED_EACH 20 /* turns: on a slow machine a probe in each of them would be a flood */

/* For each identity: connected, disconnected, connected, …, and gone only between the two; and by the stamps, too. */
static void expect_order(struct server_fixture *fixture, const char *identity)
{
    lubdub_time last = 0;
    bool is_up = false;
    size_t i;

    pthread_mutex_lock(&fixture->lock);
    for (i = 0; i < fixture->told_count; i++) {
        const struct told_event *told = &fixture->told[i];

        if (strcmp(told->identity, identity) != 0) {
            continue;
        }
        if (told->event.kind == LUBDUB_SERVER_CONNECTED) {
            assert_false(is_up);
            is_up = true;
        } else if (told->event.kind == LUBDUB_SERVER_DISCONNECTED) {
            assert_true(is_up);
            is_up = false;
        } else if (told->event.kind == LUBDUB_SERVER_GONE) {
            assert_false(is_up);
        } else {
            continue;
        }
        assert_true(told->event.now >= last);
        last = told->event.now;
    }
    pthread_mutex_unlock(&fixture->lock);
}

/* The callback takes its time, so that what is told too early is seen. */
static void dawdle(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    (void)fixture;
    if (event->kind == LUBDUB_SERVER_GONE) {
        usleep(3000);
    } else if (event->kind == LUBDUB_SERVER_DISCONNECTED) {
        usleep(500);
    }
}

static void b12_end_of_the_old_session_is_told_before_the_beginning_of_the_new_one(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client clients[NAMES][EACH];
    char name[NAMES][16];
    unsigned turns = 0;
    size_t round, i, k;

    fixture->settings.workers = 3;
    fixture->settings.grace = LUBDUB_MINUTE;
    server_fixture_start(fixture);
    for (round = 0; round < 4; round++) {
        for (i = 0; i < NAMES; i++) {
            snprintf(name[i], sizeof name[i], "pump-%zu-%zu", round, i);
            for (k = 0; k < EACH; k++) {
                raw_connect(&clients[i][k], server_fixture_port(fixture));
            }
        }
        for (k = 0; k < EACH; k++) {
            for (i = 0; i < NAMES; i++) {
                raw_say_hello(&clients[i][k], name[i], 0, 0, k + 1);
                raw_message(&clients[i][k], "x");
            }
        }
        fixture->told_before += (size_t)NAMES * EACH;
        while (server_fixture_count(fixture, LUBDUB_SERVER_CONNECTED) +
                   server_fixture_count(fixture, LUBDUB_SERVER_REJECTED) <
               fixture->told_before) {
            server_fixture_run(fixture, 5 * LUBDUB_MILLISECOND);
            for (i = 0; i < NAMES && turns % PROBED_EACH == 0; i++) {
                raw_probe(&clients[i][EACH - 1]); /* one whose HELLO is processed late asks whether it lives */
            }
            turns++;
        }
        assert_int_equal(server_fixture_counts(fixture).sessions, NAMES);
        for (i = 0; i < NAMES; i++) {
            for (k = 0; k < EACH; k++) {
                raw_close(&clients[i][k]);
            }
        }
        server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
        for (i = 0; i < NAMES; i++) {
            expect_order(fixture, name[i]);
        }
    }
    assert_int_equal(server_fixture_counts(fixture).sessions, 0);
}

static void b12_gone_is_never_told_behind_the_return(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client client;
    unsigned i;

    fixture->settings.workers = 3;
    fixture->settings.grace = 2 * LUBDUB_MILLISECOND;
    fixture->inside = dawdle;
    server_fixture_start(fixture);
    for (i = 0; i < 120; i++) {
        raw_connect(&client, server_fixture_port(fixture));
        raw_say_hello(&client, "pump", 0, 0, i + 1);
        raw_expect_welcome(&client);
        raw_close(&client);
        server_fixture_run(fixture, (1 + i % 4) * LUBDUB_MILLISECOND);
    }
    server_fixture_run(fixture, 50 * LUBDUB_MILLISECOND);
    assert_true(server_fixture_count(fixture, LUBDUB_SERVER_GONE) > 0);
    expect_order(fixture, "pump");
}

static void b12_takeover_in_one_thread_is_stamped_in_order(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    fixture->inside = dawdle;
    server_fixture_start(fixture);
    for (i = 0; i < 4; i++) {
        join(fixture, i, "pump", 1);
    }
    expect_order(fixture, "pump");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, server_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(b13_on_a_tie_the_connection_that_was_accepted_later_wins),
        TEST(b13_hello_of_a_connection_that_has_ended_takes_over_nobody),
        TEST(rule2_holder_that_answers_keeps_its_identity),
        TEST(d11_holder_that_does_not_answer_loses_to_a_lower_incarnation),
        TEST(d11_wait_ends_within_the_handshake_time),
        TEST(rule2_what_comes_behind_a_hello_that_waits_is_answered_after_it),
        TEST(rule2_newcomer_that_dies_while_it_waits_changes_nothing),
        TEST(b20_twins_that_fight_are_damped_and_told_once),
        TEST(b12_end_of_the_old_session_is_told_before_the_beginning_of_the_new_one),
        TEST(b12_gone_is_never_told_behind_the_return),
        TEST(b12_takeover_in_one_thread_is_stamped_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
