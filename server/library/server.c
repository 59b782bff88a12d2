/* A server's life: its workers, its ports, its drain, and the way of events to the application. */
#define _GNU_SOURCE
#include <lubdub/server.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/sized.h"
#include "ev/clock.h"
#include "ev/container_of.h"
#include "server/library/peer.h"
#include "server/library/server_internal.h"

/* ---- events ---- */

char *lubdub_server_event_remote(const struct lubdub_server_event *event, char *target)
{
    if (event->remote == NULL) {
        target[0] = '\0';
        return target;
    }
    return lubdub_address_format(event->remote, target);
}

void lubdub_server_tell(struct lubdub_worker *worker, struct lubdub_record *record, struct lubdub_server_event *event)
{
    struct lubdub_server *server = worker->server;
    struct lubdub_address remote;

    if (server->callback == NULL || server->is_doomed) {
        return;
    }
    if (event->now == 0) {
        event->now = lubdub_clock_now();
    }
    if (record != NULL) {
        lubdub_peer_address(record->peer, &remote);
        remote.port = (uint16_t)record->remote_port;
        event->remote = &remote;
        event->identity = lubdub_peer_identity(record->peer);
        event->session = event->kind == LUBDUB_SERVER_REJECTED ? 0 : lubdub_pool_number(&worker->pool, record);
    }
    server->callback(server, event, server->user_data);
}

/* An event that is about nobody, told by worker 0. */
static void tell_of_server(struct lubdub_server *server, enum lubdub_server_event_kind kind)
{
    struct lubdub_server_event event = {.kind = kind};

    lubdub_server_tell(&server->workers[0], NULL, &event);
}

/* ---- grace ---- */

lubdub_time lubdub_worker_grace_now(const struct lubdub_worker *worker)
{
    return lubdub_clock_now() - worker->server->workers[0].group.reactor->absence_total;
}

void lubdub_server_mind_grace(struct lubdub_server *server)
{
    struct lubdub_worker *worker = &server->workers[0];
    lubdub_time now;
    lubdub_time deadline;

    lubdub_reactor_now(worker->group.reactor); /* notes whether we were away */
    now = lubdub_worker_grace_now(worker);

    pthread_mutex_lock(&server->lock);
    deadline = lubdub_departed_deadline(&server->departed);
    pthread_mutex_unlock(&server->lock);

    ev_timer_stop(worker->loop, &server->grace);
    if (deadline != LUBDUB_TIME_NEVER) {
        ev_now_update(worker->loop);
        ev_timer_set(&server->grace, (ev_tstamp)lubdub_time_between(now, deadline) / (ev_tstamp)LUBDUB_SECOND, 0);
        ev_timer_start(worker->loop, &server->grace);
    }
}

void lubdub_worker_mind_grace(struct lubdub_worker *worker)
{
    struct lubdub_letter *letter;

    if (worker->index == 0) {
        lubdub_server_mind_grace(worker->server);
        return;
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_GRACE);
    if (letter != NULL) {
        lubdub_mailbox_post(&worker->server->workers[0].mailbox, letter);
    }
}

static bool pop_gone(struct lubdub_server *server, char *identity, size_t *length)
{
    bool is_gone;

    pthread_mutex_lock(&server->lock);
    is_gone =
        lubdub_departed_pop_gone(&server->departed, lubdub_worker_grace_now(&server->workers[0]), identity, length);
    pthread_mutex_unlock(&server->lock);
    return is_gone;
}

static void on_grace_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_server *server = container_of(timer, struct lubdub_server, grace);
    struct lubdub_worker *worker = &server->workers[0];
    char identity[LUBDUB_IDENTITY_LIMIT];
    size_t length;
    unsigned told;
    (void)loop, (void)revents;

    lubdub_worker_enter(worker);
    lubdub_server_mind_grace(server);
    for (told = 0; told < LUBDUB_REACHED_PER_TURN && !server->is_doomed && pop_gone(server, identity, &length);
         told++) {
        struct lubdub_server_event event = {.kind = LUBDUB_SERVER_GONE, .identity = {identity, length}};

        lubdub_server_tell(worker, NULL, &event);
    }
    if (!server->is_doomed) {
        lubdub_server_mind_grace(server);
    }
    lubdub_worker_leave(worker);
}

/* ---- life ---- */

/* For the identity index, under the lock. */
static struct lubdub_slice identity_of_place(uint32_t place, const void *user_data)
{
    const struct lubdub_server *server = user_data;
    const struct lubdub_worker *worker = &server->workers[lubdub_place_worker(place, server->worker_count)];

