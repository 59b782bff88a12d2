/* What was measured, for people, for programs, for spreadsheets, and as a picture. */
#ifndef LUBDUB_SWARM_REPORT_H
#define LUBDUB_SWARM_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "result.h"
#include "run.h"

/* Nothing was missed, no false alarm, no wrong cause, the server did not die on its own, and nothing was lost here. */
bool swarm_report_has_passed(const struct swarm_run *run, const struct swarm_sums *sums);

/* A table of at most 100 columns, and what goes with it. */
void swarm_report_text(FILE *file, const struct swarm_run *run, const struct swarm_rows *rows,
                       const struct swarm_sums *sums);

/*
 * One object, whose names stay. Returns false without memory.
 *
 *     program, version, passed, interrupted, server_lost, lasted_ms, delay_ms (one way, for the bounds), notes [text]
 *     settings   clients, interval_ms, timeout_ms, expiry_ms, ramp, warmup_ms, duration_ms, seed, spawned_server
 *     faults     [fault, side, observed, injected, detected, missed, wrong_cause, false_alarms, undecided,
 *                latency_ms {min, p50, p90, p99, p99_9, max}, bound_ms {low, high}, over_bound_ms (null where there is
 *                none), causes {word: count}]; the last two rows are of fault "none"
 *     totals     injected, detected, missed, wrong_cause, false_alarms, undecided, connected, probes_sent,
 *                probes_acked, probes_per_second, round_trip_ms (as latency_ms), late_events, stale_verdicts,
 *                dropped_events, skipped_faults
 *     costs      server_processor_us_per_probe, server_bytes_per_session (both may be null), swarm_bytes_per_client,
 *                swarm_absences, swarm_absent_ms
 */
bool swarm_report_json(FILE *file, const struct swarm_run *run, const struct swarm_rows *rows,
                       const struct swarm_sums *sums);

/*
 * One line for every observation, in the order of injection:
 *
 *     fault,side,identity,injected_ns,detected_ns,latency_ms,cause
 *
 * What was missed has nothing in the last three; a false alarm without a fault has "none" for one, and no injected_ns.
 */
void swarm_report_csv(FILE *file, const struct swarm_ledger *ledger);

enum swarm_plot {
    SWARM_PLOT_DRAWN,
    SWARM_PLOT_NOTHING_TO_DRAW,
    SWARM_PLOT_NO_GNUPLOT,
    SWARM_PLOT_FAILED, /* gnuplot has said why */
};

/* Draws for each fault and side the share that was detected within a time, and the bound. */
enum swarm_plot swarm_report_plot(const char *path, const struct swarm_run *run, const struct swarm_rows *rows);

#endif
