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
    lubdub_time grace_until; /* 0: over, or there was none */
    enum lubdub_cause end;
    bool is_lost;
    uint8_t length;
    char identity[];
};

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
}

static struct lubdub_departure *find(const struct lubdub_departed *departed, struct lubdub_slice identity)
{
    struct lubdub_departure *departure;

    HASH_FIND(hh, departed->all, identity.data, identity.length, departure);
    return departure;
}

bool lubdub_departed_add(struct lubdub_departed *departed, struct lubdub_slice identity, enum lubdub_cause end,
                         lubdub_time grace_until, size_t over_limit, size_t away_limit)
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
    departure->grace_until = is_too_many ? 0 : grace_until;
    departure->length = (uint8_t)identity.length;
    memcpy(departure->identity, identity.data, identity.length);
    HASH_ADD_KEYPTR(hh, departed->all, departure->identity, departure->length, departure);
    if (departure->is_lost) {
        free(departure);
        return true;
    }
    append(departed, departure);
    while (departed->over.count > over_limit) {
        forget(departed, departed->over.first);
    }
    return !is_too_many;
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
