/* Waits for the ends of grace times and tells the application which identities are gone. */
#include "server/library/grace.h"

#include "ev/clock.h"
#include "ev/container_of.h"
#include "server/library/identities.h"
#include "server/library/tell.h"

lubdub_time lubdub_grace_now(const struct lubdub_worker *worker)
{
    return lubdub_clock_now() - worker->server->workers[0].group.reactor->absence_total;
}

void lubdub_grace_stop_timer(struct lubdub_server *server)
{
    struct lubdub_worker *worker = &server->workers[0];

    ev_timer_stop(worker->loop, &server->grace);
    lubdub_reactor_expect(worker->group.reactor, LUBDUB_TIME_NEVER, 0);
}

/* The reactor minds this timer as it minds the sessions' deadlines: an absence is noticed where there is no session, too. */
void lubdub_grace_set_timer(struct lubdub_server *server)
{
    struct lubdub_worker *worker = &server->workers[0];
    lubdub_time now;
    lubdub_time deadline;

    lubdub_reactor_now(worker->group.reactor); /* notes an absence of this loop */
    now = lubdub_grace_now(worker);

    pthread_mutex_lock(&server->lock);
    deadline = lubdub_departed_deadline(&server->departed, lubdub_worker_settings(worker)->away_limit);
    pthread_mutex_unlock(&server->lock);

    lubdub_grace_stop_timer(server);
    if (deadline != LUBDUB_TIME_NEVER) {
        ev_now_update(worker->loop);
        ev_timer_set(&server->grace, (ev_tstamp)lubdub_time_between(now, deadline) / (ev_tstamp)LUBDUB_SECOND, 0);
        ev_timer_start(worker->loop, &server->grace);
        lubdub_reactor_expect(worker->group.reactor,
                              lubdub_time_after(lubdub_clock_now(), lubdub_time_between(now, deadline)),
                              lubdub_worker_settings(worker)->grace);
    }
}

void lubdub_grace_note_change(struct lubdub_worker *worker)
{
    if (worker->index == 0) {
        lubdub_grace_set_timer(worker->server);
    } else {
        lubdub_mailbox_order(&worker->server->workers[0].mailbox, LUBDUB_ORDER_GRACE);
    }
}

static bool take_gone(struct lubdub_worker *worker, char *identity, size_t *length)
{
    return lubdub_identities_take_gone(worker, lubdub_grace_now(worker), identity, length);
}

static void on_grace_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_server *server = container_of(timer, struct lubdub_server, grace);
    struct lubdub_worker *worker = &server->workers[0];
    char identity[LUBDUB_IDENTITY_LIMIT];
    size_t length;
    struct lubdub_budget budget = lubdub_budget_new();
    (void)loop, (void)revents;

    lubdub_worker_enter(worker);
    lubdub_grace_set_timer(server);
    while (!server->is_doomed && lubdub_budget_spend(&budget) && take_gone(worker, identity, &length)) {
        struct lubdub_server_event event = {.kind = LUBDUB_SERVER_GONE, .identity = {identity, length}};

        lubdub_tally_add(&worker->tally.gone, 1);
        lubdub_server_tell(worker, NULL, &event);
        lubdub_identities_was_told_gone(worker, lubdub_grace_now(worker));
    }
    if (!server->is_doomed) {
        lubdub_grace_set_timer(server);
    }
    lubdub_worker_leave(worker);
}

void lubdub_grace_init(struct lubdub_server *server)
{
    ev_timer_init(&server->grace, on_grace_over, 0, 0);
}
