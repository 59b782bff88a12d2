/* The client's half of a session: HELLO, the five steps, timeouts, late acks, grants. */
#include "core/session_client.h"
#include "core/session_waiting.h"
#include "support/script.h"
#include "support/test.h"

#include <stdlib.h>

#include <lubdub/version.h>

#define MS LUBDUB_MILLISECOND

/* Every test gets a client that has not begun, with a clock at 1000 s. */
static int setup(void **state)
{
    struct endpoint *client = malloc(sizeof *client);

    endpoint_init(client, LUBDUB_ROLE_CLIENT);
    *state = client;
    return 0;
}

static int teardown(void **state)
{
    endpoint_clear(*state);
    free(*state);
    return 0;
}

static bool slice_is(struct lubdub_slice slice, const char *text)
{
    return slice.length == strlen(text) && memcmp(slice.data, text, slice.length) == 0;
}

static struct lubdub_slice slice_of(const char *text)
{
    return (struct lubdub_slice){text, strlen(text)};
}

/* ---- opening ---- */

static void hello_tells_all_that_the_settings_say(void **state)
{
    struct endpoint *client = *state;
    const struct lubdub_label labels[] = {{{"site", 4}, {"north", 5}}, {{"rack", 4}, {NULL, 0}}};
    struct lubdub_frame hello;
    struct lubdub_options options;

    client->settings.incarnation = 123456789012345678u;
    client->settings.identity = slice_of("pump-7");
    client->settings.token = slice_of("secret");
    client->settings.interval = 250 * MS;
    client->settings.expiry = 900 * MS;
    client->settings.labels = labels;
    client->settings.label_count = COUNT_OF(labels);
    endpoint_open(client);

    hello = expect_frame(client, HELLO);
    assert_true(hello.sequence == 123456789012345678u);
    assert_int_equal(hello.flags, 0);
    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_HELLO, hello.content, hello.length));
    assert_true(slice_is(options.identity, "pump-7"));
    assert_true(slice_is(options.token, "secret"));
    assert_true(slice_is(options.agent, "lubdub/" LUBDUB_VERSION));
    assert_int_equal(options.interval_ms, 250);
    assert_int_equal(options.expiry_ms, 900);
    assert_int_equal(options.label_count, 2);
    assert_true(slice_is(options.labels[0].key, "site"));
    assert_true(slice_is(options.labels[0].value, "north"));
    assert_true(slice_is(options.labels[1].key, "rack"));
    assert_int_equal(options.labels[1].value.length, 0);
    expect_no_frame(client);
}

static void longest_hello_that_the_settings_allow_fits(void **state)
{
    struct endpoint *client = *state;
    char key[LUBDUB_LABEL_KEY_LIMIT];
    char text[LUBDUB_TOKEN_LIMIT];
    struct lubdub_label labels[LUBDUB_LABEL_COUNT_LIMIT];
    struct lubdub_frame hello;
    struct lubdub_options options;
    size_t i;

    memset(key, 'k', sizeof key);
    memset(text, 't', sizeof text);
    for (i = 0; i < COUNT_OF(labels); i++) {
        labels[i].key = (struct lubdub_slice){key, sizeof key};
        labels[i].value = (struct lubdub_slice){text, LUBDUB_LABEL_VALUE_LIMIT};
    }
    client->settings.identity = (struct lubdub_slice){text, LUBDUB_IDENTITY_LIMIT};
    client->settings.token = (struct lubdub_slice){text, LUBDUB_TOKEN_LIMIT};
    client->settings.agent = (struct lubdub_slice){text, LUBDUB_AGENT_LIMIT};
    client->settings.labels = labels;
    client->settings.label_count = COUNT_OF(labels);
    assert_null(lubdub_session_settings_check(&client->settings, LUBDUB_ROLE_CLIENT));
    endpoint_open(client);
    hello = expect_frame(client, HELLO);
    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_HELLO, hello.content, hello.length));
    assert_int_equal(options.label_count, LUBDUB_LABEL_COUNT_LIMIT);
}

static void hello_leaves_out_what_is_not_set(void **state)
{
    struct endpoint *client = *state;
    struct lubdub_frame hello;
    struct lubdub_options options;

    client->settings.expiry = 0;
    client->settings.agent = (struct lubdub_slice){"", 0};
    endpoint_open(client);
    hello = expect_frame(client, HELLO);
    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_HELLO, hello.content, hello.length));
    assert_null(options.identity.data);
    assert_null(options.token.data);
    assert_null(options.agent.data);
    assert_int_equal(options.expiry_ms, 0);
    assert_int_equal(options.label_count, 0);
}

static void welcome_brings_the_session_up(void **state)
{
    struct endpoint *client = *state;
    struct wire_bytes options = {0};
    const struct lubdub_event *up;

    endpoint_open(client);
    expect_no_event(client);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, 700);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, 1500);
    wire_bytes_put_option(&options, LUBDUB_OPTION_LAST_END, "\x04", 1);
    wire_bytes_put_option(&options, LUBDUB_OPTION_AGENT, "other", 5);
    say(client, LUBDUB_FRAME_WELCOME, LUBDUB_FLAG_RESUMED, 42, options.data, options.length);
    wire_bytes_clear(&options);

    up = expect_event(client, UP);
    assert_true(up->session_number == 42);
    assert_true(up->is_resumed);
    assert_int_equal(up->options.last_end, LUBDUB_CAUSE_HUNG);
    assert_true(slice_is(up->options.agent, "other"));
    assert_true(lubdub_session_interval(&client->session) == 700 * MS);
    assert_true(lubdub_session_expiry(&client->session) == 1500 * MS);
}

static void expiry_left_out_of_welcome_is_three_times_the_interval(void **state)
{
    struct endpoint *client = *state;

    endpoint_open(client);
    say_welcome(client, 0, 42, 700, 0);
    expect_event(client, UP);
    assert_true(lubdub_session_expiry(&client->session) == 2100 * MS);
}

static void welcome_without_grants_leaves_the_interval_as_it_was_asked(void **state)
{
    struct endpoint *client = *state;

    client->settings.interval = 300 * MS;
    endpoint_open(client);
    say_welcome(client, 0, 42, 0, 0);
    expect_event(client, UP);
    assert_true(lubdub_session_interval(&client->session) == 300 * MS);
    assert_true(lubdub_session_expiry(&client->session) == 900 * MS);
}

static void welcome_without_a_session_number_is_a_protocol_error(void **state)
{
    struct endpoint *client = *state;

    endpoint_open(client);
    endpoint_look_away(client);
    say_welcome(client, 0, 0, 1000, 3000);
    expect_protocol_error(client, PROTOCOL_ERROR);
}

