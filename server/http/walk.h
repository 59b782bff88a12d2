/*
 * Goes through all that there is to list, one entry after the other: the sessions and the identities that are away, as
 * the server library lists them, and then those that only the register knows. A place in it can be written down and
 * gone on from.
 */
#ifndef LUBDUB_SERVER_HTTP_WALK_H
#define LUBDUB_SERVER_HTTP_WALK_H

#include "server/http/entry.h"
#include "server/http/source.h"

#define WALK_BATCH 64

struct walk_place {
    unsigned stage; /* 0: the library's, 1: the register's */
    uint64_t cursor;
};

struct walk {
    const struct source *source;
    struct walk_place next;     /* behind the batch */
    struct walk_place batch_at; /* before it */
    unsigned batch_taken;       /* entries of it that were given out */
    struct lubdub_server_session *batch;
    struct lubdub_server_session *at; /* the last that was given out */
    struct register_identity known;
    bool has_failed; /* no memory */
};

void walk_begin(struct walk *walk, const struct source *source, struct walk_place place);
void walk_end(struct walk *walk);

/* The next entry, which lives until the next call. False: there is none. */
bool walk_next(struct walk *walk, struct entry *entry);

/* The place behind the last entry that was given out. */
struct walk_place walk_place(struct walk *walk);

#endif
