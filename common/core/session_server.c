/* Grants and answers a session as a server, and judges its client by its silence. */
#include "core/session_server.h"

#include <string.h>

#include <lubdub/version.h>

#include "core/bytes.h"
#include "core/rate_limit.h"
#include "core/session_shared.h"
#include "core/shared_field.h"

/* The first four bytes of a PROBE. */
#define PROBE_START ((uint32_t)LUBDUB_FRAME_MAGIC << 16 | LUBDUB_PROTOCOL_VERSION << 8 | LUBDUB_FRAME_PROBE)

/* An adaptive server calls a session late no sooner than this much after its interval. */
#define SMALLEST_MARGIN (25 * LUBDUB_MILLISECOND)
#define SMALLEST_MARGIN_SHARE 16

/* The most that the session's bits can hold. */
#define MOST_CHALLENGES_WAITING 7u
#define MOST_CHALLENGES_SENT 0x7ffffffu

/*
 * How long before its expiry a late session is asked for the last time. A living kernel's acknowledgement takes 40 ms
 * and a round trip; two seconds are enough for a challenge that is lost twice, on any path.
 */
#define LAST_LOOK_LEAST (60 * LUBDUB_MILLISECOND)
#define LAST_LOOK_MOST (2 * LUBDUB_SECOND)

/* Both grants count until the server has seen that the client keeps to the new one. */
static uint32_t larger_interval_ms(const struct lubdub_session *session)
{
    const struct lubdub_session_extra *extra = session->extra;

    return extra != NULL && extra->old_interval_ms > session->interval_ms ? extra->old_interval_ms
                                                                          : session->interval_ms;
}

static uint32_t smaller_interval_ms(const struct lubdub_session *session)
{
    const struct lubdub_session_extra *extra = session->extra;

    return extra != NULL && extra->old_interval_ms > 0 && extra->old_interval_ms < session->interval_ms
               ? extra->old_interval_ms
               : session->interval_ms;
}

static uint32_t larger_expiry_ms(const struct lubdub_session *session)
{
    const struct lubdub_session_extra *extra = session->extra;

    return extra != NULL && extra->old_expiry_ms > session->expiry_ms ? extra->old_expiry_ms : session->expiry_ms;
}

/* What probes are counted by. */
static struct lubdub_bucket bucket(const struct lubdub_session *session)
{
    uint32_t interval_ms = smaller_interval_ms(session);

    return (struct lubdub_bucket){interval_ms, lubdub_rate_limit_burst(interval_ms, larger_expiry_ms(session))};
}

static lubdub_duration expiry_in_force(const struct lubdub_session *session)
{
    return larger_expiry_ms(session) * LUBDUB_MILLISECOND;
}

static lubdub_duration interval_in_force(const struct lubdub_session *session)
{
    return larger_interval_ms(session) * LUBDUB_MILLISECOND;
}

static struct lubdub_lateness lateness(const struct lubdub_session *session)
{
    return (struct lubdub_lateness){session->lateness_deviation, session->lateness_worst};
}

static void set_lateness(struct lubdub_session *session, struct lubdub_lateness lateness)
{
    session->lateness_deviation = lateness.deviation;
    session->lateness_worst = lateness.worst;
}

/* How long after its interval an adaptive server calls a session late. */
static lubdub_duration adaptive_margin(const struct lubdub_session *session, lubdub_duration fixed)
{
    const struct lubdub_lateness learned = lateness(session);
    lubdub_duration expiry = session->expiry_ms * LUBDUB_MILLISECOND;
    lubdub_duration least = lubdub_duration_longer(interval_in_force(session) / SMALLEST_MARGIN_SHARE, SMALLEST_MARGIN);

    return lubdub_doubt_begins_after(lubdub_lateness_usual(&learned, expiry), lubdub_lateness_worst(&learned, expiry),
                                     least, fixed);
}

/*
 * How long a session may be silent before it is late and challenged. The margin leaves most of what remains of
 * the expiry to the challenge: the peer's kernel may take 40 ms or more to acknowledge it.
 */
static lubdub_duration fixed_margin(const struct lubdub_session *session)
{
    lubdub_duration interval = interval_in_force(session);
    lubdub_duration rest = (expiry_in_force(session) - interval) / 4;
    lubdub_duration half = interval / 2;

    return half < rest ? half : rest;
}