static void granted_expiry_below_twice_the_interval_is_a_protocol_error(void **state)
{
    struct endpoint *client = *state;

    endpoint_open(client);
    endpoint_look_away(client);
    say_welcome(client, 0, 42, 1000, 1999);
    expect_protocol_error(client, PROTOCOL_ERROR);
}

static void granted_interval_of_0_is_a_protocol_error(void **state)
{
    struct endpoint *client = *state;
    struct wire_bytes options = {0};

    endpoint_open(client);
    endpoint_look_away(client);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, 0);
    say(client, LUBDUB_FRAME_WELCOME, 0, 42, options.data, options.length);
    wire_bytes_clear(&options);
    expect_protocol_error(client, PROTOCOL_ERROR);
}

static void longest_grants_of_the_wire_are_taken(void **state)
{
    struct endpoint *client = *state;

    client->settings.interval_limit = LUBDUB_TIME_NEVER;
    endpoint_open(client);
    say_welcome(client, 0, 42, UINT32_MAX / 2, UINT32_MAX);
    expect_event(client, UP);
    endpoint_advance(client, 100 * LUBDUB_HOUR);
    expect_event(client, DOWN); /* the first probe timed out */
}

static void longest_interval_without_expiry_is_taken(void **state)
{
    struct endpoint *client = *state;

    client->settings.interval_limit = UINT32_MAX * MS;
    endpoint_open(client);
    say_welcome(client, 0, 42, UINT32_MAX, 0);
    expect_event(client, UP);
    assert_true(lubdub_session_interval(&client->session) == UINT32_MAX * MS);
}

/* D4: an interval of 49 days would mean that no death is ever found. */
static void d4_interval_far_beyond_the_one_asked_for_is_refused(void **state)
{
    const struct {
        lubdub_duration asked;
        lubdub_duration limit; /* 0: sixty times what was asked for */
        uint32_t granted_ms;
        bool is_taken;
    } cases[] = {
        {LUBDUB_SECOND, 0, 60000, true},
        {LUBDUB_SECOND, 0, 60001, false},
        {10 * MS, 0, 600, true},
        {10 * MS, 0, 601, false},
        {LUBDUB_SECOND, 5 * LUBDUB_SECOND, 5000, true},
        {LUBDUB_SECOND, 5 * LUBDUB_SECOND, 5001, false},
        {LUBDUB_SECOND, 0, UINT32_MAX, false},
    };
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct endpoint client;

        endpoint_init(&client, LUBDUB_ROLE_CLIENT);
        client.settings.interval = cases[i].asked;
        client.settings.interval_limit = cases[i].limit;
        endpoint_open(&client);
        endpoint_look_away(&client);
        say_welcome(&client, 0, 42, cases[i].granted_ms, 0);
        if (cases[i].is_taken) {
            expect_event(&client, UP);
        } else {
            const struct lubdub_event *down = expect_event(&client, DOWN);

            assert_int_equal(down->cause, LUBDUB_CAUSE_REJECTED);
            assert_false(down->had_session);
            assert_true(down->text.length > 0);
            expect_bye(&client, NORMAL);
        }
        endpoint_clear(&client);
    }
}

static void d4_changed_grant_beyond_the_limit_ends_the_session(void **state)
{
    struct endpoint *client = *state;
    const struct lubdub_event *down;

    script_client_open(client);
    say_welcome(client, LUBDUB_FLAG_CHANGED, SCRIPT_SESSION_NUMBER, 60001, 0);
    down = expect_event(client, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_REJECTED);
    assert_true(down->had_session);
    expect_bye(client, NORMAL);
}

static void first_frame_must_be_welcome_or_bye(void **state)
{
    const unsigned wrong[] = {LUBDUB_FRAME_HELLO, LUBDUB_FRAME_PROBE, LUBDUB_FRAME_ACK, LUBDUB_FRAME_MESSAGE};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(wrong); i++) {
        struct endpoint client;

        endpoint_init(&client, LUBDUB_ROLE_CLIENT);
        endpoint_open(&client);
        endpoint_look_away(&client);
        say(&client, wrong[i], 0, 1, NULL, 0);
        expect_protocol_error(&client, PROTOCOL_ERROR);
        endpoint_clear(&client);
    }
}

static void hello_from_a_server_is_a_protocol_error(void **state)
{
    struct endpoint *client = *state;
    struct wire_bytes none = {0};

    script_client_open(client);
    say_hello(client, 1, &none);
    expect_protocol_error(client, PROTOCOL_ERROR);
}

static void missing_welcome_ends_at_the_handshake_timeout(void **state)
{
    struct endpoint *client = *state;
    lubdub_time due = client->now + client->settings.handshake_timeout;
    const struct lubdub_event *down;

    endpoint_open(client);
    endpoint_advance_to(client, due - 1);
    expect_no_event(client);
    endpoint_advance_to(client, due);
    down = expect_event(client, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_HUNG);
    assert_false(down->had_session);
    assert_true(down->deadline == due);
    expect_state(client, CLOSED);
}

static void bye_instead_of_welcome_is_the_end(void **state)
{
    struct endpoint *client = *state;
    const struct lubdub_event *down;

    endpoint_open(client);
    say_bye(client, LUBDUB_REASON_OVERLOADED);
    down = expect_event(client, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_REJECTED);
    assert_int_equal(down->reason_code, LUBDUB_REASON_OVERLOADED);
    assert_false(down->had_session);
}

static void content_of_probes_that_the_server_does_not_take_ends_the_session(void **state)
{
    struct endpoint *client = *state;
    struct wire_bytes options = {0};
    const struct lubdub_event *down;

    client->settings.content = slice_of("twelve bytes");
    endpoint_open(client);
    endpoint_look_away(client);
    wire_bytes_put_option(&options, LUBDUB_OPTION_MAX_CONTENT, "\x00\x0b", 2);
    say(client, LUBDUB_FRAME_WELCOME, 0, 42, options.data, options.length);
    wire_bytes_clear(&options);
    down = expect_event(client, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_REJECTED);
    expect_bye(client, NORMAL);
}

/* ---- the five steps ---- */

static void first_probe_goes_out_right_after_welcome(void **state)
{
    struct endpoint *client = *state;

    endpoint_open(client);
    expect_frame(client, HELLO);
    endpoint_advance(client, 100 * MS);
    expect_no_frame(client); /* not before */
    say_welcome(client, 0, 42, 1000, 3000);
    expect_whole_frame(client, PROBE, 0, 1, NULL, 0);
}

