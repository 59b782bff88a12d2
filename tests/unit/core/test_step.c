/*
 * A step on a stream: what it reads before it judges, what it writes last, when it arms and shuts, what it counts, and
 * what a call leaves to the step behind it.
 */
#include <stdlib.h>

#include <lubdub/step.h>

#include "core/session_challenge.h"
#include "support/event_log.h"
#include "support/test.h"
#include "support/wire_bytes.h"

#define MS LUBDUB_MILLISECOND
#define ENDLESS 1000000u /* reads */

/* A session, and a stream that does as the test says and notes what was asked of it. */
struct world {
    struct lubdub_session session;
    struct lubdub_session_settings settings;
    struct lubdub_traffic traffic;
    lubdub_time now;
    lubdub_time takes; /* the clock is so much later when it is read anew */
    struct wire_bytes unread;
    enum lubdub_cause end;       /* behind what is unread */
    unsigned empty_reads;        /* so many come to nothing and say that there may be more */
    size_t room;                 /* bytes that are still taken */
    enum lubdub_cause broken_by; /* the next write finds the stream over */
    bool answers_later;          /* HELLO, by a call of its own */

    unsigned reads;
    unsigned clock_reads;
    unsigned looks;
    unsigned shuts;
    unsigned writes;
    unsigned arms;
    size_t last; /* bytes that were written as the last ones */
    lubdub_time armed_for;
    struct wire_bytes written;
    struct event_log events;
    uint8_t input[512];
    uint8_t output[4096];
};

struct world_step {
    struct lubdub_step step;
    struct world *world;
};

static struct world *world_of(struct lubdub_step *step)
{
    return ((struct world_step *)(void *)step)->world;
}

static struct lubdub_transfer read_stream(struct lubdub_step *step)
{
    struct world *world = world_of(step);
    struct lubdub_transfer came = {.length = world->unread.length};

    world->reads++;
    if (world->empty_reads > 0) {
        world->empty_reads--;
        return (struct lubdub_transfer){.has_more = true};
    }
    if (came.length > sizeof world->input) {
        came.length = sizeof world->input;
        came.has_more = true;
    } else {
        came.end = world->end;
    }
    if (came.length > 0) {
        memcpy(world->input, world->unread.data, came.length);
        wire_bytes_drop(&world->unread, came.length);
    }
    return came;
}

static struct lubdub_transfer write_stream(struct lubdub_step *step, const uint8_t *bytes, size_t length, bool is_last)
{
    struct world *world = world_of(step);
    struct lubdub_transfer went = {.length = length < world->room ? length : world->room};

    world->writes++;
    if (world->broken_by != LUBDUB_CAUSE_NONE) {
        return (struct lubdub_transfer){.end = world->broken_by};
    }
    wire_bytes_put(&world->written, bytes, went.length);
    world->last += is_last ? went.length : 0;
    world->room -= went.length;
    return went;
}

static void shut_stream(struct lubdub_step *step)
{
    world_of(step)->shuts++;
}

static void look_at_stream(struct lubdub_step *step, struct lubdub_evidence *evidence)
{
    world_of(step)->looks++;
    evidence->is_known = true;
}

static lubdub_time read_clock(struct lubdub_step *step)
{
    world_of(step)->clock_reads++;
    return world_of(step)->now + world_of(step)->takes;
}

static void arm_timer(struct lubdub_step *step, lubdub_time deadline)
{
    world_of(step)->arms++;
    world_of(step)->armed_for = deadline;
}

static const struct lubdub_grant grant = {.session_number = 1, .interval = LUBDUB_SECOND, .expiry = 3 * LUBDUB_SECOND};

static void hear(struct lubdub_step *step, const struct lubdub_event *event)
{
    assert_false(step->is_call);
    event_log_add(&world_of(step)->events, event, step->turn.now);
    if (event->kind == LUBDUB_EVENT_HELLO && !world_of(step)->answers_later) {
        assert_int_equal(lubdub_session_grant(step->session, &step->turn, &grant), LUBDUB_ERROR_OK);
    }
}

static const struct lubdub_stream stream = {
    .read = read_stream,
    .write = write_stream,
    .shut = shut_stream,
    .look = look_at_stream,
    .now = read_clock,
    .arm = arm_timer,
    .tell = hear,
};

