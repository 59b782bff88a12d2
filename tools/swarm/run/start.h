/* The processes of the swarm and the server of our own, up to the point where clients can connect. */
#ifndef LUBDUB_SWARM_RUN_START_H
#define LUBDUB_SWARM_RUN_START_H

#include "swarm/run/state.h"

/* Both, up to listening. False: problem. */
bool swarm_run_start(struct swarm_run *run);

/* Starts our servers and waits until they listen. False: problem. */
bool swarm_run_start_servers(struct swarm_run *run);

#endif
