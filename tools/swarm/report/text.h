/* The report for people. */
#ifndef LUBDUB_SWARM_REPORT_TEXT_H
#define LUBDUB_SWARM_REPORT_TEXT_H

#include <stdio.h>

#include "swarm/report/report.h"

/* Tables of at most 100 columns, and what goes with them. */
void swarm_report_text(FILE *file, const struct swarm_report *report);

#endif