static void probe_goes_out_every_interval_on_a_fixed_grid(void **state)
{
    struct endpoint *client = *state;
    lubdub_time first = client->now;
    uint64_t i;

    script_client_open(client);
    for (i = 2; i < 1000; i++) {
        endpoint_advance_to(client, first + (i - 1) * LUBDUB_SECOND - 1);
        say_ack(client, i - 1);
        expect_no_frame(client);
        endpoint_advance_to(client, first + (i - 1) * LUBDUB_SECOND);
        expect_whole_frame(client, PROBE, 0, i, NULL, 0);
    }
}

static void phase_moves_the_second_probe_and_all_after_it(void **state)
{
    struct endpoint *client = *state;
    lubdub_time first = client->now;

    client->settings.phase = 333 * MS;
    script_client_open(client);
    endpoint_advance_to(client, first + 333 * MS - 1);
    expect_no_frame(client);
    endpoint_advance_to(client, first + 333 * MS);
    expect_frame(client, PROBE);
    endpoint_advance_to(client, first + 1333 * MS - 1);
    expect_no_frame(client);
    endpoint_advance_to(client, first + 1333 * MS);
    expect_frame(client, PROBE);
}

static void phase_of_more_than_the_interval_is_what_is_left_over(void **state)
{
    struct endpoint *client = *state;
    lubdub_time first = client->now;

    client->settings.phase =
        2 * LUBDUB_SECOND + 333 * MS; /* of the interval that was asked for; the server grants less */
    script_client_open(client);
    endpoint_advance_to(client, first + 333 * MS - 1);
    expect_no_frame(client);
    endpoint_advance_to(client, first + 333 * MS);
    expect_frame(client, PROBE);
}

static void probe_carries_content_and_health(void **state)
{
    struct endpoint *client = *state;

    client->settings.content = slice_of("hello");
    script_client_open(client);
    lubdub_session_set_health(&client->session, LUBDUB_HEALTH_CRITICAL);
    endpoint_advance(client, LUBDUB_SECOND);
    expect_whole_frame(client, PROBE, LUBDUB_HEALTH_CRITICAL, 2, "hello", 5);
}

static void ack_cancels_the_timeout_and_tells_the_round_trip(void **state)
{
    struct endpoint *client = *state;
    const struct lubdub_event *acked;

    client->settings.content = slice_of("hello");
    script_client_open(client);
    endpoint_advance(client, 12 * MS);
    say_text(client, LUBDUB_FRAME_ACK, 1, "hello");
    acked = expect_event(client, ACKED);
    assert_true(acked->sequence == 1);
    assert_true(acked->round_trip == 12 * MS);
    assert_int_equal(acked->length, 5);
    assert_memory_equal(acked->content, "hello", 5);
    expect_no_event(client);
}

static void timeout_without_its_ack_ends_the_session_on_time_and_not_before(void **state)
{
    struct endpoint *client = *state;
    lubdub_time sent_at = client->now;
    const struct lubdub_event *down;

    client->settings.timeout = 2500 * MS;
    script_client_open(client);
    endpoint_advance_to(client, sent_at + 2500 * MS - 1);
    expect_no_event(client);
    assert_false(lubdub_session_verdict_is_due(&client->session, &client->settings, client->now));
    endpoint_advance_to(client, sent_at + 2500 * MS);
    down = expect_event(client, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_HUNG);
    assert_true(down->sequence == 1);
    assert_true(down->waited_for == 2500 * MS);
    assert_true(down->deadline == sent_at + 2500 * MS);
    assert_true(down->had_session);
    assert_false(down->has_reason);
    expect_state(client, CLOSED);
}

static void silence_is_hung_where_the_kernel_acknowledges_and_unreachable_where_not(void **state)
{
    const struct {
        enum lubdub_path path;
        enum lubdub_cause cause;
    } cases[] = {{LUBDUB_PATH_ACKNOWLEDGED, LUBDUB_CAUSE_HUNG},
                 {LUBDUB_PATH_SILENT, LUBDUB_CAUSE_UNREACHABLE},
                 {LUBDUB_PATH_UNKNOWN, LUBDUB_CAUSE_HUNG}};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct endpoint client;

        script_client_up(&client);
        client.path = cases[i].path;
        endpoint_advance(&client, 3 * LUBDUB_SECOND);
        assert_int_equal(expect_event(&client, DOWN)->cause, cases[i].cause);
        endpoint_clear(&client);
    }
}

static void open_over_paths(struct endpoint *client)
{
    endpoint_open(client);
    lubdub_session_note_paths(&client->session);
    expect_frame(client, HELLO);
    say_welcome(client, 0, SCRIPT_SESSION_NUMBER, 1000, 3000);
    expect_event(client, UP);
    expect_frame(client, PROBE);
}

/*
 * What its kernel acknowledged before a cut proves nothing after it: the answer may be lost on one path when the other
 * is cut (simulated: two paths, an interval of 3 s, a timeout of 2.5 s).
 */
static void lone_probe_over_paths_is_followed_by_another_half_way_to_its_timeout(void **state)
{
    struct endpoint *client = *state;
    lubdub_time sent_at;

    client->settings.timeout = 900 * MS; /* and the interval is a second */
    open_over_paths(client);
    sent_at = client->now;
    endpoint_advance_to(client, sent_at + 450 * MS - 1);
    expect_no_frame(client);
    endpoint_advance_to(client, sent_at + 450 * MS);
    assert_true(expect_frame(client, PROBE).sequence == 2);
    endpoint_advance_to(client, sent_at + 900 * MS - 1);
    expect_no_frame(client);
    client->path = LUBDUB_PATH_SILENT;
    endpoint_advance_to(client, sent_at + 900 * MS);
    assert_int_equal(expect_event(client, DOWN)->cause, LUBDUB_CAUSE_UNREACHABLE);
}

static void lone_probe_over_one_path_is_all_there_is(void **state)
{
    struct endpoint *client = *state;
    lubdub_time sent_at;

    client->settings.timeout = 900 * MS;
    script_client_open(client);
    sent_at = client->now;
    endpoint_advance_to(client, sent_at + 900 * MS - 1);
    expect_no_frame(client);
    expect_no_event(client);
}

static void answered_probe_is_not_followed_by_another(void **state)
{
    struct endpoint *client = *state;
    lubdub_time sent_at;

    client->settings.timeout = 900 * MS;
    open_over_paths(client);
    sent_at = client->now;
    say_ack(client, 1);
    expect_event(client, ACKED);
    endpoint_advance_to(client, sent_at + LUBDUB_SECOND - 1);
    expect_no_frame(client);
}

