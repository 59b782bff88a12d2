/* Messages and their room: the allowance that a client keeps, FULL and ROOM, what a peer takes, and the last word. */
#include "core/session_shared.h"
#include "support/failing_malloc.h"
#include "support/pair.h"
#include "support/script.h"
#include "support/test.h"

#include <stdlib.h>

#define MS LUBDUB_MILLISECOND

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

static void say_welcome_with_rate(struct endpoint *client, unsigned flags, uint32_t a_second, uint32_t burst)
{
    const uint8_t value[8] = {
        (uint8_t)(a_second >> 24), (uint8_t)(a_second >> 16), (uint8_t)(a_second >> 8), (uint8_t)a_second,
        (uint8_t)(burst >> 24),    (uint8_t)(burst >> 16),    (uint8_t)(burst >> 8),    (uint8_t)burst};
    struct wire_bytes options = {0};

    wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, 1000);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, 3000);
    wire_bytes_put_option(&options, LUBDUB_OPTION_MESSAGE_RATE, value, sizeof value);
    say(client, LUBDUB_FRAME_WELCOME, flags, SCRIPT_SESSION_NUMBER, options.data, options.length);
    wire_bytes_clear(&options);
}

/* A client that was told this rate; it bears a server that answers no probe, and nothing of that is looked at. */
static void open_with_rate(struct endpoint *client, uint32_t a_second, uint32_t burst)
{
    client->settings.timeout = LUBDUB_HOUR;
    endpoint_open(client);
    say_welcome_with_rate(client, 0, a_second, burst);
    expect_event(client, UP);
    endpoint_look_away(client);
}

static unsigned messages_written(struct endpoint *client)
{
    unsigned count = 0;

    while (client->written_read < client->written.length) {
        struct lubdub_frame frame;
        size_t size = 0;

        assert_int_equal(lubdub_frame_decode(&frame, client->written.data + client->written_read,
                                             client->written.length - client->written_read, LUBDUB_CONTENT_LIMIT,
                                             &size),
                         LUBDUB_FRAME_WHOLE);
        client->written_read += size;
        count += frame.type == LUBDUB_FRAME_MESSAGE;
    }
    return count;
}

/* ---- the allowance ---- */

static void e1_client_keeps_to_the_rate_that_it_was_told(void **state)
{
    struct endpoint *client = *state;
    unsigned i;

    open_with_rate(client, 10, 20);
    for (i = 0; i < 50; i++) {
        assert_int_equal(endpoint_send(client, "x", 1), LUBDUB_ERROR_OK);
    }
    assert_int_equal(messages_written(client), 20);
    for (i = 0; i < 30; i++) {
        endpoint_advance(client, 100 * MS - 1);
        assert_int_equal(messages_written(client), 0);
        endpoint_advance(client, 1);
        assert_int_equal(messages_written(client), 1);
    }
    endpoint_advance(client, LUBDUB_MINUTE);
    assert_int_equal(messages_written(client), 0);
}

static void e1_held_messages_keep_their_order_and_no_later_one_overtakes_them(void **state)
{
    struct endpoint *client = *state;
    uint64_t sequence;
    unsigned i;

    open_with_rate(client, 10, 5);
    for (i = 0; i < 40; i++) {
        assert_int_equal(endpoint_send(client, "x", 1), LUBDUB_ERROR_OK);
        endpoint_advance(client, 30 * MS);
    }
    endpoint_advance(client, 10 * LUBDUB_SECOND);
    for (sequence = 1; sequence <= 40;) {
        struct lubdub_frame frame;
        size_t size = 0;

        lubdub_frame_decode(&frame, client->written.data + client->written_read,
                            client->written.length - client->written_read, LUBDUB_CONTENT_LIMIT, &size);
        assert_true(size > 0);
        client->written_read += size;
        if (frame.type == LUBDUB_FRAME_MESSAGE) {
            assert_int_equal(frame.sequence, sequence++);
        }
    }
}

/* The finding itself: fifty, or a thousand, sends in a row all say OK; then they must all arrive. */
static void e1_burst_of_sends_loses_nothing_and_ends_no_session(void **state)
{
    struct pair pair;
    unsigned i;
    (void)state;

    pair_init(&pair);
    pair.up.delay = pair.down.delay = 5 * MS;
    pair_open(&pair);
    pair_run(&pair, 100 * MS);
    for (i = 0; i < 1000; i++) {
        assert_int_equal(endpoint_send(&pair.client, "x", 1), LUBDUB_ERROR_OK);
    }
    pair_run(&pair, 10 * LUBDUB_SECOND);
    expect_state(&pair.client, UP);
    expect_state(&pair.server, UP);
    assert_int_equal(event_log_count(&pair.server.events, LUBDUB_EVENT_MESSAGE), 1000);
    pair_clear(&pair);
}

