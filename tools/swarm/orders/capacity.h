/* Whether this machine's limits on open files and memory allow so many clients, and in how many processes. */
#ifndef LUBDUB_SWARM_ORDERS_CAPACITY_H
#define LUBDUB_SWARM_ORDERS_CAPACITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of clients, and of servers. */
#define SWARM_PROCESS_LIMIT 1024

struct swarm_demand {
    uint64_t clients;
    uint64_t processes;        /* for the clients; 0: as few as hold them */
    bool has_servers;          /* on this machine too, of our own */
    uint64_t server_processes; /* for their sessions; 0: as few as hold them */
};

/* Completes what was 0. False: problem says which limit is in the way, and what would help. */
bool swarm_capacity_fit(struct swarm_demand *demand, char *problem, size_t capacity);

#endif