static void probe_that_a_steady_one_follows_in_time_needs_no_other(void **state)
{
    struct endpoint *client = *state;
    lubdub_time sent_at;

    client->settings.timeout = 1500 * MS;
    open_over_paths(client);
    sent_at = client->now;
    endpoint_advance_to(client, sent_at + LUBDUB_SECOND - 1);
    expect_no_frame(client);
    endpoint_advance_to(client, sent_at + LUBDUB_SECOND);
    assert_true(expect_frame(client, PROBE).sequence == 2);
    endpoint_advance_to(client, sent_at + 1500 * MS - 1);
    expect_no_frame(client);
}

static void ack_at_the_very_timeout_wins(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    endpoint_advance(client, 3 * LUBDUB_SECOND - 1);
    client->now++;
    assert_true(lubdub_session_verdict_is_due(&client->session, &client->settings, client->now));
    say_ack(client, 1);
    endpoint_ring(client);
    expect_event(client, ACKED);
    expect_no_event(client);
}

static void several_probes_are_outstanding_each_with_its_own_timeout(void **state)
{
    struct endpoint *client = *state;
    lubdub_time start = client->now;
    uint64_t i;

    client->settings.timeout = 5500 * MS;
    script_client_open(client);
    endpoint_advance(client, 5 * LUBDUB_SECOND);
    for (i = 2; i <= 6; i++) {
        expect_whole_frame(client, PROBE, 0, i, NULL, 0);
    }
    for (i = 1; i <= 3; i++) {
        say_ack(client, i);
        assert_true(expect_event(client, ACKED)->sequence == i);
    }
    endpoint_advance_to(client, start + 8500 * MS - 1); /* the fourth went out at 3 s */
    expect_no_event(client);
    endpoint_advance_to(client, start + 8500 * MS);
    assert_true(expect_event(client, DOWN)->sequence == 4);
}

static void acks_may_come_out_of_order(void **state)
{
    struct endpoint *client = *state;

    client->settings.timeout = 10 * LUBDUB_SECOND;
    script_client_open(client);
    endpoint_advance(client, 3 * LUBDUB_SECOND);
    say_ack(client, 3);
    say_ack(client, 1);
    say_ack(client, 4);
    say_ack(client, 2);
    assert_int_equal(event_log_count(&client->events, LUBDUB_EVENT_ACKED), 4);
    expect_state(client, UP);
}

static void timeout_starts_when_the_kernel_has_the_whole_probe(void **state)
{
    struct endpoint *client = *state;
    lubdub_time start = client->now;

    client->settings.interval = 10 * LUBDUB_SECOND;
    client->settings.timeout = 2 * LUBDUB_SECOND;
    endpoint_open(client);
    client->kernel_room = 7;
    say_welcome(client, 0, 42, 10000, 30000);
    expect_event(client, UP);
    endpoint_advance_to(client, start + 1900 * MS);
    endpoint_give_room(client, 8); /* one byte is still ours */
    endpoint_advance_to(client, start + 3800 * MS);
    expect_no_event(client);
    endpoint_give_room(client, 1);
    endpoint_advance_to(client, start + 5800 * MS - 1);
    expect_no_event(client);
    endpoint_advance_to(client, start + 5800 * MS);
    assert_int_equal(expect_event(client, DOWN)->sequence, 1);
}

static void probe_that_went_whole_in_the_middle_of_a_turn_counts_from_that_turn(void **state)
{
    struct endpoint *client = *state;
    uint8_t output[1000];
    struct lubdub_turn turn = {.settings = &client->settings, .output = output, .output_capacity = sizeof output};
    struct lubdub_event event;
    size_t length;

    script_client_open(client);
    say_ack(client, 1);
    client->now += LUBDUB_SECOND;
    turn.now = client->now;
    lubdub_session_tick(&client->session, &turn, &event);
    assert_int_equal(lubdub_session_send(&client->session, &turn, "behind the probe", 16), LUBDUB_ERROR_OK);
    assert_non_null(lubdub_session_output(&client->session, &turn, &length));
    assert_int_equal(length, 16 + 32);
    lubdub_session_sent(&client->session, &turn, 16 + 5); /* the probe, and a piece of the message */
    assert_int_equal(lubdub_session_end_turn(&client->session, &turn), LUBDUB_ERROR_OK);
    say_ack(client, 2);
    expect_event(client, ACKED);
    expect_event(client, ACKED);
}

static void missed_slots_are_skipped_and_not_made_up_for(void **state)
{
    struct endpoint *client = *state;
    lubdub_time start = client->now;

    client->settings.timeout = 100 * LUBDUB_SECOND;
    script_client_open(client);
    client->now = start + 7300 * MS; /* we were away, and overslept six probes */
    endpoint_ring(client);
    expect_frame(client, PROBE);
    expect_no_frame(client);
    endpoint_advance_to(client, start + 8 * LUBDUB_SECOND - 1);
    expect_no_frame(client);
    endpoint_advance_to(client, start + 8 * LUBDUB_SECOND);
    expect_whole_frame(client, PROBE, 0, 3, NULL, 0);
}

static void slot_at_which_we_come_back_is_used_once(void **state)
{
    struct endpoint *client = *state;
    lubdub_time start = client->now;

    client->settings.timeout = 100 * LUBDUB_SECOND;
    script_client_open(client);
    client->now = start + 7 * LUBDUB_SECOND; /* exactly on the grid */
    endpoint_ring(client);
    expect_frame(client, PROBE);
    expect_no_frame(client);
    endpoint_advance_to(client, start + 8 * LUBDUB_SECOND - 1);
    expect_no_frame(client);
    endpoint_advance_to(client, start + 8 * LUBDUB_SECOND);
    expect_frame(client, PROBE);
    expect_no_frame(client);
}

static void one_probe_waits_for_the_kernel_and_no_more(void **state)
{
    struct endpoint *client = *state;

    client->settings.timeout = 100 * LUBDUB_SECOND;
    script_client_open(client);
    client->settings.stays_connected = true;
    client->kernel_room = 0;
    endpoint_advance(client, 20 * LUBDUB_SECOND);
    endpoint_give_room(client, KERNEL_TAKES_ALL);
    expect_whole_frame(client, PROBE, 0, 2, NULL, 0);
    expect_no_frame(client);
}

/* ---- acks that should not be ---- */

