/*
 * Drains a server: every connection is told to leave and gets a moment of its own to come back at. Connections that
 * stay are ended when the patience is over. Worker 0 tells the application when it begins, and when no worker has a
 * connection left.
 */
#ifndef LUBDUB_SERVER_LIBRARY_DRAIN_H
#define LUBDUB_SERVER_LIBRARY_DRAIN_H

#include "server/library/state.h"

/* Makes the worker's timer; it does not run yet. */
void lubdub_drain_init(struct lubdub_worker *worker);
void lubdub_drain_clear(struct lubdub_worker *worker);

/* Follows DRAIN: begins the drain, or shortens its patience. */
void lubdub_drain_begin(struct lubdub_worker *worker, lubdub_time patience_ends);

/* Tells the next connections to leave, as far as the budget goes. Returns whether all were told. */
bool lubdub_drain_go_on(struct lubdub_worker *worker, struct lubdub_budget *budget);

/* A connection of the worker has closed: it may have been the last one. */
void lubdub_drain_note_closed(struct lubdub_worker *worker);

/* Worker 0: a worker has no connection left. Tells STOPPED when that is so of all. */
void lubdub_drain_note_drained(struct lubdub_server *server);

#endif
