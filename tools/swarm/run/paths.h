/*
 * The network faults of a run: an internet of our own for all, paths that are cut, and paths that are bad. Worsening,
 * mending, injecting and measuring do nothing without a network.
 */
#ifndef LUBDUB_SWARM_RUN_PATHS_H
#define LUBDUB_SWARM_RUN_PATHS_H

#include "swarm/run/state.h"

/* Makes it, and sets where the server is to listen. False: problem. */
bool swarm_run_make_network(struct swarm_run *run);

/* For the processes that are started: user_data is the run. */
void swarm_run_network_source(struct lubdub_address *address, uint32_t client);
bool swarm_run_second_path(int socket, uint32_t client); /* in the clients' network; false: none was opened */
bool swarm_run_enter_clients_network(void *user_data, char *problem, size_t capacity);
bool swarm_run_enter_servers_network(void *user_data);

/* Does a client's fault to its path; as swarm_run_strike(). */
void swarm_run_strike_path(struct swarm_run *run, enum swarm_fault fault, uint32_t client);

/* Paths become as bad as was ordered. */
void swarm_run_worsen_paths(struct swarm_run *run);

/* From now on no client that suffers from its path is to be lost for it. */
void swarm_run_inject_bad_paths(struct swarm_run *run);

/* All paths are open and good again. */
void swarm_run_mend_paths(struct swarm_run *run);

/* How well the network worked, with notes where that matters. */
void swarm_run_measure_network(struct swarm_run *run);

#endif