static void e1_sender_that_sends_whatever_it_can_is_never_cut(void **state)
{
    const struct {
        uint32_t a_second;
        uint32_t burst;
    } rates[] = {{100, 256}, {1, 1}, {3, 7}, {10000, 1}};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(rates); i++) {
        struct pair pair;
        unsigned k;

        pair_init(&pair);
        pair.server.settings.message_rate = rates[i].a_second;
        pair.server.settings.message_burst = rates[i].burst;
        pair.up.delay = pair.down.delay = 5 * MS;
        pair_open(&pair);
        pair_run(&pair, 100 * MS);
        for (k = 0; k < 300; k++) {
            while (endpoint_send(&pair.client, "0123456789", 10) == LUBDUB_ERROR_OK) {
            }
            pair_run(&pair, 100 * MS);
        }
        expect_state(&pair.client, UP);
        expect_state(&pair.server, UP);
        assert_in_range(event_log_count(&pair.server.events, LUBDUB_EVENT_MESSAGE), rates[i].a_second * 29,
                        rates[i].a_second * 31 + rates[i].burst);
        pair_clear(&pair);
    }
}

static void message_that_finds_no_memory_to_wait_in_is_refused_and_takes_no_number(void **state)
{
    struct endpoint *client = *state;

    open_with_rate(client, 10, 1);
    assert_int_equal(endpoint_send(client, "1", 1), LUBDUB_ERROR_OK);
    failing_malloc_begin(1, true);
    assert_int_equal(endpoint_send(client, "lost?", 5), LUBDUB_ERROR_NO_MEMORY);
    assert_true(failing_malloc_end());
    assert_int_equal(endpoint_send(client, "2", 1), LUBDUB_ERROR_OK);
    endpoint_advance(client, LUBDUB_SECOND);
    assert_int_equal(messages_written(client), 2);
    assert_int_equal(client->session.extra->messages_sent, 2);
}

static void e1_no_rate_or_a_rate_of_0_holds_nothing(void **state)
{
    unsigned i;
    unsigned k;
    (void)state;

    for (i = 0; i < 2; i++) {
        struct endpoint client;

        endpoint_init(&client, LUBDUB_ROLE_CLIENT);
        if (i == 0) {
            script_client_open(&client);
        } else {
            open_with_rate(&client, 0, 0);
        }
        for (k = 0; k < 2000; k++) {
            assert_int_equal(endpoint_send(&client, "x", 1), LUBDUB_ERROR_OK);
        }
        assert_int_equal(messages_written(&client), 2000);
        endpoint_clear(&client);
    }
}

static void e1_changed_rate_counts_from_its_welcome_on(void **state)
{
    struct endpoint *client = *state;
    unsigned i;

    open_with_rate(client, 10, 1);
    for (i = 0; i < 1000; i++) {
        endpoint_send(client, "x", 1);
    }
    assert_int_equal(messages_written(client), 1);
    say_welcome_with_rate(client, LUBDUB_FLAG_CHANGED, 100, 1);
    endpoint_advance(client, LUBDUB_SECOND);
    assert_in_range(messages_written(client), 90, 91); /* the one before cost 100 ms */

    /* None is kept any more: what is held goes, in its order, and nothing is held. */
    say_welcome_with_rate(client, LUBDUB_FLAG_CHANGED, 0, 0);
    endpoint_advance(client, MS);
    assert_int_equal(endpoint_send(client, "x", 1), LUBDUB_ERROR_OK);
    endpoint_advance(client, MS);
    assert_int_equal(messages_written(client), 1001 - 1 - 91);
}

/* The server forgives an absence of its own. One of the client's brings the server nothing to forgive. */
static void e1_absence_of_the_client_allows_it_no_message_more(void **state)
{
    struct endpoint *client = *state;
    unsigned i;

    open_with_rate(client, 100, 256);
    endpoint_send(client, "x", 1);
    endpoint_wake(client, client->now + 3 * LUBDUB_HOUR, 3 * LUBDUB_HOUR, 3 * LUBDUB_HOUR);
    endpoint_ring(client);
    endpoint_look_away(client);
    for (i = 0; i < 1000; i++) {
        endpoint_send(client, "x", 1);
    }
    assert_int_equal(messages_written(client), 256);
}

