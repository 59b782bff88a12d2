/* What is the same for both ends of a session: headers, options, messages, order of output, the end. */
#include "support/pair.h"
#include "statistics/random.h"
#include "support/script.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define MS LUBDUB_MILLISECOND

static const enum split splits[] = {SPLIT_WHOLE, SPLIT_PAIRS, SPLIT_BYTES, SPLIT_RANDOM};

/* Most rules hold for both roles; `up` makes an endpoint of either that is up and has nothing to say. */
static void up(struct endpoint *endpoint, enum lubdub_role role, enum split split)
{
    if (role == LUBDUB_ROLE_SERVER) {
        script_server_up(endpoint);
    } else {
        script_client_up(endpoint);
    }
    endpoint->split = split;
    endpoint->random = 1;
}

#define FOR_BOTH_ROLES(role) for (role = LUBDUB_ROLE_CLIENT; role <= LUBDUB_ROLE_SERVER; role++)

static void session_is_small_enough_for_a_million(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct lubdub_session), 48);
}

/* ---- headers ---- */

static void other_magic_closes_at_once_with_nothing_written(void **state)
{
    const char *const strangers[] = {
        "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01", "SSH-2.0-OpenSSH_9\r\n", "LX", "l", "DL\x01\x03"};
    enum lubdub_role role;
    size_t i;
    size_t k;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        for (i = 0; i < COUNT_OF(strangers); i++) {
            for (k = 0; k < COUNT_OF(splits); k++) {
                struct endpoint endpoint;
                const struct lubdub_event *down;

                up(&endpoint, role, splits[k]);
                endpoint_receive(&endpoint, strangers[i], strlen(strangers[i]));
                down = expect_event(&endpoint, DOWN);
                assert_int_equal(down->cause, LUBDUB_CAUSE_PROTOCOL);
                assert_false(down->has_reason);
                expect_no_frame(&endpoint);
                expect_state(&endpoint, CLOSED);
                endpoint_clear(&endpoint);
            }
        }
    }
}

static void other_magic_in_first_place_closes_at_once_too(void **state)
{
    struct endpoint server;
    (void)state;

    endpoint_init(&server, LUBDUB_ROLE_SERVER);
    endpoint_open(&server);
    endpoint_receive(&server, "GET /", 5);
    assert_false(expect_event(&server, DOWN)->had_session);
    expect_no_frame(&server);
    expect_state(&server, CLOSED);
    endpoint_clear(&server);
}

static enum lubdub_cause end_by_first_bytes(uint8_t first, uint8_t second, size_t length)
{
    const uint8_t bytes[] = {first, second, 1};
    struct endpoint server;
    enum lubdub_cause cause;

    endpoint_init(&server, LUBDUB_ROLE_SERVER);
    endpoint_open(&server);
    endpoint_receive(&server, bytes, length);
    cause = expect_event(&server, DOWN)->cause;
    expect_no_frame(&server);
    endpoint_clear(&server);
    return cause;
}

/* Its four types of records: change of keys, alert, handshake, data. */
static void record_of_tls_in_first_place_has_a_cause_of_its_own(void **state)
{
    uint8_t type;
    (void)state;

    for (type = 20; type <= 23; type++) {
        assert_int_equal(end_by_first_bytes(type, 3, 3), LUBDUB_CAUSE_TLS);
        assert_int_equal(end_by_first_bytes(type, 3, 1), LUBDUB_CAUSE_TLS);
        assert_int_equal(end_by_first_bytes(type, 2, 3), LUBDUB_CAUSE_PROTOCOL);
    }
    assert_int_equal(end_by_first_bytes(19, 3, 3), LUBDUB_CAUSE_PROTOCOL);
    assert_int_equal(end_by_first_bytes(24, 3, 3), LUBDUB_CAUSE_PROTOCOL);
}

static void other_version_gets_bye_9_with_our_own_version_in_its_header(void **state)
{
    const uint8_t versions[] = {0, 2, 3, 128, 255};
    enum lubdub_role role;
    size_t i;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        for (i = 0; i < COUNT_OF(versions); i++) {
            struct endpoint endpoint;
            struct wire_bytes bytes = {0};

            up(&endpoint, role, SPLIT_BYTES);
            wire_bytes_put_frame(&bytes, 250, 0xffff, 0, NULL, 60000); /* all else may mean other things there */
            bytes.data[2] = versions[i];
            endpoint_receive(&endpoint, bytes.data, LUBDUB_HEADER_LENGTH);
            wire_bytes_clear(&bytes);
            assert_int_equal(endpoint.written.data[endpoint.written_read + 2], 1);
            expect_protocol_error(&endpoint, UNSUPPORTED_VERSION);
            endpoint_clear(&endpoint);
        }
    }
}

static enum lubdub_cause end_by_frame_of_version_2(unsigned type, uint64_t sequence)
{
    struct endpoint client;
    struct wire_bytes bytes = {0};
    const struct lubdub_event *down;
    enum lubdub_cause cause;

    endpoint_init(&client, LUBDUB_ROLE_CLIENT);
    endpoint_open(&client);
    wire_bytes_put_frame(&bytes, type, 0, sequence, NULL, 0);
    bytes.data[2] = 2;
    endpoint_receive(&client, bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
    down = expect_event(&client, DOWN);
    assert_true(down->has_reason); /* the server's, or ours about it */
    assert_int_equal(down->reason_code, LUBDUB_REASON_UNSUPPORTED_VERSION);
    cause = down->cause;
    endpoint_clear(&client);
    return cause;
}

/* It says in its own version that ours is too much for it; nothing else of another version means anything here. */
static void only_bye_9_is_understood_in_another_version(void **state)
{
    (void)state;
    assert_int_equal(end_by_frame_of_version_2(LUBDUB_FRAME_BYE, LUBDUB_REASON_UNSUPPORTED_VERSION),
                     LUBDUB_CAUSE_REJECTED);
    assert_int_equal(end_by_frame_of_version_2(LUBDUB_FRAME_BYE, LUBDUB_REASON_NORMAL), LUBDUB_CAUSE_PROTOCOL);
    assert_int_equal(end_by_frame_of_version_2(LUBDUB_FRAME_WELCOME, LUBDUB_REASON_UNSUPPORTED_VERSION),
                     LUBDUB_CAUSE_PROTOCOL);
}

static void unknown_type_gets_bye_4_before_its_content_comes(void **state)
{
    const unsigned types[] = {0, 7, 8, 100, 255};
    enum lubdub_role role;
    size_t i;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        for (i = 0; i < COUNT_OF(types); i++) {
            struct endpoint endpoint;
            struct wire_bytes bytes = {0};

            up(&endpoint, role, SPLIT_WHOLE);
            wire_bytes_put_frame(&bytes, types[i], 0, 1, NULL, 1000);
            endpoint_receive(&endpoint, bytes.data, LUBDUB_HEADER_LENGTH);
            wire_bytes_clear(&bytes);
            expect_protocol_error(&endpoint, PROTOCOL_ERROR);
            endpoint_clear(&endpoint);
        }
    }
}

