/* Sessions that adapt: doubt, evidence, and verdicts that come early but never too early. */
#include "core/doubt.h"
#include "support/script.h"
#include "support/test.h"

#include <stdlib.h>

#define MS LUBDUB_MILLISECOND
#define FLOOR LUBDUB_DOUBT_FLOOR

static struct endpoint *new_endpoint(enum lubdub_role role)
{
    struct endpoint *endpoint = malloc(sizeof *endpoint);

    endpoint_init(endpoint, role);
    endpoint->settings.adapts = true;
    return endpoint;
}

static int setup_server(void **state)
{
    *state = new_endpoint(LUBDUB_ROLE_SERVER);
    return 0;
}

static int setup_client(void **state)
{
    *state = new_endpoint(LUBDUB_ROLE_CLIENT);
    return 0;
}

static int teardown(void **state)
{
    endpoint_clear(*state);
    free(*state);
    return 0;
}

/* Probes a second apart, the last one now. */
static void be_punctual(struct endpoint *server, uint64_t first, uint64_t last)
{
    for (; first <= last; first++) {
        say_probe(server, first);
        if (first < last) {
            endpoint_advance(server, LUBDUB_SECOND);
        }
    }
    expect_state(server, UP);
    endpoint_look_away(server);
}

static unsigned frames_written(struct endpoint *endpoint, unsigned type)
{
    unsigned count = 0;

    while (endpoint->written_read < endpoint->written.length) {
        struct lubdub_frame frame;
        size_t size;

        lubdub_frame_decode(&frame, endpoint->written.data + endpoint->written_read,
                            endpoint->written.length - endpoint->written_read, LUBDUB_CONTENT_LIMIT, &size);
        endpoint->written_read += size;
        count += frame.type == type;
    }
    return count;
}

/* ---- server ---- */

static void frozen_client_is_hung_long_before_the_expiry(void **state)
{
    struct endpoint *server = *state;
    lubdub_time heard_at;
    const struct lubdub_event *down;

    script_server_open(server);
    be_punctual(server, 1, 10);
    heard_at = server->now;
    endpoint_advance(server, 2 * LUBDUB_SECOND);
    expect_event(server, LATE);
    down = expect_event(server, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_HUNG);
    assert_int_equal(down->reason_code, LUBDUB_REASON_EXPIRED);
    assert_in_range(down->silent_for, LUBDUB_SECOND + FLOOR, LUBDUB_SECOND + FLOOR + 200 * MS);
    assert_true(down->adaptive == FLOOR);
    assert_in_range(down->deadline, heard_at + LUBDUB_SECOND + FLOOR, server->now);
}

static void silent_path_waits_for_the_whole_expiry(void **state)
{
    struct endpoint *server = *state;
    const struct lubdub_event *down;

    script_server_open(server);
    be_punctual(server, 1, 10);
    server->path = LUBDUB_PATH_SILENT;
    endpoint_advance(server, 3 * LUBDUB_SECOND - 1);
    expect_state(server, UP);
    endpoint_advance(server, 1);
    expect_event(server, LATE);
    down = expect_event(server, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_UNREACHABLE);
    assert_true(down->silent_for == 3 * LUBDUB_SECOND);
    assert_true(down->adaptive == 0);
}

/* Behind a slow proxy the first probe comes a round trip after HELLO, and the proxy's kernel acknowledges for it. */
static void client_that_said_only_hello_gets_the_whole_expiry(void **state)
{
    struct endpoint *server = *state;
    const struct lubdub_event *down;

    script_server_open(server);
    endpoint_advance(server, 3 * LUBDUB_SECOND - 1);
    expect_state(server, UP);
    endpoint_advance(server, 1);
    expect_event(server, LATE);
    down = expect_event(server, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_HUNG);
    assert_true(down->adaptive == 0);
}

static void unknown_path_is_no_evidence(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    server->path = LUBDUB_PATH_UNKNOWN;
    endpoint_advance(server, 3 * LUBDUB_SECOND - 1);
    expect_state(server, UP);
    endpoint_advance(server, 1);
    expect_state(server, CLOSED);
}

