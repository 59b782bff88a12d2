/* One session on one socket: reading before judging, writing what the kernel takes, closing once. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "endpoint.h"
#include "ev/container_of.h"
#include "ev/link.h"
#include "failing_malloc.h"
#include "patience.h"
#include "raw_client.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define EVENTS 256

struct fixture {
    struct ev_loop *loop;
    struct lubdub_link_group group;
    struct lubdub_session_settings settings;
    struct lubdub_grant grant;
    struct lubdub_link link;
    struct lubdub_link second;
    int listening;
    uint16_t port;
    struct raw_client client;
    struct raw_client other;

    struct lubdub_event events[EVENTS];
    lubdub_time event_times[EVENTS];
    size_t event_count;
    unsigned closed;
    unsigned rests;
    bool echoes;
    void (*inside)(struct fixture *fixture, struct lubdub_link *link, const struct lubdub_event *event);
};

static struct fixture *fixture_of(struct lubdub_link_group *group)
{
    return container_of(group, struct fixture, group);
}

static void on_event(struct lubdub_link *link, const struct lubdub_event *event, lubdub_time moment)
{
    struct fixture *fixture = fixture_of(lubdub_link_group(link));

    assert_true(fixture->event_count < EVENTS);
    fixture->event_times[fixture->event_count] = moment;
    fixture->events[fixture->event_count++] = *event;
    if (event->kind == LUBDUB_EVENT_HELLO) {
        assert_int_equal(lubdub_link_grant(link, &fixture->grant), LUBDUB_ERROR_OK);
    }
    if (event->kind == LUBDUB_EVENT_MESSAGE && fixture->echoes) {
        lubdub_link_send(link, event->content, event->length);
    }
    if (fixture->inside != NULL) {
        fixture->inside(fixture, link, event);
    }
}

static void on_closed(struct lubdub_link *link)
{
    struct fixture *fixture = fixture_of(lubdub_link_group(link));

    assert_int_equal(fcntl(link->io.fd, F_GETFD), -1); /* the socket is closed already */
    fixture->closed++;
    link->io.fd = -1;
}

static void on_rest(struct lubdub_link_group *group)
{
    assert_int_equal(group->step_count, 0);
    fixture_of(group)->rests++;
}

static void turn(void *user_data)
{
    endpoint_core_runs = true;
    ev_run(user_data, EVRUN_NOWAIT);
    endpoint_core_runs = false;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;

    *state = fixture;
    fixture->loop = ev_loop_new(EVFLAG_AUTO);
    lubdub_session_settings_init(&fixture->settings);
    fixture->grant = (struct lubdub_grant){.session_number = 7, .interval = LUBDUB_SECOND, .expiry = LUBDUB_MINUTE};
    assert_int_equal(lubdub_link_group_init(&fixture->group, fixture->loop), LUBDUB_ERROR_OK);
    fixture->group.settings = &fixture->settings;
    fixture->group.on_event = on_event;
    fixture->group.on_closed = on_closed;
    fixture->group.on_rest = on_rest;
    fixture->link.io.fd = fixture->second.io.fd = -1;
    fixture->client.socket = fixture->other.socket = -1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fixture->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fixture->listening, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fixture->listening, 8), 0);
    assert_int_equal(getsockname(fixture->listening, (struct sockaddr *)&address, &length), 0);
    fixture->port = ntohs(address.sin_port);
    raw_clients_turn(turn, fixture->loop);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->link.io.fd >= 0) {
        lubdub_link_abort(&fixture->link);
    }
    if (fixture->second.io.fd >= 0) {
        lubdub_link_abort(&fixture->second);
    }
    lubdub_link_group_clear(&fixture->group);
    if (fixture->client.socket >= 0) {
        raw_close(&fixture->client);
    }
    if (fixture->other.socket >= 0) {
        raw_close(&fixture->other);
    }
    close(fixture->listening);
    ev_loop_destroy(fixture->loop);
    raw_clients_turn(NULL, NULL);
    free(fixture);
    return 0;
}

