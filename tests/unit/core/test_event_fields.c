/* An event's caller need not clear it: each field that is named for its kind is written, whatever stood there. */
#include <stdlib.h>

#include "support/script.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND

static struct lubdub_event event; /* full of junk before each call */

static void *junk(void)
{
    return memset(&event, 0xa5, sizeof event);
}

static struct lubdub_turn turn_of(const struct endpoint *endpoint)
{
    static uint8_t output[4096];

    return (struct lubdub_turn){
        .now = endpoint->now,
        .settings = &endpoint->settings,
        .path = endpoint->path,
        .output = output,
        .output_capacity = sizeof output,
    };
}

static void receive(struct endpoint *endpoint, unsigned type, unsigned flags, uint64_t sequence, const char *content)
{
    static struct wire_bytes bytes; /* the event points into it */
    struct lubdub_turn turn = turn_of(endpoint);

    wire_bytes_clear(&bytes);
    wire_bytes_put_frame(&bytes, type, flags, sequence, content, strlen(content));
    (void)lubdub_session_receive(&endpoint->session, &turn, bytes.data, bytes.length, junk());
}

static void tick(struct endpoint *endpoint, lubdub_duration length)
{
    struct lubdub_turn turn;

    endpoint->now += length;
    turn = turn_of(endpoint);
    lubdub_session_tick(&endpoint->session, &turn, junk());
}

static int setup_server(void **state)
{
    *state = malloc(sizeof(struct endpoint));
    endpoint_init(*state, LUBDUB_ROLE_SERVER);
    return 0;
}

static int setup_client(void **state)
{
    *state = malloc(sizeof(struct endpoint));
    endpoint_init(*state, LUBDUB_ROLE_CLIENT);
    return 0;
}

static int teardown(void **state)
{
    endpoint_clear(*state);
    free(*state);
    return 0;
}

static void nothing_is_none(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    receive(server, LUBDUB_FRAME_PROBE, 0, 1, "");
    assert_int_equal(event.kind, LUBDUB_EVENT_NONE);
    tick(server, 0);
    assert_int_equal(event.kind, LUBDUB_EVENT_NONE);
}

static void hello_says_whether_there_was_one(void **state)
{
    struct endpoint *server = *state;

    endpoint_open(server);
    receive(server, LUBDUB_FRAME_HELLO, 0, 5, "");
    assert_int_equal(event.kind, LUBDUB_EVENT_HELLO);
    assert_false(event.is_anonymous);
    assert_int_equal(event.incarnation, 5);
    assert_null(event.options.identity.data);
}

static void anonymous_beginning_asks_for_nothing(void **state)
{
    struct endpoint *server = *state;
    const struct lubdub_options none = {0};

    endpoint_open(server);
    receive(server, LUBDUB_FRAME_PROBE, 0, 1, "");
    assert_int_equal(event.kind, LUBDUB_EVENT_HELLO);
    assert_true(event.is_anonymous);
    assert_int_equal(event.incarnation, 0);
    assert_memory_equal(&event.options, &none, sizeof none);
}

static void late_and_recovered_say_how_long_it_was_silent(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    tick(server, 1500 * MS);
    assert_int_equal(event.kind, LUBDUB_EVENT_LATE);
    assert_true(event.silent_for == 1500 * MS);
    server->now += 100 * MS;
    receive(server, LUBDUB_FRAME_PROBE, 0, 1, "");
    assert_int_equal(event.kind, LUBDUB_EVENT_RECOVERED);
    assert_true(event.silent_for == 1600 * MS);
}

static void health_comes_with_what_it_was_and_with_its_probe(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    receive(server, LUBDUB_FRAME_PROBE, LUBDUB_HEALTH_WARNING, 1, "disk");
    assert_int_equal(event.kind, LUBDUB_EVENT_HEALTH);
    assert_int_equal(event.health, LUBDUB_HEALTH_WARNING);
    assert_int_equal(event.was_health, LUBDUB_HEALTH_PASSING);
    assert_int_equal(event.length, 4);
    assert_memory_equal(event.content, "disk", 4);
}

static void message_comes_with_its_content_and_sequence(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    receive(server, LUBDUB_FRAME_MESSAGE, 0, 1, "valve");
    assert_int_equal(event.kind, LUBDUB_EVENT_MESSAGE);
    assert_int_equal(event.sequence, 1);
    assert_int_equal(event.length, 5);
    assert_memory_equal(event.content, "valve", 5);
}

/* No probe decided, nothing was waited for, and no verdict was due. */
static void expect_end(enum lubdub_cause cause)
{
    assert_int_equal(event.kind, LUBDUB_EVENT_DOWN);
    assert_int_equal(event.cause, cause);
    assert_int_equal(event.sequence, 0);
    assert_true(event.waited_for == 0);
    assert_true(event.deadline == 0);
    assert_true(event.adaptive == 0);
    assert_false(event.has_retry_after);
    assert_true(event.had_session);
}

static void end_by_the_protocol_has_a_reason_and_a_text(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    server->now += 300 * MS;
    receive(server, LUBDUB_FRAME_PROBE, 0, 7, "");
    expect_end(LUBDUB_CAUSE_PROTOCOL);
    assert_true(event.silent_for == 300 * MS);
    assert_true(event.has_reason);
    assert_int_equal(event.reason_code, LUBDUB_REASON_PROTOCOL_ERROR);
    assert_true(event.text.length > 0);
}

