/* What dies of itself, and not by our hand: a server, a process of the swarm, the wire. Each ends the run. */
#ifndef LUBDUB_SWARM_RUN_CASUALTIES_H
#define LUBDUB_SWARM_RUN_CASUALTIES_H

#include "swarm/run/state.h"

/* A dead process's peers hear of its death a little before we do. */
#define SWARM_NEWS_OF_DEATH LUBDUB_SECOND

/* The server is gone; what clients said from `since` on is no false alarm. */
void swarm_run_lose_server(struct swarm_run *run, lubdub_time since);

/* Looks whether anything has died, and notes it. */
void swarm_run_look_for_casualties(struct swarm_run *run);

/* Whether no server of our own runs any more, whatever ended them. */
bool swarm_run_server_has_ended(const struct swarm_run *run);

#endif
