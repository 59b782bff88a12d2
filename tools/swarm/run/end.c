/* Takes last counts and notes, then has everything leave and end, with limits. */
#include "swarm/run/end.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "ev/clock.h"

#include "swarm/clients/workers_count.h"
#include "swarm/run/bounds.h"
#include "swarm/run/casualties.h"
#include "swarm/run/paths.h"
#include "swarm/run/sample.h"
#include "swarm/run/wait.h"

#define LEAVE_PATIENCE (2 * LUBDUB_SECOND)
#define LEAVE_PACE (LUBDUB_SECOND / 20000) /* and more for each client */
#define STOP_PATIENCE (5 * LUBDUB_SECOND)

static void note_losses(struct swarm_run *run)
{
    if (run->findings->measures.dropped_count > 0) {
        swarm_findings_note(run->findings,
                            "the server could not tell %" PRIu64 " of its events: its verdicts are incomplete",
                            run->findings->measures.dropped_count);
    }
    if (run->findings->ledger.unrecorded_count > 0) {
        swarm_findings_note(run->findings, "%zu observations could not be kept: no memory was left",
                            run->findings->ledger.unrecorded_count);
    }
    if (run->findings->measures.skipped_count > 0) {
        swarm_findings_note(run->findings, "%" PRIu64 " faults met clients that were lost already",
                            run->findings->measures.skipped_count);
    }
    if (run->findings->measures.absence_count > 0) {
        swarm_findings_note(run->findings,
                            "this machine kept the swarm from running for a good part of a deadline (%" PRIu64
                            " times): figures may be too high, and live clients lost",
                            run->findings->measures.absence_count);
    }
}

void swarm_run_summarize_round_trips(struct swarm_run *run)
{
    memset(&run->round_trips, 0, sizeof run->round_trips);
    swarm_workers_round_trips(&run->workers, &run->round_trips);
    swarm_histogram_summarize(&run->findings->measures.round_trip, &run->round_trips);
    run->findings->timing.delay = swarm_run_one_way_delay(run);
}

void swarm_run_finish(struct swarm_run *run)
{
    struct swarm_measures *measures = &run->findings->measures;
    struct swarm_crowd_counts counts;
    lubdub_time now;

    swarm_run_sync(run);
    swarm_run_sample_stop(run);
    now = lubdub_clock_now();
    run->is_ending = true;
    run->server_may_end = true;
    swarm_ledger_settle(&run->findings->ledger,
                        lubdub_time_between(swarm_run_longest_bound(run) + SWARM_PATIENCE, now));
    swarm_workers_count(&run->workers, &counts);
    measures->lasted = lubdub_time_between(run->findings->began_at, now);
    measures->sent_count = counts.sent_count;
    measures->acked_count = counts.answered_count;
    measures->absence_count += counts.absence_count;
    measures->absence_total += counts.absence_total;
    note_losses(run);
    swarm_run_measure_network(run);
}

static bool everybody_is_gone(const struct swarm_run *run)
{
    return swarm_workers_are_gone(&run->workers);
}

void swarm_run_leave(struct swarm_run *run)
{
    lubdub_duration patience = LEAVE_PATIENCE + run->options->clients * LEAVE_PACE;

    run->is_ending = true;
    run->server_may_end = true;
    run->workers.may_end = true;
    swarm_workers_signal(&run->workers, SIGCONT);
    swarm_servers_signal(&run->servers, SIGCONT);
    if (!run->findings->has_server || !swarm_servers_have_ended(&run->servers)) {
        swarm_workers_leave(&run->workers);
        swarm_run_wait_anyway(run, lubdub_time_after(lubdub_clock_now(), patience), everybody_is_gone);
    }
    swarm_workers_clear(&run->workers);
    swarm_servers_signal(&run->servers, SIGTERM);
    swarm_run_wait_anyway(run, lubdub_time_after(lubdub_clock_now(), STOP_PATIENCE), swarm_run_server_has_ended);
    swarm_servers_clear(&run->servers);
    swarm_network_clear(&run->network);
}
