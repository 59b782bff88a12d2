/*
 * Waits while a loop gathers (ev/gather.h), and ends the wait early for what must not wait: a new connection, the end
 * of a session (its peer has closed or reset the connection), and a letter from another thread. Ordinary input wakes
 * nobody.
 *
 * These sockets are in an epoll set of their own, beside the loop's, which asks for ends alone; so the kernel tells one
 * from the other. What ends a wait is not handled here: the loop finds it when it looks at its sockets right
 * afterwards.
 *
 * Belongs to the loop's thread, but for lubdub_waiting_ring().
 */
#ifndef LUBDUB_EV_WAITING_H
#define LUBDUB_EV_WAITING_H

#include <stdatomic.h>
#include <stdbool.h>

#include <lubdub/time.h>

struct lubdub_waiting {
    int set;        /* -1: there is none, and nothing waits */
    int bell;       /* an eventfd in it; -1 */
    bool is_unable; /* the kernel cannot wait for less than a millisecond, or may not */
    _Atomic bool is_rung;
    _Atomic bool is_waiting;
};

/* No descriptor is opened yet. */
void lubdub_waiting_init(struct lubdub_waiting *waiting);
void lubdub_waiting_clear(struct lubdub_waiting *waiting);

/* Opens the descriptors, if that was not done. False: the system lacks something, and the loop does not gather. */
bool lubdub_waiting_open(struct lubdub_waiting *waiting);

/*
 * A new connection on this listening socket ends the wait; or the end of this connection does. Closing the socket takes
 * it out. Without memory in the kernel it is left out, and waits as ordinary input does.
 */
void lubdub_waiting_mind_listener(struct lubdub_waiting *waiting, int socket);
void lubdub_waiting_mind_end(struct lubdub_waiting *waiting, int socket);

/* For a socket that is not closed, but is the loop's no more. */
void lubdub_waiting_forget(struct lubdub_waiting *waiting, int socket);

/* Ends the wait, or does away with the next one where there is none. For any thread. */
void lubdub_waiting_ring(struct lubdub_waiting *waiting);

/* Waits until then, or until something must not wait any more. */
void lubdub_waiting_wait(struct lubdub_waiting *waiting, lubdub_time now, lubdub_time until);

#endif
