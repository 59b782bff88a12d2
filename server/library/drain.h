/*
 * The drain: every connection is told to leave and gets a moment of its own to come back at. Connections that stay are
 * ended when the patience is over. Worker 0 tells the application when it begins, and when no worker has a connection
 * left.
 */
#ifndef LUBDUB_SERVER_LIBRARY_DRAIN_H
#define LUBDUB_SERVER_LIBRARY_DRAIN_H

#include "server/library/state.h"

/* Makes the worker's timer; it does not run yet. */
void lubdub_drain_init(struct lubdub_worker *worker);
void lubdub_drain_clear(struct lubdub_worker *worker);

/*
 * Opens DRAIN: begins the drain, or shortens its patience, and tells the next few connections. Returns whether all were
 * told.
 */
bool lubdub_drain_go_on(struct lubdub_worker *worker, struct lubdub_letter *letter);

/* A connection of the worker has closed: it may have been the last one. */
void lubdub_drain_note_closed(struct lubdub_worker *worker);

/* Worker 0: one more worker has no connection left. */
void lubdub_drain_note_drained(struct lubdub_server *server);

#endif
