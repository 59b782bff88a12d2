/* Other threads, and the callback itself, list sessions, find them, and read figures, while the loops go on. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy_bytes.h"
#include "server/library/state.h"
#include "server_fixture.h"
#include "support/test.h"

#define STEADY 24
#define ROUNDS 40

static struct lubdub_server_session *expect_found(struct server_fixture *fixture, const char *identity)
{
    struct lubdub_server_session *found;

    assert_int_equal(lubdub_server_find(fixture->server, identity, strlen(identity), &found), LUBDUB_ERROR_OK);
    assert_non_null(found);
    assert_null(found->next);
    assert_int_equal(found->identity.length, strlen(identity));
    assert_memory_equal(found->identity.data, identity, strlen(identity));
    return found;
}

static void expect_unknown(struct server_fixture *fixture, const char *identity)
{
    struct lubdub_server_session *found = (struct lubdub_server_session *)fixture;

    assert_int_equal(lubdub_server_find(fixture->server, identity, strlen(identity), &found), LUBDUB_ERROR_NOT_FOUND);
    assert_null(found);
}

/* HELLO with two labels. */
static void join_with_labels(struct server_fixture *fixture, struct raw_client *client)
{
    const struct lubdub_label labels[] = {{{"room", 4}, {"cellar", 6}}, {{"kind", 4}, {"", 0}}};
    struct lubdub_options options = {.identity = {"pump-7", 6}, .interval_ms = 500, .expiry_ms = 20000};
    uint8_t content[256];

    memcpy(options.labels, labels, sizeof labels);
    options.label_count = 2;
    raw_connect(client, server_fixture_port(fixture));
    raw_send_frame(client, LUBDUB_FRAME_HELLO, 0, 77, content,
                   lubdub_options_encode(&options, LUBDUB_FRAME_HELLO, content, sizeof content));
    raw_expect_welcome(client);
}

static void a_copy_has_all_that_is_known_of_a_session(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client *client = &fixture->clients[0];
    const struct told_event *connected;
    struct lubdub_server_session *found;
    struct lubdub_server_session *by_number;

    server_fixture_start(fixture);
    join_with_labels(fixture, client);
    connected = expect_told(fixture, CONNECTED);
    raw_message(client, "hello");
    expect_told(fixture, MESSAGE);
    raw_send_frame(client, LUBDUB_FRAME_PROBE, 1, 1, "too hot", 7);
    expect_told(fixture, HEALTH);

    found = expect_found(fixture, "pump-7");
    assert_true(found->session == client->session && found->session == connected->event.session);
    assert_int_equal(found->state, LUBDUB_SERVER_IS_UP);
    assert_true(found->incarnation == 77);
    assert_string_equal(found->remote, connected->remote);
    assert_int_equal(found->label_count, 2);
    assert_memory_equal(found->labels[0].key.data, "room", 4);
    assert_int_equal(found->labels[0].value.length, 6);
    assert_memory_equal(found->labels[0].value.data, "cellar", 6);
    assert_int_equal(found->labels[1].value.length, 0);
    assert_int_equal(found->health, LUBDUB_HEALTH_WARNING);
    assert_int_equal(found->length, 7);
    assert_memory_equal(found->content, "too hot", 7);
    assert_true(found->interval == 500 * LUBDUB_MILLISECOND && found->expiry == 20 * LUBDUB_SECOND);
    assert_true(found->probes == 1 && found->messages == 1);
    assert_true(found->since <= found->now && found->now - found->since < 20 * LUBDUB_SECOND);
    assert_true(found->silent_for <= found->now - found->since + LUBDUB_MILLISECOND);
    assert_int_equal(found->last_end, LUBDUB_CAUSE_NONE);

    assert_int_equal(lubdub_server_find_session(fixture->server, client->session, &by_number), LUBDUB_ERROR_OK);
    assert_memory_equal(by_number->identity.data, "pump-7", 6);
    lubdub_server_session_free(by_number);
    lubdub_server_session_free(found);
}

