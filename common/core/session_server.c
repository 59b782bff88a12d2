/* Takes the frames of a client, and answers them: the duties of a server beside its grants and its verdicts. */
#include "core/session_server.h"

#include <string.h>

#include <lubdub/version.h>

#include "core/bytes.h"
#include "core/rate_limit.h"
#include "core/session_challenge.h"
#include "core/session_grant.h"
#include "core/session_shared.h"
#include "core/session_silence.h"
#include "core/shared_field.h"

/* The first four bytes of a PROBE. */
#define PROBE_START ((uint32_t)LUBDUB_FRAME_MAGIC << 16 | LUBDUB_PROTOCOL_VERSION << 8 | LUBDUB_FRAME_PROBE)

static enum lubdub_handling fail(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event,
                                 enum lubdub_reason reason, const char *text)
{
    enum lubdub_cause cause = reason == LUBDUB_REASON_UNAUTHORIZED ? LUBDUB_CAUSE_REJECTED : LUBDUB_CAUSE_PROTOCOL;

    lubdub_session_fail(session, turn, event, cause, (int)reason, text);
    return LUBDUB_HANDLING_TAKEN;
}

/* Frames between two probes say nothing of how punctual a probe is. */
static void learn(struct lubdub_session *session, lubdub_time now)
{
    lubdub_time expected_at = lubdub_time_after(session->heard_at, lubdub_interval_in_force(session));
    lubdub_duration late_by = lubdub_time_between(expected_at, now);
    struct lubdub_lateness learned = lubdub_learned_lateness(session);

    if (lubdub_time_between(session->heard_at, now) < lubdub_interval_in_force(session) / 2) {
        return;
    }
    if (session->extra != NULL && lubdub_doubt_is_there(&session->extra->doubt) &&
        !lubdub_doubt_lesson(&session->extra->doubt, expected_at, now, &late_by)) {
        return;
    }
    lubdub_lateness_add(&learned, late_by, session->expiry_ms * LUBDUB_MILLISECOND);
    lubdub_keep_lateness(session, learned);
}

/* A server takes twice of what it told. */
static struct lubdub_rate message_rate(const struct lubdub_session_settings *settings)
{
    struct lubdub_rate rate = {settings->message_rate, settings->message_burst};

    rate.a_second = rate.a_second > UINT32_MAX / 2 ? UINT32_MAX : 2 * rate.a_second;
    rate.burst = rate.burst > UINT32_MAX / 2 ? UINT32_MAX : 2 * rate.burst;
    return rate;
}

/* A whole valid frame: life. */
static void note_heard(struct lubdub_session *session, const struct lubdub_session_settings *settings, lubdub_time now)
{
    lubdub_duration silent_for = lubdub_time_between(session->heard_at, now);

    lubdub_rate_limit_drain(&session->of.server.probe_debt, silent_for, lubdub_smaller_interval_ms(session));
    if (settings->adapts) {
        learn(session, now);
    }
    if (session->extra != NULL) {
        lubdub_doubt_end(&session->extra->doubt);
        lubdub_allowance_expect_pile(&session->extra->messages, message_rate(settings), silent_for);
    }
    LUBDUB_FIELD_WRITE(session->heard_at, now);
}

/* ---- opening ---- */

static enum lubdub_handling handle_hello(struct lubdub_session *session, struct lubdub_turn *turn,
                                         const struct lubdub_frame *hello, struct lubdub_event *event)
{
    const char *fault = lubdub_options_decode(&event->options, LUBDUB_FRAME_HELLO, hello->content, hello->length);

    if (fault != NULL) {
        return fail(session, turn, event, LUBDUB_REASON_PROTOCOL_ERROR, fault);
    }
    if (event->options.has_max_content && event->options.max_content != LUBDUB_MAX_CONTENT_DEFAULT) {
        struct lubdub_session_extra *extra = lubdub_session_need_extra(session);

        if (extra == NULL) {
            lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_SHUTDOWN, LUBDUB_NO_REASON, "no memory was left");
            return LUBDUB_HANDLING_TAKEN;
        }
        extra->peer_max_content = event->options.max_content;
        extra->has_peer_max_content = true;
    }
    session->heard_at = turn->now;
    session->interval_ms = event->options.interval_ms; /* the wishes, until they are granted */
    session->expiry_ms = event->options.expiry_ms;
    session->state = LUBDUB_SESSION_ASKED;
    event->kind = LUBDUB_EVENT_HELLO;
    event->is_anonymous = false;
    event->incarnation = hello->sequence;
    return LUBDUB_HANDLING_TAKEN;
}

