/* A server with loops in several threads: for one session always the same one, identities unique across all of them. */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "server_fixture.h"
#include "support/test.h"

#define CROWD 32
#define TAKEOVERS 4

struct crowd {
    struct raw_client clients[CROWD];
};

static int set_up(void **state)
{
    int result = server_fixture_setup(state);
    struct server_fixture *fixture = *state;

    fixture->settings.workers = 2;
    fixture->user_data = calloc(1, sizeof(struct crowd));
    return result;
}

static int tear_down(void **state)
{
    struct server_fixture *fixture = *state;
    struct crowd *crowd = fixture->user_data;
    int result;
    size_t i;

    server_fixture_free(fixture);
    for (i = 0; i < CROWD; i++) {
        if (crowd->clients[i].socket > 0) {
            raw_close(&crowd->clients[i]);
        }
    }
    result = server_fixture_teardown(state);
    free(crowd);
    return result;
}

/* So many that, by the kernel's hash, both workers have some. */
static struct raw_client *join_crowd(struct server_fixture *fixture)
{
    struct crowd *crowd = fixture->user_data;
    size_t i;

    for (i = 0; i < CROWD; i++) {
        raw_join(&crowd->clients[i], server_fixture_port(fixture), NULL, 0, 0);
    }
    for (i = 0; i < CROWD; i++) {
        expect_told(fixture, CONNECTED);
    }
    return crowd->clients;
}

static bool both_workers_told(struct server_fixture *fixture)
{
    bool is_both = false;
    size_t i;

    pthread_mutex_lock(&fixture->lock);
    for (i = 0; i < fixture->told_count; i++) {
        is_both = is_both || !pthread_equal(fixture->told[i].thread, pthread_self());
    }
    pthread_mutex_unlock(&fixture->lock);
    return is_both;
}

static void each_session_is_told_of_by_one_thread(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *clients;
    size_t i;
    size_t j;

    fixture->settings.on_message = LUBDUB_ON_MESSAGE_ECHO;
    server_fixture_start(fixture);
    clients = join_crowd(fixture);
    assert_true(both_workers_told(fixture));
    for (i = 0; i < CROWD; i++) {
        raw_message(&clients[i], "x");
        raw_expect_life(&clients[i]);
        raw_bye(&clients[i], 0);
        expect_told(fixture, DISCONNECTED);
    }
    for (i = 0; i < fixture->told_count; i++) {
        for (j = 0; j < i; j++) {
            if (fixture->told[i].event.session == fixture->told[j].event.session &&
                fixture->told[i].event.session != 0) {
                assert_true(pthread_equal(fixture->told[i].thread, fixture->told[j].thread));
            }
        }
    }
}

static void calls_from_outside_reach_sessions_on_every_worker(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;
    struct raw_client *clients;
    size_t i;

    server_fixture_start(fixture);
    clients = join_crowd(fixture);
    for (i = 0; i < CROWD; i++) {
        assert_int_equal(lubdub_server_send(fixture->server, clients[i].session, &i, sizeof i), LUBDUB_ERROR_OK);
        raw_expect(&clients[i], LUBDUB_FRAME_MESSAGE, 1, &frame);
        assert_memory_equal(frame.content, &i, sizeof i);
    }
    assert_int_equal(lubdub_server_broadcast(fixture->server, "all", 3), LUBDUB_ERROR_OK);
    for (i = 0; i < CROWD; i++) {
        raw_expect(&clients[i], LUBDUB_FRAME_MESSAGE, 2, &frame);
    }
    for (i = 0; i < CROWD; i++) {
        lubdub_server_regrant(fixture->server, clients[i].session, 2 * LUBDUB_SECOND, LUBDUB_MINUTE);
        raw_expect(&clients[i], LUBDUB_FRAME_WELCOME, clients[i].session, &frame);
        assert_int_equal(frame.flags, LUBDUB_FLAG_CHANGED);
        lubdub_server_disconnect(fixture->server, clients[i].session, LUBDUB_REASON_NORMAL, i % 2 == 0 ? "bye" : NULL);
        raw_expect_bye(&clients[i], LUBDUB_REASON_NORMAL);
        assert_int_equal(expect_told(fixture, DISCONNECTED)->event.cause, LUBDUB_CAUSE_SHUTDOWN);
    }
    assert_int_equal(server_fixture_counts(fixture).sessions, 0);
}

