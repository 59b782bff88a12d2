/* Turns the loop until an alarm, and looks for casualties after each turn. */
#include "swarm/run/wait.h"

#include "ev/clock.h"

#include "swarm/run/attendance.h"
#include "swarm/run/bounds.h"
#include "swarm/run/casualties.h"

#define SYNC_LIMIT (5 * LUBDUB_SECOND)

static void on_alarm(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)timer, (void)revents; /* that the loop wakes is all */
}

void swarm_run_settle_after(struct swarm_run *run, lubdub_duration patience, swarm_condition condition)
{
    swarm_run_wait(run, lubdub_time_after(lubdub_clock_now(), patience), condition);
    if (!swarm_run_is_over(run)) {
        swarm_ledger_settle(&run->findings->ledger, LUBDUB_TIME_NEVER);
    }
}

void swarm_run_wait_for_verdicts(struct swarm_run *run)
{
    swarm_run_settle_after(run, swarm_run_longest_bound(run) + SWARM_PATIENCE, swarm_run_all_verdicts_are_in);
}

static void wait_in_loop(struct swarm_run *run, lubdub_time until, swarm_condition condition, bool minds_end)
{
    lubdub_time now = lubdub_clock_now();

    ev_now_update(run->loop);
    ev_timer_stop(run->loop, &run->alarm);
    ev_timer_set(&run->alarm, (ev_tstamp)lubdub_time_between(now, until) / (ev_tstamp)LUBDUB_SECOND, 0);
    ev_timer_start(run->loop, &run->alarm);
    while (lubdub_clock_now() < until && !(minds_end && swarm_run_is_over(run)) &&
           (condition == NULL || !condition(run))) {
        if (!ev_is_active(&run->alarm)) {
            ev_timer_set(&run->alarm, 0.001, 0); /* it came a hair too soon */
            ev_timer_start(run->loop, &run->alarm);
        }
        ev_run(run->loop, EVRUN_ONCE);
        swarm_run_look_for_casualties(run);
    }
    ev_timer_stop(run->loop, &run->alarm);
}

void swarm_run_wait(struct swarm_run *run, lubdub_time until, swarm_condition condition)
{
    wait_in_loop(run, until, condition, true);
}

void swarm_run_wait_anyway(struct swarm_run *run, lubdub_time until, swarm_condition condition)
{
    wait_in_loop(run, until, condition, false);
}

static bool is_synced(const struct swarm_run *run)
{
    return swarm_workers_are_synced(&run->workers);
}

void swarm_run_sync(struct swarm_run *run)
{
    swarm_workers_sync(&run->workers);
    swarm_run_wait_anyway(run, lubdub_time_after(lubdub_clock_now(), SYNC_LIMIT), is_synced);
}

void swarm_run_drop(struct swarm_run *run)
{
    swarm_workers_drop(&run->workers);
    swarm_run_sync(run);
    swarm_run_set_all_down(run);
}

void swarm_run_wait_init(struct swarm_run *run)
{
    ev_timer_init(&run->alarm, on_alarm, 0, 0);
}
