/* Ends connections: tells the application, lets the identity go, frees the record. */
#include "server/library/record.h"

#include <stdlib.h>
#include <string.h>

#include "ev/clock.h"
#include "server/library/identities.h"
#include "server/library/peer.h"
#include "server/library/tell.h"

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

    event->kind = LUBDUB_SERVER_DISCONNECTED;
    event->probes = lubdub_session_probes_received(&record->link.session);
    event->connected_for = lubdub_time_between(connected_at, event->now);
    lubdub_server_tell(worker, record, event);
    lubdub_identities_leave(worker, record, event->cause); /* only now may the next session have the identity */
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
    lubdub_identities_leave(worker, record, LUBDUB_CAUSE_REPLACED);
}

void lubdub_record_refuse(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_reason reason,
                          enum lubdub_cause cause, const char *text)
{
    lubdub_record_reject(worker, record, cause, (struct lubdub_slice){text, strlen(text)}, true, reason);
    lubdub_record_turn_away(worker, record, reason, text);
}

void lubdub_record_turn_away(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_reason reason,
                             const char *text)
{
    /* Spread, so that clients that were refused together do not come back together. */
    bool has_retry_after = reason == LUBDUB_REASON_OVERLOADED || reason == LUBDUB_REASON_DRAINING;
    lubdub_duration retry_after = (1000 + lubdub_worker_random(worker, 1000)) * LUBDUB_MILLISECOND;

    lubdub_link_leave(&record->link, reason, text, has_retry_after, retry_after);
}

void lubdub_record_free(struct lubdub_worker *worker, struct lubdub_record *record)
{
    struct lubdub_peer *peer = record->peer;

    lubdub_identities_leave(worker, record, LUBDUB_CAUSE_REPLACED); /* it waited for its identity, and has died */
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
