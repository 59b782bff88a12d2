/* Sends a client's probes, and judges the server by their acks. */
#include "core/session_waiting.h"

#include "core/rate_limit.h"
#include "core/session_held.h"
#include "core/session_shared.h"

/* An ack is overdue after this at the least, and where none came yet, after that. */
#define SMALLEST_OVERDUE (50 * LUBDUB_MILLISECOND)
#define OVERDUE_BEFORE_ANY LUBDUB_SECOND /* RFC 6298, section 2.1 */

struct lubdub_slice lubdub_client_content(const struct lubdub_session *session, const struct lubdub_turn *turn,
                                          uint64_t sequence)
{
    return lubdub_probe_content_of(session->extra != NULL ? session->extra->contents : NULL, sequence,
                                   turn->settings->content);
}

bool lubdub_prober_is_in_doubt(const struct lubdub_prober *prober)
{
    return prober->adapts && lubdub_doubt_is_there(&prober->doubter->doubt);
}

static lubdub_time timeout_of_oldest(const struct lubdub_session *session,
                                     const struct lubdub_session_settings *settings)
{
    return lubdub_time_after(lubdub_probes_oldest(&session->of.prober->probes, NULL), settings->timeout);
}

/* When the server has taken none of the client's bytes for one timeout: a probe waits for the kernel as well. */
static lubdub_time blocked_too_long_at(const struct lubdub_session *session,
                                       const struct lubdub_session_settings *settings)
{
    return session->of.prober->is_down ? LUBDUB_TIME_NEVER
                                       : lubdub_time_after(lubdub_session_blocked_at(session), settings->timeout);
}

/* ---- doubt: the oldest probe's ack is overdue, and the client adapts ---- */

struct lubdub_doubt *lubdub_client_doubt(struct lubdub_session *session)
{
    return session->of.prober->adapts ? &session->of.prober->doubter->doubt : NULL;
}

static lubdub_duration doubt_patience(const struct lubdub_session *session,
                                      const struct lubdub_session_settings *settings)
{
    const struct lubdub_estimator *learned = &session->of.prober->doubter->round_trips;

    return lubdub_doubt_patience(lubdub_estimator_worst(learned), learned->smoothed * LUBDUB_MICROSECOND,
                                 settings->timeout);
}

/*
 * Half of the timeout is left to the doubt. Where answers usually take longer than half of it, none of them is doubted.
 */
static lubdub_duration overdue_after(const struct lubdub_session *session,
                                     const struct lubdub_session_settings *settings)
{
    const struct lubdub_estimator *learned = &session->of.prober->doubter->round_trips;
    lubdub_duration half = settings->timeout / 2;
    lubdub_duration usual;

    if (!learned->has_sample) {
        return lubdub_duration_shorter(OVERDUE_BEFORE_ANY, half);
    }
    usual = lubdub_estimator_usual(learned);
    return lubdub_doubt_begins_after(usual, lubdub_estimator_worst(learned), SMALLEST_OVERDUE,
                                     lubdub_duration_longer(half, usual));
}

/* When the oldest unanswered probe was sent, LUBDUB_TIME_NEVER where none is or none is to be doubted. */
static lubdub_time doubtful(const struct lubdub_session *session)
{
    return session->of.prober->adapts && !session->of.prober->is_down
               ? lubdub_probes_oldest(&session->of.prober->probes, NULL)
               : LUBDUB_TIME_NEVER;
}

/* A server that never answered may be far behind a proxy: its first answer is waited for without doubt, and teaches. */
static lubdub_time hung_at(const struct lubdub_session *session, const struct lubdub_session_settings *settings,
                           lubdub_time sent_at)
{
    if (!session->of.prober->doubter->round_trips.has_sample) {
        return LUBDUB_TIME_NEVER;
    }
    return lubdub_doubt_hung_at(&session->of.prober->doubter->doubt, sent_at, doubt_patience(session, settings));
}

/* The next look at a server in doubt; LUBDUB_TIME_NEVER where there is no doubt. */
static lubdub_time looks_at(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    lubdub_time sent_at = doubtful(session);

    if (sent_at == LUBDUB_TIME_NEVER || !lubdub_prober_is_in_doubt(session->of.prober)) {
        return LUBDUB_TIME_NEVER;
    }
    return lubdub_time_earlier(
        lubdub_doubt_next(&session->of.prober->doubter->doubt, doubt_patience(session, settings)),
        hung_at(session, settings, sent_at));
}

/* When doubt begins; LUBDUB_TIME_NEVER where it has. */
static lubdub_time overdue_at(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    lubdub_time sent_at = doubtful(session);

    return sent_at == LUBDUB_TIME_NEVER || lubdub_prober_is_in_doubt(session->of.prober)
               ? LUBDUB_TIME_NEVER
               : lubdub_time_after(sent_at, overdue_after(session, settings));
}