static void begin(struct world *world, struct world_step *at, bool is_call)
{
    at->world = world;
    at->step = (struct lubdub_step){
        .session = &world->session,
        .stream = &stream,
        .turn = {.now = world->now,
                 .settings = &world->settings,
                 .traffic = &world->traffic,
                 .output = world->output,
                 .output_capacity = sizeof world->output},
        .input = world->input,
        .input_capacity = sizeof world->input,
        .is_armed = world->armed_for != LUBDUB_TIME_NEVER,
        .is_call = is_call,
    };
}

static enum lubdub_step_end settle(struct world_step *at)
{
    return lubdub_step_settle(&at->step);
}

/* One read, as where the socket is ready. */
static enum lubdub_step_end take(struct world *world)
{
    struct world_step at;

    begin(world, &at, false);
    (void)lubdub_step_read(&at.step);
    return settle(&at);
}

/* The timer rings. */
static enum lubdub_step_end ring(struct world *world, lubdub_time now)
{
    struct world_step at;

    world->now = now;
    world->armed_for = LUBDUB_TIME_NEVER;
    begin(world, &at, false);
    lubdub_step_due(&at.step);
    return settle(&at);
}

static struct world *make_world(enum lubdub_role role)
{
    struct world *world = calloc(1, sizeof *world);
    struct world_step at;

    world->now = 1000 * LUBDUB_SECOND;
    world->room = SIZE_MAX;
    world->armed_for = LUBDUB_TIME_NEVER;
    lubdub_session_settings_init(&world->settings);
    begin(world, &at, true);
    assert_int_equal(lubdub_session_init(&world->session, role, &at.step.turn), LUBDUB_ERROR_OK);
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
    return world;
}

/* Comes up, at the same moment; then what happened so far is forgotten. */
static void come_up(struct world *world)
{
    unsigned type = world->session.role == LUBDUB_ROLE_SERVER ? LUBDUB_FRAME_HELLO : LUBDUB_FRAME_WELCOME;
    struct wire_bytes options = {0};

    wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, 1000);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, 3000);
    wire_bytes_put_frame(&world->unread, type, 0, 1, options.data, options.length);
    wire_bytes_clear(&options);
    assert_int_equal(take(world), LUBDUB_STEP_GOES_ON);
    assert_int_equal(lubdub_session_state(&world->session), LUBDUB_SESSION_UP);
    wire_bytes_drop(&world->written, world->written.length);
    event_log_clear(&world->events);
    memset(&world->traffic, 0, sizeof world->traffic);
    world->reads = world->clock_reads = world->looks = world->arms = world->shuts = world->writes = 0;
}

static int setup_server(void **state)
{
    *state = make_world(LUBDUB_ROLE_SERVER);
    return 0;
}

static int setup_client(void **state)
{
    *state = make_world(LUBDUB_ROLE_CLIENT);
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    lubdub_session_clear(&world->session);
    wire_bytes_clear(&world->unread);
    wire_bytes_clear(&world->written);
    event_log_clear(&world->events);
    free(world);
    return 0;
}

static const struct lubdub_event *only_event(struct world *world, enum lubdub_event_kind kind)
{
    assert_int_equal(world->events.count, 1);
    assert_int_equal(world->events.entries[0].event.kind, kind);
    return &world->events.entries[0].event;
}

static void put_probes(struct world *world, uint64_t first, uint64_t last)
{
    for (; first <= last; first++) {
        wire_bytes_put_frame(&world->unread, LUBDUB_FRAME_PROBE, 0, first, NULL, 0);
    }
}

/* ---- reading ---- */

static void probe_that_had_arrived_counts_before_the_deadline(void **state)
{
    struct world *world = *state;

    come_up(world);
    put_probes(world, 1, 1);
    assert_int_equal(ring(world, world->now + LUBDUB_HOUR), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->events.count, 0);
    assert_int_equal(world->written.length, LUBDUB_HEADER_LENGTH); /* its ACK */
    assert_int_equal(world->looks, 0);
}

