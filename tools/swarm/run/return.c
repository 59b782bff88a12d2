/*
 * Living clients that were given up come back, as lubdub-client --reconnect does. Else a mistake would last until the
 * run's end, which says nothing of the side that watches.
 */
#include "swarm/run/return.h"

#include <stdlib.h>

#include "ev/clock.h"

#include "swarm/run/attendance.h"

#define LONGEST_PAUSE (500 * LUBDUB_MILLISECOND) /* lubdub-client's --backoff-min, of which it waits a random part */
#define STEP 0.02                                /* seconds */

/* Whether the client was given up by mistake, and there is, and will be, a server to come back to. */
static bool may_return(const struct swarm_run *run, uint32_t client)
{
    return !run->is_ending && !run->server_may_end && !swarm_run_is_over(run) &&
           swarm_ledger_is_mistaken(&run->findings->ledger, client);
}

/* The ramp's pace holds here too: a whole crowd that was given up at once does not come back at once. */
static void on_step(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct swarm_run *run = timer->data;
    struct swarm_returns *returns = &run->returns;
    double budget = (double)run->options->ramp * STEP + 1;
    lubdub_time now = lubdub_clock_now();
    size_t kept = 0;
    size_t i;
    (void)revents;

    for (i = 0; i < returns->count; i++) {
        uint32_t client = returns->list[i].client;

        if (returns->list[i].due > now || budget < 1) {
            returns->list[kept++] = returns->list[i];
        } else if (may_return(run, client) && !swarm_run_is_up(run, client)) {
            swarm_workers_return(&run->workers, client);
            budget--;
        }
    }
    returns->count = kept;
    if (kept == 0) {
        ev_timer_stop(loop, timer);
    }
}

void swarm_run_return_init(struct swarm_run *run)
{
    ev_timer_init(&run->returns.timer, on_step, STEP, STEP);
    run->returns.timer.data = run;
    run->returns.random = ~run->options->seed; /* apart from the run's choices, which no accident may shift */
}

void swarm_run_return(struct swarm_run *run, uint32_t client)
{
    struct swarm_returns *returns = &run->returns;

    if (!may_return(run, client)) {
        return;
    }
    if (returns->count == returns->capacity) {
        size_t capacity = returns->capacity > 0 ? 2 * returns->capacity : 64;
        struct swarm_return *grown = realloc(returns->list, capacity * sizeof *grown);

        if (grown == NULL) {
            return; /* it stays away, and its mistake lasts */
        }
        returns->list = grown;
        returns->capacity = capacity;
    }
    returns->list[returns->count++] = (struct swarm_return){
        .due = lubdub_time_after(lubdub_clock_now(), random_below(&returns->random, LONGEST_PAUSE)),
        .client = client,
    };
    if (!ev_is_active(&returns->timer)) {
        ev_timer_start(run->loop, &returns->timer);
    }
}

void swarm_run_return_clear(struct swarm_run *run)
{
    if (run->loop != NULL) {
        ev_timer_stop(run->loop, &run->returns.timer);
    }
    free(run->returns.list);
    run->returns.list = NULL;
    run->returns.count = run->returns.capacity = 0;
}
