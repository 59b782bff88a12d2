/* Handles the events of the sessions of one loop, and opens the letters of other threads. */
#define _GNU_SOURCE
#include "server/library/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ev/clock.h"
#include "ev/container_of.h"
#include "ev/loop.h"
#include "ev/sip_hash.h"
#include "ev/socket.h"
#include "ev/thread.h"
#include "server/library/door.h"
#include "server/library/drain.h"
#include "server/library/grace.h"
#include "server/library/letters.h"
#include "server/library/listener.h"
#include "server/library/marks.h"
#include "server/library/opening.h"
#include "server/library/own_health.h"
#include "server/library/own_thread.h"
#include "server/library/peer.h"
#include "server/library/proxied.h"
#include "server/library/record.h"
#include "server/library/requests.h"
#include "server/library/review.h"
#include "server/library/tell.h"
#include "server/library/trial.h"

/* Of one worker, where the system sets no limit: half a gigabyte of address space. */
#define MOST_CONNECTIONS (4 * 1024 * 1024)

/* Between two looks at a round trip: each is a system call. */
#define SAMPLING_INTERVAL (10 * LUBDUB_MILLISECOND)

static struct lubdub_worker *worker_of(const struct lubdub_link *link)
{
    return container_of(lubdub_link_group(link), struct lubdub_worker, group);
}

static struct lubdub_record *record_of(struct lubdub_link *link)
{
    return container_of(link, struct lubdub_record, link);
}

/* ---- what sessions say ---- */

static void on_message(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *event,
                       lubdub_time now)
{
    struct lubdub_server_event message = {
        .kind = LUBDUB_SERVER_MESSAGE, .now = now, .content = event->content, .length = event->length};

    lubdub_tally_add(&worker->tally.messages, 1);
    lubdub_pool_count_message(&worker->pool, record);
    lubdub_server_tell(worker, record, &message);
    switch (lubdub_worker_settings(worker)->on_message) {
    case LUBDUB_ON_MESSAGE_DROP:
        break;
    case LUBDUB_ON_MESSAGE_ECHO:
        lubdub_worker_echo(worker, record, event->content, event->length);
        break;
    case LUBDUB_ON_MESSAGE_BROADCAST:
        lubdub_worker_pass_on(worker, event->content, event->length);
        break;
    }
}

static void on_down(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *event,
                    lubdub_time now)
{
    struct lubdub_server_event end = {
        .now = now,
        .cause = event->cause,
        .has_reason = event->has_reason,
        .reason = event->reason_code,
        .text = event->text,
        .silent_for = event->silent_for,
        .deadline = event->deadline,
        .adaptive = event->adaptive,
    };

    if (event->had_session) {
        if (event->deadline != 0) {
            lubdub_buckets_add(&worker->tally.verdict_lateness, lubdub_time_between(event->deadline, now));
        }
        lubdub_tally_add(&worker->tally.early_verdicts, event->adaptive > 0);
        lubdub_record_end(worker, record, &end);
        return;
    }
    lubdub_opening_end(worker, record);
    if ((event->cause == LUBDUB_CAUSE_CLOSED || event->cause == LUBDUB_CAUSE_RESET) && event->text.length == 0) {
        lubdub_tally_add(&worker->tally.empty, 1); /* port scans and health checks of load balancers: no news */
        return;
    }
    lubdub_record_reject(worker, record, event->cause, event->text, event->has_reason, event->reason_code);
}

