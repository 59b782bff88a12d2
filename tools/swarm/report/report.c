/* Makes rows, sums and quality of the findings. */
#include "swarm/report/report.h"

#include <string.h>

bool swarm_report_make(struct swarm_report *report, const struct swarm_options *options,
                       const struct swarm_findings *findings)
{
    lubdub_time ended_at = lubdub_time_after(findings->began_at, findings->measures.lasted);
    bool is_made;
    int side;

    memset(report, 0, sizeof *report);
    report->options = options;
    report->findings = findings;
    is_made = swarm_rows_make(&report->rows, &findings->ledger, options->orders, options->order_count,
                              &findings->timing, findings->has_server);
    for (side = 0; is_made && side < SWARM_SIDE_COUNT; side++) {
        is_made = swarm_quality_make(&report->quality[side], (enum swarm_side)side, &findings->ledger,
                                     findings->timeline.up_seconds[side], ended_at,
                                     side == SWARM_SIDE_CLIENT || findings->has_server);
    }
    swarm_rows_sum(&report->rows, &report->sums);
    return is_made;
}

bool swarm_report_has_passed(const struct swarm_report *report)
{
    const struct swarm_sums *sums = &report->sums;
    const struct swarm_findings *findings = report->findings;

    return sums->missed == 0 && sums->false_alarms == 0 && sums->wrong_cause == 0 && !findings->is_server_lost &&
           !findings->is_worker_lost && !findings->is_overloaded && findings->ledger.unrecorded_count == 0;
}
