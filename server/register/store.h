/*
 * Holds all identities that are known, each at a place that it keeps, so that one can go through all of them in pieces
 * while they come and go.
 *
 * Bounded: of the identities without a session and without a place in the list of the expected, departed_most are
 * kept; of more, the one that left first is forgotten.
 */
#ifndef LUBDUB_SERVER_REGISTER_STORE_H
#define LUBDUB_SERVER_REGISTER_STORE_H

#include <stdbool.h>

#include "server/register/due.h"
#include "server/register/index.h"

#define STORE_DEPARTED ((size_t)65536)

/* The same where nobody can ask for them: enough to see which come and go all the time. */
#define STORE_DEPARTED_UNREAD ((size_t)8192)

struct store {
    struct index index;
    struct due due;
    struct known **places; /* NULL: free */
    uint32_t place_count;  /* used so far */
    uint32_t room;
    uint32_t *free_places;
    uint32_t free_count;
    struct known *oldest; /* without a session and not expected: the first to be forgotten */
    struct known *newest;
    size_t departed_count;
    size_t departed_most; /* the owner's to set; STORE_DEPARTED */
};

/* Returns false without memory. */
bool store_init(struct store *store);
void store_clear(struct store *store);

/* NULL: it is not known. */
struct known *store_find(const struct store *store, struct lubdub_slice identity);

/* The same, and makes it known. NULL without memory, or where there are as many as a register can hold. */
struct known *store_claim(struct store *store, struct lubdub_slice identity);

void store_forget(struct store *store, struct known *known);

/*
 * Its session, or its being expected, has changed: it may be forgotten from now on, or not. May forget others, and
 * never this one.
 */
void store_settle(struct store *store, struct known *known);

/* The identity at this place or the next one behind it; *place is set behind it. NULL: there is none. */
struct known *store_next(const struct store *store, uint32_t *place);

#endif
