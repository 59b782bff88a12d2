/* Keeps the identities' places, and a list of those that may be forgotten. */
#include "server/register/store.h"

#include <stdlib.h>

#define MOST_PLACES ((uint32_t)1 << 24)

bool store_init(struct store *store)
{
    *store = (struct store){.departed_most = STORE_DEPARTED};
    return index_init(&store->index);
}

void store_clear(struct store *store)
{
    uint32_t i;

    for (i = 0; i < store->place_count; i++) {
        known_free(store->places[i]);
    }
    free(store->places);
    free(store->free_places);
    due_clear(&store->due);
    index_clear(&store->index);
    *store = (struct store){0};
}

struct known *store_find(const struct store *store, struct lubdub_slice identity)
{
    return index_find(&store->index, identity);
}

/* Both arrays grow together, so that giving a place back never needs memory. */
static bool has_place(struct store *store)
{
    uint32_t room = store->room > 0 ? 2 * store->room : 256;
    struct known **places;
    uint32_t *free_places;

    if (store->free_count > 0 || store->place_count < store->room) {
        return true;
    }
    if (room > MOST_PLACES) {
        return false;
    }
    places = realloc(store->places, room * sizeof *places);
    store->places = places != NULL ? places : store->places;
    free_places = realloc(store->free_places, room * sizeof *free_places);
    store->free_places = free_places != NULL ? free_places : store->free_places;
    if (places == NULL || free_places == NULL) {
        return false;
    }
    store->room = room;
    return true;
}

struct known *store_claim(struct store *store, struct lubdub_slice identity)
{
    struct known *known = store_find(store, identity);

    if (known != NULL) {
        return known;
    }
    known = has_place(store) ? known_new(identity.data, identity.length) : NULL;
    if (known == NULL) {
        return NULL;
    }
    known->place = store->free_count > 0 ? store->free_places[--store->free_count] : store->place_count++;
    store->places[known->place] = known;
    index_add(&store->index, known);
    return known;
}

static void unlist(struct store *store, struct known *known)
{
    if (!known->is_listed) {
        return;
    }
    *(known->older != NULL ? &known->older->newer : &store->oldest) = known->newer;
    *(known->newer != NULL ? &known->newer->older : &store->newest) = known->older;
    known->older = known->newer = NULL;
    known->is_listed = false;
    store->departed_count--;
}

static void list(struct store *store, struct known *known)
{
    known->older = store->newest;
    *(store->newest != NULL ? &store->newest->newer : &store->oldest) = known;
    store->newest = known;
    known->is_listed = true;
    store->departed_count++;
}

void store_forget(struct store *store, struct known *known)
{
    unlist(store, known);
    known->missing_at = known->gone_at = known->calm_at = LUBDUB_TIME_NEVER;
    due_update(&store->due, known);
    index_remove(&store->index, known);
    store->places[known->place] = NULL;
    store->free_places[store->free_count++] = known->place;
    known_free(known);
}

void store_settle(struct store *store, struct known *known)
{
    unlist(store, known);
    if (known->session != 0 || known->watch != NULL || known->next_watch != NULL) {
        return;
    }
    list(store, known);
    if (store->departed_count > store->departed_most) {
        store_forget(store, store->oldest);
    }
}

struct known *store_next(const struct store *store, uint32_t *place)
{
    while (*place < store->place_count) {
        struct known *known = store->places[(*place)++];

        if (known != NULL) {
            return known;
        }
    }
    return NULL;
}
