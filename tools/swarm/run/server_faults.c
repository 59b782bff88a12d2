/* Does each fault of the server under its name, while every client is connected. */
#include "swarm/run/server_faults.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev/clock.h"

#include "swarm/clients/workers_count.h"
#include "swarm/run/attendance.h"
#include "swarm/run/bounds.h"
#include "swarm/run/casualties.h"
#include "swarm/run/connect.h"
#include "swarm/run/paths.h"
#include "swarm/run/start.h"
#include "swarm/run/wait.h"

#define END_PATIENCE (5 * LUBDUB_SECOND)

/* After a stall, beyond the time in which a side could still give the other up for it. */
#define STALL_PATIENCE (500 * LUBDUB_MILLISECOND)

/* All missing clients come back, to a new server where the old one is gone. Returns whether the run goes on. */
static bool gather(struct swarm_run *run)
{
    struct swarm_crowd_counts counts;

    if (swarm_servers_ended(&run->servers) != NULL && !swarm_run_start_servers(run)) {
        if (!swarm_run_is_over(run)) {
            swarm_findings_note(run->findings, "the server could not be started again: %s", run->findings->problem);
            run->findings->is_server_lost = true;
        }
        return false;
    }
    swarm_run_mend_paths(run);
    if (!swarm_run_connect(run)) {
        swarm_workers_count(&run->workers, &counts);
        swarm_findings_note(run->findings, "nobody could connect again: %s", counts.failure);
        run->findings->is_server_lost |= !swarm_run_is_over(run);
        return false;
    }
    if (run->attendance.up_count < run->options->clients && !swarm_run_is_over(run)) {
        swarm_workers_count(&run->workers, &counts);
        swarm_findings_note(run->findings, "%" PRIu32 " of %" PRIu64 " clients came back for the next fault; %s",
                            run->attendance.up_count, run->options->clients, counts.failure);
    }
    swarm_run_worsen_paths(run);
    swarm_run_wait(run, lubdub_time_after(lubdub_clock_now(), run->options->warmup), NULL);
    swarm_run_wait(run, lubdub_time_after(lubdub_clock_now(), random_below(&run->random, run->options->interval)),
                   NULL);
    return !swarm_run_is_over(run);
}

/* SIGSTOP or SIGKILL: the server is gone for its clients, in one way or the other. */
static void end_server(struct swarm_run *run, enum swarm_fault fault, int signal)
{
    lubdub_time at = lubdub_clock_now();

    run->server_may_end = true;
    swarm_servers_signal(&run->servers, signal);
    run->attendance.server_up_count = 0; /* it sees no session any more */
    swarm_run_inject_all(run, fault, at, SWARM_MUST_NOTICE);
    swarm_run_wait_for_verdicts(run);
    swarm_run_drop(run);
    swarm_servers_signal(&run->servers, SIGKILL);
    swarm_run_wait_anyway(run, lubdub_time_after(lubdub_clock_now(), END_PATIENCE), swarm_run_server_has_ended);
}

static void freeze_servers(struct swarm_run *run, const struct swarm_order *order)
{
    end_server(run, order->fault, SIGSTOP);
}

static void kill_servers(struct swarm_run *run, const struct swarm_order *order)
{
    end_server(run, order->fault, SIGKILL);
}

static void settle_after_stall(struct swarm_run *run)
{
    const struct swarm_timing *timing = &run->findings->timing;

    swarm_run_settle_after(
        run, lubdub_duration_longer(timing->timeout, timing->expiry) + timing->interval + STALL_PATIENCE, NULL);
}

static void stall_server(struct swarm_run *run, const struct swarm_order *order)
{
    lubdub_time at = lubdub_clock_now();
    bool may_give_up = run->findings->timing.timeout <= order->length;

    if (may_give_up) {
        swarm_findings_note(run->findings,
                            "server-stall: it lasted %.0f ms and the clients' timeout is %.0f ms, so they may give the "
                            "server up for it",
                            (double)order->length / 1e6, (double)run->findings->timing.timeout / 1e6);
    }
    swarm_servers_signal(&run->servers, SIGSTOP);
    swarm_run_inject_all(run, order->fault, at, may_give_up ? SWARM_MAY_NOTICE : SWARM_MUST_NOT_NOTICE);
    swarm_run_wait(run, lubdub_time_after(at, order->length), NULL);
    swarm_servers_signal(&run->servers, SIGCONT);
    settle_after_stall(run);
}

/* All processes that were started go on, in an order as a scheduler might choose it. */
static void wake_all(struct swarm_run *run)
{
    size_t count = run->servers.count + run->workers.count;
    pid_t *sleepers = calloc(count, sizeof *sleepers);
    size_t i;

    if (sleepers == NULL) {
        swarm_servers_signal(&run->servers, SIGCONT);
        swarm_workers_signal(&run->workers, SIGCONT);
        return;
    }
    for (i = 0; i < count; i++) {
        size_t place = random_below(&run->random, i + 1);

        sleepers[i] = sleepers[place];
        sleepers[place] =
            i < run->servers.count ? run->servers.list[i].process : run->workers.list[i - run->servers.count].process;
    }
    for (i = 0; i < count; i++) {
        kill(sleepers[i], SIGCONT);
    }
    free(sleepers);
}

