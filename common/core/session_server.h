/* Does the duties of a server; beside it stand its grants, its challenges and its verdicts (session_silence.h). */
#ifndef LUBDUB_CORE_SESSION_SERVER_H
#define LUBDUB_CORE_SESSION_SERVER_H

#include <lubdub/session.h>

/* What else a server asks of a session. */
#include "core/session_challenge.h"
#include "core/session_grant.h"
#include "core/session_silence.h"

struct lubdub_role_duties; /* session_shared.h */

extern const struct lubdub_role_duties lubdub_server_duties;

/*
 * The usual work of a server in one call: a session that is up, has nothing to say and nothing waiting gets one probe
 * and answers it. No turn, no event, nothing copied. By the same rules as lubdub_session_receive().
 *
 * Where `bytes` are one whole PROBE and its ACK is all that comes of it: takes the probe, makes the ACK of the bytes
 * where they lie, and returns true. The ACK is the next to go to the peer; no deadline has come closer.
 *
 * Else returns false, and the bytes are as they were, for lubdub_session_receive() with the same `now`.
 */
bool lubdub_session_answer_quickly(struct lubdub_session *session, const struct lubdub_session_settings *settings,
                                   lubdub_time now, uint8_t *bytes, size_t length);

/* The server did not read for a while: frames that piled up meanwhile do not count against the peer. */
void lubdub_server_forgive_piles(struct lubdub_session *session, lubdub_duration while_not_reading);

/* Whether the client has probed, or acknowledged a challenge, at least once: it is there, and not just a connection. */
static inline bool lubdub_session_has_answered(const struct lubdub_session *session)
{
    return session->probes_received > 0 || session->of.server.challenges_sent > session->challenges_waiting;
}

#endif
