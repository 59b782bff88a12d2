/* What is said of a run, in whatever form: its findings, put into rows beside what was asked for. */
#ifndef LUBDUB_SWARM_REPORT_REPORT_H
#define LUBDUB_SWARM_REPORT_REPORT_H

#include <stdbool.h>

#include "swarm/findings/findings.h"
#include "swarm/findings/quality.h"
#include "swarm/findings/result.h"
#include "swarm/orders/options.h"

struct swarm_report {
    const struct swarm_options *options;
    const struct swarm_findings *findings;
    struct swarm_rows rows;
    struct swarm_sums sums;
    struct swarm_quality quality[SWARM_SIDE_COUNT]; /* of the side that watches */
};

/* Puts it together; options and findings are borrowed. False: no memory. */
bool swarm_report_make(struct swarm_report *report, const struct swarm_options *options,
                       const struct swarm_findings *findings);

/*
 * Nothing was missed, no false alarm, no wrong cause, the server did not die on its own, nothing was lost here, and the
 * machine carried the load.
 */
bool swarm_report_has_passed(const struct swarm_report *report);

#endif
