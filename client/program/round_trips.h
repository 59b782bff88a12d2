/*
 * Keeps the round trips of a run, for its summary: exact values as long as they are few, for a person compares the
 * summary with the lines above it; then a histogram.
 */
#ifndef LUBDUB_CLIENT_PROGRAM_ROUND_TRIPS_H
#define LUBDUB_CLIENT_PROGRAM_ROUND_TRIPS_H

#include <stdint.h>

#include <lubdub/time.h>

#include "ev/histogram.h"

#define ROUND_TRIPS_EXACT 1024

/* Zeroed: none. */
struct round_trips {
    lubdub_duration few[ROUND_TRIPS_EXACT]; /* in their order, the first so many */
    struct lubdub_histogram all;
};

void round_trips_add(struct round_trips *round_trips, lubdub_duration duration);

/* The least duration that so many percent (1 to 100) were not longer than; 0 where there is none. */
lubdub_duration round_trips_percentile(const struct round_trips *round_trips, unsigned percent);

#endif
