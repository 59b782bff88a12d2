/* What was measured, for people, for programs, for spreadsheets, and as a picture. */
#ifndef LUBDUB_SWARM_REPORT_H
#define LUBDUB_SWARM_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "result.h"
#include "run.h"

/* Passed: nothing missed, no false alarm, no wrong cause, and the server did not die on its own. */
bool swarm_report_has_passed(const struct swarm_run *run, const struct swarm_sums *sums);

/* A table of at most 100 columns, and what goes with it. */
void swarm_report_text(FILE *file, const struct swarm_run *run, const struct swarm_rows *rows,
                       const struct swarm_sums *sums);

/* One object with stable names. Returns false without memory. */
bool swarm_report_json(FILE *file, const struct swarm_run *run, const struct swarm_rows *rows,
                       const struct swarm_sums *sums);

/*
 * One line for every observation, in the order of injection: fault,side,identity,injected_ns,detected_ns,latency_ms,cause.
 * What was missed has nothing in the last three; a false alarm without a fault has "none" for one, and no injected_ns.
 */
void swarm_report_csv(FILE *file, const struct swarm_ledger *ledger);

/*
 * Draws for each fault and side the share that was detected within a time, and the bound. Returns NULL, or a static
 * sentence that says why there is no picture.
 */
const char *swarm_report_plot(const char *path, const struct swarm_run *run, const struct swarm_rows *rows);

#endif
