/* Every client comes up, at the pace of the ramp and with a second chance. */
#ifndef LUBDUB_SWARM_RUN_CONNECT_H
#define LUBDUB_SWARM_RUN_CONNECT_H

#include "swarm/run/state.h"

/*
 * All or none: a swarm that is smaller than was asked for would measure something else. False: problem. Where the
 * machine does not carry so many in time, the run is over and ends with what it has.
 */
bool swarm_run_connect_first(struct swarm_run *run);

/* Every absent client connects; waits for it. Returns whether any is up. */
bool swarm_run_connect(struct swarm_run *run);

#endif
