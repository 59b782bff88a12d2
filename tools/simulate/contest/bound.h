/*
 * What no detection by silence can be better than on such paths, whatever carries the beats: outages alone are drawn,
 * and every beat is heard the moment one path lets it through.
 */
#ifndef LUBDUB_SIMULATE_CONTEST_BOUND_H
#define LUBDUB_SIMULATE_CONTEST_BOUND_H

#include <lubdub/time.h>

#include "simulate/world/settings.h"

/* Silences of all paths at once, in virtual time that passes without sessions. */
struct paths_bound {
    lubdub_duration *silences; /* in order of length */
    size_t count;
    size_t capacity;
    double days;
};

/* On the network of these settings, with so many paths and shared outages. Ends the program where there is no memory.
 */
void paths_bound_make(struct paths_bound *bound, const struct sim_settings *settings, double days, uint64_t seed);
void paths_bound_clear(struct paths_bound *bound);

/*
 * The shortest timeout of a client that probes once an interval, and is wrong no more often than so many times a day. A
 * server's expiry is an interval longer, for the same silences.
 */
lubdub_duration paths_bound_timeout(const struct paths_bound *bound, lubdub_duration interval, double alarms_a_day);

#endif