static void header_is_judged_before_its_content_is_waited_for(void **state)
{
    const unsigned types[] = {LUBDUB_FRAME_HELLO, LUBDUB_FRAME_WELCOME, LUBDUB_FRAME_PROBE,
                              LUBDUB_FRAME_ACK,   LUBDUB_FRAME_MESSAGE, LUBDUB_FRAME_BYE};
    enum lubdub_role role;
    size_t i;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        for (i = 0; i < COUNT_OF(types); i++) {
            struct endpoint endpoint;
            struct wire_bytes bytes = {0};

            up(&endpoint, role, SPLIT_BYTES);
            wire_bytes_put_frame(&bytes, types[i], 0, 1, NULL, 4097);
            endpoint_receive(&endpoint, bytes.data, LUBDUB_HEADER_LENGTH);
            wire_bytes_clear(&bytes);
            expect_protocol_error(&endpoint, CONTENT_TOO_LARGE);
            endpoint_clear(&endpoint);
        }
    }
}

static void content_that_was_declared_and_did_not_come_takes_no_memory(void **state)
{
    struct endpoint server;
    struct wire_bytes bytes = {0};
    (void)state;

    endpoint_init(&server, LUBDUB_ROLE_SERVER);
    server.settings.max_content = LUBDUB_CONTENT_LIMIT;
    script_server_open(&server);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, 1, NULL, LUBDUB_CONTENT_LIMIT);
    endpoint_receive(&server, bytes.data, LUBDUB_HEADER_LENGTH + 1);
    expect_state(&server, UP);
    expect_no_frame(&server);
    endpoint_receive(&server, bytes.data + LUBDUB_HEADER_LENGTH + 1, LUBDUB_CONTENT_LIMIT - 1);
    expect_whole_frame(&server, ACK, 0, 1, bytes.data + LUBDUB_HEADER_LENGTH, LUBDUB_CONTENT_LIMIT);
    wire_bytes_clear(&bytes);
    endpoint_clear(&server);
}

static void frames_mean_the_same_however_they_are_split(void **state)
{
    struct wire_bytes bytes = {0};
    size_t i;
    uint64_t seed;
    (void)state;

    for (i = 1; i <= 8; i++) {
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, (unsigned)(i % 3), i, NULL, (i * 97) % 400);
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, i, NULL, (i * 57) % 1000);
    }
    for (seed = 0; seed < 200; seed++) {
        struct endpoint server;

        script_server_up(&server);
        server.split = seed < 3 ? splits[seed] : SPLIT_RANDOM;
        server.random = seed;
        endpoint_receive(&server, bytes.data, bytes.length);
        for (i = 1; i <= 8; i++) {
            struct lubdub_frame ack = expect_frame(&server, ACK);

            assert_int_equal(ack.sequence, i);
            assert_int_equal(ack.length, (i * 97) % 400);
        }
        expect_no_frame(&server);
        assert_int_equal(event_log_count(&server.events, LUBDUB_EVENT_MESSAGE), 8);
        assert_int_equal(event_log_last(&server.events, LUBDUB_EVENT_MESSAGE)->event.length, (8 * 57) % 1000);
        assert_int_equal(event_log_last(&server.events, LUBDUB_EVENT_MESSAGE)->event.content[0], 'a');
        endpoint_clear(&server);
    }
    wire_bytes_clear(&bytes);
}

/* ---- options, as a session takes them ---- */

static void say_hello_with(struct endpoint *server, const void *options, size_t length)
{
    endpoint_init(server, LUBDUB_ROLE_SERVER);
    endpoint_open(server);
    say(server, LUBDUB_FRAME_HELLO, 0, 1, options, length);
}

static void options_that_break_the_rules_are_a_protocol_error(void **state)
{
    const struct {
        const char *what;
        const char *options;
        size_t length;
    } wrong[] = {
        {"an interval of 3 bytes", "\x02\x00\x03\x00\x00\x01", 6},
        {"an interval of 5 bytes", "\x02\x00\x05\x00\x00\x00\x01\x00", 8},
        {"an empty identity", "\x01\x00\x00", 3},
        {"an empty token", "\x04\x00\x00", 3},
        {"an identity twice",
         "\x01\x00\x01"
         "a\x01\x00\x01"
         "a",
         8},
        {"an interval twice", "\x02\x00\x04\x00\x00\x01\x00\x02\x00\x04\x00\x00\x01\x00", 14},
        {"a list that ends inside a tag's header", "\x01\x00", 2},
        {"a value that runs past the content",
         "\x01\x00\x05"
         "abcd",
         7},
        {"a value that runs far past the content",
         "\x01\xff\xff"
         "abcd",
         7},
        {"an unknown tag that runs past the content",
         "\xf0\x00\x05"
         "abcd",
         7},
        {"an identity with a control character",
         "\x01\x00\x03"
         "a\nb",
         6},
        {"an identity that is not UTF-8", "\x01\x00\x02\xc3\x28", 5},
        {"a label without a value",
         "\x05\x00\x04"
         "site",
         7},
        {"a label without a key", "\x05\x00\x02=a", 5},
        {"a label with a capital",
         "\x05\x00\x03"
         "A=b",
         6},
        {"an agent that is not ASCII", "\x07\x00\x02\xc3\xa4", 5},
    };
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(wrong); i++) {
        struct endpoint server;

        say_hello_with(&server, wrong[i].options, wrong[i].length);
        if (event_log_count(&server.events, LUBDUB_EVENT_HELLO) > 0) {
            print_error("HELLO with %s was taken\n", wrong[i].what);
            fail();
        }
        expect_protocol_error(&server, PROTOCOL_ERROR);
        endpoint_clear(&server);
    }
}

static void unknown_options_are_skipped(void **state)
{
    struct endpoint server;
    const char options[] = "\x63\x00\x02xy\xff\x00\x00\x63\x00\x00\x01\x00\x01z"; /* unknown ones may stand twice */
    (void)state;

    say_hello_with(&server, options, sizeof options - 1);
    assert_int_equal(expect_event(&server, HELLO)->options.identity.length, 1);
    endpoint_clear(&server);
}

