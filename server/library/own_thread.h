/* Tells which worker's loop runs in the calling thread: calls for its sessions are carried out at once there. */
#ifndef LUBDUB_SERVER_LIBRARY_OWN_THREAD_H
#define LUBDUB_SERVER_LIBRARY_OWN_THREAD_H

#include "server/library/state.h"

/* Said by a thread of ours before it runs the worker's loop. */
void lubdub_own_thread_begin(struct lubdub_worker *worker);

/* NULL: none of this server. */
struct lubdub_worker *lubdub_own_thread_worker(struct lubdub_server *server);

#endif
