/*
 * Runs one session on one socket in one loop; 112 bytes, embedded in what its owner keeps for each connection.
 *
 * The loop begins a link's step, and the step's end writes, re-arms, closes and hands the link back to its owner. A
 * call from inside the link's own callback joins that step. Any other call writes what the kernel takes at once and
 * returns: no call ever reads, calls back or closes. What it finds (a broken connection, an end) comes in the link's
 * own step, in a later turn of the loop. So an application may do anything from inside a callback, also with a mutex
 * held, to this link or to others; but it must not run the loop there.
 */
#ifndef LUBDUB_EV_LINK_H
#define LUBDUB_EV_LINK_H

#include "ev/link_state.h"

/* Acquires the loop's reactor. The callbacks and settings are the owner's to set. */
enum lubdub_error lubdub_link_group_init(struct lubdub_link_group *group, struct ev_loop *loop);
void lubdub_link_group_clear(struct lubdub_link_group *group);

/*
 * The loop may leave sockets alone for so long, that one wake-up serves many of them (ev/gather.h); 0, as from the
 * beginning: it may not. All groups of a loop have to allow it, and the least of them holds.
 */
void lubdub_link_group_gather(struct lubdub_link_group *group, lubdub_duration longest);

/*
 * Begins a session on a connected, non-blocking socket, which the link owns from now on, also on failure.
 * The client's HELLO is made from `opening` (NULL: the group's settings), which is not needed afterwards.
 * On failure (no memory) the socket is closed and on_closed does not come. The end of a connection that is broken
 * already is told in a later turn, as every end is.
 */
enum lubdub_error lubdub_link_open(struct lubdub_link *link, struct lubdub_link_group *group, int socket,
                                   enum lubdub_role role, const struct lubdub_session_settings *opening);

/*
 * The same over TLS, which the socket's two ends negotiate first: until then nothing is written, and a client's HELLO
 * waits. name: of the server, which a client checks; NULL for a server's side. A handshake that fails, or ends, is the
 * session's end, with the cause `tls` and what was wrong as its text.
 */
enum lubdub_error lubdub_link_open_tls(struct lubdub_link *link, struct lubdub_link_group *group, int socket,
                                       enum lubdub_role role, const struct lubdub_session_settings *opening,
                                       struct lubdub_tls *tls, const char *name);

/* Whether it was opened so; also after its end. */
bool lubdub_link_is_tls(const struct lubdub_link *link);

/* What stands between the link and its socket; NULL: nothing, the link is plain, or closed. */
const struct lubdub_transport *lubdub_link_transport(const struct lubdub_link *link);

/* As lubdub_session_grant, _leave and _send; WRONG_STATE also where the connection proves broken. */
enum lubdub_error lubdub_link_grant(struct lubdub_link *link, const struct lubdub_grant *grant);
void lubdub_link_leave(struct lubdub_link *link, enum lubdub_reason reason, const char *text, bool has_retry_after,
                       lubdub_duration retry_after);
enum lubdub_error lubdub_link_send(struct lubdub_link *link, const void *content, size_t length);

/* How many paths the connection has at this moment; 1 without Multipath TCP. */
unsigned lubdub_link_paths(struct lubdub_link *link);

/* Challenges a session that is up, unless an earlier challenge still waits for its ACK. */
void lubdub_link_ask(struct lubdub_link *link);

/* Tells this health with a probe at once, and with all that follow, to a client whose session is up. */
void lubdub_link_tell_health(struct lubdub_link *link, enum lubdub_health health);

/*
 * Reads the clock anew: events that the step running for this link tells from now on did not happen before that time.
 */
lubdub_time lubdub_link_now(struct lubdub_link *link);

/*
 * Takes the link out of the loop and gives up its socket without a word; on_closed does not come. Not from
 * inside a callback for this same link. Returns the socket, which is the caller's now.
 */
int lubdub_link_detach(struct lubdub_link *link);

/* Closes the socket without a word (a FIN, or a RST where bytes lie unread); on_closed does not come. As above. */
void lubdub_link_abort(struct lubdub_link *link);

#endif
