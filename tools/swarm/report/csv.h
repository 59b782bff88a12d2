/* Every observation as it is, for spreadsheets. */
#ifndef LUBDUB_SWARM_REPORT_CSV_H
#define LUBDUB_SWARM_REPORT_CSV_H

#include <stdio.h>

#include "swarm/findings/ledger.h"

/*
 * One line for every observation, in the order of injection:
 *
 *     fault,side,identity,injected_ns,detected_ns,latency_ms,cause,outcome,late_ms,corrected_ns
 *
 * What was missed has nothing for detected_ns, latency_ms and cause; a false alarm without a fault has "none" for one,
 * and no injected_ns. The outcome is detected, wrong-cause, missed, false-alarm or undecided. late_ms is of a verdict
 * that had a deadline, behind it; corrected_ns of a false alarm, when the client that was given up was connected again.
 */
void swarm_report_csv(FILE *file, const struct swarm_ledger *ledger);

#endif