    return lubdub_peer_identity(lubdub_pool_at_place(&worker->pool, place)->peer);
}

static uint32_t count_of_workers(unsigned wanted)
{
    cpu_set_t processors;

    if (wanted > 0) {
        return wanted;
    }
    return sched_getaffinity(0, sizeof processors, &processors) == 0 ? (uint32_t)CPU_COUNT(&processors) : 1;
}

static void free_now(struct lubdub_server *server)
{
    uint32_t i;

    for (i = 0; i < server->worker_count && server->workers != NULL; i++) {
        lubdub_worker_join(&server->workers[i]);
    }
    if (server->workers != NULL && server->workers[0].loop != NULL) {
        ev_timer_stop(server->workers[0].loop, &server->grace);
    }
    for (i = 0; i < server->worker_count && server->workers != NULL; i++) {
        lubdub_worker_clear(&server->workers[i]);
    }
    lubdub_identity_index_clear(&server->identities);
    lubdub_departed_clear(&server->departed);
    lubdub_address_counts_clear(&server->addresses);
    lubdub_rules_drop(server->rules);
    pthread_mutex_destroy(&server->lock);
    free(server->workers);
    free(server);
}

enum lubdub_error lubdub_server_new(struct lubdub_server **server, struct ev_loop *loop,
                                    const struct lubdub_server_settings *settings, lubdub_server_callback callback,
                                    void *user_data)
{
    struct lubdub_server_settings known;
    struct lubdub_server *made;
    uint64_t key[2];
    enum lubdub_error error = LUBDUB_ERROR_NO_MEMORY;
    uint32_t i;

    if (loop == NULL || lubdub_server_settings_adopt(&known, settings) != NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key) {
        return LUBDUB_ERROR_SYSTEM;
    }
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    pthread_mutex_init(&made->lock, NULL);
    made->callback = callback;
    made->user_data = user_data;
    made->worker_count = count_of_workers(known.workers);
    made->workers = calloc(made->worker_count, sizeof *made->workers);
    made->rules = lubdub_rules_new(&known);
    ev_timer_init(&made->grace, on_grace_over, 0, 0);
    lubdub_identity_index_init(&made->identities, key[0], key[1], identity_of_place, made);
    if (made->workers == NULL || made->rules == NULL) {
        goto fail;
    }
    for (i = 0; i < made->worker_count; i++) {
        error = lubdub_worker_init(&made->workers[i], made, i, i == 0 ? loop : NULL);
        if (error != LUBDUB_ERROR_OK) {
            goto fail;
        }
    }
    *server = made;
    return LUBDUB_ERROR_OK;

fail:
    free_now(made);
    return error;
}

void lubdub_worker_enter(struct lubdub_worker *worker)
{
    if (worker->index == 0) {
        worker->server->depth++;
    }
}

void lubdub_worker_leave(struct lubdub_worker *worker)
{
    struct lubdub_server *server = worker->server;

    if (worker->index == 0 && --server->depth == 0 && server->is_doomed && worker->group.step_count == 0) {
        free_now(server);
    }
}

void lubdub_server_free(struct lubdub_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->depth > 0 || server->workers[0].group.step_count > 0) {
        server->is_doomed = true; /* we are inside one of its callbacks */
        return;
    }
    free_now(server);
}

/* ---- listening ---- */

/* The same address for every worker, each with a socket of its own. */
static enum lubdub_error listen_everywhere(struct lubdub_server *server, struct lubdub_address *address)
{
    bool shares_port = server->rules->settings.shares_port;
    uint32_t i;