static void on_event(struct lubdub_link *link, const struct lubdub_event *event, lubdub_time now)
{
    struct lubdub_worker *worker = worker_of(link);
    struct lubdub_record *record = record_of(link);
    struct lubdub_server_event told = {
        .now = now,
        .silent_for = event->silent_for,
        .health = event->health,
        .was_health = event->was_health,
        .content = event->content,
        .length = event->length,
    };

    switch (event->kind) {
    case LUBDUB_EVENT_HELLO:
        lubdub_door_admit(worker, record, event);
        return;
    case LUBDUB_EVENT_MESSAGE:
        on_message(worker, record, event, now);
        return;
    case LUBDUB_EVENT_DOWN:
        on_down(worker, record, event, now);
        return;
    case LUBDUB_EVENT_LATE:
        lubdub_tally_add(&worker->tally.late, 1);
        lubdub_mark_late(worker, record, true);
        told.kind = LUBDUB_SERVER_LATE;
        break;
    case LUBDUB_EVENT_RECOVERED:
        if (event->silent_for > lubdub_session_expiry(&link->session) / 4 * 3) {
            lubdub_tally_add(&worker->tally.narrow, 1);
            lubdub_peer_note_near_miss(record->peer);
        }
        lubdub_tally_add(&worker->tally.recovered, 1);
        lubdub_mark_late(worker, record, false);
        told.kind = LUBDUB_SERVER_RECOVERED;
        break;
    case LUBDUB_EVENT_HEALTH:
        lubdub_mark_health(worker, record, event->health, event->content, event->length);
        told.kind = LUBDUB_SERVER_HEALTH;
        break;
    case LUBDUB_EVENT_ROOM:
        lubdub_mark_full(worker, record, false);
        told.kind = LUBDUB_SERVER_ROOM;
        break;
    case LUBDUB_EVENT_NONE:
    case LUBDUB_EVENT_UP:
    case LUBDUB_EVENT_GRANT_CHANGED:
    case LUBDUB_EVENT_ACKED:
    case LUBDUB_EVENT_LATE_ACK:
    case LUBDUB_EVENT_TIMED_OUT:
        return; /* a client's */
    }
    lubdub_server_tell(worker, record, &told);
}

static void on_paths(struct lubdub_link *link, unsigned paths, unsigned was, lubdub_time now)
{
    struct lubdub_record *record = record_of(link);
    struct lubdub_server_event event = {.kind = LUBDUB_SERVER_PATHS, .now = now, .paths = paths, .was_paths = was};

    if (record->peer->is_session) {
        lubdub_server_tell(worker_of(link), record, &event);
    }
}

static void on_closed(struct lubdub_link *link)
{
    struct lubdub_worker *worker = worker_of(link);
    struct lubdub_record *record = record_of(link);

    if (record->peer->is_session) {
        lubdub_worker_tell_owed_ends(worker); /* this one's is among them */
    }
    assert(!record->peer->is_session);
    lubdub_record_free(worker, record);
    lubdub_drain_note_closed(worker);
}

/* Looks at the round trip of one of the sessions that live, now and then. */
static void on_visit(struct lubdub_link *link, lubdub_time now)
{
    struct lubdub_worker *worker = worker_of(link);
    struct lubdub_peer *peer = record_of(link)->peer;
    lubdub_duration round_trip;

    if (lubdub_time_between(worker->sampled_at, now) < SAMPLING_INTERVAL || !peer->is_session) {
        return;
    }
    worker->sampled_at = now;
    round_trip = lubdub_socket_round_trip(link->io.fd);
    if (round_trip > 0) {
        lubdub_peer_set_round_trip(peer, round_trip);
        lubdub_buckets_add(&worker->tally.round_trip, round_trip);
    }
}

/* Late sessions of one address may be late on purpose (core/suspicion.h). */
static uint32_t origin_of(struct lubdub_link *link)
{
    struct lubdub_address address;

    lubdub_peer_counted_address(record_of(link)->peer, worker_of(link)->server->ipv6_prefix, &address);
    return lubdub_sip_hash_here(address.ip, sizeof address.ip);
}

static bool is_proxied(struct lubdub_link *link)
{
    return record_of(link)->peer->is_proxied;
}

/* Whether the loop newly suspects itself, and verdicts wait for it: news that is told once each time. */
static bool note_suspicion(struct lubdub_worker *worker)
{
    uint64_t count = worker->group.reactor->suspicion.times;

    if (atomic_load_explicit(&worker->tally.suspicions, memory_order_relaxed) == count) {
        return false;
    }
    atomic_store_explicit(&worker->tally.suspicions, count, memory_order_relaxed);
    return lubdub_worker_settings(worker)->session.adapts;
}

