/*
 * Tells Redis which identities have a session here, so that any node and any reader knows where each is. It runs in a
 * thread of its own, with a loop of its own: what Redis does never reaches a heartbeat.
 *
 * Loops only note that an identity has changed (a set, under a lock that is never held for long); the thread looks up
 * its present state and writes that, so many changes become one write. While Redis is away nothing is queued but that
 * set; when it is back, all sessions are claimed again at a stated rate. Where the set has no room, or where this node
 * finds itself buried, it takes a new boot: what stands in Redis of the old one is held by nobody.
 *
 * A session whose identity comes up at another node ends here (BYE 2, `replaced`). docs/guide/scaling.md has the rules.
 */
#ifndef LUBDUB_SERVER_PRESENCE_PRESENCE_H
#define LUBDUB_SERVER_PRESENCE_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/server.h>

#include "server/presence/node.h"
#include "server/presence/settings.h"
#include "server/presence/where.h"

struct presence;

/* Returns 0, or an errno: no memory, no randomness. */
int presence_open(struct presence **opened, const struct presence_settings *settings);

/* Begins; the server lives until _stop. Returns 0 or an errno. */
int presence_start(struct presence *presence, struct lubdub_server *server);

/* Any thread. Never waits for long. Before _start it does nothing. */
void presence_note(struct presence *presence, const struct lubdub_server_event *event);

/*
 * An event for the stream (the last 10,000 or so are kept there), as bytes of which settings.write_event makes JSON,
 * later and in the presence's thread. Copied. Any thread; never waits for long. What does not find room while Redis is
 * away is left out and counted.
 */
void presence_publish(struct presence *presence, const void *event, size_t length);

/*
 * Whether an identity that has no session here is up at another node. Any thread; never waits for long: what is not
 * known is asked, and the caller asks again later, as long as it wants to know (after half a minute it is forgotten).
 */
enum presence_where presence_find(struct presence *presence, const char *identity, size_t length);

/*
 * How many that match a pattern (core/pattern.h) are up at other nodes, as those tell it by this same call: each of
 * them has to ask for the same pattern, or it is not known. here: how many match at this node.
 */
enum presence_where presence_find_like(struct presence *presence, const char *pattern, size_t length, uint64_t here,
                                       uint64_t *elsewhere);

/* This node, and the others as they were observed last, by their names. Any thread, between _start and _stop. */
size_t presence_nodes(struct presence *presence, struct presence_node *nodes, size_t most);

struct presence_counts {
    bool is_up;        /* Redis answers, and this node is known there */
    uint64_t queued;   /* identities that are still to be written */
    uint64_t answered; /* commands, by their result */
    uint64_t refused;
    uint64_t unanswered;
    uint64_t conflicts;   /* another node, or another proof, held what we wanted, or our own name */
    uint64_t buried;      /* how often other nodes took this one for dead */
    uint64_t events_lost; /* of the stream */
    uint64_t moved;       /* sessions that ended here, as their identity came up elsewhere */
};

/* Any thread. */
void presence_counts(struct presence *presence, struct presence_counts *counts);

/* Writes what is left, for two seconds at most, says that the node has left, and ends the thread. NULL does no harm. */
void presence_stop(struct presence *presence);

/* After _stop; nothing is noted any more. NULL does no harm. */
void presence_close(struct presence *presence);

#endif
