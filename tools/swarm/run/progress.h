/* A line on standard error that tells how far a run is; only where that is a terminal. */
#ifndef LUBDUB_SWARM_RUN_PROGRESS_H
#define LUBDUB_SWARM_RUN_PROGRESS_H

#include "swarm/run/state.h"

void swarm_run_progress_start(struct swarm_run *run);
void swarm_run_progress_stop(struct swarm_run *run);

#endif
