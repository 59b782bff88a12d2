/*
 * What can be done to a client or to the server on purpose, which side is to notice it, and as what. Pure.
 *
 * A fault is one row of the lists below. The kinds of --fault, their help, the rows of the report, the bounds and the
 * ways that a path loses follow from it. What is left is the function that does it, which stands under the fault's name
 * in clients/crowd.c (done by a client's process) or run/server_faults.c (done to the server); what the network does to
 * a client follows from the row alone.
 */
#ifndef LUBDUB_SWARM_ORDERS_FAULT_H
#define LUBDUB_SWARM_ORDERS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/cause.h>

#include "swarm/orders/conditions.h"

/* The side that noticed, or is to notice. */
enum swarm_side {
    SWARM_SIDE_CLIENT,
    SWARM_SIDE_SERVER,
    SWARM_SIDE_COUNT,
};

/* What stands behind a fault's word in an order (order.h). */
enum swarm_form {
    SWARM_FORM_SHARE,          /* which part of the clients */
    SWARM_FORM_WHOLE,          /* nothing: there is one server */
    SWARM_FORM_LENGTH,         /* how long it lasts */
    SWARM_FORM_LENGTH_OR_NONE, /* the same, or nothing */
    SWARM_FORM_LOSS,           /* which part of the packets, and perhaps which part of the clients */
    SWARM_FORM_DELAY,          /* how long, and perhaps how much more or less, and which part of the clients */
    SWARM_FORM_RATE,           /* bits a second, and perhaps which part of the clients */
};

/* What does a fault. */
enum swarm_doer {
    SWARM_BY_PROCESSES, /* its victim's process, or we with a signal to it */
    SWARM_BY_NETWORK,   /* the wire between both sides */
    SWARM_BY_ONE_CABLE, /* the same, on the first of two cables: with Multipath TCP */
    SWARM_BY_BOTH,      /* the wire, and then the client's process, of which nothing is heard any more */
};

/* By what rule of docs/protocol.md, section 8, a side notices a fault in time (findings/bound.h). */
enum swarm_limit {
    SWARM_LIMIT_NONE,    /* it should never notice */
    SWARM_LIMIT_TOLD,    /* the kernel brings the news, by a FIN, a RST or a BYE */
    SWARM_LIMIT_SILENCE, /* it judges the other side's silence */
    SWARM_LIMIT_MUTE,    /* it is not heard any more, and may be told so before it judges by itself */
    SWARM_LIMIT_DEAF,    /* the other side hears nothing any more, but is heard until it closes or is given up */
};

#define SWARM_CAUSE(name) (1u << LUBDUB_CAUSE_##name)

/* The server's view of a client that hears nothing: it may hear that client close before it misses the client itself.
 */
#define SWARM_DEAF_CAUSES (SWARM_CAUSE(UNREACHABLE) | SWARM_CAUSE(BYE) | SWARM_CAUSE(CLOSED) | SWARM_CAUSE(RESET))

/* The client's own view where nobody hears it: the server may tell it so (BYE 3) before it notices itself. */
#define SWARM_MUTE_CAUSES (SWARM_CAUSE(UNREACHABLE) | SWARM_CAUSE(BYE))

/* clang-format off */
/*
 * name · word · form · whether it LASTS or PASSES by itself · done by · ways that it closes
 *   · the causes that are right when the client notices it, and the client's limit
 *   · the same of the server; no causes for a side that has nothing to notice
 *   · help
 */