static void ninth_label_is_a_protocol_error(void **state)
{
    struct endpoint server;
    struct wire_bytes options = {0};
    unsigned i;
    (void)state;

    for (i = 0; i < 8; i++) {
        wire_bytes_put_option(&options, LUBDUB_OPTION_LABEL, "a=b", 3);
    }
    say_hello_with(&server, options.data, options.length);
    assert_int_equal(expect_event(&server, HELLO)->options.label_count, 8);
    endpoint_clear(&server);

    wire_bytes_put_option(&options, LUBDUB_OPTION_LABEL, "a=b", 3);
    say_hello_with(&server, options.data, options.length);
    expect_protocol_error(&server, PROTOCOL_ERROR);
    endpoint_clear(&server);
    wire_bytes_clear(&options);
}

static void wrong_options_in_bye_are_a_protocol_error(void **state)
{
    enum lubdub_role role;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct endpoint endpoint;

        up(&endpoint, role, SPLIT_WHOLE);
        say(&endpoint, LUBDUB_FRAME_BYE, 0, 0, "\x09\x00\x03\x01\x02\x03", 6);
        expect_protocol_error(&endpoint, PROTOCOL_ERROR);
        endpoint_clear(&endpoint);
    }
}

/* ---- messages ---- */

static void message_is_sent_with_the_next_number(void **state)
{
    enum lubdub_role role;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct endpoint endpoint;

        up(&endpoint, role, SPLIT_WHOLE);
        assert_int_equal(endpoint_send(&endpoint, "one", 3), LUBDUB_ERROR_OK);
        assert_int_equal(endpoint_send(&endpoint, NULL, 0), LUBDUB_ERROR_OK);
        expect_whole_frame(&endpoint, MESSAGE, 0, 1, "one", 3);
        expect_whole_frame(&endpoint, MESSAGE, 0, 2, NULL, 0);
        endpoint_clear(&endpoint);
    }
}

static void message_is_refused_before_up_and_after_the_end(void **state)
{
    enum lubdub_role role;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct endpoint endpoint;

        endpoint_init(&endpoint, role);
        endpoint_open(&endpoint);
        assert_int_equal(endpoint_send(&endpoint, "x", 1), LUBDUB_ERROR_WRONG_STATE);
        endpoint_leave(&endpoint, LUBDUB_REASON_NORMAL, NULL);
        assert_int_equal(endpoint_send(&endpoint, "x", 1), LUBDUB_ERROR_WRONG_STATE);
        endpoint_receive_end(&endpoint, LUBDUB_CAUSE_CLOSED);
        assert_int_equal(endpoint_send(&endpoint, "x", 1), LUBDUB_ERROR_WRONG_STATE);
        endpoint_clear(&endpoint);
    }
}

static void message_longer_than_the_peer_takes_is_refused(void **state)
{
    static const uint8_t content[LUBDUB_CONTENT_LIMIT + 2];
    enum lubdub_role role;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct endpoint endpoint;

        up(&endpoint, role, SPLIT_WHOLE);
        assert_int_equal(endpoint_send(&endpoint, content, 1024), LUBDUB_ERROR_OK);
        assert_int_equal(endpoint_send(&endpoint, content, 1025), LUBDUB_ERROR_TOO_LONG);
        assert_int_equal(endpoint_send(&endpoint, content, LUBDUB_CONTENT_LIMIT + 1), LUBDUB_ERROR_TOO_LONG);
        assert_int_equal(endpoint_send(&endpoint, content, LUBDUB_CONTENT_LIMIT + 2), LUBDUB_ERROR_TOO_LONG);
        expect_frame(&endpoint, MESSAGE);
        expect_no_frame(&endpoint);
        endpoint_clear(&endpoint);
    }
}

static void messages_that_wait_are_bounded(void **state)
{
    enum lubdub_role role;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct endpoint endpoint;
        uint64_t sent = 0;
        uint64_t i;

        up(&endpoint, role, SPLIT_WHOLE);
        endpoint.settings.output_limit = 10000;
        endpoint.kernel_room = 0;
        while (endpoint_send(&endpoint, "0123456789", 10) == LUBDUB_ERROR_OK) {
            sent++;
        }
        assert_int_equal(sent, 10000 / 26);
        assert_int_equal(endpoint_send(&endpoint, "x", 1), LUBDUB_ERROR_FULL);
        assert_int_equal(endpoint_send(&endpoint, NULL, 0), LUBDUB_ERROR_OK); /* fits to the byte */
        endpoint_give_room(&endpoint, KERNEL_TAKES_ALL);
        assert_int_equal(endpoint_send(&endpoint, "0123456789", 10), LUBDUB_ERROR_OK);
        for (i = 1; i <= sent + 2; i++) {
            assert_int_equal(expect_frame(&endpoint, MESSAGE).sequence, i); /* the refused one has no number */
        }
        endpoint_clear(&endpoint);
    }
}

static void heartbeat_goes_ahead_of_waiting_messages_and_waits_behind_one_frame_at_most(void **state)
{
    enum lubdub_role role;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct endpoint endpoint;

        up(&endpoint, role, SPLIT_WHOLE);
        endpoint.kernel_room = 5; /* the kernel has a piece of the first message */
        endpoint_send(&endpoint, "first", 5);
        endpoint_send(&endpoint, "second", 6);
        say_text(&endpoint, LUBDUB_FRAME_PROBE, 1, "alive");
        endpoint_give_room(&endpoint, KERNEL_TAKES_ALL);
        expect_whole_frame(&endpoint, MESSAGE, 0, 1, "first", 5);
        expect_whole_frame(&endpoint, ACK, 0, 1, "alive", 5);
        expect_whole_frame(&endpoint, MESSAGE, 0, 2, "second", 6);
        expect_no_frame(&endpoint);
        endpoint_clear(&endpoint);
    }
}

static void order_holds_whatever_room_the_turn_has(void **state)
{
    const size_t capacities[] = {0, 1, 15, 16, 17, 31, 32, 33, 100, 1000};
    enum lubdub_role role;
    size_t i;
    uint64_t k;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        for (i = 0; i < COUNT_OF(capacities); i++) {
            struct endpoint endpoint;

            endpoint_init(&endpoint, role);
            endpoint.turn_capacity = capacities[i];
            if (role == LUBDUB_ROLE_SERVER) {
                script_server_open(&endpoint);
            } else {
                script_client_open(&endpoint);
            }
            say_probes(&endpoint, 1, 10);
            for (k = 1; k <= 10; k++) {
                expect_whole_frame(&endpoint, ACK, 0, k, NULL, 0);
            }
            say_text(&endpoint, LUBDUB_FRAME_PROBE, 11, "some content");
            expect_whole_frame(&endpoint, ACK, 0, 11, "some content", 12);
            assert_int_equal(endpoint_send(&endpoint, "message", 7), LUBDUB_ERROR_OK);
            expect_whole_frame(&endpoint, MESSAGE, 0, 1, "message", 7);
            endpoint_leave(&endpoint, LUBDUB_REASON_DRAINING, "bye");
            expect_bye(&endpoint, DRAINING);
            endpoint_clear(&endpoint);
        }
    }
}

