/*
 * Watches the application's promise to make progress. A thread that sends heartbeats beside the application lives on
 * while the work hangs; so the work itself says that it goes on, and the probes tell when it does not.
 */
#ifndef LUBDUB_CLIENT_LIBRARY_PROGRESS_H
#define LUBDUB_CLIENT_LIBRARY_PROGRESS_H

#include "client/library/state.h"

/* From _start to the end; where nothing is promised they do nothing. */
void lubdub_client_watch_progress(struct lubdub_client *client);
void lubdub_client_ignore_progress(struct lubdub_client *client);

/* Puts the health into the session's probes, if there is one: what was set, or critical without progress. */
void lubdub_client_tell_health(struct lubdub_client *client);

#endif
