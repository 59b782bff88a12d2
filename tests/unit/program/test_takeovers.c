/* Two programs with one identity: what is told of their fight, and that what is told last is true. */
#include "server/program/takeovers.h"

#include "support/test.h"

#define START LUBDUB_HOUR

struct told {
    struct takeovers *takeovers;
    uint64_t lines;        /* written, of either kind, at once or later */
    uint64_t connected[2]; /* told; counted in sums */
    uint64_t disconnected[2];
    uint64_t up; /* the session that is up by what was told, 0: none */
};

static void tell_connected(struct told *told, uint64_t session)
{
    told->lines++;
    told->connected[0]++;
    told->up = session;
}

static void on_release(const struct lubdub_event_line *line, void *user_data)
{
    uint64_t session = 0;

    assert_true(lubdub_event_line_get_number(line, "session", &session));
    tell_connected(user_data, session);
}

static void on_sum(const struct budget_sum *sum, void *user_data)
{
    struct told *told = user_data;

    assert_int_equal(sum->identity.length, 4);
    assert_memory_equal(sum->identity.data, "twin", 4);
    told->lines++;
    if (sum->of == LUBDUB_SERVER_CONNECTED) {
        told->connected[1] += sum->count;
    } else {
        assert_int_equal(sum->of, LUBDUB_SERVER_DISCONNECTED);
        told->disconnected[1] += sum->count;
    }
}

static int set_up(void **state)
{
    static struct told told;

    told = (struct told){0};
    told.takeovers = takeovers_new(on_release, on_sum, &told);
    assert_non_null(told.takeovers);
    *state = &told;
    return 0;
}

static int tear_down(void **state)
{
    struct told *told = *state;

    takeovers_free(told->takeovers);
    return 0;
}

static void connect_as(struct told *told, const char *identity, uint64_t session, lubdub_time now)
{
    struct lubdub_server_event event = {
        .kind = LUBDUB_SERVER_CONNECTED, .now = now, .session = session, .identity = {identity, strlen(identity)}};
    struct lubdub_event_line line;

    lubdub_event_line_begin(&line, "connected", now, now);
    lubdub_event_line_number(&line, "session", session);
    if (takeovers_connected(told->takeovers, &event, &line)) {
        tell_connected(told, session);
    }
}

static void disconnect(struct told *told, const char *identity, uint64_t session, enum lubdub_cause cause,
                       lubdub_time now)
{
    struct lubdub_server_event event = {.kind = LUBDUB_SERVER_DISCONNECTED,
                                        .now = now,
                                        .session = session,
                                        .identity = {identity, strlen(identity)},
                                        .cause = cause};

    if (takeovers_disconnected(told->takeovers, &event)) {
        told->lines++;
        told->disconnected[0]++;
        told->up = told->up == session ? 0 : told->up;
    }
}

/* Returns the last session. */
static uint64_t fight(struct told *told, lubdub_time now, lubdub_duration length, lubdub_duration pause)
{
    lubdub_time until = now + length;
    uint64_t session = 1;
    unsigned turns = 0;

    connect_as(told, "twin", session, now);
    for (; now < until; now += pause) {
        session++;
        if (session % 3 == 0) { /* the workers tell of it in either order */
            disconnect(told, "twin", session - 1, LUBDUB_CAUSE_REPLACED, now);
            connect_as(told, "twin", session, now);
        } else {
            connect_as(told, "twin", session, now);
            disconnect(told, "twin", session - 1, LUBDUB_CAUSE_REPLACED, now);
        }
        if (++turns % 100 == 0) {
            takeovers_settle(told->takeovers, now, false);
        }
    }
    return session;
}

