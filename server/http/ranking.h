/*
 * Keeps the first so many entries of an order, of those that stand behind a key: a page of a sorted list, found by
 * looking at all entries once.
 */
#ifndef LUBDUB_SERVER_HTTP_RANKING_H
#define LUBDUB_SERVER_HTTP_RANKING_H

#include "server/http/entry.h"

enum ranking_key {
    RANKING_ID,
    RANKING_STATE,
    RANKING_SINCE,
    RANKING_SILENT,
    RANKING_RTT,
};

struct ranked {
    uint64_t number; /* of the key */
    uint64_t session;
    struct lubdub_slice identity; /* owned, as is the text */
    struct text text;             /* its JSON */
};

struct ranking {
    enum ranking_key key;
    bool is_backward;
    bool has_start;
    struct ranked start;  /* entries stand behind it */
    struct ranked *items; /* a heap: the last one of the order is the first here */
    size_t count;
    size_t limit;
    bool has_more; /* than the limit */
    bool has_failed;
};

/* Returns NULL, or what is wrong, as a sentence. `after` NULL: from the start. */
const char *ranking_begin(struct ranking *ranking, const char *sort, const char *after, size_t limit);
void ranking_end(struct ranking *ranking);

void ranking_offer(struct ranking *ranking, const struct entry *entry);

/* {"sessions":[…],"next":…}; once. */
void ranking_write(struct ranking *ranking, struct text *text);

#endif
