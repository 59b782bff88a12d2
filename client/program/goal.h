/*
 * Parses --goal, a wish that stands for interval, timeout and expiry. "detect=2s,false-alarms=1/month": a death is
 * known within two seconds, and a month passes between two false alarms. measure=5s says how long the server is
 * measured first. All but the time to detect may be left out (1/month, 5s), as may the names: "2s,1/month", "2s".
 */
#ifndef LUBDUB_CLIENT_PROGRAM_GOAL_H
#define LUBDUB_CLIENT_PROGRAM_GOAL_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/client.h>
#include <lubdub/time.h>

struct ev_loop;

struct goal {
    lubdub_duration detect; /* 0: there is no goal */
    lubdub_duration measure;
    double gap; /* seconds between two false alarms */
};

/* For the table of settings: NULL, or what is wrong. */
const char *goal_take(const char *value, void *field);

/* The settings by which a goal is reached. */
struct goal_means {
    lubdub_duration interval;
    lubdub_duration timeout;
    lubdub_duration expiry;
};

enum goal_result {
    GOAL_REACHED,
    GOAL_NOT_MEASURED, /* the server was not there, or went; another time it may be */
    GOAL_NOT_POSSIBLE, /* with what was measured */
};

/*
 * Measures the first server of the settings, as the client that they describe, in this loop (which an ev_break() ends),
 * and finds the means; or says why not in problem.
 */
enum goal_result goal_pursue(const struct goal *goal, struct ev_loop *loop,
                             const struct lubdub_client_settings *settings, struct goal_means *means, char *problem,
                             size_t capacity);

#endif