static uint64_t proof_of(struct server_fixture *fixture, struct raw_client *client, const char *identity,
                         const char *token)
{
    const struct lubdub_options options = {.identity = {identity, strlen(identity)}, .token = {token, strlen(token)}};
    struct lubdub_server_session *found;
    uint8_t content[256];
    uint64_t proof;

    raw_connect(client, server_fixture_port(fixture));
    raw_send_frame(client, LUBDUB_FRAME_HELLO, 0, 1, content,
                   lubdub_options_encode(&options, LUBDUB_FRAME_HELLO, content, sizeof content));
    raw_expect_welcome(client);
    found = expect_found(fixture, identity);
    proof = found->proof;
    lubdub_server_session_free(found);
    return proof;
}

/* The number is what another process, and another version, came to with this key. */
static void a_token_has_the_same_proof_wherever_the_key_is_the_same(void **state)
{
    static const struct lubdub_slice tokens[] = {{"red", 3}, {"blue", 4}};
    static const uint8_t key[16] = "sixteen bytes...";
    struct server_fixture *fixture = *state;
    uint64_t red;

    fixture->settings.tokens = tokens;
    fixture->settings.token_count = 2;
    fixture->settings.proof_key = key;
    server_fixture_start(fixture);
    red = proof_of(fixture, &fixture->clients[0], "a", "red");
    assert_true(red == 0x68ccc0250de62c50U);
    assert_true(proof_of(fixture, &fixture->clients[1], "b", "red") == red);
    assert_true(proof_of(fixture, &fixture->clients[2], "c", "blue") != red);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server_session *found;
    struct raw_client *client;
    uint64_t cursor = 0;
    uint64_t number;

    server_fixture_start(fixture);
    client = server_fixture_join(fixture, 0, "a");
    number = client->session;
    expect_unknown(fixture, "b");
    expect_unknown(fixture, "");
    assert_int_equal(lubdub_server_find_session(fixture->server, 0, &found), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_find_session(fixture->server, UINT64_MAX, &found), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_find_session(fixture->server, number + (1u << 28), &found), LUBDUB_ERROR_NOT_FOUND);
    assert_int_equal(lubdub_server_list(fixture->server, &cursor, 0, &found), LUBDUB_ERROR_INVALID);
    assert_null(found);
    assert_int_equal(lubdub_server_list(fixture->server, &cursor, LUBDUB_SERVER_LIST_LIMIT + 1, &found),
                     LUBDUB_ERROR_INVALID);
    raw_bye(client, LUBDUB_REASON_NORMAL);
    expect_told(fixture, DISCONNECTED);
    assert_int_equal(lubdub_server_find_session(fixture->server, number, &found), LUBDUB_ERROR_NOT_FOUND);
    lubdub_server_session_free(NULL);
}

static void a_silent_session_is_late_and_an_identity_is_away_and_gone(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server_session *found;
    struct lubdub_server_session *first;
    struct raw_client *client = &fixture->clients[0];
    enum lubdub_cause end;
    uint64_t cursor = 0;

    fixture->settings.grace = 200 * LUBDUB_MILLISECOND;
    server_fixture_start(fixture);
    raw_join(client, server_fixture_port(fixture), "a", 50, 30000);
    expect_told(fixture, LATE);
    found = expect_found(fixture, "a");
    assert_int_equal(found->state, LUBDUB_SERVER_IS_LATE);
    assert_true(found->silent_for >= 50 * LUBDUB_MILLISECOND);
    lubdub_server_session_free(found);
    raw_close(client);
    end = expect_told(fixture, DISCONNECTED)->event.cause;
    found = expect_found(fixture, "a");
    assert_int_equal(found->state, LUBDUB_SERVER_IS_AWAY);
    assert_true(found->session == 0 && found->last_end == end);
    assert_true(found->grace_left <= 200 * LUBDUB_MILLISECOND);
    assert_string_equal(found->remote, "");
    lubdub_server_session_free(found);
    assert_int_equal(lubdub_server_list(fixture->server, &cursor, 8, &first), LUBDUB_ERROR_OK);
    assert_non_null(first);
    assert_int_equal(first->state, LUBDUB_SERVER_IS_AWAY);
    lubdub_server_session_free(first);
    expect_told(fixture, GONE);
    found = expect_found(fixture, "a");
    assert_int_equal(found->state, LUBDUB_SERVER_IS_GONE);
    lubdub_server_session_free(found);
    cursor = 0;
    assert_int_equal(lubdub_server_list(fixture->server, &cursor, 8, &first), LUBDUB_ERROR_OK);
    assert_null(first); /* what is gone is remembered, and not listed */
    server_fixture_join(fixture, 1, "a");
    found = expect_found(fixture, "a");
    assert_true(found->last_end == end && !found->is_resumed);
    lubdub_server_session_free(found);
}