static void memory_is_given_back_when_nothing_waits(void **state)
{
    struct endpoint server;
    (void)state;

    script_server_up(&server);
    assert_null(server.session.extra);
    server.kernel_room = 3;
    say_probe(&server, 1);
    assert_non_null(server.session.extra);
    endpoint_give_room(&server, KERNEL_TAKES_ALL);
    assert_null(server.session.extra);
    server.split = SPLIT_BYTES;
    say(&server, LUBDUB_FRAME_PROBE, 0, 2, NULL, 100);
    server.split = SPLIT_WHOLE;
    say_probe(&server, 3);
    assert_null(server.session.extra);
    endpoint_advance(&server, 1600 * MS); /* late, and challenged */
    assert_non_null(server.session.extra);
    say_ack(&server, 1);
    assert_null(server.session.extra);
    endpoint_clear(&server);
}

/* ---- the end ---- */

static void reason_of_bye_becomes_its_cause(void **state)
{
    const struct {
        uint64_t reason;
        enum lubdub_cause cause;
    } cases[] = {{0, LUBDUB_CAUSE_BYE},      {1, LUBDUB_CAUSE_BYE},       {2, LUBDUB_CAUSE_REPLACED},
                 {3, LUBDUB_CAUSE_BYE},      {4, LUBDUB_CAUSE_REJECTED},  {5, LUBDUB_CAUSE_REJECTED},
                 {6, LUBDUB_CAUSE_REJECTED}, {7, LUBDUB_CAUSE_REJECTED},  {8, LUBDUB_CAUSE_REJECTED},
                 {9, LUBDUB_CAUSE_REJECTED}, {10, LUBDUB_CAUSE_REJECTED}, {11, LUBDUB_CAUSE_BYE},
                 {200, LUBDUB_CAUSE_BYE},    {256 + 2, LUBDUB_CAUSE_BYE}, {UINT64_MAX, LUBDUB_CAUSE_BYE}};
    enum lubdub_role role;
    size_t i;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        for (i = 0; i < COUNT_OF(cases); i++) {
            struct endpoint endpoint;
            const struct lubdub_event *down;

            up(&endpoint, role, SPLIT_WHOLE);
            say_bye(&endpoint, cases[i].reason);
            down = expect_event(&endpoint, DOWN);
            assert_int_equal(down->cause, cases[i].cause);
            assert_true(down->has_reason);
            assert_int_equal(down->reason_code, cases[i].reason);
            assert_false(down->has_retry_after);
            expect_state(&endpoint, CLOSED);
            expect_no_frame(&endpoint);
            endpoint_clear(&endpoint);
        }
    }
}

static void end_of_file_without_bye_is_closed_and_a_reset_is_reset(void **state)
{
    const enum lubdub_cause hows[] = {LUBDUB_CAUSE_CLOSED, LUBDUB_CAUSE_RESET, LUBDUB_CAUSE_UNREACHABLE};
    enum lubdub_role role;
    size_t i;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        for (i = 0; i < COUNT_OF(hows); i++) {
            struct endpoint endpoint;
            const struct lubdub_event *down;

            up(&endpoint, role, SPLIT_WHOLE);
            endpoint_receive_end(&endpoint, hows[i]);
            down = expect_event(&endpoint, DOWN);
            assert_int_equal(down->cause, hows[i]);
            assert_false(down->has_reason);
            assert_true(down->had_session);
            endpoint_receive_end(&endpoint, hows[i]); /* the end comes once */
            expect_no_event(&endpoint);
            endpoint_clear(&endpoint);
        }
    }
}

static void frames_that_came_whole_before_the_end_of_file_are_answered(void **state)
{
    enum lubdub_role role;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct endpoint endpoint;

        up(&endpoint, role, SPLIT_WHOLE);
        say_probe(&endpoint, 1);
        endpoint_receive_end(&endpoint, LUBDUB_CAUSE_CLOSED);
        expect_whole_frame(&endpoint, ACK, 0, 1, NULL, 0);
        endpoint_clear(&endpoint);
    }
}

static void end_of_file_inside_a_frame_says_so(void **state)
{
    enum lubdub_role role;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct endpoint endpoint;
        const struct lubdub_event *down;

        up(&endpoint, role, SPLIT_WHOLE);
        endpoint_receive(&endpoint, "LD\x01\x03", 4);
        endpoint_receive_end(&endpoint, LUBDUB_CAUSE_CLOSED);
        down = expect_event(&endpoint, DOWN);
        assert_int_equal(down->cause, LUBDUB_CAUSE_CLOSED);
        assert_true(down->text.length > 0);
        endpoint_clear(&endpoint);
    }
}

static void who_leaves_says_bye_and_hears_no_more(void **state)
{
    enum lubdub_role role;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct endpoint endpoint;
        struct lubdub_frame bye;
        struct lubdub_options options;

        up(&endpoint, role, SPLIT_WHOLE);
        endpoint_leave(&endpoint, LUBDUB_REASON_DRAINING, "maintenance");
        bye = expect_frame(&endpoint, BYE);
        assert_int_equal(bye.sequence, LUBDUB_REASON_DRAINING);
        assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_BYE, bye.content, bye.length));
        assert_int_equal(options.text.length, 11);
        assert_memory_equal(options.text.data, "maintenance", 11);
        assert_false(options.has_retry_after);
        expect_state(&endpoint, LEAVING);

        say_probe(&endpoint, 1);
        say_message(&endpoint, 99, "thrown away, however wrong");
        endpoint_receive(&endpoint, "garbage", 7);
        endpoint_leave(&endpoint, LUBDUB_REASON_NORMAL, NULL); /* once is enough */
        expect_no_frame(&endpoint);
        endpoint_receive_end(&endpoint, LUBDUB_CAUSE_CLOSED);
        expect_no_event(&endpoint);
        expect_state(&endpoint, CLOSED);
        endpoint_clear(&endpoint);
    }
}

static void retry_after_goes_with_bye(void **state)
{
    const struct {
        lubdub_duration retry_after;
        uint32_t milliseconds;
    } cases[] = {{0, 0}, {1500 * MS, 1500}, {UINT32_MAX * MS, UINT32_MAX}, {UINT64_MAX, UINT32_MAX}};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct endpoint server;
        struct lubdub_frame bye;
        struct lubdub_options options;

        script_server_up(&server);
        endpoint_leave_until(&server, LUBDUB_REASON_OVERLOADED, cases[i].retry_after);
        bye = expect_frame(&server, BYE);
        assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_BYE, bye.content, bye.length));
        assert_true(options.has_retry_after);
        assert_int_equal(options.retry_after_ms, cases[i].milliseconds);
        assert_null(options.text.data);
        endpoint_clear(&server);
    }
}