/* The test's end connects, and the link gets the other end. */
static void join(struct fixture *fixture, struct lubdub_link *link, struct raw_client *client)
{
    int socket;

    raw_connect(client, fixture->port);
    socket = accept4(fixture->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(socket >= 0);
    memset(link, 0xa5, sizeof *link); /* the memory of an earlier one */
    assert_int_equal(lubdub_link_open(link, &fixture->group, socket, LUBDUB_ROLE_SERVER, NULL), LUBDUB_ERROR_OK);
}

static void join_up(struct fixture *fixture)
{
    join(fixture, &fixture->link, &fixture->client);
    raw_hello(&fixture->client, "a", 0, 0);
}

static size_t count(const struct fixture *fixture, enum lubdub_event_kind kind)
{
    size_t found = 0;
    size_t i;

    for (i = 0; i < fixture->event_count; i++) {
        found += fixture->events[i].kind == kind;
    }
    return found;
}

static const struct lubdub_event *expect(struct fixture *fixture, enum lubdub_event_kind kind)
{
    const lubdub_time until = now() + PATIENCE;
    size_t i;

    while (count(fixture, kind) == 0) {
        assert_true(now() < until);
        turn(fixture->loop);
        stay(MS / 2);
    }
    for (i = 0; fixture->events[i].kind != kind; i++) {
    }
    return &fixture->events[i];
}

static void run_until_closed(struct fixture *fixture, unsigned closed)
{
    const lubdub_time until = now() + PATIENCE;

    while (fixture->closed < closed) {
        assert_true(now() < until);
        turn(fixture->loop);
        stay(MS / 2);
    }
}

/* ---- reading and writing ---- */

static void bytes_may_come_one_by_one(void **state)
{
    struct fixture *fixture = *state;
    static struct raw_frame frame;
    struct wire_bytes bytes = {0};
    size_t i;

    fixture->echoes = true;
    join(fixture, &fixture->link, &fixture->client);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_HELLO, 0, 1, NULL, 0);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, 1, "slow", 4);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, 1, "and steady", 10);
    for (i = 0; i < bytes.length; i++) {
        raw_send(&fixture->client, bytes.data + i, 1);
        turn(fixture->loop);
    }
    wire_bytes_clear(&bytes);
    raw_expect_welcome(&fixture->client);
    raw_expect(&fixture->client, LUBDUB_FRAME_MESSAGE, 1, &frame);
    assert_memory_equal(frame.content, "slow", 4);
    raw_expect(&fixture->client, LUBDUB_FRAME_ACK, 1, &frame);
    assert_memory_equal(frame.content, "and steady", 10);
}

static void thousand_frames_in_one_segment_are_all_answered_in_order(void **state)
{
    struct fixture *fixture = *state;
    static struct raw_frame frame;
    struct wire_bytes bytes = {0};
    uint64_t i;

    fixture->grant.interval = MS; /* so that it is no flood */
    join_up(fixture);
    for (i = 1; i <= 1000; i++) {
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, i, &i, sizeof i);
    }
    raw_send(&fixture->client, bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
    for (i = 1; i <= 1000; i++) {
        raw_expect(&fixture->client, LUBDUB_FRAME_ACK, i, &frame);
        assert_memory_equal(frame.content, &i, sizeof i);
    }
}

/* By the quick way and by the step: the same bytes. */
static void frames_and_their_bytes_are_counted(void **state)
{
    struct fixture *fixture = *state;
    static struct raw_frame frame;
    struct lubdub_traffic traffic = {0};
    struct wire_bytes bytes = {0};
    uint64_t i;

    join_up(fixture);
    expect(fixture, LUBDUB_EVENT_HELLO);
    fixture->group.traffic = &traffic;
    for (i = 1; i <= 3; i++) { /* one alone, which is answered quickly, and then two at once */
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, i, "abc", 3);
        if (i != 2) {
            raw_send(&fixture->client, bytes.data, bytes.length);
            wire_bytes_drop(&bytes, bytes.length);
        }
        if (i == 1) {
            raw_expect(&fixture->client, LUBDUB_FRAME_ACK, 1, &frame);
        }
    }
    wire_bytes_clear(&bytes);
    raw_expect(&fixture->client, LUBDUB_FRAME_ACK, 2, &frame);
    raw_expect(&fixture->client, LUBDUB_FRAME_ACK, 3, &frame);
    assert_int_equal(traffic.frames_received[LUBDUB_FRAME_PROBE], 3);
    assert_int_equal(traffic.frames_sent[LUBDUB_FRAME_ACK], 3);
    assert_int_equal(traffic.bytes_received, 3 * (LUBDUB_HEADER_LENGTH + 3));
    assert_int_equal(traffic.bytes_sent, 3 * (LUBDUB_HEADER_LENGTH + 3));
    fixture->group.traffic = NULL;
}