static void session_behind_a_proxy_is_marked(void **state)
{
    struct server_fixture *fixture = *state;
    static const struct lubdub_slice proxy = {"127.0.0.1", 9};
    struct lubdub_server_session *found;
    struct wire_bytes header = {0};

    PLAINLY_ONLY(fixture);
    fixture->settings.proxies = &proxy;
    fixture->settings.proxy_count = 1;
    server_fixture_start(fixture);
    raw_connect(&fixture->clients[0], server_fixture_port(fixture));
    proxy_bytes_put(&header, "192.0.2.7", 4711);
    raw_send(&fixture->clients[0], header.data, header.length);
    wire_bytes_clear(&header);
    raw_hello(&fixture->clients[0], "a", 0, 0);
    assert_true(expect_told(fixture, CONNECTED)->event.is_proxied);
    found = expect_found(fixture, "a");
    assert_true(found->is_proxied);
    assert_string_equal(found->remote, "192.0.2.7:4711");
    lubdub_server_session_free(found);
    fixture->settings.proxy_count = 0;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    server_fixture_run(fixture, 10 * LUBDUB_MILLISECOND);
    server_fixture_join(fixture, 1, "b");
    found = expect_found(fixture, "b");
    assert_false(found->is_proxied);
    assert_int_equal(found->is_tls, fixture->tls != NULL);
    lubdub_server_session_free(found);
}

/* How often each session is in the list, by the number behind its name's "s". Other names are passed over. */
static unsigned list_all(struct lubdub_server *server, size_t most, unsigned *seen)
{
    struct lubdub_server_session *first;
    unsigned pieces = 0;
    uint64_t cursor = 0;

    for (;;) {
        const struct lubdub_server_session *session;
        size_t count = 0;

        assert_int_equal(lubdub_server_list(server, &cursor, most, &first), LUBDUB_ERROR_OK);
        if (first == NULL) {
            return pieces;
        }
        for (session = first; session != NULL; session = session->next) {
            if (session->identity.length > 1 && session->identity.data[0] == 's') {
                seen[(session->identity.data[1] - '0') * 10 + session->identity.data[2] - '0']++;
            }
            count++;
        }
        assert_true(count <= most);
        lubdub_server_session_free(first);
        pieces++;
    }
}

static void join_steady(struct server_fixture *fixture, struct raw_client *clients)
{
    char name[8];
    unsigned i;

    for (i = 0; i < STEADY; i++) {
        snprintf(name, sizeof name, "s%02u", i % 100);
        raw_join(&clients[i], server_fixture_port(fixture), name, 0, 0);
    }
}

static void close_all(struct raw_client *clients, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        raw_close(&clients[i]);
    }
}

static void a_list_comes_in_pieces_and_has_each_session_once(void **state)
{
    struct server_fixture *fixture = *state;
    struct raw_client clients[STEADY];
    unsigned seen[100] = {0};
    unsigned i;

    server_fixture_start(fixture);
    join_steady(fixture, clients);
    assert_int_equal(list_all(fixture->server, 7, seen), (STEADY + 6) / 7);
    for (i = 0; i < STEADY; i++) {
        assert_int_equal(seen[i], 1);
    }
    close_all(clients, STEADY);
}

struct lister {
    struct lubdub_server *server;
    atomic_bool is_over;
    unsigned wrong;
    unsigned lists;
};

/* As long as others come and go, those that stay are in every list once, and are found. */
static void *list_again_and_again(void *user_data)
{
    struct lister *lister = user_data;

    while (!lister->is_over || lister->lists == 0) {
        struct lubdub_server_figures figures = {.size = sizeof figures};
        struct lubdub_server_session *found;
        unsigned seen[100] = {0};
        unsigned i;

        list_all(lister->server, 5, seen);
        for (i = 0; i < STEADY; i++) {
            lister->wrong += seen[i] != 1;
        }
        lister->wrong += lubdub_server_find(lister->server, "s05", 3, &found) != LUBDUB_ERROR_OK;
        lubdub_server_session_free(found);
        lubdub_server_find(lister->server, "guest", 5, &found);
        lubdub_server_session_free(found);
        lubdub_server_figures(lister->server, &figures);
        lister->wrong += figures.up + figures.late < STEADY; /* on a busy machine they are late */
        lister->lists++;
    }
    return NULL;
}