/* From a callback in one thread to sessions of the other. */
static void pass_on(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    const struct crowd *crowd = fixture->user_data;
    size_t i;

    for (i = 0; event->kind == LUBDUB_SERVER_MESSAGE && i < CROWD; i++) {
        lubdub_server_send(fixture->server, crowd->clients[i].session, event->content, event->length);
    }
}

static void calls_from_inside_reach_sessions_on_the_other_worker(void **state)
{
    struct server_fixture *fixture = *state;
    static struct raw_frame frame;
    struct raw_client *clients;
    size_t i;

    fixture->inside = pass_on;
    server_fixture_start(fixture);
    clients = join_crowd(fixture);
    raw_message(&clients[0], "one");
    raw_message(&clients[CROWD - 1], "two");
    for (i = 0; i < CROWD; i++) {
        raw_expect(&clients[i], LUBDUB_FRAME_MESSAGE, 1, &frame);
        raw_expect(&clients[i], LUBDUB_FRAME_MESSAGE, 2, &frame);
    }
}

static void identity_is_taken_over_from_whichever_worker_has_it(void **state)
{
    struct server_fixture *fixture = *state;
    struct crowd *crowd = fixture->user_data;
    size_t i;

    fixture->settings.grace = LUBDUB_MINUTE;
    server_fixture_start(fixture);
    for (i = 0; i < CROWD; i++) {
        char name[16];

        snprintf(name, sizeof name, "pump-%zu", i / TAKEOVERS); /* an identity changes hands only a few times a second */
        raw_join(&crowd->clients[i], server_fixture_port(fixture), name, 0, 0);
        if (i % TAKEOVERS > 0) {
            const struct told_event *end = expect_told(fixture, DISCONNECTED);

            assert_int_equal(end->event.cause, LUBDUB_CAUSE_REPLACED);
            assert_int_equal(end->event.session, crowd->clients[i - 1].session);
            raw_expect_bye(&crowd->clients[i - 1], LUBDUB_REASON_REPLACED);
        }
    }
    raw_expect_life(&crowd->clients[CROWD - 1]);
    assert_true(both_workers_told(fixture));
    assert_int_equal(server_fixture_counts(fixture).sessions, CROWD / TAKEOVERS);
    raw_reset(&crowd->clients[0]);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_GONE), 0);
}

/* ---- many at once ---- */

#define THREADS 3
#define ROUNDS 60

struct contender {
    struct server_fixture *fixture;
    atomic_uint *finished;
    pthread_t thread;
    unsigned number;
};

/* Joins as one of two identities again and again, and leaves in one way or another, or not at all. */
static void *contend(void *user_data)
{
    struct contender *contender = user_data;
    unsigned round;

    for (round = 0; round < ROUNDS; round++) {
        struct raw_client client;
        char name[16];

        snprintf(name, sizeof name, "pump-%u", round % 2);
        raw_connect(&client, server_fixture_port(contender->fixture));
        raw_say_hello(&client, name, 0, 0, round + 1);
        raw_message(&client, "hello");
        if ((round + contender->number) % 3 == 0) {
            static _Thread_local struct raw_frame frame;

            raw_receive(&client, &frame, now() + PATIENCE); /* WELCOME, or BYE */
            raw_bye(&client, 0);
        }
        if (round % 2 == 0) {
            raw_reset(&client);
        } else {
            raw_close(&client);
        }
    }
    atomic_fetch_add(contender->finished, 1);
    return NULL;
}

/* Calls everything that any thread may call. */
static void *meddle(void *user_data)
{
    struct contender *contender = user_data;
    struct server_fixture *fixture = contender->fixture;
    struct lubdub_server_settings settings = fixture->settings;
    uint64_t session = 1;

    while (atomic_load(contender->finished) < THREADS) {
        struct lubdub_server_counts counts = {.size = sizeof counts};

        lubdub_server_counts(fixture->server, &counts);
        assert_true(counts.disconnected <= counts.connected);
        lubdub_server_send(fixture->server, session, "x", 1);
        lubdub_server_regrant(fixture->server, session + 1, LUBDUB_SECOND, LUBDUB_MINUTE);
        lubdub_server_disconnect(fixture->server, session + 2, LUBDUB_REASON_NORMAL, "meddled");
        lubdub_server_broadcast(fixture->server, "news", 4);
        settings.session.interval = (1 + session % 3) * LUBDUB_SECOND;
        lubdub_server_reconfigure(fixture->server, &settings);
        session = session % 64 + 1;
        stay(LUBDUB_MILLISECOND);
    }
    return NULL;
}

