/* What a step sees of a link: its socket, plain or under TLS, its kernel's word, its deadline, and its owner. */
#ifndef LUBDUB_EV_LINK_STREAM_H
#define LUBDUB_EV_LINK_STREAM_H

#include <sys/types.h>

#include <lubdub/step.h>

#include "ev/link_state.h"

extern const struct lubdub_stream lubdub_link_tcp;
extern const struct lubdub_stream lubdub_link_tls;

/* What send() returned, and its errno. */
struct lubdub_transfer lubdub_link_transfer(ssize_t length, int error);

/* The same for recv(). */
struct lubdub_transfer lubdub_link_came(ssize_t length, int error);

/* How long the loop may gather, as far as this session goes. One that has no grant yet has nothing to say. */
void lubdub_link_note_gather(const struct lubdub_link *link, lubdub_duration patience);

/* When the loop is to look at a session with that deadline: a client's steady probe goes with those of others. */
lubdub_time lubdub_link_wakes_at(const struct lubdub_link *link, lubdub_time deadline, lubdub_duration patience);

/*
 * Sets the kernel's timers by the deadlines of a session that is up. Does nothing for the many sessions with the grant
 * for which their listener was set up.
 */
void lubdub_link_tune(struct lubdub_link *link, bool is_first);

/*
 * Whether it counts in the suspicion of ourselves. A client's session counts from its beginning. A server's session
 * counts from its first answer: any host can connect.
 */
bool lubdub_link_counts(const struct lubdub_session *session);

/* So many sessions more count, and so many of them are late. */
void lubdub_link_count(struct lubdub_link *link, int sessions, int late);

#endif
