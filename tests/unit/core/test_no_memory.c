/*
 * Without memory a session ends, says so once, and leaves nothing behind: each story is told again and again,
 * and each time another of the core's allocations fails. Leaks are the sanitizer's to find.
 */
#include "core/session_shared.h"
#include "support/failing_malloc.h"
#include "support/script.h"
#include "support/test.h"

#include <stdio.h>

#define MS LUBDUB_MILLISECOND

static void say_everything_to_a_server(struct endpoint *server)
{
    struct wire_bytes bytes = {0};
    uint64_t i;

    wire_bytes_put_option(&bytes, LUBDUB_OPTION_IDENTITY, "pump-7", 6);
    wire_bytes_put_option(&bytes, LUBDUB_OPTION_MAX_CONTENT, "\x08\x00", 2);
    say_hello(server, 1, &bytes);
    for (i = 1; i <= 6; i++) {
        bytes.length = 0;
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, (unsigned)(i % 3), i, NULL, (size_t)(i * 31));
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, i, NULL, (size_t)(i * 77));
        endpoint_receive(server, bytes.data, bytes.length);
        endpoint_advance(server, 400 * MS);
    }
    wire_bytes_clear(&bytes);
}

static void server_story(struct endpoint *server)
{
    server->echoes = true;
    server->kernel_room = 90;
    endpoint_open(server);
    say_everything_to_a_server(server);
    (void)endpoint_grant(
        server, &(struct lubdub_grant){.session_number = 1, .interval = 500 * MS, .expiry = 2 * LUBDUB_SECOND});
    endpoint_give_room(server, 70);
    (void)endpoint_send(server, "to you", 6);
    endpoint_give_room(server, KERNEL_TAKES_ALL);
    endpoint_advance(server, LUBDUB_SECOND);
}

static void client_story(struct endpoint *client)
{
    unsigned i;

    client->echoes = true;
    client->settings.stays_connected = true;
    client->settings.content = (struct lubdub_slice){"content", 7};
    client->settings.identity = (struct lubdub_slice){"pump-7", 6};
    client->kernel_room = 60;
    if (endpoint_open(client) != LUBDUB_ERROR_OK) {
        assert_int_equal(client->open_error, LUBDUB_ERROR_NO_MEMORY);
        return;
    }
    endpoint_give_room(client, 90);
    say_welcome(client, 0, 42, 1000, 3000);
    say(client, LUBDUB_FRAME_WELCOME, LUBDUB_FLAG_CHANGED, 42, "\x0b\x00\x08\x00\x00\x00\x02\x00\x00\x00\x01", 11);
    for (i = 1; i <= 5; i++) {
        endpoint_advance(client, LUBDUB_SECOND);
        say(client, LUBDUB_FRAME_PROBE, i % 3, i, NULL, 20);
        say(client, LUBDUB_FRAME_MESSAGE, 0, i, NULL, 50);
        (void)endpoint_send(client, "to you", 6);
        endpoint_give_room(client, 25);
    }
    endpoint_give_room(client, KERNEL_TAKES_ALL);
    endpoint_advance(client, LUBDUB_SECOND);
}

/* What may lie between: how the input is cut, and how little room the turn has. */
struct weather {
    enum split split;
    size_t turn_capacity;
    bool later_ones_too;
    bool leaves;
};

static const struct weather weathers[] = {
    {SPLIT_WHOLE, CAPACITY_AS_ADVISED, false, false},
    {SPLIT_BYTES, CAPACITY_AS_ADVISED, false, false},
    {SPLIT_WHOLE, CAPACITY_AS_ADVISED, true, true},
    {SPLIT_BYTES, CAPACITY_AS_ADVISED, true, false},
    {SPLIT_WHOLE, 0, false, false},
    {SPLIT_PAIRS, 40, false, true},
    {SPLIT_WHOLE, 0, true, true},
    {SPLIT_RANDOM, 20, true, false},
};

/* Returns whether the n-th allocation came and failed. */
static bool tell(enum lubdub_role role, const struct weather *weather, size_t n)
{
    struct endpoint endpoint;
    bool failed;
    bool left = false;

    endpoint_init(&endpoint, role);
    endpoint.split = weather->split;
    endpoint.turn_capacity = weather->turn_capacity;
    failing_malloc_begin(n, weather->later_ones_too);
    if (role == LUBDUB_ROLE_SERVER) {
        server_story(&endpoint);
    } else {
        client_story(&endpoint);
    }
    if (endpoint.is_open && weather->leaves && endpoint_state(&endpoint) < LUBDUB_SESSION_LEAVING) {
        endpoint_leave(&endpoint, LUBDUB_REASON_NORMAL, "bye");
        left = true;
    }
    if (endpoint.is_open && endpoint_state(&endpoint) != LUBDUB_SESSION_CLOSED) {
        endpoint_receive_end(&endpoint, LUBDUB_CAUSE_CLOSED);
    }
    failed = failing_malloc_end();
    if (endpoint.is_open) {
        expect_state(&endpoint, CLOSED);
        assert_int_equal(event_log_count(&endpoint.events, LUBDUB_EVENT_DOWN), left ? 0 : 1);
    } else {
        assert_int_equal(endpoint.events.count, 0);
    }
    endpoint_clear(&endpoint);
    return failed;
}

