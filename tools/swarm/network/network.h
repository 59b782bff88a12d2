/*
 * An internet of our own, on which cables can be cut: two network namespaces and a wire between them (wire.h). It takes
 * the right to make namespaces (CAP_SYS_ADMIN and CAP_NET_ADMIN) and /dev/net/tun, and vanishes with its last process.
 *
 * Client number n has the address swarm_client_address(n), the server has SWARM_SERVER_ADDRESS, whatever its port.
 */
#ifndef LUBDUB_SWARM_NETWORK_NETWORK_H
#define LUBDUB_SWARM_NETWORK_NETWORK_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "swarm/findings/measures.h"
#include "swarm/network/path.h"
#include "swarm/network/wire.h"
#include "swarm/orders/fault.h"

#define SWARM_NETWORK_PROBLEM_SIZE 160

struct swarm_network {
    int namespaces[SWARM_SIDE_COUNT];
    int cards[SWARM_SIDE_COUNT];
    int card_counts[SWARM_SIDE_COUNT];
    uint32_t client_count;
    bool has_two_cables;
    struct swarm_wire_shared *shared;
    size_t shared_size;
    pid_t wire;
    bool is_running;      /* the wire; it is not for want of memory, or because somebody killed it */
    struct ev_loop *loop; /* where its end is heard of; NULL: nowhere */
    ev_child child;
    char problem[SWARM_NETWORK_PROBLEM_SIZE];
};

/*
 * Makes the namespaces and starts the wire, which dies with us. has_two_cables: for Multipath TCP; clients open their
 * second path themselves then (subflow.h). False: problem says why, and there is nothing to clear.
 */
bool swarm_network_make(struct swarm_network *network, uint32_t client_count, bool has_two_cables, uint64_t seed);
void swarm_network_clear(struct swarm_network *network);

/* From now on is_running is true as long as the wire runs. Needs the default loop, which alone hears of children. */
void swarm_network_watch(struct swarm_network *network, struct ev_loop *loop);

/* Whether there is one. A zeroed one is none. */
bool swarm_network_is_made(const struct swarm_network *network);

/* The descriptor that swarm_namespace_enter() takes. */
int swarm_network_of(const struct swarm_network *network, enum swarm_side side);

/* Closes these ways (SWARM_BOTH_WAYS, SWARM_WAY_BIT) of one client's path, or opens the others: 0 opens both. */
void swarm_network_close(struct swarm_network *network, uint32_t client, uint32_t ways);
/* Of its first cable alone. */
void swarm_network_close_one(struct swarm_network *network, uint32_t client, uint32_t ways);
/* Of all paths at once; one that is closed itself stays so. And of the first cable of all clients. */
void swarm_network_close_all(struct swarm_network *network, uint32_t ways);
void swarm_network_close_one_of_all(struct swarm_network *network, uint32_t ways);

void swarm_network_set_conditions(struct swarm_network *network, uint32_t client,
                                  const struct swarm_conditions *conditions);

/* Sets what these conditions speak of; the rest stays as it is. */
void swarm_network_add_conditions(struct swarm_network *network, uint32_t client,
                                  const struct swarm_conditions *conditions);

/* All paths are open and good. */
void swarm_network_heal(struct swarm_network *network);

/* How late the wire is counts from now on only. */
void swarm_network_forget_lag(struct swarm_network *network);

/* What the wire did, and how well. */
void swarm_network_measure(const struct swarm_network *network, struct swarm_network_measures *measures);

#endif
