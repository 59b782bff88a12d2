/* What came of the checks, on standard output. */
#ifndef LUBDUB_SIM_REPORT_H
#define LUBDUB_SIM_REPORT_H

#include <stdio.h>

#include "many.h"
#include "options.h"

/* took: wall time, in seconds. */
void sim_report(FILE *file, const struct sim_options *options, const struct sim_sum *sum, double took);

#endif
