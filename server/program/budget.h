/*
 * Decides which events are told one by one, and which are only counted and told as a sum. A session has a budget of its
 * own for each kind of event that it can bring about as often as it likes, refused connections have one for each reason
 * and network (an IPv4 address, the /64 of an IPv6 one), and all together have one more. docs/internals/budgets.md has
 * the figures.
 *
 * A `recovered` follows its `late`: both are told or both are counted, so the last that is told of a session is true.
 *
 * Time comes in, and sums go out through a callback. Memory is bounded; it remembers the sessions that were busy lately
 * (slots.h). The caller keeps threads apart.
 */
#ifndef LUBDUB_SERVER_PROGRAM_BUDGET_H
#define LUBDUB_SERVER_PROGRAM_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/server.h>

#include "ev/address.h"

/* Health that is told by a sum comes with so much of the content of the probe that told the last of it. */
#define BUDGET_CONTENT_MAX 256

struct budget;

/* What a summary tells. It lives until the callback returns. */
struct budget_sum {
    enum lubdub_server_event_kind of; /* LATE, RECOVERED, HEALTH, MESSAGE, PATHS, REJECTED, CONNECTED, DISCONNECTED, GONE */
    uint64_t count;
    lubdub_time now;
    lubdub_duration over;                /* since the first of them */
    uint64_t session;                    /* 0: not of one session */
    struct lubdub_slice identity;        /* empty: none */
    const struct lubdub_address *remote; /* of one session; NULL: not */

    /* REJECTED, CONNECTED, DISCONNECTED: of one network, its other bytes zero; NULL: not */
    const struct lubdub_address *network;
    bool is_nameless;        /* CONNECTED, DISCONNECTED without an identity: of sessions that have none */
    enum lubdub_cause cause; /* REJECTED, with a network */
    bool has_reason;
    uint64_t reason;

    enum lubdub_health health; /* HEALTH, of one session: the last */
    const uint8_t *content;
    size_t content_length;
    lubdub_duration silent_for; /* LATE, RECOVERED, of one session: the longest */
    uint64_t bytes;             /* MESSAGE, of one session: the lengths together */
    unsigned paths;             /* PATHS, of one session: the last number */
};

typedef void (*budget_tell)(const struct budget_sum *sum, void *user_data);

/* Returns NULL without memory. */
struct budget *budget_new(budget_tell tell, void *user_data);
void budget_free(struct budget *budget);

/* The network that the event comes from: the /64 of an IPv6 address, all of an IPv4 one; zero where there is none. */
struct lubdub_address budget_network_of(const struct lubdub_server_event *event);

/* Whether the event has a budget; the others are told always. */
bool budget_concerns(const struct lubdub_server_event *event);

/* Whether to tell an event that has one. If not, it is counted. */
bool budget_admits(struct budget *budget, const struct lubdub_server_event *event);

/* Counts it without asking: its session is not told of yet (takeovers.h, brief_sessions.h). */
void budget_count(struct budget *budget, const struct lubdub_server_event *event);

/* Tells what was counted of the session: now it is told of. */
void budget_begin(struct budget *budget, uint64_t session, lubdub_time now);

/*
 * The session ends: tells its sums, and forgets it. What was counted of a session of which nothing is told goes into
 * the sum of all.
 */
void budget_end(struct budget *budget, const struct lubdub_server_event *disconnected, bool is_told);

/* Tells the sums that are due; where it is the end, all. Returns whether there are some left. */
bool budget_settle(struct budget *budget, lubdub_time now, bool is_end);

#endif
