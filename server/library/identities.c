/* Gives identities to sessions under the server's lock, and releases connections that wait for one. */
#include "server/library/identities.h"

#include <string.h>

#include "ev/clock.h"
#include "ev/socket.h"
#include "server/library/peer.h"

/* The values of `follows` that are no places of records. */
#define FOLLOWS_NOBODY LUBDUB_NO_PLACE
#define FOLLOWS_GONE (LUBDUB_NO_PLACE - 1) /* the identity that is just told to be gone */

/* A letter to a connection that need not wait any more; posted when the lock is open again. */
struct release {
    struct lubdub_worker *owner; /* NULL: no connection waits */
    uint64_t session;
};

/* While the index names the place and we hold the lock, its worker cannot give its record back. */
static struct lubdub_record *record_at(struct lubdub_server *server, uint32_t place, struct lubdub_worker **owner)
{
    *owner = &server->workers[lubdub_place_worker(place, server->worker_count)];
    return lubdub_pool_at_place(&(*owner)->pool, place);
}

static bool is_told_gone(const struct lubdub_server *server, struct lubdub_slice identity)
{
    return identity.length > 0 && identity.length == server->gone_length &&
           memcmp(identity.data, server->gone, identity.length) == 0;
}

static bool is_full(const struct lubdub_worker *worker)
{
    size_t most = lubdub_worker_settings(worker)->max_sessions;

    return most > 0 && atomic_load(&worker->server->session_count) >= most;
}

/* The higher incarnation; on a tie the connection that was accepted later, whichever HELLO is processed first. */
static bool beats(const struct lubdub_peer *newcomer, const struct lubdub_peer *holder)
{
    uint64_t incarnation = lubdub_peer_incarnation(newcomer);
    uint64_t holders = lubdub_peer_incarnation(holder);

    if (incarnation != holders) {
        return incarnation > holders;
    }
    return (int32_t)(newcomer->accepted - holder->accepted) > 0; /* it goes round */
}

static void take(struct lubdub_worker *worker, struct lubdub_record *record, uint32_t follows,
                 struct lubdub_claim *claim)
{
    if (!lubdub_identity_index_put(&worker->server->identities, lubdub_pool_place(&worker->pool, record))) {
        claim->result = LUBDUB_CLAIM_NO_MEMORY;
        return;
    }
    record->peer->is_registered = true;
    record->peer->follows = follows;
    claim->result = follows == FOLLOWS_NOBODY ? LUBDUB_CLAIM_GRANTED : LUBDUB_CLAIM_WAITS;
}

/*
 * Whether the holder was let in by another proof. One that came when no proof was asked for gives way to any proof, and
 * one that came with a token gives way to all when tokens are not asked for any more. A certificate protects its
 * session in any case.
 */
static bool is_foreign(const struct lubdub_worker *worker, const struct lubdub_peer *newcomer,
                       const struct lubdub_peer *holder)
{
    uint64_t proof = lubdub_peer_proof(holder);

    bool counts = holder->is_certified || lubdub_tokens_are_asked_for(&worker->rules->tokens);

    return counts && proof != 0 && proof != lubdub_peer_proof(newcomer);
}

static void claim_from(struct lubdub_worker *worker, struct lubdub_record *record, uint32_t place, uint64_t beaten,
                       struct lubdub_claim *claim)
{
    struct lubdub_server *server = worker->server;
    struct lubdub_worker *owner;
    const struct lubdub_record *holder = record_at(server, place, &owner);
    uint64_t hash = lubdub_identity_hash(server->identities.key, lubdub_peer_identity(record->peer));

    claim->holder = lubdub_pool_number(&owner->pool, holder);
    if (lubdub_socket_has_ended(record->link.io.fd)) {
        claim->result = LUBDUB_CLAIM_ENDED;
    } else if (is_foreign(worker, record->peer, holder->peer)) {
        claim->result = LUBDUB_CLAIM_FOREIGN;
    } else if (claim->holder != beaten && !beats(record->peer, holder->peer)) {
        claim->result = LUBDUB_CLAIM_CONTESTED;
    } else if (!lubdub_contests_allow(&server->contests, hash, lubdub_clock_now(), &claim->is_news)) {
        claim->result = LUBDUB_CLAIM_FOUGHT_OVER;
    } else {
        /* A holder that itself waits is no session: the newcomer waits for the same end as that holder. */
        take(worker, record, holder->peer->follows != FOLLOWS_NOBODY ? holder->peer->follows : place, claim);
    }
}

