/* The server's half of a session: opening, answers, flood guard, silence, grants. */
#include "core/session_challenge.h"
#include "core/session_shared.h"
#include "support/script.h"
#include "support/test.h"

#include <stdlib.h>

#include <lubdub/version.h>

#define MS LUBDUB_MILLISECOND

/* Every test gets a server that has not begun, with a clock at 1000 s. */
static int setup(void **state)
{
    struct endpoint *server = malloc(sizeof *server);

    endpoint_init(server, LUBDUB_ROLE_SERVER);
    *state = server;
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

/* ---- opening ---- */

static void hello_is_told_with_all_that_it_asks(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes options = {0};
    const struct lubdub_event *hello;

    endpoint_open(server);
    wire_bytes_put_option(&options, LUBDUB_OPTION_IDENTITY, "pump-7", 6);
    wire_bytes_put_option(&options, LUBDUB_OPTION_TOKEN, "secret", 6);
    wire_bytes_put_option(&options, LUBDUB_OPTION_LABEL, "site=north", 10);
    wire_bytes_put_option(&options, LUBDUB_OPTION_LABEL, "rack=", 5);
    wire_bytes_put_option(&options, LUBDUB_OPTION_AGENT, "netcat", 6);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, 250);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, 900);
    say_hello(server, 0x1122334455667788u, &options);
    wire_bytes_clear(&options);

    hello = expect_event(server, HELLO);
    assert_false(hello->is_anonymous);
    assert_true(hello->incarnation == 0x1122334455667788u);
    assert_true(slice_is(hello->options.identity, "pump-7"));
    assert_true(slice_is(hello->options.token, "secret"));
    assert_true(slice_is(hello->options.agent, "netcat"));
    assert_int_equal(hello->options.label_count, 2);
    assert_true(slice_is(hello->options.labels[0].key, "site"));
    assert_true(slice_is(hello->options.labels[0].value, "north"));
    assert_true(slice_is(hello->options.labels[1].key, "rack"));
    assert_int_equal(hello->options.labels[1].value.length, 0);
    assert_int_equal(hello->options.interval_ms, 250);
    assert_int_equal(hello->options.expiry_ms, 900);
    expect_no_event(server);
}

static void hello_without_options_is_welcome_too(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes none = {0};

    endpoint_open(server);
    say_hello(server, 0, &none);
    assert_null(expect_event(server, HELLO)->options.identity.data);
    expect_frame(server, WELCOME);
}

static void welcome_tells_the_session_and_what_is_granted(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes none = {0};
    struct lubdub_options options;
    struct lubdub_frame welcome;

    server->settings.max_content = 2000;
    server->grant = (struct lubdub_grant){.session_number = 77,
                                          .interval = 250 * MS,
                                          .expiry = 800 * MS,
                                          .is_resumed = true,
                                          .last_end = LUBDUB_CAUSE_HUNG};
    endpoint_open(server);
    say_hello(server, 1, &none);

    welcome = expect_frame(server, WELCOME);
    assert_int_equal(welcome.sequence, 77);
    assert_int_equal(welcome.flags, LUBDUB_FLAG_RESUMED);
    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_WELCOME, welcome.content, welcome.length));
    assert_int_equal(options.interval_ms, 250);
    assert_int_equal(options.expiry_ms, 800);
    assert_true(options.has_max_content);
    assert_int_equal(options.max_content, 2000);
    assert_int_equal(options.last_end, LUBDUB_CAUSE_HUNG);
    assert_true(slice_is(options.agent, "lubdub/" LUBDUB_VERSION));
    expect_no_frame(server);
}

static void welcome_of_a_new_identity_has_no_flags_and_no_last_end(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes none = {0};
    struct lubdub_options options;
    struct lubdub_frame welcome;

    endpoint_open(server);
    say_hello(server, 1, &none);
    welcome = expect_frame(server, WELCOME);
    assert_int_equal(welcome.flags, 0);
    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_WELCOME, welcome.content, welcome.length));
    assert_int_equal(options.last_end, 0);
}

/* Half of what 32 bits of milliseconds hold, so that twice of it fits. */
static void granted_interval_is_25_days_at_the_most(void **state)
{
    struct endpoint *server = *state;

    server->grant.interval = server->grant.expiry = 24 * 24 * LUBDUB_HOUR;
    script_server_open(server);
    assert_true(lubdub_session_interval(&server->session) == 24 * 24 * LUBDUB_HOUR);
    server->grant.interval = server->grant.expiry = 1000 * 24 * LUBDUB_HOUR;
    assert_int_equal(endpoint_grant(server, &server->grant), LUBDUB_ERROR_OK);
    assert_true(server->session.interval_ms == UINT32_MAX / 2);
    assert_true(server->session.expiry_ms == UINT32_MAX);
}

static void granted_expiry_is_never_below_twice_the_interval(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes none = {0};

    server->grant.interval = 5 * LUBDUB_SECOND;
    server->grant.expiry = 6 * LUBDUB_SECOND;
    endpoint_open(server);
    say_hello(server, 1, &none);
    assert_true(lubdub_session_interval(&server->session) == 5 * LUBDUB_SECOND);
    assert_true(lubdub_session_expiry(&server->session) == 10 * LUBDUB_SECOND);
}

static void longest_and_shortest_grants_are_kept_to_what_the_wire_can_say(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes none = {0};

    server->grant.interval = UINT64_MAX;
    server->grant.expiry = UINT64_MAX;
    endpoint_open(server);
    say_hello(server, 1, &none);
    assert_true(lubdub_session_expiry(&server->session) >= 2 * lubdub_session_interval(&server->session));
    endpoint_grant(server, &(struct lubdub_grant){.session_number = 1});
    assert_true(lubdub_session_interval(&server->session) == MS);
    assert_true(lubdub_session_expiry(&server->session) == 2 * MS);
}

static void session_number_is_never_0(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    assert_int_equal(endpoint_grant(server, &(struct lubdub_grant){.interval = MS, .expiry = MS}),
                     LUBDUB_ERROR_INVALID);
    expect_no_frame(server);
}

static void refused_hello_gets_bye_and_no_welcome(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes bytes = {0};

    server->refuses_with = LUBDUB_REASON_UNAUTHORIZED;
    endpoint_open(server);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_HELLO, 0, 1, NULL, 0);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, 1, NULL, 0);
    endpoint_receive(server, bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
    expect_event(server, HELLO);
    expect_bye(server, UNAUTHORIZED);
    expect_no_event(server); /* who leaves knows it */
    expect_state(server, LEAVING);
}

static void double_hello_is_a_protocol_error(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes none = {0};

    script_server_open(server);
    say_hello(server, 2, &none);
    expect_protocol_error(server, PROTOCOL_ERROR);
}

static void hello_after_a_probe_is_a_protocol_error(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes none = {0};

    endpoint_open(server);
    say_probe(server, 1);
    endpoint_look_away(server);
    say_hello(server, 2, &none);
    expect_protocol_error(server, PROTOCOL_ERROR);
}

static void server_only_type_from_a_client_is_a_protocol_error(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    say_welcome(server, 0, 1, 1000, 3000);
    expect_protocol_error(server, PROTOCOL_ERROR);
}

static void first_frame_must_be_hello_probe_or_message(void **state)
{
    const unsigned wrong[] = {LUBDUB_FRAME_WELCOME, LUBDUB_FRAME_ACK, LUBDUB_FRAME_BYE};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(wrong); i++) {
        struct endpoint server;

        endpoint_init(&server, LUBDUB_ROLE_SERVER);
        endpoint_open(&server);
        say(&server, wrong[i], 0, 1, NULL, 0);
        assert_false(server.events.entries[0].event.had_session);
        expect_protocol_error(&server, PROTOCOL_ERROR);
        endpoint_clear(&server);
    }
}

static void probe_first_opens_an_anonymous_session_and_is_answered(void **state)
{
    struct endpoint *server = *state;
    const struct lubdub_event *hello;

    endpoint_open(server);
    say_text(server, LUBDUB_FRAME_PROBE, 1, "first");
    hello = expect_event(server, HELLO);
    assert_true(hello->is_anonymous);
    assert_true(hello->incarnation == 0);
    assert_null(hello->options.identity.data);
    assert_int_equal(hello->options.interval_ms, 0);
    expect_whole_frame(server, ACK, 0, 1, "first", 5); /* and no WELCOME */
    expect_no_frame(server);
    expect_state(server, UP);
}

static void message_first_opens_an_anonymous_session_and_is_delivered(void **state)
{
    struct endpoint *server = *state;
    const struct lubdub_event *message;

    endpoint_open(server);
    say_message(server, 1, "hi");
    assert_true(expect_event(server, HELLO)->is_anonymous);
    message = expect_event(server, MESSAGE);
    assert_int_equal(message->sequence, 1);
    assert_int_equal(message->length, 2);
    assert_memory_equal(message->content, "hi", 2);
    expect_no_frame(server);
}

static void refused_anonymous_probe_gets_bye_and_no_ack(void **state)
{
    struct endpoint *server = *state;

    server->refuses_with = LUBDUB_REASON_OVERLOADED;
    endpoint_open(server);
    say_probe(server, 1);
    expect_event(server, HELLO);
    expect_bye(server, OVERLOADED);
}

static void required_hello_that_is_missing_gets_bye_6_and_no_ack(void **state)
{
    const unsigned first[] = {LUBDUB_FRAME_PROBE, LUBDUB_FRAME_MESSAGE};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(first); i++) {
        struct endpoint server;
        const struct lubdub_event *down;

        endpoint_init(&server, LUBDUB_ROLE_SERVER);
        server.settings.requires_hello = true;
        endpoint_open(&server);
        say(&server, first[i], 0, 1, NULL, 5);
        down = expect_event(&server, DOWN);
        assert_int_equal(down->cause, LUBDUB_CAUSE_REJECTED);
        assert_int_equal(down->reason_code, LUBDUB_REASON_UNAUTHORIZED);
        expect_bye(&server, UNAUTHORIZED);
        endpoint_clear(&server);
    }
}