static void e1_held_messages_go_on_when_the_kernel_has_taken_those_before(void **state)
{
    struct endpoint *client = *state;
    unsigned i;

    open_with_rate(client, 10, 3);
    client->kernel_room = 0;
    for (i = 0; i < 6; i++) {
        endpoint_send(client, "x", 1);
    }
    endpoint_advance(client, 900 * MS); /* before the next probe: only the kernel wakes the session */
    endpoint_give_room(client, KERNEL_TAKES_ALL);
    endpoint_ring(client);
    assert_int_equal(messages_written(client), 4); /* the one that waited for the kernel, and a burst */
    endpoint_advance(client, 200 * MS);
    assert_int_equal(messages_written(client), 2);
}

/*
 * An outage of the path: the kernel's queue is full, and the client goes on at its rate. What waits was not sent: it is
 * let out at the rate, too, when the path is back.
 */
static void e1_outage_of_the_path_cuts_no_client_that_keeps_to_the_rate(void **state)
{
    struct pair pair;
    unsigned sent = 0;
    unsigned i;
    (void)state;

    pair_init(&pair);
    pair.server.grant.expiry = 30 * LUBDUB_SECOND;
    pair.client.settings.timeout = 30 * LUBDUB_SECOND;
    pair.up.window = 2000; /* 80 messages */
    pair.up.delay = pair.down.delay = 5 * MS;
    pair_open(&pair);
    pair_run(&pair, 100 * MS);
    pair_stall(&pair, &pair.up);
    for (i = 0; i < 2000; i++) {
        sent += endpoint_send(&pair.client, "123456789", 9) == LUBDUB_ERROR_OK;
        pair_run(&pair, 10 * MS);
    }
    assert_int_equal(sent, 2000);
    pair_unstall(&pair, &pair.up);
    pair_run(&pair, 30 * LUBDUB_SECOND);
    expect_state(&pair.client, UP);
    expect_state(&pair.server, UP);
    assert_int_equal(event_log_count(&pair.server.events, LUBDUB_EVENT_MESSAGE), 2000);
    pair_clear(&pair);
}

static void heartbeat_goes_ahead_of_held_messages(void **state)
{
    struct endpoint *client = *state;

    open_with_rate(client, 1, 1);
    endpoint_send(client, "first", 5);
    endpoint_send(client, "second", 6);
    say_text(client, LUBDUB_FRAME_PROBE, 1, "alive");
    expect_whole_frame(client, MESSAGE, 0, 1, "first", 5);
    expect_whole_frame(client, ACK, 0, 1, "alive", 5);
    endpoint_advance(client, LUBDUB_SECOND);
    assert_int_equal(messages_written(client), 1);
}

/* ---- FULL and ROOM ---- */

static void e1_full_is_said_of_held_messages_too_and_room_follows_when_half_is_free(void **state)
{
    struct endpoint *client = *state;
    unsigned sent = 0;

    client->settings.output_limit = 1000;
    open_with_rate(client, 10, 1);
    while (endpoint_send(client, "0123456789", 10) == LUBDUB_ERROR_OK) {
        sent++;
    }
    assert_int_equal(endpoint_send(client, "0123456789", 10), LUBDUB_ERROR_FULL);
    assert_int_equal(sent, 1 + 1000 / 26);
    expect_no_event(client);
    endpoint_advance(client, 1900 * MS); /* 19 of 38 have gone, and 494 bytes wait */
    expect_event(client, ROOM);
    expect_no_event(client);
    assert_int_equal(event_log_last(&client->events, LUBDUB_EVENT_ROOM)->at, client->now);
    assert_int_equal(endpoint_send(client, "0123456789", 10), LUBDUB_ERROR_OK);
    endpoint_advance(client, LUBDUB_MINUTE);
    expect_no_event(client); /* once, for each FULL */
}

static void e1_room_is_told_in_both_roles_where_the_kernel_makes_it(void **state)
{
    enum lubdub_role role;
    (void)state;

    for (role = LUBDUB_ROLE_CLIENT; role <= LUBDUB_ROLE_SERVER; role++) {
        struct endpoint endpoint;

        endpoint_init(&endpoint, role);
        endpoint.settings.output_limit = 1000;
        if (role == LUBDUB_ROLE_SERVER) {
            script_server_open(&endpoint);
        } else {
            script_client_open(&endpoint);
        }
        endpoint.kernel_room = 0;
        while (endpoint_send(&endpoint, "0123456789", 10) == LUBDUB_ERROR_OK) {
        }
        endpoint_give_room(&endpoint, 487);
        expect_no_event(&endpoint);
        endpoint_give_room(&endpoint, 1);
        expect_event(&endpoint, ROOM);
        expect_no_event(&endpoint);
        endpoint_give_room(&endpoint, KERNEL_TAKES_ALL);
        expect_no_event(&endpoint);
        endpoint_clear(&endpoint);
    }
}

