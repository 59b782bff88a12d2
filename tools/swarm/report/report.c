/* From a run to what is said of it. */
#include "swarm/report/report.h"

#include <string.h>

bool swarm_report_make(struct swarm_report *report, struct swarm_run *run)
{
    const struct swarm_options *options = run->options;
    lubdub_time ended_at = lubdub_time_after(run->began_at, run->measures.lasted);
    bool is_made;
    int side;

    memset(report, 0, sizeof *report);
    report->run = run;
    is_made = swarm_rows_make(&report->rows, &run->ledger, options->orders, options->order_count, &run->timing,
                              run->has_server);
    for (side = 0; is_made && side < SWARM_SIDE_COUNT; side++) {
        is_made =
            swarm_quality_make(&report->quality[side], (enum swarm_side)side, &run->ledger,
                               run->timeline.up_seconds[side], ended_at, side == SWARM_SIDE_CLIENT || run->has_server);
    }
    swarm_rows_sum(&report->rows, &report->sums);
    swarm_timeline_count(&run->timeline, &run->ledger);
    return is_made;
}

bool swarm_report_has_passed(const struct swarm_report *report)
{
    const struct swarm_sums *sums = &report->sums;
    const struct swarm_run *run = report->run;

    return sums->missed == 0 && sums->false_alarms == 0 && sums->wrong_cause == 0 && !run->is_server_lost &&
           !run->is_worker_lost && run->ledger.unrecorded_count == 0;
}
