/* Keeps for each node since when its counter stands still. */
#include "server/presence/observer.h"

#include <string.h>

void presence_observer_init(struct presence_observer *observer, lubdub_duration gap)
{
    memset(observer, 0, sizeof *observer);
    observer->gap = gap;
}

void presence_observer_note_reply(struct presence_observer *observer, lubdub_time now)
{
    size_t i;

    if (observer->replied_at != 0 && lubdub_time_between(observer->replied_at, now) > observer->gap) {
        for (i = 0; i < observer->count; i++) {
            observer->nodes[i].still_since = now;
            observer->nodes[i].boot_since = now;
        }
    }
    if (observer->replied_at == 0 || lubdub_time_between(observer->replied_at, now) > observer->gap) {
        observer->began_at = now;
    }
    observer->replied_at = now;
}

void presence_observer_begin(struct presence_observer *observer, lubdub_time now)
{
    size_t i;

    presence_observer_note_reply(observer, now);
    for (i = 0; i < observer->count; i++) {
        observer->nodes[i].is_seen = false;
    }
}

static struct presence_observed *find(struct presence_observer *observer, const char *name)
{
    size_t i;

    for (i = 0; i < observer->count; i++) {
        if (strcmp(observer->nodes[i].name, name) == 0) {
            return &observer->nodes[i];
        }
    }
    return NULL;
}

void presence_observer_note(struct presence_observer *observer, const char *name, const struct presence_entry *entry,
                            lubdub_time now)
{
    struct presence_observed *node = find(observer, name);

    if (node == NULL) {
        if (observer->count == PRESENCE_NODES_MOST || strlen(name) >= sizeof node->name) {
            return;
        }
        node = &observer->nodes[observer->count++];
        memset(node, 0, sizeof *node);
        strcpy(node->name, name);
        node->still_since = now;
        node->boot_since = now;
    } else if (strcmp(node->entry.boot, entry->boot) != 0) {
        node->still_since = now;
        node->boot_since = now;
        node->is_known = node->has_counted = false;
    } else if (node->entry.counter != entry->counter || node->entry.is_live != entry->is_live) {
        node->still_since = now;
    }
    if (entry->is_claiming) {
        node->boot_since = now; /* what it has not claimed yet is not lost */
    }
    node->has_counted = node->has_counted || (node->is_known && entry->counter > node->entry.counter);
    node->is_known = true;
    node->entry = *entry;
    node->is_seen = true;
}

void presence_observer_end(struct presence_observer *observer)
{
    size_t i = 0;

    while (i < observer->count) {
        if (observer->nodes[i].is_seen) {
            i++;
        } else {
            observer->nodes[i] = observer->nodes[--observer->count];
        }
    }
}

const struct presence_observed *presence_observer_find(const struct presence_observer *observer, const char *name)
{
    size_t i;

    for (i = 0; i < observer->count; i++) {
        if (strcmp(observer->nodes[i].name, name) == 0) {
            return &observer->nodes[i];
        }
    }
    return NULL;
}

bool presence_observer_suspects(const struct presence_observed *node, lubdub_time now)
{
    return node->entry.is_live &&
           lubdub_time_between(node->still_since, now) > node->entry.lease_ms * LUBDUB_MILLISECOND;
}

bool presence_observer_holds(const struct presence_observer *observer, const char *node, const char *boot)
{
    const struct presence_observed *known = presence_observer_find(observer, node);

    return known != NULL && known->entry.is_live && strcmp(known->entry.boot, boot) == 0;
}

void presence_observer_begin_anew(struct presence_observer *observer)
{
    size_t i;

    for (i = 0; i < observer->count; i++) {
        observer->nodes[i].is_known = observer->nodes[i].has_counted = false;
    }
}

bool presence_observer_has_counted(const struct presence_observer *observer, const char *node, const char *boot)
{
    const struct presence_observed *known = presence_observer_find(observer, node);

    return known != NULL && known->has_counted && presence_observer_holds(observer, node, boot);
}

bool presence_observer_lost_for(const struct presence_observer *observer, const char *node, const char *boot,
                                lubdub_duration length, lubdub_time now)
{
    const struct presence_observed *known = presence_observer_find(observer, node);
    lubdub_time since;

    if (known == NULL) {
        return observer->began_at != 0 && lubdub_time_between(observer->began_at, now) >= length;
    }
    if (strcmp(known->entry.boot, boot) == 0) {
        since = known->still_since; /* since it is not live */
        return !known->entry.is_live && lubdub_time_between(since, now) >= length;
    }
    return lubdub_time_between(known->boot_since, now) >= length;
}
