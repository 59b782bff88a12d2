/* Finds, fills and empties the slots of the identity index. */
#include "server/library/identity_index.h"

#include <stdlib.h>
#include <string.h>

#include "ev/sip_hash.h"

#define FIRST_CAPACITY 64

uint64_t lubdub_identity_hash(const uint64_t key[2], struct lubdub_slice identity)
{
    return lubdub_sip_hash(key, identity.data, identity.length);
}

void lubdub_identity_index_init(struct lubdub_identity_index *index, uint64_t key0, uint64_t key1,
                                lubdub_identity_of_place identity_of, const void *user_data)
{
    memset(index, 0, sizeof *index);
    index->key[0] = key0;
    index->key[1] = key1;
    index->identity_of = identity_of;
    index->user_data = user_data;
}

void lubdub_identity_index_clear(struct lubdub_identity_index *index)
{
    free(index->slots);
    index->slots = NULL;
    index->capacity = index->count = 0;
}

static uint32_t home(const struct lubdub_identity_index *index, struct lubdub_slice identity)
{
    return (uint32_t)lubdub_identity_hash(index->key, identity) & (index->capacity - 1);
}

static struct lubdub_slice identity_in(const struct lubdub_identity_index *index, uint32_t slot)
{
    return index->identity_of(index->slots[slot] - 1, index->user_data);
}

/* The slot that has this identity, or the empty one where it would go. There is always an empty one. */
static uint32_t find_slot(const struct lubdub_identity_index *index, struct lubdub_slice identity)
{
    uint32_t slot = home(index, identity);

    while (index->slots[slot] != 0) {
        struct lubdub_slice other = identity_in(index, slot);

        if (other.length == identity.length && memcmp(other.data, identity.data, identity.length) == 0) {
            break;
        }
        slot = (slot + 1) & (index->capacity - 1);
    }
    return slot;
}

uint32_t lubdub_identity_index_find(const struct lubdub_identity_index *index, struct lubdub_slice identity)
{
    uint32_t slot;

    if (index->count == 0) {
        return LUBDUB_NO_PLACE;
    }
    slot = find_slot(index, identity);
    return index->slots[slot] != 0 ? index->slots[slot] - 1 : LUBDUB_NO_PLACE;
}

static bool resize(struct lubdub_identity_index *index, uint32_t capacity)
{
    uint32_t *old = index->slots;
    uint32_t old_capacity = index->capacity;
    uint32_t *slots = calloc(capacity, sizeof *slots);
    uint32_t i;

    if (slots == NULL) {
        return false;
    }
    index->slots = slots;
    index->capacity = capacity;
    for (i = 0; i < old_capacity; i++) {
        if (old[i] != 0) {
            slots[find_slot(index, index->identity_of(old[i] - 1, index->user_data))] = old[i];
        }
    }
    free(old);
    return true;
}

bool lubdub_identity_index_put(struct lubdub_identity_index *index, uint32_t place)
{
    struct lubdub_slice identity = index->identity_of(place, index->user_data);
    uint32_t slot;

    if (index->count > 0 && index->slots[slot = find_slot(index, identity)] != 0) {
        index->slots[slot] = place + 1;
        return true;
    }
    if ((uint64_t)(index->count + 1) * 4 > (uint64_t)index->capacity * 3 &&
        !resize(index, index->capacity > 0 ? index->capacity * 2 : FIRST_CAPACITY)) {
        return false;
    }
    slot = find_slot(index, identity);
    index->count++;
    index->slots[slot] = place + 1;
    return true;
}

void lubdub_identity_index_remove(struct lubdub_identity_index *index, uint32_t place)
{
    const uint32_t mask = index->capacity - 1;
    uint32_t hole;
    uint32_t slot;

    if (index->count == 0) {
        return;
    }
    hole = find_slot(index, index->identity_of(place, index->user_data));
    if (index->slots[hole] != place + 1) {
        return;
    }
    /* An entry behind the hole moves into it if its home is at or before the hole. */
    for (slot = (hole + 1) & mask; index->slots[slot] != 0; slot = (slot + 1) & mask) {
        uint32_t wanted = home(index, identity_in(index, slot));

        if (((slot - wanted) & mask) >= ((slot - hole) & mask)) {
            index->slots[hole] = index->slots[slot];
            hole = slot;
        }
    }
    index->slots[hole] = 0;
    index->count--;
    if (index->capacity > FIRST_CAPACITY && (uint64_t)index->count * 8 < index->capacity) {
        resize(index, index->capacity / 2); /* gives memory back; without memory for it, it stays large */
    }
}