static void text_of_bye_is_cut_between_characters(void **state)
{
    struct endpoint server;
    struct lubdub_frame bye;
    struct lubdub_options options;
    char text[400];
    (void)state;

    memset(text, 'x', sizeof text);
    memcpy(text + 254, "\xe2\x82\xac", 3); /* the euro sign lies across byte 256 */
    text[sizeof text - 1] = '\0';
    script_server_up(&server);
    endpoint_leave(&server, LUBDUB_REASON_NORMAL, text);
    bye = expect_frame(&server, BYE);
    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_BYE, bye.content, bye.length));
    assert_int_equal(options.text.length, 254);
    endpoint_clear(&server);
}

static void who_leaves_closes_after_one_second_without_an_end_of_file(void **state)
{
    enum lubdub_role role;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct endpoint endpoint;

        up(&endpoint, role, SPLIT_WHOLE);
        endpoint_advance(&endpoint, 100 * MS);
        endpoint_leave(&endpoint, LUBDUB_REASON_NORMAL, NULL);
        endpoint_look_away(&endpoint);
        endpoint_advance(&endpoint, LUBDUB_SECOND - 1);
        expect_state(&endpoint, LEAVING);
        endpoint_advance(&endpoint, 1);
        expect_state(&endpoint, CLOSED);
        expect_no_event(&endpoint);
        endpoint_clear(&endpoint);
    }
}

static void bye_goes_ahead_of_waiting_messages_which_are_dropped(void **state)
{
    enum lubdub_role role;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct endpoint endpoint;

        up(&endpoint, role, SPLIT_WHOLE);
        endpoint.kernel_room = 5;
        endpoint_send(&endpoint, "first", 5);
        endpoint_send(&endpoint, "second", 6);
        endpoint_leave(&endpoint, LUBDUB_REASON_NORMAL, NULL);
        endpoint_give_room(&endpoint, KERNEL_TAKES_ALL);
        expect_whole_frame(&endpoint, MESSAGE, 0, 1, "first", 5);
        expect_bye(&endpoint, NORMAL);
        endpoint_clear(&endpoint);
    }
}

static void protocol_error_is_told_once_and_what_follows_is_thrown_away(void **state)
{
    enum lubdub_role role;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct endpoint endpoint;
        struct wire_bytes bytes = {0};

        up(&endpoint, role, SPLIT_WHOLE);
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, 7, NULL, 0);
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, 1, NULL, 0);
        wire_bytes_put_frame(&bytes, 77, 0, 0, NULL, 0);
        endpoint_receive(&endpoint, bytes.data, bytes.length);
        wire_bytes_clear(&bytes);
        expect_protocol_error(&endpoint, PROTOCOL_ERROR);
        endpoint_clear(&endpoint);
    }
}

static void pending_acks_are_written_before_the_bye_of_an_error(void **state)
{
    struct endpoint server;
    struct wire_bytes bytes = {0};
    (void)state;

    script_server_up(&server);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, 1, NULL, 0);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, 1, NULL, 0);
    endpoint_receive(&server, bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
    expect_whole_frame(&server, ACK, 0, 1, NULL, 0);
    expect_protocol_error(&server, PROTOCOL_ERROR);
    endpoint_clear(&server);
}

/* ---- every flip and every cut ---- */

/* One valid frame of each type that a session of this role may get. */
static size_t valid_frames(enum lubdub_role role, struct wire_bytes frames[6])
{
    struct wire_bytes options = {0};
    size_t count = 0;

    wire_bytes_put_frame(&frames[count++], LUBDUB_FRAME_PROBE, 1, 1, "probe", 5);
    wire_bytes_put_frame(&frames[count++], LUBDUB_FRAME_MESSAGE, 0, 1, "message", 7);
    if (role == LUBDUB_ROLE_CLIENT) {
        wire_bytes_put_frame(&frames[count++], LUBDUB_FRAME_ACK, 0, 1, NULL, 0);
        wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, 500);
        wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, 2000);
        wire_bytes_put_option(&options, LUBDUB_OPTION_MAX_CONTENT, "\x04\x00", 2);
        wire_bytes_put_option(&options, LUBDUB_OPTION_AGENT, "x/1", 3);
        wire_bytes_put_option(&options, LUBDUB_OPTION_LAST_END, "\x04", 1);
        wire_bytes_put_option(&options, LUBDUB_OPTION_MESSAGE_RATE, "\x00\x00\x00\x64\x00\x00\x01\x00", 8);
        wire_bytes_put_frame(&frames[count++], LUBDUB_FRAME_WELCOME, LUBDUB_FLAG_CHANGED, SCRIPT_SESSION_NUMBER,
                             options.data, options.length);
    }
    options.length = 0;
    wire_bytes_put_option(&options, LUBDUB_OPTION_TEXT, "so long", 7);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_RETRY_AFTER_MS, 100);
    wire_bytes_put_frame(&frames[count++], LUBDUB_FRAME_BYE, 0, 1, options.data, options.length);
    wire_bytes_clear(&options);
    return count;
}

static void put_hello(struct wire_bytes *frame)
{
    struct wire_bytes options = {0};

    wire_bytes_put_option(&options, LUBDUB_OPTION_IDENTITY, "pump-7", 6);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, 500);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, 2000);
    wire_bytes_put_option(&options, LUBDUB_OPTION_TOKEN, "secret", 6);
    wire_bytes_put_option(&options, LUBDUB_OPTION_LABEL, "a=b", 3);
    wire_bytes_put_option(&options, LUBDUB_OPTION_LABEL, "c=d", 3);
    wire_bytes_put_option(&options, LUBDUB_OPTION_AGENT, "x/1", 3);
    wire_bytes_put_option(&options, LUBDUB_OPTION_MAX_CONTENT, "\x08\x00", 2);
    wire_bytes_put_frame(frame, LUBDUB_FRAME_HELLO, 0, 99, options.data, options.length);
    wire_bytes_clear(&options);
}

/* Feeds it, lets time pass until all is decided, and ends the stream: there is one DOWN, or a leave. */
static void survive(struct endpoint *endpoint, const struct wire_bytes *frame, size_t length)
{
    endpoint_receive(endpoint, frame->data, length);
    endpoint_advance(endpoint, 700 * MS);
    if (endpoint_state(endpoint) != LUBDUB_SESSION_CLOSED) {
        endpoint_receive_end(endpoint, LUBDUB_CAUSE_CLOSED);
    }
    assert_int_equal(event_log_count(&endpoint->events, LUBDUB_EVENT_DOWN), 1);
    endpoint_clear(endpoint);
}