static void sessions_that_stay_are_listed_once_while_others_come_and_go(void **state)
{
    struct server_fixture *fixture = *state;
    struct lister lister = {0};
    struct raw_client clients[STEADY];
    pthread_t thread;
    unsigned i;

    fixture->settings.workers = 2;
    fixture->settings.grace = LUBDUB_SECOND;
    server_fixture_start(fixture);
    join_steady(fixture, clients);
    for (i = 0; i < STEADY; i++) {
        expect_told(fixture, CONNECTED);
    }
    lister.server = fixture->server;
    assert_int_equal(pthread_create(&thread, NULL, list_again_and_again, &lister), 0);
    for (i = 0; i < ROUNDS; i++) {
        struct raw_client *guest = &fixture->clients[0];

        raw_join(guest, server_fixture_port(fixture), "guest", 0, 0);
        raw_send_frame(guest, LUBDUB_FRAME_PROBE, 1 + i % 2, 1, "news", 4);
        raw_message(guest, "hello");
        raw_expect_life(&clients[i % STEADY]);
        raw_close(guest);
        expect_told(fixture, DISCONNECTED);
    }
    fixture->clients[0].socket = -1;
    lister.is_over = true;
    pthread_join(thread, NULL);
    assert_int_equal(lister.wrong, 0);
    close_all(clients, STEADY);
}

static void a_loop_does_not_wait_for_a_reader(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_pool *pool;
    struct lubdub_server_session *found;
    uint64_t number;

    server_fixture_start(fixture);
    pool = &fixture->server->workers[0].pool;
    number = server_fixture_join(fixture, 0, "a")->session;
    lubdub_pool_enter(pool);
    raw_send_frame(&fixture->clients[0], LUBDUB_FRAME_PROBE, 1, 1, "one", 3);
    raw_send_frame(&fixture->clients[0], LUBDUB_FRAME_PROBE, 2, 2, "two", 3);
    raw_bye(&fixture->clients[0], LUBDUB_REASON_NORMAL);
    expect_told(fixture, DISCONNECTED); /* the loop would wait here for ever */
    assert_true(server_fixture_join(fixture, 1, "b")->session != number);
    assert_true(pool->aside_count > 0); /* what the reader may still look at */
    lubdub_pool_leave(pool);
    assert_int_equal(lubdub_server_find_session(fixture->server, number, &found), LUBDUB_ERROR_NOT_FOUND);
    server_fixture_join(fixture, 2, "c");
    assert_int_equal(pool->aside_count, 0);
    assert_int_equal(pool->used, 2);
}

static void list_inside(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    struct lubdub_server_session *found;
    unsigned seen[100] = {0};

    if (event->kind == LUBDUB_SERVER_CONNECTED) {
        assert_int_equal(lubdub_server_find_session(fixture->server, event->session, &found), LUBDUB_ERROR_OK);
        lubdub_server_session_free(found);
        assert_int_equal(list_all(fixture->server, 256, seen), 1);
        assert_int_equal(seen[1], 1);
        fixture->inside_count++;
    } else if (event->kind == LUBDUB_SERVER_DISCONNECTED) {
        assert_int_equal(lubdub_server_find_session(fixture->server, event->session, &found), LUBDUB_ERROR_NOT_FOUND);
        fixture->inside_count++;
    }
}

static void the_callback_may_list_and_find_its_own_session(void **state)
{
    struct server_fixture *fixture = *state;

    fixture->inside = list_inside;
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "s01");
    raw_bye(&fixture->clients[0], LUBDUB_REASON_NORMAL);
    expect_told(fixture, DISCONNECTED);
    assert_int_equal(fixture->inside_count, 2);
}

static struct lubdub_server_figures figures_of(struct server_fixture *fixture)
{
    struct lubdub_server_figures figures = {.size = sizeof figures};

    lubdub_server_figures(fixture->server, &figures);
    return figures;
}

