/* The faults of the clients, while rates are taken. */
#ifndef LUBDUB_SWARM_RUN_CLIENTS_FAULTS_H
#define LUBDUB_SWARM_RUN_CLIENTS_FAULTS_H

#include "swarm/run/state.h"

/* Does them within the duration, and waits for what the sides make of them. */
void swarm_run_clients_faults(struct swarm_run *run);

#endif
