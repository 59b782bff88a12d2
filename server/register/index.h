/*
 * Finds identities. A table of chains that grows by one chain at a time (Litwin's linear hashing): no insertion ever
 * moves more than one chain, since loops of the server wait for it.
 *
 * The hash is keyed (sip_hash.h), as identities come from strangers.
 */
#ifndef LUBDUB_SERVER_REGISTER_INDEX_H
#define LUBDUB_SERVER_REGISTER_INDEX_H

#include <stdbool.h>

#include "server/register/known.h"

#define INDEX_CAPACITY ((size_t)1 << 20) /* chains at most; of more identities they only get longer */

/* Zeroed: not open. */
struct index {
    struct known **chains; /* address space for INDEX_CAPACITY; memory only where it was used */
    size_t chain_count;
    size_t count;
};

/* Returns false without memory. */
bool index_init(struct index *index);

/* Frees the table, not what it finds. */
void index_clear(struct index *index);

struct known *index_find(const struct index *index, struct lubdub_slice identity);

/* Its identity is not there yet. */
void index_add(struct index *index, struct known *known);
void index_remove(struct index *index, struct known *known);

#endif
