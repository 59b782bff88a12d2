/* Reads ahead in batches, and finds the place in the middle of a batch by listing its beginning again. */
#include "server/http/walk.h"

#include <string.h>

#include "server/register/copies.h"

void walk_begin(struct walk *walk, const struct source *source, struct walk_place place)
{
    *walk = (struct walk){.source = source, .next = place, .batch_at = place};
}

void walk_end(struct walk *walk)
{
    lubdub_server_session_free(walk->batch);
    walk->batch = walk->at = NULL;
}

static bool read_batch(struct walk *walk)
{
    walk_end(walk);
    walk->batch_at = walk->next;
    walk->batch_taken = 0;
    if (lubdub_server_list(walk->source->server, &walk->next.cursor, WALK_BATCH, &walk->batch) != LUBDUB_ERROR_OK) {
        walk->has_failed = true;
        return false;
    }
    return walk->batch != NULL;
}

static bool next_of_library(struct walk *walk, struct entry *entry)
{
    walk->at = walk->at != NULL ? walk->at->next : NULL;
    if (walk->at == NULL) {
        if (!read_batch(walk)) {
            return false;
        }
        walk->at = walk->batch;
    }
    walk->batch_taken++;
    *entry = (struct entry){.session = walk->at};
    if (walk->at->identity.length > 0 &&
        register_find(walk->source->reg, walk->at->identity.data, walk->at->identity.length, &walk->known)) {
        entry->known = &walk->known;
    }
    return true;
}

/* What the library lists, or will list. */
static bool is_of_library(const struct register_identity *known)
{
    return known->session != 0 || (known->state == KNOWN_AWAY && !known->is_restored && !known->is_pattern);
}

static bool next_of_register(struct walk *walk, struct entry *entry)
{
    while (register_next(walk->source->reg, &walk->next.cursor, &walk->known)) {
        if (!is_of_library(&walk->known) && (!walk->known.is_pattern || walk->known.is_missing)) {
            *entry = (struct entry){.known = &walk->known};
            return true;
        }
    }
    return false;
}

bool walk_next(struct walk *walk, struct entry *entry)
{
    if (walk->next.stage == 0 && !walk->has_failed) {
        if (next_of_library(walk, entry)) {
            return true;
        }
        walk_end(walk);
        walk->next = (struct walk_place){.stage = 1};
    }
    return !walk->has_failed && next_of_register(walk, entry);
}

/* Session by session, as far as the last one that was given out; one that has ended since is passed over. */
static struct walk_place search(struct walk *walk)
{
    struct walk_place place = walk->batch_at;
    unsigned i;

    for (i = 0; i < walk->batch_taken; i++) {
        struct lubdub_server_session *session;
        bool is_it;

        if (lubdub_server_list(walk->source->server, &place.cursor, 1, &session) != LUBDUB_ERROR_OK ||
            session == NULL) {
            break;
        }
        is_it = session->session == walk->at->session && session->identity.length == walk->at->identity.length &&
                memcmp(session->identity.data, walk->at->identity.data, session->identity.length) == 0;
        lubdub_server_session_free(session);
        if (is_it) {
            break;
        }
    }
    return place;
}

struct walk_place walk_place(struct walk *walk)
{
    if (walk->next.stage != 0 || walk->at == NULL || walk->at->next == NULL) {
        return walk->next;
    }
    return search(walk);
}
