/* Writes the results of the contests side by side, as text or as JSON. */
#ifndef LUBDUB_SIMULATE_CONTEST_TABLE_H
#define LUBDUB_SIMULATE_CONTEST_TABLE_H

#include <stdio.h>

#include "simulate/contest/contest.h"

/* What was run. */
struct sim_table_heading {
    uint64_t first_seed;
    uint64_t last_seed;
    uint64_t clients;
    lubdub_duration length;
    lubdub_duration interval;
};

void sim_table_text(FILE *file, const struct sim_table_heading *heading, const struct sim_contest *contests,
                    size_t count);
void sim_table_json(FILE *file, const struct sim_table_heading *heading, const struct sim_contest *contests,
                    size_t count);

#endif
