/* Keeps them in a hash table that remembers their order, under a key that no client knows. */
#include "server/presence/dirty.h"

#include <stdlib.h>
#include <string.h>

#include "ev/sip_hash.h"

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

struct presence_dirty_entry {
    UT_hash_handle hh;
    bool is_lost;
    enum presence_news news;
    size_t length;
    char identity[];
};

bool presence_dirty_add(struct presence_dirty *dirty, const char *identity, size_t length, enum presence_news news)
{
    unsigned hash = lubdub_sip_hash_here(identity, length);
    struct presence_dirty_entry *entry;

    HASH_FIND_BYHASHVALUE(hh, dirty->all, identity, length, hash, entry);
    if (entry != NULL) {
        entry->news = news > entry->news ? news : entry->news;
        return true;
    }
    entry = dirty->count < PRESENCE_DIRTY_MOST ? calloc(1, sizeof *entry + length) : NULL;
    if (entry == NULL) {
        return false;
    }
    entry->news = news;
    entry->length = length;
    memcpy(entry->identity, identity, length);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, dirty->all, entry->identity, length, hash, entry);
    if (entry->is_lost) {
        free(entry);
        return false;
    }
    dirty->count++;
    return true;
}

size_t presence_dirty_take(struct presence_dirty *dirty, char *target, enum presence_news *news)
{
    struct presence_dirty_entry *entry = dirty->all;
    size_t length;

    if (entry == NULL) {
        return 0;
    }
    length = entry->length;
    *news = entry->news;
    memcpy(target, entry->identity, length);
    HASH_DEL(dirty->all, entry);
    dirty->count--;
    free(entry);
    return length;
}

void presence_dirty_clear(struct presence_dirty *dirty)
{
    struct presence_dirty_entry *entry;
    struct presence_dirty_entry *next;

    HASH_ITER(hh, dirty->all, entry, next)
    {
        HASH_DEL(dirty->all, entry);
        free(entry);
    }
    dirty->count = 0;
}