static void every_single_bit_flip_of_every_valid_frame_is_survived(void **state)
{
    enum lubdub_role role;
    size_t k;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct wire_bytes frames[6] = {{0}};
        size_t count = valid_frames(role, frames);
        size_t i;

        for (i = 0; i < count; i++) {
            size_t bit;

            for (bit = 0; bit < 8 * frames[i].length; bit++) {
                for (k = 0; k < COUNT_OF(splits); k++) {
                    struct endpoint endpoint;

                    up(&endpoint, role, splits[k]);
                    frames[i].data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                    survive(&endpoint, &frames[i], frames[i].length);
                    frames[i].data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                }
            }
            wire_bytes_clear(&frames[i]);
        }
    }
}

static void every_truncation_of_every_valid_frame_is_survived(void **state)
{
    enum lubdub_role role;
    size_t k;
    (void)state;

    FOR_BOTH_ROLES(role)
    {
        struct wire_bytes frames[6] = {{0}};
        size_t count = valid_frames(role, frames);
        size_t i;

        for (i = 0; i < count; i++) {
            size_t length;

            for (length = 0; length <= frames[i].length; length++) {
                for (k = 0; k < COUNT_OF(splits); k++) {
                    struct endpoint endpoint;

                    up(&endpoint, role, splits[k]);
                    survive(&endpoint, &frames[i], length);
                }
            }
            wire_bytes_clear(&frames[i]);
        }
    }
}

static void every_flip_and_truncation_of_hello_is_survived(void **state)
{
    struct wire_bytes hello = {0};
    size_t bit;
    size_t length;
    (void)state;

    put_hello(&hello);
    for (bit = 0; bit < 8 * hello.length; bit++) {
        struct endpoint server;

        endpoint_init(&server, LUBDUB_ROLE_SERVER);
        endpoint_open(&server);
        server.split = splits[bit % COUNT_OF(splits)];
        hello.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        survive(&server, &hello, hello.length);
        hello.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (length = 0; length <= hello.length; length++) {
        struct endpoint server;

        endpoint_init(&server, LUBDUB_ROLE_SERVER);
        endpoint_open(&server);
        server.split = splits[length % COUNT_OF(splits)];
        survive(&server, &hello, length);
    }
    wire_bytes_clear(&hello);
}

static void random_bytes_behind_a_valid_header_are_survived(void **state)
{
    uint64_t random = 7;
    unsigned i;
    (void)state;

    for (i = 0; i < 4000; i++) {
        struct endpoint endpoint;
        struct wire_bytes bytes = {0};
        uint8_t content[300];
        size_t length = (size_t)random_below(&random, sizeof content);
        size_t k;
        enum lubdub_role role = i % 2 == 0 ? LUBDUB_ROLE_SERVER : LUBDUB_ROLE_CLIENT;

        for (k = 0; k < length; k++) {
            content[k] = (uint8_t)(random_below(&random, 3) == 0 ? random_below(&random, 11) : random_next(&random));
        }
        if (i % 3 == 0) {
            endpoint_init(&endpoint, role);
            endpoint_open(&endpoint);
        } else {
            up(&endpoint, role, SPLIT_RANDOM);
        }
        endpoint.random = i;
        wire_bytes_put_frame(&bytes, (unsigned)random_between(&random, 1, 6), 0, random_below(&random, 3), content,
                             length);
        survive(&endpoint, &bytes, bytes.length);
        wire_bytes_clear(&bytes);
    }
}

/* ---- time near the ends of its range ---- */

static void clock_may_start_anywhere(void **state)
{
    const lubdub_time starts[] = {0,
                                  1,
                                  (UINT64_C(1) << 31) * MS - LUBDUB_SECOND,
                                  (UINT64_C(1) << 32) * MS - LUBDUB_SECOND,
                                  (UINT64_C(1) << 32) * LUBDUB_SECOND - LUBDUB_SECOND,
                                  (UINT64_C(1) << 63) - LUBDUB_SECOND};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(starts); i++) {
        struct pair pair;

        pair_init(&pair);
        pair.now = starts[i];
        pair.up.delay = pair.down.delay = 5 * MS;
        pair_open(&pair);
        pair_run(&pair, 100 * LUBDUB_SECOND);
        expect_state(&pair.client, UP);
        expect_state(&pair.server, UP);
        assert_int_equal(event_log_count(&pair.client.events, LUBDUB_EVENT_ACKED), 100);
        assert_true(event_log_last(&pair.client.events, LUBDUB_EVENT_ACKED)->event.round_trip == 10 * MS);
        pair_stop(&pair, SIDE_CLIENT);
        pair_run(&pair, 10 * LUBDUB_SECOND);
        expect_state(&pair.server, CLOSED);
        pair_clear(&pair);
    }
}

static void clock_that_goes_back_a_little_does_no_harm(void **state)
{
    struct endpoint server;
    uint64_t random = 3;
    uint64_t i;
    (void)state;

    script_server_up(&server);
    for (i = 1; i <= 1000; i++) {
        lubdub_time now = server.now;

        server.now = now - random_below(&random, MS);
        server.armed_for = 0; /* its deadline may come closer, by as much as the clock went back */
        say_probe(&server, i);
        server.now = now;
        endpoint_advance(&server, LUBDUB_SECOND);
    }
    expect_state(&server, UP);
    endpoint_clear(&server);
}

/* ---- settings ---- */

static void settings_as_initialised_work_for_both_roles(void **state)
{
    struct lubdub_session_settings settings;
    (void)state;

    lubdub_session_settings_init(&settings);
    assert_int_equal(settings.size, sizeof settings);
    assert_null(lubdub_session_settings_check(&settings, LUBDUB_ROLE_CLIENT));
    assert_null(lubdub_session_settings_check(&settings, LUBDUB_ROLE_SERVER));
    assert_int_equal(settings.message_rate, 100);
    assert_int_equal(settings.message_burst, 256);
    settings.message_rate = settings.message_burst = 0; /* any number */
    assert_null(lubdub_session_settings_check(&settings, LUBDUB_ROLE_SERVER));
}