static void wrong_first_frame_is_a_protocol_error_also_where_hello_is_required(void **state)
{
    struct endpoint *server = *state;

    server->settings.requires_hello = true;
    endpoint_open(server);
    say_ack(server, 1);
    expect_protocol_error(server, PROTOCOL_ERROR);
}

static void connection_without_a_frame_ends_at_the_handshake_timeout_with_bye_10(void **state)
{
    struct endpoint *server = *state;
    const struct lubdub_event *down;
    lubdub_time due = server->now + server->settings.handshake_timeout;

    endpoint_open(server);
    endpoint_advance_to(server, due - 1);
    expect_no_event(server);
    endpoint_advance_to(server, due);
    down = expect_event(server, DOWN);
    assert_int_equal(down->reason_code, LUBDUB_REASON_HANDSHAKE_TIMEOUT);
    assert_true(down->deadline == due);
    assert_false(down->had_session);
    expect_bye(server, HANDSHAKE_TIMEOUT);
}

static void drip_of_bytes_does_not_prolong_the_handshake(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes bytes = {0};
    size_t i;

    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, 1, NULL, 100);
    endpoint_open(server);
    for (i = 0; i < 20; i++) {
        endpoint_receive(server, bytes.data + i, 1);
        endpoint_advance(server, 249 * MS);
    }
    expect_no_event(server);
    endpoint_advance(server, 20 * MS);
    assert_int_equal(expect_event(server, DOWN)->reason_code, LUBDUB_REASON_HANDSHAKE_TIMEOUT);
    wire_bytes_clear(&bytes);
}

/* ---- frames ---- */

static void ack_echoes_sequence_health_and_content_byte_for_byte(void **state)
{
    struct endpoint *server = *state;
    uint8_t every_byte[256];
    size_t i;

    for (i = 0; i < sizeof every_byte; i++) {
        every_byte[i] = (uint8_t)i;
    }
    script_server_open(server);
    say(server, LUBDUB_FRAME_PROBE, 0xfffd, 1, every_byte, sizeof every_byte); /* 14 unknown bits, and "warning" */
    expect_whole_frame(server, ACK, 1, 1, every_byte, sizeof every_byte);
    say_probe(server, 2);
    expect_whole_frame(server, ACK, 0, 2, NULL, 0);
}

static void acks_come_in_the_order_of_their_probes(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    script_server_open(server);
    say_probes(server, 1, 10);
    for (i = 1; i <= 10; i++) {
        expect_whole_frame(server, ACK, 0, i, NULL, 0);
    }
    expect_no_frame(server);
    assert_int_equal(lubdub_session_probes_received(&server->session), 10);
}

static void probe_counts_1_2_3_and_anything_else_is_a_protocol_error(void **state)
{
    const uint64_t wrong_third[] = {0, 1, 2, 4, 3 + (UINT64_C(1) << 32), UINT64_MAX};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(wrong_third); i++) {
        struct endpoint server;

        script_server_up(&server);
        say_probes(&server, 1, 2);
        endpoint_look_away(&server);
        say_probe(&server, wrong_third[i]);
        expect_protocol_error(&server, PROTOCOL_ERROR);
        endpoint_clear(&server);
    }
}

static void first_probe_is_number_1(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    say_probe(server, 0);
    expect_protocol_error(server, PROTOCOL_ERROR);
}

static void message_counts_1_2_3_and_anything_else_is_a_protocol_error(void **state)
{
    const uint64_t wrong_third[] = {0, 1, 2, 4, UINT64_MAX};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(wrong_third); i++) {
        struct endpoint server;

        script_server_up(&server);
        say_message(&server, 1, "one");
        say_probe(&server, 1); /* counts by itself */
        say_message(&server, 2, "two");
        endpoint_look_away(&server);
        say_message(&server, wrong_third[i], "three");
        expect_protocol_error(&server, PROTOCOL_ERROR);
        endpoint_clear(&server);
    }
}

static void content_of_max_content_is_taken_and_one_byte_more_is_not(void **state)
{
    const unsigned types[] = {LUBDUB_FRAME_PROBE, LUBDUB_FRAME_MESSAGE};
    const size_t limits[] = {0, 1, 100, 1024, LUBDUB_CONTENT_LIMIT - 1};
    size_t i;
    size_t k;
    (void)state;

    for (i = 0; i < COUNT_OF(limits); i++) {
        for (k = 0; k < COUNT_OF(types); k++) {
            struct endpoint server;
            struct wire_bytes bytes = {0};

            endpoint_init(&server, LUBDUB_ROLE_SERVER);
            server.settings.max_content = limits[i];
            script_server_open(&server);
            say(&server, types[k], 0, 1, NULL, limits[i]);
            expect_state(&server, UP);
            endpoint_look_away(&server);

            /* Judged by the header alone: not one byte of content has come. */
            wire_bytes_put_frame(&bytes, types[k], 0, 2, NULL, limits[i] + 1);
            endpoint_receive(&server, bytes.data, LUBDUB_HEADER_LENGTH - 1);
            expect_no_event(&server);
            endpoint_receive(&server, bytes.data + LUBDUB_HEADER_LENGTH - 1, 1);
            expect_protocol_error(&server, CONTENT_TOO_LARGE);
            wire_bytes_clear(&bytes);
            endpoint_clear(&server);
        }
    }
}

static void hello_of_4096_bytes_is_taken_and_one_byte_more_is_not(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes options = {0};
    struct endpoint other;

    wire_bytes_put_option(&options, 200, NULL, 0);
    options.length = 0;
    while (options.length < LUBDUB_OPTIONS_LIMIT) {
        wire_bytes_put_option(&options, 200, "12345", 5); /* unknown, skipped; 8 bytes each */
    }
    assert_int_equal(options.length, LUBDUB_OPTIONS_LIMIT);
    endpoint_open(server);
    say_hello(server, 1, &options);
    expect_event(server, HELLO);

    endpoint_init(&other, LUBDUB_ROLE_SERVER);
    endpoint_open(&other);
    wire_bytes_put(&options, "x", 1);
    say_hello(&other, 1, &options);
    expect_protocol_error(&other, CONTENT_TOO_LARGE);
    endpoint_clear(&other);
    wire_bytes_clear(&options);
}

static void ack_that_nobody_waits_for_is_a_protocol_error(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    say_ack(server, 1);
    expect_protocol_error(server, PROTOCOL_ERROR);
}

static void bye_is_reported_with_its_reason_text_and_retry_after(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes options = {0};
    const struct lubdub_event *down;

    script_server_open(server);
    wire_bytes_put_option(&options, LUBDUB_OPTION_TEXT, "going home", 10);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_RETRY_AFTER_MS, 1500);
    say(server, LUBDUB_FRAME_BYE, 0, LUBDUB_REASON_NORMAL, options.data, options.length);
    wire_bytes_clear(&options);
    down = expect_event(server, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_BYE);
    assert_true(down->has_reason);
    assert_int_equal(down->reason_code, LUBDUB_REASON_NORMAL);
    assert_true(slice_is(down->text, "going home"));
    assert_true(down->has_retry_after);
    assert_true(down->retry_after == 1500 * MS);
    assert_true(down->had_session);
    expect_state(server, CLOSED);
    expect_no_frame(server); /* BYE is not answered with BYE */
}

static void health_is_told_when_it_changes(void **state)
{
    struct endpoint *server = *state;
    const struct lubdub_event *health;

    script_server_open(server);
    say(server, LUBDUB_FRAME_PROBE, LUBDUB_HEALTH_PASSING, 1, NULL, 0);
    expect_no_event(server);
    say(server, LUBDUB_FRAME_PROBE, LUBDUB_HEALTH_WARNING, 2, "disk 91%", 8);
    health = expect_event(server, HEALTH);
    assert_int_equal(health->health, LUBDUB_HEALTH_WARNING);
    assert_int_equal(health->was_health, LUBDUB_HEALTH_PASSING);
    assert_int_equal(health->length, 8);
    assert_memory_equal(health->content, "disk 91%", 8);
    say(server, LUBDUB_FRAME_PROBE, LUBDUB_HEALTH_WARNING, 3, NULL, 0);
    expect_no_event(server);
    say(server, LUBDUB_FRAME_PROBE, 3, 4, NULL, 0); /* reserved: read as critical */
    assert_int_equal(expect_event(server, HEALTH)->health, LUBDUB_HEALTH_CRITICAL);
    endpoint_look_away(server);
    say(server, LUBDUB_FRAME_PROBE, LUBDUB_HEALTH_CRITICAL, 5, NULL, 0);
    expect_no_event(server);
    expect_whole_frame(server, ACK, 2, 5, NULL, 0);
}

/* ---- the flood guard ---- */

static void twice_the_granted_rate_is_fine_for_ever(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    script_server_open(server);
    for (i = 1; i <= 100000; i++) {
        endpoint_advance(server, 500 * MS);
        say_probe(server, i);
        server->written.length = server->written_read = 0;
    }
    expect_no_event(server);
    expect_state(server, UP);
}

static void messages_at_twice_the_told_rate_beside_probes_are_fine_for_ever(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    script_server_open(server);
    for (i = 1; i <= 20000; i++) {
        endpoint_advance(server, 5 * MS); /* 200 a second */
        if (i % 100 == 0) {
            say_probe(server, i / 100);
        }
        say_message(server, i, "x");
        server->written.length = server->written_read = 0;
    }
    expect_state(server, UP);
}