static void ack_of_a_probe_never_sent_is_a_protocol_error(void **state)
{
    const uint64_t wrong[] = {0, 2, 1 + (UINT64_C(1) << 32), UINT64_MAX};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(wrong); i++) {
        struct endpoint client;

        script_client_up(&client);
        say_ack(&client, wrong[i]);
        expect_protocol_error(&client, PROTOCOL_ERROR);
        endpoint_clear(&client);
    }
}

static void ack_twice_is_a_protocol_error(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    say_ack(client, 1);
    expect_event(client, ACKED);
    say_ack(client, 1);
    expect_protocol_error(client, PROTOCOL_ERROR);
}

static void ack_twice_beside_an_older_outstanding_probe_is_a_protocol_error(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    endpoint_advance(client, LUBDUB_SECOND);
    endpoint_look_away(client);
    say_ack(client, 2);
    expect_event(client, ACKED);
    say_ack(client, 2);
    expect_protocol_error(client, PROTOCOL_ERROR);
}

static void ack_with_other_content_is_a_protocol_error(void **state)
{
    const char *const wrong[] = {"", "hell", "hello!", "hellO", "\xff"};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(wrong); i++) {
        struct endpoint client;

        endpoint_init(&client, LUBDUB_ROLE_CLIENT);
        client.settings.content = slice_of("hello");
        script_client_open(&client);
        say_text(&client, LUBDUB_FRAME_ACK, 1, wrong[i]);
        expect_protocol_error(&client, PROTOCOL_ERROR);
        endpoint_clear(&client);
    }
}

/* ---- staying connected ---- */

static void client_that_stays_tells_the_timeout_once_and_a_late_ack_brings_it_up_again(void **state)
{
    struct endpoint *client = *state;
    const struct lubdub_event *event;
    struct lubdub_probe_counts counts;
    uint64_t i;

    client->settings.stays_connected = true;
    client->settings.timeout = 1500 * MS;
    script_client_open(client);
    endpoint_advance(client, 5200 * MS);
    event = expect_event(client, TIMED_OUT);
    assert_int_equal(event->cause, LUBDUB_CAUSE_HUNG);
    assert_true(event->sequence == 1);
    assert_true(event->waited_for == 1500 * MS);
    expect_no_event(client); /* down already: the next timeouts are not told */
    expect_state(client, UP);

    for (i = 1; i <= 4; i++) {
        say_ack(client, i);
        event = expect_event(client, LATE_ACK);
        assert_true(event->sequence == i);
        assert_true(event->round_trip == 5200 * MS - (i - 1) * LUBDUB_SECOND);
    }
    say_ack(client, 5);
    assert_true(expect_event(client, ACKED)->sequence == 5); /* sent at 4 s: not late */
    say_ack(client, 6);
    expect_event(client, ACKED);
    lubdub_session_probe_counts(&client->session, &counts);
    assert_int_equal(counts.sent, 6);
    assert_int_equal(counts.acked, 6);
    assert_int_equal(counts.late, 4);
    assert_int_equal(counts.timed_out, 4);

    endpoint_advance(client, 10 * LUBDUB_SECOND);
    expect_event(client, TIMED_OUT); /* it can go down again */
}

static void late_ack_twice_is_a_protocol_error(void **state)
{
    struct endpoint *client = *state;

    client->settings.stays_connected = true;
    script_client_open(client);
    endpoint_advance(client, 4 * LUBDUB_SECOND);
    expect_event(client, TIMED_OUT);
    say_ack(client, 1);
    expect_event(client, LATE_ACK);
    endpoint_look_away(client);
    say_ack(client, 1);
    expect_protocol_error(client, PROTOCOL_ERROR);
}

static void client_that_stays_bears_a_server_that_is_silent_for_hours(void **state)
{
    struct endpoint *client = *state;
    struct lubdub_probe_counts counts;
    uint64_t i;

    client->settings.stays_connected = true;
    script_client_open(client);
    endpoint_advance(client, 3 * LUBDUB_HOUR);
    expect_event(client, TIMED_OUT);
    expect_no_event(client);
    lubdub_session_probe_counts(&client->session, &counts);
    assert_in_range(counts.sent, 1000, 4096);
    for (i = 1; i <= counts.sent; i++) {
        say_ack(client, i);
    }
    endpoint_look_away(client);
    endpoint_advance(client, LUBDUB_SECOND);
    expect_frame(client, PROBE); /* it goes on */
}

static void server_that_never_answers_one_probe_is_probed_on(void **state)
{
    struct endpoint *client = *state;
    uint64_t i;

    client->settings.stays_connected = true;
    script_client_open(client);
    for (i = 2; i <= 5000; i++) {
        endpoint_advance(client, LUBDUB_SECOND);
        expect_whole_frame(client, PROBE, 0, i, NULL, 0);
        say_ack(client, i);
        client->written.length = client->written_read = 0;
    }
}

/* ---- what else a server sends ---- */

static void probe_of_the_server_is_acknowledged_at_once(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    say(client, LUBDUB_FRAME_PROBE, 0xff01, 1, "are you there", 13);
    expect_whole_frame(client, ACK, 1, 1, "are you there", 13);
    assert_int_equal(expect_event(client, HEALTH)->health, LUBDUB_HEALTH_WARNING);
}

static void probe_of_the_server_counts_1_2_3_and_anything_else_is_a_protocol_error(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    say_probes(client, 1, 3);
    endpoint_look_away(client);
    say_probe(client, 5);
    expect_protocol_error(client, PROTOCOL_ERROR);
}

static void message_is_delivered_and_counts_1_2_3(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    say_message(client, 1, "one");
    assert_memory_equal(expect_event(client, MESSAGE)->content, "one", 3);
    say_message(client, 2, "");
    assert_int_equal(expect_event(client, MESSAGE)->length, 0);
    say_message(client, 2, "again");
    expect_protocol_error(client, PROTOCOL_ERROR);
}

/* E18, rule 7: whatever the server takes itself. The client has told it what it may send. */
static void e18_content_is_taken_up_to_the_clients_own_limit(void **state)
{
    const struct {
        size_t own;
        const char *of_the_server; /* option 6 in WELCOME */
    } cases[] = {{100, "\x07\xd0"}, {2000, "\x00\x64"}, {1024, "\xff\xff"}};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct endpoint client;
        struct wire_bytes options = {0};
        struct wire_bytes bytes = {0};

        endpoint_init(&client, LUBDUB_ROLE_CLIENT);
        client.settings.max_content = cases[i].own;
        endpoint_open(&client);
        wire_bytes_put_option(&options, LUBDUB_OPTION_MAX_CONTENT, cases[i].of_the_server, 2);
        say(&client, LUBDUB_FRAME_WELCOME, 0, 42, options.data, options.length);
        say(&client, LUBDUB_FRAME_MESSAGE, 0, 1, NULL, cases[i].own);
        expect_event(&client, UP);
        expect_event(&client, MESSAGE);
        endpoint_look_away(&client);
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, 2, NULL, cases[i].own + 1);
        endpoint_receive(&client, bytes.data, LUBDUB_HEADER_LENGTH); /* judged by the header */
        wire_bytes_clear(&bytes);
        wire_bytes_clear(&options);
        expect_protocol_error(&client, CONTENT_TOO_LARGE);
        endpoint_clear(&client);
    }
}

