/* Keeps a session's memory, writes its frames, and ends it: the same work for both roles. */
#include "core/session_shared.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/shared_field.h"
#include "core/traffic.h"
#include "core/utf8.h"

/* ---- state ---- */

void lubdub_session_enter(struct lubdub_session *session, enum lubdub_session_state state, lubdub_time now)
{
    session->state = (uint8_t)state & 7u;
    session->has_closer_deadline = true;
    if (state == LUBDUB_SESSION_LEAVING) {
        LUBDUB_FIELD_WRITE(session->heard_at, now);
    }
}

void lubdub_session_lose(struct lubdub_session *session, lubdub_time now)
{
    if (session->state < LUBDUB_SESSION_LEAVING) {
        session->owes_end = true;
    }
    lubdub_session_enter(session, LUBDUB_SESSION_CLOSED, now);
}

/* ---- memory ---- */

struct lubdub_session_extra *lubdub_session_need_extra(struct lubdub_session *session)
{
    if (session->extra == NULL) {
        session->extra = calloc(1, sizeof *session->extra);
    }
    return session->extra;
}

void lubdub_session_release_extra(struct lubdub_session *session)
{
    struct lubdub_session_extra *extra = session->extra;

    if (extra != NULL && extra->partial.bytes == NULL && extra->held.bytes == NULL &&
        lubdub_outbox_is_empty(&extra->outbox) && extra->messages_sent == 0 && extra->messages_received == 0 &&
        extra->old_interval_ms == 0 && extra->regrant_challenge == 0 && !extra->has_peer_max_content &&
        extra->wanted_room == 0 && extra->messages.used_to == 0 && extra->contents == NULL &&
        !(session->role == LUBDUB_ROLE_SERVER && session->challenges_waiting > 0) &&
        !lubdub_doubt_is_there(&extra->doubt)) {
        free(extra);
        session->extra = NULL;
    }
}

void lubdub_session_clear(struct lubdub_session *session)
{
    if (session->extra != NULL) {
        lubdub_partial_clear(&session->extra->partial);
        lubdub_partial_clear(&session->extra->held);
        lubdub_outbox_clear(&session->extra->outbox);
        lubdub_probe_content_clear(&session->extra->contents);
        free(session->extra);
        session->extra = NULL;
    }
    if (session->role == LUBDUB_ROLE_CLIENT && session->of.prober != NULL) {
        lubdub_probes_clear(&session->of.prober->probes);
        free(session->of.prober);
        session->of.prober = NULL;
    }
    session->state = LUBDUB_SESSION_CLOSED;
}

/* ---- input that waits for the answer to HELLO ---- */

void lubdub_session_hold(struct lubdub_session *session, const uint8_t *input, size_t length, lubdub_time now)
{
    if (length > 0 &&
        (lubdub_session_need_extra(session) == NULL || !lubdub_partial_append(&session->extra->held, input, length))) {
        lubdub_session_lose(session, now);
    }
}

/* The first frame of an anonymous client, where it came in pieces: it stays with the session until it is granted. */
static bool keeps_whole_frame(const struct lubdub_session_extra *extra)
{
    return !extra->partial_is_used && lubdub_partial_missing(&extra->partial) == 0;
}

bool lubdub_session_has_held(const struct lubdub_session *session)
{
    return session->extra != NULL && session->state != LUBDUB_SESSION_ASKED &&
           (session->extra->held.length > 0 || keeps_whole_frame(session->extra));
}

struct lubdub_partial lubdub_session_take_held(struct lubdub_session *session)
{
    struct lubdub_partial held = session->extra->held;

    session->extra->held = (struct lubdub_partial){0};
    return held;
}

/* ---- output ---- */

void lubdub_session_probe_handed_over(struct lubdub_session *session, lubdub_time now)
{
    if (session->role == LUBDUB_ROLE_CLIENT && session->of.prober != NULL) {
        lubdub_probes_handed_over(&session->of.prober->probes, now);
        session->has_closer_deadline = true; /* its timeout may be shorter than the interval */
    }
}

static void empty(struct lubdub_turn *turn)
{
    turn->output_length = turn->output_sent = 0;
    turn->has_message = false;
}

enum lubdub_error lubdub_session_end_turn(struct lubdub_session *session, struct lubdub_turn *turn)
{
    const uint8_t *frames = turn->output;
    size_t left = turn->output_length;
    size_t cut = turn->output_sent;

