/* Walks around the list of servers, one place after the other. */
#include "client/library/server_list.h"

#include <stdlib.h>
#include <string.h>

/* ---- an address at rest ---- */

static bool is_same(const struct lubdub_address *one, const struct lubdub_address *other)
{
    return memcmp(one->ip, other->ip, sizeof one->ip) == 0 && one->scope == other->scope && one->port == other->port;
}

static void forget_past(struct lubdub_server_entry *entry, lubdub_time now)
{
    size_t kept = 0;
    size_t i;

    for (i = 0; i < entry->rest_count; i++) {
        if (entry->rests[i].until > now) {
            entry->rests[kept++] = entry->rests[i];
        }
    }
    entry->rest_count = kept;
}

static struct lubdub_rest *find(const struct lubdub_server_entry *entry, const struct lubdub_address *address)
{
    size_t i;

    for (i = 0; i < entry->rest_count; i++) {
        if (is_same(&entry->rests[i].address, address)) {
            return &entry->rests[i];
        }
    }
    return NULL;
}

static struct lubdub_rest *add(struct lubdub_server_entry *entry, const struct lubdub_address *address)
{
    struct lubdub_rest *grown = realloc(entry->rests, (entry->rest_count + 1) * sizeof *grown);

    if (grown == NULL) {
        return NULL;
    }
    entry->rests = grown;
    grown[entry->rest_count] = (struct lubdub_rest){.address = *address};
    return &grown[entry->rest_count++];
}

void lubdub_server_entry_rest(struct lubdub_server_entry *entry, const struct lubdub_address *address,
                              lubdub_time until, lubdub_time now)
{
    struct lubdub_rest *rest;
    size_t i;

    forget_past(entry, now); /* so that there are no more of them than a name has addresses */
    rest = find(entry, address);
    if (rest == NULL) {
        rest = add(entry, address);
    }
    if (rest == NULL) {
        entry->not_before = until;
        return;
    }
    rest->until = until;
    if (entry->rest_count >= entry->address_count) {
        entry->not_before = until;
        for (i = 0; i < entry->rest_count; i++) {
            entry->not_before = lubdub_time_earlier(entry->not_before, entry->rests[i].until);
        }
    }
}

lubdub_time lubdub_server_entry_rests_until(const struct lubdub_server_entry *entry,
                                            const struct lubdub_address *address, lubdub_time now)
{
    const struct lubdub_rest *rest = find(entry, address);

    return rest != NULL && rest->until > now ? rest->until : 0;
}

void lubdub_server_list_clear(struct lubdub_server_list *list)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        free(list->entries[i].rests);
        list->entries[i].rests = NULL;
    }
}

/* ---- the round ---- */

void lubdub_server_list_init(struct lubdub_server_list *list, struct lubdub_server_entry *entries, size_t count)
{
    *list = (struct lubdub_server_list){.entries = entries, .count = count, .current = count - 1};
}

void lubdub_server_list_begin_round(struct lubdub_server_list *list)
{
    list->left = list->count;
}

struct lubdub_server_entry *lubdub_server_list_next(struct lubdub_server_list *list, lubdub_time now)
{
    size_t place = list->current;

    while (list->left > 0) {
        list->left--;
        place = (place + 1) % list->count;
        if (list->entries[place].not_before <= now) {
            list->current = place;
            return &list->entries[place];
        }
    }
    return NULL;
}

lubdub_duration lubdub_server_list_wait(const struct lubdub_server_list *list, lubdub_time now)
{
    lubdub_time soonest = LUBDUB_TIME_NEVER;
    size_t i;

    for (i = 0; i < list->count; i++) {
        soonest = lubdub_time_earlier(soonest, list->entries[i].not_before);
    }
    return lubdub_time_between(now, soonest);
}