static lubdub_duration late_after(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    lubdub_duration fixed = fixed_margin(session);

    return interval_in_force(session) + (settings->adapts ? adaptive_margin(session, fixed) : fixed);
}

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
    lubdub_time expected_at = lubdub_time_after(session->heard_at, interval_in_force(session));
    lubdub_duration late_by = lubdub_time_between(expected_at, now);
    struct lubdub_lateness learned = lateness(session);

    if (lubdub_time_between(session->heard_at, now) < interval_in_force(session) / 2) {
        return;
    }
    if (session->extra != NULL && lubdub_doubt_is_there(&session->extra->doubt) &&
        !lubdub_doubt_lesson(&session->extra->doubt, expected_at, now, &late_by)) {
        return;
    }
    lubdub_lateness_add(&learned, late_by, session->expiry_ms * LUBDUB_MILLISECOND);
    set_lateness(session, learned);
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

    lubdub_rate_limit_drain(&session->of.server.probe_debt, silent_for, smaller_interval_ms(session));
    if (settings->adapts) {
        learn(session, now);
    }
    if (session->extra != NULL) {
        lubdub_doubt_end(&session->extra->doubt);
        lubdub_allowance_expect_pile(&session->extra->messages, message_rate(settings), silent_for);
    }
    LUBDUB_FIELD_WRITE(session->heard_at, now);
}

/* A challenge of a regrant waits beside the challenges of a silence. */
static unsigned waits_for_regrant(const struct lubdub_session *session)
{
    return session->extra != NULL && session->extra->regrant_challenge != 0 ? 1 : 0;
}

/* Challenge: its answer, or its absence, tells a hung process from a dead path. Returns whether one was sent. */
static bool challenge(struct lubdub_session *session, struct lubdub_turn *turn, unsigned most_waiting)
{
    struct lubdub_frame probe = {.type = LUBDUB_FRAME_PROBE, .flags = session->health};
    struct lubdub_session_extra *extra = lubdub_session_need_extra(session); /* without memory its age is not known */

    if (session->challenges_waiting >= most_waiting || session->of.server.challenges_sent == MOST_CHALLENGES_SENT) {
        return false;
    }
    if (extra != NULL) {
        extra->asked_first_at = session->challenges_waiting == 0 ? turn->now : extra->asked_first_at;
        extra->asked_at = turn->now;
    }
    session->challenges_waiting = (session->challenges_waiting + 1u) & MOST_CHALLENGES_WAITING;
    session->of.server.challenges_sent = (session->of.server.challenges_sent + 1u) & MOST_CHALLENGES_SENT;
    probe.sequence = session->of.server.challenges_sent;
    lubdub_session_put(session, turn, &probe);
    return session->state == LUBDUB_SESSION_UP;
}

bool lubdub_session_ask(struct lubdub_session *session, struct lubdub_turn *turn)
{
    return session->role == LUBDUB_ROLE_SERVER && session->state == LUBDUB_SESSION_UP &&
           challenge(session, turn, 1 + waits_for_regrant(session));
}

/* Beside a challenge of a silence and one of a regrant. */
#define MOST_WAITING_WITH_HEALTH 3

void lubdub_session_tell_health(struct lubdub_session *session, struct lubdub_turn *turn, enum lubdub_health health)
{
    lubdub_session_set_health(session, health);
    if (session->role == LUBDUB_ROLE_SERVER && session->state == LUBDUB_SESSION_UP) {
        (void)challenge(session, turn, MOST_WAITING_WITH_HEALTH);
    }
}