static void tell_suspicion(struct lubdub_worker *worker)
{
    static const char text[] = "most sessions are late at once: the fault may be ours, and adaptive verdicts wait";
    struct lubdub_server_event event = {
        .kind = LUBDUB_SERVER_SUSPICIOUS, .now = lubdub_clock_now(), .text = {text, sizeof text - 1}};

    lubdub_server_tell(worker, NULL, &event);
}

static void on_rest(struct lubdub_link_group *group)
{
    struct lubdub_worker *worker = container_of(group, struct lubdub_worker, group);
    bool has_news = note_suspicion(worker);

    if (has_news || (worker->index == 0 && worker->server->is_doomed)) {
        lubdub_worker_enter(worker);
        if (has_news) {
            tell_suspicion(worker);
        }
        lubdub_worker_leave(worker); /* frees the server if it is doomed and nothing of it is running */
    }
}

/* ---- what other threads ask ---- */

static struct lubdub_tuning tuning_by_default(const struct lubdub_worker *worker)
{
    return lubdub_tuning_of_server(worker->group.settings->interval, worker->group.settings->expiry);
}

/*
 * Connections that came before have what the listeners had then, and may become sessions now. Which ones they are is
 * not known: from now on every session is told what has changed.
 */
static void retune_listeners(struct lubdub_worker *worker)
{
    const struct lubdub_tuning before = worker->tuning;
    const struct lubdub_tuning wanted = tuning_by_default(worker);
    struct lubdub_tuning *inherited = &worker->group.inherited;
    struct lubdub_listener *listener;

    worker->tuning = wanted;
    for (listener = worker->listeners; listener != NULL; listener = listener->next) {
        lubdub_tuning_set(listener->io.fd, &wanted, &before);
    }
    inherited->rto_min_us = wanted.rto_min_us == before.rto_min_us ? inherited->rto_min_us : 0;
    inherited->rto_max_ms = wanted.rto_max_ms == before.rto_max_ms ? inherited->rto_max_ms : 0;
    inherited->user_timeout_ms = wanted.user_timeout_ms == before.user_timeout_ms ? inherited->user_timeout_ms : 0;
}

static void set_gather(struct lubdub_worker *worker)
{
    struct lubdub_listener *listener;

    lubdub_link_group_gather(&worker->group, worker->rules->settings.gather);
    for (listener = worker->listeners; listener != NULL; listener = listener->next) {
        lubdub_waiting_mind_listener(&worker->group.reactor->waiting, listener->io.fd); /* once more does nothing */
    }
}

static void limit_handshakes(struct lubdub_worker *worker)
{
    const struct lubdub_server_settings *settings = &worker->rules->settings;
    unsigned workers = worker->server->worker_count;

    worker->group.reactor->transports.limits = (struct lubdub_handshake_limits){
        .most = (settings->max_handshakes + workers - 1) / workers,
        .per_turn = settings->handshakes_per_turn,
        .work = settings->handshake_work,
        .patience = settings->session.handshake_timeout / 2,
    };
}

static void take_rules(struct lubdub_worker *worker)
{
    struct lubdub_rules *old = worker->rules;
    bool is_grace_shorter;
    bool may_fewer_be_away;

    pthread_mutex_lock(&worker->server->lock);
    worker->rules = lubdub_rules_share(worker->server->rules);
    is_grace_shorter = worker->rules->settings.grace < old->settings.grace && !worker->is_draining;
    may_fewer_be_away = worker->rules->settings.away_limit < old->settings.away_limit;
    if (is_grace_shorter) {
        lubdub_departed_shorten(&worker->server->departed,
                                lubdub_time_after(lubdub_grace_now(worker), worker->rules->settings.grace));
    }
    pthread_mutex_unlock(&worker->server->lock);
    if (is_grace_shorter || may_fewer_be_away) {
        lubdub_grace_note_change(worker);
    }
    worker->group.settings = &worker->rules->settings.session;
    set_gather(worker);
    limit_handshakes(worker);
    lubdub_reactor_renew_patience(worker->group.reactor); /* the patience of a session that adapts is shorter */
    retune_listeners(worker);
    lubdub_review_begin(worker);
    lubdub_rules_drop(old);
}