static enum lubdub_handling handle_first(struct lubdub_session *session, struct lubdub_turn *turn,
                                         const struct lubdub_frame *frame, struct lubdub_event *event)
{
    if (frame->type == LUBDUB_FRAME_HELLO) {
        return handle_hello(session, turn, frame, event);
    }
    if (frame->type != LUBDUB_FRAME_PROBE && frame->type != LUBDUB_FRAME_MESSAGE) {
        return fail(session, turn, event, LUBDUB_REASON_PROTOCOL_ERROR,
                    "the first frame was not HELLO, PROBE or MESSAGE");
    }
    if (turn->settings->requires_hello) {
        return fail(session, turn, event, LUBDUB_REASON_UNAUTHORIZED, "HELLO is required here");
    }
    if (frame->sequence != 1) {
        return fail(session, turn, event, LUBDUB_REASON_PROTOCOL_ERROR, "the first frame does not count from 1");
    }
    session->is_anonymous = true;
    session->heard_at = turn->now;
    session->state = LUBDUB_SESSION_ASKED;
    event->kind = LUBDUB_EVENT_HELLO;
    event->is_anonymous = true;
    event->incarnation = 0;
    memset(&event->options, 0, sizeof event->options);
    return LUBDUB_HANDLING_NOT_YET; /* once it is granted */
}

/* ---- frames ---- */

/* Whether one probe more is allowed; if so, it is counted. Only a debt beyond the smallest burst costs a division. */
static bool allow(const struct lubdub_session *session, int32_t *debt)
{
    return lubdub_rate_limit_take(debt, LUBDUB_SMALLEST_BURST) ||
           lubdub_rate_limit_take(debt, lubdub_probe_bucket(session).burst);
}

/* Whether nothing else was heard since WELCOME. */
static bool is_first_after_welcome(const struct lubdub_session *session)
{
    return session->probes_received == 0 && !session->is_anonymous && session->of.server.challenges_sent == 0 &&
           (session->extra == NULL || session->extra->messages_received == 0);
}

/* A PROBE in sequence. False: it was too many, and is not counted. */
static bool take_probe(struct lubdub_session *session, const struct lubdub_session_settings *settings, lubdub_time now)
{
    if (is_first_after_welcome(session)) {
        session->of.server.round_trip_log =
            lubdub_round_trip_log(lubdub_time_between(session->heard_at, now)) & 15u; /* WELCOME to PROBE */
    }
    note_heard(session, settings, now);
    if (!allow(session, &session->of.server.probe_debt)) {
        return false;
    }
    LUBDUB_FIELD_WRITE(session->probes_received, session->probes_received + 1);
    return true;
}

static enum lubdub_handling handle_probe(struct lubdub_session *session, struct lubdub_turn *turn,
                                         const struct lubdub_frame *probe, struct lubdub_event *event)
{
    if (probe->sequence != session->probes_received + 1) {
        return fail(session, turn, event, LUBDUB_REASON_PROTOCOL_ERROR, "a PROBE out of sequence");
    }
    if (!take_probe(session, turn->settings, turn->now)) {
        return fail(session, turn, event, LUBDUB_REASON_TOO_MANY_FRAMES, "probes faster than twice the granted rate");
    }
    lubdub_server_note_new_grant(session);
    lubdub_session_release_extra(session); /* there is no doubt any more */
    lubdub_session_answer(session, turn, probe);
    lubdub_session_note_health(session, probe, event);
    return LUBDUB_HANDLING_TAKEN;
}

