/* Makes, starts, reconfigures and frees a server: its workers and its ports. */
#define _GNU_SOURCE
#include <lubdub/server.h>

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/sized.h"
#include "server/library/grace.h"
#include "server/library/listener.h"
#include "server/library/own_thread.h"
#include "server/library/peer.h"
#include "server/library/requests.h"
#include "server/library/tell.h"
#include "server/library/worker.h"

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
    void (*on_freed)(void *user_data) = server->on_freed;
    void *user_data = server->user_data;
    uint32_t i;

    for (i = 0; i < server->worker_count && server->workers != NULL; i++) {
        lubdub_worker_join(&server->workers[i]);
    }
    if (server->workers != NULL && server->workers[0].group.reactor != NULL) {
        lubdub_grace_stop_timer(server);
    }
    for (i = 0; i < server->worker_count && server->workers != NULL; i++) {
        lubdub_worker_clear(&server->workers[i]);
    }
    lubdub_identity_index_clear(&server->identities);
    lubdub_departed_clear(&server->departed);
    lubdub_address_counts_clear(&server->addresses);
    lubdub_debts_clear(&server->debts);
    lubdub_contests_clear(&server->contests);
    lubdub_rules_drop(server->rules);
    pthread_mutex_destroy(&server->lock);
    free(server->workers);
    free(server);
    if (on_freed != NULL) {
        on_freed(user_data);
    }
}

enum lubdub_error lubdub_server_new(struct lubdub_server **server, struct ev_loop *loop,
                                    const struct lubdub_server_settings *settings, lubdub_server_callback callback,
                                    void *user_data)
{
    struct lubdub_server_settings known;
    struct lubdub_server *made;
    uint64_t keys[4]; /* of identities, of proofs */
    enum lubdub_error error = LUBDUB_ERROR_NO_MEMORY;
    int failure;
    uint32_t i;

    if (server == NULL || loop == NULL || lubdub_server_settings_adopt(&known, settings) != NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    if (getrandom(keys, sizeof keys, 0) != (ssize_t)sizeof keys) {
        return LUBDUB_ERROR_SYSTEM;
    }
    if (known.proof_key != NULL) {
        memcpy(&keys[2], known.proof_key, sizeof made->token_key);
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
    memcpy(made->token_key, &keys[2], sizeof made->token_key);
    made->rules = lubdub_rules_new(&known, made->token_key);
    made->ipv6_prefix = known.ipv6_prefix;
    made->dispose = free_now;
    lubdub_grace_init(made);
    lubdub_identity_index_init(&made->identities, keys[0], keys[1], identity_of_place, made);
    lubdub_departed_init(&made->departed, keys[0], keys[1]);
    if (made->workers == NULL || made->rules == NULL) {
        goto fail;
    }
    for (i = 0; i < made->worker_count; i++) {
        error = lubdub_worker_init(&made->workers[i], made, i, i == 0 ? loop : NULL);
        if (error != LUBDUB_ERROR_OK) {
            goto fail;
        }
    }
    made->on_freed = known.on_freed;
    made->free_data = known.free_data;
    *server = made;
    return LUBDUB_ERROR_OK;

fail:
    failure = errno;
    free_now(made);
    errno = failure;
    return error;
}

enum lubdub_error lubdub_server_free(struct lubdub_server *server)
{
    const struct lubdub_worker *own;

    if (server == NULL) {
        return LUBDUB_ERROR_OK;
    }
    own = lubdub_own_thread_worker(server);
    if ((own != NULL && own->index > 0) || server->is_doomed) {
        return LUBDUB_ERROR_WRONG_STATE; /* a thread cannot wait for its own end */
    }
    if (server->depth > 0 || server->workers[0].group.step_count > 0) {
        server->is_doomed = true; /* one of its callbacks is running */
        return LUBDUB_ERROR_LATER;
    }
    free_now(server);
    return LUBDUB_ERROR_OK;
}

/* ---- listening ---- */

static void add_listener(struct lubdub_worker *worker, struct lubdub_listener *listener)
{
    listener->next = worker->listeners;
    worker->listeners = listener;
    worker->listener_count++;
}

/* The same address for every worker, each with a socket of its own. */
static enum lubdub_error listen_everywhere(struct lubdub_server *server, struct lubdub_address *address, bool is_tls)
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
        listener->is_tls = is_tls;
        add_listener(worker, listener);
    }
    if (server->port == 0) {
        server->port = address->port;
    }
    return LUBDUB_ERROR_OK;
}