/* Its kernel's retransmission timeout has doubled with the outage: what it lost may take as long again. */
static void after_an_outage_the_client_gets_as_long_again(void **state)
{
    struct endpoint *server = *state;
    struct lubdub_grant grant = {.session_number = 1, .interval = LUBDUB_SECOND, .expiry = 10 * LUBDUB_SECOND};
    const struct lubdub_event *down;

    server->grant = grant;
    script_server_open(server);
    be_punctual(server, 1, 10);
    server->path = LUBDUB_PATH_SILENT;
    endpoint_advance(server, 3 * LUBDUB_SECOND);
    server->path = LUBDUB_PATH_ACKNOWLEDGED; /* expected two seconds ago */
    endpoint_advance(server, 2 * LUBDUB_SECOND - 1);
    expect_state(server, UP);
    endpoint_advance(server, 300 * MS);
    expect_event(server, LATE);
    down = expect_event(server, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_HUNG);
    assert_in_range(down->silent_for, 5 * LUBDUB_SECOND, 5300 * MS);
}

static void client_that_talks_may_have_lost_a_message_before_its_probe(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    be_punctual(server, 1, 10);
    say_message(server, 1, "hello");
    endpoint_advance(server, LUBDUB_SECOND + FLOOR + 200 * MS);
    expect_state(server, UP);
    endpoint_advance(server, LUBDUB_SECOND);
    expect_state(server, CLOSED);
}

static void late_session_is_challenged_at_once_and_then_at_a_pace(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    be_punctual(server, 1, 10);
    endpoint_advance(server, LUBDUB_SECOND);
    expect_no_event(server);
    endpoint_advance(server, LUBDUB_SECOND / 16); /* sooner than one who does not adapt */
    expect_event(server, LATE);
    expect_whole_frame(server, PROBE, 0, 1, NULL, 0);
    endpoint_advance(server, FLOOR / 5);
    expect_whole_frame(server, PROBE, 0, 2, NULL, 0);
    endpoint_advance(server, FLOOR / 5);
    expect_whole_frame(server, PROBE, 0, 3, NULL, 0);
    say_ack(server, 1);
    expect_event(server, RECOVERED);
    say_ack(server, 2);
    say_ack(server, 3);
    expect_state(server, UP);
    endpoint_advance(server, LUBDUB_SECOND);
    expect_no_event(server);
    expect_no_frame(server); /* it is trusted again */
}

static void ack_of_a_challenge_that_was_never_sent_is_a_protocol_error(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    endpoint_advance(server, LUBDUB_SECOND + 300 * MS);
    assert_true(frames_written(server, LUBDUB_FRAME_PROBE) >= 2);
    say_ack(server, 2); /* out of order */
    expect_event(server, LATE);
    assert_int_equal(expect_event(server, DOWN)->cause, LUBDUB_CAUSE_PROTOCOL); /* and no RECOVERED before it */
}

static void challenges_that_wait_are_few(void **state)
{
    struct endpoint *server = *state;
    struct lubdub_grant grant = {.session_number = 1, .interval = LUBDUB_SECOND, .expiry = 60 * LUBDUB_SECOND};

    server->grant = grant;
    server->path = LUBDUB_PATH_SILENT;
    script_server_open(server);
    endpoint_advance(server, 59 * LUBDUB_SECOND);
    assert_int_equal(frames_written(server, LUBDUB_FRAME_PROBE), 7);
    say_ack(server, 1);
    expect_state(server, UP);
}

static void steady_session_sees_no_frame_more_than_without(void **state)
{
    struct endpoint *server = *state;
    uint64_t sequence;

    script_server_open(server);
    for (sequence = 1; sequence <= 100; sequence++) {
        endpoint_advance(server, LUBDUB_SECOND + (sequence % 2) * 20 * MS - (sequence % 3) * 10 * MS);
        say_probe(server, sequence);
    }
    assert_int_equal(frames_written(server, LUBDUB_FRAME_PROBE), 0);
    expect_no_event(server);
}

static void jitter_that_was_learned_is_not_late(void **state)
{
    struct endpoint *server = *state;
    uint64_t sequence;

    script_server_open(server);
    for (sequence = 1; sequence <= 20; sequence++) {
        endpoint_advance(server, LUBDUB_SECOND + 250 * MS); /* late at first, usual then */
        say_probe(server, sequence);
    }
    endpoint_look_away(server);
    endpoint_advance(server, LUBDUB_SECOND + 400 * MS);
    expect_no_event(server);
}

/* Twice the granted rate is allowed: such a client is punctual, too, and unlearns what was late before. */
static void probes_half_an_interval_apart_are_punctual(void **state)
{
    struct endpoint *server = *state;
    uint64_t i;

    script_server_open(server);
    for (i = 1; i <= 10; i++) {
        endpoint_advance(server, i % 2 == 0 ? LUBDUB_SECOND : 1300 * MS);
        say_probe(server, i);
    }
    for (; i <= 60; i++) {
        endpoint_advance(server, LUBDUB_SECOND / 2);
        say_probe(server, i);
    }
    expect_state(server, UP);
    endpoint_look_away(server);
    endpoint_advance(server, 1200 * MS); /* half of the longest wait behind the interval, and some */
    assert_in_range(expect_event(server, LATE)->silent_for, 1140 * MS, 1151 * MS); /* it fades */
}

