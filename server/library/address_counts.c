/* Counts the connections from each address in a hash table. */
#include "server/library/address_counts.h"

#include <stdlib.h>

#include "server/library/table.h"

struct lubdub_address_count {
    UT_hash_handle hh;
    uint8_t ip[16];
    size_t count;
    bool is_lost;
};

void lubdub_address_counts_clear(struct lubdub_address_counts *counts)
{
    struct lubdub_address_count *entry;
    struct lubdub_address_count *next;

    HASH_ITER(hh, counts->all, entry, next)
    {
        HASH_DEL(counts->all, entry);
        free(entry);
    }
    counts->latest = NULL;
}

static struct lubdub_address_count *find(struct lubdub_address_counts *counts, const struct lubdub_address *address)
{
    struct lubdub_address_count *entry = counts->latest;

    if (entry == NULL || memcmp(entry->ip, address->ip, sizeof entry->ip) != 0) {
        HASH_FIND(hh, counts->all, address->ip, sizeof address->ip, entry);
        counts->latest = entry;
    }
    return entry;
}

bool lubdub_address_counts_add(struct lubdub_address_counts *counts, const struct lubdub_address *address, size_t limit)
{
    struct lubdub_address_count *entry = find(counts, address);

    if (entry == NULL) {
        entry = calloc(1, sizeof *entry);
        if (entry == NULL) {
            return false;
        }
        memcpy(entry->ip, address->ip, sizeof entry->ip);
        HASH_ADD(hh, counts->all, ip, sizeof entry->ip, entry);
        if (entry->is_lost) {
            free(entry);
            return false;
        }
        counts->latest = entry;
    }
    if (entry->count >= limit) {
        return false;
    }
    entry->count++;
    return true;
}

void lubdub_address_counts_remove(struct lubdub_address_counts *counts, const struct lubdub_address *address)
{
    struct lubdub_address_count *entry = find(counts, address);

    if (entry != NULL && --entry->count == 0) {
        HASH_DEL(counts->all, entry);
        free(entry);
        counts->latest = NULL;
    }
}
