/* Prints the plan, for people and for programs. */
#ifndef LUBDUB_PLAN_REPORT_H
#define LUBDUB_PLAN_REPORT_H

#include <stdio.h>

#include "client/plan/sample.h"
#include "plan/options.h"

struct plan {
    struct plan_wish wish;
    struct plan_network network;
    struct plan_limits limits;
    struct plan_sample sample; /* unless stated */
    struct plan_answer answer;
    struct plan_ways ways; /* where it is not possible */
    double expiry;         /* seconds */
};

void plan_report(FILE *file, const struct plan_options *options, const struct plan *plan);

#endif