/* It is kept in parts of the expiry, which are longer now. */
static void what_was_learned_is_as_long_under_a_new_grant(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    say_probe(server, 1);
    endpoint_advance(server, 1300 * MS);
    say_probe(server, 2);
    endpoint_grant(server,
                   &(struct lubdub_grant){.session_number = 1, .interval = LUBDUB_SECOND, .expiry = LUBDUB_MINUTE});
    say_ack(server, 1);
    be_punctual(server, 3, 30);
    endpoint_advance(server, 1200 * MS);
    assert_in_range(expect_event(server, LATE)->silent_for, 1120 * MS,
                    1152 * MS); /* half of the longest wait, which fades */
}

static void pause_that_was_overcome_makes_the_next_one_be_borne(void **state)
{
    struct endpoint *server = *state;
    struct lubdub_grant grant = {.session_number = 1, .interval = LUBDUB_SECOND, .expiry = 10 * LUBDUB_SECOND};

    server->grant = grant;
    script_server_open(server);
    be_punctual(server, 1, 10);
    endpoint_advance(server, LUBDUB_SECOND + 600 * MS);
    be_punctual(server, 11, 20);
    endpoint_advance(server, LUBDUB_SECOND + 1150 * MS); /* not quite twice as long, and more than the floor */
    expect_state(server, UP);
    endpoint_advance(server, LUBDUB_SECOND);
    expect_state(server, CLOSED);
}

static void outage_teaches_nothing(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    be_punctual(server, 1, 10);
    server->path = LUBDUB_PATH_SILENT;
    endpoint_advance(server, 2900 * MS);
    server->path = LUBDUB_PATH_ACKNOWLEDGED;
    be_punctual(server, 11, 12);
    endpoint_advance(server, LUBDUB_SECOND + FLOOR + 200 * MS);
    expect_state(server, CLOSED);
}

static void fixed_expiry_that_is_shorter_than_the_floor_stays_what_it_is(void **state)
{
    struct endpoint *server = *state;
    struct lubdub_grant grant = {.session_number = 1, .interval = 100 * MS, .expiry = 300 * MS};
    const struct lubdub_event *down;

    server->grant = grant;
    script_server_open(server);
    endpoint_advance(server, 300 * MS);
    expect_event(server, LATE);
    down = expect_event(server, DOWN);
    assert_true(down->silent_for == 300 * MS);
}

static void while_we_suspect_ourselves_only_the_expiry_counts(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    server->suspects_ourselves = true;
    endpoint_advance(server, 3 * LUBDUB_SECOND - 1);
    expect_state(server, UP);
    endpoint_advance(server, 1);
    expect_state(server, CLOSED);
}

static void short_absence_is_forgiven_to_the_doubt_and_not_to_the_expiry(void **state)
{
    struct endpoint *server = *state;
    lubdub_time heard_at = server->now;
    const struct lubdub_event *down;

    script_server_open(server);
    be_punctual(server, 1, 1);
    endpoint_advance(server, LUBDUB_SECOND + 200 * MS);
    endpoint_wake(server, server->now + 400 * MS, 400 * MS,
                  390 * MS); /* three quarters of a second would be a quarter */
    endpoint_advance(server, 40 * MS);
    expect_state(server, UP); /* 1640 ms, and without the absence it were 1712 */
    endpoint_advance(server, 200 * MS);
    expect_state(server, UP);
    endpoint_advance(server, 400 * MS);
    expect_event(server, LATE);
    down = expect_event(server, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_HUNG);
    assert_true(server->now < heard_at + 3 * LUBDUB_SECOND);
}

static void long_absence_is_forgiven_to_the_doubt_too(void **state)
{
    struct endpoint *server = *state;
    lubdub_time woken_at;

    script_server_open(server);
    be_punctual(server, 1, 1);
    endpoint_advance(server, LUBDUB_SECOND + 200 * MS);
    expect_event(server, LATE);
    woken_at = server->now + LUBDUB_MINUTE;
    endpoint_wake(server, woken_at, LUBDUB_MINUTE, LUBDUB_MINUTE);
    endpoint_advance(server, 400 * MS);
    expect_state(server, UP);
    endpoint_advance(server, 400 * MS);
    assert_int_equal(expect_event(server, DOWN)->cause, LUBDUB_CAUSE_HUNG);
}