static void end_by_a_plain_bye_has_a_reason_and_no_text(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    receive(server, LUBDUB_FRAME_BYE, 0, LUBDUB_REASON_NORMAL, "");
    expect_end(LUBDUB_CAUSE_BYE);
    assert_true(event.has_reason);
    assert_int_equal(event.reason_code, LUBDUB_REASON_NORMAL);
    assert_int_equal(event.text.length, 0);
}

static void end_of_the_stream_has_no_reason(void **state)
{
    struct endpoint *server = *state;
    struct lubdub_turn turn;

    script_server_open(server);
    turn = turn_of(server);
    lubdub_session_receive_end(&server->session, &turn, LUBDUB_CAUSE_RESET, junk());
    expect_end(LUBDUB_CAUSE_RESET);
    assert_false(event.has_reason);
    assert_int_equal(event.reason_code, 0);
    assert_null(event.text.data);
}

/* Which of the two lacks is told apart by its text. */
static void handshake_time_names_what_did_not_come(void **state)
{
    struct endpoint *server = *state;
    struct endpoint client;

    endpoint_open(server);
    tick(server, server->settings.handshake_timeout);
    assert_int_equal(event.cause, LUBDUB_CAUSE_TIMEOUT);
    assert_non_null(strstr(event.text.data, "no whole frame came"));

    endpoint_clear(server);
    endpoint_init(server, LUBDUB_ROLE_SERVER);
    endpoint_open(server);
    receive(server, LUBDUB_FRAME_HELLO, 0, 1, "");
    tick(server, server->settings.handshake_timeout);
    assert_int_equal(event.cause, LUBDUB_CAUSE_TIMEOUT);
    assert_non_null(strstr(event.text.data, "HELLO could not be answered"));
    assert_true(event.deadline == server->now);

    endpoint_init(&client, LUBDUB_ROLE_CLIENT);
    endpoint_open(&client);
    tick(&client, client.settings.handshake_timeout);
    assert_int_equal(event.cause, LUBDUB_CAUSE_HUNG);
    assert_non_null(strstr(event.text.data, "no WELCOME came"));
    endpoint_clear(&client);
}

static void ack_comes_with_its_round_trip_and_content(void **state)
{
    struct endpoint *client = *state;

    client->settings.content = (struct lubdub_slice){"load", 4};
    script_client_open(client);
    client->now += 20 * MS;
    receive(client, LUBDUB_FRAME_ACK, 0, 1, "load");
    assert_int_equal(event.kind, LUBDUB_EVENT_ACKED);
    assert_int_equal(event.sequence, 1);
    assert_true(event.round_trip == 20 * MS);
    assert_int_equal(event.length, 4);
    assert_memory_equal(event.content, "load", 4);
}

/* A time-out of 3 s that is told 5 ms late. */
static void expect_time_out(const struct endpoint *client, uint64_t sequence)
{
    assert_int_equal(event.kind, LUBDUB_EVENT_TIMED_OUT);
    assert_int_equal(event.cause, LUBDUB_CAUSE_HUNG);
    assert_int_equal(event.sequence, sequence);
    assert_true(event.waited_for == 3 * LUBDUB_SECOND + 5 * MS);
    assert_true(event.deadline == client->now - 5 * MS);
    assert_true(event.adaptive == 0);
}

static void timeout_says_which_probe_and_since_when(void **state)
{
    struct endpoint *client = *state;

    client->settings.stays_connected = true;
    script_client_open(client);
    tick(client, 3 * LUBDUB_SECOND + 5 * MS);
    expect_time_out(client, 1);
}

/* It takes no byte: no probe decides, and the time counts from when the kernel stopped. */
static void blocking_says_since_when_and_names_no_probe(void **state)
{
    struct endpoint *client = *state;

    client->settings.stays_connected = true;
    client->settings.interval_limit = LUBDUB_TIME_NEVER;
    endpoint_open(client);
    say_welcome(client, 0, SCRIPT_SESSION_NUMBER, 60000, 180000);
    say_ack(client, 1);
    client->kernel_room = 0;
    say_probe(client, 1);
    tick(client, 3 * LUBDUB_SECOND + 5 * MS);
    expect_time_out(client, 0);
}

static void changed_grant_says_its_session(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    receive(client, LUBDUB_FRAME_WELCOME, LUBDUB_FLAG_CHANGED, SCRIPT_SESSION_NUMBER, "");
    assert_int_equal(event.kind, LUBDUB_EVENT_GRANT_CHANGED);
    assert_int_equal(event.session_number, SCRIPT_SESSION_NUMBER);
    assert_false(event.is_resumed);
}

#define SERVER(name) cmocka_unit_test_setup_teardown(name, setup_server, teardown)
#define CLIENT(name) cmocka_unit_test_setup_teardown(name, setup_client, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER(nothing_is_none),
        SERVER(hello_says_whether_there_was_one),
        SERVER(anonymous_beginning_asks_for_nothing),
        SERVER(late_and_recovered_say_how_long_it_was_silent),
        SERVER(health_comes_with_what_it_was_and_with_its_probe),
        SERVER(message_comes_with_its_content_and_sequence),
        SERVER(end_by_the_protocol_has_a_reason_and_a_text),
        SERVER(end_by_a_plain_bye_has_a_reason_and_no_text),
        SERVER(end_of_the_stream_has_no_reason),
        SERVER(handshake_time_names_what_did_not_come),
        CLIENT(ack_comes_with_its_round_trip_and_content),
        CLIENT(timeout_says_which_probe_and_since_when),
        CLIENT(blocking_says_since_when_and_names_no_probe),
        CLIENT(changed_grant_says_its_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