/* Also where a read comes to nothing and says that there is more, as one of TLS may. */
static void all_reads_before_a_verdict_are_done_and_they_are_bounded(void **state)
{
    struct world *world = *state;

    come_up(world);
    world->empty_reads = 200;
    put_probes(world, 1, 1);
    assert_int_equal(ring(world, world->now + LUBDUB_HOUR), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->reads, 201);
    assert_int_equal(world->events.count, 0);

    world->empty_reads = ENDLESS;
    assert_int_equal(ring(world, world->now + LUBDUB_HOUR), LUBDUB_STEP_IS_OVER);
    assert_int_equal(world->reads, 201 + 256);
    (void)only_event(world, LUBDUB_EVENT_DOWN);
}

static void answers_go_out_between_the_reads_before_a_verdict(void **state)
{
    struct world *world = *state;

    come_up(world);
    put_probes(world, 1, 6);
    world->room = 6 * LUBDUB_HEADER_LENGTH;
    assert_int_equal(ring(world, world->now + 3 * LUBDUB_SECOND - 1), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->written.length, 6 * LUBDUB_HEADER_LENGTH);
    assert_false(lubdub_session_has_output(&world->session));
}

/* Each byte may add an answer to keep. */
static void client_whose_answers_wait_reads_so_much_before_a_verdict_and_no_more(void **state)
{
    struct world *world = *state;
    size_t left;

    come_up(world);
    world->room = 0;
    put_probes(world, 1, 17);
    (void)take(world);
    put_probes(world, 18, 6000);
    (void)take(world);
    left = world->unread.length;
    assert_int_equal(left, (6000 - 17) * LUBDUB_HEADER_LENGTH); /* it does not listen */
    assert_int_equal(ring(world, world->now + 3 * LUBDUB_SECOND), LUBDUB_STEP_IS_OVER);
    assert_int_equal(left - world->unread.length, 65536);
    (void)only_event(world, LUBDUB_EVENT_DOWN);
}

static void server_whose_output_waits_reads_nothing_before_a_verdict(void **state)
{
    struct world *world = *state;

    come_up(world);
    world->room = 0;
    put_probes(world, 1, 1);
    assert_int_equal(take(world), LUBDUB_STEP_GOES_ON);
    put_probes(world, 2, 2);
    world->reads = 0;
    assert_int_equal(ring(world, world->now + LUBDUB_HOUR), LUBDUB_STEP_IS_OVER);
    assert_int_equal(world->reads, 0);
}

static void step_of_a_closed_session_reads_nothing(void **state)
{
    struct world *world = *state;
    struct world_step at;

    come_up(world);
    world->end = LUBDUB_CAUSE_CLOSED;
    assert_int_equal(take(world), LUBDUB_STEP_IS_OVER);
    begin(world, &at, false);
    assert_false(lubdub_step_listens(&at.step));
    assert_false(lubdub_step_read(&at.step));
    assert_int_equal(world->reads, 1);
}

static void frames_and_bytes_are_counted_by_type(void **state)
{
    struct world *world = *state;

    come_up(world);
    put_probes(world, 1, 3);
    wire_bytes_put_frame(&world->unread, LUBDUB_FRAME_MESSAGE, 0, 1, "valve", 5);
    wire_bytes_put_frame(&world->unread, LUBDUB_FRAME_BYE, 0, LUBDUB_REASON_NORMAL, NULL, 0);
    (void)take(world);
    assert_int_equal(world->traffic.frames_received[LUBDUB_FRAME_PROBE], 3);
    assert_int_equal(world->traffic.frames_received[LUBDUB_FRAME_MESSAGE], 1);
    assert_int_equal(world->traffic.frames_received[LUBDUB_FRAME_BYE], 1);
    assert_int_equal(world->traffic.bytes_received, 5 * LUBDUB_HEADER_LENGTH + 5);
    assert_int_equal(world->traffic.frames_sent[LUBDUB_FRAME_ACK], 3);
    assert_int_equal(world->traffic.bytes_sent, 3 * LUBDUB_HEADER_LENGTH);
}

/* ---- input behind a HELLO that is answered later ---- */

static void put_hello(struct world *world)
{
    wire_bytes_put_frame(&world->unread, LUBDUB_FRAME_HELLO, 0, 1, NULL, 0);
}