static void long_round_trip_raises_the_floor(void **state)
{
    struct endpoint *server = *state;

    script_server_open(server);
    be_punctual(server, 1, 1);
    server->round_trip = 200 * MS;
    endpoint_advance(server, LUBDUB_SECOND + FLOOR + 4 * 200 * MS - 1);
    expect_state(server, UP);
    endpoint_advance(server, 500 * MS);
    expect_state(server, CLOSED);
}

/* Bytes of one frame arrive at 15 kB/s, as far as `most` of them. Returns how many there are in all. */
static size_t arrive_slowly(struct endpoint *endpoint, unsigned type, uint64_t sequence, size_t content, size_t most)
{
    struct wire_bytes bytes = {0};
    size_t taken = 0;
    size_t length;

    wire_bytes_put_frame(&bytes, type, 0, sequence, NULL, content);
    length = bytes.length;
    while (taken < length && taken < most && endpoint_state(endpoint) == LUBDUB_SESSION_UP) {
        size_t piece = length - taken < 150 ? length - taken : 150;

        endpoint_advance(endpoint, 10 * MS);
        if (endpoint_state(endpoint) == LUBDUB_SESSION_UP) {
            endpoint_receive(endpoint, bytes.data + taken, piece);
        }
        taken += piece;
    }
    wire_bytes_clear(&bytes);
    return length;
}

/* A3: a frame that arrives over a slow link is no sign of life, and a peer that writes it is not hung. */
static void a3_client_whose_frame_is_arriving_is_not_hung(void **state)
{
    struct endpoint *server = *state;

    server->settings.max_content = LUBDUB_CONTENT_LIMIT;
    server->grant.expiry = 10 * LUBDUB_SECOND;
    script_server_open(server);
    be_punctual(server, 1, 10);
    arrive_slowly(server, LUBDUB_FRAME_MESSAGE, 1, 60000, SIZE_MAX); /* four seconds */
    expect_state(server, UP);
    assert_int_equal(event_log_count(&server->events, LUBDUB_EVENT_MESSAGE), 1);
}

static void a3_client_that_stops_in_the_middle_of_a_frame_is_hung(void **state)
{
    struct endpoint *server = *state;
    lubdub_time stopped_at;
    const struct logged_event *down;

    server->settings.max_content = LUBDUB_CONTENT_LIMIT;
    server->grant.expiry = 10 * LUBDUB_SECOND;
    script_server_open(server);
    be_punctual(server, 1, 10);
    arrive_slowly(server, LUBDUB_FRAME_MESSAGE, 1, 60000, 30000);
    expect_state(server, UP);
    stopped_at = server->now;
    endpoint_advance(server, FLOOR + 200 * MS);
    down = event_log_last(&server->events, LUBDUB_EVENT_DOWN);
    assert_non_null(down);
    assert_int_equal(down->event.cause, LUBDUB_CAUSE_HUNG);
    assert_true(down->at >= stopped_at + FLOOR);
}

/* The expiry is never moved by it. The path is too slow for its frames. */
static void a14_client_whose_frame_is_arriving_expires_in_time_and_is_unreachable(void **state)
{
    struct endpoint *server = *state;
    lubdub_time heard_at;
    const struct logged_event *down;

    server->settings.max_content = LUBDUB_CONTENT_LIMIT;
    script_server_open(server); /* expiry: 3 s */
    be_punctual(server, 1, 10);
    heard_at = server->now;
    arrive_slowly(server, LUBDUB_FRAME_MESSAGE, 1, 60000, SIZE_MAX);
    down = event_log_last(&server->events, LUBDUB_EVENT_DOWN);
    assert_non_null(down);
    assert_int_equal(down->event.cause, LUBDUB_CAUSE_UNREACHABLE);
    assert_int_equal(down->event.reason_code, LUBDUB_REASON_EXPIRED);
    assert_true(down->at == heard_at + 3 * LUBDUB_SECOND);
}

/* Without adapting, too: bytes that came before it stopped do not say that it writes. */
static void a14_client_that_stopped_in_the_middle_of_a_frame_is_hung_at_its_expiry(void **state)
{
    struct endpoint *server = *state;
    lubdub_time heard_at;
    const struct logged_event *down;

    server->settings.max_content = LUBDUB_CONTENT_LIMIT;
    server->settings.adapts = false;
    script_server_open(server); /* expiry: 3 s */
    be_punctual(server, 1, 10);
    heard_at = server->now;
    arrive_slowly(server, LUBDUB_FRAME_MESSAGE, 1, 60000, 20000); /* for 1.3 s */
    endpoint_advance(server, 3 * LUBDUB_SECOND);
    down = event_log_last(&server->events, LUBDUB_EVENT_DOWN);
    assert_non_null(down);
    assert_int_equal(down->event.cause, LUBDUB_CAUSE_HUNG);
    assert_true(down->at == heard_at + 3 * LUBDUB_SECOND);
}

