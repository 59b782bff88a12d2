/*
 * Identities that have no session now: how the last one ended, and until when they may come back as the same.
 *
 * A bounded number of them: the identity that left longest ago is forgotten first, unless its grace time still runs.
 */
#ifndef LUBDUB_SERVER_LIBRARY_DEPARTED_H
#define LUBDUB_SERVER_LIBRARY_DEPARTED_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/cause.h>
#include <lubdub/option.h>
#include <lubdub/time.h>

struct lubdub_departure;

/* Zeroed: empty. */
struct lubdub_departed {
    struct lubdub_departure *all; /* uthash: by identity, and in the order in which they left */
    struct lubdub_departure *first_in_grace;
    size_t in_grace;
};

void lubdub_departed_clear(struct lubdub_departed *departed);

/* The identity's session ended so. At most `limit` whose grace is over are kept. Without memory it is forgotten. */
void lubdub_departed_add(struct lubdub_departed *departed, struct lubdub_slice identity, enum lubdub_cause end,
                         lubdub_time grace_until, size_t limit);

/*
 * The identity is back: it is forgotten here. Returns the cause by which its last session ended, NONE where that is not
 * remembered. *is_in_grace: it comes back in time.
 */
enum lubdub_cause lubdub_departed_take(struct lubdub_departed *departed, struct lubdub_slice identity, lubdub_time now,
                                       bool *is_in_grace);

/* The grace time is shorter from now on: no identity's lasts beyond `latest`, not 0. Goes through all in grace. */
void lubdub_departed_shorten(struct lubdub_departed *departed, lubdub_time latest);

/* When the next grace time is over; LUBDUB_TIME_NEVER: none runs. */
lubdub_time lubdub_departed_deadline(const struct lubdub_departed *departed);

/*
 * An identity whose grace time is over at `now`: copied into `identity` (LUBDUB_IDENTITY_LIMIT bytes). False: none. Its
 * end stays remembered.
 */
bool lubdub_departed_pop_gone(struct lubdub_departed *departed, lubdub_time now, char *identity, size_t *length);

#endif
