/*
 * Begins and ends the presence over Redis for the program, where it is asked for (--redis) and built in. Its log lines
 * are the program's.
 */
#ifndef LUBDUB_SERVER_PROGRAM_CLUSTER_H
#define LUBDUB_SERVER_PROGRAM_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/server.h>

#include "program/events/line.h"
#include "server/program/options.h"
#include "server/register/elsewhere.h"

struct cluster; /* NULL: there is none; each function takes that */

/* The files of TLS are read now. False: problem says why not; *cluster may be there all the same, to be closed. */
bool cluster_open(struct cluster **cluster, const struct options *options, char *problem, size_t capacity);

/* The server is to live until _stop. Returns 0 or an errno. */
int cluster_start(struct cluster *cluster, struct lubdub_server *server);

/* An event as its readers get it, for the stream. Any thread. */
void cluster_tell(struct cluster *cluster, const struct lubdub_event_line *line);

/* Any thread. */
void cluster_note(struct cluster *cluster, const struct lubdub_server_event *event);

/* What the register asks about other nodes; of use until cluster_close(). */
struct register_elsewhere cluster_elsewhere(struct cluster *cluster);

struct cluster_counts {
    bool is_used;
    bool is_up;
    uint64_t queued;
    uint64_t answered;
    uint64_t refused;
    uint64_t unanswered;
    uint64_t conflicts;
    uint64_t buried;
    uint64_t moved;
    uint64_t events_lost;
};

/* Any thread. Without a cluster all is 0. */
void cluster_count(struct cluster *cluster, struct cluster_counts *counts);

/* A node, as the page shows it; state is "live", "suspect", "dead", "left" or "unknown". */
struct cluster_node {
    char name[65];
    const char *state;
    uint64_t sessions;
    bool is_self;
};

#define CLUSTER_NODES 256

/* Fills up to `most`, and returns how many. Any thread, between _start and _stop. Without a cluster there is none. */
size_t cluster_nodes(struct cluster *cluster, struct cluster_node *nodes, size_t most);

void cluster_stop(struct cluster *cluster);
void cluster_close(struct cluster *cluster);

#endif