/* The owner grants by a call, which tells nothing and reads nothing. */
static void answer(struct world *world)
{
    struct world_step at;

    begin(world, &at, true);
    assert_int_equal(lubdub_session_grant(&world->session, &at.step.turn, &grant), LUBDUB_ERROR_OK);
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
}

static void input_behind_hello_waits_for_the_answer_and_is_due_then(void **state)
{
    struct world *world = *state;

    world->answers_later = true;
    put_hello(world);
    put_probes(world, 1, 2);
    assert_int_equal(take(world), LUBDUB_STEP_GOES_ON);
    (void)only_event(world, LUBDUB_EVENT_HELLO);
    assert_int_equal(world->written.length, 0);

    answer(world);
    assert_true(world->armed_for <= world->now);
    assert_true(world->written.length > LUBDUB_HEADER_LENGTH); /* WELCOME with its options, and no ACK yet */
    assert_int_equal(world->written.data[3], LUBDUB_FRAME_WELCOME);
    wire_bytes_drop(&world->written, world->written.length);
    assert_int_equal(ring(world, world->now), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->written.length, 2 * LUBDUB_HEADER_LENGTH);
    assert_int_equal(world->written.data[3], LUBDUB_FRAME_ACK);
}

static void input_behind_hello_goes_ahead_of_what_comes_after_the_answer(void **state)
{
    struct world *world = *state;

    world->answers_later = true;
    put_hello(world);
    put_probes(world, 1, 2);
    assert_int_equal(take(world), LUBDUB_STEP_GOES_ON);
    answer(world);
    wire_bytes_drop(&world->written, world->written.length);
    put_probes(world, 3, 3);
    assert_int_equal(take(world), LUBDUB_STEP_GOES_ON); /* out of sequence else */
    assert_int_equal(world->written.length, 3 * LUBDUB_HEADER_LENGTH);
    (void)only_event(world, LUBDUB_EVENT_HELLO);
}

static void bye_behind_hello_is_told_where_the_stream_broke_meanwhile(void **state)
{
    struct world *world = *state;
    struct world_step at;

    world->answers_later = true;
    put_hello(world);
    wire_bytes_put_frame(&world->unread, LUBDUB_FRAME_BYE, 0, LUBDUB_REASON_NORMAL, NULL, 0);
    assert_int_equal(take(world), LUBDUB_STEP_GOES_ON);
    world->broken_by = LUBDUB_CAUSE_RESET;
    begin(world, &at, true);
    assert_int_equal(lubdub_session_grant(&world->session, &at.step.turn, &grant), LUBDUB_ERROR_OK);
    assert_int_equal(settle(&at), LUBDUB_STEP_IS_DUE);
    begin(world, &at, false);
    lubdub_step_break(&at.step, LUBDUB_CAUSE_RESET);
    assert_int_equal(settle(&at), LUBDUB_STEP_IS_OVER);
    assert_int_equal(world->events.count, 2);
    assert_int_equal(world->events.entries[1].event.kind, LUBDUB_EVENT_DOWN);
    assert_true(world->events.entries[1].event.has_reason);
}

/* ---- writing ---- */

static void timeout_runs_from_when_the_probe_is_handed_over(void **state)
{
    struct world *world = *state;
    struct lubdub_probe_counts counts;

    world->settings.timeout = 500 * MS;
    world->takes = 400 * MS; /* the steps of other sessions come first */
    come_up(world);
    world->takes = 0;
    (void)ring(world, world->now + 500 * MS);
    lubdub_session_probe_counts(&world->session, &counts);
    assert_int_equal(counts.timed_out, 0);
    (void)ring(world, world->now + 400 * MS);
    assert_int_equal(only_event(world, LUBDUB_EVENT_DOWN)->sequence, 1);
}

static void clock_is_read_again_only_where_a_client_writes(void **state)
{
    struct world *world = *state;

    come_up(world);
    put_probes(world, 1, 1);
    (void)take(world);
    assert_int_equal(world->clock_reads, world->session.role == LUBDUB_ROLE_CLIENT ? 1 : 0);
    (void)take(world);
    assert_int_equal(world->clock_reads, world->session.role == LUBDUB_ROLE_CLIENT ? 1 : 0);
}

