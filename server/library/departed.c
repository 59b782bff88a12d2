/* Keeps departed identities at places, in an index, and in two lists in the order in which they left. */
#include "server/library/departed.h"

#include <stdlib.h>
#include <string.h>

/* There may be very many: all numbers are of places, and the identity stands behind them. */
struct lubdub_departure {
    lubdub_time left_at;
    lubdub_time grace_until; /* 0: over, or there was none */
    uint32_t earlier;        /* in its list */
    uint32_t later;
    uint8_t end; /* enum lubdub_cause */
    uint8_t length;
    char identity[];
};

#define FIRST_PLACES 16

/* Places that are looked at in one piece of a list. */
#define LOOKED_AT 256

static struct lubdub_slice identity_of(const struct lubdub_departure *departure)
{
    return (struct lubdub_slice){departure->identity, departure->length};
}

static struct lubdub_slice identity_of_place(uint32_t place, const void *user_data)
{
    const struct lubdub_departed *departed = user_data;

    return identity_of(departed->places[place]);
}

void lubdub_departed_init(struct lubdub_departed *departed, uint64_t key0, uint64_t key1)
{
    static const struct lubdub_departures none = {LUBDUB_NO_PLACE, LUBDUB_NO_PLACE, 0};

    *departed = (struct lubdub_departed){.away = none, .over = none};
    lubdub_identity_index_init(&departed->index, key0, key1, identity_of_place, departed);
}

void lubdub_departed_clear(struct lubdub_departed *departed)
{
    uint32_t place;

    for (place = 0; place < departed->place_count; place++) {
        free(departed->places[place]);
    }
    free(departed->places);
    free(departed->free_places);
    lubdub_identity_index_clear(&departed->index);
    memset(departed, 0, sizeof *departed);
}

/* ---- places ---- */

/* Both arrays grow together, so that giving a place back never needs memory. False: no memory. */
static bool has_place(struct lubdub_departed *departed)
{
    uint32_t capacity = departed->place_capacity > 0 ? 2 * departed->place_capacity : FIRST_PLACES;
    struct lubdub_departure **places;
    uint32_t *free_places;

    if (departed->free_count > 0 || departed->place_count < departed->place_capacity) {
        return true;
    }
    places = realloc(departed->places, capacity * sizeof(struct lubdub_departure *));
    departed->places = places != NULL ? places : departed->places;
    free_places = realloc(departed->free_places, capacity * sizeof *free_places);
    departed->free_places = free_places != NULL ? free_places : departed->free_places;
    if (places == NULL || free_places == NULL) {
        return false;
    }
    departed->place_capacity = capacity;
    return true;
}

static uint32_t take_place(struct lubdub_departed *departed, struct lubdub_departure *departure)
{
    uint32_t place = departed->free_count > 0 ? departed->free_places[--departed->free_count] : departed->place_count++;

    departed->places[place] = departure;
    return place;
}

static void free_place(struct lubdub_departed *departed, uint32_t place)
{
    free(departed->places[place]);
    departed->places[place] = NULL;
    departed->free_places[departed->free_count++] = place;
}

/* ---- lists ---- */

/* Grace times end in the order of departure: lubdub_departed_shorten() keeps it so. */
static struct lubdub_departures *list_of(struct lubdub_departed *departed, const struct lubdub_departure *departure)
{
    return departure->grace_until != 0 ? &departed->away : &departed->over;
}

static void append(struct lubdub_departed *departed, uint32_t place)
{
    struct lubdub_departure *departure = departed->places[place];
    struct lubdub_departures *list = list_of(departed, departure);

    departure->earlier = list->last;
    departure->later = LUBDUB_NO_PLACE;
    *(list->last != LUBDUB_NO_PLACE ? &departed->places[list->last]->later : &list->first) = place;
    list->last = place;
    list->count++;
}

static void take_out(struct lubdub_departed *departed, uint32_t place)
{
    const struct lubdub_departure *departure = departed->places[place];
    struct lubdub_departures *list = list_of(departed, departure);
    uint32_t earlier = departure->earlier;
    uint32_t later = departure->later;

    *(earlier != LUBDUB_NO_PLACE ? &departed->places[earlier]->later : &list->first) = later;
    *(later != LUBDUB_NO_PLACE ? &departed->places[later]->earlier : &list->last) = earlier;
    list->count--;
}

static const struct lubdub_departure *first_of(const struct lubdub_departed *departed,
                                               const struct lubdub_departures *list)
{
    return list->first != LUBDUB_NO_PLACE ? departed->places[list->first] : NULL;
}

/* ---- departures ---- */

static void forget(struct lubdub_departed *departed, uint32_t place)
{
    take_out(departed, place);
    lubdub_identity_index_remove(&departed->index, place);
    free_place(departed, place);
}