static void tell_until_nothing_fails(enum lubdub_role role)
{
    size_t i;

    for (i = 0; i < COUNT_OF(weathers); i++) {
        size_t n = 1;

        while (tell(role, &weathers[i], n)) {
            n++;
        }
        assert_in_range(n, 2, 10000); /* there was something to fail */
    }
}

static void server_ends_once_and_clean_whichever_allocation_fails(void **state)
{
    (void)state;
    tell_until_nothing_fails(LUBDUB_ROLE_SERVER);
}

static void client_ends_once_and_clean_whichever_allocation_fails(void **state)
{
    (void)state;
    tell_until_nothing_fails(LUBDUB_ROLE_CLIENT);
}

static void expiry_without_memory_for_its_bye_is_told_once(void **state)
{
    struct endpoint server;
    (void)state;

    script_server_up(&server);
    say_probe(&server, 1);
    endpoint_advance(&server, 2900 * LUBDUB_MILLISECOND); /* both challenges are out */
    server.turn_capacity = 0;
    failing_malloc_begin(1, true);
    endpoint_advance(&server, 3 * LUBDUB_SECOND);
    assert_true(failing_malloc_end());
    assert_int_equal(event_log_last(&server.events, LUBDUB_EVENT_DOWN)->event.cause, LUBDUB_CAUSE_HUNG);
    expect_state(&server, CLOSED);
    endpoint_clear(&server);
}

static void protocol_error_without_memory_for_its_bye_is_told_once(void **state)
{
    struct endpoint server;
    (void)state;

    script_server_up(&server);
    server.turn_capacity = 0;
    failing_malloc_begin(1, true);
    say_probe(&server, 7);
    assert_true(failing_malloc_end());
    assert_int_equal(expect_event(&server, DOWN)->cause, LUBDUB_CAUSE_PROTOCOL);
    expect_no_event(&server);
    expect_state(&server, CLOSED);
    endpoint_clear(&server);
}

static void answers_that_find_neither_room_nor_memory_end_the_session_once(void **state)
{
    struct endpoint server;
    (void)state;

    script_server_up(&server);
    server.turn_capacity = 20; /* one ACK */
    failing_malloc_begin(1, false);
    say_probes(&server, 1, 3);
    assert_true(failing_malloc_end());
    assert_int_equal(expect_event(&server, DOWN)->cause, LUBDUB_CAUSE_SHUTDOWN);
    assert_true(server.events.entries[server.events.count - 1].event.had_session);
    expect_no_event(&server);
    expect_state(&server, CLOSED);
    endpoint_clear(&server);
}

/* A session that is up and whose BYE finds no memory. */
static void expect_silent_leave(struct endpoint *server)
{
    failing_malloc_begin(1, true);
    endpoint_leave(server, LUBDUB_REASON_NORMAL, NULL);
    assert_true(failing_malloc_end());
    expect_no_event(server);
    expect_state(server, CLOSED);
    endpoint_clear(server);
}

static void leave_without_memory_for_its_bye_is_not_told(void **state)
{
    struct endpoint server;
    (void)state;

    script_server_up(&server);
    server.turn_capacity = 0;
    expect_silent_leave(&server);
}

static void leave_whose_bye_finds_no_memory_to_wait_in_is_not_told(void **state)
{
    struct endpoint server;
    (void)state;

    script_server_up(&server);
    server.kernel_room = 3;
    expect_silent_leave(&server);
}

static void changed_grant_without_memory_leaves_the_session_as_it_was(void **state)
{
    struct endpoint server;
    (void)state;

    script_server_up(&server);
    failing_malloc_begin(1, true);
    assert_int_equal(
        endpoint_grant(&server, &(struct lubdub_grant){.session_number = 1, .interval = MS, .expiry = LUBDUB_SECOND}),
        LUBDUB_ERROR_NO_MEMORY);
    assert_true(failing_malloc_end());
    expect_no_frame(&server);
    expect_no_event(&server);
    assert_true(lubdub_session_interval(&server.session) == LUBDUB_SECOND);
    expect_state(&server, UP);
    endpoint_clear(&server);
}

