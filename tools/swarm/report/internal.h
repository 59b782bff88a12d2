/* What the parts of the text have in common. */
#ifndef LUBDUB_SWARM_REPORT_INTERNAL_H
#define LUBDUB_SWARM_REPORT_INTERNAL_H

#include "swarm/report/report.h"

#define SWARM_CELL_SIZE 24

/* Three digits that matter, more where there are more before the point. Returns text. */
const char *swarm_milliseconds_text(int64_t nanoseconds, char text[SWARM_CELL_SIZE]);

/* Times, deadlines, and injected faults by reported causes: a row for each fault and side. */
void swarm_report_tables(FILE *file, const struct swarm_rows *rows);

/* What quality.h counts, for both sides. */
void swarm_report_quality(FILE *file, const struct swarm_quality quality[SWARM_SIDE_COUNT]);

#endif
