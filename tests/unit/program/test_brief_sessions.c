/* Sessions that end as soon as they have begun: what is told of them, and that whatever stays is told. */
#include "server/program/brief_sessions.h"

#include <stdio.h>

#include "support/test.h"

#define START LUBDUB_HOUR
#define MINE "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7"

struct told {
    struct brief_sessions *brief;
    uint64_t connected; /* told, at once or later */
    uint64_t disconnected;
    uint64_t released;
    uint64_t last_released;
    uint64_t sums; /* lines */
    uint64_t connected_in_sums;
    uint64_t disconnected_in_sums;
    uint64_t sums_of_nameless;
    uint64_t gone;
    uint64_t gone_in_sums;
};

static void on_release(const struct lubdub_event_line *line, uint64_t session, lubdub_time now, void *user_data)
{
    struct told *told = user_data;
    uint64_t number = 0;

    assert_true(lubdub_event_line_get_number(line, "session", &number));
    assert_int_equal(number, session);
    assert_true(now >= line->mono);
    told->connected++;
    told->released++;
    told->last_released = session;
}

static void on_sum(const struct budget_sum *sum, void *user_data)
{
    struct told *told = user_data;

    told->sums++;
    told->sums_of_nameless += sum->is_nameless;
    if (sum->of == LUBDUB_SERVER_CONNECTED) {
        told->connected_in_sums += sum->count;
    } else if (sum->of == LUBDUB_SERVER_GONE) {
        told->gone_in_sums += sum->count;
    } else {
        assert_int_equal(sum->of, LUBDUB_SERVER_DISCONNECTED);
        told->disconnected_in_sums += sum->count;
    }
}

static int set_up(void **state)
{
    static struct told told;

    told = (struct told){0};
    told.brief = brief_sessions_new(on_release, on_sum, &told);
    assert_non_null(told.brief);
    *state = &told;
    return 0;
}

static int tear_down(void **state)
{
    struct told *told = *state;

    brief_sessions_free(told->brief);
    return 0;
}

/* A client: where it comes from, and its name, or none. */
struct client {
    struct lubdub_address address;
    const char *name;
};

static struct client client_of(uint8_t network, const char *name)
{
    struct client client = {.name = name};

    memcpy(client.address.ip, MINE, sizeof client.address.ip);
    client.address.ip[14] = network;
    return client;
}

static struct lubdub_server_event event_of(enum lubdub_server_event_kind kind, const struct client *client,
                                           uint64_t session, lubdub_time now)
{
    return (struct lubdub_server_event){.kind = kind,
                                        .now = now,
                                        .session = session,
                                        .identity = {client->name, client->name != NULL ? strlen(client->name) : 0},
                                        .remote = &client->address};
}

static void connect_padded(struct told *told, const struct client *client, uint64_t session, size_t padding,
                           lubdub_time now)
{
    static const char labels[1000] = "labels";
    struct lubdub_server_event event = event_of(LUBDUB_SERVER_CONNECTED, client, session, now);
    struct lubdub_event_line line;

    lubdub_event_line_begin(&line, "connected", now, now);
    lubdub_event_line_number(&line, "session", session);
    lubdub_event_line_string(&line, "padding", labels, padding);
    told->connected += brief_sessions_connected(told->brief, &event, &line);
}

static void connect_one(struct told *told, const struct client *client, uint64_t session, lubdub_time now)
{
    connect_padded(told, client, session, 0, now);
}

static void disconnect(struct told *told, const struct client *client, uint64_t session, lubdub_time now)
{
    struct lubdub_server_event event = event_of(LUBDUB_SERVER_DISCONNECTED, client, session, now);

    told->disconnected += brief_sessions_disconnected(told->brief, &event);
}

static bool is_hidden(struct told *told, const struct client *client, uint64_t session, lubdub_time now)
{
    struct lubdub_server_event event = event_of(LUBDUB_SERVER_HEALTH, client, session, now);

    return brief_sessions_hide(told->brief, &event);
}

/* Sessions of a millisecond, one after the other. Returns the next number. */
static uint64_t churn(struct told *told, const struct client *client, uint64_t session, unsigned count,
                      lubdub_time *now)
{
    for (; count > 0; count--, session++) {
        connect_one(told, client, session, *now);
        *now += LUBDUB_MILLISECOND;
        disconnect(told, client, session, *now);
    }
    return session;
}

/* Sessions that stay. */
static void crowd(struct told *told, const struct client *client, uint64_t first, unsigned count, lubdub_time now)
{
    for (; count > 0; count--, first++) {
        connect_one(told, client, first, now);
    }
}