/* A session is looked at when its deadline has moved away, that is while it lives. */
static bool has_round_trip(struct server_fixture *fixture)
{
    struct lubdub_server_session *found = expect_found(fixture, "a");
    bool is_known = found->round_trip > 0;

    lubdub_server_session_free(found);
    raw_expect_life(&fixture->clients[0]);
    return is_known;
}

static void figures_count_and_reading_them_resets_nothing(void **state)
{
    struct server_fixture *fixture = *state;
    struct lubdub_server_figures figures;
    struct lubdub_server_session *found;
    struct raw_client *silent = &fixture->clients[0];

    fixture->settings.grace = LUBDUB_MINUTE;
    server_fixture_start(fixture);
    raw_join(silent, server_fixture_port(fixture), "a", 10, 60);
    server_fixture_join(fixture, 1, "b");
    raw_send_frame(&fixture->clients[1], LUBDUB_FRAME_PROBE, 2, 1, NULL, 0);
    expect_told(fixture, HEALTH);
    figures = figures_of(fixture);
    assert_true(figures.by_health[LUBDUB_HEALTH_CRITICAL] == 1);
    expect_told(fixture, DISCONNECTED);
    figures = figures_of(fixture);
    assert_true(figures.up == 1 && figures.late == 0 && figures.away == 1 && figures.accepted == 2);
    assert_true(figures.started == 2 && figures.resumed == 0 && figures.became_late == 1 && figures.recovered == 0);
    assert_true(figures.ended_by_cause[LUBDUB_CAUSE_HUNG] + figures.ended_by_cause[LUBDUB_CAUSE_UNREACHABLE] == 1);
    assert_true(figures.verdict_lateness.count == 1 && figures.session.count == 1);
    assert_true(figures.session.sum >= 60 * LUBDUB_MILLISECOND);
    assert_true(figures.turn.count > 0 && figures.turn.within[LUBDUB_SERVER_BOUNDS - 1] == figures.turn.count);
    assert_true(figures.by_health[LUBDUB_HEALTH_PASSING] == 0);
    raw_close(silent);
    raw_join(silent, server_fixture_port(fixture), "a", 20, 30000);
    assert_true(server_fixture_wait(fixture, has_round_trip));
    figures = figures_of(fixture);
    assert_true(figures.resumed == 1 && figures.verdict_lateness.count == 1 && figures.round_trip.count > 0);
    found = expect_found(fixture, "a");
    assert_true(found->is_resumed);
    lubdub_server_session_free(found);
    assert_true(figures.frames_received[LUBDUB_FRAME_HELLO] == 3 && figures.frames_sent[LUBDUB_FRAME_WELCOME] == 3);
    assert_true(figures.frames_received[LUBDUB_FRAME_PROBE] > 1);
    assert_true(figures.frames_sent[LUBDUB_FRAME_ACK] == figures.frames_received[LUBDUB_FRAME_PROBE]);
    assert_true(figures.bytes_received >= 16 * (3 + figures.frames_received[LUBDUB_FRAME_PROBE]));
    assert_true(figures.bytes_sent > 16 * figures.frames_sent[LUBDUB_FRAME_ACK]);
    assert_true(lubdub_server_bound(0) == LUBDUB_MILLISECOND / 10);
    assert_true(lubdub_server_bound(LUBDUB_SERVER_BOUNDS - 1) == 10 * LUBDUB_SECOND);
    assert_true(lubdub_server_bound(LUBDUB_SERVER_BOUNDS) == LUBDUB_TIME_NEVER);
}

#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, server_fixture_setup, server_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_copy_has_all_that_is_known_of_a_session),
        FIXTURE_TEST(a_token_has_the_same_proof_wherever_the_key_is_the_same),
        FIXTURE_TEST(what_is_not_there_is_not_found),
        FIXTURE_TEST(a_silent_session_is_late_and_an_identity_is_away_and_gone),
        FIXTURE_TEST(session_behind_a_proxy_is_marked),
        FIXTURE_TEST(a_list_comes_in_pieces_and_has_each_session_once),
        FIXTURE_TEST(sessions_that_stay_are_listed_once_while_others_come_and_go),
        FIXTURE_TEST(a_loop_does_not_wait_for_a_reader),
        FIXTURE_TEST(the_callback_may_list_and_find_its_own_session),
        FIXTURE_TEST(figures_count_and_reading_them_resets_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
