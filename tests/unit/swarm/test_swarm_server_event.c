/* Lines of a server's JSON events, and lines that are none. */
#include "support/test.h"

#include <stdio.h>

#include "swarm/servers/event.h"

static bool parse(struct swarm_server_event *event, const char *line)
{
    return swarm_server_event_parse(event, line, strlen(line));
}

static void disconnected_is_understood_with_its_client_session_time_and_cause(void **state)
{
    struct swarm_server_event event;

    (void)state;
    assert_true(parse(&event, "{\"time\":\"2026-01-31T23:59:59.000001Z\",\"mono_ns\":4371633535844,"
                              "\"event\":\"disconnected\",\"session\":281474976710699,\"id\":\"swarm-121\","
                              "\"remote\":\"127.1.0.1:40000\",\"cause\":\"slow-reader\",\"silent_ms\":3}"));
    assert_int_equal(event.kind, SWARM_SERVER_DISCONNECTED);
    assert_true(event.at == 4371633535844u);
    assert_true(event.session == 281474976710699u);
    assert_true(event.has_client);
    assert_int_equal(event.client, 121);
    assert_int_equal(event.cause, LUBDUB_CAUSE_SLOW_READER);
}

static void verdict_by_silence_says_how_late_it_came(void **state)
{
    struct swarm_server_event event;

    (void)state;
    assert_true(parse(&event, "{\"mono_ns\":5000,\"event\":\"disconnected\",\"cause\":\"hung\",\"deadline_ns\":4200}"));
    assert_true(event.has_deadline);
    assert_int_equal(event.late_by, 800);
    assert_true(parse(&event, "{\"mono_ns\":5000,\"event\":\"disconnected\",\"cause\":\"closed\"}"));
    assert_false(event.has_deadline);
    assert_int_equal(event.late_by, 0);
}

static void other_events_are_told_apart(void **state)
{
    struct swarm_server_event event;

    (void)state;
    assert_true(parse(&event, "{\"event\":\"listening\",\"address\":\"127.0.0.1:3333\"}"));
    assert_int_equal(event.kind, SWARM_SERVER_LISTENING);
    assert_true(parse(&event, "{\"event\":\"late\",\"id\":\"swarm-0\"}"));
    assert_int_equal(event.kind, SWARM_SERVER_LATE);
    assert_true(event.has_client);
    assert_true(parse(&event, "{\"event\":\"dropped\",\"count\":17}"));
    assert_int_equal(event.kind, SWARM_SERVER_DROPPED);
    assert_int_equal(event.count, 17);
    assert_true(parse(&event, "{\"event\":\"something new\"}"));
    assert_int_equal(event.kind, SWARM_SERVER_OTHER);
}

static void identity_of_somebody_else_is_no_client_of_ours(void **state)
{
    static const char *const identities[] = {
        "", "swarm", "swarm-", "swarm-x", "swarm--1", "swarm-1 ", "swarm-4294967296", "pump-7", "SWARM-1"};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(identities); i++) {
        struct swarm_server_event event;
        char line[128];

        snprintf(line, sizeof line, "{\"event\":\"disconnected\",\"cause\":\"bye\",\"id\":\"%s\"}", identities[i]);
        assert_true(parse(&event, line));
        assert_false(event.has_client);
    }
}

static void line_that_is_no_event_is_refused(void **state)
{
    static const char *const lines[] = {"",
                                        "{",
                                        "[]",
                                        "17",
                                        "null",
                                        "{}",
                                        "{\"event\":3}",
                                        "listening on port 3333",
                                        "{\"event\":\"late\"} {\"event\":\"late\"}",
                                        "\xff\xfe"};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(lines); i++) {
        struct swarm_server_event event;

        assert_false(parse(&event, lines[i]));
    }
}

static void fields_of_another_type_count_as_missing(void **state)
{
    struct swarm_server_event event;

    (void)state;
    assert_true(
        parse(&event, "{\"event\":\"disconnected\",\"mono_ns\":\"soon\",\"session\":-5,\"id\":7,\"cause\":null}"));
    assert_true(event.at == 0);
    assert_true(event.session == 0);
    assert_false(event.has_client);
    assert_int_equal(event.cause, LUBDUB_CAUSE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disconnected_is_understood_with_its_client_session_time_and_cause),
        cmocka_unit_test(verdict_by_silence_says_how_late_it_came),
        cmocka_unit_test(other_events_are_told_apart),
        cmocka_unit_test(identity_of_somebody_else_is_no_client_of_ours),
        cmocka_unit_test(line_that_is_no_event_is_refused),
        cmocka_unit_test(fields_of_another_type_count_as_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
