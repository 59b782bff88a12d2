/* Judges a client by its silence: late, asked, in doubt, asked again, given up. */
#include "core/session_silence.h"

#include "core/session_challenge.h"
#include "core/session_grant.h"
#include "core/session_shared.h"

/* An adaptive server calls a session late no sooner than this much after its interval. */
#define SMALLEST_MARGIN (25 * LUBDUB_MILLISECOND)
#define SMALLEST_MARGIN_SHARE 16

/* How long after its interval an adaptive server calls a session late. */
static lubdub_duration adaptive_margin(const struct lubdub_session *session, lubdub_duration fixed)
{
    const struct lubdub_lateness learned = lubdub_learned_lateness(session);
    lubdub_duration expiry = session->expiry_ms * LUBDUB_MILLISECOND;
    lubdub_duration least =
        lubdub_duration_longer(lubdub_interval_in_force(session) / SMALLEST_MARGIN_SHARE, SMALLEST_MARGIN);

    return lubdub_doubt_begins_after(lubdub_lateness_usual(&learned, expiry), lubdub_lateness_worst(&learned, expiry),
                                     least, fixed);
}

/*
 * How long a session may be silent before it is late and challenged. The margin leaves most of what remains of
 * the expiry to the challenge: the peer's kernel may take 40 ms or more to acknowledge it.
 */
static lubdub_duration fixed_margin(const struct lubdub_session *session)
{
    lubdub_duration interval = lubdub_interval_in_force(session);
    lubdub_duration rest = (lubdub_expiry_in_force(session) - interval) / 4;
    lubdub_duration half = interval / 2;

    return half < rest ? half : rest;
}

static lubdub_duration late_after(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    lubdub_duration fixed = fixed_margin(session);

    return lubdub_interval_in_force(session) + (settings->adapts ? adaptive_margin(session, fixed) : fixed);
}

lubdub_time lubdub_session_answers_by(const struct lubdub_session *session,
                                      const struct lubdub_session_settings *settings, lubdub_time asked_at)
{
    lubdub_duration margin =
        lubdub_duration_longer(fixed_margin(session), 2 * lubdub_round_trip_of_log(session->of.server.round_trip_log));

    return lubdub_duration_longer(lubdub_time_after(asked_at, margin),
                                  lubdub_time_after(session->heard_at, late_after(session, settings)));
}

static bool is_blocked(const struct lubdub_session *session)
{
    return lubdub_session_has_waiting_output(session);
}

static lubdub_time expires_at(const struct lubdub_session *session)
{
    return lubdub_time_after(session->heard_at, lubdub_expiry_in_force(session));
}

/* One expiry after the blocking began, whatever the peer has taken since. */
static lubdub_time slow_at(const struct lubdub_session *session)
{
    return is_blocked(session) ? lubdub_time_after(session->extra->outbox.waits_since, lubdub_expiry_in_force(session))
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

struct lubdub_doubt *lubdub_server_doubt(struct lubdub_session *session)
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
    const struct lubdub_lateness learned = lubdub_learned_lateness(session);

    return lubdub_doubt_patience(lubdub_lateness_worst(&learned, session->expiry_ms * LUBDUB_MILLISECOND),
                                 session->extra->doubt.round_trip, lubdub_expiry_in_force(session));
}

/*
 * A client that only probes has nothing under way before its next probe; a client that also sends messages may have
 * lost a MESSAGE. A client that said no more than HELLO may be far behind a proxy: the server waits for it without
 * doubt.
 */
static lubdub_time hung_at(const struct lubdub_session *session)
{
    const struct lubdub_session_extra *extra = session->extra;
    lubdub_duration quiet = extra->messages_received > 0 ? 0 : lubdub_interval_in_force(session);

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
    return lubdub_time_after(session->heard_at, lubdub_interval_in_force(session) + fixed_margin(session));
}

/* How long before the expiry. */
static lubdub_duration last_look(const struct lubdub_session *session)
{
    return lubdub_last_look(lubdub_time_between(challenged_at(session), expires_at(session)));
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

lubdub_time lubdub_server_verdict(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    (void)settings;
    return is_doubted(session) ? lubdub_time_earlier(fixed_verdict(session), looks_at(session))
                               : fixed_verdict(session);
}

lubdub_time lubdub_server_deadline(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    if (awaits_last_challenge(session)) {
        return lubdub_time_earlier(expires_at(session), challenged_again_at(session));
    }
    if (session->is_late || lubdub_session_blocked_at(session) != LUBDUB_TIME_NEVER) {
        return lubdub_server_verdict(session, settings);
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
        (void)lubdub_server_challenge(session, turn, LUBDUB_CHALLENGES_WAITING_LIMIT);
    }
}

/* Without memory the session goes on as if the server did not adapt. */
static void begin_doubt(struct lubdub_session *session, struct lubdub_turn *turn)
{
    struct lubdub_session_extra *extra = turn->settings->adapts ? lubdub_session_need_extra(session) : NULL;

    /* Those of an earlier silence, or of grants that have changed, may wait still: they prove nothing of this one. */
    (void)lubdub_server_challenge(session, turn, LUBDUB_CHALLENGES_WAITING_LIMIT);
    if (extra != NULL && session->state == LUBDUB_SESSION_UP) {
        lubdub_doubt_begin(&session->extra->doubt,
                           lubdub_time_after(session->heard_at, lubdub_interval_in_force(session)), turn->now);
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
        (void)lubdub_server_challenge(session, turn, LUBDUB_CHALLENGES_WAITING_LIMIT);
        doubt->asked_last_but_one_at = doubt->asked_at;
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
                            lubdub_cause_of_silence(session, turn, session->heard_at, lubdub_expiry_in_force(session)),
                            LUBDUB_REASON_EXPIRED, "silent for longer than the expiry");
    }
    event->deadline = due;
}

void lubdub_server_tick(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event)
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
    if (!session->is_late && !is_blocked(session) && lubdub_server_deadline(session, turn->settings) <= turn->now) {
        session->is_late = true;
        session->of.server.is_asked_again = challenged_again_at(session) <= turn->now;
        begin_doubt(session, turn);
        event->kind = LUBDUB_EVENT_LATE;
        event->silent_for = lubdub_time_between(session->heard_at, turn->now);
    }
}

/* Challenges of a doubt go at a pace; of the others the first and the last are remembered. */
lubdub_time lubdub_server_asked_before(const struct lubdub_session *session, lubdub_time before)
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

lubdub_duration lubdub_server_patience(const struct lubdub_session *session,
                                       const struct lubdub_session_settings *settings)
{
    (void)settings;
    return lubdub_expiry_in_force(session);
}
