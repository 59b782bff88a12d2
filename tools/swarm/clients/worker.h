/*
 * One process of the swarm: a loop, a part of the clients, and a channel to the coordinator, which tells it what to do.
 *
 * It knows nothing of plans, faults' meaning or reports: it does what it is told and says what its clients noticed, in
 * the order in which that happened.
 */
#ifndef LUBDUB_SWARM_CLIENTS_WORKER_H
#define LUBDUB_SWARM_CLIENTS_WORKER_H

#include <stdbool.h>

#include "swarm/clients/crowd.h"

struct swarm_worker_settings {
    struct swarm_crowd_settings crowd; /* server: told with SWARM_CONNECT */
    /*
     * Called first of all in the new process, for instance to enter a network namespace. False, and why not: the
     * process tells the coordinator so and does nothing more. NULL: not needed.
     */
    bool (*enter)(void *user_data, char *problem, size_t capacity);
    void *user_data;
};

/* What the coordinator may look at while the process runs, in memory that both have. */
struct swarm_worker_page {
    struct swarm_crowd_page crowd;
    int64_t memory; /* resident bytes that its clients took, as of the last SWARM_SYNCED */
};

/*
 * The whole life of the process, which was just forked: closes all descriptors but the standard ones and the channel,
 * forgets the signals and loops of the one that forked it, and serves the channel until that ends. Does not return.
 */
void swarm_worker_run(const struct swarm_worker_settings *settings, struct swarm_worker_page *page, int channel)
    __attribute__((noreturn));

#endif
