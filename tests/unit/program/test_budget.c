/* How many events of one session, one network and all together are told, and that no other is lost without a count. */
#include "server/program/budget.h"

#include <stdio.h>

#include "support/test.h"

#define START LUBDUB_HOUR
#define KINDS (LUBDUB_SERVER_PATHS + 1)

struct told {
    struct budget *budget;
    uint64_t sums;
    uint64_t summed[KINDS]; /* events that sums stood for */
    uint64_t of_all[KINDS]; /* of those, in the sum of all */
    struct budget_sum last[KINDS];
    char identity[128];
    char content[BUDGET_CONTENT_MAX];
};

static void on_sum(const struct budget_sum *sum, void *user_data)
{
    struct told *told = user_data;

    assert_true(sum->count > 0);
    told->sums++;
    told->summed[sum->of] += sum->count;
    told->of_all[sum->of] += sum->session == 0 && sum->network == NULL ? sum->count : 0;
    told->last[sum->of] = *sum;
    if (sum->identity.length > 0) {
        memcpy(told->identity, sum->identity.data, sum->identity.length);
    }
    if (sum->content_length > 0) {
        memcpy(told->content, sum->content, sum->content_length);
    }
}

static int set_up(void **state)
{
    static struct told told;

    told = (struct told){0};
    told.budget = budget_new(on_sum, &told);
    assert_non_null(told.budget);
    *state = &told;
    return 0;
}

static int tear_down(void **state)
{
    struct told *told = *state;

    budget_free(told->budget);
    return 0;
}

static struct lubdub_server_event event_of(enum lubdub_server_event_kind kind, uint64_t session, lubdub_time now)
{
    static const struct lubdub_address remote = {.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .port = 4242};

    return (struct lubdub_server_event){.kind = kind, .now = now, .session = session, .remote = &remote};
}

static bool report(struct told *told, enum lubdub_server_event_kind kind, uint64_t session, lubdub_time now)
{
    struct lubdub_server_event event = event_of(kind, session, now);

    return budget_admits(told->budget, &event);
}

static void finding_b3_session_that_toggles_its_health_is_told_a_few_times_a_second(void **state)
{
    struct told *told = *state;
    const unsigned seconds = 60;
    uint64_t admitted = 0;
    uint64_t i;

    for (i = 0; i < seconds * 1000; i++) {
        lubdub_time now = START + i * LUBDUB_MILLISECOND;
        struct lubdub_server_event event = event_of(LUBDUB_SERVER_HEALTH, 7, now);

        event.identity = (struct lubdub_slice){"pump-7", 6};
        event.health = i % 2 == 0 ? LUBDUB_HEALTH_CRITICAL : LUBDUB_HEALTH_PASSING;
        event.content = (const uint8_t *)"disk full";
        event.length = i % 2 == 0 ? 9 : 0;
        admitted += budget_admits(told->budget, &event);
        if (i % 1000 == 999) {
            budget_settle(told->budget, now, false);
        }
    }
    assert_in_range(admitted, seconds, seconds + 10);
    assert_in_range(told->sums, 5, 7); /* one in ten seconds */
    assert_false(budget_settle(told->budget, START + seconds * LUBDUB_SECOND, true));
    assert_int_equal(admitted + told->summed[LUBDUB_SERVER_HEALTH], seconds * 1000);
    assert_int_equal(told->last[LUBDUB_SERVER_HEALTH].session, 7);
    assert_int_equal(told->last[LUBDUB_SERVER_HEALTH].health, LUBDUB_HEALTH_PASSING);
    assert_int_equal(told->last[LUBDUB_SERVER_HEALTH].content_length, 0);
    assert_string_equal(told->identity, "pump-7");
}

static void path_that_comes_and_goes_is_told_a_few_times_and_then_how_many_there_are(void **state)
{
    struct told *told = *state;
    uint64_t admitted = 0;
    uint64_t i;

    for (i = 0; i < 3600; i++) {
        struct lubdub_server_event event = event_of(LUBDUB_SERVER_PATHS, 7, START + i * LUBDUB_SECOND);

        event.was_paths = 2 - (unsigned)(i % 2);
        event.paths = 1 + (unsigned)(i % 2);
        admitted += budget_admits(told->budget, &event);
        budget_settle(told->budget, event.now, false);
    }
    budget_settle(told->budget, START + LUBDUB_HOUR, true);
    assert_in_range(admitted, 180, 186); /* one in twenty seconds */
    assert_int_equal(admitted + told->summed[LUBDUB_SERVER_PATHS], 3600);
    assert_int_equal(told->last[LUBDUB_SERVER_PATHS].paths, 2);
}

static void finding_b3_another_session_has_a_budget_of_its_own(void **state)
{
    struct told *told = *state;
    unsigned i;

    for (i = 0; i < 5000; i++) {
        report(told, LUBDUB_SERVER_MESSAGE, 1, START);
    }
    assert_true(report(told, LUBDUB_SERVER_MESSAGE, 2, START));
    assert_true(report(told, LUBDUB_SERVER_HEALTH, 1, START));
}

static void finding_b3_all_together_have_a_rate(void **state)
{
    struct told *told = *state;
    uint64_t admitted = 0;
    uint64_t session;

    for (session = 1; session <= 100000; session++) {
        admitted += report(told, LUBDUB_SERVER_MESSAGE, session, START);
    }
    assert_int_equal(admitted, 10000);
    admitted = 0;
    for (session = 1; session <= 100000; session++) {
        admitted += report(told, LUBDUB_SERVER_MESSAGE, session, START + LUBDUB_SECOND);
    }
    assert_int_equal(admitted, 1000);

    /* Two thousand sessions have sums of their own, as far as those find room; the rest is in the sum of all. */
    budget_settle(told->budget, START + 20 * LUBDUB_SECOND, false);
    budget_settle(told->budget, START + 40 * LUBDUB_SECOND, true);
    assert_int_equal(told->summed[LUBDUB_SERVER_MESSAGE], 200000 - 10000 - 1000);
    assert_true(told->of_all[LUBDUB_SERVER_MESSAGE] > 180000);
    assert_true(told->sums <= 2048 + 2);
}

