/*
 * A sample of measured round trips: their mean, their variance, and how many never came back.
 *
 * From a file, in one of two forms, told by its first character:
 *
 *     {"event":"ack", … "rtt_us":1234.5}     what `lubdub-client --events json` prints: acks and late acks count, the
 *     {"event":"summary", … "lost":2}        summary says how many were lost; other events are passed over
 *
 *     rtt_ms                                 values with commas, the first line naming the columns, one of them rtt_us
 *     12.5                                   (microseconds), rtt_ms or rtt_s, or delay_ and the same units. An empty
 *                                            value is a probe that was lost. As spreadsheets write it: cells may be
 *                                            quoted, stand between semicolons, follow a byte order mark.
 *
 * Empty lines are no rows; but where the column is the only one, such a line between two rows is an empty value.
 */
#ifndef LUBDUB_CLIENT_PLAN_SAMPLE_H
#define LUBDUB_CLIENT_PLAN_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "client/plan/chen.h"

/* Welford's: exact enough for any number of them. Zeroed: empty. */
struct plan_sample {
    uint64_t count;
    uint64_t lost;
    double mean; /* seconds */
    double squares;
    double most;
    unsigned paths; /* of the connection that was measured, the most; 0: not known */
};

void lubdub_plan_sample_add(struct plan_sample *sample, double round_trip);

/* At least two round trips are needed. */
void lubdub_plan_sample_network(const struct plan_sample *sample, struct plan_network *network);

#define PLAN_PROBLEM_SIZE 256

/* False, and what is wrong, with its line. */
bool lubdub_plan_sample_read(struct plan_sample *sample, FILE *file, char problem[PLAN_PROBLEM_SIZE]);

#endif
