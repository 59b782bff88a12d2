/*
 * Waiting in a test that runs both ends in one loop: for something to become true, with a limit. Never for a while.
 */
#ifndef LUBDUB_TESTS_EV_LOOP_WAIT_H
#define LUBDUB_TESTS_EV_LOOP_WAIT_H

#include <ev.h>
#include <stdbool.h>

#define WAIT_LIMIT 10.0

/* Runs the loop until is_true(user_data), at most WAIT_LIMIT seconds. Returns whether it became true. */
bool loop_wait(struct ev_loop *loop, bool (*is_true)(void *user_data), void *user_data);

/* Runs the loop for what is there already and for this long, for tests that something does NOT happen. */
void loop_run_for(struct ev_loop *loop, double seconds);

#endif