static void finding_d5_late_and_recovered_are_told_a_few_times_a_minute(void **state)
{
    struct told *told = *state;
    const unsigned minutes = 10;
    uint64_t late = 0;
    uint64_t recovered = 0;
    uint64_t turns = 0;
    lubdub_time now = START;

    for (; now < START + minutes * LUBDUB_MINUTE; now += 50 * LUBDUB_MILLISECOND) {
        bool is_late_told = report(told, LUBDUB_SERVER_LATE, 7, now);

        /* Either both or none: a reader of the events never takes a living session for a late one. */
        assert_int_equal(report(told, LUBDUB_SERVER_RECOVERED, 7, now + 20 * LUBDUB_MILLISECOND), is_late_told);
        late += is_late_told;
        recovered += is_late_told;
        turns++;
        if (turns % 20 == 0) {
            budget_settle(told->budget, now, false);
        }
    }
    assert_in_range(late, 3 * minutes, 3 * minutes + 3);
    assert_in_range(told->sums, 2 * (minutes - 1), 2 * minutes);
    assert_int_equal(told->last[LUBDUB_SERVER_LATE].session, 7);
    budget_settle(told->budget, now, true);
    assert_int_equal(late + told->summed[LUBDUB_SERVER_LATE], turns);
    assert_int_equal(recovered + told->summed[LUBDUB_SERVER_RECOVERED], turns);
}

static void sums_of_a_session_come_before_its_end(void **state)
{
    struct told *told = *state;
    struct lubdub_server_event end = event_of(LUBDUB_SERVER_DISCONNECTED, 7, START);
    unsigned i;

    for (i = 0; i < 100; i++) {
        report(told, LUBDUB_SERVER_MESSAGE, 7, START);
    }
    budget_end(told->budget, &end, true);
    assert_int_equal(told->summed[LUBDUB_SERVER_MESSAGE], 80);
    assert_int_equal(told->last[LUBDUB_SERVER_MESSAGE].session, 7);
    assert_false(budget_settle(told->budget, START, false));

    end.session = 8;
    for (i = 0; i < 100; i++) {
        report(told, LUBDUB_SERVER_MESSAGE, 8, START);
    }
    budget_end(told->budget, &end, false); /* a session that was never told of */
    assert_true(budget_settle(told->budget, START, false));
    assert_false(budget_settle(told->budget, START + LUBDUB_MINUTE, false));
    assert_int_equal(told->of_all[LUBDUB_SERVER_MESSAGE], 80);
}

static bool reject(struct told *told, const char *host, enum lubdub_cause cause, lubdub_time now)
{
    struct lubdub_server_event event = {.kind = LUBDUB_SERVER_REJECTED, .now = now, .cause = cause};
    struct lubdub_address address;

    assert_true(lubdub_address_parse(&address, host, 1));
    event.remote = &address;
    return budget_admits(told->budget, &event);
}

static void finding_b19_health_checks_of_a_balancer_are_summed_up(void **state)
{
    struct told *told = *state;
    uint64_t admitted = 0;
    lubdub_time now;

    for (now = START; now < START + 24 * LUBDUB_HOUR; now += 2 * LUBDUB_SECOND) {
        admitted += reject(told, "192.0.2.7", LUBDUB_CAUSE_PROTOCOL, now);
        budget_settle(told->budget, now, false);
    }
    assert_in_range(admitted, 10, 154);
    assert_in_range(told->sums, 140, 144);
    assert_non_null(told->last[LUBDUB_SERVER_REJECTED].network);
    assert_int_equal(told->last[LUBDUB_SERVER_REJECTED].cause, LUBDUB_CAUSE_PROTOCOL);
    budget_settle(told->budget, now, true);
    assert_int_equal(admitted + told->summed[LUBDUB_SERVER_REJECTED], 24 * 1800);

    /* Another reason, and another address, are told. */
    assert_true(reject(told, "192.0.2.7", LUBDUB_CAUSE_TIMEOUT, now));
    assert_true(reject(told, "192.0.2.8", LUBDUB_CAUSE_PROTOCOL, now));
}

static void finding_b19_addresses_of_one_64_count_as_one(void **state)
{
    struct told *told = *state;
    uint64_t admitted = 0;
    unsigned i;

    for (i = 0; i < 100; i++) {
        char host[64];

        snprintf(host, sizeof host, "2001:db8:1:2:%x::7", i);
        admitted += reject(told, host, LUBDUB_CAUSE_PROTOCOL, START);
    }
    assert_int_equal(admitted, 10);
    assert_true(reject(told, "2001:db8:1:3::7", LUBDUB_CAUSE_PROTOCOL, START));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finding_b3_session_that_toggles_its_health_is_told_a_few_times_a_second, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(path_that_comes_and_goes_is_told_a_few_times_and_then_how_many_there_are, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(finding_b3_another_session_has_a_budget_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_b3_all_together_have_a_rate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_d5_late_and_recovered_are_told_a_few_times_a_minute, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_of_a_session_come_before_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_b19_health_checks_of_a_balancer_are_summed_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_b19_addresses_of_one_64_count_as_one, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
