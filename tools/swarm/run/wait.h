/* Waiting in the loop: for a time, for a condition, for verdicts. */
#ifndef LUBDUB_SWARM_RUN_WAIT_H
#define LUBDUB_SWARM_RUN_WAIT_H

#include "swarm/run/state.h"

typedef bool (*swarm_condition)(const struct swarm_run *run);

void swarm_run_wait_init(struct swarm_run *run);

/* Lets the loop run until that time, or until the condition holds (NULL: there is none) or the run is over. */
void swarm_run_wait(struct swarm_run *run, lubdub_time until, swarm_condition condition);

/* The same, and does not care whether the run is over. */
void swarm_run_wait_anyway(struct swarm_run *run, lubdub_time until, swarm_condition condition);

/* Until all processes of the swarm have done what they were told and their counts are up to date; within a limit. */
void swarm_run_sync(struct swarm_run *run);

/* Has all sockets closed without a word; nobody is up any more. */
void swarm_run_drop(struct swarm_run *run);

/* Waits so long, as _wait() does; then what nobody has noticed was missed, or spared, unless the run is over. */
void swarm_run_settle_after(struct swarm_run *run, lubdub_duration patience, swarm_condition condition);

/* Until all faults are noticed, or cannot be any more; those that are not have been missed. */
void swarm_run_wait_for_verdicts(struct swarm_run *run);

#endif
