/* Keeps departed identities in a hash table that is in the order of departure. */
#include "server/library/departed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Without memory an entry is not added, instead of ending the process. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

struct lubdub_departure {
    UT_hash_handle hh;
    lubdub_time grace_until; /* 0: over, or there was none */
    enum lubdub_cause end;
    bool is_lost;
    uint8_t length;
    char identity[];
};

/*
 * Grace times end in the order of departure (lubdub_departed_shorten() keeps it so). The first identity in that order
 * whose grace time runs is therefore the first to be gone.
 */
static void pass_first_in_grace(struct lubdub_departed *departed)
{
    do {
        departed->first_in_grace = departed->first_in_grace->hh.next;
    } while (departed->first_in_grace != NULL && departed->first_in_grace->grace_until == 0);
}

static void forget(struct lubdub_departed *departed, struct lubdub_departure *departure)
{
    if (departure == departed->first_in_grace) {
        pass_first_in_grace(departed);
    }
    departed->in_grace -= departure->grace_until != 0;
    HASH_DEL(departed->all, departure);
    free(departure);
}

void lubdub_departed_clear(struct lubdub_departed *departed)
{
    struct lubdub_departure *departure;
    struct lubdub_departure *next;

    HASH_ITER(hh, departed->all, departure, next)
    {
        forget(departed, departure);
    }
}

static struct lubdub_departure *find(const struct lubdub_departed *departed, struct lubdub_slice identity)
{
    struct lubdub_departure *departure;

    HASH_FIND(hh, departed->all, identity.data, identity.length, departure);
    return departure;
}

static void forget_oldest(struct lubdub_departed *departed, size_t limit)
{
    while (HASH_COUNT(departed->all) - departed->in_grace > limit) {
        struct lubdub_departure *oldest = departed->all;

        while (oldest->grace_until != 0) {
            oldest = oldest->hh.next;
        }
        forget(departed, oldest);
    }
}

void lubdub_departed_add(struct lubdub_departed *departed, struct lubdub_slice identity, enum lubdub_cause end,
                         lubdub_time grace_until, size_t limit)
{
    struct lubdub_departure *departure = find(departed, identity);

    if (departure != NULL) {
        forget(departed, departure);
    }
    departure = malloc(sizeof *departure + identity.length);
    if (departure == NULL) {
        return;
    }
    memset(departure, 0, sizeof *departure);
    departure->end = end;
    departure->grace_until = grace_until;
    departure->length = (uint8_t)identity.length;
    memcpy(departure->identity, identity.data, identity.length);
    HASH_ADD_KEYPTR(hh, departed->all, departure->identity, departure->length, departure);
    if (departure->is_lost) {
        free(departure);
        return;
    }
    if (grace_until != 0) {
        departed->in_grace++;
        if (departed->first_in_grace == NULL) {
            departed->first_in_grace = departure;
        }
    }
    forget_oldest(departed, limit);
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

    for (departure = departed->first_in_grace; departure != NULL; departure = departure->hh.next) {
        if (departure->grace_until > latest) {
            departure->grace_until = latest;
        }
    }
}

lubdub_time lubdub_departed_deadline(const struct lubdub_departed *departed)
{
    const struct lubdub_departure *departure = departed->first_in_grace;

    return departure != NULL ? departure->grace_until : LUBDUB_TIME_NEVER;
}

bool lubdub_departed_pop_gone(struct lubdub_departed *departed, lubdub_time now, char *identity, size_t *length)
{
    struct lubdub_departure *departure = departed->first_in_grace;

    if (departure == NULL || departure->grace_until > now) {
        return false;
    }
    pass_first_in_grace(departed);
    departure->grace_until = 0;
    departed->in_grace--;
    memcpy(identity, departure->identity, departure->length);
    *length = departure->length;
    return true;
}