/* The deadline is shorter than what bytes put off a doubt for: then half of it counts. */
static void a14_client_that_stopped_in_the_middle_of_a_frame_is_hung_at_a_short_expiry(void **state)
{
    struct endpoint *server = *state;
    lubdub_time heard_at;
    const struct logged_event *down;

    server->settings.adapts = false;
    server->grant = (struct lubdub_grant){.session_number = 1, .interval = 200 * MS, .expiry = 500 * MS};
    script_server_open(server);
    say_probe(server, 1);
    heard_at = server->now;
    arrive_slowly(server, LUBDUB_FRAME_MESSAGE, 1, 1000, 100);
    assert_true(server->now < heard_at + 200 * MS);
    endpoint_advance(server, 500 * MS);
    down = event_log_last(&server->events, LUBDUB_EVENT_DOWN);
    assert_non_null(down);
    assert_int_equal(down->event.cause, LUBDUB_CAUSE_HUNG);
    assert_true(down->at == heard_at + 500 * MS);
}

/* ---- client ---- */

/* Answers what it sends, `delay` after it, until `until`; returns the sequence of the last probe. */
static uint64_t converse(struct endpoint *client, unsigned probes, lubdub_duration delay, uint64_t next)
{
    for (; probes > 0; probes--) {
        endpoint_advance(client, delay);
        say_ack(client, next);
        expect_event(client, ACKED);
        endpoint_advance(client, LUBDUB_SECOND - delay);
        expect_frame(client, PROBE);
        expect_no_frame(client);
        next++;
    }
    return next;
}

static void frozen_server_is_hung_long_before_the_timeout(void **state)
{
    struct endpoint *client = *state;
    const struct lubdub_event *down;
    uint64_t asked;

    script_client_open(client);
    asked = converse(client, 10, MS, 1);
    endpoint_advance(client, LUBDUB_SECOND);
    down = expect_event(client, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_HUNG);
    assert_int_equal(down->sequence, asked);
    assert_in_range(down->waited_for, FLOOR, FLOOR + 200 * MS);
    assert_in_range(down->adaptive, FLOOR, FLOOR + 10 * MS);
    assert_in_range(frames_written(client, LUBDUB_FRAME_PROBE), 3, LUBDUB_DOUBT_QUESTIONS);
}

static void server_behind_a_silent_path_gets_the_whole_timeout(void **state)
{
    struct endpoint *client = *state;
    const struct lubdub_event *down;

    script_client_open(client);
    converse(client, 10, MS, 1);
    client->path = LUBDUB_PATH_SILENT;
    endpoint_advance(client, 3 * LUBDUB_SECOND - 1);
    expect_state(client, UP);
    endpoint_advance(client, 1);
    down = expect_event(client, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_UNREACHABLE);
    assert_true(down->waited_for == 3 * LUBDUB_SECOND);
    assert_true(down->adaptive == 0);
}

/* One behind a slow proxy, whose kernel acknowledges for it, would never be up. */
static void server_that_never_answered_gets_the_whole_timeout(void **state)
{
    struct endpoint *client = *state;
    const struct lubdub_event *down;

    script_client_open(client);
    endpoint_advance(client, 3 * LUBDUB_SECOND - 1);
    expect_state(client, UP);
    endpoint_advance(client, 1);
    down = expect_event(client, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_HUNG);
    assert_true(down->adaptive == 0);
}

static void a3_server_whose_frame_is_arriving_is_not_hung(void **state)
{
    struct endpoint *client = *state;
    uint64_t next;
    uint64_t last;

    client->settings.max_content = LUBDUB_CONTENT_LIMIT;
    client->settings.timeout = 10 * LUBDUB_SECOND;
    script_client_open(client);
    next = converse(client, 10, MS, 1);
    arrive_slowly(client, LUBDUB_FRAME_MESSAGE, 1, 60000, SIZE_MAX);
    expect_state(client, UP);
    expect_event(client, MESSAGE);
    last = next + frames_written(client, LUBDUB_FRAME_PROBE);
    while (next <= last) {
        say_ack(client, next++); /* they waited behind it */
    }
    expect_state(client, UP);
}