    if (left == cut) {
        empty(turn);
        return LUBDUB_ERROR_OK;
    }
    /* Frames that went wholly are passed over; the one in the middle of which the kernel stopped is cut. */
    for (;;) {
        struct lubdub_frame frame;
        size_t size = 0;

        lubdub_frame_decode(&frame, frames, left, LUBDUB_CONTENT_LIMIT, &size);
        assert(size > 0);
        if (size > cut) {
            break;
        }
        if (frame.type == LUBDUB_FRAME_PROBE) {
            lubdub_session_probe_handed_over(session, turn->now);
        }
        frames += size;
        left -= size;
        cut -= size;
    }
    if (lubdub_session_need_extra(session) == NULL ||
        !lubdub_outbox_append(&session->extra->outbox, frames, left, cut, turn->now)) {
        lubdub_session_lose(session, turn->now);
        empty(turn);
        return LUBDUB_ERROR_NO_MEMORY;
    }
    if (session->state >= LUBDUB_SESSION_LEAVING) {
        lubdub_outbox_drop_messages(&session->extra->outbox); /* those of this turn, too, which BYE has overtaken */
    }
    empty(turn);
    session->has_closer_deadline = true; /* from now on it may turn out a slow reader */
    return LUBDUB_ERROR_OK;
}

/* Keeps a frame that finds no room in the turn, or waits behind others. */
static bool put_in_outbox(struct lubdub_session *session, struct lubdub_turn *turn, const struct lubdub_frame *frame)
{
    uint8_t *bytes;
    size_t size = LUBDUB_HEADER_LENGTH + (size_t)frame->length;
    bool is_kept;

    if (lubdub_session_end_turn(session, turn) != LUBDUB_ERROR_OK || lubdub_session_need_extra(session) == NULL) {
        return false;
    }
    bytes = malloc(size);
    if (bytes == NULL) {
        return false;
    }
    lubdub_frame_encode(bytes, size, frame);
    is_kept = lubdub_outbox_append(&session->extra->outbox, bytes, size, 0, turn->now);
    free(bytes);
    session->has_closer_deadline = true;
    return is_kept;
}

void lubdub_session_put(struct lubdub_session *session, struct lubdub_turn *turn, const struct lubdub_frame *frame)
{
    size_t size = 0;

    lubdub_traffic_add_sent(turn->traffic, frame->type, frame->length);
    if (!lubdub_session_has_waiting_output(session)) {
        size =
            lubdub_frame_encode(turn->output + turn->output_length, turn->output_capacity - turn->output_length, frame);
    }
    turn->output_length += size;
    if (size == 0 && !put_in_outbox(session, turn, frame)) {
        lubdub_session_lose(session, turn->now);
    }
}

void lubdub_session_put_message(struct lubdub_session *session, struct lubdub_turn *turn,
                                const struct lubdub_frame *message)
{
    if (turn->has_message) {
        (void)lubdub_session_end_turn(session, turn);
    }
    lubdub_session_put(session, turn, message);
    turn->has_message = true;
}

bool lubdub_session_has_room_again(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    const struct lubdub_session_extra *extra = session->extra;

    size_t waiting;

    if (session->state != LUBDUB_SESSION_UP || extra == NULL || extra->wanted_room == 0) {
        return false;
    }
    /* Half of the room may be less than what was refused: told before that fits, ROOM and FULL would chase each other.
     */
    waiting = lubdub_outbox_message_length(&extra->outbox);
    return waiting == 0 ||
           (waiting <= settings->output_limit / 2 && waiting + extra->wanted_room <= settings->output_limit);
}

/* ---- the end ---- */

void lubdub_session_put_bye(struct lubdub_session *session, struct lubdub_turn *turn, enum lubdub_reason reason,
                            const char *text, bool has_retry_after, lubdub_duration retry_after)
{
    struct lubdub_options options = {0};
    uint8_t content[LUBDUB_TEXT_LIMIT + 16];
    struct lubdub_frame bye = {.type = LUBDUB_FRAME_BYE, .sequence = (uint64_t)reason, .content = content};
    lubdub_duration milliseconds = retry_after / LUBDUB_MILLISECOND;

    if (text != NULL) {
        options.text = (struct lubdub_slice){text, lubdub_utf8_cut(text, LUBDUB_TEXT_LIMIT)};
    }
    options.has_retry_after = has_retry_after;
    options.retry_after_ms = milliseconds > UINT32_MAX ? UINT32_MAX : (uint32_t)milliseconds;
    bye.length = (uint16_t)lubdub_options_encode(&options, LUBDUB_FRAME_BYE, content, sizeof content);

    if (session->extra != NULL) {
        lubdub_outbox_drop_messages(&session->extra->outbox);
    }
    lubdub_session_put(session, turn, &bye);
    if (session->extra != NULL) {
        lubdub_outbox_drop_messages(&session->extra->outbox); /* one of this turn, which had no room for BYE */
    }
}

