/*
 * Limits what one callback of a loop may do for many sessions: a number of sends (or other visits of a session) and a
 * time, whichever is used up first. The rest is for the next turn of the loop
 * (docs/decisions/0014-turns-are-bounded.md).
 */
#ifndef LUBDUB_SERVER_LIBRARY_BUDGET_H
#define LUBDUB_SERVER_LIBRARY_BUDGET_H

#include <stdbool.h>

#include <lubdub/time.h>

#include "ev/clock.h"

#define LUBDUB_REACHED_PER_TURN 256
#define LUBDUB_REACHING_TIME (2 * LUBDUB_MILLISECOND)

/* The clock is read once for so many. */
#define LUBDUB_REACHED_AT_ONCE 8

struct lubdub_budget {
    unsigned left;
    lubdub_time ends_at;
};

static inline struct lubdub_budget lubdub_budget_new(void)
{
    return (struct lubdub_budget){LUBDUB_REACHED_PER_TURN, lubdub_time_after(lubdub_clock_now(), LUBDUB_REACHING_TIME)};
}

static inline bool lubdub_budget_is_used_up(const struct lubdub_budget *budget)
{
    return budget->left == 0;
}

/* Takes one from it. Returns false, and takes nothing, where it is used up. */
static inline bool lubdub_budget_spend(struct lubdub_budget *budget)
{
    if (budget->left == 0) {
        return false;
    }
    if (--budget->left % LUBDUB_REACHED_AT_ONCE == 0 && lubdub_clock_now() >= budget->ends_at) {
        budget->left = 0;
    }
    return true;
}

#endif