static void a14_server_whose_frame_is_arriving_times_out_in_time_and_is_unreachable(void **state)
{
    struct endpoint *client = *state;
    lubdub_time sent_at;
    const struct logged_event *down;

    client->settings.max_content = LUBDUB_CONTENT_LIMIT;
    script_client_open(client); /* timeout: 3 s */
    converse(client, 10, MS, 1);
    sent_at = client->now;
    arrive_slowly(client, LUBDUB_FRAME_MESSAGE, 1, 60000, SIZE_MAX);
    down = event_log_last(&client->events, LUBDUB_EVENT_DOWN);
    assert_non_null(down);
    assert_int_equal(down->event.cause, LUBDUB_CAUSE_UNREACHABLE);
    assert_true(down->at == sent_at + 3 * LUBDUB_SECOND);
}

static void a14_server_that_stopped_in_the_middle_of_a_frame_is_hung_at_the_timeout(void **state)
{
    struct endpoint *client = *state;
    const struct logged_event *down;

    client->settings.max_content = LUBDUB_CONTENT_LIMIT;
    client->settings.adapts = false;
    script_client_open(client); /* timeout: 3 s */
    converse(client, 10, MS, 1);
    arrive_slowly(client, LUBDUB_FRAME_MESSAGE, 1, 60000, 20000);
    endpoint_advance(client, 3 * LUBDUB_SECOND);
    down = event_log_last(&client->events, LUBDUB_EVENT_DOWN);
    assert_non_null(down);
    assert_int_equal(down->event.cause, LUBDUB_CAUSE_HUNG);
}

static void overdue_ack_makes_it_probe_faster_and_the_grid_stays(void **state)
{
    struct endpoint *client = *state;
    lubdub_time sent_at;
    uint64_t next;

    script_client_open(client);
    next = converse(client, 10, MS, 1);
    sent_at = client->now;
    endpoint_advance_to(client, sent_at + 49 * MS);
    expect_no_frame(client);
    endpoint_advance_to(client, sent_at + 51 * MS);
    assert_int_equal(expect_frame(client, PROBE).sequence, next + 1);
    endpoint_advance_to(client, sent_at + 300 * MS);
    assert_int_equal(expect_frame(client, PROBE).sequence, next + 2);
    say_ack(client, next);
    say_ack(client, next + 1);
    say_ack(client, next + 2);
    endpoint_advance_to(client, sent_at + LUBDUB_SECOND - 1);
    expect_no_frame(client);
    endpoint_advance_to(client, sent_at + LUBDUB_SECOND);
    assert_int_equal(expect_frame(client, PROBE).sequence, next + 3);
}

static void steady_client_sends_no_probe_more_than_without(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    converse(client, 60, 30 * MS, 1);
}

/* Answers that always take more than half of the timeout are no reason to doubt. */
static void far_server_is_not_doubted_with_every_probe(void **state)
{
    struct endpoint *client = *state;
    uint64_t sent = 1;
    uint64_t acked = 0;
    unsigned i;

    client->settings.timeout = LUBDUB_SECOND;
    script_client_open(client);
    for (i = 0; i < 100; i++) {
        lubdub_duration round_trip = (600 + i * 7 % 20) * MS;

        endpoint_advance(client, round_trip);
        sent += frames_written(client, LUBDUB_FRAME_PROBE);
        while (acked < sent) {
            say_ack(client, ++acked);
        }
        endpoint_advance(client, LUBDUB_SECOND - round_trip);
        sent += frames_written(client, LUBDUB_FRAME_PROBE);
    }
    expect_state(client, UP);
    assert_in_range(sent, 101, 105); /* the first one teaches what is usual here */
}

/* What the server allows: twice the rate and a burst of 16, however often there is doubt. */
static void doubt_never_exceeds_what_the_server_allows(void **state)
{
    struct endpoint *client = *state;
    lubdub_time start;
    uint64_t next = 1;
    uint64_t sent = 1;
    unsigned i;

    client->path = LUBDUB_PATH_SILENT;
    client->settings.timeout = 10 * LUBDUB_SECOND;
    script_client_open(client);
    start = client->now;
    for (i = 0; i < 300; i++) {
        endpoint_advance(client, 700 * MS);
        sent += frames_written(client, LUBDUB_FRAME_PROBE);
        while (next <= sent) {
            say_ack(client, next++);
        }
        assert_true(sent <= 2 * ((client->now - start) / LUBDUB_SECOND) + 16);
    }
    expect_state(client, UP);
}

/* Quick answers were learned, and each outage of the path is doubted anew: it ends before a verdict and teaches
 * nothing. */