static void e18_hello_tells_what_the_client_takes_where_it_is_not_1024(void **state)
{
    const size_t limits[] = {0, 1023, 1024, 1025, 65535};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(limits); i++) {
        struct endpoint client;
        struct lubdub_options options;
        struct lubdub_frame hello;

        endpoint_init(&client, LUBDUB_ROLE_CLIENT);
        client.settings.max_content = limits[i];
        endpoint_open(&client);
        hello = expect_frame(&client, HELLO);
        assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_HELLO, hello.content, hello.length));
        assert_true(options.has_max_content == (limits[i] != 1024));
        assert_int_equal(options.max_content, limits[i] != 1024 ? limits[i] : 0);
        endpoint_clear(&client);
    }
}

/* ---- grants that change ---- */

static void client_keeps_to_a_new_grant_from_its_next_probe_on(void **state)
{
    struct endpoint *client = *state;
    lubdub_time start = client->now;
    const struct lubdub_event *changed;

    script_client_open(client);
    say_ack(client, 1);
    endpoint_look_away(client);
    endpoint_advance_to(client, start + 300 * MS);
    say_welcome(client, LUBDUB_FLAG_CHANGED, SCRIPT_SESSION_NUMBER, 5000, 15000);
    changed = expect_event(client, GRANT_CHANGED);
    assert_true(changed->session_number == SCRIPT_SESSION_NUMBER);
    assert_true(lubdub_session_interval(&client->session) == 5 * LUBDUB_SECOND);
    endpoint_advance_to(client, start + LUBDUB_SECOND);
    expect_frame(client, PROBE); /* its time was fixed already */
    say_ack(client, 2);
    endpoint_advance_to(client, start + 6 * LUBDUB_SECOND - 1);
    expect_no_frame(client);
    endpoint_advance_to(client, start + 6 * LUBDUB_SECOND);
    expect_frame(client, PROBE);
}

static void shorter_interval_counts_from_the_welcome(void **state)
{
    struct endpoint *client = *state;
    lubdub_time start = client->now;

    script_client_open(client);
    say_ack(client, 1);
    endpoint_advance_to(client, start + 300 * MS);
    say_welcome(client, LUBDUB_FLAG_CHANGED, SCRIPT_SESSION_NUMBER, 100, 300);
    endpoint_advance_to(client, start + 400 * MS - 1);
    expect_no_frame(client);
    endpoint_advance_to(client, start + 400 * MS);
    expect_frame(client, PROBE);
}

static void second_welcome_without_changed_is_a_protocol_error(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    say_welcome(client, 0, SCRIPT_SESSION_NUMBER, 1000, 3000);
    expect_protocol_error(client, PROTOCOL_ERROR);
}

static void second_welcome_with_another_session_number_is_a_protocol_error(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    say_welcome(client, LUBDUB_FLAG_CHANGED, SCRIPT_SESSION_NUMBER + 1, 1000, 3000);
    expect_protocol_error(client, PROTOCOL_ERROR);
}

/* ---- our own absence ---- */

static void absence_of_the_client_does_not_blame_the_server(void **state)
{
    struct endpoint *client = *state;
    lubdub_time until = client->now + 30 * LUBDUB_SECOND;

    script_client_open(client);
    endpoint_wake(client, until, 30 * LUBDUB_SECOND, 29 * LUBDUB_SECOND);
    endpoint_ring(client);
    expect_state(client, UP);
    expect_frame(client, PROBE); /* at once, and one only */
    expect_no_frame(client);
    say_ack(client, 1);
    say_ack(client, 2);
    endpoint_advance(client, 500 * MS);
    expect_state(client, UP);
}

static void server_that_died_during_our_absence_is_found_within_one_timeout_after_it(void **state)
{
    struct endpoint *client = *state;
    lubdub_time until = client->now + 30 * LUBDUB_SECOND;

    script_client_open(client);
    endpoint_wake(client, until, 30 * LUBDUB_SECOND, 29 * LUBDUB_SECOND);
    endpoint_advance_to(client, until + 3 * LUBDUB_SECOND - 1);
    expect_state(client, UP);
    endpoint_advance_to(client, until + 3 * LUBDUB_SECOND);
    expect_state(client, CLOSED);
}

/* ---- a server that does not read ---- */

/* A5: a probe that waits for the kernel waits, too. */
static void a5_server_that_takes_nothing_for_one_timeout_and_says_nothing_is_hung(void **state)
{
    struct endpoint *client = *state;
    lubdub_time blocked_at;
    const struct lubdub_event *down;

    client->settings.timeout = 1500 * MS; /* half of the expiry */
    script_client_open(client);
    say_ack(client, 1);
    expect_event(client, ACKED);
    client->kernel_room = 3;
    endpoint_advance(client, LUBDUB_SECOND);
    blocked_at = client->now;
    endpoint_advance(client, 1500 * MS - 1);
    expect_no_event(client);
    assert_false(lubdub_session_verdict_is_due(&client->session, &client->settings, client->now));
    endpoint_advance(client, 1);
    down = expect_event(client, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_HUNG);
    assert_true(down->deadline == blocked_at + 1500 * MS);
    assert_true(down->waited_for == 1500 * MS);
    assert_int_equal(down->sequence, 0); /* no probe's timeout */
    expect_state(client, CLOSED);
}

static void a5_server_that_is_heard_and_takes_nothing_for_one_timeout_is_a_slow_reader(void **state)
{
    struct endpoint *client = *state;

    client->settings.timeout = 1500 * MS;
    script_client_open(client);
    say_ack(client, 1);
    expect_event(client, ACKED);
    client->kernel_room = 3;
    endpoint_advance(client, LUBDUB_SECOND + 1);
    say_message(client, 1, "alive");
    expect_event(client, MESSAGE);
    endpoint_advance(client, 1500 * MS - 1);
    assert_int_equal(expect_event(client, DOWN)->cause, LUBDUB_CAUSE_SLOW_READER);
}

