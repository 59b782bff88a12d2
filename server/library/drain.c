/* Tells all connections to leave, ends the connections that stay, and notes when none is left. */
#include "server/library/drain.h"

#include "ev/clock.h"
#include "ev/container_of.h"
#include "server/library/grace.h"
#include "server/library/listener.h"
#include "server/library/peer.h"
#include "server/library/proxied.h"
#include "server/library/record.h"
#include "server/library/tell.h"

/* Clients that a drain lets come back in one second. */
#define RETURNS_PER_SECOND 1000

enum lubdub_error lubdub_server_drain(struct lubdub_server *server, lubdub_duration patience)
{
    if (server == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    if (!server->is_started || server->is_stopped) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    lubdub_mailbox_order_drain(&server->workers[0].mailbox, lubdub_time_after(lubdub_clock_now(), patience));
    return LUBDUB_ERROR_OK;
}

static void tell_stopped(struct lubdub_server *server)
{
    struct lubdub_server_event event = {.kind = LUBDUB_SERVER_STOPPED};
    uint32_t i;

    for (i = 0; i < server->worker_count; i++) {
        event.cut += atomic_load(&server->workers[i].tally.cut);
    }
    lubdub_server_tell(&server->workers[0], NULL, &event);
}

void lubdub_drain_note_drained(struct lubdub_server *server)
{
    uint32_t i;

    for (i = 0; i < server->worker_count; i++) {
        if (!atomic_load(&server->workers[i].is_drained)) {
            return;
        }
    }
    if (!server->is_stopped) {
        server->is_stopped = true;
        lubdub_grace_stop_timer(server); /* nothing follows STOPPED */
        tell_stopped(server);
    }
}

void lubdub_drain_note_closed(struct lubdub_worker *worker)
{
    if (!worker->has_told_all || worker->pool.count > 0 || atomic_load(&worker->is_drained)) {
        return;
    }
    atomic_store(&worker->is_drained, true);
    ev_timer_stop(worker->loop, &worker->patience);
    if (worker->index == 0) {
        lubdub_drain_note_drained(worker->server);
    } else {
        lubdub_mailbox_order(&worker->server->workers[0].mailbox, LUBDUB_ORDER_DRAINED);
    }
}

static void on_patience_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_worker *worker = container_of(timer, struct lubdub_worker, patience);
    struct lubdub_budget budget = lubdub_budget_new();
    (void)revents;

    lubdub_worker_enter(worker);
    for (; worker->aborted < worker->pool.used && lubdub_budget_spend(&budget); worker->aborted++) {
        struct lubdub_record *record = &worker->pool.records[worker->aborted];

        if (record->peer != NULL) {
            struct lubdub_server_event event = {.now = lubdub_clock_now(), .cause = LUBDUB_CAUSE_SHUTDOWN};

            lubdub_tally_add(&worker->tally.cut, 1);
            lubdub_record_end(worker, record, &event);
            lubdub_link_abort(&record->link);
            lubdub_record_free(worker, record);
        }
    }
    if (worker->aborted < worker->pool.used) {
        ev_timer_set(timer, 0, 0); /* the sockets have their turn in between */
        ev_timer_start(loop, timer);
    } else {
        worker->has_told_all = true;
        lubdub_drain_note_closed(worker);
    }
    lubdub_worker_leave(worker);
}

void lubdub_drain_init(struct lubdub_worker *worker)
{
    ev_timer_init(&worker->patience, on_patience_over, 0, 0);
}

void lubdub_drain_clear(struct lubdub_worker *worker)
{
    ev_timer_stop(worker->loop, &worker->patience);
}

static void set_patience(struct lubdub_worker *worker, lubdub_time ends)
{
    lubdub_duration left = lubdub_time_between(lubdub_clock_now(), ends);

    worker->patience_ends = ends;
    ev_timer_stop(worker->loop, &worker->patience);
    ev_now_update(worker->loop);
    ev_timer_set(&worker->patience, (ev_tstamp)left / (ev_tstamp)LUBDUB_SECOND, 0);
    ev_timer_start(worker->loop, &worker->patience);
}

static void stop_listening(struct lubdub_worker *worker)
{
    struct lubdub_listener *listener;

    while ((listener = worker->listeners) != NULL) {
        worker->listeners = listener->next;
        lubdub_listener_free(listener);
    }
}

/* Worker 0: tells the application the first time, before any session's end is told, and the other workers. */
static void begin_everywhere(struct lubdub_server *server, lubdub_time patience_ends)
{
    uint32_t i;

    if (!server->workers[0].is_draining) {
        server->sessions_to_return = atomic_load(&server->session_count);
        atomic_store(&server->is_draining, true);
        lubdub_server_tell_of_itself(server, LUBDUB_SERVER_DRAINING);
    }
    for (i = 1; i < server->worker_count; i++) {
        lubdub_mailbox_order_drain(&server->workers[i].mailbox, patience_ends);
    }
}

void lubdub_drain_begin(struct lubdub_worker *worker, lubdub_time patience_ends)
{
    if (worker->index == 0) {
        begin_everywhere(worker->server, patience_ends);
    }
    if (!worker->is_draining) {
        worker->is_draining = true;
        stop_listening(worker);
        lubdub_proxied_clear(worker);
        set_patience(worker, patience_ends);
    } else if (patience_ends < worker->patience_ends && !atomic_load(&worker->is_drained)) {
        set_patience(worker, patience_ends);
    }
}

bool lubdub_drain_go_on(struct lubdub_worker *worker, struct lubdub_budget *budget)
{
    uint32_t slots;

    if (!worker->is_draining || worker->has_told_all) {
        return true;
    }
    slots = (uint32_t)(worker->server->sessions_to_return * 1000 / RETURNS_PER_SECOND) + 100;
    for (; worker->told < worker->pool.used && lubdub_budget_spend(budget); worker->told++) {
        struct lubdub_record *record = &worker->pool.records[worker->told];

        if (record->peer != NULL) {
            lubdub_record_dismiss(worker, record, LUBDUB_REASON_DRAINING, LUBDUB_CAUSE_SHUTDOWN, "the server goes away",
                                  true, (100 + lubdub_worker_random(worker, slots)) * LUBDUB_MILLISECOND);
        }
    }
    if (worker->told < worker->pool.used) {
        return false;
    }
    worker->has_told_all = true;
    lubdub_drain_note_closed(worker);
    return true;
}
