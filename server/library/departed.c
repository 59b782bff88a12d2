/* Keeps departed identities in a hash table, and in two lists in the order in which they left. */
#include "server/library/departed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/library/table.h"

#include <utlist.h>

struct lubdub_departure {
    UT_hash_handle hh;
    struct lubdub_departure *prev;
    struct lubdub_departure *next;
    lubdub_time left_at;
    lubdub_time grace_until; /* 0: over, or there was none */
    uint32_t place;
    enum lubdub_cause end;
    bool is_lost;
    uint8_t length;
    char identity[];
};

/* A departure stays at its place, so that a list in pieces gives it once. */
struct lubdub_departed_place {
    struct lubdub_departure *departure; /* NULL: free */
    uint32_t next_free;                 /* place + 1; 0: none */
};

#define FIRST_PLACES 16

/* Places that are looked at in one piece of a list. */
#define LOOKED_AT 256

/* False: no memory. */
static bool take_place(struct lubdub_departed *departed, struct lubdub_departure *departure)
{
    if (departed->free_place > 0) {
        departure->place = departed->free_place - 1;
        departed->free_place = departed->places[departure->place].next_free;
    } else {
        if (departed->place_count == departed->place_capacity) {
            uint32_t capacity = departed->place_capacity > 0 ? 2 * departed->place_capacity : FIRST_PLACES;
            struct lubdub_departed_place *places = realloc(departed->places, capacity * sizeof *places);

            if (places == NULL) {
                return false;
            }
            departed->places = places;
            departed->place_capacity = capacity;
        }
        departure->place = departed->place_count++;
    }
    departed->places[departure->place].departure = departure;
    return true;
}

static void free_place(struct lubdub_departed *departed, uint32_t place)
{
    departed->places[place] = (struct lubdub_departed_place){NULL, departed->free_place};
    departed->free_place = place + 1;
}

/* Grace times end in the order of departure: lubdub_departed_shorten() keeps it so. */
static struct lubdub_departures *list_of(struct lubdub_departed *departed, const struct lubdub_departure *departure)
{
    return departure->grace_until != 0 ? &departed->away : &departed->over;
}

static void append(struct lubdub_departed *departed, struct lubdub_departure *departure)
{
    struct lubdub_departures *list = list_of(departed, departure);

    DL_APPEND(list->first, departure);
    list->count++;
}

static void take_out(struct lubdub_departed *departed, struct lubdub_departure *departure)
{
    struct lubdub_departures *list = list_of(departed, departure);

    DL_DELETE(list->first, departure);
    list->count--;
}

static void forget(struct lubdub_departed *departed, struct lubdub_departure *departure)
{
    take_out(departed, departure);
    free_place(departed, departure->place);
    HASH_DEL(departed->all, departure);
    free(departure);
}

void lubdub_departed_clear(struct lubdub_departed *departed)
{
    while (departed->away.first != NULL) {
        forget(departed, departed->away.first);
    }
    while (departed->over.first != NULL) {
        forget(departed, departed->over.first);
    }
    free(departed->places);
    memset(departed, 0, sizeof *departed);
}

static struct lubdub_departure *find(const struct lubdub_departed *departed, struct lubdub_slice identity)
{
    struct lubdub_departure *departure;

    HASH_FIND(hh, departed->all, identity.data, identity.length, departure);
    return departure;
}

bool lubdub_departed_add(struct lubdub_departed *departed, struct lubdub_slice identity, enum lubdub_cause end,
                         lubdub_time left_at, lubdub_time grace_until, size_t over_limit, size_t away_limit)
{
    struct lubdub_departure *departure = find(departed, identity);
    bool is_too_many;

    if (departure != NULL) {
        forget(departed, departure);
    }
    is_too_many = grace_until != 0 && departed->away.count / 2 >= away_limit;
    departure = malloc(sizeof *departure + identity.length);
    if (departure == NULL) {
        return true;
    }
    memset(departure, 0, sizeof *departure);
    departure->end = end;
    departure->left_at = left_at;
    departure->grace_until = is_too_many ? 0 : grace_until;
    departure->length = (uint8_t)identity.length;
    memcpy(departure->identity, identity.data, identity.length);
    if (!take_place(departed, departure)) {
        free(departure);
        return true;
    }
    HASH_ADD_KEYPTR(hh, departed->all, departure->identity, departure->length, departure);
    if (departure->is_lost) {
        free_place(departed, departure->place);
        free(departure);
        return true;
    }
    append(departed, departure);
    while (departed->over.count > over_limit) {
        forget(departed, departed->over.first);
    }
    return !is_too_many;
}

static void view(const struct lubdub_departure *departure, struct lubdub_departed_view *view)
{
    view->end = departure->end;
    view->left_at = departure->left_at;
    view->grace_until = departure->grace_until;
    view->length = departure->length;
    memcpy(view->identity, departure->identity, departure->length);
}

bool lubdub_departed_find(const struct lubdub_departed *departed, struct lubdub_slice identity,
                          struct lubdub_departed_view *found)
{
    const struct lubdub_departure *departure = find(departed, identity);

    if (departure != NULL) {
        view(departure, found);
    }
    return departure != NULL;
}

size_t lubdub_departed_list(const struct lubdub_departed *departed, uint32_t *place, struct lubdub_departed_view *views,
                            size_t most)
{
    size_t count = 0;
    uint32_t looked_at;

    for (looked_at = 0; *place < departed->place_count && count < most && looked_at < LOOKED_AT; looked_at++) {
        const struct lubdub_departure *departure = departed->places[(*place)++].departure;

        if (departure != NULL && departure->grace_until != 0) {
            view(departure, &views[count++]);
        }
    }
    *place = *place < departed->place_count ? *place : UINT32_MAX;
    return count;
}

enum lubdub_cause lubdub_departed_take(struct lubdub_departed *departed, struct lubdub_slice identity, lubdub_time now,
                                       bool *is_in_grace)
{
    struct lubdub_departure *departure = find(departed, identity);
    enum lubdub_cause end;

    *is_in_grace = false;
    if (departure == NULL) {
        return LUBDUB_CAUSE_NONE;
    }
    *is_in_grace = departure->grace_until > now;
    end = departure->end;
    forget(departed, departure);
    return end;
}

void lubdub_departed_shorten(struct lubdub_departed *departed, lubdub_time latest)
{
    struct lubdub_departure *departure;

    DL_FOREACH(departed->away.first, departure)
    {
        if (departure->grace_until > latest) {
            departure->grace_until = latest;
        }
    }
}

lubdub_time lubdub_departed_deadline(const struct lubdub_departed *departed, size_t away_limit)
{
    if (departed->away.first == NULL) {
        return LUBDUB_TIME_NEVER;
    }
    return departed->away.count > away_limit ? 0 : departed->away.first->grace_until;
}

bool lubdub_departed_pop_gone(struct lubdub_departed *departed, lubdub_time now, size_t away_limit, char *identity,
                              size_t *length, bool *is_early)
{
    struct lubdub_departure *departure = departed->away.first;

    if (departure == NULL || lubdub_departed_deadline(departed, away_limit) > now) {
        return false;
    }
    *is_early = departure->grace_until > now;
    take_out(departed, departure);
    departure->grace_until = 0;
    append(departed, departure);
    memcpy(identity, departure->identity, departure->length);
    *length = departure->length;
    return true;
}