/* What the kernel stopped at in the turn of the last frame says nothing of the time after it. */
static void a5_frame_of_the_moment_in_which_the_blocking_began_is_no_life_since(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    say_ack(client, 1);
    expect_event(client, ACKED);
    client->kernel_room = 3;
    say_probe(client, 1); /* whose ACK waits */
    endpoint_advance(client, 3 * LUBDUB_SECOND);
    assert_int_equal(expect_event(client, DOWN)->cause, LUBDUB_CAUSE_HUNG);
}

static void a5_blocking_counts_from_the_last_byte_that_went(void **state)
{
    struct endpoint *client = *state;
    unsigned i;

    script_client_open(client);
    say_ack(client, 1);
    expect_event(client, ACKED);
    client->kernel_room = 0;
    endpoint_send(client, "content", 7);
    for (i = 0; i < 15; i++) {
        endpoint_advance(client, 2900 * MS);
        endpoint_give_room(client, 1);
        expect_state(client, UP);
    }
    endpoint_advance(client, 3 * LUBDUB_SECOND);
    expect_event(client, DOWN);
}

static void a5_client_that_stays_tells_the_blocking_once_and_an_ack_brings_it_up_again(void **state)
{
    struct endpoint *client = *state;
    const struct lubdub_event *event;

    client->settings.stays_connected = true;
    script_client_open(client);
    say_ack(client, 1);
    expect_event(client, ACKED);
    client->kernel_room = 3;
    endpoint_advance(client, 4 * LUBDUB_SECOND - 1);
    expect_no_event(client);
    endpoint_advance(client, 1);
    event = expect_event(client, TIMED_OUT);
    assert_int_equal(event->cause, LUBDUB_CAUSE_HUNG);
    assert_true(event->waited_for == 3 * LUBDUB_SECOND);
    endpoint_advance(client, LUBDUB_MINUTE);
    expect_no_event(client); /* once */
    expect_state(client, UP);
    endpoint_give_room(client, KERNEL_TAKES_ALL);
    say_ack(client, 2);
    expect_event(client, ACKED);
    endpoint_look_away(client);
    client->kernel_room = 0;
    endpoint_advance(client, LUBDUB_SECOND);
    endpoint_give_room(client, KERNEL_TAKES_ALL);
    say_ack(client, 3);
    expect_event(client, ACKED);
    client->kernel_room = 3;
    endpoint_advance(client, 4 * LUBDUB_SECOND);
    expect_event(client, TIMED_OUT); /* it can go down again */
    expect_no_event(client);
}

static void server_that_is_not_reached_at_all_is_unreachable_and_no_slow_reader(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    say_ack(client, 1);
    expect_event(client, ACKED);
    client->kernel_room = 3;
    client->path = LUBDUB_PATH_SILENT;
    endpoint_advance(client, 5 * LUBDUB_SECOND);
    assert_int_equal(expect_event(client, DOWN)->cause, LUBDUB_CAUSE_UNREACHABLE);
}

static void client_goes_on_reading_while_its_own_messages_and_probes_wait(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    client->kernel_room = 3;
    endpoint_send(client, "content", 7);
    assert_true(lubdub_session_wants_input(&client->session));
    endpoint_advance(client, LUBDUB_SECOND);
    assert_true(lubdub_session_has_output(&client->session));
    assert_true(lubdub_session_wants_input(&client->session));
    say_ack(client, 1);
    expect_event(client, ACKED);
}

/* A4: an ACK of the server may lie behind the frame whose answer waits. */
static void a4_client_goes_on_reading_while_up_to_16_of_its_answers_wait(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    client->kernel_room = 3;
    say_probes(client, 1, 16);
    assert_true(lubdub_session_wants_input(&client->session));
    say_ack(client, 1);
    expect_event(client, ACKED);
    say_probe(client, 17);
    assert_false(lubdub_session_wants_input(&client->session));
    endpoint_give_room(client, 12);
    assert_false(lubdub_session_wants_input(&client->session));
    endpoint_give_room(client, 1);
    assert_true(lubdub_session_wants_input(&client->session));
}

static void a4_client_reads_before_a_verdict_also_where_too_many_answers_wait(void **state)
{
    struct endpoint *client = *state;

    client->settings.timeout = 1500 * MS;
    script_client_open(client);
    client->kernel_room = 16; /* the second probe goes out, and nothing after it */
    endpoint_advance(client, LUBDUB_SECOND);
    say_probes(client, 1, 17);
    assert_false(lubdub_session_wants_input(&client->session));
    wire_bytes_put_frame(&client->unread, LUBDUB_FRAME_ACK, 0, 1, NULL, 0);
    endpoint_advance(client, 499 * MS);
    assert_int_equal(event_log_count(&client->events, LUBDUB_EVENT_ACKED), 0); /* not before it is needed */
    endpoint_advance(client, MS);
    expect_event(client, ACKED);
    expect_no_event(client);
    expect_state(client, UP);
}

static void a4_client_reads_no_more_before_a_verdict_than_it_needs(void **state)
{
    struct endpoint *client = *state;
    size_t sent = 0;
    uint64_t i;

    client->settings.timeout = 1500 * MS;
    script_client_open(client);
    client->kernel_room = 0;
    say_probes(client, 1, 17);
    for (i = 18; i <= 10000; i++) {
        wire_bytes_put_frame(&client->unread, LUBDUB_FRAME_PROBE, 0, i, NULL, 0);
        sent += LUBDUB_HEADER_LENGTH;
    }
    endpoint_advance(client, 1500 * MS);
    expect_event(client, DOWN);
    /* Each answer takes memory: 64 KiB are read, and the read that goes beyond is the last. */
    assert_in_range(sent - client->unread.length, 65536, 65536 + sizeof client->input - 1);
}

static void session_without_probes_counts_none(void **state)
{
    struct endpoint *client = *state;
    struct endpoint server;
    const struct lubdub_probe_counts none = {0};
    struct lubdub_probe_counts counts;

    script_client_open(client);
    lubdub_session_clear(&client->session);
    memset(&counts, 0xa5, sizeof counts);
    lubdub_session_probe_counts(&client->session, &counts);
    assert_memory_equal(&counts, &none, sizeof none);

    script_server_up(&server);
    say_probes(&server, 1, 5);
    memset(&counts, 0xa5, sizeof counts);
    lubdub_session_probe_counts(&server.session, &counts);
    assert_memory_equal(&counts, &none, sizeof none);
    endpoint_clear(&server);
}

