/* Which clients are up, and what is done to those that are. */
#ifndef LUBDUB_SWARM_RUN_ATTENDANCE_H
#define LUBDUB_SWARM_RUN_ATTENDANCE_H

#include "swarm/run/state.h"

/* Nobody is up. False: no memory. */
bool swarm_attendance_init(struct swarm_attendance *attendance, uint32_t client_count);
void swarm_attendance_clear(struct swarm_attendance *attendance);

bool swarm_run_is_up(const struct swarm_run *run, uint32_t client);
bool swarm_run_is_being_struck(const struct swarm_run *run, uint32_t client);
void swarm_run_set_up(struct swarm_run *run, uint32_t client, bool is_up);

/* No client is up any more: all sockets were closed. */
void swarm_run_set_all_down(struct swarm_run *run);

/* Whether a client's fault must be noticed: only a server of our own tells us what it notices. */
enum swarm_expectation swarm_run_expectation(const struct swarm_run *run);

/*
 * Something was done at `at` that ends, or does not end, the session of a client that is up. For what a process of the
 * swarm does there is _strike(), which comes to the same.
 */
void swarm_run_inject(struct swarm_run *run, enum swarm_fault fault, uint32_t client, lubdub_time at,
                      enum swarm_expectation expectation);

/* To all clients that are up. */
void swarm_run_inject_all(struct swarm_run *run, enum swarm_fault fault, lubdub_time at,
                          enum swarm_expectation expectation);

/* Has a client's process do a client's fault to it. Nothing happens to one that is not up; that is counted. */
void swarm_run_strike(struct swarm_run *run, enum swarm_fault fault, uint32_t client);

/* The process has answered, and the client is not being struck any more. */
void swarm_run_take_answer(struct swarm_run *run, uint32_t client);

/* Whether everything that must be noticed was, and every strike was answered. */
bool swarm_run_all_verdicts_are_in(const struct swarm_run *run);

#endif
