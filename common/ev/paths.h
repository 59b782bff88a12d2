/*
 * Looks at the paths of Multipath TCP connections. A path is a subflow: a TCP connection of its own between two
 * addresses. The kernel moves what a cut path has lost to another one; here is what it knows of each, and of all
 * together.
 *
 * A path works while its segments are acknowledged. An idle path is asked by TCP's keepalive, which is why
 * lubdub_paths_tune() turns that on: else a cable that nobody uses could be out for hours, and the next cut would be an
 * outage.
 */
#ifndef LUBDUB_EV_PATHS_H
#define LUBDUB_EV_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/session.h>
#include <lubdub/time.h>

/* Between two looks at the paths of one connection, at least. */
#define LUBDUB_PATHS_LOOK_GAP (500 * LUBDUB_MILLISECOND)

/*
 * Why this kernel makes no Multipath TCP connections, as a static sentence: it was built without, or
 * net.mptcp.enabled is 0. NULL: it makes them.
 */
const char *lubdub_paths_lack(void);

/* Whether a connection that lubdub_socket_may_have_paths() has become plain TCP: the peer, or a box on the way, does not speak the protocol. */
bool lubdub_paths_fell_back(int socket);

/* How many paths work at this moment; 0: none does, or the connection is plain TCP. */
unsigned lubdub_paths_count(int socket);

/*
 * What lubdub_socket_look() tells, over all paths: bytes count as acknowledged when the peer's kernel has them,
 * whichever path brought them, and the peer's kernel was heard when any path heard it. False: the kernel says nothing,
 * and the evidence is as it was.
 */
bool lubdub_paths_look(int socket, struct lubdub_evidence *evidence);

/*
 * Options that reach all paths of the connection, present and future. Keepalive asks idle paths about every interval
 * (1 to 30 s) and does not end one that is out: the kernel would not bring it back.
 */
void lubdub_paths_tune(int socket, lubdub_duration interval);

/*
 * What was last seen of the connections of one loop, by descriptor; only those with Multipath TCP take room here.
 * Zeroed, it is empty.
 */
struct lubdub_paths {
    struct lubdub_paths_entry *entries;
    size_t capacity;
};

void lubdub_paths_clear(struct lubdub_paths *paths);

/* Begins with a connection, which has one path or more; false without memory. */
bool lubdub_paths_add(struct lubdub_paths *paths, int socket, lubdub_time now);
void lubdub_paths_remove(struct lubdub_paths *paths, int socket);

/* How many paths the connection had when they were last looked at; 0: it is not here. */
unsigned lubdub_paths_known(const struct lubdub_paths *paths, int socket);

/* Looks again at once, and returns how many there are now; with none, the number that was known. 0: it is not here. */
unsigned lubdub_paths_renew(struct lubdub_paths *paths, int socket, lubdub_time now);

/*
 * Looks again where the last look is LUBDUB_PATHS_LOOK_GAP ago. Returns whether the number has changed; *was is the
 * number before. With no path at all nothing is told: that is the session's own silence.
 */
bool lubdub_paths_have_changed(struct lubdub_paths *paths, int socket, lubdub_time now, unsigned *was);

#endif
