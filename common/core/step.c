/* Moves bytes between a stream and a session, in steps. */
#include <lubdub/step.h>

#include <assert.h>

#include "core/session_server.h"
#include "core/session_shared.h"

/* As in session_settings.c. */
static_assert(sizeof(void *) != 8 || sizeof(struct lubdub_step) == 184, "the size of a step stays");
static_assert(sizeof(void *) != 8 || sizeof(struct lubdub_stream) == 88, "the size of a stream stays");

/* Limits the reads before a verdict: all bytes that had arrived are read, but no peer keeps us here for ever. */
#define READS_BEFORE_VERDICT 256

/* A client with waiting answers reads no more bytes than this: each adds an answer to keep, and memory is bounded. */
#define UNHEARD_LIMIT 65536

/* ---- reading ---- */

bool lubdub_step_listens(const struct lubdub_step *step)
{
    return lubdub_session_state(step->session) != LUBDUB_SESSION_CLOSED && lubdub_session_wants_input(step->session);
}

static void feed(struct lubdub_step *step, const uint8_t *input, size_t length)
{
    struct lubdub_event event;

    for (;;) {
        size_t taken;

        if (lubdub_session_state(step->session) == LUBDUB_SESSION_ASKED) {
            lubdub_session_hold(step->session, input, length, step->turn.now); /* the owner answers later */
            return;
        }
        taken = lubdub_session_receive(step->session, &step->turn, input, length, &event);
        if (event.kind == LUBDUB_EVENT_NONE) {
            return;
        }
        input += taken;
        length -= taken;
        step->stream->tell(step, &event);
    }
}

/* Handles input that came before HELLO was answered, ahead of new input. */
static void feed_held(struct lubdub_step *step)
{
    if (lubdub_session_has_held(step->session)) {
        static const uint8_t nothing[1];
        struct lubdub_partial held = lubdub_session_take_held(step->session);

        feed(step, held.length > 0 ? held.bytes : nothing, held.length);
        lubdub_partial_clear(&held);
    }
}

void lubdub_step_feed(struct lubdub_step *step, const uint8_t *input, size_t length)
{
    feed_held(step);
    feed(step, input, length);
}

static void end_input(struct lubdub_step *step, enum lubdub_cause how)
{
    struct lubdub_event event;

    lubdub_session_receive_end(step->session, &step->turn, how, &event);
    if (event.kind != LUBDUB_EVENT_NONE) {
        step->stream->tell(step, &event);
    }
}

bool lubdub_step_take(struct lubdub_step *step, struct lubdub_transfer came)
{
    feed_held(step);
    if (came.length > 0) {
        feed(step, step->input, came.length);
    }
    if (came.end != LUBDUB_CAUSE_NONE) {
        end_input(step, came.end);
        return false;
    }
    return came.has_more;
}

bool lubdub_step_read(struct lubdub_step *step)
{
    return lubdub_step_listens(step) && lubdub_step_take(step, step->stream->read(step));
}

/* Before it judges, a client reads although it does not listen (too many answers wait): an ACK may lie there. */
static bool reads_before_verdict(const struct lubdub_step *step)
{
    return step->session->role == LUBDUB_ROLE_CLIENT && lubdub_session_state(step->session) < LUBDUB_SESSION_LEAVING &&
           lubdub_session_verdict_is_due(step->session, step->turn.settings, step->turn.now);
}

static void read_all(struct lubdub_step *step)
{
    size_t unheard = 0;
    unsigned reads;

    for (reads = 0; reads < READS_BEFORE_VERDICT && lubdub_step_read(step); reads++) {
        lubdub_step_flush(step); /* the answers make room for the next input */
    }
    while (unheard < UNHEARD_LIMIT && !lubdub_step_listens(step) && reads_before_verdict(step)) {
        struct lubdub_transfer came = step->stream->read(step);

        unheard += came.length;
        if (!lubdub_step_take(step, came)) {
            break;
        }
    }
}

/* ---- writing ---- */

/* A server did not read while its output waited: what piled up is read now, and is not too much. */
static void forgive_pile_behind_output(const struct lubdub_step *step)
{
    struct lubdub_session *session = step->session;

    if (session->role == LUBDUB_ROLE_SERVER && lubdub_session_state(session) == LUBDUB_SESSION_UP &&
        lubdub_session_has_waiting_output(session)) {
        lubdub_server_forgive_piles(session, lubdub_time_between(session->extra->outbox.waits_since, step->turn.now));
    }
}

/*
 * What the peer sent before the stream broke. A kernel tells an error once; the end of file after it says nothing.
 */
static void read_rest(struct lubdub_step *step)
{
    struct lubdub_transfer came = {0};

    feed_held(step);
    forgive_pile_behind_output(step);
    do {
        step->turn.output_sent = step->turn.output_length; /* the answers cannot arrive any more */
        came.length = 0;
        if (lubdub_session_state(step->session) < LUBDUB_SESSION_LEAVING) {
            came = step->stream->read(step); /* also where output waits: a BYE may lie there */
        }
        if (came.length > 0) {
            lubdub_step_feed(step, step->input, came.length);
        }
    } while (came.length > 0);
}

