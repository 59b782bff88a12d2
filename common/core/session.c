/* Runs a session in either role: takes frames in, shows frames to send, keeps deadlines. Roles have their own files. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/session_client.h"
#include "core/session_server.h"
#include "core/session_shared.h"
#include "core/shared_field.h"
#include "core/traffic.h"

/* So many answers of a client may wait before it stops listening. */
#define LUBDUB_ACKS_TOLERATED 16

static const struct lubdub_role_duties *duties(const struct lubdub_session *session)
{
    return session->role == LUBDUB_ROLE_SERVER ? &lubdub_server_duties : &lubdub_client_duties;
}

size_t lubdub_turn_capacity(const struct lubdub_session_settings *settings, size_t input)
{
    size_t largest = settings->max_content > LUBDUB_OPTIONS_LIMIT ? settings->max_content : LUBDUB_OPTIONS_LIMIT;

    return input + 2 * (LUBDUB_HEADER_LENGTH + largest);
}

/* Tells the end of a session that closed for want of memory. */
static void tell_owed_end(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event)
{
    lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_SHUTDOWN, LUBDUB_NO_REASON, "no memory was left");
    event->had_session = session->has_heard;
}

/* ---- output ---- */

const uint8_t *lubdub_session_output(const struct lubdub_session *session, const struct lubdub_turn *turn,
                                     size_t *length)
{
    if (lubdub_session_has_waiting_output(session)) {
        return lubdub_outbox_head(&session->extra->outbox, length);
    }
    *length = turn->output_length - turn->output_sent;
    return *length > 0 ? turn->output + turn->output_sent : NULL;
}

/* All deadlines that count the peer's silence were held up for `away`. */
static void move_deadlines(struct lubdub_session *session, lubdub_duration away)
{
    struct lubdub_session_extra *extra = session->extra;

    LUBDUB_FIELD_WRITE(session->heard_at, lubdub_time_after(session->heard_at, away));
    if (extra != NULL) {
        extra->outbox.waits_since = lubdub_time_after(extra->outbox.waits_since, away);
        extra->outbox.blocked_at = lubdub_time_after(extra->outbox.blocked_at, away);
        extra->bytes_at = lubdub_time_after(extra->bytes_at, away);
    }
    if (session->state == LUBDUB_SESSION_UP) {
        duties(session)->forgive(session, away);
    }
}

/*
 * A server does not read while its output waits: the peer did not cause a pile of frames then. Its silence counts all
 * the same: what the peer sent meanwhile is read before it is judged.
 */
static void listen_again(struct lubdub_session *session, lubdub_time now)
{
    if (session->role == LUBDUB_ROLE_SERVER && session->state == LUBDUB_SESSION_UP) {
        lubdub_duration waited = lubdub_time_between(session->extra->outbox.waits_since, now);

        lubdub_server_forgive_piles(session, waited);
        session->extra->is_slow = false;
        session->has_closer_deadline = true; /* silence counts by itself again */
    }
}

void lubdub_session_sent(struct lubdub_session *session, struct lubdub_turn *turn, size_t length)
{
    if (lubdub_session_has_waiting_output(session)) {
        if (lubdub_outbox_sent(&session->extra->outbox, length, turn->now)) {
            lubdub_session_probe_handed_over(session, turn->now);
        }
        if (!lubdub_session_has_waiting_output(session)) {
            listen_again(session, turn->now);
        }
        /* What is held goes on behind the last message that waited for the kernel. */
        session->has_closer_deadline = session->has_closer_deadline ||
                                       lubdub_outbox_has_held(&session->extra->outbox) ||
                                       lubdub_session_has_room_again(session, turn->settings);
        lubdub_session_release_extra(session);
        return;
    }
    turn->output_sent += length;
    if (turn->output_sent == turn->output_length) {
        lubdub_session_probe_handed_over(session, turn->now);
    }
}

bool lubdub_session_has_output(const struct lubdub_session *session)
{
    return lubdub_session_has_waiting_output(session);
}

