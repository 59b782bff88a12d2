/* Ends connections on the server's side: the application is told once, then the record is freed. */
#ifndef LUBDUB_SERVER_LIBRARY_RECORD_H
#define LUBDUB_SERVER_LIBRARY_RECORD_H

#include "server/library/state.h"

/* Tells DISCONNECTED, once for each session; *event says why. A connection that is no session has no end to tell. */
void lubdub_record_end(struct lubdub_worker *worker, struct lubdub_record *record, struct lubdub_server_event *event);

/* The event for a session that the server ends now. text may be NULL; it is borrowed. */
struct lubdub_server_event lubdub_record_new_end(const struct lubdub_record *record, enum lubdub_reason reason,
                                                 enum lubdub_cause cause, const char *text);

/* The server ends the session: DISCONNECTED, BYE. text may be NULL. The record may be gone afterwards. */
void lubdub_record_dismiss(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_reason reason,
                           enum lubdub_cause cause, const char *text, bool has_retry_after,
                           lubdub_duration retry_after);

/* Tells REJECTED of a connection that does not become a session. */
void lubdub_record_reject(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_cause cause,
                          struct lubdub_slice text, bool has_reason, uint64_t reason);

/* REJECTED, BYE. The record may be gone afterwards. */
void lubdub_record_refuse(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_reason reason,
                          enum lubdub_cause cause, const char *text);

/* BYE of a connection that does not become a session, without a word to the application. */
void lubdub_record_turn_away(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_reason reason,
                             const char *text);

/* Spread, so that clients that were refused together do not come back together. */
lubdub_duration lubdub_record_retry_after(struct lubdub_worker *worker);

/* Gives the record and its peer back; its link is closed. */
void lubdub_record_free(struct lubdub_worker *worker, struct lubdub_record *record);

#endif