static void outages_in_a_row_do_not_exceed_what_the_server_allows(void **state)
{
    struct endpoint *client = *state;
    uint64_t next;
    uint64_t sent;
    uint64_t before;
    lubdub_time start;
    unsigned i;

    client->settings.timeout = 10 * LUBDUB_SECOND;
    script_client_open(client);
    before = sent = next = converse(client, 10, MS, 1);
    client->path = LUBDUB_PATH_SILENT;
    start = client->now;
    for (i = 0; i < 40; i++) {
        endpoint_advance(client, 900 * MS);
        sent += frames_written(client, LUBDUB_FRAME_PROBE);
        assert_true(sent - before <= 2 * ((client->now - start) / LUBDUB_SECOND) + 16);
        while (next <= sent) {
            say_ack(client, next++);
        }
    }
    expect_state(client, UP);
}

static void allowance_comes_back_after_a_changed_grant(void **state)
{
    struct endpoint *client = *state;
    uint64_t next;

    script_client_open(client);
    next = converse(client, 10, MS, 1);
    say_welcome(client, LUBDUB_FLAG_CHANGED, SCRIPT_SESSION_NUMBER, 1000, 3000);
    expect_event(client, GRANT_CHANGED);
    converse(client, 10, MS, next);
    endpoint_advance(client, 500 * MS);
    assert_in_range(frames_written(client, LUBDUB_FRAME_PROBE), 3, LUBDUB_DOUBT_QUESTIONS);
}

static void probes_that_wait_are_few(void **state)
{
    struct endpoint *client = *state;

    client->path = LUBDUB_PATH_SILENT;
    client->settings.timeout = 60 * LUBDUB_SECOND;
    script_client_open(client);
    endpoint_advance(client, 8 * LUBDUB_SECOND);
    assert_in_range(frames_written(client, LUBDUB_FRAME_PROBE), 8, 15); /* eight steady ones among them */
}

static void client_that_stays_is_up_again_with_the_late_ack(void **state)
{
    struct endpoint *client = *state;
    const struct lubdub_event *out;
    uint64_t next;

    client->settings.stays_connected = true;
    script_client_open(client);
    next = converse(client, 3, MS, 1);
    endpoint_advance(client, LUBDUB_SECOND - 1);
    out = expect_event(client, TIMED_OUT);
    assert_int_equal(out->cause, LUBDUB_CAUSE_HUNG);
    assert_int_equal(out->sequence, next);
    assert_true(out->adaptive >= FLOOR);
    expect_state(client, UP);
    expect_no_event(client); /* told once */
    say_ack(client, next);
    expect_event(client, LATE_ACK);
    expect_state(client, UP);
}

static void slow_answers_that_were_learned_are_waited_for(void **state)
{
    struct endpoint *client = *state;
    uint64_t next = 1;
    uint64_t sent = 1;
    unsigned i;

    client->settings.timeout = 10 * LUBDUB_SECOND;
    script_client_open(client);
    for (i = 0; i < 5; i++) {
        endpoint_advance(client, 600 * MS);
        sent += frames_written(client, LUBDUB_FRAME_PROBE);
        while (next <= sent) {
            say_ack(client, next++);
        }
        endpoint_advance(client, 400 * MS); /* the next one is sent */
        sent += frames_written(client, LUBDUB_FRAME_PROBE);
    }
    endpoint_advance(client, FLOOR + 4 * 600 * MS - 1);
    expect_state(client, UP);
    endpoint_advance(client, LUBDUB_SECOND);
    expect_state(client, CLOSED);
}

/* What it held back comes at once when the path is back, each with the round trip of the outage. */
static void burst_behind_an_outage_teaches_nothing(void **state)
{
    struct endpoint *client = *state;
    const struct lubdub_event *down;
    uint64_t next;
    uint64_t sent;

    client->settings.timeout = 5 * LUBDUB_SECOND;
    script_client_open(client);
    next = converse(client, 10, MS, 1);
    sent = next;
    client->path = LUBDUB_PATH_SILENT;
    endpoint_advance(client, 2600 * MS);
    client->path = LUBDUB_PATH_ACKNOWLEDGED;
    endpoint_advance(client, 300 * MS); /* a look or two before the answers */
    sent += frames_written(client, LUBDUB_FRAME_PROBE);
    assert_true(sent >= next + 3);
    while (next <= sent) {
        say_ack(client, next++);
        expect_event(client, ACKED);
    }
    endpoint_advance(client, 4 * LUBDUB_SECOND); /* and now it is frozen */
    down = expect_event(client, DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_HUNG);
    assert_in_range(down->adaptive, FLOOR, FLOOR + 200 * MS); /* four round trips come on top */
}

