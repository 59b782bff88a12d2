/* What the parts of a run share: waiting in the loop, and the server of our own. */
#ifndef LUBDUB_SWARM_RUN_INTERNAL_H
#define LUBDUB_SWARM_RUN_INTERNAL_H

#include "run.h"

/* Verdicts that come later than their bound by more than this do not count: the fault was missed. */
#define SWARM_PATIENCE (2 * LUBDUB_SECOND)

/* The run cannot go on: somebody interrupted it, or the server is lost. */
static inline bool swarm_run_is_over(const struct swarm_run *run)
{
    return run->interrupted_by != 0 || run->is_server_lost;
}

typedef bool (*swarm_condition)(const struct swarm_run *run);

/* A server's death is heard of by its clients a little before it is heard of by us. */
#define SWARM_NEWS_OF_DEATH LUBDUB_SECOND

void swarm_run_wait_init(struct swarm_run *run);

/* Lets the loop run until that time, or until the condition holds (NULL: there is none) or the run is over. */
void swarm_run_wait(struct swarm_run *run, lubdub_time until, swarm_condition condition);

/* Likewise, and does not care whether the run is over. */
void swarm_run_wait_anyway(struct swarm_run *run, lubdub_time until, swarm_condition condition);

/* The server is gone, and not by our hand; what clients said in the last `news` is no false alarm. */
void swarm_run_lose_server(struct swarm_run *run, lubdub_duration news);

/* A sentence for the report. */
void swarm_run_note(struct swarm_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool swarm_run_all_verdicts_are_in(const struct swarm_run *run);
bool swarm_run_server_has_ended(const struct swarm_run *run);

/* Starts our server and waits until it listens. False: problem. */
bool swarm_run_start_server(struct swarm_run *run);

/* Whoever is absent connects; waits for it. Returns whether anybody is up. */
bool swarm_run_connect(struct swarm_run *run);

/* The server's faults in their order, each with everybody back. */
void swarm_run_server_faults(struct swarm_run *run);

/* A line on standard error that tells how far it is; only where that is a terminal. */
void swarm_progress_start(struct swarm_run *run);
void swarm_progress_stop(struct swarm_run *run);

#endif
