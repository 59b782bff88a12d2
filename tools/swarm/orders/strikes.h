/* Which client dies when, and of what: drawn before the run from its seed. Pure. */
#ifndef LUBDUB_SWARM_ORDERS_STRIKES_H
#define LUBDUB_SWARM_ORDERS_STRIKES_H

#include <stdbool.h>
#include <stddef.h>

#include "swarm/orders/order.h"

struct swarm_strike {
    lubdub_duration at; /* after the start of the faults */
    uint32_t client;
    enum swarm_fault fault;
};

/* A client whose path is as bad as an order says. */
struct swarm_sufferer {
    uint32_t client;
    size_t order; /* its place among the orders */
};

struct swarm_strikes {
    struct swarm_strike *list; /* in the order of their time */
    size_t count;
    struct swarm_sufferer *sufferers; /* order by order */
    size_t sufferer_count;
};

/*
 * Draws for each order of a client's fault as many clients as its share says, no client twice, each at a moment of its
 * own within `duration`. For each order of a condition it draws its share from all clients, struck or not. Orders of
 * the server's faults are left out. Returns false without memory.
 */
bool swarm_strikes_draw(struct swarm_strikes *strikes, const struct swarm_order *orders, size_t order_count,
                        uint32_t client_count, lubdub_duration duration, uint64_t *random);

void swarm_strikes_clear(struct swarm_strikes *strikes);

#endif