lubdub_time lubdub_client_verdict(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    lubdub_time fixed =
        lubdub_time_earlier(timeout_of_oldest(session, settings), blocked_too_long_at(session, settings));

    return lubdub_time_earlier(fixed, looks_at(session, settings));
}

/* ---- the last look: the oldest probe is unanswered, and the client has paths and does not adapt ---- */

void lubdub_session_note_paths(struct lubdub_session *session)
{
    if (session->role == LUBDUB_ROLE_CLIENT && session->of.prober != NULL) {
        session->of.prober->has_paths = true;
    }
}

/*
 * An answer may wait on a path that is out for the kernel to use another one, while the probe was acknowledged. If all
 * paths are cut then, that acknowledgement proves nothing any more when the timeout ends. Where no steady probe asks
 * soon enough, one more does, half way. LUBDUB_TIME_NEVER where one does, or where that would come on the heels of the
 * first.
 */
static lubdub_time asks_again_at(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    const struct lubdub_prober *prober = session->of.prober;
    lubdub_duration lead = lubdub_last_look(settings->timeout);
    uint64_t sequence = 0;
    lubdub_time sent_at = lubdub_probes_oldest(&prober->probes, &sequence);
    lubdub_time due = lubdub_time_after(sent_at, lubdub_time_between(lead, settings->timeout));

    if (!prober->has_paths || prober->adapts || prober->is_down || prober->has_asked_again ||
        sent_at == LUBDUB_TIME_NEVER || sequence != prober->probes.last ||
        lubdub_session_blocked_at(session) != LUBDUB_TIME_NEVER) {
        return LUBDUB_TIME_NEVER;
    }
    if (settings->timeout < 2 * LUBDUB_LAST_LOOK_LEAST || lubdub_round_trip_of_log(prober->round_trip_log) > lead ||
        prober->next_probe_at <= lubdub_time_after(due, lead / 2)) {
        return LUBDUB_TIME_NEVER;
    }
    return due;
}

/* Whatever is due but the next steady probe. */
static lubdub_time due_besides(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    lubdub_time due = lubdub_time_earlier(lubdub_client_verdict(session, settings), overdue_at(session, settings));

    due = lubdub_time_earlier(due, asks_again_at(session, settings));
    return lubdub_time_earlier(due, lubdub_client_releases_at(session));
}

lubdub_time lubdub_client_deadline(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    return lubdub_time_earlier(session->of.prober->next_probe_at, due_besides(session, settings));
}

lubdub_time lubdub_client_waits_until(const struct lubdub_session *session,
                                      const struct lubdub_session_settings *settings, lubdub_time deadline)
{
    return session->of.prober->next_probe_at == deadline ? due_besides(session, settings) : 0;
}

/* Step (5): a timeout ends without its ACK. */
static void time_out(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event,
                     lubdub_time due, lubdub_duration adaptive)
{
    struct lubdub_prober *prober = session->of.prober;
    uint64_t sequence = 0;
    lubdub_time sent_at = lubdub_probes_oldest(&prober->probes, &sequence);
    enum lubdub_cause cause =
        adaptive > 0 ? LUBDUB_CAUSE_HUNG : lubdub_cause_of_silence(session, turn, sent_at, turn->settings->timeout);

    lubdub_probes_time_out(&prober->probes);
    prober->has_asked_again = false;
    if (prober->adapts) {
        lubdub_doubt_end(&prober->doubter->doubt);
    }
    if (!turn->settings->stays_connected) {
        lubdub_session_fail(session, turn, event, cause, LUBDUB_NO_REASON,
                            adaptive > 0 ? "no ACK came, and its kernel answers" : "no ACK came within the timeout");
    } else if (!prober->is_down) {
        prober->is_down = true;
        event->kind = LUBDUB_EVENT_TIMED_OUT;
        event->cause = cause;
    }
    event->sequence = sequence;
    event->waited_for = lubdub_time_between(sent_at, turn->now);
    event->deadline = due;
    event->adaptive = adaptive;
}

/*
 * Whether the server will allow one more probe. The client tracks its own allowance as the server counts it. It assumes
 * that every probe reached the server just before its ack came back, which is the latest that can be, and that all
 * unanswered probes reach it together, with the steady probes that an outage of one expiry adds to them.
 */
static bool is_allowed(struct lubdub_session *session, lubdub_time now)
{
    struct lubdub_doubter *doubter = session->of.prober->doubter;
    uint32_t unanswered = lubdub_probes_sent_since(&session->of.prober->probes, 0);
    uint32_t steady = session->expiry_ms / session->interval_ms + 1;

    lubdub_rate_limit_drain_own(&doubter->debt, &doubter->debt_at, now, session->interval_ms);
    return unanswered < LUBDUB_DOUBT_QUESTIONS &&
           lubdub_rate_limit_has_room(doubter->debt, lubdub_rate_limit_burst(session->interval_ms, session->expiry_ms),
                                      (uint64_t)unanswered + steady + 1);
}

