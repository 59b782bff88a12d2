/*
 * Asks Redis who is where (lubdub-server --redis), and joins each claim with its node: what a node holds that is not
 * live is `unknown`. Whether a node is live is decided by our own clock: its count rises within a part of its lease.
 *
 * Answers have the same members as those of a server's HTTP, and `node`. All calls wait, for some seconds at most.
 */
#ifndef LUBDUB_PRESENCE_CLUSTER_H
#define LUBDUB_PRESENCE_CLUSTER_H

#include <jansson.h>
#include <stdbool.h>

#include <lubdub/option.h>

#include "server/presence/url.h"

#define CLUSTER_PROBLEM_SIZE 256

struct cluster;
struct lubdub_tls;

/*
 * Connects. NULL, and why. password.data NULL: that of the URL, or none. tls: of a client, where the URL asks for it;
 * borrowed until _close.
 */
struct cluster *cluster_open(const struct presence_url *url, struct lubdub_slice password, struct lubdub_tls *tls,
                             char problem[CLUSTER_PROBLEM_SIZE]);
void cluster_close(struct cluster *cluster);

/* What is wanted of all; a field that is NULL wants everything. */
struct cluster_filter {
    const char *id;    /* a prefix */
    const char *state; /* words with commas between */
    const char *label; /* KEY or KEY=VALUE */
};

/* Borrowed; false: enough. */
typedef bool (*cluster_take)(const json_t *entry, void *user_data);

/* In no order. False, and why: Redis cannot be asked. */
bool cluster_list(struct cluster *cluster, const struct cluster_filter *filter, cluster_take take, void *user_data,
                  char problem[CLUSTER_PROBLEM_SIZE]);

/* One; the caller drops it. NULL: with an empty problem nothing stands there, else Redis cannot be asked. */
json_t *cluster_get(struct cluster *cluster, const char *identity, char problem[CLUSTER_PROBLEM_SIZE]);

/*
 * What a reader needs that follows changes and never waits long: it observes the nodes now and then (cluster_observe),
 * asks which identities had an event (cluster_events), reads these (cluster_read), and scans all in parts between
 * (cluster_scan).
 */

/* Waits until all nodes that are live have counted, which shows that they are; a part of a lease. False, and why. */
bool cluster_look(struct cluster *cluster, char problem[CLUSTER_PROBLEM_SIZE]);

/* Reads the nodes once. *has_changed: another set of them is live than before. False, and why. */
bool cluster_observe(struct cluster *cluster, bool *has_changed, char problem[CLUSTER_PROBLEM_SIZE]);

/*
 * Names the identities of events since the call before; of the first call, none. Waits up to wait_ms for one. False,
 * and why. What was trimmed from the stream meanwhile is not named.
 */
typedef void (*cluster_take_identity)(const char *identity, void *user_data);
bool cluster_events(struct cluster *cluster, unsigned wait_ms, cluster_take_identity take, void *user_data,
                    char problem[CLUSTER_PROBLEM_SIZE]);

/*
 * Takes these identities, as far as something stands there, with the nodes as they were observed last. One question, of
 * CLUSTER_READ_MOST at most. False, and why.
 */
#define CLUSTER_READ_MOST 128
bool cluster_read(struct cluster *cluster, const char *const *identities, size_t count, cluster_take take,
                  void *user_data, char problem[CLUSTER_PROBLEM_SIZE]);

/* A part of cluster_list, with the nodes as they were observed last; cursor begins as "0" and is "0" after the last
 * part. */
#define CLUSTER_CURSOR_SIZE 24
bool cluster_scan(struct cluster *cluster, char cursor[CLUSTER_CURSOR_SIZE], const struct cluster_filter *filter,
                  cluster_take take, void *user_data, char problem[CLUSTER_PROBLEM_SIZE]);

#endif
