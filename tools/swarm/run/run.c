/* Does the parts of a run in their order. */
#include "swarm/run/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ev/clock.h"
#include "program/process/exit_status.h"

#include "swarm/clients/workers_count.h"
#include "swarm/run/attendance.h"
#include "swarm/run/clients_faults.h"
#include "swarm/run/connect.h"
#include "swarm/run/end.h"
#include "swarm/run/news.h"
#include "swarm/run/paths.h"
#include "swarm/run/progress.h"
#include "swarm/run/return.h"
#include "swarm/run/sample.h"
#include "swarm/run/server_faults.h"
#include "swarm/run/start.h"
#include "swarm/run/wait.h"

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int revents)
{
    struct swarm_run *run = watcher->data;
    (void)loop, (void)revents;

    if (run->findings->interrupted_by != 0) {
        swarm_servers_signal(&run->servers, SIGKILL);
        swarm_workers_signal(&run->workers, SIGKILL);
        _exit(LUBDUB_EXIT_BY_SIGNAL + watcher->signum); /* the second time: at once */
    }
    run->findings->interrupted_by = watcher->signum;
}

/* Notes what is known once every client is up. */
static void note_connected(struct swarm_run *run)
{
    struct swarm_measures *measures = &run->findings->measures;
    struct swarm_crowd_counts counts;
    struct lubdub_usage now;

    swarm_run_sync(run);
    swarm_workers_count(&run->workers, &counts);
    measures->connected_count = run->attendance.up_count;
    measures->own_memory = swarm_workers_memory(&run->workers);
    if (run->findings->has_server && swarm_servers_usage(&run->servers, &now)) {
        measures->server_memory = (int64_t)now.resident - (int64_t)run->server_before.resident;
    }
    run->findings->timing.interval = counts.granted_interval;
    run->findings->timing.timeout = run->options->timeout;
    run->findings->timing.expiry = counts.granted_expiry;
    if (measures->connected_count == 0) {
        return;
    }
    if (run->findings->timing.interval != run->options->interval ||
        run->findings->timing.expiry != run->options->expiry) {
        swarm_findings_note(
            run->findings,
            "the server granted an interval of %.0f ms and an expiry of %.0f ms, for which the bounds are",
            (double)run->findings->timing.interval / 1e6, (double)run->findings->timing.expiry / 1e6);
    }
}

static void measure(struct swarm_run *run)
{
    note_connected(run);
    swarm_run_worsen_paths(run);
    swarm_workers_record(&run->workers, true);
    swarm_run_wait(run, lubdub_time_after(lubdub_clock_now(), run->options->warmup), NULL);
    if (!swarm_run_is_over(run)) {
        swarm_run_clients_faults(run);
    }
    swarm_run_summarize_round_trips(run); /* what is done to the server makes others */
    swarm_run_server_faults(run);
    swarm_run_finish(run);
}

static void init(struct swarm_run *run, struct swarm_findings *findings, struct ev_loop *loop,
                 const struct swarm_options *options)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    size_t i;

    memset(run, 0, sizeof *run);
    memset(findings, 0, sizeof *findings);
    run->findings = findings;
    run->loop = loop;
    run->options = options;
    run->random = options->seed;
    run->findings->has_server = options->spawn_server != NULL;
    run->findings->began_at = lubdub_clock_now();
    run->looked_at[0] = run->looked_at[1] = run->findings->began_at;
    swarm_run_wait_init(run);
    swarm_run_return_init(run);
    for (i = 0; i < 2; i++) {
        ev_signal_init(&run->signals[i], on_signal, numbers[i]);
        run->signals[i].data = run;
        ev_signal_start(loop, &run->signals[i]);
    }
}

static void clear(struct swarm_run *run)
{
    swarm_attendance_clear(&run->attendance);
    swarm_held_back_clear(&run->held_back);
    swarm_run_return_clear(run);
    swarm_strikes_clear(&run->strikes);
}

enum swarm_run_end swarm_run(struct swarm_findings *findings, struct ev_loop *loop, const struct swarm_options *options)
{
    static struct swarm_run run;
    enum swarm_run_end end = SWARM_RUN_CANNOT_START;

    init(&run, findings, loop, options);
    if (swarm_run_start(&run)) {
        swarm_run_progress_start(&run);
        findings->began_at = lubdub_clock_now();
        if (!swarm_run_sample_start(&run)) {
            swarm_findings_note(findings, "no memory is left for the timeline");
        }
        if (swarm_run_connect_first(&run)) {
            end = SWARM_RUN_DONE;
            measure(&run);
        }
        swarm_run_sample_stop(&run);
        swarm_run_progress_stop(&run);
    }
    if (findings->interrupted_by != 0) {
        end = SWARM_RUN_DONE;
    }
    swarm_run_leave(&run);
    ev_signal_stop(loop, &run.signals[0]);
    ev_signal_stop(loop, &run.signals[1]);
    findings->has_bad_paths = run.strikes.sufferer_count > 0;
    swarm_timeline_count(&findings->timeline, &findings->ledger);
    clear(&run);
    return end;
}
