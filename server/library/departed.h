/*
 * Remembers identities that have no session now: how the last one ended, and until when they may come back as the same.
 *
 * The number is bounded. Among identities after their grace time, the one whose grace time ended first is forgotten
 * first. Among identities within their grace time, the first to leave is gone early.
 */
#ifndef LUBDUB_SERVER_LIBRARY_DEPARTED_H
#define LUBDUB_SERVER_LIBRARY_DEPARTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/cause.h>
#include <lubdub/option.h>
#include <lubdub/time.h>

#include "server/library/identity_index.h"

struct lubdub_departure;

/* Places of departures, in the order in which they left; LUBDUB_NO_PLACE: none. */
struct lubdub_departures {
    uint32_t first;
    uint32_t last;
    size_t count;
};

struct lubdub_departed {
    struct lubdub_identity_index index;
    struct lubdub_departures away; /* their grace time runs */
    struct lubdub_departures over;
    struct lubdub_departure **places; /* of each departure, as long as it is here; NULL: free */
    uint32_t place_capacity;
    uint32_t place_count; /* that were ever used */
    uint32_t *free_places;
    uint32_t free_count;
};

/* A copy of one departure. */
struct lubdub_departed_view {
    enum lubdub_cause end;
    lubdub_time left_at;
    lubdub_time grace_until; /* 0: over, or there was none */
    size_t length;
    char identity[LUBDUB_IDENTITY_LIMIT];
};

/* Empty; the key is of the hash of identities. It stays where it is until it is cleared. */
void lubdub_departed_init(struct lubdub_departed *departed, uint64_t key0, uint64_t key1);
void lubdub_departed_clear(struct lubdub_departed *departed);

/*
 * The identity's session ended so at left_at. grace_until 0: there is no grace time. At most over_limit whose grace is
 * over are kept, and no more than twice away_limit within their grace time: one more gets no grace time, and false is
 * returned. Without memory it is forgotten.
 */
bool lubdub_departed_add(struct lubdub_departed *departed, struct lubdub_slice identity, enum lubdub_cause end,
                         lubdub_time left_at, lubdub_time grace_until, size_t over_limit, size_t away_limit);

/* False: the identity is not remembered. */
bool lubdub_departed_find(const struct lubdub_departed *departed, struct lubdub_slice identity,
                          struct lubdub_departed_view *view);

/*
 * Copies the next ones that are away, `most` at most. *place is 0 at first; each one that is here all the time is given
 * once. Looks at a bounded number of places: none may be given while some are left. Returns how many were given; *place
 * is UINT32_MAX behind the last.
 */
size_t lubdub_departed_list(const struct lubdub_departed *departed, uint32_t *place, struct lubdub_departed_view *views,
                            size_t most);

/*
 * The identity is back: it is forgotten here. Returns the cause by which its last session ended, NONE where that is not
 * remembered. *is_in_grace: it comes back in time.
 */
enum lubdub_cause lubdub_departed_take(struct lubdub_departed *departed, struct lubdub_slice identity, lubdub_time now,
                                       bool *is_in_grace);

/* The grace time is shorter from now on: no identity's lasts beyond `latest`, not 0. Goes through all that are away. */
void lubdub_departed_shorten(struct lubdub_departed *departed, lubdub_time latest);

/* When the next one is gone, 0: at once, since more than away_limit are away; LUBDUB_TIME_NEVER: none is away. */
lubdub_time lubdub_departed_deadline(const struct lubdub_departed *departed, size_t away_limit);

/*
 * An identity that is gone at `now`: copied into `identity` (LUBDUB_IDENTITY_LIMIT bytes). *is_early: because more than
 * away_limit are away. False: none. Its end stays remembered.
 */
bool lubdub_departed_pop_gone(struct lubdub_departed *departed, lubdub_time now, size_t away_limit, char *identity,
                              size_t *length, bool *is_early);

#endif
