/*
 * What both sides say, brought into an order that the ledger understands.
 *
 * A client's process answers a strike with the moment of it; the server may tell us the end of that client before the
 * answer is here. So what the server says of a client that is being struck waits for the answer.
 */
#include <stdlib.h>

#include "swarm/run/internal.h"

#define IS_UP 1u
#define IS_BEING_STRUCK 2u

bool swarm_news_init(struct swarm_news *news, uint32_t client_count)
{
    *news = (struct swarm_news){.clients = calloc(client_count, 1)};
    return news->clients != NULL;
}

void swarm_news_clear(struct swarm_news *news)
{
    free(news->clients);
    free(news->held_back);
    *news = (struct swarm_news){0};
}

bool swarm_run_is_up(const struct swarm_run *run, uint32_t client)
{
    return (run->news.clients[client] & IS_UP) != 0;
}

static bool is_being_struck(const struct swarm_run *run, uint32_t client)
{
    return (run->news.clients[client] & IS_BEING_STRUCK) != 0;
}

static void set_up(struct swarm_run *run, uint32_t client, bool is_up)
{
    uint8_t *flags = &run->news.clients[client];

    if (is_up && (*flags & IS_UP) == 0) {
        *flags |= IS_UP;
        run->news.up_count++;
    } else if (!is_up && (*flags & IS_UP) != 0) {
        *flags &= (uint8_t)~IS_UP;
        run->news.up_count--;
    }
}

/* ---- verdicts ---- */

/* Returns false without memory. */
static bool hold_back(struct swarm_news *news, const struct swarm_verdict *verdict)
{
    if (news->held_back_count == news->held_back_capacity) {
        size_t capacity = news->held_back_capacity > 0 ? 2 * news->held_back_capacity : 64;
        struct swarm_verdict *grown = realloc(news->held_back, capacity * sizeof *grown);

        if (grown == NULL) {
            return false;
        }
        news->held_back = grown;
        news->held_back_capacity = capacity;
    }
    news->held_back[news->held_back_count++] = *verdict;
    return true;
}

/* What was held back of this client, in its order. */
static void release(struct swarm_run *run, uint32_t client)
{
    struct swarm_news *news = &run->news;
    size_t kept = 0;
    size_t i;

    for (i = 0; i < news->held_back_count; i++) {
        if (news->held_back[i].identity == client) {
            swarm_ledger_verdict(&run->ledger, &news->held_back[i]);
        } else {
            news->held_back[kept++] = news->held_back[i];
        }
    }
    news->held_back_count = kept;
}

static void take_verdict(struct swarm_run *run, const struct swarm_verdict *verdict)
{
    /* Where the server or a process of ours died, what follows from that is nobody's judgement. */
    if (run->is_ending || run->is_server_lost || run->is_worker_lost) {
        return;
    }
    if (verdict->side == SWARM_SIDE_SERVER && verdict->identity < run->options->clients &&
        is_being_struck(run, verdict->identity)) {
        if (!hold_back(&run->news, verdict)) {
            run->ledger.unrecorded_count++;
        }
        return;
    }
    swarm_ledger_verdict(&run->ledger, verdict);
}

void swarm_run_on_server_event(void *user_data, const struct swarm_server_event *event)
{
    struct swarm_run *run = user_data;

    if (event->kind == SWARM_SERVER_DROPPED) {
        run->measures.dropped_count += event->count;
    }
    if (run->is_ending) {
        return;
    }
    run->measures.late_count += event->kind == SWARM_SERVER_LATE;
    if (event->kind == SWARM_SERVER_CONNECTED && event->has_client) {
        run->news.server_up_count++;
    }
    if (event->kind == SWARM_SERVER_DISCONNECTED && event->has_client && run->news.server_up_count > 0) {
        run->news.server_up_count--;
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

    set_up(run, up->client, true);
    swarm_ledger_up(&run->ledger, up->client, up->session, up->at);
}

static void on_down(void *user_data, const struct swarm_message *down)
{
    struct swarm_run *run = user_data;
    enum lubdub_cause cause = (enum lubdub_cause)down->cause;

    set_up(run, down->client, false);
    take_verdict(run, &(struct swarm_verdict){.side = SWARM_SIDE_CLIENT,
                                              .identity = down->client,
                                              .at = down->at,
                                              .cause = cause,
                                              .has_deadline = down->flag,
                                              .late_by = down->late_by});
    swarm_run_return(run, down->client);
    if (!run->has_server && run->news.up_count == 0 && run->ledger.open_count == 0 && !swarm_run_is_over(run) &&
        !run->is_ending) {
        swarm_run_lose_server(run, run->timing.timeout + run->timing.interval + SWARM_NEWS_OF_DEATH);
        swarm_run_note(run, "every client lost the server (%s): it went away", lubdub_cause_text(cause));
    }
}

static void on_struck(void *user_data, const struct swarm_message *struck)
{
    struct swarm_run *run = user_data;

    run->news.clients[struck->client] &= (uint8_t)~IS_BEING_STRUCK;
    run->news.struck_count--;
    if (swarm_fault_is_networks((enum swarm_fault)struck->fault)) {
        set_up(run, struck->client, false); /* its path was struck before, and that was the injection */
    } else if (struck->flag) {
        swarm_run_inject(run, (enum swarm_fault)struck->fault, struck->client, struck->at,
                         run->has_server ? SWARM_MUST_NOTICE : SWARM_MAY_NOTICE);
        set_up(run, struck->client, false);
    } else {
        run->measures.skipped_count++;
    }
    release(run, struck->client);
}

const struct swarm_workers_hooks swarm_run_workers_hooks = {
    .on_up = on_up,
    .on_down = on_down,
    .on_struck = on_struck,
};

/* ---- what we do ---- */

void swarm_run_inject(struct swarm_run *run, enum swarm_fault fault, uint32_t client, lubdub_time at,
                      enum swarm_expectation expectation)
{
    swarm_ledger_inject(&run->ledger, fault, client, at, expectation);
}

void swarm_run_inject_all(struct swarm_run *run, enum swarm_fault fault, lubdub_time at,
                          enum swarm_expectation expectation)
{
    uint32_t i;

    for (i = 0; i < run->options->clients; i++) {
        if (swarm_run_is_up(run, i)) {
            swarm_run_inject(run, fault, i, at, expectation);
        }
    }
}

void swarm_run_strike(struct swarm_run *run, enum swarm_fault fault, uint32_t client)
{
    if (!swarm_run_is_up(run, client) || is_being_struck(run, client)) {
        run->measures.skipped_count++;
        return;
    }
    run->news.clients[client] |= IS_BEING_STRUCK;
    run->news.struck_count++;
    swarm_workers_strike(&run->workers, client, fault);
}

void swarm_run_drop(struct swarm_run *run)
{
    uint32_t i;

    swarm_workers_drop(&run->workers);
    swarm_run_sync(run);
    for (i = 0; i < run->options->clients; i++) {
        set_up(run, i, false);
    }
}

bool swarm_run_all_verdicts_are_in(const struct swarm_run *run)
{
    return run->ledger.open_count == 0 && run->news.struck_count == 0;
}