static void finding_b20_fight_is_told_a_few_times_a_second(void **state)
{
    struct told *told = *state;
    const lubdub_duration length = 20 * LUBDUB_SECOND;
    uint64_t last = fight(told, START, length, LUBDUB_MILLISECOND);

    assert_true(told->lines < 20 * 4 + 20);
    takeovers_settle(told->takeovers, START + length + 2 * LUBDUB_SECOND, false);
    assert_int_equal(told->up, last); /* soon after the end it is known which session has it */
    assert_false(takeovers_settle(told->takeovers, START + length + 20 * LUBDUB_SECOND, false));

    disconnect(told, "twin", last, LUBDUB_CAUSE_BYE, START + 2 * length);
    assert_int_equal(told->up, 0);
    assert_int_equal(told->connected[0], told->disconnected[0]);
    assert_int_equal(told->connected[1], told->disconnected[1]);
    assert_int_equal(told->connected[0] + told->connected[1], last);
}

static void finding_b20_rare_takeovers_are_told_one_by_one(void **state)
{
    struct told *told = *state;
    uint64_t last = fight(told, START, LUBDUB_MINUTE, LUBDUB_SECOND);

    assert_int_equal(told->connected[0], last);
    assert_int_equal(told->disconnected[0], last - 1);
    assert_int_equal(told->connected[1], 0);
}

static void held_session_that_ends_by_itself_is_told_of(void **state)
{
    struct told *told = *state;
    uint64_t last = fight(told, START, 100 * LUBDUB_MILLISECOND, LUBDUB_MILLISECOND);
    struct lubdub_server_event late = {.kind = LUBDUB_SERVER_LATE, .session = last, .identity = {"twin", 4}};

    assert_int_not_equal(told->up, last);
    assert_true(takeovers_hide(told->takeovers, &late));
    disconnect(told, "twin", last, LUBDUB_CAUSE_HUNG, START + 101 * LUBDUB_MILLISECOND);
    assert_false(takeovers_hide(told->takeovers, &late));
    assert_int_equal(told->up, 0);
    assert_int_equal(told->connected[0], told->disconnected[0]);
    assert_false(takeovers_settle(told->takeovers, START + LUBDUB_SECOND, true));
    assert_int_equal(told->connected[0] + told->connected[1], last);
}

static void replaced_sessions_that_end_much_later_are_paired(void **state)
{
    struct told *told = *state;
    uint64_t last = fight(told, START, 100 * LUBDUB_MILLISECOND, LUBDUB_MILLISECOND);
    uint64_t session;

    for (session = last + 1; session <= last + 20; session++) { /* more than are remembered */
        connect_as(told, "twin", session, START + 100 * LUBDUB_MILLISECOND);
    }
    for (session = last; session <= last + 20; session++) {
        disconnect(told, "twin", session, session < last + 20 ? LUBDUB_CAUSE_REPLACED : LUBDUB_CAUSE_RESET,
                   START + 200 * LUBDUB_MILLISECOND);
    }
    takeovers_settle(told->takeovers, START + LUBDUB_SECOND, true);
    assert_int_equal(told->connected[0], told->disconnected[0]);
    assert_int_equal(told->connected[1], told->disconnected[1]);
    assert_int_equal(told->connected[0] + told->connected[1], last + 20);
}

static void other_identities_and_nameless_sessions_are_left_alone(void **state)
{
    struct told *told = *state;
    uint64_t before;

    fight(told, START, LUBDUB_SECOND, LUBDUB_MILLISECOND);
    before = told->connected[0];
    connect_as(told, "honest", 900000, START + LUBDUB_SECOND);
    assert_int_equal(told->up, 900000);
    connect_as(told, "", 900001, START + LUBDUB_SECOND);
    assert_int_equal(told->connected[0], before + 2);
    takeovers_settle(told->takeovers, START + LUBDUB_SECOND, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finding_b20_fight_is_told_a_few_times_a_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_b20_rare_takeovers_are_told_one_by_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(held_session_that_ends_by_itself_is_told_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replaced_sessions_that_end_much_later_are_paired, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_identities_and_nameless_sessions_are_left_alone, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