    for (i = 0; i < server->worker_count; i++) {
        struct lubdub_worker *worker = &server->workers[i];
        struct lubdub_listener *listener;
        bool is_first = i == 0;
        enum lubdub_error error = lubdub_listener_new(&listener, worker, address, shares_port || !is_first,
                                                      is_first && server->worker_count > 1);

        if (error != LUBDUB_ERROR_OK) {
            return error;
        }
        listener->next = worker->listeners;
        worker->listeners = listener;
    }
    if (server->port == 0) {
        server->port = address->port;
    }
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_server_listen(struct lubdub_server *server, const char *host, uint16_t port)
{
    struct lubdub_address address;
    enum lubdub_error error;
    enum lubdub_error other;

    if (server->is_started) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    if (host != NULL) {
        return lubdub_address_parse(&address, host, port) ? listen_everywhere(server, &address) : LUBDUB_ERROR_ADDRESS;
    }
    lubdub_address_parse(&address, "0.0.0.0", port);
    error = listen_everywhere(server, &address);
    if (error != LUBDUB_ERROR_OK && error != LUBDUB_ERROR_ADDRESS) {
        return error;
    }
    lubdub_address_parse(&address, "::", port > 0 ? port : server->port);
    other = listen_everywhere(server, &address);
    /* A machine may lack one family; one of them suffices. */
    return other == LUBDUB_ERROR_ADDRESS || other == LUBDUB_ERROR_SYSTEM ? error : other;
}

uint16_t lubdub_server_port(const struct lubdub_server *server)
{
    return server->port;
}

static void tell_listening(struct lubdub_server *server)
{
    const struct lubdub_listener *listener;

    for (listener = server->workers[0].listeners; listener != NULL; listener = listener->next) {
        char text[LUBDUB_ADDRESS_TEXT_SIZE];
        struct lubdub_server_event event = {
            .kind = LUBDUB_SERVER_LISTENING,
            .address = lubdub_address_format(&listener->address, text),
        };

        lubdub_server_tell(&server->workers[0], NULL, &event);
    }
}

enum lubdub_error lubdub_server_start(struct lubdub_server *server)
{
    uint32_t i;

    if (server->is_started) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    server->is_started = true;
    for (i = 0; i < server->worker_count; i++) {
        enum lubdub_error error = lubdub_worker_start(&server->workers[i]);

        if (error != LUBDUB_ERROR_OK) {
            return error;
        }
    }
    lubdub_worker_enter(&server->workers[0]);
    tell_listening(server);
    lubdub_worker_leave(&server->workers[0]);
    return LUBDUB_ERROR_OK;
}

/* ---- from any thread ---- */

static struct lubdub_worker *worker_of(struct lubdub_server *server, uint64_t session)
{
    return &server->workers[lubdub_place_worker(lubdub_number_place(session), server->worker_count)];
}

enum lubdub_error lubdub_server_send(struct lubdub_server *server, uint64_t session, const void *content, size_t length)
{
    struct lubdub_worker *worker = worker_of(server, session);
    struct lubdub_letter *letter;

