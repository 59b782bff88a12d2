/*
 * How well a side watched the other one, in the terms of Chen, Toueg and Aguilera (On the Quality of Service of
 * Failure Detectors, 2002): how often it was wrong about a living peer, and for how long. Pure.
 *
 *     trusted ──── mistake ┐          ┌ corrected ─── trusted ──── mistake ┐
 *                          └─── T_M ──┘                                    └ …
 *                          └───────────────────── T_MR ────────────────────┘
 *
 * T_MR, mistake recurrence time: from one false alarm to the next, for one session that is watched all the time.
 * T_M, mistake duration: from a false alarm until the peer is connected again; where that was not in this run,
 *      until its end, which is too short.
 * P_A, query accuracy probability: the chance that a living peer is trusted at a random moment, T_G / (T_G + T_M) with
 *      T_G the time that it was trusted before a mistake.
 *
 * T_D, detection time, is in the rows of result.h: it depends on the fault.
 */
#ifndef LUBDUB_SWARM_FINDINGS_QUALITY_H
#define LUBDUB_SWARM_FINDINGS_QUALITY_H

#include "statistics/interval.h"
#include "swarm/findings/ledger.h"

/* Times are in seconds. All intervals are of SWARM_CONFIDENCE. */
struct swarm_quality {
    bool is_observed; /* false: the side tells us nothing, and the rest is 0 */
    double watched;   /* over all sessions, the time that the side held a living peer for up */
    size_t mistake_count;
    size_t uncorrected_count; /* of those, not connected again in this run */

    /* T_MR. No mistake: the mean is INFINITY, and only the interval's low end is known. By the Poisson distribution. */
    double recurrence;
    struct swarm_interval recurrence_interval;

    /* T_M. No mistake: 0, and the interval is unknown. By Student's distribution. */
    double duration;
    struct swarm_interval duration_interval;

    /* P_A. The interval follows from those of T_G and T_M together; low is 0 where T_M is not known well enough. */
    double accuracy;
    struct swarm_interval accuracy_interval;
};

/*
 * From the ledger's false alarms on that side. up_seconds: over all sessions, how long the side held them for up; the
 * time that the peer was really dead meanwhile is taken off. The run ended at `ended_at`. Returns false without memory.
 */
bool swarm_quality_make(struct swarm_quality *quality, enum swarm_side side, const struct swarm_ledger *ledger,
                        double up_seconds, lubdub_time ended_at, bool is_observed);

#endif