static void all_that_waits_goes_in_the_step_in_which_room_came(void **state)
{
    struct world *world = *state;
    struct world_step at;

    come_up(world);
    world->room = 0;
    put_probes(world, 1, 1);
    (void)take(world);
    begin(world, &at, true);
    assert_int_equal(lubdub_session_send(&world->session, &at.step.turn, "valve", 5), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_session_send(&world->session, &at.step.turn, "pump", 4), LUBDUB_ERROR_OK);
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
    world->room = SIZE_MAX;
    begin(world, &at, false);
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
    assert_false(lubdub_session_has_output(&world->session));
    assert_int_equal(world->written.length, 3 * LUBDUB_HEADER_LENGTH + 9); /* an ACK and two messages */
}

/* So that a heartbeat waits behind no more than one. */
static void messages_go_to_the_kernel_one_by_one(void **state)
{
    struct world *world = *state;
    struct world_step at;
    unsigned i;

    come_up(world);
    begin(world, &at, true);
    for (i = 0; i < 3; i++) {
        assert_int_equal(lubdub_session_send(&world->session, &at.step.turn, "valve", 5), LUBDUB_ERROR_OK);
    }
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->writes, 3);
    assert_int_equal(world->written.length, 3 * (LUBDUB_HEADER_LENGTH + 5));
}

/* The kernel has taken the first message: the second one is alone in its turn, and needs no write of its own. */
static void message_goes_with_the_answers_before_it(void **state)
{
    struct world *world = *state;
    struct world_step at;
    struct wire_bytes probe = {0};

    come_up(world);
    wire_bytes_put_frame(&probe, LUBDUB_FRAME_PROBE, 0, 1, NULL, 0);
    begin(world, &at, false);
    assert_int_equal(lubdub_session_send(&world->session, &at.step.turn, "valve", 5), LUBDUB_ERROR_OK);
    assert_true(lubdub_step_flush(&at.step));
    assert_int_equal(world->writes, 1);
    lubdub_step_feed(&at.step, probe.data, probe.length);
    assert_int_equal(lubdub_session_send(&world->session, &at.step.turn, "pump", 4), LUBDUB_ERROR_OK);
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->writes, 2);
    assert_int_equal(world->written.length, 3 * LUBDUB_HEADER_LENGTH + 9);
    wire_bytes_clear(&probe);
}

static void only_the_last_bytes_of_a_closed_session_are_told_as_the_last(void **state)
{
    struct world *world = *state;

    come_up(world);
    put_probes(world, 1, 1);
    assert_int_equal(take(world), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->last, 0);
    assert_int_equal(world->shuts, 0);

    wire_bytes_drop(&world->written, world->written.length);
    assert_int_equal(ring(world, world->now + 2 * LUBDUB_SECOND), LUBDUB_STEP_GOES_ON); /* late, challenged */
    assert_int_equal(world->last, 0);
    wire_bytes_drop(&world->written, world->written.length);
    assert_int_equal(ring(world, world->now + 2 * LUBDUB_SECOND), LUBDUB_STEP_IS_OVER);
    assert_true(world->last > LUBDUB_HEADER_LENGTH); /* BYE with a text */
    assert_int_equal(world->last, world->written.length);
    assert_int_equal(world->shuts, 1);
}

static void session_that_leaves_shuts_when_bye_is_written_and_not_before(void **state)
{
    struct world *world = *state;
    struct world_step at;

    come_up(world);
    world->room = 3;
    begin(world, &at, true);
    lubdub_session_leave(&world->session, &at.step.turn, LUBDUB_REASON_NORMAL, NULL, false, 0);
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->shuts, 0);
    world->room = SIZE_MAX;
    begin(world, &at, false);
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->shuts, 1);
    assert_int_equal(world->written.length, LUBDUB_HEADER_LENGTH);
}