void lubdub_session_fail(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event,
                         enum lubdub_cause cause, int reason, const char *text)
{
    event->kind = LUBDUB_EVENT_DOWN;
    event->cause = cause;
    event->silent_for = lubdub_time_between(session->heard_at, turn->now);
    event->sequence = 0;
    event->waited_for = 0;
    event->deadline = 0;
    event->adaptive = 0;
    event->has_reason = reason != LUBDUB_NO_REASON;
    event->reason_code = reason != LUBDUB_NO_REASON ? (uint64_t)reason : 0;
    event->text = (struct lubdub_slice){text, text != NULL ? strlen(text) : 0};
    event->has_retry_after = false;
    event->had_session = session->state == LUBDUB_SESSION_UP;

    if (reason == LUBDUB_NO_REASON || reason == LUBDUB_REASON_EXPIRED) {
        /* Section 5, Expiry: BYE only if it can be written at once. */
        if (reason == LUBDUB_REASON_EXPIRED && !lubdub_session_has_waiting_output(session)) {
            lubdub_session_put_bye(session, turn, LUBDUB_REASON_EXPIRED, text, false, 0);
        }
        lubdub_session_enter(session, LUBDUB_SESSION_CLOSED, turn->now);
        session->owes_end = false;
        return;
    }
    lubdub_session_put_bye(session, turn, (enum lubdub_reason)reason, text, false, 0);
    if (session->state != LUBDUB_SESSION_CLOSED) {
        lubdub_session_enter(session, LUBDUB_SESSION_LEAVING, turn->now);
    }
    session->owes_end = false; /* this is it, also where BYE found no memory */
}

/* ---- frames that both roles take ---- */

enum lubdub_handling lubdub_session_handle_bye(struct lubdub_session *session, struct lubdub_turn *turn,
                                               const struct lubdub_frame *frame, struct lubdub_event *event)
{
    struct lubdub_options options;
    const char *fault = lubdub_options_decode(&options, LUBDUB_FRAME_BYE, frame->content, frame->length);

    if (fault != NULL) {
        lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_PROTOCOL, LUBDUB_REASON_PROTOCOL_ERROR, fault);
        return LUBDUB_HANDLING_TAKEN;
    }
    lubdub_session_fail(session, turn, event, lubdub_cause_of_bye(frame->sequence), LUBDUB_NO_REASON, NULL);
    event->has_reason = true;
    event->reason_code = frame->sequence;
    event->text = options.text;
    event->has_retry_after = options.has_retry_after;
    event->retry_after = options.retry_after_ms * LUBDUB_MILLISECOND;
    return LUBDUB_HANDLING_TAKEN;
}

void lubdub_session_answer(struct lubdub_session *session, struct lubdub_turn *turn, const struct lubdub_frame *probe)
{
    struct lubdub_frame ack = *probe;

    ack.type = LUBDUB_FRAME_ACK;
    ack.flags = probe->flags & LUBDUB_FLAG_HEALTH_MASK;
    lubdub_session_put(session, turn, &ack);
}

void lubdub_session_note_health(struct lubdub_session *session, const struct lubdub_frame *probe,
                                struct lubdub_event *event)
{
    unsigned told = probe->flags & LUBDUB_FLAG_HEALTH_MASK;
    enum lubdub_health health = told > LUBDUB_HEALTH_CRITICAL ? LUBDUB_HEALTH_CRITICAL : (enum lubdub_health)told;

    if (health == (enum lubdub_health)session->peer_health) {
        return;
    }
    event->kind = LUBDUB_EVENT_HEALTH;
    event->health = health;
    event->was_health = (enum lubdub_health)session->peer_health;
    event->content = probe->content;
    event->length = probe->length;
    session->peer_health = (uint8_t)health & 3u;
}