static void settings_that_cannot_work_are_told(void **state)
{
    const struct lubdub_label bad_key = {{"Bad", 3}, {"x", 1}};
    const struct lubdub_label long_value = {{"key", 3}, {"x", LUBDUB_LABEL_VALUE_LIMIT + 1}};
    struct lubdub_session_settings settings;
    (void)state;

#define EXPECT_REFUSED(role, change)         \
    lubdub_session_settings_init(&settings); \
    change;                                  \
    assert_non_null(lubdub_session_settings_check(&settings, LUBDUB_ROLE_##role))

    EXPECT_REFUSED(SERVER, settings.max_content = 65536);
    EXPECT_REFUSED(SERVER, settings.interval = 0);
    EXPECT_REFUSED(SERVER, settings.interval = MS - 1);
    EXPECT_REFUSED(SERVER, settings.expiry = 2 * LUBDUB_SECOND - 1);
    EXPECT_REFUSED(SERVER, settings.expiry = 0);
    EXPECT_REFUSED(SERVER, settings.handshake_timeout = 0);
    EXPECT_REFUSED(SERVER, settings.message_rate = 0);
    EXPECT_REFUSED(SERVER, settings.message_burst = 0);
    EXPECT_REFUSED(CLIENT, settings.interval = UINT32_MAX * MS + 1);
    EXPECT_REFUSED(CLIENT, settings.expiry = 1);
    EXPECT_REFUSED(CLIENT, settings.timeout = 0);
    EXPECT_REFUSED(CLIENT, settings.identity = ((struct lubdub_slice){"", 0}));
    EXPECT_REFUSED(CLIENT, settings.identity = ((struct lubdub_slice){"a\nb", 3}));
    EXPECT_REFUSED(CLIENT, settings.token = ((struct lubdub_slice){"", 0}));
    EXPECT_REFUSED(CLIENT, settings.content.length = 65536);
    EXPECT_REFUSED(CLIENT, settings.label_count = 9);
    EXPECT_REFUSED(CLIENT, (settings.labels = &bad_key, settings.label_count = 1));
    EXPECT_REFUSED(CLIENT, (settings.labels = &long_value, settings.label_count = 1));
    EXPECT_REFUSED(CLIENT, settings.agent = ((struct lubdub_slice){"a\tb", 3}));
    EXPECT_REFUSED(SERVER, settings.agent.length = LUBDUB_AGENT_LIMIT + 1);
#undef EXPECT_REFUSED
}

static void settings_that_were_not_initialised_are_refused(void **state)
{
    struct lubdub_session_settings settings;
    struct lubdub_session session;
    struct lubdub_turn turn = {.settings = &settings};
    (void)state;

    lubdub_session_settings_init(&settings);
    settings.size = 0;
    assert_non_null(lubdub_session_settings_check(&settings, LUBDUB_ROLE_SERVER));
    assert_int_equal(lubdub_session_init(&session, LUBDUB_ROLE_CLIENT, &turn), LUBDUB_ERROR_INVALID);
    assert_int_equal(lubdub_session_init(&session, LUBDUB_ROLE_SERVER, &turn), LUBDUB_ERROR_INVALID);
    assert_int_equal(lubdub_session_state(&session), LUBDUB_SESSION_CLOSED);
    lubdub_session_clear(&session);
}

static void settings_of_a_later_version_are_refused(void **state)
{
    struct lubdub_session_settings settings;
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(settings.reserved); i++) {
        lubdub_session_settings_init(&settings);
        settings.reserved[i] = 1;
        assert_non_null(lubdub_session_settings_check(&settings, LUBDUB_ROLE_CLIENT));
    }
}

static void health_has_words(void **state)
{
    (void)state;
    assert_string_equal(lubdub_health_word(LUBDUB_HEALTH_PASSING), "passing");
    assert_string_equal(lubdub_health_word(LUBDUB_HEALTH_WARNING), "warning");
    assert_string_equal(lubdub_health_word(LUBDUB_HEALTH_CRITICAL), "critical");
    assert_string_equal(lubdub_health_word((enum lubdub_health)17), "unknown");
}

/* ---- two of them ---- */

static void two_sessions_beat_however_their_bytes_are_split(void **state)
{
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(splits); i++) {
        struct pair pair;

        pair_init(&pair);
        pair.client.split = pair.server.split = splits[i];
        pair.client.settings.content = (struct lubdub_slice){"content of a probe", 18};
        pair.client.settings.timeout = 2500 * MS;
        pair.up.delay = 700 * MS; /* more than an interval there and back: two are outstanding */
        pair.down.delay = 600 * MS;
        pair_open(&pair);
        pair_run(&pair, 100 * LUBDUB_SECOND);
        expect_state(&pair.client, UP);
        expect_state(&pair.server, UP);
        assert_in_range(event_log_count(&pair.client.events, LUBDUB_EVENT_ACKED), 97, 98);
        assert_int_equal(event_log_count(&pair.server.events, LUBDUB_EVENT_LATE), 0);
        pair_clear(&pair);
    }
}

static void two_that_talk_at_each_other_through_narrow_kernels_do_not_lock_up(void **state)
{
    struct pair pair;
    uint64_t sent = 0;
    unsigned round;
    static const uint8_t content[1000];
    (void)state;

    /* The client sends as much as it can, the server returns everything, and each kernel holds little. */
    pair_init(&pair);
    pair.server.echoes = true;
    pair.server.grant.interval = 10 * MS;
    pair.server.grant.expiry = 2 * LUBDUB_SECOND;
    pair.up.window = pair.down.window = 2500;
    pair.up.delay = pair.down.delay = MS;
    pair_open(&pair);
    for (round = 0; round < 1000; round++) {
        if (endpoint_state(&pair.client) == LUBDUB_SESSION_UP &&
            event_log_count(&pair.client.events, LUBDUB_EVENT_MESSAGE) + 30 > sent &&
            endpoint_send(&pair.client, content, sizeof content) == LUBDUB_ERROR_OK) {
            sent++;
        }
        pair_run(&pair, 6 * MS);
    }
    pair_run(&pair, LUBDUB_SECOND);
    expect_state(&pair.client, UP);
    expect_state(&pair.server, UP);
    assert_in_range(sent, 500, 1000);
    assert_int_equal(event_log_count(&pair.client.events, LUBDUB_EVENT_MESSAGE), sent);
    pair_clear(&pair);
}

static void client_that_never_reads_is_dropped_and_the_server_keeps_little_for_it(void **state)
{
    struct pair pair;
    (void)state;

    pair_init(&pair);
    pair.down.window = 100; /* WELCOME, and no more */
    pair.client.settings.timeout = LUBDUB_HOUR;
    pair.client.settings.content = (struct lubdub_slice){"content of a probe", 18};
    pair_open(&pair);
    pair_run(&pair, 10 * MS);
    pair_stall(&pair, &pair.down);
    pair_run(&pair, 60 * LUBDUB_SECOND);
    expect_state(&pair.server, CLOSED);
    assert_int_equal(event_log_last(&pair.server.events, LUBDUB_EVENT_DOWN)->event.cause, LUBDUB_CAUSE_SLOW_READER);
    pair_clear(&pair);
}