/* The kernel took the answers that had waited: the client read, and is not slow. */
static void room_that_came_counts_before_the_deadline(void **state)
{
    struct world *world = *state;

    come_up(world);
    world->room = 0;
    put_probes(world, 1, 1);
    assert_int_equal(take(world), LUBDUB_STEP_GOES_ON);
    assert_true(lubdub_session_has_output(&world->session));
    world->room = SIZE_MAX;
    put_probes(world, 2, 2);
    assert_int_equal(ring(world, world->now + LUBDUB_HOUR), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->events.count, 0);
    assert_int_equal(world->written.length, 2 * LUBDUB_HEADER_LENGTH);
    assert_int_equal(world->last, 0);
}

/* ---- the end of the stream ---- */

static void what_came_before_the_stream_broke_is_handled_first(void **state)
{
    struct world *world = *state;

    come_up(world);
    wire_bytes_put_frame(&world->unread, LUBDUB_FRAME_PROBE, 0, 1, NULL, 0);
    assert_int_equal(take(world), LUBDUB_STEP_GOES_ON);
    wire_bytes_put_frame(&world->unread, LUBDUB_FRAME_PROBE, 0, 2, NULL, 0);
    wire_bytes_put_frame(&world->unread, LUBDUB_FRAME_MESSAGE, 0, 1, NULL, 600); /* two reads and more */
    wire_bytes_put_frame(&world->unread, LUBDUB_FRAME_BYE, 0, LUBDUB_REASON_NORMAL, NULL, 0);
    world->broken_by = LUBDUB_CAUSE_RESET;
    assert_int_equal(take(world), LUBDUB_STEP_IS_OVER);
    assert_int_equal(world->events.count, 2);
    assert_int_equal(world->events.entries[0].event.kind, LUBDUB_EVENT_MESSAGE);
    assert_int_equal(world->events.entries[1].event.kind, LUBDUB_EVENT_DOWN);
    assert_int_equal(world->events.entries[1].event.cause, LUBDUB_CAUSE_BYE);
    assert_int_equal(world->written.length, LUBDUB_HEADER_LENGTH); /* the first ACK; nothing behind the end */
    assert_int_equal(world->shuts, 0);
}

static void end_that_a_call_finds_is_told_by_the_step_behind_it(void **state)
{
    struct world *world = *state;
    struct world_step at;

    come_up(world);
    world->broken_by = LUBDUB_CAUSE_UNREACHABLE;
    begin(world, &at, true);
    assert_int_equal(lubdub_session_send(&world->session, &at.step.turn, "valve", 5), LUBDUB_ERROR_OK);
    assert_int_equal(settle(&at), LUBDUB_STEP_IS_DUE);
    assert_int_equal(at.step.broken_by, LUBDUB_CAUSE_UNREACHABLE);
    assert_int_equal(world->events.count, 0);
    assert_int_equal(world->reads, 0);
    assert_int_equal(settle(&at), LUBDUB_STEP_IS_DUE); /* and nothing is written to it again */

    begin(world, &at, false);
    lubdub_step_break(&at.step, LUBDUB_CAUSE_UNREACHABLE);
    assert_int_equal(settle(&at), LUBDUB_STEP_IS_OVER);
    assert_int_equal(only_event(world, LUBDUB_EVENT_DOWN)->cause, LUBDUB_CAUSE_UNREACHABLE);
}

static void stream_that_ends_is_read_no_more(void **state)
{
    struct world *world = *state;
    struct world_step at;

    come_up(world);
    put_probes(world, 1, 1);
    world->end = LUBDUB_CAUSE_CLOSED;
    begin(world, &at, false);
    assert_false(lubdub_step_read(&at.step));
    assert_int_equal(settle(&at), LUBDUB_STEP_IS_OVER);
    assert_int_equal(world->reads, 1);
    assert_int_equal(only_event(world, LUBDUB_EVENT_DOWN)->cause, LUBDUB_CAUSE_CLOSED);
    assert_int_equal(world->arms, 0);
}

/* ---- deadlines ---- */

static void timer_is_set_where_none_is_and_where_the_deadline_comes_closer(void **state)
{
    struct world *world = *state;
    struct world_step at;

    come_up(world);
    put_probes(world, 1, 1);
    world->now += 100 * MS;
    assert_int_equal(take(world), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->arms, 0); /* it moved away; the timer rings early, once */

    world->armed_for = LUBDUB_TIME_NEVER;
    begin(world, &at, false);
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->arms, 1);
    assert_true(world->armed_for == lubdub_session_deadline(&world->session, &world->settings));

    begin(world, &at, true);
    lubdub_session_leave(&world->session, &at.step.turn, LUBDUB_REASON_NORMAL, NULL, false, 0);
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->arms, 2);
    assert_true(world->armed_for == world->now + LUBDUB_SECOND);
}