/* Closes what was bound since every worker had so many listeners. */
static void unbind(struct lubdub_server *server, uint32_t before)
{
    uint32_t i;

    for (i = 0; i < server->worker_count; i++) {
        struct lubdub_worker *worker = &server->workers[i];

        while (worker->listener_count > before) {
            struct lubdub_listener *listener = worker->listeners;

            worker->listeners = listener->next;
            worker->listener_count--;
            lubdub_listener_free(listener);
        }
    }
    if (before == 0) {
        server->port = 0;
    }
}

static enum lubdub_error listen_to_both(struct lubdub_server *server, uint16_t port, bool is_tls)
{
    struct lubdub_address address;
    uint32_t before = server->workers[0].listener_count;
    enum lubdub_error first;
    enum lubdub_error second;

    lubdub_address_parse(&address, "0.0.0.0", port);
    first = listen_everywhere(server, &address, is_tls);
    if (first != LUBDUB_ERROR_OK) {
        unbind(server, before);
        if (first != LUBDUB_ERROR_ADDRESS) {
            return first;
        }
    }
    before = server->workers[0].listener_count;
    lubdub_address_parse(&address, "::", port > 0 ? port : address.port);
    second = listen_everywhere(server, &address, is_tls);
    if (second != LUBDUB_ERROR_OK) {
        unbind(server, before);
    }
    /* A machine may lack one family; one of them suffices. */
    return second == LUBDUB_ERROR_ADDRESS || second == LUBDUB_ERROR_SYSTEM ? first : second;
}

/* All or nothing. */
static enum lubdub_error listen_to(struct lubdub_server *server, const char *host, uint16_t port, bool is_tls)
{
    const uint32_t before = server->workers[0].listener_count;
    struct lubdub_address address;
    enum lubdub_error error;

    if (server->is_started) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    if (host == NULL) {
        error = listen_to_both(server, port, is_tls);
    } else {
        error = lubdub_address_parse(&address, host, port) ? listen_everywhere(server, &address, is_tls)
                                                           : LUBDUB_ERROR_ADDRESS;
    }
    if (error != LUBDUB_ERROR_OK) {
        unbind(server, before);
    }
    return error;
}

static enum lubdub_error adopt_listener(struct lubdub_server *server, int socket, bool is_tls)
{
    enum lubdub_error error = LUBDUB_ERROR_OK;
    struct lubdub_address address;
    uint32_t before;
    uint32_t i;

    before = server->workers[0].listener_count;
    if (server->is_started) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    for (i = 0; i < server->worker_count && error == LUBDUB_ERROR_OK; i++) {
        struct lubdub_listener *listener;

        error = lubdub_listener_adopt(&listener, &server->workers[i], socket, &address);
        if (error == LUBDUB_ERROR_OK) {
            listener->is_tls = is_tls;
            add_listener(&server->workers[i], listener);
        }
    }
    if (error != LUBDUB_ERROR_OK) {
        unbind(server, before);
    } else if (server->port == 0) {
        server->port = address.port;
    }
    return error;
}

enum lubdub_error lubdub_server_adopt_listener(struct lubdub_server *server, int socket)
{
    return server != NULL ? adopt_listener(server, socket, false) : LUBDUB_ERROR_INVALID;
}

enum lubdub_error lubdub_server_adopt_listener_tls(struct lubdub_server *server, int socket)
{
    enum lubdub_error error;

    if (server == NULL || server->rules->settings.tls == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    error = adopt_listener(server, socket, true);
    server->listens_to_tls = server->listens_to_tls || error == LUBDUB_ERROR_OK;
    return error;
}

enum lubdub_error lubdub_server_listen(struct lubdub_server *server, const char *host, uint16_t port)
{
    return server != NULL ? listen_to(server, host, port, false) : LUBDUB_ERROR_INVALID;
}

enum lubdub_error lubdub_server_listen_tls(struct lubdub_server *server, const char *host, uint16_t port)
{
    enum lubdub_error error;

    if (server == NULL || server->rules->settings.tls == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    error = listen_to(server, host, port, true);
    server->listens_to_tls = server->listens_to_tls || error == LUBDUB_ERROR_OK;
    return error;
}

uint16_t lubdub_server_port(const struct lubdub_server *server)
{
    assert(server != NULL);
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
            .is_tls = listener->is_tls,
        };

        lubdub_server_tell(&server->workers[0], NULL, &event);
    }
}

enum lubdub_error lubdub_server_start(struct lubdub_server *server)
{
    uint32_t i;

