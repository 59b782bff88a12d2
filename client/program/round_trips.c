/* Keeps the first round trips of a run, and counts all. */
#include "client/program/round_trips.h"

#include <stdlib.h>
#include <string.h>

void round_trips_add(struct round_trips *round_trips, lubdub_duration duration)
{
    if (round_trips->all.count < ROUND_TRIPS_EXACT) {
        round_trips->few[round_trips->all.count] = duration;
    }
    lubdub_histogram_add(&round_trips->all, duration);
}

static int compare(const void *one, const void *other)
{
    lubdub_duration first = *(const lubdub_duration *)one;
    lubdub_duration second = *(const lubdub_duration *)other;

    return (first > second) - (first < second);
}

lubdub_duration round_trips_percentile(const struct round_trips *round_trips, unsigned percent)
{
    lubdub_duration sorted[ROUND_TRIPS_EXACT];
    size_t count = (size_t)round_trips->all.count;
    size_t rank;

    if (round_trips->all.count == 0 || round_trips->all.count > ROUND_TRIPS_EXACT) {
        return lubdub_histogram_percentile(&round_trips->all, percent);
    }
    memcpy(sorted, round_trips->few, count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], compare);
    rank = (count * percent + 99) / 100; /* the nearest rank, from 1 on */
    return sorted[rank > 0 ? rank - 1 : 0];
}
