/* Measures the round trips to a server with a client of its own, for a while. */
#ifndef LUBDUB_CLIENT_PLAN_MEASURE_H
#define LUBDUB_CLIENT_PLAN_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/client.h>
#include <lubdub/time.h>

#include "client/plan/sample.h"

/* With Multipath TCP where both ends have it. False, and why: the server could not be reached, went down, or answered
 * too little. */
bool lubdub_plan_measure(struct plan_sample *sample, const char *host, uint16_t port, lubdub_duration interval,
                         lubdub_duration length, char problem[PLAN_PROBLEM_SIZE]);

/*
 * The same, with the servers, source, identity and token of these settings; the rest of them is not used. Runs in a
 * loop of the caller's: its other watchers go on, and an ev_break() from one of them ends it, with false.
 */
bool lubdub_plan_measure_by(struct plan_sample *sample, struct ev_loop *loop,
                            const struct lubdub_client_settings *settings, lubdub_duration interval,
                            lubdub_duration length, char problem[PLAN_PROBLEM_SIZE]);

#endif
