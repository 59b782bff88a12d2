/* The contests side by side. */
#ifndef LUBDUB_SIMULATE_CONTEST_TABLE_H
#define LUBDUB_SIMULATE_CONTEST_TABLE_H

#include <stdio.h>

#include "simulate/contest/contest.h"
#include "simulate/options.h"

void sim_table(FILE *file, const struct sim_options *options, const struct sim_contest *contests, size_t count);

#endif
