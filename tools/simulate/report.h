/* Prints the results of the checks. */
#ifndef LUBDUB_SIMULATE_REPORT_H
#define LUBDUB_SIMULATE_REPORT_H

#include <stdio.h>

#include "simulate/options.h"
#include "simulate/world/many.h"

/* The same for the same seeds, byte for byte. */
void sim_report(FILE *file, const struct sim_options *options, const struct sim_sum *sum);

/* How fast it went, one line; took: wall time, in seconds. Different every time, so no part of the report. */
void sim_report_speed(FILE *file, const struct sim_options *options, const struct sim_sum *sum, double took);

#endif
