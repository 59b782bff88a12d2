/*
 * Indexes what has an identity: a set of 32-bit places, found by the identity that stands at the place.
 *
 * Four bytes a slot and no copy of the identity, so that one costs 6 to 11 bytes; the hash tables at hand begin at
 * 16 to 60 (docs/decisions/0003-identity-index.md). Open addressing, linear probing, deletion by shifting
 * back (Knuth, TAOCP 3, 6.4 R), filled to three quarters at most. The hash is keyed at start, as identities come from
 * strangers.
 *
 * A table that is too small, or much too large, is followed by another one, into which places move a few at a time:
 * with each change of the index, so that none takes long. While they move, both tables are looked at.
 */
#ifndef LUBDUB_SERVER_LIBRARY_IDENTITY_INDEX_H
#define LUBDUB_SERVER_LIBRARY_IDENTITY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/option.h>

#define LUBDUB_NO_PLACE UINT32_MAX

/* The identity at this place; the index asks for places it was given and nothing else. */
typedef struct lubdub_slice (*lubdub_identity_of_place)(uint32_t place, const void *user_data);

struct lubdub_identity_table {
    uint32_t *slots;   /* place + 1; 0: empty */
    uint32_t capacity; /* a power of two, 0 before the first */
    uint32_t count;
};

struct lubdub_identity_index {
    struct lubdub_identity_table table;
    struct lubdub_identity_table former; /* without slots: nothing moves */
    uint32_t moved;                      /* the slot of it before which all have moved */
    uint64_t key[2];
    lubdub_identity_of_place identity_of;
    const void *user_data;
};

void lubdub_identity_index_init(struct lubdub_identity_index *index, uint64_t key0, uint64_t key1,
                                lubdub_identity_of_place identity_of, const void *user_data);
void lubdub_identity_index_clear(struct lubdub_identity_index *index);

/* LUBDUB_NO_PLACE: nothing has the identity. */
uint32_t lubdub_identity_index_find(const struct lubdub_identity_index *index, struct lubdub_slice identity);

/*
 * Adds a place whose identity is not in the index, or takes the identity over from the place that had it. False: no
 * memory; a takeover needs none.
 */
bool lubdub_identity_index_put(struct lubdub_identity_index *index, uint32_t place);

/* Takes this place out; a place that is not in, or was taken over, stays out. Its identity must still stand there. */
void lubdub_identity_index_remove(struct lubdub_identity_index *index, uint32_t place);

/* The keyed hash of the identity (sip_hash.h). */
uint64_t lubdub_identity_hash(const uint64_t key[2], struct lubdub_slice identity);

#endif
