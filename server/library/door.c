/* Admits clients: opens accepted connections, keeps the limits, judges HELLO and registers identities. */
#include "server/library/door.h"

#include <string.h>

#include "ev/clock.h"
#include "ev/socket.h"
#include "server/library/admission.h"
#include "server/library/grace.h"
#include "server/library/peer.h"
#include "server/library/record.h"
#include "server/library/requests.h"
#include "server/library/tell.h"

/* Connections that have not become sessions yet, beyond max_sessions: at least so many are listened to. */
#define SMALLEST_WAITING_ROOM 64

static bool is_full(const struct lubdub_worker *worker)
{
    size_t most = lubdub_worker_settings(worker)->max_sessions;

    return most > 0 && atomic_load(&worker->server->session_count) >= most;
}

/* The session whose identity a newcomer took over. Its own worker ends it. */
static void replace(struct lubdub_worker *worker, uint64_t number)
{
    struct lubdub_server *server = worker->server;
    struct lubdub_worker *owner =
        &server->workers[lubdub_place_worker(lubdub_number_place(number), server->worker_count)];
    struct lubdub_letter *letter;

    if (owner == worker) {
        lubdub_worker_disconnect(worker, number, LUBDUB_REASON_REPLACED, LUBDUB_CAUSE_REPLACED, NULL);
        return;
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_REPLACED);
    if (letter != NULL) {
        letter->session = number;
        lubdub_mailbox_post(&owner->mailbox, letter);
    }
}

/* What registering an identity found out. */
struct registration {
    uint64_t replaced; /* number of the session that it was taken from, or 0 */
    enum lubdub_cause last_end;
    bool is_resumed;
    bool is_older;  /* refused: the session that has the identity started later */
    bool is_full;   /* refused: it would be one session too many */
    bool is_failed; /* refused: no memory */
};

/* The session with the higher incarnation has the identity; on a tie the newcomer (docs/protocol.md, section 5). */
static void register_identity(struct lubdub_worker *worker, struct lubdub_record *record,
                              struct registration *registration)
{
    struct lubdub_server *server = worker->server;
    struct lubdub_slice identity = lubdub_peer_identity(record->peer);
    bool has_grace = lubdub_worker_settings(worker)->grace > 0;
    uint32_t rival_place;

    memset(registration, 0, sizeof *registration);
    pthread_mutex_lock(&server->lock);
    rival_place = lubdub_identity_index_find(&server->identities, identity);
    if (rival_place != LUBDUB_NO_PLACE) {
        /* While the index names it and we hold the lock, its worker cannot give its record back. */
        struct lubdub_worker *owner = &server->workers[lubdub_place_worker(rival_place, server->worker_count)];
        const struct lubdub_record *rival = lubdub_pool_at_place(&owner->pool, rival_place);

        registration->is_older = rival->peer->incarnation > record->peer->incarnation;
        registration->replaced = lubdub_pool_number(&owner->pool, rival);
        registration->is_resumed = has_grace;
        registration->last_end = LUBDUB_CAUSE_REPLACED;
    } else if (is_full(worker)) {
        registration->is_full = true;
    } else {
        registration->last_end =
            lubdub_departed_take(&server->departed, identity, lubdub_grace_now(worker), &registration->is_resumed);
    }
    if (!registration->is_older && !registration->is_full) {
        registration->is_failed =
            !lubdub_identity_index_put(&server->identities, lubdub_pool_place(&worker->pool, record));
        record->peer->is_registered = !registration->is_failed;
    }
    pthread_mutex_unlock(&server->lock);
}

/* Takes over what HELLO said of the client, and registers its identity. False: refused. */
static bool introduce(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *hello,
                      struct lubdub_grant *grant)
{
    struct registration registration;
    struct lubdub_peer *introduced = lubdub_peer_introduce(record->peer, hello->incarnation, &hello->options);

    if (introduced == NULL) {
        lubdub_record_refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED, "no memory is left");
        return false;
    }
    record->peer = introduced;
    if (hello->options.identity.length == 0) {
        if (is_full(worker)) {
            lubdub_record_refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED,
                                 "there are too many sessions");
            return false;
        }
        return true;
    }
    register_identity(worker, record, &registration);
    if (registration.is_older) {
        lubdub_record_refuse(worker, record, LUBDUB_REASON_REPLACED, LUBDUB_CAUSE_REPLACED,
                             "a session with this identity started later");
        return false;
    }
    if (registration.is_full || registration.is_failed) {
        lubdub_record_refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED,
                             registration.is_full ? "there are too many sessions" : "no memory is left");
        return false;
    }
    if (registration.replaced != 0) {
        replace(worker, registration.replaced);
    }
    grant->is_resumed = registration.is_resumed;
    grant->last_end = registration.last_end;
    return true;
}