/* While what it asked for waits to be written, more of it is not read; and when it reads again, it gets everything. */
static void peer_that_does_not_read_is_not_read_from(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t content[1024];
    static struct raw_frame frame;
    struct wire_bytes probe = {0};
    int socket;
    uint64_t sent = 0;
    uint64_t i;

    fixture->grant.interval = MS;
    raw_connect_narrow(&fixture->client, fixture->port, 4096);
    socket = accept4(fixture->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_int_equal(lubdub_link_open(&fixture->link, &fixture->group, socket, LUBDUB_ROLE_SERVER, NULL),
                     LUBDUB_ERROR_OK);
    raw_hello(&fixture->client, "a", 0, 0);
    while ((fixture->link.io.events & EV_READ) != 0) {
        assert_true(sent < 100000);
        wire_bytes_clear(&probe);
        wire_bytes_put_frame(&probe, LUBDUB_FRAME_PROBE, 0, ++sent, content, sizeof content);
        raw_send(&fixture->client, probe.data, probe.length);
        turn(fixture->loop);
    }
    wire_bytes_clear(&probe);
    assert_true((fixture->link.io.events & EV_WRITE) != 0);
    assert_true(lubdub_session_has_output(&fixture->link.session));
    for (i = 1; i <= sent; i++) {
        raw_expect(&fixture->client, LUBDUB_FRAME_ACK, i, &frame);
    }
    assert_int_equal(fixture->link.io.events & (EV_READ | EV_WRITE), EV_READ);
    assert_int_equal(count(fixture, LUBDUB_EVENT_DOWN), 0);
}

static void frames_before_the_end_of_file_are_answered(void **state)
{
    struct fixture *fixture = *state;
    static struct raw_frame frame;

    join_up(fixture);
    raw_probe(&fixture->client);
    raw_probe(&fixture->client);
    shutdown(fixture->client.socket, SHUT_WR);
    raw_expect(&fixture->client, LUBDUB_FRAME_ACK, 1, &frame);
    raw_expect(&fixture->client, LUBDUB_FRAME_ACK, 2, &frame);
    raw_expect_silent_end(&fixture->client);
    assert_int_equal(expect(fixture, LUBDUB_EVENT_DOWN)->cause, LUBDUB_CAUSE_CLOSED);
    assert_int_equal(fixture->closed, 1);
}

static void reset_is_told_from_an_end(void **state)
{
    struct fixture *fixture = *state;

    join_up(fixture);
    raw_reset(&fixture->client);
    assert_int_equal(expect(fixture, LUBDUB_EVENT_DOWN)->cause, LUBDUB_CAUSE_RESET);
    run_until_closed(fixture, 1);
}

/* ---- deadlines ---- */

/* The loop was held up for less than it would notice as an absence: what lies in the socket is read before the verdict.
 */
static void what_arrived_counts_before_the_deadline_does(void **state)
{
    struct fixture *fixture = *state;
    lubdub_time heard_at;
    int round;

    fixture->grant.interval = LUBDUB_SECOND;
    fixture->grant.expiry = 2 * LUBDUB_SECOND;
    join_up(fixture);
    for (round = 0; round < 2; round++) {
        raw_expect_life(&fixture->client);
        heard_at = now();
        while (now() < heard_at + 1800 * MS) {
            turn(fixture->loop);
            stay(MS);
        }
        raw_probe(&fixture->client);
        stay(300 * MS); /* the expiry passes; a quarter of it would be an absence */
    }
    raw_expect_life(&fixture->client);
    assert_int_equal(count(fixture, LUBDUB_EVENT_DOWN), 0);
}

static void silence_ends_at_the_expiry_and_not_before(void **state)
{
    struct fixture *fixture = *state;
    const struct lubdub_event *down;
    lubdub_time heard_at;

    fixture->grant.interval = 50 * MS;
    fixture->grant.expiry = 300 * MS;
    join_up(fixture);
    heard_at = now();
    raw_expect_life(&fixture->client);
    down = expect(fixture, LUBDUB_EVENT_DOWN);
    assert_int_equal(down->cause, LUBDUB_CAUSE_HUNG);
    assert_true(down->silent_for >= 300 * MS);
    assert_true(now() >= heard_at + 300 * MS);
    assert_true(fixture->event_times[fixture->event_count - 1] >= down->deadline);
    raw_expect_bye(&fixture->client, LUBDUB_REASON_EXPIRED);
    run_until_closed(fixture, 1);
}

/* The loop suspects itself by these numbers. */
static void expect_counted(const struct fixture *fixture, unsigned sessions, unsigned late)
{
    const struct lubdub_suspicion *suspicion = &fixture->group.reactor->suspicion;

    assert_int_equal(suspicion->session_count, sessions);
    assert_int_equal(suspicion->late_count, late);
}

static void sessions_count_from_their_first_answer_to_their_end_and_while_they_are_late(void **state)
{
    struct fixture *fixture = *state;
    const lubdub_time until = now() + PATIENCE;

    fixture->grant.interval = 50 * MS;
    fixture->grant.expiry = 20 * LUBDUB_SECOND;
    join_up(fixture);
    expect(fixture, LUBDUB_EVENT_HELLO);
    expect_counted(fixture, 0, 0);
    raw_expect_life(&fixture->client);
    expect_counted(fixture, 1, 0);
    expect(fixture, LUBDUB_EVENT_LATE);
    expect_counted(fixture, 1, 1);
    raw_expect_life(&fixture->client);
    expect(fixture, LUBDUB_EVENT_RECOVERED);
    expect_counted(fixture, 1, 0);
    while (count(fixture, LUBDUB_EVENT_LATE) < 2) {
        assert_true(now() < until);
        turn(fixture->loop);
    }
    expect_counted(fixture, 1, 1);
    raw_close(&fixture->client);
    fixture->client.socket = -1;
    run_until_closed(fixture, 1);
    expect_counted(fixture, 0, 0);
}

static void socket_that_cannot_be_watched_ends_its_link(void **state)
{
    struct fixture *fixture = *state;

    join_up(fixture);
    expect(fixture, LUBDUB_EVENT_HELLO);
    ev_feed_event(fixture->loop, &fixture->link.io, EV_ERROR | EV_READ | EV_WRITE); /* as libev does */
    run_until_closed(fixture, 1);
    assert_int_equal(expect(fixture, LUBDUB_EVENT_DOWN)->cause, LUBDUB_CAUSE_SHUTDOWN);
}

/* ---- leaving ---- */

static void leave_says_bye_waits_for_the_end_and_closes_once(void **state)
{
    struct fixture *fixture = *state;

    join_up(fixture);
    lubdub_link_leave(&fixture->link, LUBDUB_REASON_NORMAL, "done", false, 0);
    lubdub_link_leave(&fixture->link, LUBDUB_REASON_NORMAL, "done twice", false, 0);
    assert_int_equal(lubdub_link_send(&fixture->link, "x", 1), LUBDUB_ERROR_WRONG_STATE);
    raw_expect_bye(&fixture->client, LUBDUB_REASON_NORMAL);
    assert_int_equal(fixture->closed, 0);
    raw_close(&fixture->client);
    run_until_closed(fixture, 1);
    assert_int_equal(count(fixture, LUBDUB_EVENT_DOWN), 0);
}

static void who_does_not_close_is_closed_after_a_second(void **state)
{
    struct fixture *fixture = *state;
    lubdub_time left_at;

    join_up(fixture);
    left_at = now();
    lubdub_link_leave(&fixture->link, LUBDUB_REASON_NORMAL, NULL, false, 0);
    run_until_closed(fixture, 1);
    assert_true(now() >= left_at + LUBDUB_SECOND);
    assert_true(now() <= left_at + LUBDUB_SECOND + SLACK);
}

static void detached_socket_is_the_callers(void **state)
{
    struct fixture *fixture = *state;
    int socket;

    join_up(fixture);
    socket = lubdub_link_detach(&fixture->link);
    fixture->link.io.fd = -1;
    raw_probe(&fixture->client);
    turn(fixture->loop);
    stay(5 * MS);
    turn(fixture->loop);
    assert_int_equal(fixture->closed, 0);
    assert_true(fcntl(socket, F_GETFD) >= 0);
    close(socket);
    raw_expect_silent_end(&fixture->client);
}

/* ---- from inside ---- */

/* The first link's message goes to the second, and both are left from inside one callback. */
static void pass_on_and_leave(struct fixture *fixture, struct lubdub_link *link, const struct lubdub_event *event)
{
    if (event->kind == LUBDUB_EVENT_MESSAGE) {
        assert_int_equal(lubdub_link_send(&fixture->second, event->content, event->length), LUBDUB_ERROR_OK);
        assert_int_equal(lubdub_link_send(link, "to you", 6), LUBDUB_ERROR_OK);
        lubdub_link_leave(&fixture->second, LUBDUB_REASON_NORMAL, NULL, false, 0);
        lubdub_link_leave(link, LUBDUB_REASON_OVERLOADED, NULL, false, 0);
        assert_int_equal(fixture->closed, 0); /* closing is for the end of a step */
    }
}

static void links_are_used_from_inside_callbacks_of_others(void **state)
{
    struct fixture *fixture = *state;
    static struct raw_frame frame;

    join_up(fixture);
    join(fixture, &fixture->second, &fixture->other);
    raw_hello(&fixture->other, "b", 0, 0);
    fixture->inside = pass_on_and_leave;
    raw_message(&fixture->client, "to the other");
    raw_expect(&fixture->other, LUBDUB_FRAME_MESSAGE, 1, &frame);
    assert_memory_equal(frame.content, "to the other", 12);
    raw_expect_bye(&fixture->other, LUBDUB_REASON_NORMAL);
    raw_expect(&fixture->client, LUBDUB_FRAME_MESSAGE, 1, &frame);
    assert_memory_equal(frame.content, "to you", 6);
    raw_expect_bye(&fixture->client, LUBDUB_REASON_OVERLOADED);
    raw_close(&fixture->client);
    raw_close(&fixture->other);
    run_until_closed(fixture, 2);
    assert_int_equal(fixture->group.step_count, 0);
    assert_true(fixture->rests > 0);
}

/* A link of the same group that was told to end while a step of another runs is closed all the same, once. */
static void abort_the_other(struct fixture *fixture, struct lubdub_link *link, const struct lubdub_event *event)
{
    (void)link;
    if (event->kind == LUBDUB_EVENT_MESSAGE && fixture->second.io.fd >= 0) {
        lubdub_link_abort(&fixture->second);
        fixture->second.io.fd = -1;
    }
}

static void another_link_is_aborted_from_inside(void **state)
{
    struct fixture *fixture = *state;

    join_up(fixture);
    join(fixture, &fixture->second, &fixture->other);
    raw_hello(&fixture->other, "b", 0, 0);
    fixture->inside = abort_the_other;
    raw_message(&fixture->client, "x");
    raw_expect_silent_end(&fixture->other);
    raw_expect_life(&fixture->client);
    assert_int_equal(fixture->closed, 0);
}

/* ---- memory ---- */

/* Whatever allocation fails: one end at most, no more events after it, and the other link lives on. */
static void any_allocation_may_fail(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t content[900];
    size_t failing;
    bool came = true;

    fixture->echoes = true;
    fixture->grant.interval = 10 * MS;
    join(fixture, &fixture->second, &fixture->other);
    raw_hello(&fixture->other, "b", 0, 0);
    for (failing = 1; came; failing++) {
        struct wire_bytes bytes = {0};
        size_t sent;

        assert_true(failing < 400);
        fixture->event_count = 0;
        fixture->closed = 0;
        raw_connect_narrow(&fixture->client, fixture->port, 4096);
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_HELLO, 0, 1, NULL, 0);
        for (sent = 1; sent <= 15; sent++) {
            wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, sent, content, sizeof content);
            wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, sent, content, sizeof content);
        }
        assert_int_equal(lubdub_link_open(&fixture->link, &fixture->group,
                                          accept4(fixture->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC),
                                          LUBDUB_ROLE_SERVER, NULL),
                         LUBDUB_ERROR_OK);
        failing_malloc_begin(failing, false);
        for (sent = 0; sent < bytes.length; sent += 777) {
            size_t part = bytes.length - sent < 777 ? bytes.length - sent : 777;

            if (send(fixture->client.socket, bytes.data + sent, part, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
                break;
            }
            turn(fixture->loop);
        }
        came = failing_malloc_end();
        wire_bytes_clear(&bytes);
        assert_true(count(fixture, LUBDUB_EVENT_DOWN) <= 1);
        assert_true(count(fixture, LUBDUB_EVENT_DOWN) == fixture->closed || fixture->link.io.fd >= 0);
        raw_close(&fixture->client);
        if (fixture->link.io.fd >= 0) {
            lubdub_link_abort(&fixture->link);
            fixture->link.io.fd = -1;
        }
        raw_expect_life(&fixture->other);
    }
    assert_true(failing > 3);
}

