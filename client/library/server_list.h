/*
 * Keeps the servers of a client, and chooses the server that is tried next. Pure.
 *
 * A round tries each server once, beginning behind the server that was tried last. A server is passed over while all
 * its addresses have asked to be left alone.
 */
#ifndef LUBDUB_CLIENT_LIBRARY_SERVER_LIST_H
#define LUBDUB_CLIENT_LIBRARY_SERVER_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/client.h>

#include "ev/address.h"

struct lubdub_server_list;

/* An address that asked to be left alone. */
struct lubdub_rest {
    struct lubdub_address address;
    lubdub_time until;
};

struct lubdub_server_entry {
    struct lubdub_client_server server;
    lubdub_time not_before;          /* all of its addresses want to be left alone */
    struct lubdub_address last_good; /* for when its name cannot be looked up; port 0: none */
    struct lubdub_address behind;    /* where the last session was: it comes last; port 0: none */
    struct lubdub_rest *rests;       /* NULL: none */
    size_t rest_count;
    size_t address_count; /* of its name, when that was looked up last */
};

/*
 * Leaves this address alone until then, and the whole server if all its addresses are left alone now. Without memory
 * the whole server is left alone.
 */
void lubdub_server_entry_rest(struct lubdub_server_entry *entry, const struct lubdub_address *address,
                              lubdub_time until, lubdub_time now);

/* Until when; 0: it may be tried. */
lubdub_time lubdub_server_entry_rests_until(const struct lubdub_server_entry *entry,
                                            const struct lubdub_address *address, lubdub_time now);

/* Gives back the memory of all entries. */
void lubdub_server_list_clear(struct lubdub_server_list *list);

struct lubdub_server_list {
    struct lubdub_server_entry *entries;
    size_t count;   /* at least 1 */
    size_t current; /* tried last */
    size_t left;    /* not tried yet in this round */
};

/* Entries are the caller's and filled. The first round begins with the first. */
void lubdub_server_list_init(struct lubdub_server_list *list, struct lubdub_server_entry *entries, size_t count);

void lubdub_server_list_begin_round(struct lubdub_server_list *list);

/* The next one to try; NULL when the round is over. */
struct lubdub_server_entry *lubdub_server_list_next(struct lubdub_server_list *list, lubdub_time now);

/* How long it is until one may be tried. */
lubdub_duration lubdub_server_list_wait(const struct lubdub_server_list *list, lubdub_time now);

static inline struct lubdub_server_entry *lubdub_server_list_current(const struct lubdub_server_list *list)
{
    return &list->entries[list->current];
}

#endif
