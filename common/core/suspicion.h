/*
 * Suspicion of ourselves: when more than half of all sessions of a loop are late at the same moment, the fault is
 * rather ours than theirs, until it is less than a quarter (Lifeguard, arXiv 1707.00788, for a star). With few late
 * ones nothing can be said. Pure.
 */
#ifndef LUBDUB_CORE_SUSPICION_H
#define LUBDUB_CORE_SUSPICION_H

#include <stdbool.h>
#include <stdint.h>

/* So many late ones at the least. */
#define LUBDUB_SUSPICION_CROWD 4

/* Zeroed: nobody is there. */
struct lubdub_suspicion {
    unsigned session_count;
    unsigned late_count;
    bool is_there;
    uint64_t times; /* how often it began */
};

/* Sessions come and go, and get late or are heard again: a change in either number. */
void lubdub_suspicion_count(struct lubdub_suspicion *suspicion, int sessions, int late);

#endif
