/* Living clients that were given up by mistake come back. */
#ifndef LUBDUB_SWARM_RUN_RETURN_H
#define LUBDUB_SWARM_RUN_RETURN_H

#include "swarm/run/state.h"

void swarm_run_return_init(struct swarm_run *run);
void swarm_run_return_clear(struct swarm_run *run);

/* The client's session has ended: if that was a mistake about a living client, it comes back in a moment. */
void swarm_run_return(struct swarm_run *run, uint32_t client);

#endif
