/*
 * Network namespaces without names: they live as long as a process in them or a descriptor of them, so none can be left
 * behind, whatever we die of. Nothing is ever changed in the namespace that we come from.
 */
#ifndef LUBDUB_SWARM_NETWORK_NAMESPACE_H
#define LUBDUB_SWARM_NETWORK_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Descriptors that are closed on exec; -1 and errno. The caller closes them. */
int swarm_namespace_this(void);
int swarm_namespace_make(void); /* an empty one; the caller stays where it is */

/* What this thread opens or starts from now on stands there. False: errno. */
bool swarm_namespace_enter(int namespace);

/*
 * A card in the namespace that we are in, from which the caller reads the IP packets that the kernel sends there, and
 * to which it writes those that are to arrive. It has this address, and the way to all of 10.0.0.0/8 goes through it.
 * Returns its descriptor, non-blocking; -1 and errno.
 */
int swarm_card_make(uint32_t address);

/* Makes all addresses of this prefix the namespace's own, without a card for each. False: errno. */
bool swarm_namespace_own(uint32_t address, unsigned prefix_length);

/* What a connection learnt of its path is not to be used for the next one, which may belong to another client. */
bool swarm_namespace_forget_paths(void);

/* Which paths Multipath TCP has is up to us here (subflow.h), not to the kernel. False: errno. */
bool swarm_namespace_choose_paths(void);

/*
 * Connections that begin here send again within a second, for so long that a path outlives a cut of minutes: what
 * docs/guide/two-paths.md tells an operator to set. A kernel before Linux 6.15 does not know it, and goes on as before.
 */
void swarm_namespace_bound_timeouts(void);

/* Packets for that card that found no room, from swarm_card_counts' descriptor, which any process may read. */
int swarm_card_counts(void);
uint64_t swarm_card_dropped(int counts);

#endif