void lubdub_step_break(struct lubdub_step *step, enum lubdub_cause how)
{
    if (step->is_call) {
        step->broken_by = how;
    } else {
        read_rest(step);
        end_input(step, how);
    }
    step->turn.output_length = step->turn.output_sent = 0;
}

/* After the session has closed, only its last bytes are written; the end of the stream follows them. */
static bool write_output(struct lubdub_step *step, bool is_last)
{
    struct lubdub_session *session = step->session;
    const uint8_t *output;
    size_t length;

    /* A probe's timer starts when it is handed over, however late we come to it. */
    if (session->role == LUBDUB_ROLE_CLIENT && step->turn.output_length > 0) {
        step->turn.now = step->stream->now(step);
    }
    while ((output = lubdub_session_output(session, &step->turn, &length)) != NULL) {
        struct lubdub_transfer went = step->stream->write(step, output, length, is_last);

        if (went.end != LUBDUB_CAUSE_NONE) {
            lubdub_step_break(step, went.end);
            return false;
        }
        if (went.length > 0) {
            lubdub_session_sent(session, &step->turn, went.length);
        }
        if (went.length < length) {
            break;
        }
    }
    (void)lubdub_session_end_turn(session, &step->turn); /* without memory the session closes, and a tick says so */
    return true;
}

bool lubdub_step_flush(struct lubdub_step *step)
{
    return write_output(step, false);
}

/* ---- deadlines ---- */

void lubdub_step_tick(struct lubdub_step *step)
{
    struct lubdub_event event;

    if (lubdub_session_verdict_is_due(step->session, step->turn.settings, step->turn.now)) {
        struct lubdub_evidence evidence = {0};

        step->stream->look(step, &evidence);
        lubdub_session_take_evidence(step->session, &step->turn, &evidence);
    }
    do {
        lubdub_session_tick(step->session, &step->turn, &event);
        if (event.kind != LUBDUB_EVENT_NONE) {
            step->stream->tell(step, &event);
        }
    } while (event.kind != LUBDUB_EVENT_NONE);
}

void lubdub_step_due(struct lubdub_step *step)
{
    feed_held(step);
    read_all(step);
    if (lubdub_session_has_output(step->session)) {
        bool listened = lubdub_step_listens(step);

        lubdub_step_flush(step); /* the peer may have read by now: that counts before the deadline, too, */
        if (!listened && lubdub_step_listens(step)) {
            read_all(step); /* and so does what it sent while we did not listen */
        }
    }
    if (lubdub_session_deadline(step->session, step->turn.settings) <= step->turn.now) {
        lubdub_step_tick(step);
    }
}

/* A step may have made something due at once: the first probe after WELCOME. Then sees to the timer. */
static void mind_deadline(struct lubdub_step *step)
{
    struct lubdub_session *session = step->session;
    const struct lubdub_session_settings *settings = step->turn.settings;
    lubdub_time deadline;

    if (!lubdub_session_take_closer_deadline(session) && step->is_armed) {
        return;
    }
    deadline = lubdub_session_deadline(session, settings);
    if (!step->is_call && deadline <= step->turn.now &&
        !lubdub_session_verdict_is_due(session, settings, step->turn.now)) {
        lubdub_step_tick(step);
        lubdub_step_flush(step);
        (void)lubdub_session_take_closer_deadline(session);
        deadline = lubdub_session_deadline(session, settings);
    }
    step->is_armed = true;
    step->stream->arm(step, deadline);
}

/* ---- the one tail of every step ---- */

static bool is_closed(const struct lubdub_step *step)
{
    return lubdub_session_state(step->session) == LUBDUB_SESSION_CLOSED;
}

enum lubdub_step_end lubdub_step_settle(struct lubdub_step *step)
{
    size_t length;
    bool is_last = is_closed(step) && lubdub_session_output(step->session, &step->turn, &length) != NULL;

    if (step->broken_by != LUBDUB_CAUSE_NONE) {
        return LUBDUB_STEP_IS_DUE; /* in a call, or before it */
    }
    if (write_output(step, is_last) && !is_closed(step)) {
        mind_deadline(step);
    }
    if (step->broken_by != LUBDUB_CAUSE_NONE) {
        return LUBDUB_STEP_IS_DUE;
    }
    if (is_closed(step)) {
        bool is_tried_again = step->is_call && lubdub_session_output(step->session, &step->turn, &length) != NULL;

        if (!step->is_call) {
            lubdub_step_tick(step); /* an end for want of memory is told here */
        }
        if (is_last && !is_tried_again) {
            step->stream->shut(step); /* not left to a close(), which sends an RST where bytes lie unread */
        }
        return step->is_call ? LUBDUB_STEP_IS_DUE : LUBDUB_STEP_IS_OVER;
    }
    if (lubdub_session_state(step->session) == LUBDUB_SESSION_LEAVING && !lubdub_session_has_output(step->session)) {
        step->stream->shut(step);
    }
    return LUBDUB_STEP_GOES_ON;
}