static void answers_in_the_last_quarter_of_the_timeout_are_counted(void **state)
{
    struct endpoint *client = *state;
    struct lubdub_probe_counts counts;

    client->settings.adapts = false;
    script_client_open(client);
    endpoint_advance(client, 2250 * MS);
    say_ack(client, 1);
    lubdub_session_probe_counts(&client->session, &counts);
    assert_int_equal(counts.narrow, 0);
    endpoint_advance(client, 1100 * MS);
    say_ack(client, 2); /* sent at 1 s */
    lubdub_session_probe_counts(&client->session, &counts);
    assert_int_equal(counts.narrow, 1);
}

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, setup_server, teardown)
#define CLIENT_TEST(name) cmocka_unit_test_setup_teardown(name, setup_client, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(frozen_client_is_hung_long_before_the_expiry),
        SERVER_TEST(silent_path_waits_for_the_whole_expiry),
        SERVER_TEST(client_that_said_only_hello_gets_the_whole_expiry),
        SERVER_TEST(unknown_path_is_no_evidence),
        SERVER_TEST(after_an_outage_the_client_gets_as_long_again),
        SERVER_TEST(client_that_talks_may_have_lost_a_message_before_its_probe),
        SERVER_TEST(late_session_is_challenged_at_once_and_then_at_a_pace),
        SERVER_TEST(ack_of_a_challenge_that_was_never_sent_is_a_protocol_error),
        SERVER_TEST(challenges_that_wait_are_few),
        SERVER_TEST(steady_session_sees_no_frame_more_than_without),
        SERVER_TEST(jitter_that_was_learned_is_not_late),
        SERVER_TEST(probes_half_an_interval_apart_are_punctual),
        SERVER_TEST(what_was_learned_is_as_long_under_a_new_grant),
        SERVER_TEST(pause_that_was_overcome_makes_the_next_one_be_borne),
        SERVER_TEST(outage_teaches_nothing),
        SERVER_TEST(fixed_expiry_that_is_shorter_than_the_floor_stays_what_it_is),
        SERVER_TEST(while_we_suspect_ourselves_only_the_expiry_counts),
        SERVER_TEST(short_absence_is_forgiven_to_the_doubt_and_not_to_the_expiry),
        SERVER_TEST(long_absence_is_forgiven_to_the_doubt_too),
        SERVER_TEST(long_round_trip_raises_the_floor),
        SERVER_TEST(a3_client_whose_frame_is_arriving_is_not_hung),
        SERVER_TEST(a3_client_that_stops_in_the_middle_of_a_frame_is_hung),
        SERVER_TEST(a14_client_whose_frame_is_arriving_expires_in_time_and_is_unreachable),
        SERVER_TEST(a14_client_that_stopped_in_the_middle_of_a_frame_is_hung_at_its_expiry),
        SERVER_TEST(a14_client_that_stopped_in_the_middle_of_a_frame_is_hung_at_a_short_expiry),
        CLIENT_TEST(a3_server_whose_frame_is_arriving_is_not_hung),
        CLIENT_TEST(a14_server_whose_frame_is_arriving_times_out_in_time_and_is_unreachable),
        CLIENT_TEST(a14_server_that_stopped_in_the_middle_of_a_frame_is_hung_at_the_timeout),
        CLIENT_TEST(frozen_server_is_hung_long_before_the_timeout),
        CLIENT_TEST(server_behind_a_silent_path_gets_the_whole_timeout),
        CLIENT_TEST(server_that_never_answered_gets_the_whole_timeout),
        CLIENT_TEST(overdue_ack_makes_it_probe_faster_and_the_grid_stays),
        CLIENT_TEST(steady_client_sends_no_probe_more_than_without),
        CLIENT_TEST(far_server_is_not_doubted_with_every_probe),
        CLIENT_TEST(doubt_never_exceeds_what_the_server_allows),
        CLIENT_TEST(outages_in_a_row_do_not_exceed_what_the_server_allows),
        CLIENT_TEST(allowance_comes_back_after_a_changed_grant),
        CLIENT_TEST(probes_that_wait_are_few),
        CLIENT_TEST(client_that_stays_is_up_again_with_the_late_ack),
        CLIENT_TEST(slow_answers_that_were_learned_are_waited_for),
        CLIENT_TEST(burst_behind_an_outage_teaches_nothing),
        CLIENT_TEST(answers_in_the_last_quarter_of_the_timeout_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