static void run_contest(struct server_fixture *fixture)
{
    struct contender contenders[THREADS];
    struct contender meddler = {.fixture = fixture};
    atomic_uint finished;
    unsigned i;

    atomic_init(&finished, 0);
    raw_clients_turn(NULL, NULL); /* the loop is this thread's, and the clients are not */
    meddler.finished = &finished;
    for (i = 0; i < THREADS; i++) {
        contenders[i] = (struct contender){.fixture = fixture, .finished = &finished, .number = i};
        assert_int_equal(pthread_create(&contenders[i].thread, NULL, contend, &contenders[i]), 0);
    }
    assert_int_equal(pthread_create(&meddler.thread, NULL, meddle, &meddler), 0);
    while (atomic_load(&finished) < THREADS) {
        server_fixture_run(fixture, LUBDUB_MILLISECOND);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(contenders[i].thread, NULL);
    }
    pthread_join(meddler.thread, NULL);
}

static bool nobody_is_left(struct server_fixture *fixture)
{
    return server_fixture_counts(fixture).connections == 0;
}

static void contest_for_identities_has_one_owner_and_one_end_each(void **state)
{
    struct server_fixture *fixture = *state;
    size_t i;
    size_t j;

    fixture->settings.grace = 5 * LUBDUB_MILLISECOND;
    fixture->settings.on_message = LUBDUB_ON_MESSAGE_ECHO;
    server_fixture_start(fixture);
    run_contest(fixture);
    assert_true(server_fixture_wait(fixture, nobody_is_left));
    assert_int_equal(server_fixture_counts(fixture).sessions, 0);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_CONNECTED),
                     server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED));
    for (i = 0; i < fixture->told_count; i++) {
        const struct lubdub_server_event *event = &fixture->told[i].event;
        unsigned ends = 0;

        for (j = i + 1; event->kind == LUBDUB_SERVER_CONNECTED && j < fixture->told_count; j++) {
            ends += fixture->told[j].event.kind == LUBDUB_SERVER_DISCONNECTED &&
                    fixture->told[j].event.session == event->session;
        }
        assert_true(ends == 1 || event->kind != LUBDUB_SERVER_CONNECTED);
    }
    assert_int_equal(server_fixture_counts(fixture).connected, server_fixture_counts(fixture).disconnected);
}

static void *drain(void *user_data)
{
    lubdub_server_drain(user_data, LUBDUB_HOUR);
    return NULL;
}

static void server_is_drained_from_another_thread(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *clients;
    pthread_t thread;
    size_t i;

    server_fixture_start(fixture);
    clients = join_crowd(fixture);
    assert_int_equal(pthread_create(&thread, NULL, drain, fixture->server), 0);
    pthread_join(thread, NULL);
    for (i = 0; i < CROWD; i++) {
        raw_expect_bye(&clients[i], LUBDUB_REASON_DRAINING);
        raw_close(&clients[i]);
    }
    assert_true(pthread_equal(expect_told(fixture, STOPPED)->thread, pthread_self()));
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), CROWD);
    assert_true(pthread_equal(expect_told(fixture, DRAINING)->thread, pthread_self()));
}

static void patience_of_a_drain_ends_on_every_worker(void **state)
{
    struct server_fixture *fixture = *state;

    server_fixture_start(fixture);
    join_crowd(fixture);
    lubdub_server_drain(fixture->server, 50 * LUBDUB_MILLISECOND);
    expect_told(fixture, STOPPED);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), CROWD);
    assert_int_equal(server_fixture_counts(fixture).connections, 0);
}

static void those_gone_are_told_by_the_first_worker(void **state)
{
    struct server_fixture *fixture = *state;
    struct crowd *crowd = fixture->user_data;
    size_t i;

    fixture->settings.grace = 50 * LUBDUB_MILLISECOND;
    server_fixture_start(fixture);
    for (i = 0; i < CROWD; i++) {
        char name[16];

        snprintf(name, sizeof name, "m%zu", i);
        raw_join(&crowd->clients[i], server_fixture_port(fixture), name, 0, 0);
    }
    for (i = 0; i < CROWD; i++) {
        raw_reset(&crowd->clients[i]);
    }
    for (i = 0; i < CROWD; i++) {
        assert_true(pthread_equal(expect_told(fixture, GONE)->thread, pthread_self()));
    }
}