bool lubdub_session_wants_input(const struct lubdub_session *session)
{
    if (session->state == LUBDUB_SESSION_ASKED) {
        return false; /* its owner has to answer first */
    }
    if (session->state >= LUBDUB_SESSION_LEAVING || !lubdub_session_has_waiting_output(session)) {
        return true;
    }
    /*
     * A client listens while its own messages and probes wait: else two peers that talk would both stop listening. And
     * while few of its answers wait, since the server's ACK may lie behind the frame that it answered.
     */
    return session->role == LUBDUB_ROLE_CLIENT && session->extra->outbox.ack_count <= LUBDUB_ACKS_TOLERATED;
}

/* ---- the end ---- */

void lubdub_session_leave(struct lubdub_session *session, struct lubdub_turn *turn, enum lubdub_reason reason,
                          const char *text, bool has_retry_after, lubdub_duration retry_after)
{
    if (session->state >= LUBDUB_SESSION_LEAVING) {
        return;
    }
    lubdub_session_put_bye(session, turn, reason, text, has_retry_after, retry_after);
    if (session->state != LUBDUB_SESSION_CLOSED) {
        lubdub_session_enter(session, reason == LUBDUB_REASON_EXPIRED ? LUBDUB_SESSION_CLOSED : LUBDUB_SESSION_LEAVING,
                             turn->now);
    }
    session->owes_end = false; /* a session that leaves is not told, also where BYE found no memory */
}

/*
 * The first bytes of a record of TLS, where a session is to begin: one side has it on, the other has not. A common
 * mistake, which deserves its own sentence.
 */
static const char *speaks_tls(const struct lubdub_session *session, const uint8_t *bytes, size_t length)
{
    bool is_tls = length > 0 && bytes[0] >= 20 && bytes[0] <= 23 && (length == 1 || bytes[1] == 3);

    if (session->state != LUBDUB_SESSION_OPENING || !is_tls) {
        return NULL;
    }
    return session->role == LUBDUB_ROLE_SERVER ? "the client speaks TLS, and this port is plain"
                                               : "the server speaks TLS, and TLS is off here";
}

void lubdub_session_receive_end(struct lubdub_session *session, struct lubdub_turn *turn, enum lubdub_cause how,
                                struct lubdub_event *event)
{
    event->kind = LUBDUB_EVENT_NONE;
    if (session->state < LUBDUB_SESSION_LEAVING) {
        bool is_cut = session->extra != NULL && session->extra->partial.length > 0 && !session->extra->partial_is_used;
        const char *tls =
            is_cut ? speaks_tls(session, session->extra->partial.bytes, session->extra->partial.length) : NULL;

        if (tls != NULL) {
            lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_TLS, LUBDUB_NO_REASON, tls);
        } else {
            lubdub_session_fail(session, turn, event, how, LUBDUB_NO_REASON,
                                is_cut && how == LUBDUB_CAUSE_CLOSED ? "the stream ended inside a frame" : NULL);
        }
    } else if (session->owes_end) {
        tell_owed_end(session, turn, event);
    }
    lubdub_session_enter(session, LUBDUB_SESSION_CLOSED, turn->now);
}

/* ---- input ---- */

/* Answers a wrong header: wrong magic by closing, everything else by BYE (section 6). */
static void fail_header(struct lubdub_session *session, struct lubdub_turn *turn, enum lubdub_frame_status status,
                        const struct lubdub_frame *frame, struct lubdub_event *event)
{
    /* Our version was too much for the peer: it says so in its own. */
    bool is_refusal = status == LUBDUB_FRAME_BAD_VERSION && session->role == LUBDUB_ROLE_CLIENT &&
                      frame->type == LUBDUB_FRAME_BYE && frame->sequence == LUBDUB_REASON_UNSUPPORTED_VERSION;

    if (is_refusal) {
        lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_REJECTED, LUBDUB_NO_REASON,
                            "the server speaks another version");
        event->has_reason = true;
        event->reason_code = LUBDUB_REASON_UNSUPPORTED_VERSION;
        return;
    }
    switch (status) {
    case LUBDUB_FRAME_WHOLE:
    case LUBDUB_FRAME_INCOMPLETE:
        break;
    case LUBDUB_FRAME_BAD_MAGIC:
        lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_PROTOCOL, LUBDUB_NO_REASON,
                            "the peer does not speak this protocol (no LD at the start of a frame)");
        return;
    case LUBDUB_FRAME_BAD_VERSION:
        lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_PROTOCOL, LUBDUB_REASON_UNSUPPORTED_VERSION,
                            "only version 1 is spoken here");
        return;
    case LUBDUB_FRAME_BAD_TYPE:
        lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_PROTOCOL, LUBDUB_REASON_PROTOCOL_ERROR,
                            "there is no such type of frame");
        return;
    case LUBDUB_FRAME_TOO_LONG:
        lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_PROTOCOL, LUBDUB_REASON_CONTENT_TOO_LARGE,
                            "the content is longer than is taken here");
        return;
    }
}

