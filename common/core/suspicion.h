/*
 * Suspects ourselves: when more than half of all sessions of a loop are late at the same moment, the fault is
 * probably ours, until less than a quarter are late (Lifeguard, arXiv 1707.00788, for a star). A few late sessions
 * say nothing. Pure.
 *
 * Clients that are late on purpose could switch adaptive detection off. So a session counts from its first answer on,
 * and one origin counts no more than all others together: connections from one address weigh half of all at the most.
 */
#ifndef LUBDUB_CORE_SUSPICION_H
#define LUBDUB_CORE_SUSPICION_H

#include <stdbool.h>
#include <stdint.h>

/* The suspicion needs so many late sessions at the least. */
#define LUBDUB_SUSPICION_CROWD 4

/* Places for origins. Two origins that fall into one place count as one. */
#define LUBDUB_SUSPICION_ORIGINS 64

struct lubdub_suspicion_of_origin {
    uint32_t session_count;
    uint32_t late_count;
};

/* Zeroed: there is no session. */
struct lubdub_suspicion {
    unsigned session_count;
    unsigned late_count;
    bool is_there;
    uint64_t times; /* how often it began */
    struct lubdub_suspicion_of_origin origins[LUBDUB_SUSPICION_ORIGINS];
};

/* Changes the numbers of sessions and of late sessions of an origin (any number: a hash). */
void lubdub_suspicion_count_from(struct lubdub_suspicion *suspicion, uint32_t origin, int sessions, int late);

/* The same where all come from one origin. */
void lubdub_suspicion_count(struct lubdub_suspicion *suspicion, int sessions, int late);

#endif
