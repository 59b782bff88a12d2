/* What the parts of a run share: waiting in the loop, the news of both sides, connecting, the end. */
#ifndef LUBDUB_SWARM_RUN_INTERNAL_H
#define LUBDUB_SWARM_RUN_INTERNAL_H

#include "swarm/run/run.h"

/* Verdicts that come later than their bound by more than this do not count: the fault was missed. */
#define SWARM_PATIENCE (2 * LUBDUB_SECOND)

/* The run cannot go on: somebody interrupted it, or the server or a process of the swarm is lost. */
static inline bool swarm_run_is_over(const struct swarm_run *run)
{
    return run->interrupted_by != 0 || run->is_server_lost || run->is_worker_lost;
}

typedef bool (*swarm_condition)(const struct swarm_run *run);

/* A server's death is heard of by its clients a little before it is heard of by us. */
#define SWARM_NEWS_OF_DEATH LUBDUB_SECOND

void swarm_run_wait_init(struct swarm_run *run);

/* Lets the loop run until that time, or until the condition holds (NULL: there is none) or the run is over. */
void swarm_run_wait(struct swarm_run *run, lubdub_time until, swarm_condition condition);

/* Likewise, and does not care whether the run is over. */
void swarm_run_wait_anyway(struct swarm_run *run, lubdub_time until, swarm_condition condition);

/* Until all processes of the swarm have done what they were told and their counts are up to date; within a limit. */
void swarm_run_sync(struct swarm_run *run);

/* The server is gone, and not by our hand; what clients said in the last `news` is no false alarm. */
void swarm_run_lose_server(struct swarm_run *run, lubdub_duration news);

/* The time after which no side can notice a fault any more, if it goes by section 8. */
lubdub_duration swarm_run_longest_bound(const struct swarm_run *run);

/* Waits so long, as _wait() does; then what nobody has noticed was missed, or spared, unless the run is over. */
void swarm_run_settle_after(struct swarm_run *run, lubdub_duration patience, swarm_condition condition);

/* Until all faults are noticed, or cannot be any more; those that are not have been missed. */
void swarm_run_wait_for_verdicts(struct swarm_run *run);

/* A sentence for the report. */
void swarm_run_note(struct swarm_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool swarm_run_all_verdicts_are_in(const struct swarm_run *run);
bool swarm_run_server_has_ended(const struct swarm_run *run);

/* ---- run_news.c ---- */

extern const struct swarm_workers_hooks swarm_run_workers_hooks;
void swarm_run_on_server_event(void *user_data, const struct swarm_server_event *event);

/* False: no memory. */
bool swarm_news_init(struct swarm_news *news, uint32_t client_count);
void swarm_news_clear(struct swarm_news *news);

bool swarm_run_is_up(const struct swarm_run *run, uint32_t client);

/*
 * Something was done at `at` that ends, or does not end, the session of a client that is up. For what a process of the
 * swarm does there is _strike(), which comes to the same.
 */
void swarm_run_inject(struct swarm_run *run, enum swarm_fault fault, uint32_t client, lubdub_time at,
                      enum swarm_expectation expectation);

/* To all who are up. */
void swarm_run_inject_all(struct swarm_run *run, enum swarm_fault fault, lubdub_time at,
                          enum swarm_expectation expectation);

/* Has a client's process do a client's fault to it. Nothing happens to one that is not up; that is counted. */
void swarm_run_strike(struct swarm_run *run, enum swarm_fault fault, uint32_t client);

/* All sockets are closed without a word, and nothing is up any more. */
void swarm_run_drop(struct swarm_run *run);

/* ---- run_return.c ---- */

void swarm_run_return_init(struct swarm_run *run);
void swarm_run_return_clear(struct swarm_run *run);

/* The client's session has ended: if that was a mistake about one who lives, it comes back in a moment. */
void swarm_run_return(struct swarm_run *run, uint32_t client);

/* ---- run_start.c ---- */

/* The swarm's processes and the server of our own, up to listening. False: problem. */
bool swarm_run_start(struct swarm_run *run);

/* Starts our servers and waits until they listen. False: problem. */
bool swarm_run_start_servers(struct swarm_run *run);

/* ---- run_connect.c ---- */

/* All or none: a swarm that is smaller than was asked for would measure something else. False: problem. */
bool swarm_run_connect_first(struct swarm_run *run);

/* Whoever is absent connects; waits for it. Returns whether anybody is up. */
bool swarm_run_connect(struct swarm_run *run);

/* ---- run_network.c: bad paths, looking and measuring: without a network nothing happens ---- */

/* Makes it, and sets where the server is to listen. False: problem. */
bool swarm_run_make_network(struct swarm_run *run);

/* For those who are started: user_data is the run. */
void swarm_run_network_source(struct lubdub_address *address, uint32_t client);
bool swarm_run_enter_clients_network(void *user_data, char *problem, size_t capacity);
bool swarm_run_enter_servers_network(void *user_data);

/* Does a client's fault to its path; as swarm_run_strike(). */
void swarm_run_strike_path(struct swarm_run *run, enum swarm_fault fault, uint32_t client);

/* Paths become as bad as was ordered; who suffers from it is not to be lost from now on; all paths are good again. */
void swarm_run_worsen_paths(struct swarm_run *run);
void swarm_run_inject_bad_paths(struct swarm_run *run);
void swarm_run_mend_paths(struct swarm_run *run);

/* The longest one-way delay that was ordered; 0: none. */
lubdub_duration swarm_run_stated_delay(const struct swarm_run *run);

/* Whether the wire lives; and how well it worked, with notes where that matters. */
void swarm_run_look_after_network(struct swarm_run *run);
void swarm_run_measure_network(struct swarm_run *run);

/* ---- the parts in their order ---- */

/* The clients' faults; rates are taken meanwhile. */
void swarm_run_clients_faults(struct swarm_run *run);

/* The server's faults in their order, each with everybody back. */
void swarm_run_server_faults(struct swarm_run *run);

/* The round trips up to now are those of the report. */
void swarm_run_summarize_round_trips(struct swarm_run *run);

/* Settles what was measured. */
void swarm_run_finish(struct swarm_run *run);

/* Politely, and with a limit. Afterwards no process is left. */
void swarm_run_leave(struct swarm_run *run);

/* Samples for the timeline, from now on and a last one at the stop. False: no memory. */
bool swarm_run_sample_start(struct swarm_run *run);
void swarm_run_sample_stop(struct swarm_run *run);

/* A line on standard error that tells how far it is; only where that is a terminal. */
void swarm_progress_start(struct swarm_run *run);
void swarm_progress_stop(struct swarm_run *run);

#endif