lubdub_time lubdub_session_answers_by(const struct lubdub_session *session,
                                      const struct lubdub_session_settings *settings, lubdub_time asked_at)
{
    lubdub_duration margin =
        lubdub_duration_longer(fixed_margin(session), 2 * lubdub_round_trip_of_log(session->of.server.round_trip_log));

    return lubdub_duration_longer(lubdub_time_after(asked_at, margin),
                                  lubdub_time_after(session->heard_at, late_after(session, settings)));
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

static void put_welcome(struct lubdub_session *session, struct lubdub_turn *turn, const struct lubdub_grant *grant,
                        uint16_t flags)
{
    struct lubdub_options options = {
        .interval_ms = session->interval_ms,
        .expiry_ms = session->expiry_ms,
        .max_content = session->max_content,
        .has_max_content = true,
        .agent = turn->settings->agent,
        .last_end = (uint8_t)grant->last_end,
        .has_message_rate = true,
        .message_rate = turn->settings->message_rate,
        .message_burst = turn->settings->message_burst,
    };
    uint8_t content[LUBDUB_AGENT_LIMIT + 64];
    struct lubdub_frame welcome = {
        .type = LUBDUB_FRAME_WELCOME, .flags = flags, .sequence = grant->session_number, .content = content};

    welcome.length = (uint16_t)lubdub_options_encode(&options, LUBDUB_FRAME_WELCOME, content, sizeof content);
    lubdub_session_put(session, turn, &welcome);
}

static uint32_t in_milliseconds(lubdub_duration duration)
{
    lubdub_duration milliseconds = (duration + LUBDUB_MILLISECOND - 1) / LUBDUB_MILLISECOND;

    if (milliseconds < 1) {
        return 1;
    }
    return milliseconds > UINT32_MAX ? UINT32_MAX : (uint32_t)milliseconds;
}

void lubdub_session_wish(struct lubdub_session *session, lubdub_duration interval, lubdub_duration expiry)
{
    if (session->state == LUBDUB_SESSION_ASKED) {
        session->interval_ms = interval > 0 ? in_milliseconds(interval) : session->interval_ms;
        session->expiry_ms = expiry > 0 ? in_milliseconds(expiry) : session->expiry_ms;
    }
}

static void take_grant(struct lubdub_session *session, const struct lubdub_grant *grant)
{
    uint32_t old_expiry_ms = session->expiry_ms;
    uint32_t interval_ms = in_milliseconds(grant->interval);
    uint32_t expiry_ms = in_milliseconds(grant->expiry);

    if (interval_ms > UINT32_MAX / 2) {
        interval_ms = UINT32_MAX / 2;
    }
    if (expiry_ms < 2 * interval_ms) {
        expiry_ms = 2 * interval_ms;
    }
    LUBDUB_FIELD_WRITE(session->interval_ms, interval_ms);
    LUBDUB_FIELD_WRITE(session->expiry_ms, expiry_ms);
    if (old_expiry_ms > 0) {
        struct lubdub_lateness learned = lateness(session);

        lubdub_lateness_rescale(&learned, old_expiry_ms * LUBDUB_MILLISECOND, session->expiry_ms * LUBDUB_MILLISECOND);
        set_lateness(session, learned);
    }
    session->has_closer_deadline = true;
}

/* The old grant goes on counting beside the new one; a third change keeps the most generous of what was. */
static enum lubdub_error remember_old_grant(struct lubdub_session *session)
{
    struct lubdub_session_extra *extra = lubdub_session_need_extra(session);

    if (extra == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    extra->old_expiry_ms = larger_expiry_ms(session);
    extra->old_interval_ms = smaller_interval_ms(session);
    extra->probes_to_see = LUBDUB_PROBES_UNDER_NEW_GRANT;
    return LUBDUB_ERROR_OK;
}

static enum lubdub_error grant_first(struct lubdub_session *session, struct lubdub_turn *turn,
                                     const struct lubdub_grant *grant)
{
    if (grant->message_debt > 0 && lubdub_session_need_extra(session) != NULL) {
        lubdub_allowance_owe(&session->extra->messages, grant->message_debt, turn->now);
    }
    session->interval_ms = session->expiry_ms = 0;
    take_grant(session, grant);
    session->of.server.probe_debt = lubdub_rate_limit_owed(grant->probe_debt, bucket(session));
    session->heard_at = turn->now; /* the answer may have taken its time, and that is not the client's silence */
    session->state = LUBDUB_SESSION_UP;
    session->has_heard = true;
    if (!session->is_anonymous) {
        put_welcome(session, turn, grant, grant->is_resumed ? LUBDUB_FLAG_RESUMED : 0);
    }
    return session->state == LUBDUB_SESSION_UP ? LUBDUB_ERROR_OK : LUBDUB_ERROR_NO_MEMORY;
}

/*
 * A challenge goes behind the WELCOME. Probes that come before its ACK were sent under the old grant, or may have been;
 * probes that come after it were sent under the new one.
 */
static enum lubdub_error grant_again(struct lubdub_session *session, struct lubdub_turn *turn,
                                     const struct lubdub_grant *grant)
{
    struct lubdub_bucket before = bucket(session);

    if (remember_old_grant(session) != LUBDUB_ERROR_OK) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    take_grant(session, grant);
    session->of.server.probe_debt = lubdub_rate_limit_rescale(session->of.server.probe_debt, before, bucket(session));
    put_welcome(session, turn, grant, LUBDUB_FLAG_CHANGED);
    if (session->state == LUBDUB_SESSION_UP && challenge(session, turn, MOST_CHALLENGES_WAITING)) {
        session->extra->regrant_challenge = session->of.server.challenges_sent;
    }
    return session->state == LUBDUB_SESSION_UP ? LUBDUB_ERROR_OK : LUBDUB_ERROR_NO_MEMORY;
}

enum lubdub_error lubdub_session_grant(struct lubdub_session *session, struct lubdub_turn *turn,
                                       const struct lubdub_grant *grant)
{
    if (session->role != LUBDUB_ROLE_SERVER || grant->session_number == 0) {
        return LUBDUB_ERROR_INVALID;
    }
    if (session->state == LUBDUB_SESSION_ASKED) {
        return grant_first(session, turn, grant);
    }
    if (session->state != LUBDUB_SESSION_UP) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    return session->is_anonymous ? LUBDUB_ERROR_OK : grant_again(session, turn, grant);
}

/* ---- frames ---- */

static void count_probe_under_new_grant(struct lubdub_session *session)
{
    struct lubdub_session_extra *extra = session->extra;

    if (extra != NULL && extra->regrant_challenge == 0 && extra->probes_to_see > 0 && --extra->probes_to_see == 0) {
        struct lubdub_bucket before = bucket(session);

        extra->old_interval_ms = 0;
        extra->old_expiry_ms = 0;
        session->of.server.probe_debt =
            lubdub_rate_limit_rescale(session->of.server.probe_debt, before, bucket(session));
        session->has_closer_deadline = true;
    }
}

/* Whether one probe more is allowed; if so, it is counted. Only a debt beyond the smallest burst costs a division. */
static bool allow(const struct lubdub_session *session, int32_t *debt)
{
    return lubdub_rate_limit_take(debt, LUBDUB_SMALLEST_BURST) || lubdub_rate_limit_take(debt, bucket(session).burst);
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
    count_probe_under_new_grant(session);
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
    session->challenges_waiting = (session->challenges_waiting - 1u) & MOST_CHALLENGES_WAITING;
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
        lubdub_rate_limit_drain(&debt, lubdub_time_between(session->heard_at, turn->now), smaller_interval_ms(session));
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

/* ---- time ---- */

static bool is_blocked(const struct lubdub_session *session)
{
    return lubdub_session_has_waiting_output(session);
}

static lubdub_time expires_at(const struct lubdub_session *session)
{
    return lubdub_time_after(session->heard_at, expiry_in_force(session));
}

/* One expiry after the blocking began, whatever the peer has taken since. */
static lubdub_time slow_at(const struct lubdub_session *session)
{
    return is_blocked(session) ? lubdub_time_after(session->extra->outbox.waits_since, expiry_in_force(session))
                               : LUBDUB_TIME_NEVER;
}

/*
 * While our own bytes wait we do not read, and silence says nothing where unread input waits: at the expiry that is
 * looked at, and if it is so, the blocking decides.
 */
static lubdub_time fixed_verdict(const struct lubdub_session *session)
{
    if (!is_blocked(session)) {
        return expires_at(session);
    }
    return session->extra->is_slow ? slow_at(session) : lubdub_time_earlier(expires_at(session), slow_at(session));
}

/* ---- doubt: the session is late, and the server adapts ---- */

static struct lubdub_doubt *doubt_of(struct lubdub_session *session)
{
    return session->extra != NULL ? &session->extra->doubt : NULL;
}

static bool is_doubted(const struct lubdub_session *session)
{
    return session->is_late && session->extra != NULL && lubdub_doubt_is_there(&session->extra->doubt) &&
           lubdub_session_blocked_at(session) == LUBDUB_TIME_NEVER;
}

static lubdub_duration doubt_patience(const struct lubdub_session *session)
{
    const struct lubdub_lateness learned = lateness(session);

    return lubdub_doubt_patience(lubdub_lateness_worst(&learned, session->expiry_ms * LUBDUB_MILLISECOND),
                                 session->extra->doubt.round_trip, expiry_in_force(session));
}

/*
 * A client that only probes has nothing under way before its next probe; a client that also sends messages may have
 * lost a MESSAGE. A client that said no more than HELLO may be far behind a proxy: the server waits for it without
 * doubt.
 */
static lubdub_time hung_at(const struct lubdub_session *session)
{
    const struct lubdub_session_extra *extra = session->extra;
    lubdub_duration quiet = extra->messages_received > 0 ? 0 : interval_in_force(session);

    if (session->probes_received == 0 && extra->messages_received == 0) {
        return LUBDUB_TIME_NEVER;
    }
    return lubdub_doubt_hung_at(&extra->doubt, lubdub_time_after(session->heard_at, quiet), doubt_patience(session));
}

/* The next look at a session in doubt. */
static lubdub_time looks_at(const struct lubdub_session *session)
{
    return lubdub_time_earlier(lubdub_doubt_next(&session->extra->doubt, doubt_patience(session)), hung_at(session));
}

/* ---- the last challenge: the session is late, and the server does not adapt ---- */

static lubdub_time challenged_at(const struct lubdub_session *session)
{
    return lubdub_time_after(session->heard_at, interval_in_force(session) + fixed_margin(session));
}

/* How long before the expiry. */
static lubdub_duration last_look(const struct lubdub_session *session)
{
    lubdub_duration half = lubdub_time_between(challenged_at(session), expires_at(session)) / 2;

    return lubdub_duration_clamp(half, LAST_LOOK_LEAST, LAST_LOOK_MOST);
}

/*
 * What the first challenge proved of the path may be old when the session expires, and the path may be cut since: one
 * more, half way. LUBDUB_TIME_NEVER where that would come on the heels of the first.
 */
static lubdub_time challenged_again_at(const struct lubdub_session *session)
{
    lubdub_duration lead = last_look(session);
    lubdub_time first = challenged_at(session);

    return lubdub_time_after(first, 2 * lead) <= expires_at(session) ? expires_at(session) - lead : LUBDUB_TIME_NEVER;
}

static bool awaits_last_challenge(const struct lubdub_session *session)
{
    return session->is_late && !session->of.server.is_asked_again && !is_doubted(session) &&
           lubdub_session_blocked_at(session) == LUBDUB_TIME_NEVER;
}

static lubdub_time verdict(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    (void)settings;
    return is_doubted(session) ? lubdub_time_earlier(fixed_verdict(session), looks_at(session))
                               : fixed_verdict(session);
}

static lubdub_time deadline(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    if (awaits_last_challenge(session)) {
        return lubdub_time_earlier(expires_at(session), challenged_again_at(session));
    }
    if (session->is_late || lubdub_session_blocked_at(session) != LUBDUB_TIME_NEVER) {
        return verdict(session, settings);
    }
    return lubdub_time_after(session->heard_at, late_after(session, settings));
}

/*
 * A last challenge that goes out late would be too young at the expiry to prove anything, and would spoil what the
 * first one proved.
 */
static void challenge_again(struct lubdub_session *session, struct lubdub_turn *turn)
{
    session->of.server.is_asked_again = 1;
    if (lubdub_time_between(challenged_again_at(session), turn->now) <= last_look(session) / 4) {
        /* Several grants may have changed meanwhile, and a challenge of each waits. */
        (void)challenge(session, turn, waits_for_regrant(session) > 0 ? MOST_CHALLENGES_WAITING : 2);
    }
}

/* Without memory the session goes on as if the server did not adapt. */
static void begin_doubt(struct lubdub_session *session, struct lubdub_turn *turn)
{
    struct lubdub_session_extra *extra = turn->settings->adapts ? lubdub_session_need_extra(session) : NULL;

    (void)challenge(session, turn, extra != NULL ? MOST_CHALLENGES_WAITING : 1 + waits_for_regrant(session));
    if (extra != NULL && session->state == LUBDUB_SESSION_UP) {
        lubdub_doubt_begin(&session->extra->doubt, lubdub_time_after(session->heard_at, interval_in_force(session)),
                           turn->now);
    }
}

/* Looks, and either says `hung` or asks again. */
static void pursue_doubt(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event)
{
    struct lubdub_doubt *doubt = &session->extra->doubt;
    lubdub_duration allowed;
    lubdub_time due;

    lubdub_doubt_look(doubt, turn->path, turn->round_trip, turn->now);
    allowed = doubt_patience(session);
    due = hung_at(session);
    if (due > turn->now) {
        (void)challenge(session, turn, MOST_CHALLENGES_WAITING);
        doubt->asked_at = turn->now;
        return;
    }
    if (turn->suspects_ourselves) {
        doubt->acknowledged_at = LUBDUB_TIME_NEVER; /* the evidence is gathered anew */
        return;
    }
    lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_HUNG, LUBDUB_REASON_EXPIRED,
                        "its kernel answers, the program does not");
    event->deadline = due;
    event->adaptive = allowed;
}

/* Gives a verdict that is due without a doubt. */
static void judge(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event, lubdub_time due)
{
    bool is_expired = expires_at(session) <= turn->now;
    bool is_slow = is_blocked(session) && (session->extra->is_slow || !is_expired || turn->has_unread);

    if (is_slow && slow_at(session) > turn->now) {
        session->extra->is_slow = true; /* the client lives and does not read: it has so much time left */
        session->has_closer_deadline = true;
        return;
    }
    if (is_slow && turn->path != LUBDUB_PATH_SILENT) {
        lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_SLOW_READER, LUBDUB_NO_REASON,
                            "it did not read what was sent for one expiry");
    } else {
        lubdub_session_fail(session, turn, event,
                            lubdub_cause_of_silence(session, turn, session->heard_at, expiry_in_force(session)),
                            LUBDUB_REASON_EXPIRED, "silent for longer than the expiry");
    }
    event->deadline = due;
}

static void tick(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event)
{
    lubdub_time due = fixed_verdict(session);

    if (due <= turn->now) {
        judge(session, turn, event, due);
        return;
    }
    if (is_doubted(session) && looks_at(session) <= turn->now) {
        pursue_doubt(session, turn, event);
        return;
    }
    if (awaits_last_challenge(session) && challenged_again_at(session) <= turn->now) {
        challenge_again(session, turn);
        return;
    }
    if (!session->is_late && !is_blocked(session) && deadline(session, turn->settings) <= turn->now) {
        session->is_late = true;
        session->of.server.is_asked_again = challenged_again_at(session) <= turn->now;
        begin_doubt(session, turn);
        event->kind = LUBDUB_EVENT_LATE;
        event->silent_for = lubdub_time_between(session->heard_at, turn->now);
    }
}

/* Challenges of a doubt go at a pace; of the others the first and the last are remembered. */
static lubdub_time asked_before(const struct lubdub_session *session, lubdub_time before)
{
    const struct lubdub_session_extra *extra = session->extra;

    if (extra == NULL || session->challenges_waiting == 0) {
        return 0;
    }
    if (extra->asked_at <= before) {
        return extra->asked_at;
    }
    if (extra->asked_first_at > before) {
        return 0;
    }
    return is_doubted(session) ? lubdub_doubt_asked_before(&extra->doubt, doubt_patience(session), before)
                               : extra->asked_first_at;
}

static lubdub_duration round_trip(const struct lubdub_session *session)
{
    return lubdub_round_trip_of_log(session->of.server.round_trip_log);
}

static lubdub_duration patience(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    (void)settings;
    return expiry_in_force(session);
}

void lubdub_server_forgive_piles(struct lubdub_session *session, lubdub_duration while_not_reading)
{
    lubdub_rate_limit_forgive(&session->of.server.probe_debt, while_not_reading, smaller_interval_ms(session));
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
        lubdub_duration debt = lubdub_rate_limit_debt(session->of.server.probe_debt, smaller_interval_ms(session));

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
    .deadline = deadline,
    .verdict = verdict,
    .tick = tick,
    .asked_before = asked_before,
    .round_trip = round_trip,
    .patience = patience,
    .forgive = forgive,
    .doubt = doubt_of,
};
