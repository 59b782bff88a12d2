/* The name by which a client of the swarm is known: its number in the whole swarm, behind a word. */
#ifndef LUBDUB_SWARM_ORDERS_IDENTITY_H
#define LUBDUB_SWARM_ORDERS_IDENTITY_H

#include <inttypes.h>

#define SWARM_IDENTITY_PREFIX "swarm-"
#define SWARM_IDENTITY_FORMAT SWARM_IDENTITY_PREFIX "%" PRIu32

#endif
