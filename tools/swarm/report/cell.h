/* A number as the tables of the report show it. */
#ifndef LUBDUB_SWARM_REPORT_CELL_H
#define LUBDUB_SWARM_REPORT_CELL_H

#include <stdint.h>

#define SWARM_CELL_SIZE 24

/* Three digits that matter, more where there are more before the point. Returns text. */
const char *swarm_milliseconds_text(int64_t nanoseconds, char text[SWARM_CELL_SIZE]);

#endif