static void messages_a_tenth_above_twice_the_told_rate_end_with_bye_8(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    script_server_open(server);
    for (i = 1; i <= 20000 && endpoint_state(server) == LUBDUB_SESSION_UP; i++) {
        endpoint_look_away(server);
        endpoint_advance(server, 4545 * LUBDUB_MICROSECOND);
        say_message(server, i, "x");
    }
    expect_protocol_error(server, TOO_MANY_FRAMES);
    assert_in_range(i, 512 * 9, 512 * 12);
}

static void rate_a_tenth_above_twice_the_granted_one_ends_with_bye_8(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    script_server_open(server);
    for (i = 1; i <= 1000 && endpoint_state(server) == LUBDUB_SESSION_UP; i++) {
        server->written.length = server->written_read = 0;
        endpoint_advance(server, 450 * MS);
        say_probe(server, i);
    }
    expect_protocol_error(server, TOO_MANY_FRAMES);
    assert_in_range(i, 17, 300);
}

static void burst_of_16_probes_is_fine_and_the_17th_ends_with_bye_8(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    say_probes(server, 1, 16);
    expect_state(server, UP);
    endpoint_look_away(server);
    say_probe(server, 17);
    expect_protocol_error(server, TOO_MANY_FRAMES);
}

/* The text of the BYE that the server writes next. */
static void expect_bye_text(struct endpoint *server, const char *text)
{
    struct lubdub_options options;
    struct lubdub_frame bye = expect_frame(server, BYE);

    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_BYE, bye.content, bye.length));
    assert_true(slice_is(options.text, text));
}

/* E1, rule 6: messages have an allowance of their own, of which the server takes twice, and it says which. */
static void e1_burst_of_messages_is_twice_what_was_told_and_one_more_ends_with_bye_8(void **state)
{
    struct endpoint *server = *state;
    const struct lubdub_event *down;
    uint64_t i;

    script_server_open(server);
    for (i = 1; i <= 512; i++) {
        say_message(server, i, "x");
        expect_event(server, MESSAGE);
    }
    say_probes(server, 1, 16); /* counted by themselves */
    expect_state(server, UP);
    endpoint_look_away(server);
    say_message(server, 513, "x");
    down = expect_event(server, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_PROTOCOL);
    assert_int_equal(down->reason_code, LUBDUB_REASON_TOO_MANY_FRAMES);
    expect_bye_text(server, "more than twice 100 messages a second, or 256 at once");
    expect_no_frame(server);
}

static void e1_message_rate_is_a_setting_and_is_told(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes none = {0};
    struct lubdub_options options;
    struct lubdub_frame welcome;
    uint64_t i;

    server->settings.message_rate = 10;
    server->settings.message_burst = 3;
    endpoint_open(server);
    say_hello(server, 1, &none);
    welcome = expect_frame(server, WELCOME);
    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_WELCOME, welcome.content, welcome.length));
    assert_true(options.has_message_rate);
    assert_int_equal(options.message_rate, 10);
    assert_int_equal(options.message_burst, 3);
    for (i = 1; i <= 6; i++) {
        say_message(server, i, "x");
    }
    endpoint_look_away(server);
    endpoint_advance(server, 50 * MS); /* twice ten a second */
    say_message(server, 7, "x");
    expect_state(server, UP);
    say_message(server, 8, "x");
    assert_int_equal(endpoint_state(server), LUBDUB_SESSION_LEAVING);
    expect_bye_text(server, "more than twice 10 messages a second, or 3 at once");
}

static void e1_message_rate_of_0_takes_any_number_and_says_so(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes none = {0};
    struct lubdub_options options;
    struct lubdub_frame welcome;
    uint64_t i;

    server->settings.message_rate = server->settings.message_burst = 0;
    endpoint_open(server);
    say_hello(server, 1, &none);
    welcome = expect_frame(server, WELCOME);
    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_WELCOME, welcome.content, welcome.length));
    assert_true(options.has_message_rate);
    assert_int_equal(options.message_rate, 0);
    assert_int_equal(options.message_burst, 0);
    for (i = 1; i <= 20000; i++) {
        say_message(server, i, "x");
    }
    expect_state(server, UP);
}

/* Rule 3: what a session had used is not renewed by connecting again. */
static void b4_debts_go_over_to_the_next_session_less_what_drained(void **state)
{
    struct endpoint *server = *state;
    struct endpoint next;
    lubdub_duration probes;
    lubdub_duration messages;
    uint64_t i;

    script_server_open(server);
    say_probes(server, 1, 10);
    for (i = 1; i <= 400; i++) {
        say_message(server, i, "x");
    }
    lubdub_session_debts(&server->session, &server->settings, server->now, &probes, &messages);
    assert_true(probes == 5 * LUBDUB_SECOND); /* twice the rate */
    assert_true(messages == 2 * LUBDUB_SECOND);
    lubdub_session_debts(&server->session, &server->settings, server->now + LUBDUB_SECOND, &probes, &messages);
    assert_true(probes == 4 * LUBDUB_SECOND);
    assert_true(messages == LUBDUB_SECOND);

    endpoint_init(&next, LUBDUB_ROLE_SERVER);
    next.grant.probe_debt = probes;
    next.grant.message_debt = messages;
    script_server_open(&next);
    say_probes(&next, 1, 8);
    for (i = 1; i <= 312; i++) {
        say_message(&next, i, "x");
    }
    expect_state(&next, UP);
    endpoint_look_away(&next);
    say_probe(&next, 9);
    expect_protocol_error(&next, TOO_MANY_FRAMES);
    endpoint_clear(&next);

    endpoint_init(&next, LUBDUB_ROLE_SERVER);
    next.grant.message_debt = messages;
    script_server_open(&next);
    for (i = 1; i <= 313; i++) {
        say_message(&next, i, "x");
    }
    expect_state(&next, LEAVING);
    endpoint_clear(&next);
}

/* The next grant may be a small bucket: a steady client is not cut for what its last session did. */
static void b4_client_with_any_debt_goes_on_at_its_rate(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    server->grant.probe_debt = LUBDUB_MINUTE;
    server->grant.message_debt = 2 * LUBDUB_SECOND;
    server->grant.interval = 10 * MS;
    server->grant.expiry = LUBDUB_SECOND;
    script_server_open(server);
    for (i = 1; i <= 1000; i++) {
        say_probe(server, i);
        say_message(server, i, "x");
        endpoint_advance(server, 10 * MS);
    }
    expect_state(server, UP);
}

static void b4_session_without_an_end_yet_has_no_debt_before_it_is_up(void **state)
{
    struct endpoint *server = *state;
    lubdub_duration probes = 1;
    lubdub_duration messages = 1;

    endpoint_open(server);
    lubdub_session_debts(&server->session, &server->settings, server->now, &probes, &messages);
    assert_true(probes == 0 && messages == 0);
}

static void what_piled_up_during_an_outage_of_one_expiry_cuts_nobody(void **state)
{
    const struct {
        lubdub_duration interval;
        lubdub_duration expiry;
    } grants[] = {{1000 * MS, 3000 * MS}, {100 * MS, 10000 * MS}, {1 * MS, 1000 * MS}, {30 * MS, 100 * MS}};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(grants); i++) {
        struct endpoint server;
        uint64_t piled_up = grants[i].expiry / grants[i].interval;
        uint64_t before = 100;
        uint64_t k;

        endpoint_init(&server, LUBDUB_ROLE_SERVER);
        server.grant.interval = grants[i].interval;
        server.grant.expiry = grants[i].expiry;
        script_server_open(&server);
        for (k = 1; k <= before; k++) {
            endpoint_advance(&server, grants[i].interval);
            say_probe(&server, k);
        }
        /* The path stalls, nothing arrives; then all of it at once, even from one at twice its rate. */
        endpoint_advance(&server, grants[i].expiry - 1);
        say_probes(&server, before + 1, before + 2 * piled_up);
        expect_state(&server, UP);
        endpoint_clear(&server);
    }
}

static void several_outages_in_a_row_cut_nobody(void **state)
{
    struct endpoint *server = *state;
    uint64_t sequence = 0;
    unsigned i;

    server->grant.interval = 100 * MS;
    server->grant.expiry = 1000 * MS;
    script_server_open(server);
    for (i = 0; i < 200; i++) {
        endpoint_advance(server, 900 * MS);
        say_probes(server, sequence + 1, sequence + 9);
        sequence += 9;
    }
    expect_state(server, UP);
}

static void forgiven_absence_gives_credit_for_what_piled_up_in_it(void **state)
{
    struct endpoint *server = *state;
    lubdub_time until = server->now + 30 * LUBDUB_SECOND;

    script_server_open(server);
    say_probe(server, 1);
    endpoint_wake(server, until, 30 * LUBDUB_SECOND, 30 * LUBDUB_SECOND);
    say_probes(server, 2, 31);
    expect_state(server, UP);
    say_probes(server, 32, 32 + 29); /* twice its rate */
    expect_state(server, UP);
}

static void messages_that_piled_up_in_a_forgiven_absence_cut_nobody(void **state)
{
    struct endpoint *server = *state;
    lubdub_time until = server->now + 30 * LUBDUB_SECOND;
    uint64_t i;

    script_server_open(server);
    say_message(server, 1, "x");
    endpoint_wake(server, until, 30 * LUBDUB_SECOND, 30 * LUBDUB_SECOND);
    for (i = 2; i <= 3000; i++) { /* a hundred a second */
        say_message(server, i, "x");
    }
    expect_state(server, UP);
}