static void no_room_is_told_where_nothing_was_refused(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    client->kernel_room = 0;
    endpoint_send(client, "0123456789", 10);
    endpoint_give_room(client, KERNEL_TAKES_ALL);
    expect_no_event(client);
}

/* A message longer than half of the limit: ROOM before it fits would bring FULL, and that ROOM again, for ever. */
static void e1_room_is_told_only_when_what_was_refused_fits(void **state)
{
    struct endpoint *client = *state;
    static const uint8_t content[990];

    client->settings.output_limit = 1000;
    script_client_open(client);
    client->kernel_room = 0;
    assert_int_equal(endpoint_send(client, content, 184), LUBDUB_ERROR_OK); /* 200 bytes */
    assert_int_equal(endpoint_send(client, content, 800), LUBDUB_ERROR_FULL);
    endpoint_advance(client, MS);
    expect_no_event(client);
    endpoint_give_room(client, 15);
    expect_no_event(client);
    endpoint_give_room(client, 1);
    expect_event(client, ROOM);
    assert_int_equal(endpoint_send(client, content, 800), LUBDUB_ERROR_OK);

    /* One that never fits beside another is told when none waits. */
    assert_int_equal(endpoint_send(client, content, 990), LUBDUB_ERROR_FULL);
    endpoint_give_room(client, 999);
    expect_no_event(client);
    endpoint_give_room(client, 1);
    expect_event(client, ROOM);
    assert_int_equal(endpoint_send(client, content, 990), LUBDUB_ERROR_OK);
}

/* ---- the content that a peer takes ---- */

static void open_server_for(struct endpoint *server, size_t own, const char *option)
{
    struct wire_bytes options = {0};

    endpoint_init(server, LUBDUB_ROLE_SERVER);
    server->settings.max_content = own;
    endpoint_open(server);
    if (option != NULL) {
        wire_bytes_put_option(&options, LUBDUB_OPTION_MAX_CONTENT, option, 2);
    }
    say_hello(server, 1, &options);
    wire_bytes_clear(&options);
    expect_event(server, HELLO);
    expect_frame(server, WELCOME);
}

static void e18_server_sends_no_more_than_the_client_takes(void **state)
{
    static const uint8_t content[LUBDUB_CONTENT_LIMIT];
    const struct {
        size_t own;
        const char *option; /* NULL: left out */
        size_t most;
    } cases[] = {
        {1024, NULL, 1024},    {65535, NULL, 1024},     {100, NULL, 1024},        {1024, "\x00\x64", 100},
        {1024, "\x00\x00", 0}, {100, "\x07\xd0", 2000}, {1024, "\x04\x00", 1024}, {1024, "\xff\xff", 65535},
    };
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct endpoint server;

        open_server_for(&server, cases[i].own, cases[i].option);
        assert_int_equal(endpoint_send(&server, content, cases[i].most), LUBDUB_ERROR_OK);
        if (cases[i].most < LUBDUB_CONTENT_LIMIT) {
            assert_int_equal(endpoint_send(&server, content, cases[i].most + 1), LUBDUB_ERROR_TOO_LONG);
        }
        endpoint_clear(&server);
    }
}

static void e18_what_either_takes_is_what_the_other_may_send(void **state)
{
    static const uint8_t content[3001];
    struct pair pair;
    (void)state;

    pair_init(&pair);
    pair.client.settings.max_content = 3000;
    pair.server.settings.max_content = 200;
    pair_open(&pair);
    pair_run(&pair, 100 * MS);
    assert_int_equal(endpoint_send(&pair.server, content, 3001), LUBDUB_ERROR_TOO_LONG);
    assert_int_equal(endpoint_send(&pair.server, content, 3000), LUBDUB_ERROR_OK);
    assert_int_equal(endpoint_send(&pair.client, content, 201), LUBDUB_ERROR_TOO_LONG);
    assert_int_equal(endpoint_send(&pair.client, content, 200), LUBDUB_ERROR_OK);
    pair_run(&pair, LUBDUB_SECOND);
    assert_int_equal(event_log_last(&pair.client.events, LUBDUB_EVENT_MESSAGE)->event.length, 3000);
    assert_int_equal(event_log_last(&pair.server.events, LUBDUB_EVENT_MESSAGE)->event.length, 200);
    pair_clear(&pair);
}

