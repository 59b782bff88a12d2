/*
 * Decides which nodes are dead, by the observer's own monotonic clock. A node counts up in Redis; it is suspect when
 * its counter stood still for its lease, while the observer had replies from Redis throughout. A time without replies
 * (Redis stopped, the network cut, this process stopped) proves nothing: the observation begins anew.
 *
 * Pure: time comes in, names of suspects go out.
 */
#ifndef LUBDUB_SERVER_PRESENCE_OBSERVER_H
#define LUBDUB_SERVER_PRESENCE_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "server/presence/claim.h"

/* More nodes than this are not observed; those that come first are. */
#define PRESENCE_NODES_MOST 256

struct presence_observed {
    char name[PRESENCE_NODE_SIZE];
    struct presence_entry entry;
    lubdub_time still_since; /* the counter has this value since then, as far as was observed without a gap */
    lubdub_time boot_since;  /* this boot was seen first, and has claimed all, as far as was observed so */
    bool is_seen;            /* in the reading under way */
    bool is_known;           /* its count was read over this connection, */
    bool has_counted;        /* and has risen since, under the same boot */
};

struct presence_observer {
    struct presence_observed nodes[PRESENCE_NODES_MOST];
    size_t count;
    lubdub_time replied_at; /* the last reply; 0: none yet */
    lubdub_time began_at;   /* replies come without a gap since then */
    lubdub_duration gap;    /* replies further apart than this break the observation */
};

void presence_observer_init(struct presence_observer *observer, lubdub_duration gap);

/* A reply came that says nothing of nodes. */
void presence_observer_note_reply(struct presence_observer *observer, lubdub_time now);

/* A reading of all nodes: _begin, _note for each, _end, which forgets the ones that are not there any more. */
void presence_observer_begin(struct presence_observer *observer, lubdub_time now);
void presence_observer_note(struct presence_observer *observer, const char *name, const struct presence_entry *entry,
                            lubdub_time now);
void presence_observer_end(struct presence_observer *observer);

/* There is another connection, perhaps to another Redis. */
void presence_observer_begin_anew(struct presence_observer *observer);

/* The node with this name; NULL: not known. */
const struct presence_observed *presence_observer_find(const struct presence_observer *observer, const char *name);

/* Whether it is live in Redis and has stood still for its lease. */
bool presence_observer_suspects(const struct presence_observed *node, lubdub_time now);

/* Whether a claim of this node and boot is held: its node lives as that boot. */
bool presence_observer_holds(const struct presence_observer *observer, const char *node, const char *boot);

/* The same, and that was seen over this connection: the node has counted. */
bool presence_observer_has_counted(const struct presence_observer *observer, const char *node, const char *boot);

/* Whether such a claim has been held by nobody for so long, as far as was observed. */
bool presence_observer_lost_for(const struct presence_observer *observer, const char *node, const char *boot,
                                lubdub_duration length, lubdub_time now);

#endif