static void tell_connected(struct lubdub_worker *worker, struct lubdub_record *record, lubdub_time now, bool is_resumed)
{
    struct lubdub_label labels[LUBDUB_LABEL_COUNT_LIMIT];
    struct lubdub_server_event event = {
        .kind = LUBDUB_SERVER_CONNECTED,
        .now = now,
        .interval = lubdub_session_interval(&record->link.session),
        .expiry = lubdub_session_expiry(&record->link.session),
        .is_resumed = is_resumed,
        .labels = labels,
        .label_count = lubdub_peer_labels(record->peer, labels),
    };

    lubdub_server_tell(worker, record, &event);
}

void lubdub_door_admit(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *hello,
                       lubdub_time now)
{
    const struct lubdub_server_settings *settings = lubdub_worker_settings(worker);
    struct lubdub_grant grant = {.session_number = lubdub_pool_number(&worker->pool, record)};

    if (worker->is_draining) {
        lubdub_record_refuse(worker, record, LUBDUB_REASON_DRAINING, LUBDUB_CAUSE_SHUTDOWN, "the server goes away");
        return;
    }
    if (hello->is_anonymous) {
        if (is_full(worker)) {
            lubdub_record_refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED,
                                 "there are too many sessions");
            return;
        }
    } else if (!lubdub_admission_token(settings, hello->options.token)) {
        lubdub_record_refuse(worker, record, LUBDUB_REASON_UNAUTHORIZED, LUBDUB_CAUSE_REJECTED,
                             "the token is not known here");
        return;
    } else if (!introduce(worker, record, hello, &grant)) {
        return;
    }

    lubdub_admission_grant(settings, hello->options.interval_ms * LUBDUB_MILLISECOND,
                           hello->options.expiry_ms * LUBDUB_MILLISECOND, &grant);
    record->connected_at = now / LUBDUB_MILLISECOND & 0xffffffffffff;
    record->peer->is_session = true;
    atomic_fetch_add(&worker->server->session_count, 1);
    lubdub_tally_add(&worker->tally.connected, 1);
    lubdub_link_grant(&record->link, &grant);
    tell_connected(worker, record, now, grant.is_resumed);
}

static bool address_is_crowded(struct lubdub_worker *worker, struct lubdub_record *record,
                               const struct lubdub_address *address)
{
    size_t limit = lubdub_worker_settings(worker)->max_per_address;

    if (limit == 0) {
        return false;
    }
    pthread_mutex_lock(&worker->server->lock);
    record->peer->counts_address = lubdub_address_counts_add(&worker->server->addresses, address, limit);
    pthread_mutex_unlock(&worker->server->lock);
    return !record->peer->counts_address;
}

static bool waiting_room_is_full(const struct lubdub_worker *worker)
{
    size_t most = lubdub_worker_settings(worker)->max_sessions;
    size_t room = most / 100 > SMALLEST_WAITING_ROOM ? most / 100 : SMALLEST_WAITING_ROOM;

    return most > 0 && worker->pool.count > most + room;
}

void lubdub_door_accept(struct lubdub_worker *worker, int socket, const struct lubdub_address *address)
{
    struct lubdub_record *record = lubdub_pool_take(&worker->pool);

    if (record == NULL) {
        lubdub_socket_reset(socket);
        return;
    }
    record->peer = lubdub_peer_new(address);
    if (record->peer == NULL) {
        lubdub_pool_give_back(&worker->pool, record);
        lubdub_socket_reset(socket);
        return;
    }
    record->remote_port = address->port;
    lubdub_tally_add(&worker->tally.accepted, 1);
    lubdub_tally_add(&worker->tally.connections, 1);
    if (lubdub_link_open(&record->link, &worker->group, socket, LUBDUB_ROLE_SERVER, NULL) != LUBDUB_ERROR_OK) {
        lubdub_record_free(worker, record);
        return;
    }
    if (address_is_crowded(worker, record, address)) {
        lubdub_record_refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED,
                             "there are too many connections from this address");
    } else if (waiting_room_is_full(worker)) {
        lubdub_record_refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED,
                             "there are too many sessions");
    }
}