/* As if many had been served before it in this turn. */
static void crowds(struct fixture *fixture, struct lubdub_link *link, const struct lubdub_event *event)
{
    (void)link, (void)event;
    fixture->group.reactor->serving.served = 2 * LUBDUB_CLOSED_PER_TURN;
}

/* One of thousands whose end of file comes in the same turn. Returns when its end was told. */
static void leave_in_a_crowd(struct fixture *fixture)
{
    const lubdub_time until = now() + PATIENCE;

    fixture->inside = crowds;
    join_up(fixture);
    expect(fixture, LUBDUB_EVENT_HELLO);
    assert_int_equal(shutdown(fixture->client.socket, SHUT_WR), 0);
    while (count(fixture, LUBDUB_EVENT_DOWN) == 0) {
        assert_true(now() < until);
        turn(fixture->loop);
    }
}

static void end_in_a_crowd_is_told_at_once_and_closed_in_a_later_turn(void **state)
{
    struct fixture *fixture = *state;
    uint8_t byte;

    leave_in_a_crowd(fixture);
    assert_int_equal(fixture->closed, 0);
    assert_int_not_equal(fcntl(fixture->link.io.fd, F_GETFD), -1);
    run_until_closed(fixture, 1);
    assert_int_equal(count(fixture, LUBDUB_EVENT_DOWN), 1);
    assert_int_equal(expect(fixture, LUBDUB_EVENT_DOWN)->cause, LUBDUB_CAUSE_CLOSED);
    while (recv(fixture->client.socket, &byte, 1, 0) > 0) { /* and WELCOME before it */
    }
}

