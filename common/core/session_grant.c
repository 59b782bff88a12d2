/* Grants what a client wished for, says so in WELCOME, and grants anew. */
#include "core/session_grant.h"

#include "core/rate_limit.h"
#include "core/session_challenge.h"
#include "core/session_shared.h"
#include "core/shared_field.h"

uint32_t lubdub_larger_interval_ms(const struct lubdub_session *session)
{
    const struct lubdub_session_extra *extra = session->extra;

    return extra != NULL && extra->old_longest_interval_ms > session->interval_ms ? extra->old_longest_interval_ms
                                                                                  : session->interval_ms;
}

uint32_t lubdub_smaller_interval_ms(const struct lubdub_session *session)
{
    const struct lubdub_session_extra *extra = session->extra;

    return extra != NULL && extra->old_interval_ms > 0 && extra->old_interval_ms < session->interval_ms
               ? extra->old_interval_ms
               : session->interval_ms;
}

uint32_t lubdub_larger_expiry_ms(const struct lubdub_session *session)
{
    const struct lubdub_session_extra *extra = session->extra;

    return extra != NULL && extra->old_expiry_ms > session->expiry_ms ? extra->old_expiry_ms : session->expiry_ms;
}

struct lubdub_bucket lubdub_probe_bucket(const struct lubdub_session *session)
{
    uint32_t interval_ms = lubdub_smaller_interval_ms(session);

    return (struct lubdub_bucket){interval_ms, lubdub_rate_limit_burst(interval_ms, lubdub_larger_expiry_ms(session))};
}

lubdub_duration lubdub_expiry_in_force(const struct lubdub_session *session)
{
    return lubdub_larger_expiry_ms(session) * LUBDUB_MILLISECOND;
}

lubdub_duration lubdub_interval_in_force(const struct lubdub_session *session)
{
    return lubdub_larger_interval_ms(session) * LUBDUB_MILLISECOND;
}

struct lubdub_lateness lubdub_learned_lateness(const struct lubdub_session *session)
{
    return (struct lubdub_lateness){session->lateness_deviation, session->lateness_worst};
}

void lubdub_keep_lateness(struct lubdub_session *session, struct lubdub_lateness lateness)
{
    session->lateness_deviation = lateness.deviation;
    session->lateness_worst = lateness.worst;
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
        struct lubdub_lateness learned = lubdub_learned_lateness(session);

        lubdub_lateness_rescale(&learned, old_expiry_ms * LUBDUB_MILLISECOND, session->expiry_ms * LUBDUB_MILLISECOND);
        lubdub_keep_lateness(session, learned);
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
    extra->old_expiry_ms = lubdub_larger_expiry_ms(session);
    extra->old_longest_interval_ms = lubdub_larger_interval_ms(session);
    extra->old_interval_ms = lubdub_smaller_interval_ms(session);
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
    session->of.server.probe_debt = lubdub_rate_limit_owed(grant->probe_debt, lubdub_probe_bucket(session));
    session->heard_at = turn->now; /* the answer may have taken its time, and that is not the client's silence */
    session->state = LUBDUB_SESSION_UP;
    session->has_heard = true;
    if (!session->is_anonymous) {
        put_welcome(session, turn, grant, grant->is_resumed ? LUBDUB_FLAG_RESUMED : 0);
    }
    return session->state == LUBDUB_SESSION_UP ? LUBDUB_ERROR_OK : LUBDUB_ERROR_NO_MEMORY;
}

void lubdub_server_mark_new_grant(struct lubdub_session *session, struct lubdub_turn *turn)
{
    bool is_sent = lubdub_server_challenge(session, turn, LUBDUB_CHALLENGES_WAITING_LIMIT);

    if (session->extra != NULL) {
        session->extra->regrant_challenge = is_sent ? session->of.server.challenges_sent : LUBDUB_CHALLENGE_OWED;
    }
}

static enum lubdub_error grant_again(struct lubdub_session *session, struct lubdub_turn *turn,
                                     const struct lubdub_grant *grant)
{
    struct lubdub_bucket before = lubdub_probe_bucket(session);

    if (remember_old_grant(session) != LUBDUB_ERROR_OK) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    take_grant(session, grant);
    session->of.server.is_asked_again = 0; /* a silence that may last longer now is asked before its new end, too */
    session->of.server.probe_debt =
        lubdub_rate_limit_rescale(session->of.server.probe_debt, before, lubdub_probe_bucket(session));
    put_welcome(session, turn, grant, LUBDUB_FLAG_CHANGED);
    if (session->state == LUBDUB_SESSION_UP) {
        lubdub_server_mark_new_grant(session, turn);
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

void lubdub_server_note_new_grant(struct lubdub_session *session)
{
    struct lubdub_session_extra *extra = session->extra;

    if (extra != NULL && extra->regrant_challenge == 0 && extra->probes_to_see > 0 && --extra->probes_to_see == 0) {
        struct lubdub_bucket before = lubdub_probe_bucket(session);

        extra->old_interval_ms = 0;
        extra->old_longest_interval_ms = 0;
        extra->old_expiry_ms = 0;
        session->of.server.probe_debt =
            lubdub_rate_limit_rescale(session->of.server.probe_debt, before, lubdub_probe_bucket(session));
        session->has_closer_deadline = true;
    }
}