static void what_piled_up_while_the_server_did_not_read_cuts_nobody(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    server->settings.message_rate = 10;
    server->settings.message_burst = 10;
    script_server_open(server);
    for (i = 1; i <= 20; i++) {
        say_message(server, i, "x"); /* all that is allowed at once, of both */
    }
    server->kernel_room = 0;
    server->has_unread = true;
    say_probes(server, 1, 16);
    assert_false(lubdub_session_wants_input(&server->session));
    endpoint_advance(server, 2900 * MS);
    server->has_unread = false;
    endpoint_give_room(server, KERNEL_TAKES_ALL);
    assert_true(lubdub_session_wants_input(&server->session));
    say_probes(server, 17, 16 + 11); /* it takes two a second: as many as were sent, and as many again that piled up */
    for (; i <= 20 + 58; i++) {
        say_message(server, i, "x");
    }
    expect_state(server, UP);
    say_probes(server, 28, 29);
    expect_state(server, LEAVING);
}

/* The faster of two grants is what probes are counted by; what is forgiven is counted by it too. */
static void what_piled_up_while_the_server_did_not_read_counts_by_the_faster_grant(void **state)
{
    struct endpoint *server = *state;

    server->grant = (struct lubdub_grant){.session_number = 1, .interval = 10 * MS, .expiry = 3 * LUBDUB_SECOND};
    script_server_open(server);
    endpoint_grant(server,
                   &(struct lubdub_grant){.session_number = 1, .interval = LUBDUB_SECOND, .expiry = 3 * LUBDUB_SECOND});
    server->kernel_room = 0;
    server->has_unread = true;
    say_probes(server, 1, 600); /* all that is allowed at once */
    endpoint_advance(server, LUBDUB_SECOND);
    endpoint_give_room(server, KERNEL_TAKES_ALL);
    say_probes(server, 601, 600 + 400);
    expect_state(server, UP);
    say_probes(server, 1001, 1002);
    expect_state(server, LEAVING);
}

/* ---- silence ---- */

static void silent_session_is_late_after_its_interval_and_a_margin_and_is_challenged(void **state)
{
    struct endpoint *server = *state;
    lubdub_time start = server->now;
    const struct lubdub_event *late;

    script_server_open(server);
    endpoint_advance_to(server, start + LUBDUB_SECOND);
    expect_no_event(server);
    endpoint_advance_to(server, start + 1500 * MS);
    late = expect_event(server, LATE);
    assert_in_range(late->silent_for, LUBDUB_SECOND + 1, 1500 * MS);
    expect_whole_frame(server, PROBE, 0, 1, NULL, 0);
    endpoint_advance_to(server, start + 2250 * MS - 1);
    expect_no_event(server);
    expect_no_frame(server);
}

static void late_session_is_challenged_once_more_half_way_to_its_expiry(void **state)
{
    struct endpoint *server = *state;
    lubdub_time start = server->now;

    script_server_open(server);
    endpoint_advance_to(server, start + 2250 * MS - 1);
    expect_whole_frame(server, PROBE, 0, 1, NULL, 0);
    expect_no_frame(server);
    endpoint_advance_to(server, start + 2250 * MS);
    expect_whole_frame(server, PROBE, 0, 2, NULL, 0);
    endpoint_advance_to(server, start + 3 * LUBDUB_SECOND - 1);
    expect_no_frame(server);
    expect_state(server, UP);
    say_ack(server, 1);
    say_ack(server, 2);
    expect_state(server, UP);
    endpoint_look_away(server);
    endpoint_advance(server, 3 * LUBDUB_SECOND - 1); /* and so the next time */
    expect_whole_frame(server, PROBE, 0, 3, NULL, 0);
    expect_whole_frame(server, PROBE, 0, 4, NULL, 0);
    expect_no_frame(server);
}

static void last_challenge_comes_two_seconds_before_a_far_expiry_and_not_where_the_first_is_as_young(void **state)
{
    const struct {
        lubdub_duration interval;
        lubdub_duration expiry;
        lubdub_duration last; /* after this silence; 0: there is none */
    } cases[] = {{LUBDUB_SECOND, LUBDUB_MINUTE, 58 * LUBDUB_SECOND},
                 {20 * LUBDUB_SECOND, LUBDUB_MINUTE, 58 * LUBDUB_SECOND},
                 {200 * MS, 400 * MS, 325 * MS},
                 {50 * MS, 150 * MS, 0}};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct endpoint server;
        lubdub_time start;

        endpoint_init(&server, LUBDUB_ROLE_SERVER);
        server.grant.interval = cases[i].interval;
        server.grant.expiry = cases[i].expiry;
        script_server_open(&server);
        start = server.now;
        endpoint_advance_to(&server, start + (cases[i].last > 0 ? cases[i].last : cases[i].expiry) - 1);
        expect_frame(&server, PROBE);
        expect_no_frame(&server);
        if (cases[i].last > 0) {
            endpoint_advance(&server, 1);
            expect_frame(&server, PROBE);
        }
        endpoint_clear(&server);
    }
}

/* What the session makes of a kernel that still has something unacknowledged, and whose peer answered last at that time. */
static enum lubdub_path path_where(struct endpoint *server, lubdub_time answered_at, lubdub_duration ack_delay)
{
    struct lubdub_turn turn = {.now = server->now, .settings = &server->settings};
    const struct lubdub_evidence evidence = {
        .is_known = true,
        .unacknowledged = 5,
        .silent_for = server->now - answered_at,
        .ack_delay = ack_delay,
    };

    lubdub_session_take_evidence(&server->session, &turn, &evidence);
    return turn.path;
}

/* An acknowledgement that is younger than the last challenge proves the path; what else is under way says nothing. */
static void answer_of_the_kernel_counts_by_the_age_of_the_challenge(void **state)
{
    struct endpoint *server = *state;
    lubdub_time start = server->now;

    script_server_open(server);
    endpoint_advance_to(server, start + 3 * LUBDUB_SECOND - 1);
    assert_int_equal(path_where(server, start + 2250 * MS, 50 * MS), LUBDUB_PATH_ACKNOWLEDGED);
    assert_int_equal(path_where(server, start + 2230 * MS, 50 * MS), LUBDUB_PATH_SILENT);
    /* The last challenge is younger than a living kernel may take: the first one counts. */
    assert_int_equal(path_where(server, start + 2230 * MS, 760 * MS), LUBDUB_PATH_ACKNOWLEDGED);
    assert_int_equal(path_where(server, start + 1480 * MS, 760 * MS), LUBDUB_PATH_SILENT);
}

/* A6: estimates of a SYN that was sent twice make everything look young. A quarter of the expiry is the most. */
static void a6_stale_estimate_hides_no_silence(void **state)
{
    struct endpoint *server = *state;
    lubdub_time start = server->now;

    script_server_open(server);
    endpoint_advance_to(server, start + 3 * LUBDUB_SECOND - 1);
    assert_int_equal(path_where(server, start + 1000 * MS, 2550 * MS), LUBDUB_PATH_SILENT);
}

/* The server comes so late to it that the peer's kernel would have no time left to acknowledge it. */
static void last_challenge_that_is_late_itself_is_left_out(void **state)
{
    struct endpoint *server = *state;
    lubdub_time start = server->now;

    script_server_open(server);
    endpoint_advance_to(server, start + 2 * LUBDUB_SECOND);
    expect_frame(server, PROBE);
    server->now = start + 2700 * MS;
    endpoint_ring(server);
    expect_no_frame(server);
    assert_true(server->armed_for == start + 3 * LUBDUB_SECOND);
    assert_int_equal(path_where(server, start + 1500 * MS, 50 * MS), LUBDUB_PATH_ACKNOWLEDGED);
}

static void session_expires_at_its_deadline_and_not_before(void **state)
{
    struct endpoint *server = *state;
    lubdub_time due;
    const struct lubdub_event *down;

    script_server_open(server);
    endpoint_advance(server, 777 * MS);
    say_probe(server, 1);
    due = server->now + 3 * LUBDUB_SECOND;
    endpoint_advance_to(server, due - 1);
    expect_state(server, UP);
    endpoint_look_away(server);
    endpoint_advance_to(server, due);
    down = expect_event(server, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_HUNG);
    assert_int_equal(down->reason_code, LUBDUB_REASON_EXPIRED);
    assert_true(down->deadline == due);
    assert_true(down->silent_for == 3 * LUBDUB_SECOND);
    assert_true(down->had_session);
    expect_bye(server, EXPIRED);
    expect_state(server, CLOSED);
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
        struct endpoint server;

        script_server_up(&server);
        server.path = cases[i].path;
        endpoint_advance(&server, 3 * LUBDUB_SECOND);
        expect_event(&server, LATE);
        assert_int_equal(expect_event(&server, DOWN)->cause, cases[i].cause);
        endpoint_clear(&server);
    }
}

static void frame_at_the_very_deadline_wins(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    endpoint_advance(server, 3 * LUBDUB_SECOND - 1);
    server->now++; /* both at once: what arrived is read before the verdict */
    assert_true(lubdub_session_verdict_is_due(&server->session, &server->settings, server->now));
    say_probe(server, 1);
    endpoint_ring(server);
    expect_state(server, UP);
    expect_event(server, LATE);
    expect_event(server, RECOVERED);
    expect_no_event(server);
}

static void partial_frame_is_no_sign_of_life(void **state)
{
    struct endpoint *server = *state;
    struct wire_bytes bytes = {0};
    size_t i;

    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, 1, NULL, 50);
    script_server_open(server);
    for (i = 0; i < 29; i++) {
        endpoint_receive(server, bytes.data + i, 1);
        endpoint_advance(server, 100 * MS);
    }
    expect_state(server, UP);
    endpoint_receive(server, bytes.data + i, 1);
    endpoint_advance(server, 100 * MS);
    expect_event(server, LATE);
    expect_event(server, DOWN);
    wire_bytes_clear(&bytes);
}

