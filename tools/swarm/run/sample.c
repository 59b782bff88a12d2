/* Looks how things stand with a timer, often enough for a picture. */
#include "swarm/run/sample.h"

#include <string.h>

#include "ev/clock.h"

#include "swarm/clients/workers_count.h"

#define BIN (100 * LUBDUB_MILLISECOND)
#define STEP (BIN / 2) /* so that none is left out when one comes late */

static void take_sample(struct swarm_run *run)
{
    struct swarm_sample sample = {
        .now = lubdub_clock_now(),
        .up = {[SWARM_SIDE_CLIENT] = run->attendance.up_count, [SWARM_SIDE_SERVER] = run->attendance.server_up_count},
        .round_trips = &run->round_trips,
    };

    memset(&run->round_trips, 0, sizeof run->round_trips);
    swarm_workers_round_trips(&run->workers, &run->round_trips);
    swarm_timeline_sample(&run->findings->timeline, &sample);
}

static void on_sample(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)revents;
    take_sample(timer->data);
}

bool swarm_run_sample_start(struct swarm_run *run)
{
    const double step = (double)STEP / (double)LUBDUB_SECOND;

    if (!swarm_timeline_init(&run->findings->timeline, run->findings->began_at, BIN)) {
        return false;
    }
    ev_timer_init(&run->sample_timer, on_sample, step, step);
    run->sample_timer.data = run;
    ev_timer_start(run->loop, &run->sample_timer);
    return true;
}

void swarm_run_sample_stop(struct swarm_run *run)
{
    if (ev_is_active(&run->sample_timer)) {
        ev_timer_stop(run->loop, &run->sample_timer);
        take_sample(run);
    }
}