void lubdub_identities_claim(struct lubdub_worker *worker, struct lubdub_record *record, uint64_t beaten,
                             lubdub_time now, struct lubdub_claim *claim)
{
    struct lubdub_server *server = worker->server;
    struct lubdub_slice identity = lubdub_peer_identity(record->peer);
    uint32_t place;

    memset(claim, 0, sizeof *claim);
    pthread_mutex_lock(&server->lock);
    place = lubdub_identity_index_find(&server->identities, identity);
    if (place != LUBDUB_NO_PLACE) {
        claim_from(worker, record, place, beaten, claim);
    } else if (is_full(worker)) {
        claim->result = LUBDUB_CLAIM_FULL;
    } else if (is_told_gone(server, identity)) {
        take(worker, record, FOLLOWS_GONE, claim);
    } else {
        take(worker, record, FOLLOWS_NOBODY, claim);
        if (claim->result == LUBDUB_CLAIM_GRANTED) {
            claim->past.last_end = lubdub_departed_take(&server->departed, identity, now, &claim->past.is_resumed);
        }
    }
    pthread_mutex_unlock(&server->lock);
}

enum lubdub_standing lubdub_identities_standing(struct lubdub_worker *worker, struct lubdub_record *record,
                                                struct lubdub_past *past)
{
    struct lubdub_server *server = worker->server;
    const struct lubdub_peer *peer = record->peer;
    uint32_t found;
    uint32_t follows;

    if (!peer->is_registered) {
        return LUBDUB_STANDING_NONE;
    }
    pthread_mutex_lock(&server->lock);
    found = lubdub_identity_index_find(&server->identities, lubdub_peer_identity(peer));
    follows = peer->follows;
    *past = (struct lubdub_past){.last_end = (enum lubdub_cause)peer->last_end, .is_resumed = peer->is_resumed};
    pthread_mutex_unlock(&server->lock);
    if (found != lubdub_pool_place(&worker->pool, record)) {
        return LUBDUB_STANDING_LOST;
    }
    return follows == FOLLOWS_NOBODY ? LUBDUB_STANDING_HAS : LUBDUB_STANDING_WAITS;
}

/* The record at this place, if it follows the record that has gone. Under the lock. NULL: it does not. */
static struct lubdub_peer *release(struct lubdub_server *server, uint32_t place, uint32_t followed,
                                   struct release *release)
{
    struct lubdub_worker *owner;
    struct lubdub_record *newcomer = record_at(server, place, &owner);

    if (newcomer->peer->follows != followed) {
        return NULL;
    }
    newcomer->peer->follows = FOLLOWS_NOBODY;
    release->owner = owner;
    release->session = lubdub_pool_number(&owner->pool, newcomer);
    return newcomer->peer;
}

/* NULL: no connection was released. Under the lock. */
static void note_past(struct lubdub_peer *newcomer, struct lubdub_past past)
{
    if (newcomer != NULL) {
        newcomer->last_end = (unsigned)past.last_end & 0x7fu;
        newcomer->is_resumed = past.is_resumed;
    }
}

static void post(struct lubdub_worker *worker, const struct release *release)
{
    struct lubdub_letter *letter;

    if (release->owner == NULL || worker->awaited == release->session) {
        return;
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_RELEASED);
    if (letter != NULL) {
        letter->session = release->session;
    }
    if (!lubdub_mailbox_try(&release->owner->mailbox, letter)) {
        lubdub_mailbox_order(&release->owner->mailbox, LUBDUB_ORDER_SEARCH);
    }
}

/* No other session has the identity. Returns whether a grace time begins. Under the lock. */
static bool remember(struct lubdub_worker *worker, struct lubdub_slice identity, enum lubdub_cause cause,
                     lubdub_time now)
{
    const struct lubdub_server_settings *settings = lubdub_worker_settings(worker);
    bool begins_grace = settings->grace > 0 && !worker->is_draining;
    lubdub_time grace_until = begins_grace ? lubdub_time_after(now, settings->grace) : 0;

    if (!lubdub_departed_add(&worker->server->departed, identity, cause, lubdub_clock_now(), grace_until,
                             settings->remembered_ends, settings->away_limit)) {
        lubdub_tally_add(&worker->tally.gone_early, 1);
        begins_grace = false;
    }
    return begins_grace;
}

