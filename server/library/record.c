/* Ends connections: tells the application, lets the identity go, frees the record. */
#include "server/library/record.h"

#include <string.h>

#include "ev/clock.h"
#include "server/library/grace.h"
#include "server/library/identities.h"
#include "server/library/marks.h"
#include "server/library/opening.h"
#include "server/library/own_data.h"
#include "server/library/peer.h"
#include "server/library/tell.h"

/* A client that uses its allowances as it should owes less than this: nothing is kept of most ends. */
#define USUAL_DEBT_OF_PROBES(interval) (2 * (interval))
#define USUAL_DEBT_OF_MESSAGES (20 * LUBDUB_MILLISECOND)

/* What the session had used, for the next one of its identity or address. */
static void keep_debt(struct lubdub_worker *worker, const struct lubdub_record *record,
                      const struct lubdub_server_event *end)
{
    const struct lubdub_session *session = &record->link.session;
    struct lubdub_debt debt;
    struct lubdub_address address;

    lubdub_session_debts(session, worker->group.settings, end->now, &debt.probes, &debt.messages);
    if (lubdub_session_state(session) >= LUBDUB_SESSION_LEAVING) {
        debt.probes = lubdub_time_between(end->silent_for, debt.probes); /* the session's own clock has stopped */
    }
    if (debt.probes <= USUAL_DEBT_OF_PROBES(lubdub_session_interval(session)) &&
        debt.messages <= USUAL_DEBT_OF_MESSAGES) {
        return;
    }
    lubdub_peer_counted_address(record->peer, worker->server->ipv6_prefix, &address);
    pthread_mutex_lock(&worker->server->lock);
    lubdub_debts_keep(&worker->server->debts, lubdub_peer_identity(record->peer), &address, debt,
                      lubdub_session_expiry(session), end->now);
    pthread_mutex_unlock(&worker->server->lock);
}

static void let_go(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_cause cause)
{
    if (record->peer->is_registered && lubdub_identities_leave(worker, record, cause, lubdub_grace_now(worker))) {
        lubdub_grace_note_change(worker);
    }
}

void lubdub_record_end(struct lubdub_worker *worker, struct lubdub_record *record, struct lubdub_server_event *event)
{
    lubdub_duration connected_at = record->connected_at * LUBDUB_MILLISECOND;
    struct lubdub_label labels[LUBDUB_LABEL_COUNT_LIMIT];

    if (!record->peer->is_session) {
        return;
    }
    record->peer->is_session = false;
    lubdub_mark_unlisted(worker, record);
    atomic_fetch_sub(&worker->server->session_count, 1);
    lubdub_tally_add(&worker->tally.disconnected, 1);
    lubdub_tally_add(&worker->tally.by_cause[event->cause], 1);

    event->kind = LUBDUB_SERVER_DISCONNECTED;
    event->labels = labels;
    event->label_count = lubdub_peer_labels(record->peer, labels);
    event->probes = lubdub_session_probes_received(&record->link.session);
    event->connected_for = lubdub_time_between(connected_at, event->now);
    lubdub_buckets_add(&worker->tally.session, event->connected_for);
    lubdub_server_tell(worker, record, event);
    lubdub_own_data_free(worker, record);
    keep_debt(worker, record, event);
    let_go(worker, record, event->cause); /* only now may the next session have the identity */
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
    let_go(worker, record, LUBDUB_CAUSE_REPLACED);
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
    bool has_retry_after = reason == LUBDUB_REASON_OVERLOADED || reason == LUBDUB_REASON_DRAINING;

    worker->turned_away += !record->peer->is_turned_away;
    record->peer->is_turned_away = true;
    lubdub_link_leave(&record->link, reason, text, has_retry_after, lubdub_record_retry_after(worker));
}

lubdub_duration lubdub_record_retry_after(struct lubdub_worker *worker)
{
    return (1000 + lubdub_worker_random(worker, 1000)) * LUBDUB_MILLISECOND;
}

void lubdub_record_free(struct lubdub_worker *worker, struct lubdub_record *record)
{
    struct lubdub_peer *peer = record->peer;

    lubdub_opening_end(worker, record);
    let_go(worker, record, LUBDUB_CAUSE_REPLACED); /* it waited for its identity, and has died */
    if (peer->counts_address) {
        struct lubdub_address address;

        lubdub_peer_counted_address(peer, worker->server->ipv6_prefix, &address);
        pthread_mutex_lock(&worker->server->lock);
        lubdub_address_counts_remove(&worker->server->addresses, &address);
        pthread_mutex_unlock(&worker->server->lock);
    }
    atomic_fetch_sub_explicit(&worker->tally.connections, 1, memory_order_relaxed);
    worker->turned_away -= peer->is_turned_away;
    lubdub_own_data_free(worker, record);
    lubdub_pool_give_back(&worker->pool, record);
}
