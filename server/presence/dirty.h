/* Holds the identities that are still to be written, each once, the one that waits longest first. Not thread-safe. */
#ifndef LUBDUB_SERVER_PRESENCE_DIRTY_H
#define LUBDUB_SERVER_PRESENCE_DIRTY_H

#include <stdbool.h>
#include <stddef.h>

/* More of them are not held: then all has to be written anew. */
#define PRESENCE_DIRTY_MOST 262144

struct presence_dirty_entry;

struct presence_dirty {
    struct presence_dirty_entry *all;
    size_t count;
};

/* is_new: its session was never written; that stays known until it is taken. False: there is no room. */
bool presence_dirty_add(struct presence_dirty *dirty, const char *identity, size_t length, bool is_new);

/* Takes the first, and whether it is new; 0: there is none. target has room for an identity (128 bytes). */
size_t presence_dirty_take(struct presence_dirty *dirty, char *target, bool *is_new);

void presence_dirty_clear(struct presence_dirty *dirty);

#endif