static void every_whole_frame_is_a_sign_of_life(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    endpoint_advance(server, 2900 * MS);
    say_message(server, 1, "x");
    endpoint_advance(server, 2900 * MS);
    say_probe(server, 1);
    endpoint_advance(server, 2900 * MS);
    say_ack(server, 1); /* of the challenge that the first silence brought */
    endpoint_advance(server, 2900 * MS);
    expect_state(server, UP);
}

static void late_session_that_is_heard_recovers_before_its_frame_is_told(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    endpoint_advance(server, 2 * LUBDUB_SECOND);
    expect_event(server, LATE);
    expect_frame(server, PROBE);
    say_message(server, 1, "back");
    assert_true(expect_event(server, RECOVERED)->silent_for == 2 * LUBDUB_SECOND);
    expect_event(server, MESSAGE);
    expect_no_event(server);
}

static void recovered_session_is_late_again_in_time(void **state)
{
    struct endpoint *server = *state;

    /* With a long expiry the deadline of a late session is far away, and comes back closer. */
    server->grant.expiry = 60 * LUBDUB_SECOND;
    script_server_open(server);
    endpoint_advance(server, 2 * LUBDUB_SECOND);
    expect_event(server, LATE);
    say_probe(server, 1);
    expect_event(server, RECOVERED);
    endpoint_advance(server, 2 * LUBDUB_SECOND);
    expect_event(server, LATE);
}

static void challenge_is_answered_once_with_its_own_content(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    endpoint_advance(server, 2 * LUBDUB_SECOND);
    expect_frame(server, PROBE);
    say_ack(server, 1);
    expect_state(server, UP);
    endpoint_look_away(server);
    say_ack(server, 1);
    expect_protocol_error(server, PROTOCOL_ERROR);
}

/* A12: RECOVERED is no sign of life that is taken back in the same breath. */
static void a12_frame_that_ends_the_session_is_not_told_as_a_recovery(void **state)
{
    struct wire_bytes none = {0};
    unsigned i;
    (void)state;

    for (i = 0; i < 7; i++) {
        struct endpoint server;

        script_server_up(&server);
        endpoint_advance(&server, 2 * LUBDUB_SECOND);
        expect_event(&server, LATE);
        endpoint_look_away(&server);
        switch (i) {
        case 0:
            say_text(&server, LUBDUB_FRAME_ACK, 1, "x"); /* other content than the challenge had */
            break;
        case 1:
            say_ack(&server, 2);
            break;
        case 2:
            say_probe(&server, 2);
            break;
        case 3:
            say_probe(&server, 0);
            break;
        case 4:
            say_message(&server, 2, "x");
            break;
        case 5:
            say_hello(&server, 1, &none);
            break;
        case 6:
            say_welcome(&server, 0, 1, 1000, 3000);
            break;
        }
        expect_protocol_error(&server, PROTOCOL_ERROR);
        endpoint_clear(&server);
    }
}

static void a12_frame_beyond_the_limit_is_not_told_as_a_recovery(void **state)
{
    struct endpoint *server = *state;

    server->grant = (struct lubdub_grant){.session_number = 1, .interval = 100 * MS, .expiry = 300 * MS};
    server->settings.message_rate = server->settings.message_burst = 1;
    script_server_open(server);
    say_message(server, 1, "x");
    say_message(server, 2, "x");
    endpoint_advance(server, 200 * MS); /* two a second are taken: the next one after 500 ms */
    endpoint_look_away(server);
    assert_true(server->session.is_late);
    say_message(server, 3, "x");
    expect_protocol_error(server, TOO_MANY_FRAMES);
}

static void challenges_count_1_2_3(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    script_server_open(server);
    for (i = 1; i <= 3; i++) {
        endpoint_advance(server, 2 * LUBDUB_SECOND);
        expect_whole_frame(server, PROBE, 0, i, NULL, 0);
        say_ack(server, i);
    }
}

/* Answers that are missing of an earlier silence do not keep the server from asking in this one. */
static void challenges_that_wait_for_their_acks_are_followed_by_others_up_to_seven(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    script_server_open(server);
    for (i = 1; i <= 4; i++) {
        endpoint_advance(server, 3 * LUBDUB_SECOND - 1);
        if (i < 4) {
            expect_whole_frame(server, PROBE, 0, 2 * i - 1, NULL, 0); /* late */
            expect_whole_frame(server, PROBE, 0, 2 * i, NULL, 0);     /* the last look */
        } else {
            expect_whole_frame(server, PROBE, 0, 7, NULL, 0); /* seven wait */
        }
        expect_no_frame(server);
        say_probe(server, i); /* alive, and has not come round to answering */
        expect_frame(server, ACK);
    }
    for (i = 1; i <= 7; i++) {
        say_ack(server, i);
    }
    expect_state(server, UP);
}

static void health_of_the_server_goes_with_its_challenge(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    lubdub_session_set_health(&server->session, LUBDUB_HEALTH_WARNING);
    endpoint_advance(server, 2 * LUBDUB_SECOND);
    expect_whole_frame(server, PROBE, LUBDUB_HEALTH_WARNING, 1, NULL, 0);
}

/* ---- our own absence ---- */

static void absence_of_ten_expiries_loses_nobody_whose_frames_lie_there(void **state)
{
    struct endpoint *server = *state;
    lubdub_time until = server->now + 30 * LUBDUB_SECOND;

    script_server_open(server);
    endpoint_wake(server, until, 30 * LUBDUB_SECOND, 28 * LUBDUB_SECOND);
    endpoint_ring(server);
    expect_state(server, UP);
    say_probes(server, 1, 30);
    expect_state(server, UP);
}

static void peer_that_died_during_our_absence_is_found_within_one_expiry_after_it(void **state)
{
    struct endpoint *server = *state;
    lubdub_time until = server->now + 30 * LUBDUB_SECOND;

    script_server_open(server);
    endpoint_wake(server, until, 30 * LUBDUB_SECOND, 28 * LUBDUB_SECOND);
    endpoint_advance(server, 3 * LUBDUB_SECOND - 1);
    expect_state(server, UP);
    endpoint_advance(server, 1);
    expect_state(server, CLOSED);
}

static void absence_of_less_than_a_quarter_of_the_expiry_moves_nothing(void **state)
{
    struct endpoint *server = *state;
    lubdub_time due = server->now + 3 * LUBDUB_SECOND;

    script_server_open(server);
    endpoint_wake(server, server->now + 700 * MS, 700 * MS, 700 * MS);
    endpoint_advance_to(server, due);
    expect_state(server, CLOSED);
}

static void absence_moves_the_deadline_of_an_opening_too(void **state)
{
    struct endpoint *server = *state;

    endpoint_open(server);
    endpoint_advance(server, LUBDUB_SECOND);
    endpoint_wake(server, server->now + 60 * LUBDUB_SECOND, 60 * LUBDUB_SECOND, 60 * LUBDUB_SECOND);
    endpoint_advance(server, 4 * LUBDUB_SECOND - 1);
    expect_no_event(server);
    endpoint_advance(server, 1);
    expect_event(server, DOWN);
}

/* ---- grants that change ---- */

static const struct lubdub_grant faster = {.session_number = 1, .interval = 100 * MS, .expiry = 300 * MS};
static const struct lubdub_grant slower = {
    .session_number = 1, .interval = 10 * LUBDUB_SECOND, .expiry = 30 * LUBDUB_SECOND};

static void changed_grant_is_told_by_welcome_with_the_same_number(void **state)
{
    struct endpoint *server = *state;
    struct lubdub_frame welcome;
    struct lubdub_options options;

    script_server_open(server);
    assert_int_equal(endpoint_grant(server, &faster), LUBDUB_ERROR_OK);
    welcome = expect_frame(server, WELCOME);
    assert_int_equal(welcome.flags, LUBDUB_FLAG_CHANGED);
    assert_int_equal(welcome.sequence, 1);
    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_WELCOME, welcome.content, welcome.length));
    assert_int_equal(options.interval_ms, 100);
    assert_int_equal(options.expiry_ms, 300);
}

static void changed_grant_is_nothing_to_an_anonymous_session(void **state)
{
    struct endpoint *server = *state;

    endpoint_open(server);
    say_probe(server, 1);
    endpoint_look_away(server);
    assert_int_equal(endpoint_grant(server, &faster), LUBDUB_ERROR_OK);
    expect_no_frame(server);
    assert_true(lubdub_session_interval(&server->session) == LUBDUB_SECOND);
}

static void longer_expiry_counts_until_two_probes_were_seen_under_the_new_grant(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    endpoint_grant(server, &faster);
    say_ack(server, 1); /* the client has read the WELCOME */
    endpoint_advance(server, 2900 * MS);
    say_probe(server, 1);
    endpoint_advance(server, 2900 * MS);
    expect_state(server, UP); /* one is not enough */
    say_probe(server, 2);
    endpoint_advance(server, 299 * MS);
    expect_state(server, UP);
    endpoint_advance(server, 1 * MS);
    expect_state(server, CLOSED);
}

/* A11: what was under way when the grant changed was sent under the old one. */
static void a11_probes_under_way_at_a_regrant_are_none_of_the_new_grant(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    server->grant = (struct lubdub_grant){.session_number = 1, .interval = 200 * MS, .expiry = 10 * LUBDUB_SECOND};
    script_server_open(server);
    endpoint_grant(server, &(struct lubdub_grant){.session_number = 1, .interval = 50 * MS, .expiry = 150 * MS});
    expect_frame(server, WELCOME);
    expect_whole_frame(server, PROBE, 0, 1, NULL, 0); /* whose ACK parts the two */
    expect_no_frame(server);
    for (i = 1; i <= 5; i++) {
        endpoint_advance(server, 200 * MS);
        say_probe(server, i);
    }
    endpoint_advance(server, 9 * LUBDUB_SECOND);
    expect_state(server, UP);
    say_ack(server, 1);
    say_probes(server, 6, 7);
    endpoint_advance(server, 150 * MS);
    expect_state(server, CLOSED);
}

