/* A node of the cluster, for readers. */
#ifndef LUBDUB_SERVER_PRESENCE_NODE_H
#define LUBDUB_SERVER_PRESENCE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/presence/claim.h"

enum presence_node_state {
    PRESENCE_NODE_LIVE,
    PRESENCE_NODE_SUSPECT, /* its count has stood still for half its lease; at a lease it is buried */
    PRESENCE_NODE_DEAD,
    PRESENCE_NODE_LEFT,    /* by itself */
    PRESENCE_NODE_UNKNOWN, /* Redis is away */
};

struct presence_node {
    char name[PRESENCE_NODE_SIZE];
    enum presence_node_state state;
    uint64_t sessions; /* that it had when it was heard of last */
    bool is_self;
};

#endif
