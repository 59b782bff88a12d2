/* Searches an array of numbers; it is empty as a rule. */
#include "server/register/concerns.h"

#include <string.h>

static size_t find(const struct concerns *concerns, uint64_t session)
{
    size_t i;

    for (i = 0; i < concerns->count; i++) {
        if (concerns->sessions[i] == session) {
            return i;
        }
    }
    return CONCERNS;
}

/* NULL where there is no room. */
static struct concern *claim(struct concerns *concerns, const struct lubdub_server_event *event)
{
    size_t place = find(concerns, event->session);
    struct concern *concern;

    if (place < CONCERNS) {
        return &concerns->items[place];
    }
    if (concerns->count == CONCERNS) {
        return NULL;
    }
    concerns->sessions[concerns->count] = event->session;
    concern = &concerns->items[concerns->count++];
    *concern = (struct concern){.health = LUBDUB_HEALTH_PASSING, .length = event->identity.length};
    memcpy(concern->identity, event->identity.data, event->identity.length);
    return concern;
}

static void drop(struct concerns *concerns, size_t place)
{
    concerns->count--;
    concerns->sessions[place] = concerns->sessions[concerns->count];
    concerns->items[place] = concerns->items[concerns->count];
}

static void settle(struct concerns *concerns, uint64_t session)
{
    size_t place = find(concerns, session);

    if (place < CONCERNS && !concerns->items[place].is_late && concerns->items[place].health == LUBDUB_HEALTH_PASSING) {
        drop(concerns, place);
    }
}

void concerns_note(struct concerns *concerns, const struct lubdub_server_event *event, uint64_t now_ms)
{
    bool is_new = event->kind == LUBDUB_SERVER_LATE ||
                  (event->kind == LUBDUB_SERVER_HEALTH && event->health != LUBDUB_HEALTH_PASSING);
    size_t place = find(concerns, event->session);
    struct concern *concern = is_new ? claim(concerns, event) : place < CONCERNS ? &concerns->items[place] : NULL;

    if (concern == NULL) {
        return;
    }
    if (event->kind == LUBDUB_SERVER_DISCONNECTED) {
        drop(concerns, place);
        return;
    }
    if (event->kind == LUBDUB_SERVER_HEALTH) {
        concern->health = event->health;
    } else if (event->kind == LUBDUB_SERVER_LATE || event->kind == LUBDUB_SERVER_RECOVERED) {
        concern->is_late = event->kind == LUBDUB_SERVER_LATE;
    }
    concern->since_ms = now_ms;
    settle(concerns, event->session);
}
