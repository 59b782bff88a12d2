/*
 * --goal: what is wished instead of interval, timeout and expiry. "detect=2s,false-alarms=1/month": a death is known
 * within two seconds, and a month passes between two false alarms. measure=5s says how long the server is measured
 * first. All but the time to detect may be left out (1/month, 5s), as may the names: "2s,1/month", "2s".
 */
#ifndef LUBDUB_CLIENT_PROGRAM_GOAL_H
#define LUBDUB_CLIENT_PROGRAM_GOAL_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/time.h>

struct options;

struct goal {
    lubdub_duration detect; /* 0: there is no goal */
    lubdub_duration measure;
    double gap; /* seconds between two false alarms */
};

/* For the table of settings: NULL, or what is wrong. */
const char *goal_take(const char *value, void *field);

/*
 * Measures the first server and sets interval, timeout and expiry. False, and why: the server cannot be measured, or
 * what is wished cannot be had.
 */
bool goal_pursue(struct options *options, char *problem, size_t capacity);

#endif
