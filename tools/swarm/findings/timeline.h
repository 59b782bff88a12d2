/*
 * What a run was like from moment to moment: sessions up, faults, verdicts, round trips. Pure.
 *
 * It is told now and then how things stand and keeps bins of equal width. When there are no more of them, two become
 * one, and all are twice as wide: so a run of any length takes the same memory, some megabytes at most.
 */
#ifndef LUBDUB_SWARM_FINDINGS_TIMELINE_H
#define LUBDUB_SWARM_FINDINGS_TIMELINE_H

#include <stdbool.h>

#include "statistics/summary.h"
#include "swarm/findings/ledger.h"

#define SWARM_TIMELINE_BINS 256 /* at least half of them are in use after the first doubling */

struct swarm_timeline_bin {
    bool is_sampled;               /* else it has to take the sessions from the one before */
    uint32_t up[SWARM_SIDE_COUNT]; /* sessions, as each side sees them, at the bin's end */
    size_t injected;               /* as the ledger says, once it was counted */
    size_t noticed[SWARM_SIDE_COUNT];
    size_t false_alarms[SWARM_SIDE_COUNT];
    struct lubdub_histogram round_trips; /* of what was acked meanwhile */
};

/* How things stand. The histogram is that of all round trips so far; it is borrowed for the call. */
struct swarm_sample {
    lubdub_time now;
    uint32_t up[SWARM_SIDE_COUNT];
    const struct lubdub_histogram *round_trips;
};

struct swarm_timeline {
    lubdub_time began_at;
    lubdub_duration width; /* of a bin */
    struct swarm_timeline_bin *bins;
    size_t count; /* up to the last one that was sampled */
    lubdub_time sampled_at;
    struct swarm_sample last;
    struct lubdub_histogram *last_round_trips;
    double up_seconds[SWARM_SIDE_COUNT]; /* over all sessions, the time that each side held them for up */
};

/* It begins at `now`, with bins of `width`. False: no memory. */
bool swarm_timeline_init(struct swarm_timeline *timeline, lubdub_time now, lubdub_duration width);
void swarm_timeline_clear(struct swarm_timeline *timeline);

/* Samples come in the order of their time. What is up is taken to have been so since the one before. */
void swarm_timeline_sample(struct swarm_timeline *timeline, const struct swarm_sample *sample);

/* Puts the ledger's faults and verdicts into the bins, once, at the end. What was later than the last bin is left out.
 */
void swarm_timeline_count(struct swarm_timeline *timeline, const struct swarm_ledger *ledger);

/* Where a bin begins, after the run's start. */
lubdub_duration swarm_timeline_start(const struct swarm_timeline *timeline, size_t bin);

#endif
