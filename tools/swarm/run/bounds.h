/* How long verdicts may take in this run: the bounds of all faults, and the delay that they count with. */
#ifndef LUBDUB_SWARM_RUN_BOUNDS_H
#define LUBDUB_SWARM_RUN_BOUNDS_H

#include "swarm/run/state.h"

/* A verdict that comes later than its bound by more than this does not count: the fault was missed. */
#define SWARM_PATIENCE (2 * LUBDUB_SECOND)

/* The time after which no side can notice a fault any more, if it goes by section 8. */
lubdub_duration swarm_run_longest_bound(const struct swarm_run *run);

/* For the bounds, as the round trips so far and the orders have it: one way. */
lubdub_duration swarm_run_one_way_delay(const struct swarm_run *run);

#endif