/* Bytes of a frame that is not whole: no sign of life, but a peer that writes is not hung. */
static void note_bytes(struct lubdub_session *session, lubdub_time now)
{
    struct lubdub_doubt *doubt = session->state == LUBDUB_SESSION_UP ? duties(session)->doubt(session) : NULL;

    session->extra->bytes_at = now;
    if (doubt != NULL && lubdub_doubt_is_there(doubt)) {
        doubt->since = now;
    }
}

/*
 * The next frame, from what was kept and what came. *kept_taken says how much of the input went into what is
 * kept; *frame_size is the size of a whole frame that lies in the input alone, 0 for a frame that was kept.
 */
static enum lubdub_frame_status next_frame(struct lubdub_session *session, struct lubdub_turn *turn,
                                           const uint8_t *input, size_t length, struct lubdub_frame *frame,
                                           size_t *kept_taken, size_t *frame_size)
{
    struct lubdub_partial *partial = session->extra != NULL ? &session->extra->partial : NULL;
    enum lubdub_frame_status status = LUBDUB_FRAME_INCOMPLETE;
    size_t whole;

    *kept_taken = 0;
    *frame_size = 0;
    if (partial == NULL || partial->length == 0) {
        status = lubdub_frame_decode(frame, input, length, session->max_content, frame_size);
        if (status != LUBDUB_FRAME_INCOMPLETE || length == 0) {
            return status;
        }
        if (lubdub_session_need_extra(session) == NULL ||
            !lubdub_partial_append(&session->extra->partial, input, length)) {
            lubdub_session_lose(session, turn->now);
        } else {
            note_bytes(session, turn->now);
        }
        *kept_taken = length;
        return LUBDUB_FRAME_INCOMPLETE;
    }

    for (;;) {
        size_t part = lubdub_partial_missing(partial);

        if (part > length - *kept_taken) {
            part = length - *kept_taken;
        }
        if (part > 0 && !lubdub_partial_append(partial, input + *kept_taken, part)) {
            lubdub_session_lose(session, turn->now);
            return LUBDUB_FRAME_INCOMPLETE;
        }
        *kept_taken += part;
        if (part > 0) {
            note_bytes(session, turn->now);
        }
        status = lubdub_frame_decode(frame, partial->bytes, partial->length, session->max_content, &whole);
        if (status != LUBDUB_FRAME_INCOMPLETE || *kept_taken == length) {
            return status;
        }
    }
}

/* Clears what a handled frame left behind, after its event has been looked at. */
static void drop_used_partial(struct lubdub_session *session)
{
    if (session->extra != NULL && session->extra->partial_is_used) {
        lubdub_partial_clear(&session->extra->partial);
        session->extra->partial_is_used = false;
        lubdub_session_release_extra(session);
    }
}

size_t lubdub_session_receive(struct lubdub_session *session, struct lubdub_turn *turn, const uint8_t *input,
                              size_t length, struct lubdub_event *event)
{
    size_t taken = 0;

    event->kind = LUBDUB_EVENT_NONE;
    drop_used_partial(session);
    while (session->state < LUBDUB_SESSION_LEAVING) {
        struct lubdub_frame frame;
        size_t kept_taken;
        size_t frame_size;
        enum lubdub_frame_status status;

        assert(session->state != LUBDUB_SESSION_ASKED); /* the owner has to answer first */
        status = next_frame(session, turn, input + taken, length - taken, &frame, &kept_taken, &frame_size);
        taken += kept_taken;
        if (status == LUBDUB_FRAME_INCOMPLETE) {
            if (session->state == LUBDUB_SESSION_CLOSED) {
                break; /* no memory to keep it in */
            }
            return taken;
        }
        if (status != LUBDUB_FRAME_WHOLE) {
            const struct lubdub_partial *kept = session->extra != NULL ? &session->extra->partial : NULL;
            const char *tls = kept != NULL && kept->length > 0 ? speaks_tls(session, kept->bytes, kept->length)
                                                               : speaks_tls(session, input + taken, length - taken);

            if (status == LUBDUB_FRAME_BAD_MAGIC && tls != NULL) {
                lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_TLS, LUBDUB_NO_REASON, tls);
            } else {
                fail_header(session, turn, status, &frame, event);
            }
            return taken;
        }
        if (duties(session)->handle(session, turn, &frame, event) == LUBDUB_HANDLING_NOT_YET) {
            return taken;
        }
        lubdub_traffic_add_received(turn->traffic, frame.type, frame.length);
        taken += frame_size;
        if (frame_size == 0) {
            session->extra->partial_is_used = true;
        }
        if (event->kind != LUBDUB_EVENT_NONE) {
            return taken;
        }
        drop_used_partial(session);
        if (taken == length) {
            break;
        }
    }
    if (session->owes_end) {
        tell_owed_end(session, turn, event);
    }
    return length;
}