    if (server == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
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

/* ---- settings and counts, from any thread ---- */

enum lubdub_error lubdub_server_reconfigure(struct lubdub_server *server, const struct lubdub_server_settings *settings)
{
    struct lubdub_server_settings known;
    struct lubdub_rules *rules;
    struct lubdub_rules *old;
    uint32_t i;

    if (server == NULL || lubdub_server_settings_adopt(&known, settings) != NULL ||
        (server->listens_to_tls && known.tls == NULL)) {
        return LUBDUB_ERROR_INVALID;
    }
    rules = lubdub_rules_new(&known, server->token_key);
    if (rules == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    pthread_mutex_lock(&server->lock);
    old = server->rules;
    server->rules = rules;
    pthread_mutex_unlock(&server->lock);
    lubdub_rules_drop(old);
    for (i = 0; i < server->worker_count; i++) {
        lubdub_mailbox_order(&server->workers[i].mailbox, LUBDUB_ORDER_RULES);
    }
    return LUBDUB_ERROR_OK;
}

bool lubdub_server_has_turned(struct lubdub_server *server)
{
    uint32_t i;

    for (i = 0; i < server->worker_count; i++) {
        if (!atomic_load(&server->workers[i].has_turned)) {
            return false;
        }
    }
    for (i = 0; i < server->worker_count; i++) {
        atomic_store(&server->workers[i].has_turned, false);
        lubdub_mailbox_order(&server->workers[i].mailbox, LUBDUB_ORDER_TURN);
    }
    return true;
}

static uint64_t tallied(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void lubdub_server_counts(struct lubdub_server *server, struct lubdub_server_counts *counts)
{
    struct lubdub_server_counts sum = {0};
    bool wants_recent;
    bool wants_work;
    uint32_t i;
    size_t cause;
    size_t limit;

    assert(server != NULL && counts != NULL);
    sum.sessions = atomic_load(&server->session_count);
    wants_recent = LUBDUB_SIZED_HAS(counts->size, struct lubdub_server_counts, longest_recent_turn);
    wants_work = LUBDUB_SIZED_HAS(counts->size, struct lubdub_server_counts, longest_recent_work);
    for (i = 0; i < server->worker_count; i++) {
        const struct lubdub_tally *tally = &server->workers[i].tally;
        struct lubdub_reactor *reactor = server->workers[i].group.reactor;
        const struct lubdub_transport_counts *tls = &reactor->transports.counts;

        sum.connections += tallied(&tally->connections);
        sum.accepted += tallied(&tally->accepted);
        sum.connected += tallied(&tally->connected);
        sum.disconnected += tallied(&tally->disconnected);
        sum.rejected += tallied(&tally->rejected);
        sum.empty += tallied(&tally->empty);
        sum.late += tallied(&tally->late);
        sum.messages += tallied(&tally->messages);
        sum.messages_dropped += tallied(&tally->messages_dropped);
        sum.gone_early += tallied(&tally->gone_early);
        sum.narrow += tallied(&tally->narrow);
        sum.suspicions += tallied(&tally->suspicions);
        sum.tls_1_2 += tallied(&tls->done_1_2);
        sum.tls_1_3 += tallied(&tls->done_1_3);
        sum.tls_failed += tallied(&tls->failed);
        sum.tls_under_way += tallied(&tls->under_way);
        sum.tls_waiting += tallied(&tls->waiting);
        sum.absences += tallied(&reactor->absence_count);
        sum.absent_for += tallied(&reactor->absence_total);
        sum.longest_turn = lubdub_duration_longer(sum.longest_turn, tallied(&reactor->longest_turn));
        if (wants_recent) { /* an older caller does not get it, and does not take it from another one */
            sum.longest_recent_turn =
                lubdub_duration_longer(sum.longest_recent_turn, atomic_exchange(&reactor->longest_recent_turn, 0));
        }
        if (wants_work) {
            sum.longest_recent_work =
                lubdub_duration_longer(sum.longest_recent_work, atomic_exchange(&reactor->longest_recent_work, 0));
        }
        for (limit = 0; limit < LUBDUB_SERVER_LIMIT_CAPACITY; limit++) {
            sum.by_limit[limit] += tallied(&tally->by_limit[limit]);
        }
        sum.by_limit[LUBDUB_SERVER_LIMIT_HANDSHAKES] += tallied(&tls->met_most);
        sum.by_limit[LUBDUB_SERVER_LIMIT_HANDSHAKES_PER_TURN] += tallied(&tls->put_off);
        for (cause = 0; cause < LUBDUB_CAUSE_CAPACITY; cause++) {
            sum.by_cause[cause] += tallied(&tally->by_cause[cause]);
        }
    }
    lubdub_sized_give(counts, &sum, sizeof sum);
}
