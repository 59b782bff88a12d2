/* Writes one line over and over. */
#include "swarm/run/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "ev/clock.h"

#include "swarm/clients/workers_count.h"

#define STEP 0.5 /* seconds */

static void on_progress(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct swarm_run *run = timer->data;
    double elapsed = (double)lubdub_time_between(run->findings->began_at, lubdub_clock_now()) / (double)LUBDUB_SECOND;
    struct swarm_crowd_counts counts;
    (void)loop, (void)revents;

    swarm_workers_count(&run->workers, &counts);
    fprintf(stderr,
            "\r%6.1f s  %" PRIu32 " of %" PRIu64 " connected  %.0f probes/s  %zu faults, %zu noticed, %zu false\033[K",
            elapsed, counts.state_counts[SWARM_CLIENT_UP], run->options->clients,
            (double)(counts.acked_count - run->shown_acked_count) / STEP,
            run->findings->ledger.noticed_count + run->findings->ledger.open_count, run->findings->ledger.noticed_count,
            run->findings->ledger.false_count);
    run->shown_acked_count = counts.acked_count;
}

void swarm_run_progress_start(struct swarm_run *run)
{
    if (isatty(STDERR_FILENO)) {
        ev_timer_init(&run->progress_timer, on_progress, STEP, STEP);
        run->progress_timer.data = run;
        ev_timer_start(run->loop, &run->progress_timer);
    }
}

void swarm_run_progress_stop(struct swarm_run *run)
{
    if (ev_is_active(&run->progress_timer)) {
        ev_timer_stop(run->loop, &run->progress_timer);
        fprintf(stderr, "\r\033[K");
    }
}
