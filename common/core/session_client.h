/* Does the duties of a client: HELLO, a probe every interval, a timeout for each probe. */
#ifndef LUBDUB_CORE_SESSION_CLIENT_H
#define LUBDUB_CORE_SESSION_CLIENT_H

#include <lubdub/session.h>

struct lubdub_role_duties; /* session_shared.h */

extern const struct lubdub_role_duties lubdub_client_duties;

/* Makes the prober and writes HELLO. */
enum lubdub_error lubdub_session_open_client(struct lubdub_session *session, struct lubdub_turn *turn);

/* Whether a MESSAGE may go at once by the rate that the server told; if so, it is counted. */
bool lubdub_session_client_may_send(struct lubdub_session *session, lubdub_time now);

/*
 * The connection of this client, right after lubdub_session_init(), may have several paths: where its timeout is about
 * as short as its interval, a probe that waits is followed by another one half way. Nothing for a server, whose
 * challenges come twice anyway.
 */
void lubdub_session_note_paths(struct lubdub_session *session);

#endif