/* What drained in the silence counts before it is told that the client is back. */
static void client_that_used_its_burst_before_a_silence_recovers(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    say_probes(server, 1, 16);
    endpoint_advance(server, 1600 * MS);
    expect_event(server, LATE);
    say_probe(server, 17);
    assert_true(expect_event(server, RECOVERED)->silent_for == 1600 * MS);
    expect_no_event(server);
    endpoint_advance(server, 1600 * MS);
    expect_event(server, LATE);
}

static void memory_of_an_old_grant_is_given_back_when_it_no_longer_counts(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    endpoint_grant(server, &(struct lubdub_grant){.session_number = 1, .interval = 500 * MS, .expiry = 2 * LUBDUB_SECOND});
    say_ack(server, 1);
    say_probes(server, 1, LUBDUB_PROBES_UNDER_NEW_GRANT - 1);
    assert_non_null(server->session.extra);
    say_probe(server, LUBDUB_PROBES_UNDER_NEW_GRANT);
    assert_null(server->session.extra);
}

static void a11_challenge_of_a_regrant_waits_beside_those_of_a_silence(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    endpoint_grant(server, &slower);
    endpoint_look_away(server);
    endpoint_advance(server, 30 * LUBDUB_SECOND - 1);
    expect_whole_frame(server, PROBE, 0, 2, NULL, 0);
    expect_whole_frame(server, PROBE, 0, 3, NULL, 0);
    expect_no_frame(server);
    say_ack(server, 1);
    say_ack(server, 2);
    say_ack(server, 3);
    expect_state(server, UP);
}

/* As many challenges wait as may: the one behind the new grant is owed, and what comes before its ACK is of the old. */
static void a11_challenge_of_a_regrant_goes_when_another_was_answered(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    script_server_open(server);
    for (i = 0; i < LUBDUB_CHALLENGES_WAITING_LIMIT; i++) {
        endpoint_grant(server, &slower);
    }
    endpoint_grant(server, &(struct lubdub_grant){.session_number = 1, .interval = 50 * MS, .expiry = 150 * MS});
    say_probes(server, 1, 5);
    endpoint_advance(server, LUBDUB_SECOND);
    expect_state(server, UP);
    endpoint_look_away(server);
    say_ack(server, 1);
    expect_whole_frame(server, PROBE, 0, LUBDUB_CHALLENGES_WAITING_LIMIT + 1, NULL, 0);
    expect_no_frame(server);
    for (i = 2; i <= LUBDUB_CHALLENGES_WAITING_LIMIT; i++) {
        say_ack(server, i);
    }
    say_probes(server, 6, 10);
    endpoint_advance(server, LUBDUB_SECOND);
    expect_state(server, UP);
    say_ack(server, LUBDUB_CHALLENGES_WAITING_LIMIT + 1);
    say_probes(server, 11, 12);
    endpoint_advance(server, 150 * MS);
    expect_state(server, CLOSED);
}

/* Too many challenges wait to tell a health: the newest one goes when another was answered, and once. */
static void health_that_could_not_be_told_goes_when_a_challenge_was_answered(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    endpoint_look_away(server);
    endpoint_tell_health(server, LUBDUB_HEALTH_WARNING);
    endpoint_tell_health(server, LUBDUB_HEALTH_CRITICAL);
    endpoint_tell_health(server, LUBDUB_HEALTH_WARNING);
    expect_whole_frame(server, PROBE, LUBDUB_HEALTH_WARNING, 1, NULL, 0);
    expect_whole_frame(server, PROBE, LUBDUB_HEALTH_CRITICAL, 2, NULL, 0);
    expect_whole_frame(server, PROBE, LUBDUB_HEALTH_WARNING, 3, NULL, 0);
    endpoint_tell_health(server, LUBDUB_HEALTH_CRITICAL);
    endpoint_tell_health(server, LUBDUB_HEALTH_PASSING);
    expect_no_frame(server);
    say_ack(server, 1);
    expect_whole_frame(server, PROBE, LUBDUB_HEALTH_PASSING, 4, NULL, 0);
    say_ack(server, 2);
    say_ack(server, 3);
    say_ack(server, 4);
    expect_no_frame(server);
    expect_state(server, UP);
}

/* The last look before a verdict: the path may have been cut since the grants changed. */
static void a11_silence_is_asked_again_beside_the_challenges_of_two_regrants(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    endpoint_advance(server, 2 * LUBDUB_SECOND); /* late, and asked */
    endpoint_grant(server, &slower);
    endpoint_grant(server, &slower);
    endpoint_look_away(server);
    endpoint_advance(server, 28 * LUBDUB_SECOND - 1);
    expect_whole_frame(server, PROBE, 0, 4, NULL, 0);
    expect_no_frame(server);
    expect_state(server, UP);
}

/* The last look was that of the old expiry: the longer one has its own. */
static void a11_silence_is_asked_again_before_the_expiry_that_a_regrant_put_off(void **state)
{
    struct endpoint *server = *state;
    lubdub_time start = server->now;

    script_server_open(server);
    endpoint_advance_to(server, start + 2500 * MS); /* late, and asked twice */
    endpoint_grant(server, &slower);
    endpoint_look_away(server);
    endpoint_advance_to(server, start + 30 * LUBDUB_SECOND - 1);
    expect_whole_frame(server, PROBE, 0, 4, NULL, 0);
    expect_no_frame(server);
    expect_state(server, UP);
}

/* A12: both sides of the account survive a regrant. */
static void a12_credit_survives_a_regrant(void **state)
{
    struct endpoint *server = *state;
    lubdub_time until = server->now + LUBDUB_MINUTE;

    server->grant.interval = 100 * MS;
    script_server_open(server);
    endpoint_wake(server, until, LUBDUB_MINUTE, LUBDUB_MINUTE);
    endpoint_grant(server,
                   &(struct lubdub_grant){.session_number = 1, .interval = LUBDUB_SECOND, .expiry = 3 * LUBDUB_SECOND});
    say_probes(server, 1, 600);
    expect_state(server, UP);
}

static void a12_debt_survives_a_regrant(void **state)
{
    struct endpoint *server = *state;

    server->grant.interval = 100 * MS; /* burst: 60 */
    script_server_open(server);
    say_probes(server, 1, 60);
    endpoint_grant(server,
                   &(struct lubdub_grant){.session_number = 1, .interval = LUBDUB_SECOND, .expiry = 3 * LUBDUB_SECOND});
    expect_state(server, UP);
    endpoint_look_away(server);
    say_probe(server, 61);
    expect_protocol_error(server, TOO_MANY_FRAMES);
}

/* A bucket that is counted in other units overflows for no client that was within its limit. */
static void a12_client_within_its_limit_is_cut_by_no_regrant(void **state)
{
    const struct {
        struct lubdub_grant before;
        struct lubdub_grant after;
        uint64_t burst; /* that came just before the change; the largest that is allowed at once, less one */
    } cases[] = {
        {{.session_number = 1, .interval = LUBDUB_SECOND, .expiry = 3 * LUBDUB_SECOND}, faster, 15},
        {{.session_number = 1, .interval = 10 * LUBDUB_SECOND, .expiry = 30 * LUBDUB_SECOND}, faster, 15},
        {faster, slower, 15},
        {{.session_number = 1, .interval = 100 * MS, .expiry = LUBDUB_MINUTE},
         {.session_number = 1, .interval = 200 * MS, .expiry = LUBDUB_SECOND},
         1199},
    };
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct endpoint server;
        uint64_t sequence = cases[i].burst;
        unsigned k;

        endpoint_init(&server, LUBDUB_ROLE_SERVER);
        server.grant = cases[i].before;
        script_server_open(&server);
        say_probes(&server, 1, sequence);
        endpoint_grant(&server, &cases[i].after);
        say_probe(&server, ++sequence); /* it was under way */
        say_ack(&server, 1);
        for (k = 0; k < 100; k++) {
            endpoint_advance(&server, cases[i].after.interval);
            say_probe(&server, ++sequence);
        }
        expect_state(&server, UP);
        endpoint_clear(&server);
    }
}

static void longer_new_expiry_counts_at_once(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    endpoint_grant(server, &slower);
    endpoint_advance(server, 30 * LUBDUB_SECOND - 1);
    expect_state(server, UP);
    endpoint_advance(server, 1);
    expect_state(server, CLOSED);
}

static void faster_rate_counts_until_two_probes_were_seen_under_the_new_grant(void **state)
{
    struct endpoint *server = *state;
    unsigned i;

    /* From 100 ms to 10 s; the client has not heard of it yet, and probes at its old rate through an outage. */
    server->grant = faster;
    script_server_open(server);
    for (i = 1; i <= 50; i++) {
        endpoint_advance(server, 100 * MS);
        say_probe(server, i);
    }
    endpoint_grant(server, &slower);
    endpoint_advance(server, 10 * LUBDUB_SECOND);
    say_probes(server, 51, 52);
    expect_state(server, UP);
}

static void new_rate_counts_after_two_probes(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    server->grant = faster;
    script_server_open(server);
    endpoint_grant(server, &slower);
    say_ack(server, 1);
    for (i = 1; i <= 2000 && endpoint_state(server) == LUBDUB_SESSION_UP; i++) {
        endpoint_look_away(server);
        endpoint_advance(server, 50 * MS);
        say_probe(server, i);
    }
    expect_protocol_error(server, TOO_MANY_FRAMES);
    assert_in_range(i, 16, 20);
}

