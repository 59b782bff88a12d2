/* Samples of a run for its timeline. */
#ifndef LUBDUB_SWARM_RUN_SAMPLE_H
#define LUBDUB_SWARM_RUN_SAMPLE_H

#include "swarm/run/state.h"

/* From now on, and a last one at the stop. False: no memory. */
bool swarm_run_sample_start(struct swarm_run *run);
void swarm_run_sample_stop(struct swarm_run *run);

#endif