    if (session == 0) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    if (lubdub_worker_is_own_thread(worker)) {
        return lubdub_worker_send(worker, session, content, length);
    }
    if (length > LUBDUB_CONTENT_LIMIT) {
        return LUBDUB_ERROR_TOO_LONG;
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_SEND);
    if (letter == NULL || (letter->parcel = lubdub_parcel_new(content, length)) == NULL) {
        lubdub_letter_free(letter);
        return LUBDUB_ERROR_NO_MEMORY;
    }
    letter->session = session;
    lubdub_mailbox_post(&worker->mailbox, letter);
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_server_broadcast(struct lubdub_server *server, const void *content, size_t length)
{
    struct lubdub_parcel *parcel;
    enum lubdub_error error = LUBDUB_ERROR_OK;
    uint32_t i;

    if (length > LUBDUB_CONTENT_LIMIT) {
        return LUBDUB_ERROR_TOO_LONG;
    }
    parcel = lubdub_parcel_new(content, length);
    if (parcel == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    for (i = 0; i < server->worker_count; i++) {
        struct lubdub_letter *letter = lubdub_letter_new(LUBDUB_LETTER_BROADCAST);

        if (letter == NULL) {
            error = LUBDUB_ERROR_NO_MEMORY;
            break;
        }
        atomic_fetch_add(&parcel->references, 1);
        letter->parcel = parcel;
        lubdub_mailbox_post(&server->workers[i].mailbox, letter);
    }
    lubdub_parcel_drop(parcel);
    return error;
}

enum lubdub_error lubdub_server_disconnect(struct lubdub_server *server, uint64_t session, enum lubdub_reason reason,
                                           const char *text)
{
    struct lubdub_worker *worker = worker_of(server, session);
    struct lubdub_letter *letter;

    if (session == 0) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    if (lubdub_worker_is_own_thread(worker)) {
        return lubdub_worker_dismiss(worker, session, reason, text);
    }
    letter = lubdub_letter_to_end(LUBDUB_LETTER_DISCONNECT, session, reason, text);
    if (letter == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    lubdub_mailbox_post(&worker->mailbox, letter);
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_server_regrant(struct lubdub_server *server, uint64_t session, lubdub_duration interval,
                                        lubdub_duration expiry)
{
    struct lubdub_worker *worker = worker_of(server, session);
    struct lubdub_letter *letter;

    if (session == 0) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    if (lubdub_worker_is_own_thread(worker)) {
        return lubdub_worker_regrant(worker, session, interval, expiry);
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_REGRANT);
    if (letter == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    letter->session = session;
    letter->interval = interval;
    letter->expiry = expiry;
    lubdub_mailbox_post(&worker->mailbox, letter);
    return LUBDUB_ERROR_OK;
}

/* The same letter to all workers from this one on. Without memory those who get none go on as before. */
static void post_to_all(struct lubdub_server *server, uint32_t first, enum lubdub_letter_kind kind,
                        lubdub_duration patience)
{
    uint32_t i;

    for (i = first; i < server->worker_count; i++) {
        struct lubdub_letter *letter = lubdub_letter_new(kind);

        if (letter != NULL) {
            letter->patience = patience;
            lubdub_mailbox_post(&server->workers[i].mailbox, letter);
        }
    }
}

void lubdub_server_drain(struct lubdub_server *server, lubdub_duration patience)
{
    struct lubdub_letter *letter = lubdub_letter_new(LUBDUB_LETTER_DRAIN);

    if (letter != NULL) {
        letter->patience = patience;
        lubdub_mailbox_post(&server->workers[0].mailbox, letter);
    }
}

void lubdub_server_begin_drain(struct lubdub_server *server, lubdub_duration patience)
{
    if (!server->workers[0].is_draining) {
        tell_of_server(server, LUBDUB_SERVER_DRAINING);
    }
    post_to_all(server, 1, LUBDUB_LETTER_DRAIN, patience);
}

void lubdub_server_note_drained(struct lubdub_server *server)
{
    server->drained_count++;
    if (server->drained_count == server->worker_count) {
        ev_timer_stop(server->workers[0].loop, &server->grace); /* nothing follows STOPPED */
        tell_of_server(server, LUBDUB_SERVER_STOPPED);
    }
}

enum lubdub_error lubdub_server_reconfigure(struct lubdub_server *server, const struct lubdub_server_settings *settings)
{
    struct lubdub_server_settings known;
    struct lubdub_rules *rules;
    struct lubdub_rules *old;

    if (lubdub_server_settings_adopt(&known, settings) != NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    rules = lubdub_rules_new(&known);
    if (rules == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    pthread_mutex_lock(&server->lock);
    old = server->rules;
    server->rules = rules;
    pthread_mutex_unlock(&server->lock);
    lubdub_rules_drop(old);
    post_to_all(server, 0, LUBDUB_LETTER_RULES, 0);
    return LUBDUB_ERROR_OK;
}

static uint64_t tallied(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void lubdub_server_counts(struct lubdub_server *server, struct lubdub_server_counts *counts)
{
    struct lubdub_server_counts sum = {.sessions = atomic_load(&server->session_count)};
    bool wants_recent = LUBDUB_SIZED_HAS(counts->size, struct lubdub_server_counts, longest_recent_turn);
    uint32_t i;
    size_t cause;

    for (i = 0; i < server->worker_count; i++) {
        const struct lubdub_tally *tally = &server->workers[i].tally;
        struct lubdub_reactor *reactor = server->workers[i].group.reactor;

        sum.connections += tallied(&tally->connections);
        sum.accepted += tallied(&tally->accepted);
        sum.connected += tallied(&tally->connected);
        sum.disconnected += tallied(&tally->disconnected);
        sum.rejected += tallied(&tally->rejected);
        sum.empty += tallied(&tally->empty);
        sum.late += tallied(&tally->late);
        sum.messages += tallied(&tally->messages);
        sum.messages_dropped += tallied(&tally->messages_dropped);
        sum.narrow += tallied(&tally->narrow);
        sum.suspicions += tallied(&tally->suspicions);
        sum.absences += tallied(&reactor->absence_count);
        sum.absent_for += tallied(&reactor->absence_total);
        sum.longest_turn = lubdub_duration_longer(sum.longest_turn, tallied(&reactor->longest_turn));
        if (wants_recent) { /* an older caller does not get it, and takes it from nobody */
            sum.longest_recent_turn =
                lubdub_duration_longer(sum.longest_recent_turn, atomic_exchange(&reactor->longest_recent_turn, 0));
        }
        for (cause = 0; cause < LUBDUB_CAUSE_CAPACITY; cause++) {
            sum.by_cause[cause] += tallied(&tally->by_cause[cause]);
        }
    }
    lubdub_sized_give(counts, &sum, sizeof sum);
}
