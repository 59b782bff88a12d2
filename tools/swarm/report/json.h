/* The report for programs. */
#ifndef LUBDUB_SWARM_REPORT_JSON_H
#define LUBDUB_SWARM_REPORT_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include "swarm/report/report.h"

/*
 * One object, whose names stay. An interval is {low, high}, with 95 % confidence; an end that what was measured does
 * not tell is null. Returns false without memory.
 *
 *     program, version, passed (as far as it was observed), interrupted, server_lost, swarm_lost
 *                (in part), overloaded (clients were lost as fast as they came, and it ended with what it had),
 *                server_observed, lasted_ms, delay_ms (one way, for the bounds), notes [text]
 *     settings   clients, interval_ms, timeout_ms, expiry_ms, ramp, warmup_ms, duration_ms, seed, spawned_server,
 *                processes, server_processes (0: not ours)
 *     faults     [fault, side, observed, injected, detected, missed, wrong_cause, false_alarms, undecided,
 *                latency_ms {min, p50, p90, p99, p99_9, max}, bound_ms {low, high}, over_bound_ms (null where there is
 *                none), causes {word: count}, right_causes [word], late_ms (as latency_ms: of verdicts that had a
 *                deadline, behind it), latency_mean_ms {mean, low, high}, latency_interval_ms {p50, p90, p99, p99_9:
 *                interval}]; the last two rows are of fault "none"
 *     totals     injected, detected, missed, wrong_cause, false_alarms, undecided, connected, probes_sent,
 *                probes_acked, probes_per_second, round_trip_ms (as latency_ms), late_events, stale_verdicts,
 *                dropped_events, skipped_faults
 *     costs      server_processor_us_per_probe, server_bytes_per_session (both may be null), swarm_bytes_per_client,
 *                swarm_absences, swarm_absent_ms
 *     network    of our own, packets: carried, cut, lost (by chance, as ordered), overflowed (a slow link's queue),
 * failed (for want of room); late_ms (as latency_ms, of what carries them); null without faults on the network quality
 * [side (that watches), observed, watched_s, mistakes, uncorrected, recurrence_s {mean, low, high}, duration_s {mean,
 * low, high}, accuracy {mean, low, high}], as quality.h has it timeline   bin_ms, and for each bin an entry in:
 * client_up, server_up (sessions, as that side sees them), injected, detected, false_alarms, round_trip_p50_ms,
 * round_trip_p99_ms (null: nothing was measured then)
 */
bool swarm_report_json(FILE *file, const struct swarm_report *report);

#endif
