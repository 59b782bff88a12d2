/* What the processes of the swarm count, each on its page, put together. */
#ifndef LUBDUB_SWARM_CLIENTS_WORKERS_COUNT_H
#define LUBDUB_SWARM_CLIENTS_WORKERS_COUNT_H

#include "swarm/clients/workers.h"

/* Sums over all, without round trips; granted and failure are those of one that has any. Cheap. */
void swarm_workers_count(const struct swarm_workers *workers, struct swarm_crowd_counts *counts);
int64_t swarm_workers_memory(const struct swarm_workers *workers);

/* Adds the round trips recorded so far to a histogram. */
void swarm_workers_round_trips(const struct swarm_workers *workers, struct lubdub_histogram *round_trips);

#endif
