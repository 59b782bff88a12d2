/* What wakes a link: its socket, its deadline, and the end of the loop's own absence. */
#ifndef LUBDUB_EV_LINK_WAKE_H
#define LUBDUB_EV_LINK_WAKE_H

#include "ev/link_state.h"

/* The callbacks of a link's watcher: plain, and under TLS. */
void lubdub_link_on_io(struct ev_loop *loop, ev_io *io, int revents);
void lubdub_link_on_tls_io(struct ev_loop *loop, ev_io *io, int revents);

/* Deadlines and absences, for the loop's reactor. */
extern const struct lubdub_reactor_hooks lubdub_link_hooks;

#endif