/* A11: 200 ms and 10 s become 50 and 150 ms, half a second away: what is under way is none of the new grant. */
static void a11_living_client_survives_a_shorter_grant_over_a_long_path(void **state)
{
    struct pair pair;
    (void)state;

    pair_init(&pair);
    pair.up.delay = pair.down.delay = 500 * MS;
    pair.server.grant = (struct lubdub_grant){.session_number = 1, .interval = 200 * MS, .expiry = 10 * LUBDUB_SECOND};
    pair.client.settings.timeout = 5 * LUBDUB_SECOND;
    pair_open(&pair);
    pair_run(&pair, 5 * LUBDUB_SECOND + 70 * MS);
    assert_int_equal(
        endpoint_grant(&pair.server,
                       &(struct lubdub_grant){.session_number = 1, .interval = 50 * MS, .expiry = 150 * MS}),
        LUBDUB_ERROR_OK);
    pair_run(&pair, 10 * LUBDUB_SECOND);
    expect_state(&pair.client, UP);
    expect_state(&pair.server, UP);
    pair_stop(&pair, SIDE_CLIENT);
    pair_run(&pair, LUBDUB_SECOND);
    expect_state(&pair.server, CLOSED); /* the new expiry counts by now */
    pair_clear(&pair);
}

/* A4: both kernels are narrow and both probe; a side whose answers wait hears those of the other all the same. */
static void a4_two_that_probe_each_other_through_narrow_kernels_stay_up(void **state)
{
    struct pair pair;
    unsigned round;
    (void)state;

    pair_init(&pair);
    pair.up.window = 100;
    pair.up.delay = pair.down.delay = 300 * MS;
    pair.client.settings.timeout = 2 * LUBDUB_SECOND;
    pair_open(&pair);
    for (round = 0; round < 60; round++) {
        pair_run(&pair, 700 * MS);
        (void)endpoint_grant(
            &pair.server,
            &(struct lubdub_grant){.session_number = 1, .interval = LUBDUB_SECOND, .expiry = 3 * LUBDUB_SECOND});
    }
    expect_state(&pair.client, UP);
    expect_state(&pair.server, UP);
    pair_clear(&pair);
}

static void both_leave_at_once_and_both_close(void **state)
{
    struct pair pair;
    (void)state;

    pair_init(&pair);
    pair.up.delay = pair.down.delay = 20 * MS;
    pair_open(&pair);
    pair_run(&pair, 500 * MS);
    endpoint_leave(&pair.client, LUBDUB_REASON_NORMAL, NULL);
    endpoint_leave(&pair.server, LUBDUB_REASON_DRAINING, NULL);
    pair_run(&pair, 100 * MS);
    expect_state(&pair.client, CLOSED);
    expect_state(&pair.server, CLOSED);
    assert_int_equal(event_log_count(&pair.client.events, LUBDUB_EVENT_DOWN), 0);
    assert_int_equal(event_log_count(&pair.server.events, LUBDUB_EVENT_DOWN), 0);
    pair_clear(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_is_small_enough_for_a_million),
        cmocka_unit_test(other_magic_closes_at_once_with_nothing_written),
        cmocka_unit_test(other_magic_in_first_place_closes_at_once_too),
        cmocka_unit_test(record_of_tls_in_first_place_has_a_cause_of_its_own),
        cmocka_unit_test(other_version_gets_bye_9_with_our_own_version_in_its_header),
        cmocka_unit_test(only_bye_9_is_understood_in_another_version),
        cmocka_unit_test(unknown_type_gets_bye_4_before_its_content_comes),
        cmocka_unit_test(header_is_judged_before_its_content_is_waited_for),
        cmocka_unit_test(content_that_was_declared_and_did_not_come_takes_no_memory),
        cmocka_unit_test(frames_mean_the_same_however_they_are_split),
        cmocka_unit_test(options_that_break_the_rules_are_a_protocol_error),
        cmocka_unit_test(unknown_options_are_skipped),
        cmocka_unit_test(ninth_label_is_a_protocol_error),
        cmocka_unit_test(wrong_options_in_bye_are_a_protocol_error),
        cmocka_unit_test(message_is_sent_with_the_next_number),
        cmocka_unit_test(message_is_refused_before_up_and_after_the_end),
        cmocka_unit_test(message_longer_than_the_peer_takes_is_refused),
        cmocka_unit_test(messages_that_wait_are_bounded),
        cmocka_unit_test(heartbeat_goes_ahead_of_waiting_messages_and_waits_behind_one_frame_at_most),
        cmocka_unit_test(order_holds_whatever_room_the_turn_has),
        cmocka_unit_test(memory_is_given_back_when_nothing_waits),
        cmocka_unit_test(reason_of_bye_becomes_its_cause),
        cmocka_unit_test(end_of_file_without_bye_is_closed_and_a_reset_is_reset),
        cmocka_unit_test(frames_that_came_whole_before_the_end_of_file_are_answered),
        cmocka_unit_test(end_of_file_inside_a_frame_says_so),
        cmocka_unit_test(who_leaves_says_bye_and_hears_no_more),
        cmocka_unit_test(retry_after_goes_with_bye),
        cmocka_unit_test(text_of_bye_is_cut_between_characters),
        cmocka_unit_test(who_leaves_closes_after_one_second_without_an_end_of_file),
        cmocka_unit_test(bye_goes_ahead_of_waiting_messages_which_are_dropped),
        cmocka_unit_test(protocol_error_is_told_once_and_what_follows_is_thrown_away),
        cmocka_unit_test(pending_acks_are_written_before_the_bye_of_an_error),
        cmocka_unit_test(every_single_bit_flip_of_every_valid_frame_is_survived),
        cmocka_unit_test(every_truncation_of_every_valid_frame_is_survived),
        cmocka_unit_test(every_flip_and_truncation_of_hello_is_survived),
        cmocka_unit_test(random_bytes_behind_a_valid_header_are_survived),
        cmocka_unit_test(clock_may_start_anywhere),
        cmocka_unit_test(clock_that_goes_back_a_little_does_no_harm),
        cmocka_unit_test(settings_as_initialised_work_for_both_roles),
        cmocka_unit_test(settings_that_were_not_initialised_are_refused),
        cmocka_unit_test(settings_of_a_later_version_are_refused),
        cmocka_unit_test(settings_that_cannot_work_are_told),
        cmocka_unit_test(health_has_words),
        cmocka_unit_test(two_sessions_beat_however_their_bytes_are_split),
        cmocka_unit_test(two_that_talk_at_each_other_through_narrow_kernels_do_not_lock_up),
        cmocka_unit_test(client_that_never_reads_is_dropped_and_the_server_keeps_little_for_it),
        cmocka_unit_test(a11_living_client_survives_a_shorter_grant_over_a_long_path),
        cmocka_unit_test(a4_two_that_probe_each_other_through_narrow_kernels_stay_up),
        cmocka_unit_test(both_leave_at_once_and_both_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
