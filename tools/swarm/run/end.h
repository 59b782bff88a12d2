/* What came of a run, and an orderly end. */
#ifndef LUBDUB_SWARM_RUN_END_H
#define LUBDUB_SWARM_RUN_END_H

#include "swarm/run/state.h"

/* The round trips up to now are those of the report. */
void swarm_run_summarize_round_trips(struct swarm_run *run);

/* Settles what was measured. */
void swarm_run_finish(struct swarm_run *run);

/* Politely, and with a limit. Afterwards no process is left. */
void swarm_run_leave(struct swarm_run *run);

#endif
