/* Three tables with a row for each fault and side: times, deadlines, and faults by the causes that were reported. */
#ifndef LUBDUB_SWARM_REPORT_TABLE_H
#define LUBDUB_SWARM_REPORT_TABLE_H

#include <stdio.h>

#include "swarm/findings/result.h"

void swarm_report_tables(FILE *file, const struct swarm_rows *rows);

#endif
