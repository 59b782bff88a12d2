/* The faults of the server, one at a time. */
#ifndef LUBDUB_SWARM_RUN_SERVER_FAULTS_H
#define LUBDUB_SWARM_RUN_SERVER_FAULTS_H

#include "swarm/run/state.h"

/* In the order in which they were given, each while all clients are connected. */
void swarm_run_server_faults(struct swarm_run *run);

#endif