#define SWARM_FAULTS_OF_CLIENTS(X)                                                                                   \
    X(FREEZE, "freeze", SHARE, LASTS, PROCESSES, SWARM_NO_WAY,                                                       \
      0, NONE, SWARM_CAUSE(HUNG), SILENCE, "nobody serves its socket any more")                                      \
    X(KILL, "kill", SHARE, LASTS, PROCESSES, SWARM_NO_WAY,                                                           \
      0, NONE, SWARM_CAUSE(CLOSED) | SWARM_CAUSE(RESET), TOLD, "its socket is closed, as by a kill")                 \
    X(RESET, "reset", SHARE, LASTS, PROCESSES, SWARM_NO_WAY,                                                         \
      0, NONE, SWARM_CAUSE(RESET), TOLD, "its connection is reset")                                                  \
    X(BYE, "bye", SHARE, LASTS, PROCESSES, SWARM_NO_WAY,                                                             \
      0, NONE, SWARM_CAUSE(BYE), TOLD, "it says goodbye")                                                            \
    X(CUT, "cut", SHARE, LASTS, NETWORK, SWARM_BOTH_WAYS,                                                            \
      SWARM_CAUSE(UNREACHABLE), SILENCE, SWARM_CAUSE(UNREACHABLE), SILENCE, "its cable is cut")                      \
    X(CUT_ONE, "cut-one", SHARE, PASSES, ONE_CABLE, SWARM_BOTH_WAYS,                                                 \
      0, NONE, 0, NONE, "one of its two cables is cut: nobody may be lost (--mptcp)")                                \
    X(CUT_BOTH, "cut-both", SHARE, LASTS, NETWORK, SWARM_BOTH_WAYS,                                                  \
      SWARM_CAUSE(UNREACHABLE), SILENCE, SWARM_CAUSE(UNREACHABLE), SILENCE, "both its cables are cut (--mptcp)")     \
    X(DROP_IN, "drop-in", SHARE, LASTS, NETWORK, SWARM_WAY_BIT(SWARM_WAY_TO_CLIENT),                                 \
      SWARM_CAUSE(UNREACHABLE), SILENCE, SWARM_DEAF_CAUSES, DEAF, "nothing reaches it any more")                     \
    X(DROP_OUT, "drop-out", SHARE, LASTS, NETWORK, SWARM_WAY_BIT(SWARM_WAY_TO_SERVER),                               \
      SWARM_MUTE_CAUSES, MUTE, SWARM_CAUSE(UNREACHABLE), SILENCE, "nothing of it arrives any more")                  \
    X(POWER, "power", SHARE, LASTS, BOTH, SWARM_BOTH_WAYS,                                                           \
      0, NONE, SWARM_CAUSE(UNREACHABLE), SILENCE, "its machine is gone, without a FIN or a RST")

/* No event but a state of some clients' paths, from the first warm-up on. */
#define SWARM_FAULTS_OF_PATHS(X)                                                                                     \
    X(LOSS, "loss", LOSS, PASSES, NETWORK, SWARM_NO_WAY,                                                             \
      0, NONE, 0, NONE, "of the packets, each way")                                                                  \
    X(DELAY, "delay", DELAY, PASSES, NETWORK, SWARM_NO_WAY,                                                          \
      0, NONE, 0, NONE, "each way, J more or less")                                                                  \
    X(SLOW_LINK, "slow-link", RATE, PASSES, NETWORK, SWARM_NO_WAY,                                                   \
      0, NONE, 0, NONE, "R bits a second, each way; k is a thousand and m a million")

#define SWARM_FAULTS_OF_SERVERS(X)                                                                                   \
    X(SERVER_STALL, "server-stall", LENGTH_OR_NONE, PASSES, PROCESSES, SWARM_NO_WAY,                                 \
      SWARM_CAUSE(HUNG), SILENCE, 0, NONE, "stopped for D (twice the expiry), then continued: nobody may be lost")   \
    X(VM_PAUSE, "vm-pause", LENGTH_OR_NONE, PASSES, PROCESSES, SWARM_NO_WAY,                                         \
      SWARM_CAUSE(HUNG), NONE, SWARM_CAUSE(HUNG), NONE,                                                              \
      "all processes, the clients' too, are stopped for D and continued: nobody may be lost")                        \
    X(OUTAGE, "outage", LENGTH, PASSES, NETWORK, SWARM_BOTH_WAYS,                                                    \
      SWARM_CAUSE(UNREACHABLE), SILENCE, SWARM_CAUSE(UNREACHABLE), SILENCE,                                          \
      "all paths are cut for D and mended: nobody may be lost whose deadlines allow for it")                         \
    X(OUTAGE_ONE, "outage-one", LENGTH, PASSES, ONE_CABLE, SWARM_BOTH_WAYS,                                          \
      0, NONE, 0, NONE,                                                                                              \
      "one cable of each client is cut for D and mended: nobody may be lost (--mptcp)")                              \
    X(SERVER_FREEZE, "server-freeze", WHOLE, LASTS, PROCESSES, SWARM_NO_WAY,                                         \
      SWARM_CAUSE(HUNG), SILENCE, 0, NONE, "stopped for good")                                                       \
    X(SERVER_KILL, "server-kill", WHOLE, LASTS, PROCESSES, SWARM_NO_WAY,                                             \
      SWARM_CAUSE(CLOSED) | SWARM_CAUSE(RESET), TOLD, 0, NONE, "killed")                                             \
    X(SERVER_CUT, "server-cut", WHOLE, LASTS, NETWORK, SWARM_BOTH_WAYS,                                              \
      SWARM_CAUSE(UNREACHABLE), SILENCE, SWARM_CAUSE(UNREACHABLE), SILENCE, "its cable is cut")

