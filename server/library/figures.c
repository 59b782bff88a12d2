/* Sums up the counters of all workers, for any thread and without resetting one. */
#include <lubdub/server.h>

#include <assert.h>
#include <sys/resource.h>

#include "core/shared_field.h"
#include "core/sized.h"
#include "server/library/state.h"

_Static_assert(LUBDUB_SERVER_BOUNDS == LUBDUB_BUCKET_BOUNDS, "one list of bounds");

lubdub_duration lubdub_server_bound(size_t place)
{
    return place < LUBDUB_BUCKET_BOUNDS ? lubdub_bucket_bounds[place] : LUBDUB_TIME_NEVER;
}

static uint64_t tallied(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_buckets(struct lubdub_server_histogram *histogram, const struct lubdub_buckets *buckets)
{
    uint64_t within = 0;
    unsigned i;

    for (i = 0; i < LUBDUB_BUCKET_BOUNDS; i++) {
        within += tallied(&buckets->counts[i]);
        histogram->within[i] += within;
    }
    histogram->count += within + tallied(&buckets->counts[LUBDUB_BUCKET_BOUNDS]);
    histogram->sum += tallied(&buckets->sum);
}

static void add(struct lubdub_server_figures *sum, const struct lubdub_worker *worker)
{
    const struct lubdub_tally *tally = &worker->tally;
    const struct lubdub_reactor *reactor = worker->group.reactor;
    const struct lubdub_transport_counts *tls = &reactor->transports.counts;
    size_t i;

    for (i = 0; i < 3; i++) {
        sum->by_health[i] += tallied(&tally->by_health[i]);
    }
    sum->late += tallied(&tally->late_now);
    sum->connections += tallied(&tally->connections);
    sum->accepted += tallied(&tally->accepted);
    sum->rejected += tallied(&tally->rejected);
    sum->empty += tallied(&tally->empty);
    sum->started += tallied(&tally->connected);
    sum->resumed += tallied(&tally->resumed);
    for (i = 0; i < LUBDUB_CAUSE_CAPACITY; i++) {
        sum->ended_by_cause[i] += tallied(&tally->by_cause[i]);
    }
    sum->gone += tallied(&tally->gone);
    sum->gone_early += tallied(&tally->gone_early);
    sum->became_late += tallied(&tally->late);
    sum->recovered += tallied(&tally->recovered);
    sum->near_misses += tallied(&tally->narrow);
    sum->early_verdicts += tallied(&tally->early_verdicts);
    sum->messages += tallied(&tally->messages);
    sum->messages_dropped += tallied(&tally->messages_dropped);
    sum->stalls += tallied(&reactor->absence_count);
    sum->stalled_for += tallied(&reactor->absence_total);
    sum->suspicions += tallied(&tally->suspicions);
    sum->pauses += tallied(&tally->pauses);
    for (i = 0; i < LUBDUB_SERVER_LIMIT_CAPACITY; i++) {
        sum->by_limit[i] += tallied(&tally->by_limit[i]);
    }
    sum->by_limit[LUBDUB_SERVER_LIMIT_HANDSHAKES] += tallied(&tls->met_most);
    sum->by_limit[LUBDUB_SERVER_LIMIT_HANDSHAKES_PER_TURN] += tallied(&tls->put_off);
    for (i = 0; i < LUBDUB_FRAME_TYPES; i++) {
        sum->frames_received[i] += LUBDUB_FIELD_READ(worker->traffic.frames_received[i]);
        sum->frames_sent[i] += LUBDUB_FIELD_READ(worker->traffic.frames_sent[i]);
    }
    sum->bytes_received += LUBDUB_FIELD_READ(worker->traffic.bytes_received);
    sum->bytes_sent += LUBDUB_FIELD_READ(worker->traffic.bytes_sent);
    sum->tls_accepted += tallied(&tls->made);
    sum->tls_done[0] += tallied(&tls->done_1_2);
    sum->tls_done[1] += tallied(&tls->done_1_3);
    sum->tls_resumed[0] += tallied(&tls->resumed_1_2);
    sum->tls_resumed[1] += tallied(&tls->resumed_1_3);
    sum->tls_failed += tallied(&tls->failed);
    sum->tls_under_way += tallied(&tls->under_way);
    sum->tls_waiting += tallied(&tls->waiting);
    add_buckets(&sum->tls_handshake, &tls->lengths);
    add_buckets(&sum->verdict_lateness, &tally->verdict_lateness);
    add_buckets(&sum->round_trip, &tally->round_trip);
    add_buckets(&sum->turn, &reactor->turns);
    add_buckets(&sum->session, &tally->session);
}

const char *lubdub_server_limit_word(size_t limit)
{
    static const char *const words[] = {
        [LUBDUB_SERVER_LIMIT_SESSIONS] = "sessions",
        [LUBDUB_SERVER_LIMIT_ADDRESS] = "address",
        [LUBDUB_SERVER_LIMIT_OPENING] = "opening",
        [LUBDUB_SERVER_LIMIT_LABELS] = "labels",
        [LUBDUB_SERVER_LIMIT_OUTPUT] = "output",
        [LUBDUB_SERVER_LIMIT_ACCEPTS] = "accepts",
        [LUBDUB_SERVER_LIMIT_DESCRIPTORS] = "descriptors",
        [LUBDUB_SERVER_LIMIT_HANDSHAKES] = "handshakes",
        [LUBDUB_SERVER_LIMIT_HANDSHAKES_PER_TURN] = "handshakes_per_turn",
    };

    return limit < sizeof words / sizeof words[0] ? words[limit] : NULL;
}

void lubdub_server_figures(struct lubdub_server *server, struct lubdub_server_figures *figures)
{
    struct lubdub_server_figures sum = {0};
    struct rlimit limit;
    uint64_t sessions;
    uint32_t i;

    assert(server != NULL && figures != NULL);
    sum.is_draining = atomic_load(&server->is_draining);
    for (i = 0; i < server->worker_count; i++) {
        add(&sum, &server->workers[i]);
    }
    /* A session that comes or goes meanwhile may be counted by one and not by the other. */
    sessions = sum.by_health[0] + sum.by_health[1] + sum.by_health[2];
    sum.late = sum.late < sessions ? sum.late : sessions;
    sum.up = sessions - sum.late;
    sum.descriptors = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
    pthread_mutex_lock(&server->lock);
    sum.away = server->departed.away.count;
    pthread_mutex_unlock(&server->lock);
    lubdub_sized_give(figures, &sum, sizeof sum);
}
