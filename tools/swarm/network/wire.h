/*
 * Carries IP packets between the servers' card and the clients', each client's as its path says. A process of its own,
 * because a wire must not wait for the sides that it joins; what it shares with the process that sets the paths is
 * here.
 *
 *     servers 10.77.0.1 ── card ══ wire ══ card ── clients 10.128.1.0 and on, an address each
 *                                                          10.192.1.0 and on, for a second cable each
 */
#ifndef LUBDUB_SWARM_NETWORK_WIRE_H
#define LUBDUB_SWARM_NETWORK_WIRE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "statistics/summary.h"
#include "swarm/network/path.h"

/* In memory that both processes see. Zeroed: all paths are open and good. */
struct swarm_wire_shared {
    _Atomic uint32_t closed_ways;        /* of all paths at once */
    _Atomic uint32_t closed_ways_of_one; /* of the first cable of all clients */
    _Atomic uint64_t carried_count;
    _Atomic uint64_t cut_count;
    _Atomic uint64_t lost_count;
    _Atomic uint64_t overflow_count; /* of slow links' queues */
    _Atomic uint64_t no_room_count;  /* the wire's own failure: what it should have carried */
    _Atomic bool forgets_lag;        /* set by the other process: what was measured so far counts no more */
    struct lubdub_histogram lag;     /* how much later than it should the wire did what was due */
    struct swarm_path paths[];       /* SWARM_CABLES for each client */
};

/* The number of a path, which is its place in `paths`. */
static inline uint32_t swarm_path_number(uint32_t client, unsigned cable)
{
    return client * SWARM_CABLES + cable;
}

struct swarm_wire_settings {
    int servers_card;
    int clients_card;
    struct swarm_wire_shared *shared;
    uint32_t client_count;
    uint64_t seed; /* of loss and jitter */
};

/* Carries until the process is killed. Returns only if it cannot: no memory, no timer. */
void swarm_wire_run(const struct swarm_wire_settings *settings);

#endif
