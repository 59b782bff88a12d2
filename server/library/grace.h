/*
 * Watches grace times: after the end of its session an identity may come back as the same one for a while. When this
 * time is over, the application hears that the identity is gone. Worker 0 has the timer for all workers.
 */
#ifndef LUBDUB_SERVER_LIBRARY_GRACE_H
#define LUBDUB_SERVER_LIBRARY_GRACE_H

#include "server/library/state.h"

/* Makes the timer; it does not run yet. */
void lubdub_grace_init(struct lubdub_server *server);

/* The clock of grace times, for any worker: it stands still while the process or worker 0 is away. */
lubdub_time lubdub_grace_now(const struct lubdub_worker *worker);

/* Worker 0: sets the timer for the next end of a grace time. */
void lubdub_grace_set_timer(struct lubdub_server *server);
void lubdub_grace_stop_timer(struct lubdub_server *server);

/* Any worker: a deadline has changed, and worker 0 is to set the timer. */
void lubdub_grace_note_change(struct lubdub_worker *worker);

#endif
