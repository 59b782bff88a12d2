/* What can be done to a client or to the server on purpose, who is to notice it, and as what. Pure. */
#ifndef LUBDUB_SWARM_ORDERS_FAULT_H
#define LUBDUB_SWARM_ORDERS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/cause.h>
#include <lubdub/time.h>

#include "swarm/network/path.h"

/* Who noticed, or is to notice. */
enum swarm_side {
    SWARM_SIDE_CLIENT,
    SWARM_SIDE_SERVER,
    SWARM_SIDE_COUNT,
};

#define SWARM_CAUSE(name) (1u << LUBDUB_CAUSE_##name)

/*
 * name, word, to whom it is done, whether it LASTS or PASSES by itself, whether it is done by the PROCESSES of the
 * swarm or on the NETWORK between them, and the causes that are right when the client notices it and when the server
 * does: none for a side that has nothing to notice
 */
#define SWARM_FAULTS(X)                                                                                  \
    X(FREEZE, "freeze", CLIENT, LASTS, PROCESSES, 0, SWARM_CAUSE(HUNG))                                  \
    X(KILL, "kill", CLIENT, LASTS, PROCESSES, 0, SWARM_CAUSE(CLOSED) | SWARM_CAUSE(RESET))               \
    X(RESET, "reset", CLIENT, LASTS, PROCESSES, 0, SWARM_CAUSE(RESET))                                   \
    X(BYE, "bye", CLIENT, LASTS, PROCESSES, 0, SWARM_CAUSE(BYE))                                         \
    X(CUT, "cut", CLIENT, LASTS, NETWORK, SWARM_CAUSE(UNREACHABLE), SWARM_CAUSE(UNREACHABLE))            \
    X(DROP_IN, "drop-in", CLIENT, LASTS, NETWORK, SWARM_CAUSE(UNREACHABLE), SWARM_DEAF_CAUSES)           \
    X(DROP_OUT, "drop-out", CLIENT, LASTS, NETWORK, SWARM_MUTE_CAUSES, SWARM_CAUSE(UNREACHABLE))         \
    X(POWER, "power", CLIENT, LASTS, NETWORK, 0, SWARM_CAUSE(UNREACHABLE))                               \
    X(LOSS, "loss", CLIENT, PASSES, NETWORK, 0, 0)                                                       \
    X(DELAY, "delay", CLIENT, PASSES, NETWORK, 0, 0)                                                     \
    X(SLOW_LINK, "slow-link", CLIENT, PASSES, NETWORK, 0, 0)                                             \
    X(SERVER_STALL, "server-stall", SERVER, PASSES, PROCESSES, SWARM_CAUSE(HUNG), 0)                     \
    X(VM_PAUSE, "vm-pause", SERVER, PASSES, PROCESSES, SWARM_CAUSE(HUNG), SWARM_CAUSE(HUNG))             \
    X(OUTAGE, "outage", SERVER, PASSES, NETWORK, SWARM_CAUSE(UNREACHABLE), SWARM_CAUSE(UNREACHABLE))     \
    X(SERVER_FREEZE, "server-freeze", SERVER, LASTS, PROCESSES, SWARM_CAUSE(HUNG), 0)                    \
    X(SERVER_KILL, "server-kill", SERVER, LASTS, PROCESSES, SWARM_CAUSE(CLOSED) | SWARM_CAUSE(RESET), 0) \
    X(SERVER_CUT, "server-cut", SERVER, LASTS, NETWORK, SWARM_CAUSE(UNREACHABLE), SWARM_CAUSE(UNREACHABLE))

/* The server's view of a client that hears nothing: it may hear that client close before it misses the client itself.
 */
#define SWARM_DEAF_CAUSES (SWARM_CAUSE(UNREACHABLE) | SWARM_CAUSE(BYE) | SWARM_CAUSE(CLOSED) | SWARM_CAUSE(RESET))

/* The client's own view where nobody hears it: the server may tell it so (BYE 3) before it notices itself. */
#define SWARM_MUTE_CAUSES (SWARM_CAUSE(UNREACHABLE) | SWARM_CAUSE(BYE))

enum swarm_fault {
#define SWARM_FAULT_CODE(name, ...) SWARM_FAULT_##name,
    SWARM_FAULTS(SWARM_FAULT_CODE)
#undef SWARM_FAULT_CODE
        SWARM_FAULT_NONE, /* nothing was done: what is noticed then is a false alarm */
    SWARM_FAULT_COUNT,
};

/* "freeze", "client". Static. */
const char *swarm_fault_word(enum swarm_fault fault);
const char *swarm_side_word(enum swarm_side side);

/* Whether this side is to notice it, or, of a fault that passes, may do so. */
bool swarm_fault_concerns(enum swarm_fault fault, enum swarm_side side);

/* Whether it passes by itself: nobody is to be lost for it, on either side. */
bool swarm_fault_passes(enum swarm_fault fault);

/* Whether it has a row of its own for that side: of those whom it concerns, and both sides of one that passes. */
bool swarm_fault_has_row(enum swarm_fault fault, enum swarm_side side);

/* Whether this is the right name for it, for one who notices it on that side. */
bool swarm_fault_explains(enum swarm_fault fault, enum swarm_side side, enum lubdub_cause cause);

/* Whether the kernel brings the news of it, by a FIN, a RST or a BYE; else only silence does. */
bool swarm_fault_is_told(enum swarm_fault fault);

/* Whether it is done to the server, and so takes a server of our own. */
bool swarm_fault_is_servers(enum swarm_fault fault);

/* Whether it is done on the network, and so takes a network of our own (network.h). */
bool swarm_fault_is_networks(enum swarm_fault fault);

/* Whether it is no event but a state of some clients' paths, in which nobody is to be lost. */
bool swarm_fault_is_condition(enum swarm_fault fault);

/* One --fault: what, and to which part of the clients or for how long. */
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

#endif