static lubdub_time waits_until(const struct endpoint *client)
{
    return lubdub_client_waits_until(&client->session, &client->settings,
                                     lubdub_session_deadline(&client->session, &client->settings));
}

/* A loop may put it off, that many go together: until the oldest probe's timeout ends, and not beyond. */
static void steady_probe_may_wait_until_something_else_is_due(void **state)
{
    struct endpoint *client = *state;
    lubdub_time start = client->now;

    script_client_open(client); /* an interval of 1 s, a timeout of 3 s */
    assert_true(waits_until(client) == start + 3 * LUBDUB_SECOND);
    say_ack(client, 1);
    assert_true(waits_until(client) == LUBDUB_TIME_NEVER);
    endpoint_advance_to(client, start + 1500 * MS);
    assert_true(waits_until(client) == start + 4 * LUBDUB_SECOND);
    endpoint_advance_to(client, start + 3500 * MS); /* the timeout ends when the next probe is due */
    assert_true(waits_until(client) == start + 4 * LUBDUB_SECOND);
}

static void timeout_that_is_due_before_the_next_probe_waits_for_nothing(void **state)
{
    struct endpoint *client = *state;

    client->settings.timeout = 400 * MS;
    script_client_open(client);
    assert_true(waits_until(client) == 0);
    say_ack(client, 1);
    assert_true(waits_until(client) == LUBDUB_TIME_NEVER);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(hello_tells_all_that_the_settings_say),
        TEST(longest_hello_that_the_settings_allow_fits),
        TEST(hello_leaves_out_what_is_not_set),
        TEST(welcome_brings_the_session_up),
        TEST(expiry_left_out_of_welcome_is_three_times_the_interval),
        TEST(welcome_without_grants_leaves_the_interval_as_it_was_asked),
        TEST(welcome_without_a_session_number_is_a_protocol_error),
        TEST(granted_expiry_below_twice_the_interval_is_a_protocol_error),
        TEST(granted_interval_of_0_is_a_protocol_error),
        TEST(longest_grants_of_the_wire_are_taken),
        TEST(longest_interval_without_expiry_is_taken),
        TEST(d4_interval_far_beyond_the_one_asked_for_is_refused),
        TEST(d4_changed_grant_beyond_the_limit_ends_the_session),
        TEST(first_frame_must_be_welcome_or_bye),
        TEST(hello_from_a_server_is_a_protocol_error),
        TEST(missing_welcome_ends_at_the_handshake_timeout),
        TEST(bye_instead_of_welcome_is_the_end),
        TEST(content_of_probes_that_the_server_does_not_take_ends_the_session),
        TEST(first_probe_goes_out_right_after_welcome),
        TEST(probe_goes_out_every_interval_on_a_fixed_grid),
        TEST(phase_moves_the_second_probe_and_all_after_it),
        TEST(phase_of_more_than_the_interval_is_what_is_left_over),
        TEST(probe_carries_content_and_health),
        TEST(ack_cancels_the_timeout_and_tells_the_round_trip),
        TEST(timeout_without_its_ack_ends_the_session_on_time_and_not_before),
        TEST(silence_is_hung_where_the_kernel_acknowledges_and_unreachable_where_not),
        TEST(lone_probe_over_paths_is_followed_by_another_half_way_to_its_timeout),
        TEST(lone_probe_over_one_path_is_all_there_is),
        TEST(answered_probe_is_not_followed_by_another),
        TEST(probe_that_a_steady_one_follows_in_time_needs_no_other),
        TEST(ack_at_the_very_timeout_wins),
        TEST(several_probes_are_outstanding_each_with_its_own_timeout),
        TEST(acks_may_come_out_of_order),
        TEST(timeout_starts_when_the_kernel_has_the_whole_probe),
        TEST(probe_that_went_whole_in_the_middle_of_a_turn_counts_from_that_turn),
        TEST(missed_slots_are_skipped_and_not_made_up_for),
        TEST(slot_at_which_we_come_back_is_used_once),
        TEST(one_probe_waits_for_the_kernel_and_no_more),
        TEST(ack_of_a_probe_never_sent_is_a_protocol_error),
        TEST(ack_twice_is_a_protocol_error),
        TEST(ack_twice_beside_an_older_outstanding_probe_is_a_protocol_error),
        TEST(ack_with_other_content_is_a_protocol_error),
        TEST(client_that_stays_tells_the_timeout_once_and_a_late_ack_brings_it_up_again),
        TEST(late_ack_twice_is_a_protocol_error),
        TEST(client_that_stays_bears_a_server_that_is_silent_for_hours),
        TEST(server_that_never_answers_one_probe_is_probed_on),
        TEST(probe_of_the_server_is_acknowledged_at_once),
        TEST(probe_of_the_server_counts_1_2_3_and_anything_else_is_a_protocol_error),
        TEST(message_is_delivered_and_counts_1_2_3),
        TEST(e18_content_is_taken_up_to_the_clients_own_limit),
        TEST(e18_hello_tells_what_the_client_takes_where_it_is_not_1024),
        TEST(client_keeps_to_a_new_grant_from_its_next_probe_on),
        TEST(shorter_interval_counts_from_the_welcome),
        TEST(second_welcome_without_changed_is_a_protocol_error),
        TEST(second_welcome_with_another_session_number_is_a_protocol_error),
        TEST(absence_of_the_client_does_not_blame_the_server),
        TEST(server_that_died_during_our_absence_is_found_within_one_timeout_after_it),
        TEST(a5_server_that_takes_nothing_for_one_timeout_and_says_nothing_is_hung),
        TEST(a5_server_that_is_heard_and_takes_nothing_for_one_timeout_is_a_slow_reader),
        TEST(a5_frame_of_the_moment_in_which_the_blocking_began_is_no_life_since),
        TEST(a5_blocking_counts_from_the_last_byte_that_went),
        TEST(a5_client_that_stays_tells_the_blocking_once_and_an_ack_brings_it_up_again),
        TEST(server_that_is_not_reached_at_all_is_unreachable_and_no_slow_reader),
        TEST(client_goes_on_reading_while_its_own_messages_and_probes_wait),
        TEST(a4_client_goes_on_reading_while_up_to_16_of_its_answers_wait),
        TEST(a4_client_reads_before_a_verdict_also_where_too_many_answers_wait),
        TEST(a4_client_reads_no_more_before_a_verdict_than_it_needs),
        TEST(session_without_probes_counts_none),
        TEST(steady_probe_may_wait_until_something_else_is_due),
        TEST(timeout_that_is_due_before_the_next_probe_waits_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