/* Returns false for STOP: nothing more is to be done. */
static bool follow_orders(struct lubdub_worker *worker)
{
    lubdub_time patience_ends;
    unsigned orders = lubdub_mailbox_take_orders(&worker->mailbox, &patience_ends);

    if ((orders & LUBDUB_ORDER_STOP) != 0) {
        ev_break(worker->loop, EVBREAK_ALL);
        return false;
    }
    if ((orders & LUBDUB_ORDER_RULES) != 0) {
        take_rules(worker);
    }
    if ((orders & LUBDUB_ORDER_GRACE) != 0) {
        lubdub_grace_set_timer(worker->server);
    }
    if ((orders & LUBDUB_ORDER_DRAIN) != 0) {
        lubdub_drain_begin(worker, patience_ends);
    }
    if ((orders & LUBDUB_ORDER_DRAINED) != 0) {
        lubdub_drain_note_drained(worker->server);
    }
    if ((orders & LUBDUB_ORDER_TURN) != 0) {
        atomic_store(&worker->has_turned, true);
    }
    if ((orders & LUBDUB_ORDER_HEALTH) != 0) {
        lubdub_own_health_begin(worker);
    }
    if ((orders & LUBDUB_ORDER_SEARCH) != 0) {
        worker->is_searching = true;
        worker->searched = 0;
    }
    return true;
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int revents)
{
    struct lubdub_worker *worker = wake->data;
    struct lubdub_budget budget = lubdub_budget_new();
    (void)loop, (void)revents;

    lubdub_worker_enter(worker);
    if (follow_orders(worker)) {
        lubdub_worker_tell_owed_ends(worker);
        if (!lubdub_door_search(worker, &budget) || !lubdub_review_go_on(worker, &budget) ||
            !lubdub_own_health_go_on(worker, &budget) || !lubdub_drain_go_on(worker, &budget) ||
            !lubdub_letters_open(worker, &budget)) {
            lubdub_mailbox_wake(&worker->mailbox); /* the sockets have their turn in between */
        }
        if (lubdub_mailbox_has_room_again(&worker->mailbox)) {
            lubdub_server_tell(worker, NULL, &(struct lubdub_server_event){.kind = LUBDUB_SERVER_ROOM});
        }
    }
    lubdub_worker_leave(worker);
}

/* ---- life ---- */

static uint32_t descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max > MOST_CONNECTIONS) {
        return MOST_CONNECTIONS;
    }
    return (uint32_t)limit.rlim_max;
}

enum lubdub_error lubdub_worker_init(struct lubdub_worker *worker, struct lubdub_server *server, uint32_t index,
                                     struct ev_loop *loop)
{
    enum lubdub_error error;

