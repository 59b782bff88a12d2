/* Keeps identities by the moment at which something is due of them: a heap, so that the next one is at hand. */
#ifndef LUBDUB_SERVER_REGISTER_DUE_H
#define LUBDUB_SERVER_REGISTER_DUE_H

#include <stdbool.h>

#include "server/register/known.h"

/* Zeroed: empty. */
struct due {
    struct known **items;
    size_t count;
    size_t room;
};

void due_clear(struct due *due);

/* When the identity is due: the soonest of missing_at, gone_at and calm_at. */
lubdub_time due_time_of(const struct known *known);

/*
 * Its times have changed: puts it in, moves it or takes it out. Returns false without memory: then it is not in. Only
 * an identity that was not in needs memory.
 */
bool due_update(struct due *due, struct known *known);

/* The next one that is due, left in; NULL: none is. */
struct known *due_first(const struct due *due);

#endif
