/* A table of how well each side watched the other. */
#ifndef LUBDUB_SWARM_REPORT_QUALITY_TABLE_H
#define LUBDUB_SWARM_REPORT_QUALITY_TABLE_H

#include <stdio.h>

#include "swarm/findings/quality.h"

/* What quality.h counts, for both sides. */
void swarm_report_quality(FILE *file, const struct swarm_quality quality[SWARM_SIDE_COUNT]);

#endif
