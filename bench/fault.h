/* What can be done to a client or to the server on purpose, who is to notice it, and as what. Pure. */
#ifndef LUBDUB_SWARM_FAULT_H
#define LUBDUB_SWARM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/cause.h>
#include <lubdub/time.h>

/* Who noticed, or is to notice. */
enum swarm_side {
    SWARM_SIDE_CLIENT,
    SWARM_SIDE_SERVER,
    SWARM_SIDE_COUNT,
};

#define SWARM_CAUSE(name) (1u << LUBDUB_CAUSE_##name)

/* name, word, side that is to notice, causes that are right */
#define SWARM_FAULTS(X)                                                         \
    X(FREEZE, "freeze", SERVER, SWARM_CAUSE(HUNG))                              \
    X(KILL, "kill", SERVER, SWARM_CAUSE(CLOSED) | SWARM_CAUSE(RESET))           \
    X(RESET, "reset", SERVER, SWARM_CAUSE(RESET))                               \
    X(BYE, "bye", SERVER, SWARM_CAUSE(BYE))                                     \
    X(SERVER_STALL, "server-stall", CLIENT, SWARM_CAUSE(HUNG))                  \
    X(SERVER_FREEZE, "server-freeze", CLIENT, SWARM_CAUSE(HUNG))                \
    X(SERVER_KILL, "server-kill", CLIENT, SWARM_CAUSE(CLOSED) | SWARM_CAUSE(RESET))

enum swarm_fault {
#define SWARM_FAULT_CODE(name, word, side, causes) SWARM_FAULT_##name,
    SWARM_FAULTS(SWARM_FAULT_CODE)
#undef SWARM_FAULT_CODE
    SWARM_FAULT_NONE, /* nothing was done: what is noticed then is a false alarm */
    SWARM_FAULT_COUNT,
};

/* "freeze", "client". Static. */
const char *swarm_fault_word(enum swarm_fault fault);
const char *swarm_side_word(enum swarm_side side);

enum swarm_side swarm_fault_side(enum swarm_fault fault);

/* Whether this is the right name for it. */
bool swarm_fault_explains(enum swarm_fault fault, enum lubdub_cause cause);

/* Whether the kernel brings the news of it, by a FIN, a RST or a BYE; else only silence does. */
bool swarm_fault_is_told(enum swarm_fault fault);

/* Whether it is done to the server, and so takes a server of our own. */
bool swarm_fault_is_servers(enum swarm_fault fault);

/* One --fault: what, and to which part of the clients or for how long. */
struct swarm_order {
    enum swarm_fault fault;
    double share;           /* of the clients; 1 for a fault of the server's */
    lubdub_duration length; /* of a stall; 0: as long as the program thinks fit */
};

/*
 * Reads KIND:SHARE; for the server's KIND alone, or server-stall:DURATION. Returns NULL, or in a phrase that ends a
 * sentence what is wrong; *order is then left as it was. The phrase lives for ever.
 */
const char *swarm_order_parse(const char *text, struct swarm_order *order);

/* How many of so many clients an order takes: the nearest number, and at least one. */
uint32_t swarm_order_size(const struct swarm_order *order, uint32_t client_count);

#endif