static void finding_b3_brief_sessions_beyond_the_budget_have_both_events_or_none(void **state)
{
    struct told *told = *state;
    struct client churner = client_of(1, NULL);
    lubdub_time now = START;

    churn(told, &churner, 1, 20000, &now);
    brief_sessions_settle(told->brief, now, true);
    assert_int_equal(told->connected, 2000 + 20 * 200 - 1); /* at once, and in 20 seconds but a millisecond */
    assert_int_equal(told->disconnected, told->connected);
    assert_int_equal(told->connected_in_sums, 20000 - told->connected);
    assert_int_equal(told->disconnected_in_sums, told->connected_in_sums);
    assert_int_equal(told->sums_of_nameless, told->sums);
    assert_int_equal(told->released, 0);
}

static void finding_b3_sessions_with_long_lines_cost_more(void **state)
{
    struct told *told = *state;
    struct client client = client_of(1, NULL);
    uint64_t session;

    for (session = 1; session <= 2000; session++) {
        connect_padded(told, &client, session, 600, START);
        disconnect(told, &client, session, START);
    }
    assert_int_equal(told->connected, 1000);
    assert_int_equal(told->disconnected, 1000);
}

static void counts_are_told_every_ten_seconds(void **state)
{
    struct told *told = *state;
    struct client churner = client_of(1, NULL);
    lubdub_time now = START;

    churn(told, &churner, 1, 5000, &now);
    assert_true(brief_sessions_settle(told->brief, now, false));
    assert_int_equal(told->sums, 0);
    assert_false(brief_sessions_settle(told->brief, START + 14 * LUBDUB_SECOND, false));
    assert_int_equal(told->sums, 2);
    brief_sessions_settle(told->brief, START + 40 * LUBDUB_SECOND, false);
    assert_int_equal(told->sums, 2);
}

static void session_that_lasts_is_told_after_a_second(void **state)
{
    struct told *told = *state;
    struct client client = client_of(1, "many");

    crowd(told, &client, 1, 6000, START);
    assert_int_equal(told->connected, 4000);
    assert_false(is_hidden(told, &client, 4000, START));
    assert_true(is_hidden(told, &client, 4001, START));
    assert_true(brief_sessions_settle(told->brief, START + LUBDUB_SECOND - 1, false));
    assert_int_equal(told->connected, 4000);
    assert_false(brief_sessions_settle(told->brief, START + LUBDUB_SECOND, false));
    assert_int_equal(told->connected, 6000);
    assert_int_equal(told->last_released, 6000); /* in their order */
    assert_false(is_hidden(told, &client, 4001, START + LUBDUB_SECOND));
    disconnect(told, &client, 4001, START + 2 * LUBDUB_SECOND);
    assert_int_equal(told->disconnected, 1);
    assert_int_equal(told->sums, 0);
}

/* The timer of the loop is late: the session is told all the same. */
static void session_that_ends_after_a_second_is_told_with_its_end(void **state)
{
    struct told *told = *state;
    struct client client = client_of(1, "many");

    crowd(told, &client, 1, 4001, START);
    disconnect(told, &client, 4001, START + LUBDUB_SECOND);
    assert_int_equal(told->released, 1);
    assert_int_equal(told->disconnected, 1);
    brief_sessions_settle(told->brief, START + LUBDUB_SECOND, true);
    assert_int_equal(told->connected, 4001);
    assert_int_equal(told->sums, 0);
}

static void new_sessions_make_the_lasting_ones_be_told(void **state)
{
    struct told *told = *state;
    struct client client = client_of(1, "many");

    crowd(told, &client, 1, 4100, START);
    crowd(told, &client, 4101, 25, START + LUBDUB_SECOND);
    assert_int_equal(told->released, 100);
}

static void finding_b3_named_sessions_and_other_networks_have_budgets_of_their_own(void **state)
{
    struct told *told = *state;
    struct client churner = client_of(1, NULL);
    struct client named = client_of(1, "pump-7");
    struct client neighbour = client_of(2, NULL);
    lubdub_time now = START;
    uint64_t next = churn(told, &churner, 1, 3000, &now);
    uint64_t before = told->connected;

    connect_one(told, &named, next, now);
    connect_one(told, &neighbour, next + 1, now);
    assert_int_equal(told->connected, before + 2);
}

static void finding_b3_all_networks_together_have_a_budget(void **state)
{
    struct told *told = *state;
    struct client client = client_of(0, NULL);
    struct client named = client_of(1, "pump-7");
    uint64_t session = 1;
    lubdub_time now = START;
    unsigned i;

    for (i = 0; i < 20000; i++) { /* some from each network */
        client.address.ip[13] = (uint8_t)(i / 50);
        connect_one(told, &client, session, now);
        disconnect(told, &client, session, now);
        session++;
    }
    assert_int_equal(told->connected, 8000);
    connect_one(told, &named, session, now);
    assert_int_equal(told->connected, 8001);
    brief_sessions_settle(told->brief, now, true);
    assert_int_equal(told->connected + told->connected_in_sums, 20001);
    assert_int_equal(told->disconnected, 8000);
    assert_int_equal(told->disconnected_in_sums, told->connected_in_sums);
}

