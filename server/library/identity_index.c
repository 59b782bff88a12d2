/* Finds, fills and empties the slots of the identity index, and moves what is in them from one table to the next. */
#include "server/library/identity_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ev/sip_hash.h"

#define FIRST_CAPACITY 64

/*
 * With each change so many places move, or so many slots are found empty. It takes a table's slots / 8 changes at most,
 * and the next table is due after no fewer: a fuller one after slots / 4, an emptier one after slots / 16, in which
 * slots / 64 are enough.
 */
#define MOVED_AT_ONCE 8
#define LOOKED_AT_ONCE 64

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

static void clear(struct lubdub_identity_table *table)
{
    free(table->slots);
    *table = (struct lubdub_identity_table){0};
}

void lubdub_identity_index_clear(struct lubdub_identity_index *index)
{
    clear(&index->table);
    clear(&index->former);
}

/* ---- one table ---- */

static struct lubdub_slice identity_in(const struct lubdub_identity_index *index,
                                       const struct lubdub_identity_table *table, uint32_t slot)
{
    return index->identity_of(table->slots[slot] - 1, index->user_data);
}

static uint32_t home(const struct lubdub_identity_index *index, const struct lubdub_identity_table *table,
                     struct lubdub_slice identity)
{
    return (uint32_t)lubdub_identity_hash(index->key, identity) & (table->capacity - 1);
}

/* The slot that has this identity, or the empty one where it would go. There is always an empty one. */
static uint32_t find_slot(const struct lubdub_identity_index *index, const struct lubdub_identity_table *table,
                          struct lubdub_slice identity)
{
    uint32_t slot = home(index, table, identity);

    while (table->slots[slot] != 0) {
        struct lubdub_slice other = identity_in(index, table, slot);

        if (other.length == identity.length && memcmp(other.data, identity.data, identity.length) == 0) {
            break;
        }
        slot = (slot + 1) & (table->capacity - 1);
    }
    return slot;
}

/* The content of the slot that has this identity; NULL: the table does not have it. */
static uint32_t *find(const struct lubdub_identity_index *index, const struct lubdub_identity_table *table,
                      struct lubdub_slice identity)
{
    uint32_t slot;

    if (table->count == 0) {
        return NULL;
    }
    slot = find_slot(index, table, identity);
    return table->slots[slot] != 0 ? &table->slots[slot] : NULL;
}

/* Of an identity that the table does not have. */
static void insert(const struct lubdub_identity_index *index, struct lubdub_identity_table *table, uint32_t place)
{
    uint32_t slot = find_slot(index, table, index->identity_of(place, index->user_data));

    table->slots[slot] = place + 1;
    table->count++;
}

static void empty(const struct lubdub_identity_index *index, struct lubdub_identity_table *table, uint32_t hole)
{
    const uint32_t mask = table->capacity - 1;
    uint32_t slot;

    /* An entry behind the hole moves into it if its home is at or before the hole. */
    for (slot = (hole + 1) & mask; table->slots[slot] != 0; slot = (slot + 1) & mask) {
        uint32_t wanted = home(index, table, identity_in(index, table, slot));

        if (((slot - wanted) & mask) >= ((slot - hole) & mask)) {
            table->slots[hole] = table->slots[slot];
            hole = slot;
        }
    }
    table->slots[hole] = 0;
    table->count--;
}

/* ---- from one table to the next ---- */

/*
 * Ends behind an empty slot only: so all that stand between their home and their slot go at once, and those that stay
 * are still found.
 */
static void move_some(struct lubdub_identity_index *index)
{
    struct lubdub_identity_table *former = &index->former;
    uint32_t looked_at = 0;
    uint32_t moved = 0;

    while (former->count > 0 &&
           ((moved < MOVED_AT_ONCE && looked_at < LOOKED_AT_ONCE) || former->slots[index->moved] != 0)) {
        uint32_t content = former->slots[index->moved];

        if (content != 0) {
            insert(index, &index->table, content - 1);
            former->slots[index->moved] = 0;
            former->count--;
            moved++;
        }
        index->moved = (index->moved + 1) & (former->capacity - 1);
        looked_at++;
    }
    if (former->count == 0) {
        clear(former);
    }
}

/* False: no memory. */
static bool follow(struct lubdub_identity_index *index, uint32_t capacity)
{
    uint32_t *slots = calloc(capacity, sizeof *slots);

    assert(index->former.slots == NULL);
    if (slots == NULL) {
        return false;
    }
    index->former = index->table;
    index->table = (struct lubdub_identity_table){.slots = slots, .capacity = capacity};
    for (index->moved = 0; index->moved < index->former.capacity && index->former.slots[index->moved] != 0;) {
        index->moved++; /* to an empty slot */
    }
    return true;
}

static uint32_t count_of(const struct lubdub_identity_index *index)
{
    return index->table.count + index->former.count;
}

/* Makes sure that there is an empty slot more than the table needs. False: no memory. */
static bool has_room(struct lubdub_identity_index *index)
{
    uint32_t capacity = index->table.capacity;

    return (uint64_t)(count_of(index) + 1) * 4 <= (uint64_t)capacity * 3 ||
           follow(index, capacity > 0 ? capacity * 2 : FIRST_CAPACITY);
}

/* ---- the index ---- */

static uint32_t *find_in_both(const struct lubdub_identity_index *index, struct lubdub_slice identity)
{
    uint32_t *content = find(index, &index->table, identity);

    return content != NULL ? content : find(index, &index->former, identity);
}

uint32_t lubdub_identity_index_find(const struct lubdub_identity_index *index, struct lubdub_slice identity)
{
    const uint32_t *content = find_in_both(index, identity);

    return content != NULL ? *content - 1 : LUBDUB_NO_PLACE;
}

bool lubdub_identity_index_put(struct lubdub_identity_index *index, uint32_t place)
{
    uint32_t *content = find_in_both(index, index->identity_of(place, index->user_data));

    if (content != NULL) {
        *content = place + 1;
        return true;
    }
    if (!has_room(index)) {
        return false;
    }
    insert(index, &index->table, place);
    move_some(index);
    return true;
}

void lubdub_identity_index_remove(struct lubdub_identity_index *index, uint32_t place)
{
    struct lubdub_slice identity = index->identity_of(place, index->user_data);
    struct lubdub_identity_table *table = &index->table;
    const uint32_t *content = find(index, table, identity);

    if (content == NULL) {
        table = &index->former;
        content = find(index, table, identity);
    }
    if (content == NULL || *content != place + 1) {
        return;
    }
    empty(index, table, (uint32_t)(content - table->slots));
    move_some(index);
    if (index->former.slots == NULL && index->table.capacity > FIRST_CAPACITY &&
        (uint64_t)index->table.count * 8 < index->table.capacity) {
        follow(index, index->table.capacity / 2); /* gives memory back; without memory for it, it stays large */
    }
}