static void first_probe_goes_in_the_step_that_welcome_came_in(void **state)
{
    struct world *world = *state;
    struct wire_bytes options = {0};
    struct lubdub_probe_counts counts;

    wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, 1000);
    wire_bytes_put_frame(&world->unread, LUBDUB_FRAME_WELCOME, 0, 1, options.data, options.length);
    wire_bytes_clear(&options);
    wire_bytes_drop(&world->written, world->written.length);
    assert_int_equal(take(world), LUBDUB_STEP_GOES_ON);
    lubdub_session_probe_counts(&world->session, &counts);
    assert_int_equal(counts.sent, 1);
    assert_int_equal(world->written.length, LUBDUB_HEADER_LENGTH);
    assert_true(world->armed_for == lubdub_session_deadline(&world->session, &world->settings));
    assert_true(world->armed_for > world->now);
}

static void path_is_looked_at_before_a_verdict_and_only_then(void **state)
{
    struct world *world = *state;

    come_up(world);
    (void)ring(world, world->now + 1600 * MS);
    (void)only_event(world, LUBDUB_EVENT_LATE);
    assert_int_equal(world->looks, 0);
    event_log_clear(&world->events);
    assert_int_equal(ring(world, world->now + 2 * LUBDUB_SECOND), LUBDUB_STEP_IS_OVER);
    assert_int_equal(world->looks, 1);
    (void)only_event(world, LUBDUB_EVENT_DOWN);
}

static void path_is_looked_at_before_a_handshake_is_given_up(void **state)
{
    struct world *world = *state;

    assert_int_equal(ring(world, world->now + world->settings.handshake_timeout - 1), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->looks, 0);
    (void)ring(world, world->now + 1);
    assert_int_equal(world->looks, 1);
    (void)only_event(world, LUBDUB_EVENT_DOWN);
}

static void call_that_ends_a_session_leaves_the_telling_to_the_step_behind_it(void **state)
{
    struct world *world = *state;
    struct world_step at;

    come_up(world);
    begin(world, &at, true);
    lubdub_session_leave(&world->session, &at.step.turn, LUBDUB_REASON_EXPIRED, NULL, false, 0);
    assert_int_equal(settle(&at), LUBDUB_STEP_IS_DUE);
    assert_int_equal(world->last, LUBDUB_HEADER_LENGTH);
    assert_int_equal(world->shuts, 1);
    begin(world, &at, false);
    lubdub_step_due(&at.step);
    assert_int_equal(settle(&at), LUBDUB_STEP_IS_OVER);
    assert_int_equal(world->events.count, 0); /* the owner itself ended it */
}

static void server_tells_its_health_by_a_challenge_at_once(void **state)
{
    struct world *world = *state;
    struct world_step at;

    come_up(world);
    begin(world, &at, true);
    lubdub_session_tell_health(&world->session, &at.step.turn, LUBDUB_HEALTH_CRITICAL);
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->traffic.frames_sent[LUBDUB_FRAME_PROBE], 1);
    assert_int_equal(world->written.data[5], LUBDUB_HEALTH_CRITICAL);
}

static void client_tells_its_health_with_its_next_probe(void **state)
{
    struct world *world = *state;
    struct world_step at;

    come_up(world);
    begin(world, &at, true);
    lubdub_session_tell_health(&world->session, &at.step.turn, LUBDUB_HEALTH_WARNING);
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->written.length, 0);
    (void)ring(world, world->now + LUBDUB_SECOND);
    assert_int_equal(world->written.data[3], LUBDUB_FRAME_PROBE);
    assert_int_equal(world->written.data[5], LUBDUB_HEALTH_WARNING);
}

