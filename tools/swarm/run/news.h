/* What both sides say, brought into an order that the ledger understands. */
#ifndef LUBDUB_SWARM_RUN_NEWS_H
#define LUBDUB_SWARM_RUN_NEWS_H

#include "swarm/run/state.h"

/* What the clients' processes say; user_data is the run. */
extern const struct swarm_workers_hooks swarm_run_workers_hooks;

/* What a server of our own says; user_data is the run. */
void swarm_run_on_server_event(void *user_data, const struct swarm_server_event *event);

void swarm_held_back_clear(struct swarm_held_back *held);

#endif