/* ---- time ---- */

lubdub_time lubdub_session_deadline(const struct lubdub_session *session,
                                    const struct lubdub_session_settings *settings)
{
    switch ((enum lubdub_session_state)session->state) {
    case LUBDUB_SESSION_OPENING:
    case LUBDUB_SESSION_ASKED:
        return lubdub_time_after(session->heard_at, settings->handshake_timeout);
    case LUBDUB_SESSION_UP:
        return lubdub_session_has_room_again(session, settings) || lubdub_session_has_held(session)
                   ? 0
                   : duties(session)->deadline(session, settings);
    case LUBDUB_SESSION_LEAVING:
        return lubdub_time_after(session->heard_at, LUBDUB_LINGER);
    case LUBDUB_SESSION_CLOSED:
        break;
    }
    return LUBDUB_TIME_NEVER;
}

bool lubdub_session_verdict_is_due(const struct lubdub_session *session, const struct lubdub_session_settings *settings,
                                   lubdub_time now)
{
    switch ((enum lubdub_session_state)session->state) {
    case LUBDUB_SESSION_OPENING:
    case LUBDUB_SESSION_ASKED:
        return lubdub_session_deadline(session, settings) <= now;
    case LUBDUB_SESSION_UP:
        return duties(session)->verdict(session, settings) <= now;
    case LUBDUB_SESSION_LEAVING:
    case LUBDUB_SESSION_CLOSED:
        break;
    }
    return false;
}

/* ---- evidence ---- */

static lubdub_duration fixed_patience(const struct lubdub_session *session,
                                      const struct lubdub_session_settings *settings)
{
    return session->state == LUBDUB_SESSION_UP ? duties(session)->patience(session, settings)
                                               : settings->handshake_timeout;
}

/* Linux answers a segment after 40 ms at the latest once a connection is interactive (TCP_DELACK_MIN), and a tick or
 * two. */
#define DELAYED_ACK (50 * LUBDUB_MILLISECOND)

/* The kernel tells the time since the last acknowledgement in its own ticks: 4 ms on most machines, rounded. */
#define TICKS (8 * LUBDUB_MILLISECOND)

/* An estimate that is so many times as long as what was measured is stale: of a SYN that was sent twice. */
#define STALE_FACTOR 4

/* A longer time without acknowledgement than this part of the deadline is silence, whatever was estimated. */
#define SHARE_OF_DEADLINE 4

static lubdub_duration measured_round_trip(const struct lubdub_session *session, const struct lubdub_evidence *evidence)
{
    lubdub_duration own = session->state == LUBDUB_SESSION_UP ? duties(session)->round_trip(session) : 0;

    return own > 0 ? STALE_FACTOR * lubdub_duration_longer(own, evidence->least_round_trip) : LUBDUB_TIME_NEVER;
}

/* When we sent the last question that the peer's kernel should have acknowledged by now; 0: none is old enough. */
static lubdub_time question(const struct lubdub_session *session, lubdub_time before)
{
    lubdub_time blocked_at = lubdub_session_blocked_at(session);
    lubdub_time asked_at = session->heard_at <= before ? session->heard_at : 0; /* HELLO */

    if (session->state == LUBDUB_SESSION_UP) {
        asked_at = duties(session)->asked_before(session, before);
    }
    return blocked_at <= before && blocked_at > asked_at ? blocked_at : asked_at;
}

