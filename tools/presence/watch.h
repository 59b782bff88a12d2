/* Follows Redis (lubdub-server --redis): names each identity whose state or node has changed, within a moment. */
#ifndef LUBDUB_PRESENCE_WATCH_H
#define LUBDUB_PRESENCE_WATCH_H

#include <jansson.h>
#include <stdbool.h>

#include "presence/cluster.h"

/* entry: as cluster_list() shows it; borrowed. */
typedef void (*watch_write)(const json_t *entry, void *user_data);

/*
 * Until standard output cannot be written any more (true) or Redis cannot be asked (false, and why). name: only this
 * identity; NULL: all. Standard output is flushed behind what is written.
 */
bool watch_run(struct cluster *cluster, const char *name, watch_write write, void *user_data,
               char problem[CLUSTER_PROBLEM_SIZE]);

#endif
