/* What a server's session was granted, and what of it counts while a new grant is not seen to be kept yet. Private to
 * the core. */
#ifndef LUBDUB_CORE_SESSION_GRANT_H
#define LUBDUB_CORE_SESSION_GRANT_H

#include <lubdub/session.h>

#include "core/rate_limit.h"
#include "core/session_shared.h"

/* Both grants count until the server has seen that the client keeps to the new one. */
uint32_t lubdub_larger_interval_ms(const struct lubdub_session *session);
uint32_t lubdub_smaller_interval_ms(const struct lubdub_session *session);
uint32_t lubdub_larger_expiry_ms(const struct lubdub_session *session);
lubdub_duration lubdub_interval_in_force(const struct lubdub_session *session);
lubdub_duration lubdub_expiry_in_force(const struct lubdub_session *session);

/* What probes are counted by. */
struct lubdub_bucket lubdub_probe_bucket(const struct lubdub_session *session);

/* How punctual the client's probes were, kept in the session's bits. */
struct lubdub_lateness lubdub_learned_lateness(const struct lubdub_session *session);
void lubdub_keep_lateness(struct lubdub_session *session, struct lubdub_lateness lateness);

/*
 * A challenge behind the WELCOME of the new grant. Probes that come before its ACK were sent under the old grant, or may
 * have been; probes that come after it were sent under the new one. Where as many wait as may, it is owed, and goes
 * when an ACK has come.
 */
#define LUBDUB_CHALLENGE_OWED UINT32_MAX
void lubdub_server_mark_new_grant(struct lubdub_session *session, struct lubdub_turn *turn);

/* A probe came that may have been sent under the new grant: after two of them the old one does not count any more. */
void lubdub_server_note_new_grant(struct lubdub_session *session);

/* ASKED: what is to be granted instead of what the client asked for. 0: that stays. */
void lubdub_session_wish(struct lubdub_session *session, lubdub_duration interval, lubdub_duration expiry);

#endif