/* A proxy's kernel acknowledges whatever became of the client; that it does not is evidence all the same. */
static enum lubdub_path acknowledged(const struct lubdub_evidence *evidence)
{
    return evidence->is_of_proxy ? LUBDUB_PATH_UNKNOWN : LUBDUB_PATH_ACKNOWLEDGED;
}

void lubdub_session_take_evidence(const struct lubdub_session *session, struct lubdub_turn *turn,
                                  const struct lubdub_evidence *evidence)
{
    lubdub_duration most = fixed_patience(session, turn->settings) / SHARE_OF_DEADLINE;
    lubdub_duration measured = measured_round_trip(session, evidence);
    lubdub_duration delay = lubdub_duration_shorter(evidence->ack_delay, lubdub_time_after(DELAYED_ACK, measured));
    lubdub_time asked_at;

    delay = lubdub_duration_longer(lubdub_duration_shorter(delay, most), DELAYED_ACK);
    turn->has_unread = evidence->has_unread;
    turn->round_trip = lubdub_duration_shorter(evidence->round_trip, measured);
    turn->path = LUBDUB_PATH_UNKNOWN;
    if (!evidence->is_known) {
        return;
    }
    if (evidence->unacknowledged == 0) {
        turn->path = evidence->has_no_way_out ? LUBDUB_PATH_SILENT : acknowledged(evidence);
        return;
    }
    /* A path that is dead one way still brings the peer's own segments: they acknowledge, and not what we sent again.
     */
    if (evidence->is_sent_again) {
        turn->path = LUBDUB_PATH_SILENT;
        return;
    }
    asked_at = question(session, lubdub_time_between(delay, turn->now));
    if (asked_at != 0) {
        lubdub_time answered_at = lubdub_time_between(evidence->silent_for, turn->now);

        turn->path = answered_at + TICKS >= asked_at ? acknowledged(evidence) : LUBDUB_PATH_SILENT;
    }
}

static void tick_opening(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event)
{
    lubdub_time deadline = lubdub_session_deadline(session, turn->settings);

    if (deadline > turn->now) {
        return;
    }
    if (session->role == LUBDUB_ROLE_SERVER) {
        lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_TIMEOUT, LUBDUB_REASON_HANDSHAKE_TIMEOUT,
                            session->state == LUBDUB_SESSION_ASKED
                                ? "HELLO could not be answered within the handshake time"
                                : "no whole frame came within the handshake time");
    } else {
        lubdub_session_fail(
            session, turn, event,
            lubdub_cause_of_silence(session, turn, session->heard_at, turn->settings->handshake_timeout),
            LUBDUB_NO_REASON, "no WELCOME came within the handshake time");
    }
    event->deadline = deadline;
}

void lubdub_session_tick(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event)
{
    event->kind = LUBDUB_EVENT_NONE;
    drop_used_partial(session);
    switch ((enum lubdub_session_state)session->state) {
    case LUBDUB_SESSION_OPENING:
    case LUBDUB_SESSION_ASKED:
        tick_opening(session, turn, event);
        return;
    case LUBDUB_SESSION_UP:
        if (lubdub_session_has_room_again(session, turn->settings)) {
            session->extra->wanted_room = 0;
            event->kind = LUBDUB_EVENT_ROOM;
            return;
        }
        duties(session)->tick(session, turn, event);
        if (session->owes_end && event->kind == LUBDUB_EVENT_NONE) {
            tell_owed_end(session, turn, event);
        }
        return;
    case LUBDUB_SESSION_LEAVING:
        if (lubdub_session_deadline(session, turn->settings) <= turn->now) {
            lubdub_session_enter(session, LUBDUB_SESSION_CLOSED, turn->now);
        }
        return;
    case LUBDUB_SESSION_CLOSED:
        if (session->owes_end) {
            tell_owed_end(session, turn, event);
        }
        return;
    }
}

bool lubdub_session_take_closer_deadline(struct lubdub_session *session)
{
    bool is_closer = session->has_closer_deadline;

    session->has_closer_deadline = false;
    return is_closer;
}