/* ---- the last word ---- */

/* Skips what was written before BYE. */
static void look_for_bye(struct endpoint *endpoint)
{
    for (;;) {
        struct lubdub_frame frame;
        size_t size = 0;

        lubdub_frame_decode(&frame, endpoint->written.data + endpoint->written_read,
                            endpoint->written.length - endpoint->written_read, LUBDUB_CONTENT_LIMIT, &size);
        assert_true(size > 0);
        if (frame.type == LUBDUB_FRAME_BYE) {
            return;
        }
        endpoint->written_read += size;
    }
}

/* Sends and leaves in one turn that has so much room, as from inside a callback; the kernel takes so much of it at
 * once. */
static void send_and_leave(struct endpoint *endpoint, unsigned messages, size_t capacity, size_t taken)
{
    uint8_t output[120];
    struct lubdub_turn turn = {
        .now = endpoint->now, .settings = &endpoint->settings, .output = output, .output_capacity = capacity};

    for (; messages > 0; messages--) {
        assert_int_equal(lubdub_session_send(&endpoint->session, &turn, "message", 7), LUBDUB_ERROR_OK);
    }
    lubdub_session_leave(&endpoint->session, &turn, LUBDUB_REASON_DRAINING, "the text of a last word", false, 0);
    taken = taken < turn.output_length ? taken : turn.output_length;
    wire_bytes_put(&endpoint->written, output, taken);
    if (taken > 0) {
        lubdub_session_sent(&endpoint->session, &turn, taken);
    }
    assert_int_equal(lubdub_session_end_turn(&endpoint->session, &turn), LUBDUB_ERROR_OK);
    endpoint_give_room(endpoint, KERNEL_TAKES_ALL);
}

/* D8: a MESSAGE of the same turn, and a BYE that finds no room beside it, in the turn or in the kernel. */
static void d8_nothing_follows_bye_whatever_room_the_turn_has(void **state)
{
    static const size_t takes[] = {0, 1, 16, 30, SIZE_MAX};
    enum lubdub_role role;
    unsigned messages;
    size_t capacity;
    (void)state;

    for (role = LUBDUB_ROLE_CLIENT; role <= LUBDUB_ROLE_SERVER; role++) {
        for (messages = 0; messages <= 3; messages++) {
            for (capacity = 0; capacity < 5 * 120; capacity++) {
                struct endpoint endpoint;

                endpoint_init(&endpoint, role);
                if (role == LUBDUB_ROLE_SERVER) {
                    script_server_open(&endpoint);
                } else {
                    script_client_open(&endpoint);
                }
                send_and_leave(&endpoint, messages, capacity / 5, takes[capacity % 5]);
                look_for_bye(&endpoint);
                expect_bye(&endpoint, DRAINING);
                endpoint_clear(&endpoint);
            }
        }
    }
}

static void d8_held_messages_do_not_follow_bye(void **state)
{
    struct endpoint *client = *state;

    open_with_rate(client, 1, 1);
    endpoint_send(client, "first", 5);
    endpoint_send(client, "second", 6);
    endpoint_leave(client, LUBDUB_REASON_NORMAL, NULL);
    endpoint_advance(client, 900 * MS);
    expect_whole_frame(client, MESSAGE, 0, 1, "first", 5);
    expect_bye(client, NORMAL);
}

