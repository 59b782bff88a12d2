/* Holds the identities that are still to be written, each once, the one that waits longest first. Not thread-safe. */
#ifndef LUBDUB_SERVER_PRESENCE_DIRTY_H
#define LUBDUB_SERVER_PRESENCE_DIRTY_H

#include <stdbool.h>
#include <stddef.h>

/* More of them are not held: then all has to be written anew. */
#define PRESENCE_DIRTY_MOST 262144

/* What Redis knows of the identity's session. */
enum presence_news {
    PRESENCE_KNOWN, /* it was written */
    PRESENCE_AGAIN, /* it is new, and a claim of it may have been done, or not */
    PRESENCE_NEW,   /* it was never written */
};

struct presence_dirty_entry;

struct presence_dirty {
    struct presence_dirty_entry *all;
    size_t count;
};

/* What is newest of several calls stays known until it is taken. False: there is no room. */
bool presence_dirty_add(struct presence_dirty *dirty, const char *identity, size_t length, enum presence_news news);

/* Takes the first; 0: there is none. target has room for an identity (128 bytes). */
size_t presence_dirty_take(struct presence_dirty *dirty, char *target, enum presence_news *news);

void presence_dirty_clear(struct presence_dirty *dirty);

#endif
