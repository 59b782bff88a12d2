/* The list of sessions and identities, and one of them, as JSON. */
#ifndef LUBDUB_SERVER_HTTP_SESSIONS_H
#define LUBDUB_SERVER_HTTP_SESSIONS_H

#include "server/http/source.h"
#include "server/http/text.h"

#define SESSIONS_LIMIT 200
#define SESSIONS_LIMIT_MOST 1000
#define SESSIONS_SORTED_MOST 100000 /* of more sessions the list is not sorted */

/* As they stand in the address; NULL: not given. */
struct sessions_query {
    const char *limit;
    const char *after;
    const char *id;    /* the beginning of the identity */
    const char *state; /* words with commas between */
    const char *label; /* KEY=VALUE, or KEY */
    const char *sort;  /* id, state, since, silent or rtt; -id and so on: the other way round */
};

/*
 * Writes {"sessions":[…],"next":…}: "next" is what "after" has to be for the rest, or null where nothing is left. A
 * page may have fewer than the limit, where they are few among many others, and then there is a next one. Returns NULL,
 * or what is wrong with the query, as a sentence that stays.
 */
const char *sessions_write(const struct source *source, const struct sessions_query *query, struct text *text);

/* The one with this identity, or this number. Returns false where there is none. */
bool sessions_write_one(const struct source *source, const char *name, struct text *text);

#endif
