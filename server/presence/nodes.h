/* Counts up for the other nodes, watches whether they do, buries those that do not, and sweeps what they held. */
#ifndef LUBDUB_SERVER_PRESENCE_NODES_H
#define LUBDUB_SERVER_PRESENCE_NODES_H

#include "server/presence/state.h"

/* Joins first, where this boot does not stand in Redis. */
void presence_on_beat(struct ev_loop *loop, ev_timer *timer, int revents);

/* Says that the node has left; the callback comes in any case. */
void presence_say_left(struct presence *presence, presence_reply callback);

#endif
