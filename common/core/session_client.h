/* Does the duties of a client; beside it stand its probes and verdicts, and the messages that it holds back. */
#ifndef LUBDUB_CORE_SESSION_CLIENT_H
#define LUBDUB_CORE_SESSION_CLIENT_H

#include <lubdub/session.h>

/* What else a client asks of a session. */
#include "core/session_held.h"
#include "core/session_waiting.h"

struct lubdub_role_duties; /* session_shared.h */

extern const struct lubdub_role_duties lubdub_client_duties;

/* Makes the prober and writes HELLO. */
enum lubdub_error lubdub_session_open_client(struct lubdub_session *session, struct lubdub_turn *turn);

#endif
