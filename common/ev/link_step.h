/* Begins and ends the steps of links, one inside another where an application calls from its callback. */
#ifndef LUBDUB_EV_LINK_STEP_H
#define LUBDUB_EV_LINK_STEP_H

#include "ev/link_inside.h"

/* The step of this link that is running; NULL: none is. */
struct lubdub_link_step *lubdub_link_running_step(const struct lubdub_link *link);

/*
 * A step inside another one uses what is left of the same buffer; the outer one has no room while it runs, so that
 * what is put into it from within goes to its outbox.
 */
void lubdub_link_begin(struct lubdub_link_step *step, struct lubdub_link *link, lubdub_time now, bool is_call);

/* Settles the link's own step. is_served: its socket belongs to a server and is ready in this turn. */
void lubdub_link_end(struct lubdub_link_step *step, bool is_served);

/* Settles a call. */
void lubdub_link_end_call(struct lubdub_link_step *step);

/* Gives up a step whose session did not begin. */
void lubdub_link_pop(struct lubdub_link_step *step, struct lubdub_reactor *reactor);

/* Takes the link out of the loop, for good. The socket is left. */
void lubdub_link_stop(struct lubdub_link *link);

#endif
