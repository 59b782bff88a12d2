/* Waiting in the loop for what is to come, with an eye on all who were started. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "ev/clock.h"

#include "program/process/child.h"
#include "swarm/run/internal.h"

#define SYNC_LIMIT (5 * LUBDUB_SECOND)

static void on_alarm(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)timer, (void)revents; /* that the loop wakes is all */
}

void swarm_run_lose_server(struct swarm_run *run, lubdub_duration news)
{
    run->is_server_lost = true;
    swarm_ledger_server_died(&run->ledger, lubdub_time_between(news, lubdub_clock_now()));
}

static void look_after_server(struct swarm_run *run)
{
    const struct swarm_server *ended = run->has_server ? swarm_servers_ended(&run->servers) : NULL;
    char end[96];

    if (ended != NULL && !run->server_may_end && !run->is_server_lost) {
        swarm_run_lose_server(run, SWARM_NEWS_OF_DEATH);
        swarm_run_note(run, "%s died %.1f s after the start, and not by our hand: %s",
                       run->servers.count > 1 ? "one of the servers" : "the server",
                       (double)lubdub_time_between(run->began_at, lubdub_clock_now()) / (double)LUBDUB_SECOND,
                       lubdub_child_end(ended->status, end, sizeof end));
    }
}

/* What the server said of its clients was right. */
static void look_after_workers(struct swarm_run *run)
{
    const struct swarm_worker_process *lost = swarm_workers_lost(&run->workers);
    lubdub_time now = lubdub_clock_now();
    char end[96];

    if (lost != NULL && !run->is_worker_lost) {
        run->is_worker_lost = true;
        swarm_ledger_clients_died(&run->ledger, lost->part.first, lost->part.count,
                                  lubdub_time_between(SWARM_NEWS_OF_DEATH, now));
        swarm_run_note(run, "a process of the swarm died with %" PRIu32 " clients %.1f s after the start: %s",
                       lost->part.count, (double)lubdub_time_between(run->began_at, now) / (double)LUBDUB_SECOND,
                       lubdub_child_end(lost->status, end, sizeof end));
    }
}

lubdub_duration swarm_run_longest_bound(const struct swarm_run *run)
{
    const struct swarm_timing *timing = &run->timing;
    lubdub_duration longest = 0;
    int fault;
    int side;

    for (fault = 0; fault < SWARM_FAULT_NONE; fault++) {
        for (side = 0; side < SWARM_SIDE_COUNT; side++) {
            lubdub_duration low;
            lubdub_duration high;

            if (swarm_bound((enum swarm_fault)fault, (enum swarm_side)side, timing, &low, &high) && high > longest) {
                longest = high;
            }
        }
    }
    return longest + 2 * swarm_run_stated_delay(run);
}

void swarm_run_settle_after(struct swarm_run *run, lubdub_duration patience, swarm_condition condition)
{
    swarm_run_wait(run, lubdub_time_after(lubdub_clock_now(), patience), condition);
    if (!swarm_run_is_over(run)) {
        swarm_ledger_settle(&run->ledger, LUBDUB_TIME_NEVER);
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
        look_after_server(run);
        look_after_workers(run);
        swarm_run_look_after_network(run);
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

void swarm_run_note(struct swarm_run *run, const char *format, ...)
{
    va_list arguments;

    if (run->note_count < SWARM_NOTE_LIMIT) {
        va_start(arguments, format);
        vsnprintf(run->notes[run->note_count++], SWARM_NOTE_SIZE, format, arguments);
        va_end(arguments);
    }
}

void swarm_run_wait_init(struct swarm_run *run)
{
    ev_timer_init(&run->alarm, on_alarm, 0, 0);
}