bool lubdub_session_answer_quickly(struct lubdub_session *session, const struct lubdub_session_settings *settings,
                                   lubdub_time now, uint8_t *bytes, size_t length)
{
    uint16_t flags;

    if (session->role != LUBDUB_ROLE_SERVER || session->state != LUBDUB_SESSION_UP || session->is_late ||
        session->has_closer_deadline || session->extra != NULL || length < LUBDUB_HEADER_LENGTH ||
        lubdub_bytes_get32(bytes) != PROBE_START) {
        return false;
    }
    flags = lubdub_bytes_get16(bytes + 4);
    if ((flags & LUBDUB_FLAG_HEALTH_MASK) != session->peer_health ||
        lubdub_bytes_get16(bytes + 6) != length - LUBDUB_HEADER_LENGTH ||
        length - LUBDUB_HEADER_LENGTH > session->max_content ||
        lubdub_bytes_get64(bytes + 8) != session->probes_received + 1 || !take_probe(session, settings, now)) {
        return false;
    }
    bytes[3] = LUBDUB_FRAME_ACK;
    lubdub_bytes_put16(bytes + 4, flags & LUBDUB_FLAG_HEALTH_MASK);
    return true;
}

/* Challenges are answered in their order: the oldest that waits. */
static bool is_awaited_ack(const struct lubdub_session *session, const struct lubdub_frame *ack)
{
    return session->challenges_waiting > 0 && ack->length == 0 &&
           ack->sequence == session->of.server.challenges_sent - session->challenges_waiting + 1u;
}

static enum lubdub_handling handle_ack(struct lubdub_session *session, struct lubdub_turn *turn,
                                       const struct lubdub_frame *ack, struct lubdub_event *event)
{
    if (!is_awaited_ack(session, ack)) {
        return fail(session, turn, event, LUBDUB_REASON_PROTOCOL_ERROR, "an ACK of a probe that waits for none");
    }
    if (session->challenges_waiting == 1 && session->extra != NULL) {
        session->of.server.round_trip_log =
            lubdub_round_trip_log(lubdub_time_between(session->extra->asked_at, turn->now)) & 15u;
    }
    note_heard(session, turn->settings, turn->now);
    if (session->extra != NULL && ack->sequence == session->extra->regrant_challenge) {
        session->extra->regrant_challenge = 0;
    }
    session->challenges_waiting = (session->challenges_waiting - 1u) & LUBDUB_CHALLENGES_WAITING_LIMIT;
    if (session->extra != NULL && session->extra->regrant_challenge == LUBDUB_CHALLENGE_OWED) {
        lubdub_server_mark_new_grant(session, turn);
    }
    lubdub_server_pay_health(session, turn);
    lubdub_session_release_extra(session);
    return LUBDUB_HANDLING_TAKEN;
}

/* The text names the rate. It lies in the session's memory until its next call. */
static enum lubdub_handling fail_rate(struct lubdub_session *session, struct lubdub_turn *turn,
                                      struct lubdub_event *event)
{
    char *text = session->extra->text;

    lubdub_rate_text(text, turn->settings->message_rate, turn->settings->message_burst);
    return fail(session, turn, event, LUBDUB_REASON_TOO_MANY_FRAMES, text);
}

static enum lubdub_handling handle_message(struct lubdub_session *session, struct lubdub_turn *turn,
                                           const struct lubdub_frame *message, struct lubdub_event *event)
{
    struct lubdub_session_extra *extra = lubdub_session_need_extra(session);

    if (extra == NULL) {
        lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_SHUTDOWN, LUBDUB_NO_REASON, "no memory was left");
        return LUBDUB_HANDLING_TAKEN;
    }
    if (message->sequence != extra->messages_received + 1) {
        return fail(session, turn, event, LUBDUB_REASON_PROTOCOL_ERROR, "a MESSAGE out of sequence");
    }
    note_heard(session, turn->settings, turn->now);
    if (!lubdub_allowance_take(&extra->messages, message_rate(turn->settings), turn->now)) {
        return fail_rate(session, turn, event);
    }
    extra->messages_received++;
    event->kind = LUBDUB_EVENT_MESSAGE;
    event->sequence = message->sequence;
    event->content = message->content;
    event->length = message->length;
    return LUBDUB_HANDLING_TAKEN;
}

