/* Sends challenges, and counts those that wait for their ACK. */
#include "core/session_challenge.h"

#include "core/session_shared.h"

/* The most that the session's bits can hold. */
#define MOST_CHALLENGES_SENT 0x7ffffffu

unsigned lubdub_server_waits_for_regrant(const struct lubdub_session *session)
{
    return session->extra != NULL && session->extra->regrant_challenge != 0 ? 1 : 0;
}

bool lubdub_server_challenge(struct lubdub_session *session, struct lubdub_turn *turn, unsigned most_waiting)
{
    struct lubdub_frame probe = {.type = LUBDUB_FRAME_PROBE, .flags = session->health};
    struct lubdub_session_extra *extra = lubdub_session_need_extra(session); /* without memory its age is not known */

    if (session->challenges_waiting >= most_waiting || session->of.server.challenges_sent == MOST_CHALLENGES_SENT) {
        return false;
    }
    if (extra != NULL) {
        extra->asked_first_at = session->challenges_waiting == 0 ? turn->now : extra->asked_first_at;
        extra->asked_at = turn->now;
        extra->owes_health = false;
    }
    session->challenges_waiting = (session->challenges_waiting + 1u) & LUBDUB_CHALLENGES_WAITING_LIMIT;
    session->of.server.challenges_sent = (session->of.server.challenges_sent + 1u) & MOST_CHALLENGES_SENT;
    probe.sequence = session->of.server.challenges_sent;
    lubdub_session_put(session, turn, &probe);
    return session->state == LUBDUB_SESSION_UP;
}

bool lubdub_session_ask(struct lubdub_session *session, struct lubdub_turn *turn)
{
    return session->role == LUBDUB_ROLE_SERVER && session->state == LUBDUB_SESSION_UP &&
           lubdub_server_challenge(session, turn, 1 + lubdub_server_waits_for_regrant(session));
}

/* Beside a challenge of a silence and one of a regrant. */
#define MOST_WAITING_WITH_HEALTH 3

void lubdub_session_tell_health(struct lubdub_session *session, struct lubdub_turn *turn, enum lubdub_health health)
{
    lubdub_session_set_health(session, health);
    if (session->role == LUBDUB_ROLE_SERVER && session->state == LUBDUB_SESSION_UP &&
        !lubdub_server_challenge(session, turn, MOST_WAITING_WITH_HEALTH) && session->extra != NULL) {
        session->extra->owes_health = true; /* else the client would go by an older one for as long as it is punctual */
    }
}

void lubdub_server_pay_health(struct lubdub_session *session, struct lubdub_turn *turn)
{
    if (session->extra != NULL && session->extra->owes_health) {
        (void)lubdub_server_challenge(session, turn, MOST_WAITING_WITH_HEALTH);
    }
}
