/* Runs one loop of a server, with a thread of its own or on the caller's loop. */
#ifndef LUBDUB_SERVER_LIBRARY_WORKER_H
#define LUBDUB_SERVER_LIBRARY_WORKER_H

#include "server/library/state.h"

/* Makes loop (where there is none), pool, group and mailbox. */
enum lubdub_error lubdub_worker_init(struct lubdub_worker *worker, struct lubdub_server *server, uint32_t index,
                                     struct ev_loop *loop);
/* Closes all without a word. The thread has ended. */
void lubdub_worker_clear(struct lubdub_worker *worker);

/* Runs the worker's own loop in a thread; nothing to do for one on the caller's loop. */
enum lubdub_error lubdub_worker_start(struct lubdub_worker *worker);
void lubdub_worker_join(struct lubdub_worker *worker);

#endif
