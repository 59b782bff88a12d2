/*
 * Limits how often identities change hands: two clients with the same name may take it from each other. An identity may
 * change hands a few times a second, and is left where it is for the rest of that second. Pure.
 *
 * A fixed number of contests is remembered, each under its identity's keyed hash. Where two fall into one place, the
 * newer one is remembered.
 */
#ifndef LUBDUB_SERVER_LIBRARY_CONTEST_H
#define LUBDUB_SERVER_LIBRARY_CONTEST_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/time.h>

/* An identity changes hands so often in one second. */
#define LUBDUB_CONTEST_LIMIT 5

/* A contest is told again when this time has passed since it was told. */
#define LUBDUB_CONTEST_TOLD_AGAIN LUBDUB_MINUTE

struct lubdub_contest;

/* Zeroed: none. */
struct lubdub_contests {
    struct lubdub_contest *places; /* made for the first one; without memory nothing is damped */
};

void lubdub_contests_clear(struct lubdub_contests *contests);

/*
 * The identity with this hash is to change hands. False: it did too often. *is_news: then that is to be told; it was
 * not, or not lately.
 */
bool lubdub_contests_allow(struct lubdub_contests *contests, uint64_t hash, lubdub_time now, bool *is_news);

#endif
