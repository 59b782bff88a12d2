/* Ends connections: tells the application, takes the identity out of the index, remembers the end, frees the record. */
#include "server/library/record.h"

#include <stdlib.h>
#include <string.h>

#include "ev/clock.h"
#include "server/library/grace.h"
#include "server/library/peer.h"
#include "server/library/tell.h"

/* Takes the identity out of the index, unless another session took it over, and remembers how it ended. */
static void unregister(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_cause cause)
{
    struct lubdub_server *server = worker->server;
    struct lubdub_slice identity = lubdub_peer_identity(record->peer);
    uint32_t place = lubdub_pool_place(&worker->pool, record);
    lubdub_duration grace = lubdub_worker_settings(worker)->grace;
    bool begins_grace = false;

    if (!record->peer->is_registered) {
        return;
    }
    record->peer->is_registered = false;
    pthread_mutex_lock(&server->lock);
    if (lubdub_identity_index_find(&server->identities, identity) == place) {
        lubdub_time now = lubdub_grace_now(worker);

        lubdub_identity_index_remove(&server->identities, place);
        begins_grace = grace > 0 && !worker->is_draining;
        lubdub_departed_add(&server->departed, identity, cause, begins_grace ? lubdub_time_after(now, grace) : 0,
                            lubdub_worker_settings(worker)->remembered_ends);
    }
    pthread_mutex_unlock(&server->lock);
    if (begins_grace) {
        lubdub_grace_note_change(worker);
    }
}

void lubdub_record_end(struct lubdub_worker *worker, struct lubdub_record *record, struct lubdub_server_event *event)
{
    lubdub_duration connected_at = record->connected_at * LUBDUB_MILLISECOND;

    if (!record->peer->is_session) {
        return;
    }
    record->peer->is_session = false;
    atomic_fetch_sub(&worker->server->session_count, 1);
    lubdub_tally_add(&worker->tally.disconnected, 1);
    lubdub_tally_add(&worker->tally.by_cause[event->cause], 1);
    unregister(worker, record, event->cause);

    event->kind = LUBDUB_SERVER_DISCONNECTED;
    event->probes = lubdub_session_probes_received(&record->link.session);
    event->connected_for = lubdub_time_between(connected_at, event->now);
    lubdub_server_tell(worker, record, event);
}

struct lubdub_server_event lubdub_record_new_end(const struct lubdub_record *record, enum lubdub_reason reason,
                                                 enum lubdub_cause cause, const char *text)
{
    struct lubdub_server_event event = {
        .now = lubdub_clock_now(),
        .cause = cause,
        .has_reason = true,
        .reason = reason,
        .text = {text, text != NULL ? strlen(text) : 0},
    };

    event.silent_for = lubdub_time_between(record->link.session.heard_at, event.now);
    return event;
}

void lubdub_record_dismiss(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_reason reason,
                           enum lubdub_cause cause, const char *text, bool has_retry_after, lubdub_duration retry_after)
{
    struct lubdub_server_event event = lubdub_record_new_end(record, reason, cause, text);

    lubdub_record_end(worker, record, &event);
    lubdub_link_leave(&record->link, reason, text, has_retry_after, retry_after);
}

void lubdub_record_reject(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_cause cause,
                          struct lubdub_slice text, bool has_reason, uint64_t reason)
{
    struct lubdub_server_event event = {
        .kind = LUBDUB_SERVER_REJECTED,
        .now = lubdub_clock_now(),
        .cause = cause,
        .text = text,
        .has_reason = has_reason,
        .reason = reason,
    };

    lubdub_tally_add(&worker->tally.rejected, 1);
    lubdub_server_tell(worker, record, &event);
}

void lubdub_record_refuse(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_reason reason,
                          enum lubdub_cause cause, const char *text)
{
    /* Spread, so that clients that were refused together do not come back together. */
    bool has_retry_after = reason == LUBDUB_REASON_OVERLOADED || reason == LUBDUB_REASON_DRAINING;
    lubdub_duration retry_after = (1000 + lubdub_worker_random(worker, 1000)) * LUBDUB_MILLISECOND;

    lubdub_record_reject(worker, record, cause, (struct lubdub_slice){text, strlen(text)}, true, reason);
    lubdub_link_leave(&record->link, reason, text, has_retry_after, retry_after);
}

void lubdub_record_free(struct lubdub_worker *worker, struct lubdub_record *record)
{
    struct lubdub_peer *peer = record->peer;

    if (peer->counts_address) {
        struct lubdub_address address;

        lubdub_peer_address(peer, &address);
        pthread_mutex_lock(&worker->server->lock);
        lubdub_address_counts_remove(&worker->server->addresses, &address);
        pthread_mutex_unlock(&worker->server->lock);
    }
    atomic_fetch_sub_explicit(&worker->tally.connections, 1, memory_order_relaxed);
    lubdub_pool_give_back(&worker->pool, record);
    free(peer);
}
