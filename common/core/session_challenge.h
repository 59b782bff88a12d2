/* Asks a client whether it is there: a PROBE of the server's, which its ACK answers. Private to the core. */
#ifndef LUBDUB_CORE_SESSION_CHALLENGE_H
#define LUBDUB_CORE_SESSION_CHALLENGE_H

#include <lubdub/session.h>

/* The most that the session's bits can hold. */
#define LUBDUB_CHALLENGES_WAITING_LIMIT 7u

/* Of those that wait: a challenge of a regrant waits beside the challenges of a silence. */
unsigned lubdub_server_waits_for_regrant(const struct lubdub_session *session);

/* Its answer, or its absence, tells a hung process from a dead path. Returns whether one was sent. */
bool lubdub_server_challenge(struct lubdub_session *session, struct lubdub_turn *turn, unsigned most_waiting);

/* Challenges a session that is up, unless the answer to a challenge is waited for already. Returns whether it did. */
bool lubdub_session_ask(struct lubdub_session *session, struct lubdub_turn *turn);

/*
 * Sets our health and challenges a session that is up, so that the client hears of it now. Where too many challenges
 * wait, it is owed, and goes when an ACK has come.
 */
void lubdub_session_tell_health(struct lubdub_session *session, struct lubdub_turn *turn, enum lubdub_health health);

/* An ACK came: tells a health that is owed. */
void lubdub_server_pay_health(struct lubdub_session *session, struct lubdub_turn *turn);

#endif