static void link_that_waits_to_be_closed_may_be_aborted(void **state)
{
    struct fixture *fixture = *state;

    leave_in_a_crowd(fixture);
    lubdub_link_abort(&fixture->link);
    fixture->link.io.fd = -1;
    turn(fixture->loop);
    turn(fixture->loop);
    assert_int_equal(fixture->closed, 0);
    assert_int_equal(count(fixture, LUBDUB_EVENT_DOWN), 1);
}

static void link_that_waits_to_be_closed_takes_no_more_calls(void **state)
{
    struct fixture *fixture = *state;

    leave_in_a_crowd(fixture);
    assert_int_not_equal(lubdub_link_send(&fixture->link, "late", 4), LUBDUB_ERROR_OK);
    run_until_closed(fixture, 1);
    assert_int_equal(count(fixture, LUBDUB_EVENT_DOWN), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_may_come_one_by_one),
        TEST(thousand_frames_in_one_segment_are_all_answered_in_order),
        TEST(frames_and_their_bytes_are_counted),
        TEST(peer_that_does_not_read_is_not_read_from),
        TEST(end_in_a_crowd_is_told_at_once_and_closed_in_a_later_turn),
        TEST(link_that_waits_to_be_closed_may_be_aborted),
        TEST(link_that_waits_to_be_closed_takes_no_more_calls),
        TEST(frames_before_the_end_of_file_are_answered),
        TEST(reset_is_told_from_an_end),
        TEST(what_arrived_counts_before_the_deadline_does),
        TEST(silence_ends_at_the_expiry_and_not_before),
        TEST(sessions_count_from_their_first_answer_to_their_end_and_while_they_are_late),
        TEST(socket_that_cannot_be_watched_ends_its_link),
        TEST(leave_says_bye_waits_for_the_end_and_closes_once),
        TEST(who_does_not_close_is_closed_after_a_second),
        TEST(detached_socket_is_the_callers),
        TEST(links_are_used_from_inside_callbacks_of_others),
        TEST(another_link_is_aborted_from_inside),
        TEST(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