/* A second question says no more than the first, as long as that waits for its answer. */
static void server_asks_once_at_a_time_and_a_client_not_at_all(void **state)
{
    struct world *world = *state;
    struct world_step at;
    bool is_server = world->session.role == LUBDUB_ROLE_SERVER;

    begin(world, &at, true);
    assert_false(lubdub_session_ask(&world->session, &at.step.turn)); /* not up yet */
    (void)settle(&at);
    come_up(world);
    begin(world, &at, true);
    assert_true(lubdub_session_ask(&world->session, &at.step.turn) == is_server);
    assert_false(lubdub_session_ask(&world->session, &at.step.turn));
    assert_int_equal(settle(&at), LUBDUB_STEP_GOES_ON);
    assert_int_equal(world->traffic.frames_sent[LUBDUB_FRAME_PROBE], is_server ? 1 : 0);
}

static void last_bytes_that_a_call_could_not_write_are_tried_again_before_the_stream_is_shut(void **state)
{
    struct world *world = *state;
    struct world_step at;

    come_up(world);
    world->room = 5;
    begin(world, &at, true);
    lubdub_session_leave(&world->session, &at.step.turn, LUBDUB_REASON_EXPIRED, NULL, false, 0);
    assert_int_equal(settle(&at), LUBDUB_STEP_IS_DUE);
    assert_int_equal(world->shuts, 0);
    world->room = SIZE_MAX;
    begin(world, &at, false);
    lubdub_step_due(&at.step);
    assert_int_equal(settle(&at), LUBDUB_STEP_IS_OVER);
    assert_int_equal(world->written.length, LUBDUB_HEADER_LENGTH);
}

#define SERVER(name) cmocka_unit_test_setup_teardown(name, setup_server, teardown)
#define CLIENT(name) cmocka_unit_test_setup_teardown(name, setup_client, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER(probe_that_had_arrived_counts_before_the_deadline),
        SERVER(all_reads_before_a_verdict_are_done_and_they_are_bounded),
        SERVER(answers_go_out_between_the_reads_before_a_verdict),
        CLIENT(client_whose_answers_wait_reads_so_much_before_a_verdict_and_no_more),
        SERVER(server_whose_output_waits_reads_nothing_before_a_verdict),
        SERVER(step_of_a_closed_session_reads_nothing),
        SERVER(frames_and_bytes_are_counted_by_type),
        SERVER(input_behind_hello_waits_for_the_answer_and_is_due_then),
        SERVER(input_behind_hello_goes_ahead_of_what_comes_after_the_answer),
        SERVER(bye_behind_hello_is_told_where_the_stream_broke_meanwhile),
        CLIENT(timeout_runs_from_when_the_probe_is_handed_over),
        SERVER(clock_is_read_again_only_where_a_client_writes),
        CLIENT(clock_is_read_again_only_where_a_client_writes),
        SERVER(all_that_waits_goes_in_the_step_in_which_room_came),
        SERVER(messages_go_to_the_kernel_one_by_one),
        SERVER(message_goes_with_the_answers_before_it),
        SERVER(only_the_last_bytes_of_a_closed_session_are_told_as_the_last),
        SERVER(session_that_leaves_shuts_when_bye_is_written_and_not_before),
        SERVER(room_that_came_counts_before_the_deadline),
        SERVER(what_came_before_the_stream_broke_is_handled_first),
        SERVER(end_that_a_call_finds_is_told_by_the_step_behind_it),
        SERVER(stream_that_ends_is_read_no_more),
        SERVER(timer_is_set_where_none_is_and_where_the_deadline_comes_closer),
        CLIENT(first_probe_goes_in_the_step_that_welcome_came_in),
        SERVER(path_is_looked_at_before_a_verdict_and_only_then),
        SERVER(path_is_looked_at_before_a_handshake_is_given_up),
        CLIENT(path_is_looked_at_before_a_handshake_is_given_up),
        SERVER(call_that_ends_a_session_leaves_the_telling_to_the_step_behind_it),
        SERVER(server_tells_its_health_by_a_challenge_at_once),
        CLIENT(client_tells_its_health_with_its_next_probe),
        SERVER(server_asks_once_at_a_time_and_a_client_not_at_all),
        CLIENT(server_asks_once_at_a_time_and_a_client_not_at_all),
        SERVER(last_bytes_that_a_call_could_not_write_are_tried_again_before_the_stream_is_shut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