/* Whether the frame will be taken for a sign of life: RECOVERED is told only then. */
static bool is_in_order(const struct lubdub_session *session, const struct lubdub_turn *turn,
                        const struct lubdub_frame *frame)
{
    const struct lubdub_session_extra *extra = session->extra;
    int32_t debt = session->of.server.probe_debt;
    struct lubdub_allowance allowance = {0};

    switch ((enum lubdub_frame_type)frame->type) {
    case LUBDUB_FRAME_HELLO:
    case LUBDUB_FRAME_WELCOME:
    case LUBDUB_FRAME_BYE:
        break;
    case LUBDUB_FRAME_PROBE:
        lubdub_rate_limit_drain(&debt, lubdub_time_between(session->heard_at, turn->now),
                                lubdub_smaller_interval_ms(session));
        return frame->sequence == session->probes_received + 1 && allow(session, &debt);
    case LUBDUB_FRAME_ACK:
        return is_awaited_ack(session, frame);
    case LUBDUB_FRAME_MESSAGE:
        if (extra != NULL) {
            allowance = extra->messages;
        }
        lubdub_allowance_expect_pile(&allowance, message_rate(turn->settings),
                                     lubdub_time_between(session->heard_at, turn->now));
        return frame->sequence == (extra != NULL ? extra->messages_received : 0) + 1 &&
               lubdub_allowance_take(&allowance, message_rate(turn->settings), turn->now);
    }
    return false;
}

static enum lubdub_handling handle(struct lubdub_session *session, struct lubdub_turn *turn,
                                   const struct lubdub_frame *frame, struct lubdub_event *event)
{
    enum lubdub_frame_type type = (enum lubdub_frame_type)frame->type;

    if (session->state == LUBDUB_SESSION_OPENING) {
        return handle_first(session, turn, frame, event);
    }
    if (session->is_late && is_in_order(session, turn, frame)) {
        session->is_late = false;
        session->has_closer_deadline = true; /* late again comes before expired */
        event->kind = LUBDUB_EVENT_RECOVERED;
        event->silent_for = lubdub_time_between(session->heard_at, turn->now);
        return LUBDUB_HANDLING_NOT_YET;
    }
    switch (type) {
    case LUBDUB_FRAME_HELLO:
        return fail(session, turn, event, LUBDUB_REASON_PROTOCOL_ERROR, "HELLO after the first frame");
    case LUBDUB_FRAME_WELCOME:
        return fail(session, turn, event, LUBDUB_REASON_PROTOCOL_ERROR, "WELCOME from a client");
    case LUBDUB_FRAME_PROBE:
        return handle_probe(session, turn, frame, event);
    case LUBDUB_FRAME_ACK:
        return handle_ack(session, turn, frame, event);
    case LUBDUB_FRAME_MESSAGE:
        return handle_message(session, turn, frame, event);
    case LUBDUB_FRAME_BYE:
        return lubdub_session_handle_bye(session, turn, frame, event);
    }
    return LUBDUB_HANDLING_TAKEN;
}

static lubdub_duration round_trip(const struct lubdub_session *session)
{
    return lubdub_round_trip_of_log(session->of.server.round_trip_log);
}

void lubdub_server_forgive_piles(struct lubdub_session *session, lubdub_duration while_not_reading)
{
    lubdub_rate_limit_forgive(&session->of.server.probe_debt, while_not_reading, lubdub_smaller_interval_ms(session));
    if (session->extra != NULL) {
        lubdub_allowance_forgive(&session->extra->messages, while_not_reading);
    }
}

void lubdub_session_debts(const struct lubdub_session *session, const struct lubdub_session_settings *settings,
                          lubdub_time now, lubdub_duration *probe_debt, lubdub_duration *message_debt)
{
    (void)settings;
    *probe_debt = *message_debt = 0;
    if (session->role == LUBDUB_ROLE_SERVER && session->has_heard) {
        lubdub_duration debt =
            lubdub_rate_limit_debt(session->of.server.probe_debt, lubdub_smaller_interval_ms(session));

        *probe_debt = lubdub_time_between(lubdub_time_between(session->heard_at, now), debt);
        *message_debt = session->extra != NULL ? lubdub_allowance_debt(&session->extra->messages, now) : 0;
    }
}

static void forgive(struct lubdub_session *session, lubdub_duration away)
{
    lubdub_server_forgive_piles(session, away);
    if (session->extra != NULL) {
        lubdub_doubt_forgive(&session->extra->doubt, away);
    }
}

const struct lubdub_role_duties lubdub_server_duties = {
    .handle = handle,
    .deadline = lubdub_server_deadline,
    .verdict = lubdub_server_verdict,
    .tick = lubdub_server_tick,
    .asked_before = lubdub_server_asked_before,
    .round_trip = round_trip,
    .patience = lubdub_server_patience,
    .forgive = forgive,
    .doubt = lubdub_server_doubt,
};