static struct lubdub_departure *new_departure(struct lubdub_slice identity)
{
    /* What the struct is padded with is used, too. */
    size_t size = offsetof(struct lubdub_departure, identity) + identity.length;
    struct lubdub_departure *departure = malloc(size > sizeof *departure ? size : sizeof *departure);

    if (departure != NULL) {
        departure->length = (uint8_t)identity.length;
        memcpy(departure->identity, identity.data, identity.length);
    }
    return departure;
}

/* Without memory it is forgotten. */
static void keep(struct lubdub_departed *departed, struct lubdub_slice identity, enum lubdub_cause end,
                 lubdub_time left_at, lubdub_time grace_until)
{
    struct lubdub_departure *departure = has_place(departed) ? new_departure(identity) : NULL;
    uint32_t place;

    if (departure == NULL) {
        return;
    }
    departure->end = (uint8_t)end;
    departure->left_at = left_at;
    departure->grace_until = grace_until;
    place = take_place(departed, departure);
    if (!lubdub_identity_index_put(&departed->index, place)) {
        free_place(departed, place);
        return;
    }
    append(departed, place);
}

bool lubdub_departed_add(struct lubdub_departed *departed, struct lubdub_slice identity, enum lubdub_cause end,
                         lubdub_time left_at, lubdub_time grace_until, size_t over_limit, size_t away_limit)
{
    uint32_t place = lubdub_identity_index_find(&departed->index, identity);
    bool is_too_many;

    if (place != LUBDUB_NO_PLACE) {
        forget(departed, place);
    }
    is_too_many = grace_until != 0 && departed->away.count / 2 >= away_limit;
    keep(departed, identity, end, left_at, is_too_many ? 0 : grace_until);
    while (departed->over.count > over_limit) {
        forget(departed, departed->over.first);
    }
    return !is_too_many;
}

static void view(const struct lubdub_departure *departure, struct lubdub_departed_view *view)
{
    view->end = (enum lubdub_cause)departure->end;
    view->left_at = departure->left_at;
    view->grace_until = departure->grace_until;
    view->length = departure->length;
    memcpy(view->identity, departure->identity, departure->length);
}

bool lubdub_departed_find(const struct lubdub_departed *departed, struct lubdub_slice identity,
                          struct lubdub_departed_view *found)
{
    uint32_t place = lubdub_identity_index_find(&departed->index, identity);

    if (place != LUBDUB_NO_PLACE) {
        view(departed->places[place], found);
    }
    return place != LUBDUB_NO_PLACE;
}

size_t lubdub_departed_list(const struct lubdub_departed *departed, uint32_t *place, struct lubdub_departed_view *views,
                            size_t most)
{
    size_t count = 0;
    uint32_t looked_at;

    for (looked_at = 0; *place < departed->place_count && count < most && looked_at < LOOKED_AT; looked_at++) {
        const struct lubdub_departure *departure = departed->places[(*place)++];

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
    uint32_t place = lubdub_identity_index_find(&departed->index, identity);
    enum lubdub_cause end;

    *is_in_grace = false;
    if (place == LUBDUB_NO_PLACE) {
        return LUBDUB_CAUSE_NONE;
    }
    *is_in_grace = departed->places[place]->grace_until > now;
    end = (enum lubdub_cause)departed->places[place]->end;
    forget(departed, place);
    return end;
}

void lubdub_departed_shorten(struct lubdub_departed *departed, lubdub_time latest)
{
    uint32_t place;

    for (place = departed->away.first; place != LUBDUB_NO_PLACE; place = departed->places[place]->later) {
        struct lubdub_departure *departure = departed->places[place];

        departure->grace_until = lubdub_time_earlier(departure->grace_until, latest);
    }
}

lubdub_time lubdub_departed_deadline(const struct lubdub_departed *departed, size_t away_limit)
{
    const struct lubdub_departure *first = first_of(departed, &departed->away);

    if (first == NULL) {
        return LUBDUB_TIME_NEVER;
    }
    return departed->away.count > away_limit ? 0 : first->grace_until;
}

bool lubdub_departed_pop_gone(struct lubdub_departed *departed, lubdub_time now, size_t away_limit, char *identity,
                              size_t *length, bool *is_early)
{
    uint32_t place = departed->away.first;
    struct lubdub_departure *departure;

    if (place == LUBDUB_NO_PLACE || lubdub_departed_deadline(departed, away_limit) > now) {
        return false;
    }
    departure = departed->places[place];
    *is_early = departure->grace_until > now;
    take_out(departed, place);
    departure->grace_until = 0;
    append(departed, place);
    memcpy(identity, departure->identity, departure->length);
    *length = departure->length;
    return true;
}
