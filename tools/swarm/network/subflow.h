/*
 * Opens a second path of a Multipath TCP connection from an address of our choice, which the kernel's own path manager
 * cannot do for thousands of clients: it knows eight addresses. It takes the namespace's path manager "userspace"
 * (swarm_namespace_choose_paths()) and CAP_NET_ADMIN.
 */
#ifndef LUBDUB_SWARM_NETWORK_SUBFLOW_H
#define LUBDUB_SWARM_NETWORK_SUBFLOW_H

#include <stdbool.h>
#include <stdint.h>

/* To the kernel's path manager, in the namespace that the caller is in. */
struct swarm_subflows {
    int socket; /* of netlink; -1: there is none */
    uint16_t family;
};

/* False: errno; the kernel has no Multipath TCP. */
bool swarm_subflows_init(struct swarm_subflows *subflows);
void swarm_subflows_clear(struct swarm_subflows *subflows);

/*
 * Asks for a path from this address (in the machine's byte order) to where the connection leads. The connection must
 * have heard of its peer already. False: errno, or EOPNOTSUPP where the connection is plain TCP. That the path is open
 * is not said: it takes a round trip.
 */
bool swarm_subflows_open(const struct swarm_subflows *subflows, int connection, uint32_t address);

#endif
