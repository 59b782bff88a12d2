/*
 * Carries out what the application asks of sessions: send, broadcast, disconnect, regrant. The public functions do it
 * at once in the thread of the session's worker, and post a letter from any other thread; the worker opens the letter
 * with the functions below, which belong to its own thread.
 */
#ifndef LUBDUB_SERVER_LIBRARY_REQUESTS_H
#define LUBDUB_SERVER_LIBRARY_REQUESTS_H

#include "server/library/state.h"

/* The list of owed ends: sessions that the application ended, while the application has not been told of it. */
void lubdub_requests_init(struct lubdub_worker *worker);
void lubdub_requests_clear(struct lubdub_worker *worker);

/* The cause of an end that the application asked for. */
static inline enum lubdub_cause lubdub_cause_of_leaving(enum lubdub_reason reason)
{
    return reason == LUBDUB_REASON_REPLACED ? LUBDUB_CAUSE_REPLACED : LUBDUB_CAUSE_SHUTDOWN;
}

/* NOT_FOUND: no such session, or its end is on the way. NO_MEMORY, FULL, TOO_LONG. */
enum lubdub_error lubdub_worker_send(struct lubdub_worker *worker, uint64_t session, const void *content,
                                     size_t length);
enum lubdub_error lubdub_worker_disconnect(struct lubdub_worker *worker, uint64_t session, enum lubdub_reason reason,
                                           enum lubdub_cause cause, const char *text);
enum lubdub_error lubdub_worker_regrant(struct lubdub_worker *worker, uint64_t session, lubdub_duration interval,
                                        lubdub_duration expiry);

/*
 * BYE at once; the application hears of the end when it is not in the middle of something (_tell_owed_ends).
 * NOT_FOUND, NO_MEMORY: nothing was done.
 */
enum lubdub_error lubdub_worker_dismiss(struct lubdub_worker *worker, uint64_t session, enum lubdub_reason reason,
                                        const char *text);
void lubdub_worker_tell_owed_ends(struct lubdub_worker *worker);

/* Sends the letter's parcel to the next sessions, as far as the budget goes. Returns whether all were reached. */
bool lubdub_worker_broadcast(struct lubdub_worker *worker, struct lubdub_letter *letter, struct lubdub_budget *budget);

/*
 * A MESSAGE of a session: to all sessions, or back to it, behind what this thread sent before. Where there is no room
 * it is dropped and counted.
 */
void lubdub_worker_pass_on(struct lubdub_worker *worker, const void *content, size_t length);
void lubdub_worker_echo(struct lubdub_worker *worker, struct lubdub_record *record, const void *content, size_t length);

#endif
