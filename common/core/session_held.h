/* Holds back what a client sends above the rate that the server told. Private to the core. */
#ifndef LUBDUB_CORE_SESSION_HELD_H
#define LUBDUB_CORE_SESSION_HELD_H

#include <lubdub/session.h>

/* Whether a MESSAGE may go at once by the rate that the server told; if so, it is counted. */
bool lubdub_session_client_may_send(struct lubdub_session *session, lubdub_time now);

/* When a held message may go; LUBDUB_TIME_NEVER where none is held, or others wait for the kernel. */
lubdub_time lubdub_client_releases_at(const struct lubdub_session *session);

/* Those that may go, some at a time. */
void lubdub_client_release_messages(struct lubdub_session *session, struct lubdub_turn *turn);

#endif
