/*
 * Suggests ways out of an impossible wish, in numbers that the options take, rounded so that the plan is possible.
 * Pure.
 */
#ifndef LUBDUB_PLAN_ADVICE_H
#define LUBDUB_PLAN_ADVICE_H

#include "client/plan/chen.h"

#define ADVICE_RATE_SIZE 48

/* Lengths to whole milliseconds, shares to three digits. What cannot be written, or is no wish, becomes 0. */
void advice_round(struct plan_ways *ways, const struct plan_wish *wish);

/* As --false-alarms takes it, rounded up. */
const char *advice_rate(double gap, char text[ADVICE_RATE_SIZE]);

/* Frames a second, both ways, to two digits behind the point, rounded up. */
double advice_packets(double interval);

#endif