static void what_piled_up_in_an_outage_while_the_grant_changed_cuts_nobody(void **state)
{
    struct endpoint *server = *state;

    server->grant.interval = 100 * MS;
    server->grant.expiry = 10 * LUBDUB_SECOND;
    script_server_open(server);
    endpoint_grant(server,
                   &(struct lubdub_grant){.session_number = 1, .interval = LUBDUB_SECOND, .expiry = 3 * LUBDUB_SECOND});
    endpoint_advance(server, 9 * LUBDUB_SECOND);
    say_probes(server, 1, 90); /* the client sent them before it heard of the new grant */
    expect_state(server, UP);
}

static void several_changes_keep_the_most_generous_until_two_probes(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server); /* 1 s and 3 s */
    endpoint_grant(server, &faster);
    endpoint_grant(server, &(struct lubdub_grant){.session_number = 1, .interval = 50 * MS, .expiry = 200 * MS});
    endpoint_advance(server, 2900 * MS);
    expect_state(server, UP);
    say_ack(server, 1); /* of the first change, and the second one is on its way */
    say_probe(server, 1);
    say_probe(server, 2);
    endpoint_advance(server, 2900 * MS);
    expect_state(server, UP);
    say_ack(server, 2);
    say_probe(server, 3);
    say_probe(server, 4);
    endpoint_advance(server, 200 * MS);
    expect_state(server, CLOSED);
}

/* The client may have heard of no change yet: it is punctual by the longest interval of them all. */
static void several_changes_make_no_client_late_that_keeps_to_the_first_grant(void **state)
{
    struct endpoint *server = *state;
    lubdub_time start = server->now;

    script_server_open(server); /* 1 s and 3 s */
    endpoint_advance_to(server, start + 900 * MS);
    endpoint_grant(server, &(struct lubdub_grant){.session_number = 1, .interval = 100 * MS, .expiry = 3 * LUBDUB_SECOND});
    endpoint_grant(server, &(struct lubdub_grant){.session_number = 1, .interval = 200 * MS, .expiry = 3 * LUBDUB_SECOND});
    endpoint_advance_to(server, start + 1500 * MS - 1);
    assert_int_equal(event_log_count(&server->events, LUBDUB_EVENT_LATE), 0);
    endpoint_advance_to(server, start + 1500 * MS);
    assert_int_equal(event_log_count(&server->events, LUBDUB_EVENT_LATE), 1);
}

static void closer_expiry_after_the_second_probe_is_found_in_time(void **state)
{
    struct endpoint *server = *state;

    server->grant.expiry = 60 * LUBDUB_SECOND;
    script_server_open(server);
    endpoint_grant(server, &faster);
    say_ack(server, 1);
    say_probes(server, 1, 2);
    endpoint_advance(server, 300 * MS);
    expect_state(server, CLOSED);
}

/* ---- slow readers ---- */

static void session_whose_answers_wait_is_not_read_from(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    assert_true(lubdub_session_wants_input(&server->session));
    server->kernel_room = 4;
    say_probe(server, 1);
    assert_true(lubdub_session_has_output(&server->session));
    assert_false(lubdub_session_wants_input(&server->session));
    endpoint_give_room(server, 11);
    assert_false(lubdub_session_wants_input(&server->session));
    endpoint_give_room(server, 1);
    assert_true(lubdub_session_wants_input(&server->session));
    expect_whole_frame(server, ACK, 0, 1, NULL, 0);
}

static void peer_that_writes_and_takes_nothing_for_one_expiry_is_a_slow_reader(void **state)
{
    struct endpoint *server = *state;
    const struct lubdub_event *down;

    script_server_open(server);
    server->kernel_room = 0;
    server->has_unread = true;
    endpoint_advance(server, LUBDUB_SECOND);
    say_probe(server, 1);
    endpoint_advance(server, 3 * LUBDUB_SECOND - 1);
    expect_no_event(server); /* nor is it late: the server does not listen */
    endpoint_advance(server, 1);
    down = expect_event(server, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_SLOW_READER);
    assert_true(down->had_session);
    expect_state(server, CLOSED);
    expect_no_frame(server);
}

/* A8, rule 1: bytes that wait for a silent peer prolong nothing. */
static void a8_silent_peer_expires_in_time_also_while_output_waits(void **state)
{
    const struct {
        enum lubdub_path path;
        enum lubdub_cause cause;
    } cases[] = {{LUBDUB_PATH_ACKNOWLEDGED, LUBDUB_CAUSE_HUNG}, {LUBDUB_PATH_SILENT, LUBDUB_CAUSE_UNREACHABLE}};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct endpoint server;
        const struct lubdub_event *down;
        lubdub_time heard_at;
        unsigned k;

        script_server_up(&server);
        say_probe(&server, 1);
        heard_at = server.now;
        endpoint_look_away(&server);
        server.kernel_room = 1000;
        server.path = cases[i].path;
        for (k = 0; k < 29; k++) { /* broadcasts go on, and the peer's kernel takes some */
            static const uint8_t content[500];

            (void)endpoint_send(&server, content, sizeof content);
            endpoint_advance(&server, 100 * MS);
            endpoint_give_room(&server, 100);
        }
        endpoint_advance_to(&server, heard_at + 3 * LUBDUB_SECOND - 1);
        expect_state(&server, UP);
        endpoint_advance(&server, 1);
        endpoint_look_away(&server);
        down = &event_log_last(&server.events, LUBDUB_EVENT_DOWN)->event;
        assert_int_equal(down->cause, cases[i].cause);
        assert_int_equal(down->reason_code, LUBDUB_REASON_EXPIRED);
        assert_true(down->deadline == heard_at + 3 * LUBDUB_SECOND);
        endpoint_clear(&server);
    }
}

static void a8_peer_that_writes_while_output_waits_has_one_expiry_from_the_blocking_on(void **state)
{
    struct endpoint *server = *state;
    lubdub_time heard_at = server->now;
    const struct lubdub_event *down;

    script_server_open(server);
    endpoint_advance(server, 1400 * MS);
    server->kernel_room = 5;
    endpoint_send(server, "waits", 5);
    server->has_unread = true;
    endpoint_advance_to(server, heard_at + 3 * LUBDUB_SECOND);
    expect_state(server, UP); /* alive: something lies there to be read */
    server->has_unread = false;
    endpoint_advance_to(server, heard_at + 4400 * MS - 1);
    expect_no_event(server);
    expect_state(server, UP);
    endpoint_advance(server, 1);
    down = expect_event(server, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_SLOW_READER);
    assert_true(down->deadline == heard_at + 4400 * MS);
}

/* One expiry after the blocking began, never later: one that reads less than it is sent would be borne for ever. */
static void a8_peer_that_takes_a_byte_now_and_then_is_a_slow_reader_all_the_same(void **state)
{
    struct endpoint *server = *state;
    lubdub_time blocked_at;
    unsigned i;

    script_server_open(server);
    endpoint_advance(server, LUBDUB_SECOND);
    server->kernel_room = 0;
    server->has_unread = true;
    say_probe(server, 1);
    blocked_at = server->now;
    for (i = 0; i < 14; i++) {
        endpoint_advance(server, 200 * MS);
        endpoint_give_room(server, 1);
        expect_state(server, UP);
    }
    endpoint_advance_to(server, blocked_at + 3 * LUBDUB_SECOND);
    assert_int_equal(expect_event(server, DOWN)->cause, LUBDUB_CAUSE_SLOW_READER);
}

static void peer_that_read_again_is_judged_by_its_silence_again_in_time(void **state)
{
    struct endpoint *server = *state;
    lubdub_time heard_at = server->now;

    script_server_open(server);
    endpoint_advance(server, 1400 * MS);
    server->kernel_room = 0;
    endpoint_send(server, "waits", 5);
    server->has_unread = true;
    endpoint_advance_to(server, heard_at + 3500 * MS); /* beyond its expiry */
    endpoint_give_room(server, KERNEL_TAKES_ALL);
    expect_state(server, UP); /* not at once: what it sent meanwhile lies unread */
    server->has_unread = false;
    say_probe(server, 1);
    endpoint_ring(server);
    expect_state(server, UP);
    endpoint_advance(server, 3 * LUBDUB_SECOND - 1);
    expect_event(server, LATE);
    expect_no_event(server);
    endpoint_advance(server, 1);
    expect_event(server, DOWN);
}

static void a8_peer_that_read_again_gets_no_more_time_in_the_next_blocking(void **state)
{
    struct endpoint *server = *state;
    lubdub_time heard_at;

    script_server_open(server);
    endpoint_advance(server, 1400 * MS);
    server->kernel_room = 0;
    endpoint_send(server, "waits", 5);
    server->has_unread = true;
    endpoint_advance(server, 2 * LUBDUB_SECOND);
    endpoint_give_room(server, KERNEL_TAKES_ALL);
    server->has_unread = false;
    say_probe(server, 1);
    heard_at = server->now;
    endpoint_advance(server, 1400 * MS);
    server->kernel_room = 0;
    endpoint_send(server, "waits", 5);
    endpoint_look_away(server);
    endpoint_advance_to(server, heard_at + 3 * LUBDUB_SECOND - 1);
    expect_state(server, UP);
    endpoint_advance(server, 1);
    assert_int_equal(expect_event(server, DOWN)->cause, LUBDUB_CAUSE_HUNG);
}