static void welcome_without_memory_is_an_error_of_the_grant(void **state)
{
    struct endpoint server;
    (void)state;

    endpoint_init(&server, LUBDUB_ROLE_SERVER);
    endpoint_open(&server);
    server.turn_capacity = 0;
    failing_malloc_begin(1, true);
    say(&server, LUBDUB_FRAME_HELLO, 0, 1, NULL, 0);
    assert_true(failing_malloc_end());
    expect_event(&server, HELLO);
    assert_int_equal(expect_event(&server, DOWN)->cause, LUBDUB_CAUSE_SHUTDOWN);
    expect_state(&server, CLOSED);
    endpoint_clear(&server);
}

/* For the session's memory, for the frame's, and for more of the frame's. */
static void frame_in_pieces_that_finds_no_memory_ends_the_session(void **state)
{
    const size_t pieces[] = {10, 10, 100, 480};
    size_t n;
    (void)state;

    for (n = 1; n <= 3; n++) {
        struct endpoint server;
        struct wire_bytes message = {0};
        size_t taken = 0;
        size_t i;

        script_server_up(&server);
        wire_bytes_put_frame(&message, LUBDUB_FRAME_MESSAGE, 0, 1, NULL, 600 - LUBDUB_HEADER_LENGTH);
        failing_malloc_begin(n, true);
        for (i = 0; i < COUNT_OF(pieces) && endpoint_state(&server) == LUBDUB_SESSION_UP; i++) {
            endpoint_receive(&server, message.data + taken, pieces[i]);
            taken += pieces[i];
        }
        assert_true(failing_malloc_end());
        assert_in_range(taken, pieces[0], message.length - 1);
        assert_int_equal(expect_event(&server, DOWN)->cause, LUBDUB_CAUSE_SHUTDOWN);
        expect_no_event(&server);
        wire_bytes_clear(&message);
        endpoint_clear(&server);
    }
}

/* A client answers also where answers wait for the kernel: each needs room behind them. */
static void answer_that_finds_no_memory_to_wait_in_ends_the_session(void **state)
{
    size_t n;
    (void)state;

    for (n = 1; n <= 2; n++) {
        struct endpoint client;

        script_client_up(&client);
        client.kernel_room = 0;
        say_probe(&client, 1);
        failing_malloc_begin(n, true);
        say_probe(&client, 2);
        assert_true(failing_malloc_end());
        assert_int_equal(expect_event(&client, DOWN)->cause, LUBDUB_CAUSE_SHUTDOWN);
        expect_no_event(&client);
        expect_state(&client, CLOSED);
        endpoint_clear(&client);
    }
}

/* Its owner has not answered yet, and so the session is told when it is told anything. */
static void input_behind_hello_that_finds_no_memory_to_wait_in_ends_the_session(void **state)
{
    static uint8_t output[1024];
    struct endpoint server;
    struct wire_bytes bytes = {0};
    struct lubdub_event event;
    struct lubdub_turn turn;
    (void)state;

    endpoint_init(&server, LUBDUB_ROLE_SERVER);
    endpoint_open(&server);
    turn = (struct lubdub_turn){
        .now = server.now, .settings = &server.settings, .output = output, .output_capacity = sizeof output};
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_HELLO, 0, 1, NULL, 0);
    (void)lubdub_session_receive(&server.session, &turn, bytes.data, bytes.length, &event);
    assert_int_equal(event.kind, LUBDUB_EVENT_HELLO);
    failing_malloc_begin(1, true);
    endpoint_core_runs = true;
    lubdub_session_hold(&server.session, bytes.data, bytes.length, server.now);
    endpoint_core_runs = false;
    assert_true(failing_malloc_end());
    expect_state(&server, CLOSED);
    lubdub_session_tick(&server.session, &turn, &event);
    assert_int_equal(event.kind, LUBDUB_EVENT_DOWN);
    assert_int_equal(event.cause, LUBDUB_CAUSE_SHUTDOWN);
    wire_bytes_clear(&bytes);
    endpoint_clear(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_ends_once_and_clean_whichever_allocation_fails),
        cmocka_unit_test(client_ends_once_and_clean_whichever_allocation_fails),
        cmocka_unit_test(expiry_without_memory_for_its_bye_is_told_once),
        cmocka_unit_test(protocol_error_without_memory_for_its_bye_is_told_once),
        cmocka_unit_test(answers_that_find_neither_room_nor_memory_end_the_session_once),
        cmocka_unit_test(leave_without_memory_for_its_bye_is_not_told),
        cmocka_unit_test(leave_whose_bye_finds_no_memory_to_wait_in_is_not_told),
        cmocka_unit_test(changed_grant_without_memory_leaves_the_session_as_it_was),
        cmocka_unit_test(welcome_without_memory_is_an_error_of_the_grant),
        cmocka_unit_test(frame_in_pieces_that_finds_no_memory_ends_the_session),
        cmocka_unit_test(answer_that_finds_no_memory_to_wait_in_ends_the_session),
        cmocka_unit_test(input_behind_hello_that_finds_no_memory_to_wait_in_ends_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