    worker->server = server;
    worker->index = index;
    lubdub_requests_init(worker);
    worker->spare_descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    worker->loop = loop != NULL ? loop : ev_loop_new(EVFLAG_AUTO);
    worker->owns_loop = loop == NULL;
    if (worker->loop == NULL || (worker->owns_loop && !lubdub_loop_can_wait(worker->loop))) {
        return LUBDUB_ERROR_SYSTEM;
    }
    if (getrandom(&worker->random, sizeof worker->random, 0) != (ssize_t)sizeof worker->random) {
        return LUBDUB_ERROR_SYSTEM;
    }
    if (!lubdub_pool_init(&worker->pool, descriptor_limit(), index, server->worker_count)) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    error = lubdub_link_group_init(&worker->group, worker->loop);
    if (error != LUBDUB_ERROR_OK) {
        return error;
    }
    worker->last_proxied = &worker->proxied;
    worker->rules = lubdub_rules_share(server->rules);
    worker->group.settings = &worker->rules->settings.session;
    worker->tuning = tuning_by_default(worker);
    worker->group.may_have_paths = worker->rules->settings.multipath != LUBDUB_MULTIPATH_OFF;
    if (!worker->group.may_have_paths) {          /* a listener of Multipath TCP takes none of it */
        worker->group.inherited = worker->tuning; /* what listeners are given, every accepted socket inherits */
    }
    worker->group.origin = origin_of;
    worker->group.is_proxied = is_proxied;
    worker->group.on_event = on_event;
    worker->group.on_closed = on_closed;
    worker->group.on_visit = on_visit;
    worker->group.traffic = &worker->traffic;
    worker->group.on_paths = on_paths;
    worker->group.on_rest = on_rest;
    set_gather(worker);
    limit_handshakes(worker);
    lubdub_mailbox_init(&worker->mailbox, worker->loop, &worker->group.reactor->waiting, on_wake);
    worker->mailbox.wake.data = worker;
    worker->has_mailbox = true;
    lubdub_drain_init(worker);
    lubdub_trials_init(worker);
    return LUBDUB_ERROR_OK;
}

void lubdub_worker_clear(struct lubdub_worker *worker)
{
    struct lubdub_listener *listener;
    uint32_t i;

    if (worker->loop == NULL) {
        return;
    }
    for (i = 0; i < worker->pool.used; i++) {
        if (worker->pool.records[i].peer != NULL) {
            worker->pool.records[i].peer->is_registered = false; /* the application is told no more events of it */
            lubdub_link_abort(&worker->pool.records[i].link);
            lubdub_record_free(worker, &worker->pool.records[i]);
        }
    }
    while ((listener = worker->listeners) != NULL) {
        worker->listeners = listener->next;
        lubdub_listener_free(listener);
    }
    lubdub_proxied_clear(worker);
    lubdub_opening_clear(worker);
    lubdub_requests_clear(worker);
    if (worker->has_mailbox) {
        lubdub_drain_clear(worker);
        lubdub_trials_clear(worker);
        lubdub_mailbox_clear(&worker->mailbox);
    }
    lubdub_link_group_clear(&worker->group);
    lubdub_pool_clear(&worker->pool);
    lubdub_rules_drop(worker->rules);
    if (worker->spare_descriptor >= 0) {
        close(worker->spare_descriptor);
    }
    if (worker->owns_loop) {
        ev_loop_destroy(worker->loop);
    }
}

static void *run(void *user_data)
{
    struct lubdub_worker *worker = user_data;

    lubdub_own_thread_begin(worker);
    ev_run(worker->loop, 0);
    return NULL;
}

enum lubdub_error lubdub_worker_start(struct lubdub_worker *worker)
{
    struct lubdub_listener *listener;
    int failed;

    worker->first_reserved = lubdub_listener_first_reserved();
    atomic_store(&worker->has_turned, true); /* as if it had been asked: the first question costs no time */
    retune_listeners(worker);
    for (listener = worker->listeners; listener != NULL; listener = listener->next) {
        lubdub_listener_start(listener);
    }
    if (!worker->owns_loop) {
        worker->thread = pthread_self();
        return LUBDUB_ERROR_OK;
    }
    failed = lubdub_thread_start(&worker->thread, run, worker, NULL);
    worker->is_running = failed == 0;
    errno = failed;
    return failed == 0 ? LUBDUB_ERROR_OK : LUBDUB_ERROR_SYSTEM;
}

void lubdub_worker_join(struct lubdub_worker *worker)
{
    if (worker->is_running) {
        lubdub_mailbox_order(&worker->mailbox, LUBDUB_ORDER_STOP);
        pthread_join(worker->thread, NULL);
        worker->is_running = false;
    }
}