/* More networks than there are accounts, each with something to tell. */
static void networks_without_an_account_are_counted_together(void **state)
{
    struct told *told = *state;
    struct client client = client_of(0, NULL);
    uint64_t session;

    while (told->connected < 8000) {
        client.address.ip[13]++;
        crowd(told, &client, told->connected + 1, 2000, START);
    }
    for (session = 8001; session <= 18000; session++) {
        client.address.ip[12] = (uint8_t)(session >> 8);
        client.address.ip[13] = (uint8_t)session;
        connect_one(told, &client, session, START);
        disconnect(told, &client, session, START);
    }
    brief_sessions_settle(told->brief, START, true);
    assert_int_equal(told->connected + told->connected_in_sums, 18000);
    assert_in_range(told->sums, 2 * 900, 2 * 1024 + 2);
}

static void held_lines_are_bounded_and_the_oldest_is_told_first(void **state)
{
    struct told *told = *state;
    struct client client = client_of(1, "many");
    struct client nameless = client_of(1, NULL);
    uint64_t session;

    crowd(told, &nameless, 100001, 2500, START);
    crowd(told, &client, 1, 4000, START);
    for (session = 4001; session <= 9000; session++) {
        connect_padded(told, &client, session, 1000, START);
    }
    assert_in_range(told->released, 2900, 3500); /* 2 MiB of lines of more than 1,000 bytes are held */
    assert_int_equal(told->last_released, 4000 + told->released);
    assert_true(is_hidden(told, &nameless, 102500, START)); /* which have room of their own */
    brief_sessions_settle(told->brief, START, true);
    assert_int_equal(told->connected, 11500);
}

/* In whatever order sessions end. */
static void sessions_that_stay_are_told_among_those_that_do_not(void **state)
{
    struct told *told = *state;
    struct client client = client_of(1, "many");
    lubdub_time now = START;
    uint64_t session;

    crowd(told, &client, 1, 4000, now);
    for (session = 4001; session <= 12000; session++) {
        connect_one(told, &client, session * 4096, now); /* all of them in one bucket */
    }
    for (session = 12000; session > 4000; session -= 2) {
        disconnect(told, &client, session * 4096, now);
    }
    brief_sessions_settle(told->brief, now + LUBDUB_SECOND, false);
    for (session = 4001; session <= 12000; session += 2) {
        disconnect(told, &client, session * 4096, now + LUBDUB_SECOND);
    }
    brief_sessions_settle(told->brief, now + LUBDUB_SECOND, true);
    assert_int_equal(told->connected, 8000);
    assert_int_equal(told->disconnected, 4000);
    assert_int_equal(told->connected_in_sums, 4000);
    assert_int_equal(told->disconnected_in_sums, 4000);
}

static void be_gone(struct told *told, const struct client *client, lubdub_time now)
{
    struct lubdub_server_event event = event_of(LUBDUB_SERVER_GONE, client, 0, now);

    event.remote = NULL;
    told->gone += brief_sessions_gone(told->brief, &event);
}

/* Identities without end, each of which is gone after its grace time. Two of them come back, and stay or do not. */
static void finding_b3_identities_that_were_not_told_are_gone_within_a_budget(void **state)
{
    struct told *told = *state;
    static char name[20000][8];
    struct client client = client_of(1, NULL);
    lubdub_time now = START;
    unsigned i;

    for (i = 0; i < 20000; i++) {
        snprintf(name[i], sizeof name[i], "%u", i);
        client.name = name[i];
        connect_one(told, &client, i + 1, now);
        disconnect(told, &client, i + 1, now);
    }
    assert_int_equal(told->connected, 4000);
    client.name = name[19998];
    connect_one(told, &client, 20001, now);
    client.name = name[19999];
    connect_one(told, &client, 20002, now);
    brief_sessions_settle(told->brief, now + LUBDUB_SECOND, false);
    assert_int_equal(told->connected, 4002);

    now = START + LUBDUB_HOUR;
    disconnect(told, &client, 20002, now);
    for (i = 0; i < 20000; i++) {
        client.name = name[i];
        be_gone(told, &client, now);
    }
    assert_in_range(told->gone, 8000 + 2, 8000 + 100); /* the two, and a few that were forgotten */
    brief_sessions_settle(told->brief, now, true);
    assert_int_equal(told->gone + told->gone_in_sums, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finding_b3_brief_sessions_beyond_the_budget_have_both_events_or_none, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(finding_b3_sessions_with_long_lines_cost_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_b3_identities_that_were_not_told_are_gone_within_a_budget, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(counts_are_told_every_ten_seconds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(session_that_lasts_is_told_after_a_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(session_that_ends_after_a_second_is_told_with_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(new_sessions_make_the_lasting_ones_be_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_b3_named_sessions_and_other_networks_have_budgets_of_their_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(finding_b3_all_networks_together_have_a_budget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(networks_without_an_account_are_counted_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(held_lines_are_bounded_and_the_oldest_is_told_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sessions_that_stay_are_told_among_those_that_do_not, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