lubdub_duration lubdub_session_patience(const struct lubdub_session *session,
                                        const struct lubdub_session_settings *settings)
{
    lubdub_duration patience = fixed_patience(session, settings);

    return settings->adapts && patience > LUBDUB_DOUBT_FLOOR ? LUBDUB_DOUBT_FLOOR : patience;
}

void lubdub_session_forgive(struct lubdub_session *session, const struct lubdub_session_settings *settings,
                            lubdub_duration away, lubdub_duration overslept)
{
    if (session->state >= LUBDUB_SESSION_LEAVING) {
        return;
    }
    if (overslept >= fixed_patience(session, settings) / 4) {
        move_deadlines(session, away);
    } else if (overslept >= lubdub_session_patience(session, settings) / 4) {
        /* The adaptive timeout is the shorter one; the fixed one bears with this. */
        struct lubdub_doubt *doubt = duties(session)->doubt(session);

        if (doubt != NULL) {
            lubdub_doubt_forgive(doubt, away);
        }
    }
}

/* ---- life ---- */

enum lubdub_error lubdub_session_init(struct lubdub_session *session, enum lubdub_role role, struct lubdub_turn *turn)
{
    memset(session, 0, sizeof *session);
    if (turn->settings->size != sizeof *turn->settings) {
        session->state = LUBDUB_SESSION_CLOSED;
        return LUBDUB_ERROR_INVALID;
    }
    session->role = (uint8_t)role & 1u;
    session->max_content = (uint16_t)turn->settings->max_content;
    session->heard_at = turn->now;
    session->has_closer_deadline = true;
    return role == LUBDUB_ROLE_CLIENT ? lubdub_session_open_client(session, turn) : LUBDUB_ERROR_OK;
}

static size_t peer_max_content(const struct lubdub_session *session)
{
    if (session->role == LUBDUB_ROLE_CLIENT) {
        return session->of.prober->max_content;
    }
    if (session->extra != NULL && session->extra->has_peer_max_content) {
        return session->extra->peer_max_content;
    }
    return session->is_anonymous ? session->max_content : LUBDUB_MAX_CONTENT_DEFAULT;
}

/* Keeps a MESSAGE that the allowance does not let out yet. */
static bool hold(struct lubdub_session *session, const struct lubdub_frame *message)
{
    size_t size = LUBDUB_HEADER_LENGTH + (size_t)message->length;
    uint8_t *bytes = malloc(size);
    bool is_held;

    if (bytes == NULL) {
        return false;
    }
    lubdub_frame_encode(bytes, size, message);
    is_held = lubdub_outbox_hold(&session->extra->outbox, bytes, size);
    free(bytes);
    session->has_closer_deadline = true;
    return is_held;
}

enum lubdub_error lubdub_session_send(struct lubdub_session *session, struct lubdub_turn *turn, const void *content,
                                      size_t length)
{
    struct lubdub_frame message = {.type = LUBDUB_FRAME_MESSAGE, .content = content, .length = (uint16_t)length};
    struct lubdub_session_extra *extra;
    size_t waiting;

    if (session->state != LUBDUB_SESSION_UP) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    if (length > peer_max_content(session)) {
        return LUBDUB_ERROR_TOO_LONG;
    }
    extra = lubdub_session_need_extra(session);
    if (extra == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    waiting = lubdub_outbox_message_length(&extra->outbox);
    if (waiting > 0 && waiting + LUBDUB_HEADER_LENGTH + length > turn->settings->output_limit) {
        extra->wanted_room = LUBDUB_HEADER_LENGTH + length;
        return LUBDUB_ERROR_FULL; /* where none waits, one may go that is longer than the limit */
    }
    message.sequence = extra->messages_sent + 1;
    if (session->role == LUBDUB_ROLE_CLIENT && !lubdub_session_client_may_send(session, turn->now)) {
        if (!hold(session, &message)) {
            return LUBDUB_ERROR_NO_MEMORY;
        }
        extra->messages_sent++;
        return LUBDUB_ERROR_OK;
    }
    extra->messages_sent++;
    lubdub_session_put_message(session, turn, &message);
    return session->state == LUBDUB_SESSION_UP ? LUBDUB_ERROR_OK : LUBDUB_ERROR_NO_MEMORY;
}

void lubdub_session_set_health(struct lubdub_session *session, enum lubdub_health health)
{
    session->health = (uint8_t)health & 3u;
}
