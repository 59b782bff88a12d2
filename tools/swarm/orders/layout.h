/* How many clients are laid out over processes, servers and source addresses. Pure. */
#ifndef LUBDUB_SWARM_ORDERS_LAYOUT_H
#define LUBDUB_SWARM_ORDERS_LAYOUT_H

#include <stdint.h>

#include "ev/address.h"

/* A range of clients, by their numbers. */
struct swarm_part {
    uint32_t first;
    uint32_t count;
};

/* The parts cover all clients in order, and no two differ by more than one. part < part_count <= client_count. */
struct swarm_part swarm_part_of(uint32_t client_count, uint32_t part_count, uint32_t part);

/* The part that has this client. */
uint32_t swarm_part_with(uint32_t client_count, uint32_t part_count, uint32_t client);

/* The fewest processes that hold so many clients, each at most `capacity`, which is not 0. */
uint64_t swarm_processes_for(uint64_t client_count, uint64_t capacity);

/*
 * The fewest server processes on one port that take so many clients, each at most `capacity` (more than 100): where
 * they are several, the kernel deals connections out by lot, so that some get more than their part.
 */
uint64_t swarm_servers_for(uint64_t client_count, uint64_t capacity);

/* On a network of our own (network/path.h): as many clients as there are addresses of 10.128.0.0/9, but for the first
 * and the last few. */
#define SWARM_ADDRESS_LIMIT ((1u << 23) - 512)
#define SWARM_SECOND_ADDRESS_LIMIT ((1u << 22) - 512) /* where each has a second one */

/*
 * Where a client connects from when the server is on this machine: an address of 127.0.0.0/8 for every few hundred
 * clients, because one address has some 28,000 ports for one server. The port is 0: the kernel's choice.
 */
void swarm_source_address(struct lubdub_address *address, uint32_t client);

#endif