enum swarm_fault {
#define SWARM_FAULT_CODE(name, ...) SWARM_FAULT_##name,
    SWARM_FAULTS_OF_CLIENTS(SWARM_FAULT_CODE)
    SWARM_FAULTS_OF_PATHS(SWARM_FAULT_CODE)
    SWARM_FAULTS_OF_SERVERS(SWARM_FAULT_CODE)
#undef SWARM_FAULT_CODE
    SWARM_FAULT_NONE, /* nothing was done: what is noticed then is a false alarm */
    SWARM_FAULT_COUNT,
};
/* clang-format on */

/* The list that a fault stands in. */
enum swarm_victim {
    SWARM_VICTIM_CLIENTS,
    SWARM_VICTIM_PATHS,
    SWARM_VICTIM_SERVERS,
};

/* "freeze", "client". Static. */
const char *swarm_fault_word(enum swarm_fault fault);
const char *swarm_side_word(enum swarm_side side);

/* The fault of this word, whose length is given; SWARM_FAULT_NONE: there is none. */
enum swarm_fault swarm_fault_of_word(const char *word, size_t length);

/* Columns of the row. Not of SWARM_FAULT_NONE. */
enum swarm_victim swarm_fault_victim(enum swarm_fault fault);
enum swarm_form swarm_fault_form(enum swarm_fault fault);
enum swarm_doer swarm_fault_doer(enum swarm_fault fault);
unsigned swarm_fault_ways(enum swarm_fault fault); /* SWARM_WAY_BIT of each that it closes */
const char *swarm_fault_help(enum swarm_fault fault);

/* The rule by which that side notices it in time. */
enum swarm_limit swarm_fault_limit(enum swarm_fault fault, enum swarm_side side);

/* Whether this side is to notice it, or, of a fault that passes, may do so. */
bool swarm_fault_concerns(enum swarm_fault fault, enum swarm_side side);

/* Whether it passes by itself: nobody is to be lost for it, on either side. */
bool swarm_fault_passes(enum swarm_fault fault);

/* Whether it has a row in the report for that side: each side that it concerns, and both sides of one that passes. */
bool swarm_fault_has_row(enum swarm_fault fault, enum swarm_side side);

/* Whether this is the right name for it when that side notices it. */
bool swarm_fault_explains(enum swarm_fault fault, enum swarm_side side, enum lubdub_cause cause);

/* Whether the kernel brings the news of it; else only silence does. */
bool swarm_fault_is_told(enum swarm_fault fault);

/* Whether it is done to the server, and so takes a server of our own. */
bool swarm_fault_is_servers(enum swarm_fault fault);

/* Whether it is done on the network, and so takes a network of our own (network.h). */
bool swarm_fault_is_networks(enum swarm_fault fault);

/* Whether it is about two cables, and so takes clients with Multipath TCP. */
bool swarm_fault_takes_two_cables(enum swarm_fault fault);

/* Whether it is no event but a state of some clients' paths, in which nobody is to be lost. */
bool swarm_fault_is_condition(enum swarm_fault fault);

#endif
