/* Goes from strike to strike with a timer. */
#include "swarm/run/clients_faults.h"

#include <stdio.h>

#include "ev/clock.h"

#include "swarm/clients/workers_count.h"
#include "swarm/run/attendance.h"
#include "swarm/run/paths.h"
#include "swarm/run/wait.h"

static void arm(struct swarm_run *run)
{
    lubdub_time due;

    ev_timer_stop(run->loop, &run->strike_timer);
    if (run->next_strike < run->strikes.count) {
        due = lubdub_time_after(run->strikes_began_at, run->strikes.list[run->next_strike].at);
        ev_now_update(run->loop);
        ev_timer_set(&run->strike_timer,
                     (ev_tstamp)lubdub_time_between(lubdub_clock_now(), due) / (ev_tstamp)LUBDUB_SECOND, 0);
        ev_timer_start(run->loop, &run->strike_timer);
    }
}

/* By the client's own process, where its socket is, or on its path, which is ours. */
static void strike(struct swarm_run *run, const struct swarm_strike *strike)
{
    if (swarm_fault_is_networks(strike->fault)) {
        swarm_run_strike_path(run, strike->fault, strike->client);
    } else {
        swarm_run_strike(run, strike->fault, strike->client);
    }
}

static void strike_those_due(struct swarm_run *run)
{
    while (run->next_strike < run->strikes.count &&
           lubdub_time_after(run->strikes_began_at, run->strikes.list[run->next_strike].at) <= lubdub_clock_now()) {
        strike(run, &run->strikes.list[run->next_strike++]);
    }
}

static void on_strike(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct swarm_run *run = timer->data;
    (void)loop, (void)revents;

    strike_those_due(run);
    arm(run);
}

static uint64_t acked_count(const struct swarm_run *run)
{
    struct swarm_crowd_counts counts;

    swarm_workers_count(&run->workers, &counts);
    return counts.acked_count;
}

void swarm_run_clients_faults(struct swarm_run *run)
{
    struct swarm_measures *measures = &run->findings->measures;
    struct lubdub_usage before = {0};
    struct lubdub_usage after = {0};
    uint64_t acked_before = acked_count(run);

    ev_timer_init(&run->strike_timer, on_strike, 0, 0);
    run->strike_timer.data = run;
    run->strikes_began_at = lubdub_clock_now();
    swarm_run_inject_bad_paths(run);
    if (run->findings->has_server) {
        swarm_servers_usage(&run->servers, &before);
    }
    arm(run);
    swarm_run_wait(run, lubdub_time_after(run->strikes_began_at, run->options->duration), NULL);
    ev_timer_stop(run->loop, &run->strike_timer);
    if (!swarm_run_is_over(run)) {
        strike_those_due(run); /* a loop that was busy for the whole duration has not come to them */
    }

    measures->window = lubdub_time_between(run->strikes_began_at, lubdub_clock_now());
    measures->window_acked_count = acked_count(run) - acked_before;
    measures->has_server_usage = run->findings->has_server && swarm_servers_ended(&run->servers) == NULL &&
                                 swarm_servers_usage(&run->servers, &after);
    measures->server_processor = lubdub_time_between(before.processor, after.processor);
    swarm_run_wait_for_verdicts(run);
}
