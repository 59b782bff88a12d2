/*
 * Turns what both sides say into injections and verdicts.
 *
 * A client's process answers a strike with the moment of it; the server may tell us the end of that client before the
 * answer is here. So what the server says of a client that is being struck waits for the answer.
 */
#include "swarm/run/news.h"

#include <stdlib.h>

#include "ev/clock.h"

#include "swarm/run/attendance.h"
#include "swarm/run/casualties.h"
#include "swarm/run/return.h"

void swarm_held_back_clear(struct swarm_held_back *held)
{
    free(held->list);
    *held = (struct swarm_held_back){0};
}

/* ---- verdicts ---- */

/* Returns false without memory. */
static bool hold_back(struct swarm_held_back *held, const struct swarm_verdict *verdict)
{
    if (held->count == held->capacity) {
        size_t capacity = held->capacity > 0 ? 2 * held->capacity : 64;
        struct swarm_verdict *grown = realloc(held->list, capacity * sizeof *grown);

        if (grown == NULL) {
            return false;
        }
        held->list = grown;
        held->capacity = capacity;
    }
    held->list[held->count++] = *verdict;
    return true;
}

/* What was held back of this client, in its order. */
static void release(struct swarm_run *run, uint32_t client)
{
    struct swarm_held_back *held = &run->held_back;
    size_t kept = 0;
    size_t i;

    for (i = 0; i < held->count; i++) {
        if (held->list[i].identity == client) {
            swarm_ledger_verdict(&run->findings->ledger, &held->list[i]);
        } else {
            held->list[kept++] = held->list[i];
        }
    }
    held->count = kept;
}

static void take_verdict(struct swarm_run *run, const struct swarm_verdict *verdict)
{
    /* Where the server or a process of ours died, what follows from that is nobody's judgement. */
    if (run->is_ending || run->findings->is_server_lost || run->findings->is_worker_lost) {
        return;
    }
    if (verdict->side == SWARM_SIDE_SERVER && verdict->identity < run->options->clients &&
        swarm_run_is_being_struck(run, verdict->identity)) {
        if (!hold_back(&run->held_back, verdict)) {
            run->findings->ledger.unrecorded_count++;
        }
        return;
    }
    swarm_ledger_verdict(&run->findings->ledger, verdict);
}

void swarm_run_on_server_event(void *user_data, const struct swarm_server_event *event)
{
    struct swarm_run *run = user_data;

    if (event->kind == SWARM_SERVER_DROPPED) {
        run->findings->measures.dropped_count += event->count;
    }
    if (run->is_ending) {
        return;
    }
    run->findings->measures.late_count += event->kind == SWARM_SERVER_LATE;
    if (event->kind == SWARM_SERVER_CONNECTED && event->has_client) {
        run->attendance.server_up_count++;
    }
    if (event->kind == SWARM_SERVER_DISCONNECTED && event->has_client && run->attendance.server_up_count > 0) {
        run->attendance.server_up_count--;
    }
    if (event->kind == SWARM_SERVER_DISCONNECTED && event->has_client) {
        take_verdict(run, &(struct swarm_verdict){.side = SWARM_SIDE_SERVER,
                                                  .identity = event->client,
                                                  .session = event->session,
                                                  .at = event->at,
                                                  .cause = event->cause,
                                                  .has_deadline = event->has_deadline,
                                                  .late_by = event->late_by});
    }
}

/* ---- what the clients' processes say ---- */

static void on_up(void *user_data, const struct swarm_message *up)
{
    struct swarm_run *run = user_data;

    swarm_run_set_up(run, up->client, true);
    swarm_ledger_up(&run->findings->ledger, up->client, up->session, up->at);
}

static void on_down(void *user_data, const struct swarm_message *down)
{
    struct swarm_run *run = user_data;
    enum lubdub_cause cause = (enum lubdub_cause)down->cause;

    swarm_run_set_up(run, down->client, false);
    take_verdict(run, &(struct swarm_verdict){.side = SWARM_SIDE_CLIENT,
                                              .identity = down->client,
                                              .at = down->at,
                                              .cause = cause,
                                              .has_deadline = down->flag,
                                              .late_by = down->late_by});
    swarm_run_return(run, down->client);
    if (!run->findings->has_server && run->attendance.up_count == 0 && run->findings->ledger.open_count == 0 &&
        !swarm_run_is_over(run) && !run->is_ending) {
        swarm_run_lose_server(run, lubdub_time_between(run->findings->timing.timeout + run->findings->timing.interval +
                                                           SWARM_NEWS_OF_DEATH,
                                                       lubdub_clock_now()));
        swarm_findings_note(run->findings, "every client lost the server (%s): it went away", lubdub_cause_text(cause));
    }
}

static void on_struck(void *user_data, const struct swarm_message *struck)
{
    struct swarm_run *run = user_data;

    swarm_run_take_answer(run, struck->client);
    if (swarm_fault_is_networks((enum swarm_fault)struck->fault)) {
        swarm_run_set_up(run, struck->client, false); /* its path was struck before, and that was the injection */
    } else if (struck->flag) {
        swarm_run_inject(run, (enum swarm_fault)struck->fault, struck->client, struck->at, swarm_run_expectation(run));
        swarm_run_set_up(run, struck->client, false);
    } else {
        run->findings->measures.skipped_count++;
    }
    release(run, struck->client);
}

const struct swarm_workers_hooks swarm_run_workers_hooks = {
    .on_up = on_up,
    .on_down = on_down,
    .on_struck = on_struck,
};