/* It took what waited, and what had lain there to be read was no whole frame. */
static void a8_peer_that_read_again_and_said_nothing_whole_expires_at_once(void **state)
{
    struct endpoint *server = *state;
    lubdub_time heard_at = server->now;

    script_server_open(server);
    endpoint_advance(server, 1400 * MS);
    server->kernel_room = 0;
    endpoint_send(server, "waits", 5);
    wire_bytes_put(&server->unread, "LD", 2);
    endpoint_advance_to(server, heard_at + 3500 * MS);
    expect_state(server, UP);
    endpoint_give_room(server, KERNEL_TAKES_ALL);
    endpoint_ring(server);
    assert_int_equal(expect_event(server, DOWN)->cause,
                     LUBDUB_CAUSE_UNREACHABLE); /* its bytes arrive: it is not hung */
}

static void unreadable_path_under_waiting_answers_is_unreachable(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    server->kernel_room = 0;
    server->path = LUBDUB_PATH_SILENT;
    say_probe(server, 1);
    endpoint_advance(server, 3 * LUBDUB_SECOND);
    assert_int_equal(expect_event(server, DOWN)->cause, LUBDUB_CAUSE_UNREACHABLE);
    expect_no_frame(server);
}

static void absence_moves_the_deadline_of_a_slow_reader_too(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    server->kernel_room = 0;
    server->has_unread = true;
    say_probe(server, 1);
    endpoint_wake(server, server->now + 30 * LUBDUB_SECOND, 30 * LUBDUB_SECOND, 30 * LUBDUB_SECOND);
    endpoint_advance(server, 3 * LUBDUB_SECOND - 1);
    expect_state(server, UP);
    endpoint_advance(server, 1);
    assert_int_equal(expect_event(server, DOWN)->cause, LUBDUB_CAUSE_SLOW_READER);
}

static void expired_session_gets_no_bye_behind_what_waits(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    server->path = LUBDUB_PATH_SILENT;
    server->kernel_room = 0;
    say_probe(server, 1);
    endpoint_advance(server, 3 * LUBDUB_SECOND);
    expect_state(server, CLOSED);
    endpoint_give_room(server, KERNEL_TAKES_ALL);
    expect_frame(server, ACK);
    expect_no_frame(server);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(hello_is_told_with_all_that_it_asks),
        TEST(hello_without_options_is_welcome_too),
        TEST(welcome_tells_the_session_and_what_is_granted),
        TEST(welcome_of_a_new_identity_has_no_flags_and_no_last_end),
        TEST(granted_interval_is_25_days_at_the_most),
        TEST(granted_expiry_is_never_below_twice_the_interval),
        TEST(longest_and_shortest_grants_are_kept_to_what_the_wire_can_say),
        TEST(session_number_is_never_0),
        TEST(refused_hello_gets_bye_and_no_welcome),
        TEST(double_hello_is_a_protocol_error),
        TEST(hello_after_a_probe_is_a_protocol_error),
        TEST(server_only_type_from_a_client_is_a_protocol_error),
        TEST(first_frame_must_be_hello_probe_or_message),
        TEST(probe_first_opens_an_anonymous_session_and_is_answered),
        TEST(message_first_opens_an_anonymous_session_and_is_delivered),
        TEST(refused_anonymous_probe_gets_bye_and_no_ack),
        TEST(required_hello_that_is_missing_gets_bye_6_and_no_ack),
        TEST(wrong_first_frame_is_a_protocol_error_also_where_hello_is_required),
        TEST(connection_without_a_frame_ends_at_the_handshake_timeout_with_bye_10),
        TEST(drip_of_bytes_does_not_prolong_the_handshake),
        TEST(ack_echoes_sequence_health_and_content_byte_for_byte),
        TEST(acks_come_in_the_order_of_their_probes),
        TEST(probe_counts_1_2_3_and_anything_else_is_a_protocol_error),
        TEST(first_probe_is_number_1),
        TEST(message_counts_1_2_3_and_anything_else_is_a_protocol_error),
        TEST(content_of_max_content_is_taken_and_one_byte_more_is_not),
        TEST(hello_of_4096_bytes_is_taken_and_one_byte_more_is_not),
        TEST(ack_that_nobody_waits_for_is_a_protocol_error),
        TEST(bye_is_reported_with_its_reason_text_and_retry_after),
        TEST(health_is_told_when_it_changes),
        TEST(twice_the_granted_rate_is_fine_for_ever),
        TEST(messages_at_twice_the_told_rate_beside_probes_are_fine_for_ever),
        TEST(messages_a_tenth_above_twice_the_told_rate_end_with_bye_8),
        TEST(rate_a_tenth_above_twice_the_granted_one_ends_with_bye_8),
        TEST(burst_of_16_probes_is_fine_and_the_17th_ends_with_bye_8),
        TEST(e1_burst_of_messages_is_twice_what_was_told_and_one_more_ends_with_bye_8),
        TEST(e1_message_rate_is_a_setting_and_is_told),
        TEST(e1_message_rate_of_0_takes_any_number_and_says_so),
        TEST(b4_debts_go_over_to_the_next_session_less_what_drained),
        TEST(b4_client_with_any_debt_goes_on_at_its_rate),
        TEST(b4_session_without_an_end_yet_has_no_debt_before_it_is_up),
        TEST(what_piled_up_during_an_outage_of_one_expiry_cuts_nobody),
        TEST(several_outages_in_a_row_cut_nobody),
        TEST(forgiven_absence_gives_credit_for_what_piled_up_in_it),
        TEST(messages_that_piled_up_in_a_forgiven_absence_cut_nobody),
        TEST(what_piled_up_while_the_server_did_not_read_cuts_nobody),
        TEST(what_piled_up_while_the_server_did_not_read_counts_by_the_faster_grant),
        TEST(silent_session_is_late_after_its_interval_and_a_margin_and_is_challenged),
        TEST(late_session_is_challenged_once_more_half_way_to_its_expiry),
        TEST(last_challenge_comes_two_seconds_before_a_far_expiry_and_not_where_the_first_is_as_young),
        TEST(answer_of_the_kernel_counts_by_the_age_of_the_challenge),
        TEST(a6_stale_estimate_hides_no_silence),
        TEST(last_challenge_that_is_late_itself_is_left_out),
        TEST(session_expires_at_its_deadline_and_not_before),
        TEST(silence_is_hung_where_the_kernel_acknowledges_and_unreachable_where_not),
        TEST(frame_at_the_very_deadline_wins),
        TEST(partial_frame_is_no_sign_of_life),
        TEST(every_whole_frame_is_a_sign_of_life),
        TEST(late_session_that_is_heard_recovers_before_its_frame_is_told),
        TEST(recovered_session_is_late_again_in_time),
        TEST(challenge_is_answered_once_with_its_own_content),
        TEST(a12_frame_that_ends_the_session_is_not_told_as_a_recovery),
        TEST(a12_frame_beyond_the_limit_is_not_told_as_a_recovery),
        TEST(challenges_count_1_2_3),
        TEST(challenges_that_wait_for_their_acks_are_followed_by_others_up_to_seven),
        TEST(health_of_the_server_goes_with_its_challenge),
        TEST(absence_of_ten_expiries_loses_nobody_whose_frames_lie_there),
        TEST(peer_that_died_during_our_absence_is_found_within_one_expiry_after_it),
        TEST(absence_of_less_than_a_quarter_of_the_expiry_moves_nothing),
        TEST(absence_moves_the_deadline_of_an_opening_too),
        TEST(changed_grant_is_told_by_welcome_with_the_same_number),
        TEST(changed_grant_is_nothing_to_an_anonymous_session),
        TEST(longer_expiry_counts_until_two_probes_were_seen_under_the_new_grant),
        TEST(a11_probes_under_way_at_a_regrant_are_none_of_the_new_grant),
        TEST(client_that_used_its_burst_before_a_silence_recovers),
        TEST(memory_of_an_old_grant_is_given_back_when_it_no_longer_counts),
        TEST(a11_challenge_of_a_regrant_waits_beside_those_of_a_silence),
        TEST(a11_challenge_of_a_regrant_goes_when_another_was_answered),
        TEST(health_that_could_not_be_told_goes_when_a_challenge_was_answered),
        TEST(a11_silence_is_asked_again_beside_the_challenges_of_two_regrants),
        TEST(a11_silence_is_asked_again_before_the_expiry_that_a_regrant_put_off),
        TEST(a12_credit_survives_a_regrant),
        TEST(a12_debt_survives_a_regrant),
        TEST(a12_client_within_its_limit_is_cut_by_no_regrant),
        TEST(longer_new_expiry_counts_at_once),
        TEST(faster_rate_counts_until_two_probes_were_seen_under_the_new_grant),
        TEST(new_rate_counts_after_two_probes),
        TEST(what_piled_up_in_an_outage_while_the_grant_changed_cuts_nobody),
        TEST(several_changes_keep_the_most_generous_until_two_probes),
        TEST(several_changes_make_no_client_late_that_keeps_to_the_first_grant),
        TEST(closer_expiry_after_the_second_probe_is_found_in_time),
        TEST(session_whose_answers_wait_is_not_read_from),
        TEST(peer_that_writes_and_takes_nothing_for_one_expiry_is_a_slow_reader),
        TEST(a8_silent_peer_expires_in_time_also_while_output_waits),
        TEST(a8_peer_that_writes_while_output_waits_has_one_expiry_from_the_blocking_on),
        TEST(a8_peer_that_takes_a_byte_now_and_then_is_a_slow_reader_all_the_same),
        TEST(peer_that_read_again_is_judged_by_its_silence_again_in_time),
        TEST(a8_peer_that_read_again_gets_no_more_time_in_the_next_blocking),
        TEST(a8_peer_that_read_again_and_said_nothing_whole_expires_at_once),
        TEST(unreadable_path_under_waiting_answers_is_unreachable),
        TEST(absence_moves_the_deadline_of_a_slow_reader_too),
        TEST(expired_session_gets_no_bye_behind_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
