/* One --fault as people write it: which fault, and to which part of the clients or for how long. Pure. */
#ifndef LUBDUB_SWARM_ORDERS_ORDER_H
#define LUBDUB_SWARM_ORDERS_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "swarm/orders/conditions.h"
#include "swarm/orders/fault.h"

struct swarm_order {
    enum swarm_fault fault;
    double share;                       /* of the clients; 1 for a fault of the server's */
    lubdub_duration length;             /* of a stall or an outage; 0: as long as the program thinks fit */
    struct swarm_conditions conditions; /* of a fault that is one */
};

/*
 * Reads KIND:SHARE; for the server's KIND alone or KIND:DURATION; for conditions KIND:VALUE or KIND:VALUE:SHARE.
 * Returns NULL, or in a phrase that ends a sentence what is wrong; *order is then left as it was. The phrase lives for
 * ever.
 */
const char *swarm_order_parse(const char *text, struct swarm_order *order);

/* How many of so many clients an order takes: the nearest number, and at least one. */
uint32_t swarm_order_size(const struct swarm_order *order, uint32_t client_count);

/*
 * Appends a line of help for each fault of this list to a text: how an order of it is written, with a * where it takes
 * a network of our own, and what it does. The text has room for all of it.
 */
void swarm_order_help(char *text, size_t capacity, enum swarm_victim victim);

#endif