bool lubdub_identities_leave(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_cause cause,
                             lubdub_time now)
{
    struct lubdub_server *server = worker->server;
    struct lubdub_slice identity = lubdub_peer_identity(record->peer);
    struct lubdub_past past = {.last_end = cause, .is_resumed = lubdub_worker_settings(worker)->grace > 0};
    struct release released = {0};
    uint32_t place = lubdub_pool_place(&worker->pool, record);
    bool begins_grace = false;
    uint32_t followed;
    uint32_t found;

    if (!record->peer->is_registered) {
        return false;
    }
    record->peer->is_registered = false;
    pthread_mutex_lock(&server->lock);
    followed = record->peer->follows;
    record->peer->follows = FOLLOWS_NOBODY;
    found = lubdub_identity_index_find(&server->identities, identity);
    if (found == place && followed < FOLLOWS_GONE) {
        /* It never was a session. The session that it followed is still there, else it would not wait: that session has
         * the identity again. */
        if (!lubdub_identity_index_put(&server->identities, followed)) {
            lubdub_identity_index_remove(&server->identities, place);
        }
    } else if (found == place) {
        lubdub_identity_index_remove(&server->identities, place);
    }
    if (followed == FOLLOWS_NOBODY && (found == place || found == LUBDUB_NO_PLACE)) {
        begins_grace = remember(worker, identity, cause, now);
    } else if (followed == FOLLOWS_NOBODY) {
        note_past(release(server, found, place, &released), past);
    }
    pthread_mutex_unlock(&server->lock);
    post(worker, &released);
    return begins_grace;
}

bool lubdub_identities_take_gone(struct lubdub_worker *worker, lubdub_time now, char *identity, size_t *length)
{
    struct lubdub_server *server = worker->server;
    size_t away_limit = lubdub_worker_settings(worker)->away_limit;
    bool is_early;
    bool is_gone;

    pthread_mutex_lock(&server->lock);
    is_gone = lubdub_departed_pop_gone(&server->departed, now, away_limit, identity, length, &is_early);
    if (is_gone) {
        lubdub_tally_add(&worker->tally.gone_early, is_early);
        memcpy(server->gone, identity, *length);
        server->gone_length = *length;
    }
    pthread_mutex_unlock(&server->lock);
    return is_gone;
}

void lubdub_identities_was_told_gone(struct lubdub_worker *worker, lubdub_time now)
{
    struct lubdub_server *server = worker->server;
    struct release released = {0};
    struct lubdub_slice identity;
    struct lubdub_peer *newcomer;
    uint32_t found;

    pthread_mutex_lock(&server->lock);
    identity = (struct lubdub_slice){server->gone, server->gone_length};
    found = lubdub_identity_index_find(&server->identities, identity);
    newcomer = found != LUBDUB_NO_PLACE ? release(server, found, FOLLOWS_GONE, &released) : NULL;
    if (newcomer != NULL) {
        struct lubdub_past past;

        past.last_end = lubdub_departed_take(&server->departed, identity, now, &past.is_resumed);
        note_past(newcomer, past);
    }
    server->gone_length = 0;
    pthread_mutex_unlock(&server->lock);
    post(worker, &released);
}

/* A newcomer that waits has not begun: the session that it follows is still the one that has the identity. */
static uint64_t session_at(struct lubdub_server *server, uint32_t place)
{
    struct lubdub_worker *owner;
    const struct lubdub_record *record = record_at(server, place, &owner);

    if (record->peer->follows < FOLLOWS_GONE) {
        record = record_at(server, record->peer->follows, &owner);
    }
    return lubdub_pool_number(&owner->pool, record);
}

bool lubdub_identities_find(struct lubdub_server *server, struct lubdub_slice identity, uint64_t *session,
                            struct lubdub_departed_view *departure)
{
    uint32_t place;
    bool is_known;

    pthread_mutex_lock(&server->lock);
    place = lubdub_identity_index_find(&server->identities, identity);
    *session = place != LUBDUB_NO_PLACE ? session_at(server, place) : 0;
    is_known = place != LUBDUB_NO_PLACE || lubdub_departed_find(&server->departed, identity, departure);
    pthread_mutex_unlock(&server->lock);
    return is_known;
}

size_t lubdub_identities_list_away(struct lubdub_server *server, uint32_t *place, struct lubdub_departed_view *views,
                                   size_t most)
{
    size_t count;

    pthread_mutex_lock(&server->lock);
    count = lubdub_departed_list(&server->departed, place, views, most);
    pthread_mutex_unlock(&server->lock);
    return count;
}