/* Sends none where one waits for the kernel already, or too many for their acks. */
static void put_probe(struct lubdub_session *session, struct lubdub_turn *turn)
{
    struct lubdub_prober *prober = session->of.prober;
    struct lubdub_slice content = lubdub_client_content(session, turn, prober->probes.last + 1);
    struct lubdub_frame probe = {
        .type = LUBDUB_FRAME_PROBE,
        .flags = session->health,
        .content = (const uint8_t *)content.data,
        .length = (uint16_t)content.length,
        .sequence = lubdub_probes_add(&prober->probes),
    };

    if (probe.sequence > 0) {
        lubdub_session_put(session, turn, &probe);
    }
}

static void send_probe(struct lubdub_session *session, struct lubdub_turn *turn)
{
    struct lubdub_prober *prober = session->of.prober;
    lubdub_duration interval = lubdub_session_interval(session);

    put_probe(session, turn);
    /* On a fixed grid: slots that were missed are skipped, never made up for in a burst. */
    prober->next_probe_at = lubdub_time_after(prober->next_probe_at, interval);
    if (prober->next_probe_at <= turn->now) {
        lubdub_duration missed = (turn->now - prober->next_probe_at) / interval + 1;

        prober->next_probe_at += missed * interval;
    }
}

/* Sends a probe beside the grid of the steady probes. */
static void ask_again(struct lubdub_session *session, struct lubdub_turn *turn)
{
    if (is_allowed(session, turn->now)) {
        put_probe(session, turn);
    }
}

/* Looks, and either says `hung` or asks again. */
static void mind_doubt(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event)
{
    struct lubdub_doubt *doubt = lubdub_client_doubt(session);
    lubdub_time sent_at = doubtful(session);
    lubdub_time due;

    if (overdue_at(session, turn->settings) <= turn->now) {
        lubdub_doubt_begin(doubt, sent_at, turn->now);
        ask_again(session, turn);
        return;
    }
    if (looks_at(session, turn->settings) > turn->now) {
        return;
    }
    lubdub_doubt_look(doubt, turn->path, turn->round_trip, turn->now);
    due = hung_at(session, turn->settings, sent_at);
    if (due > turn->now) {
        ask_again(session, turn);
    } else if (turn->suspects_ourselves) {
        doubt->acknowledged_at = LUBDUB_TIME_NEVER; /* the evidence is gathered anew */
    } else {
        time_out(session, turn, event, due, doubt_patience(session, turn->settings));
    }
}

/*
 * The server takes nothing: because it does not run, because the path is dead, or because it does not read though it
 * lives, which it shows by what it sends.
 */
static void tell_blocked(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event,
                         lubdub_time due)
{
    struct lubdub_prober *prober = session->of.prober;
    lubdub_time blocked_at = lubdub_session_blocked_at(session);
    enum lubdub_cause cause = LUBDUB_CAUSE_SLOW_READER;

    if (turn->path == LUBDUB_PATH_SILENT) {
        cause = LUBDUB_CAUSE_UNREACHABLE;
    } else if (session->heard_at <= blocked_at) {
        cause =
            LUBDUB_CAUSE_HUNG; /* what came in the turn in which the kernel stopped says nothing of the time after it */
    }
    if (turn->settings->stays_connected) {
        prober->is_down = true;
        event->kind = LUBDUB_EVENT_TIMED_OUT;
        event->cause = cause;
    } else {
        lubdub_session_fail(session, turn, event, cause, LUBDUB_NO_REASON, "the server took nothing for one timeout");
    }
    event->sequence = 0;
    event->waited_for = lubdub_time_between(blocked_at, turn->now);
    event->deadline = due;
    event->adaptive = 0;
}

void lubdub_client_tick(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event)
{
    lubdub_time due;

    while ((due = timeout_of_oldest(session, turn->settings)) <= turn->now) {
        time_out(session, turn, event, due, 0);
        if (event->kind != LUBDUB_EVENT_NONE) {
            return;
        }
    }
    due = blocked_too_long_at(session, turn->settings);
    if (due <= turn->now) {
        tell_blocked(session, turn, event, due);
        return;
    }
    if (lubdub_client_releases_at(session) <= turn->now) {
        lubdub_client_release_messages(session, turn);
    }
    mind_doubt(session, turn, event);
    if (event->kind != LUBDUB_EVENT_NONE) {
        return;
    }
    if (session->of.prober->next_probe_at <= turn->now) {
        send_probe(session, turn);
    } else if (asks_again_at(session, turn->settings) <= turn->now) {
        session->of.prober->has_asked_again = true;
        put_probe(session, turn);
    }
}