/* A9: a kernel keeps what came before a reset; a session whose own bytes wait reads it all the same. */
static void a9_bye_that_came_before_a_reset_is_told_also_where_output_waits(void **state)
{
    enum lubdub_role role;
    unsigned waits;
    (void)state;

    for (role = LUBDUB_ROLE_CLIENT; role <= LUBDUB_ROLE_SERVER; role++) {
        for (waits = 0; waits < 2; waits++) {
            const uint64_t unheard = role == LUBDUB_ROLE_CLIENT ? 17 : 1; /* so many answers, and it does not listen */
            struct endpoint endpoint;
            const struct lubdub_event *down;

            endpoint_init(&endpoint, role);
            if (role == LUBDUB_ROLE_SERVER) {
                script_server_open(&endpoint);
            } else {
                script_client_open(&endpoint);
            }
            if (waits > 0) {
                endpoint.kernel_room = 3;
                say_probes(&endpoint, 1, unheard);
                assert_false(lubdub_session_wants_input(&endpoint.session));
                wire_bytes_put_frame(&endpoint.unread, LUBDUB_FRAME_PROBE, 0, unheard + 1, NULL, 1000);
            }
            wire_bytes_put_frame(&endpoint.unread, LUBDUB_FRAME_MESSAGE, 0, 1, NULL, 1000);
            wire_bytes_put_frame(&endpoint.unread, LUBDUB_FRAME_BYE, 0, LUBDUB_REASON_NORMAL, NULL, 0);
            endpoint.broken_by = LUBDUB_CAUSE_RESET;
            if (waits == 0) {
                say_probe(&endpoint, 1);
            } else {
                endpoint_give_room(&endpoint, KERNEL_TAKES_ALL);
            }
            expect_event(&endpoint, MESSAGE);
            down = expect_event(&endpoint, DOWN);
            assert_int_equal(down->cause, LUBDUB_CAUSE_BYE);
            assert_int_equal(down->reason_code, LUBDUB_REASON_NORMAL);
            expect_state(&endpoint, CLOSED);
            endpoint_clear(&endpoint);
        }
    }
}

/* The server did not read while its output waited: the probes of that time are no flood. */
static void a9_pile_before_a_reset_is_forgiven(void **state)
{
    struct endpoint server;
    uint64_t sequence;
    (void)state;

    endpoint_init(&server, LUBDUB_ROLE_SERVER);
    script_server_open(&server);
    server.kernel_room = 3;
    say_probes(&server, 1, 1);
    assert_false(lubdub_session_wants_input(&server.session));
    server.now += 20 * LUBDUB_SECOND;
    for (sequence = 2; sequence <= 21; sequence++) {
        wire_bytes_put_frame(&server.unread, LUBDUB_FRAME_PROBE, 0, sequence, NULL, 0);
    }
    server.broken_by = LUBDUB_CAUSE_RESET;
    endpoint_give_room(&server, KERNEL_TAKES_ALL);
    assert_int_equal(expect_event(&server, DOWN)->cause, LUBDUB_CAUSE_RESET);
    endpoint_clear(&server);
}

static void a9_reset_without_a_bye_stays_a_reset(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    client->kernel_room = 3;
    say_probe(client, 1);
    wire_bytes_put_frame(&client->unread, LUBDUB_FRAME_ACK, 0, 1, NULL, 0);
    client->broken_by = LUBDUB_CAUSE_RESET;
    endpoint_give_room(client, KERNEL_TAKES_ALL);
    expect_event(client, ACKED);
    assert_int_equal(expect_event(client, DOWN)->cause, LUBDUB_CAUSE_RESET);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(e1_client_keeps_to_the_rate_that_it_was_told),
        TEST(e1_held_messages_keep_their_order_and_no_later_one_overtakes_them),
        TEST(e1_burst_of_sends_loses_nothing_and_ends_no_session),
        TEST(e1_sender_that_sends_whatever_it_can_is_never_cut),
        TEST(message_that_finds_no_memory_to_wait_in_is_refused_and_takes_no_number),
        TEST(e1_no_rate_or_a_rate_of_0_holds_nothing),
        TEST(e1_changed_rate_counts_from_its_welcome_on),
        TEST(e1_absence_of_the_client_allows_it_no_message_more),
        TEST(e1_held_messages_go_on_when_the_kernel_has_taken_those_before),
        TEST(e1_outage_of_the_path_cuts_no_client_that_keeps_to_the_rate),
        TEST(heartbeat_goes_ahead_of_held_messages),
        TEST(e1_full_is_said_of_held_messages_too_and_room_follows_when_half_is_free),
        TEST(e1_room_is_told_in_both_roles_where_the_kernel_makes_it),
        TEST(no_room_is_told_where_nothing_was_refused),
        TEST(e1_room_is_told_only_when_what_was_refused_fits),
        TEST(e18_server_sends_no_more_than_the_client_takes),
        TEST(e18_what_either_takes_is_what_the_other_may_send),
        TEST(d8_nothing_follows_bye_whatever_room_the_turn_has),
        TEST(d8_held_messages_do_not_follow_bye),
        TEST(a9_bye_that_came_before_a_reset_is_told_also_where_output_waits),
        TEST(a9_pile_before_a_reset_is_forgiven),
        TEST(a9_reset_without_a_bye_stays_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