/* As when the machine below both sides stops: neither has anything to hold against the other. */
static void pause_all(struct swarm_run *run, const struct swarm_order *order)
{
    struct swarm_crowd_counts before;
    struct swarm_crowd_counts after;
    lubdub_time at;

    swarm_run_sync(run);
    swarm_workers_count(&run->workers, &before);
    at = lubdub_clock_now();
    swarm_run_inject_all(run, order->fault, at, SWARM_MUST_NOT_NOTICE);
    swarm_servers_signal(&run->servers, SIGSTOP);
    swarm_workers_signal(&run->workers, SIGSTOP);
    swarm_run_wait(run, lubdub_time_after(at, order->length), NULL);
    wake_all(run);
    swarm_run_sync(run);
    swarm_workers_count(&run->workers, &after);
    run->findings->measures.absence_count -= after.absence_count - before.absence_count; /* those we brought about */
    run->findings->measures.absence_total -= after.absence_total - before.absence_total;
    settle_after_stall(run);
}

static void cut_paths(struct swarm_run *run, const struct swarm_order *order)
{
    lubdub_time at = lubdub_clock_now();

    swarm_network_close_all(&run->network, swarm_fault_ways(order->fault));
    swarm_run_inject_all(run, order->fault, at, SWARM_MUST_NOTICE);
    swarm_run_wait_for_verdicts(run);
    swarm_run_drop(run);
}

/*
 * TCP waits twice as long after each attempt: a segment lost at the beginning of an outage may arrive as much as
 * another outage after its end.
 */
static lubdub_duration silence_after(lubdub_duration outage)
{
    return 2 * outage + SWARM_RESEND_AFTER;
}

static void interrupt_paths(struct swarm_run *run, const struct swarm_order *order)
{
    const lubdub_duration length = order->length;
    const struct swarm_timing *timing = &run->findings->timing;
    bool may_give_up =
        timing->timeout <= silence_after(length) || timing->expiry <= timing->interval + silence_after(length);
    lubdub_time at = lubdub_clock_now();

    if (may_give_up) {
        swarm_findings_note(
            run->findings,
            "outage: it lasted %.0f ms, TCP may be silent for twice that, and the timeout is %.0f ms and the "
            "expiry %.0f ms, so they may give each other up for it",
            (double)length / 1e6, (double)timing->timeout / 1e6, (double)timing->expiry / 1e6);
    }
    swarm_network_close_all(&run->network, swarm_fault_ways(order->fault));
    swarm_run_inject_all(run, order->fault, at, may_give_up ? SWARM_MAY_NOTICE : SWARM_MUST_NOT_NOTICE);
    swarm_run_wait(run, lubdub_time_after(at, length), NULL);
    swarm_network_close_all(&run->network, 0);
    swarm_run_settle_after(run, silence_after(length) + swarm_run_longest_bound(run), NULL);
}

/* Whatever its length: the other cable is there. */
static void interrupt_one_path(struct swarm_run *run, const struct swarm_order *order)
{
    lubdub_time at = lubdub_clock_now();

    swarm_network_close_one_of_all(&run->network, swarm_fault_ways(order->fault));
    swarm_run_inject_all(run, order->fault, at, SWARM_MUST_NOT_NOTICE);
    swarm_run_wait(run, lubdub_time_after(at, order->length), NULL);
    swarm_network_close_one_of_all(&run->network, 0);
    swarm_run_settle_after(run, swarm_run_longest_bound(run), NULL);
}

static void (*const doers[SWARM_FAULT_COUNT])(struct swarm_run *run, const struct swarm_order *order) = {
    [SWARM_FAULT_SERVER_STALL] = stall_server, [SWARM_FAULT_VM_PAUSE] = pause_all,
    [SWARM_FAULT_OUTAGE_ONE] = interrupt_one_path,
    [SWARM_FAULT_OUTAGE] = interrupt_paths,    [SWARM_FAULT_SERVER_FREEZE] = freeze_servers,
    [SWARM_FAULT_SERVER_KILL] = kill_servers,  [SWARM_FAULT_SERVER_CUT] = cut_paths,
};

void swarm_run_server_faults(struct swarm_run *run)
{
    const struct swarm_options *options = run->options;
    size_t i;

    for (i = 0; i < options->order_count; i++) {
        const struct swarm_order *order = &options->orders[i];

        if (swarm_fault_is_servers(order->fault)) {
            if (swarm_run_is_over(run) || !gather(run)) {
                return;
            }
            assert(doers[order->fault] != NULL);
            doers[order->fault](run, order);
        }
    }
}