static void server_with_sessions_is_freed_at_any_moment(void **state)
{
    struct server_fixture *fixture = *state;
    struct crowd *crowd = fixture->user_data;
    int round;
    size_t i;

    for (round = 0; round < 10; round++) {
        server_fixture_start(fixture);
        for (i = 0; i < CROWD; i++) {
            raw_connect(&crowd->clients[i], server_fixture_port(fixture));
            raw_say_hello(&crowd->clients[i], "same", 0, 0, i);
        }
        server_fixture_run(fixture, (lubdub_duration)round * LUBDUB_MILLISECOND / 4);
        server_fixture_free(fixture);
        for (i = 0; i < CROWD; i++) {
            raw_close(&crowd->clients[i]);
        }
    }
}

static void address_limit_counts_across_workers(void **state)
{
    struct server_fixture *fixture = *state;
    struct crowd *crowd = fixture->user_data;
    static struct raw_frame frame;
    size_t welcome = 0;
    size_t i;

    PLAINLY_ONLY(fixture);
    fixture->settings.max_per_address = 10;
    server_fixture_start(fixture);
    for (i = 0; i < CROWD; i++) {
        raw_connect(&crowd->clients[i], server_fixture_port(fixture));
        raw_say_hello(&crowd->clients[i], NULL, 0, 0, 1);
    }
    for (i = 0; i < CROWD; i++) {
        assert_int_equal(raw_receive(&crowd->clients[i], &frame, now() + PATIENCE), RAW_FRAME);
        welcome += frame.type == LUBDUB_FRAME_WELCOME;
        assert_true(frame.type == LUBDUB_FRAME_WELCOME || frame.sequence == LUBDUB_REASON_OVERLOADED);
    }
    /* A refused one counts until it is closed; nobody was let in above the limit. */
    assert_in_range(welcome, 1, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* The worker in the other thread hangs in its callback until the test lets it go on. */
static pthread_t own_thread;
static atomic_bool is_hanging;
static atomic_bool may_go_on;

static void hang_in_the_other_thread(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    (void)fixture, (void)event;
    while (!pthread_equal(pthread_self(), own_thread) && !atomic_load(&may_go_on)) {
        atomic_store(&is_hanging, true);
        sched_yield();
    }
}

static bool hangs(struct server_fixture *fixture)
{
    (void)fixture;
    return atomic_load(&is_hanging);
}

static bool has_turned(struct server_fixture *fixture)
{
    return lubdub_server_has_turned(fixture->server);
}

static void loop_that_hangs_is_noticed(void **state)
{
    struct server_fixture *fixture = *state;
    struct crowd *crowd = fixture->user_data;
    bool turned_though_one_hung;
    size_t i;

    PLAINLY_ONLY(fixture);
    own_thread = pthread_self();
    fixture->inside = hang_in_the_other_thread;
    server_fixture_start(fixture);
    assert_true(has_turned(fixture));
    assert_true(server_fixture_wait(fixture, has_turned)); /* both turn when they are asked */

    for (i = 0; i < CROWD; i++) {
        raw_connect(&crowd->clients[i], server_fixture_port(fixture));
        raw_probe(&crowd->clients[i]);
    }
    assert_true(server_fixture_wait(fixture, hangs));
    server_fixture_run(fixture, 50 * LUBDUB_MILLISECOND);
    (void)has_turned(fixture); /* it may have been asked, and have turned, before it hung */
    server_fixture_run(fixture, 50 * LUBDUB_MILLISECOND);
    turned_though_one_hung = has_turned(fixture);
    atomic_store(&may_go_on, true); /* before any assertion: the worker is waited for when the server is freed */
    assert_false(turned_though_one_hung);
    assert_true(server_fixture_wait(fixture, has_turned));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_session_is_told_of_by_one_thread),
        TEST(calls_from_outside_reach_sessions_on_every_worker),
        TEST(calls_from_inside_reach_sessions_on_the_other_worker),
        TEST(identity_is_taken_over_from_whichever_worker_has_it),
        TEST(contest_for_identities_has_one_owner_and_one_end_each),
        TEST(server_is_drained_from_another_thread),
        TEST(patience_of_a_drain_ends_on_every_worker),
        TEST(those_gone_are_told_by_the_first_worker),
        TEST(server_with_sessions_is_freed_at_any_moment),
        TEST(address_limit_counts_across_workers),
        TEST(loop_that_hangs_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
