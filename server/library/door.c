/* Admits clients: opens accepted connections, keeps the limits, judges HELLO and registers identities. */
#include "server/library/door.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lubdub/frame.h>

#include "core/rate_limit.h"
#include "core/session_grant.h"
#include "ev/socket.h"
#include "server/library/admission.h"
#include "server/library/asking.h"
#include "server/library/certificate.h"
#include "server/library/grace.h"
#include "server/library/identities.h"
#include "server/library/marks.h"
#include "server/library/opening.h"
#include "server/library/own_health.h"
#include "server/library/peer.h"
#include "server/library/record.h"
#include "server/library/requests.h"
#include "server/library/tell.h"
#include "server/library/trial.h"

/* Connections that have not become sessions yet, beyond max_sessions: at least so many are listened to. */
#define SMALLEST_WAITING_ROOM 64

/*
 * A connection that is refused when it is accepted stays until the client has read why and left, for a second at most.
 * So many of them, or a 16th of the descriptors where that is less; the others are closed at once, and only counted.
 */
#define MOST_TURNED_AWAY 64

static uint32_t most_turned_away(const struct lubdub_worker *worker)
{
    uint32_t share = (uint32_t)worker->first_reserved / 16 / worker->server->worker_count;

    return share < MOST_TURNED_AWAY ? share : MOST_TURNED_AWAY;
}

static bool is_full(const struct lubdub_worker *worker)
{
    size_t most = lubdub_worker_settings(worker)->max_sessions;

    return most > 0 && atomic_load(&worker->server->session_count) >= most;
}

static struct lubdub_worker *owner_of(struct lubdub_worker *worker, uint64_t number)
{
    struct lubdub_server *server = worker->server;

    return &server->workers[lubdub_place_worker(lubdub_number_place(number), server->worker_count)];
}

/* Whether it waits for its identity, or for the verdict of a trial. */
static bool is_asked(const struct lubdub_record *record)
{
    return lubdub_session_state(&record->link.session) == LUBDUB_SESSION_ASKED;
}

/*
 * Ends a session, or a connection that waits to be one, after a newcomer took over its identity. Its own worker does.
 */
static void replace(struct lubdub_worker *worker, uint64_t number)
{
    struct lubdub_worker *owner = owner_of(worker, number);
    struct lubdub_letter *letter;

    if (owner == worker) {
        lubdub_door_replace(worker, number);
        return;
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_REPLACED);
    if (letter != NULL) {
        letter->session = number;
    }
    if (!lubdub_mailbox_try(&owner->mailbox, letter)) {
        lubdub_mailbox_order(&owner->mailbox, LUBDUB_ORDER_SEARCH);
    }
}

static void refuse_replaced(struct lubdub_worker *worker, struct lubdub_record *record)
{
    lubdub_record_refuse(worker, record, LUBDUB_REASON_REPLACED, LUBDUB_CAUSE_REPLACED,
                         "a session with this identity started later");
}

static void count_limit(struct lubdub_worker *worker, enum lubdub_server_limit limit)
{
    lubdub_tally_add(&worker->tally.by_limit[limit], 1);
}

#define TEXT_SIZE 96

/* A client is told which limit it met. Returns text. */
static const char *name_limit(char text[TEXT_SIZE], const char *what, size_t limit)
{
    snprintf(text, TEXT_SIZE, "there are too many %s (the limit is %zu)", what, limit);
    return text;
}

static void refuse_full(struct lubdub_worker *worker, struct lubdub_record *record)
{
    char text[TEXT_SIZE];

    count_limit(worker, LUBDUB_SERVER_LIMIT_SESSIONS);
    lubdub_record_refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED,
                         name_limit(text, "sessions", lubdub_worker_settings(worker)->max_sessions));
}

static void refuse_for_memory(struct lubdub_worker *worker, struct lubdub_record *record)
{
    lubdub_record_refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED, "no memory is left");
}

static void refuse_fought_over(struct lubdub_worker *worker, struct lubdub_record *record, bool is_news)
{
    static const char text[] = "this identity changes hands too often: do two clients have it?";

    if (is_news) {
        lubdub_record_reject(worker, record, LUBDUB_CAUSE_REJECTED, (struct lubdub_slice){text, sizeof text - 1}, true,
                             LUBDUB_REASON_OVERLOADED);
    } else {
        lubdub_tally_add(&worker->tally.rejected, 1);
    }
    lubdub_record_turn_away(worker, record, LUBDUB_REASON_OVERLOADED, text);
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
        .paths = lubdub_link_paths(&record->link),
    };

    lubdub_server_tell(worker, record, &event);
}

/*
 * So much of an allowance is left to every session: a debt from before must not cut a session that keeps to the rules.
 */
#define PROBES_LEFT 4
#define MESSAGES_LEFT 4

/* What the last session from there had used is used (docs/protocol.md, section 5, Too many frames). */
static void owe(struct lubdub_worker *worker, const struct lubdub_record *record, struct lubdub_grant *grant,
                lubdub_time now)
{
    const struct lubdub_session_settings *settings = worker->group.settings;
    uint32_t burst = lubdub_rate_limit_burst((uint32_t)(grant->interval / LUBDUB_MILLISECOND),
                                             (uint32_t)(grant->expiry / LUBDUB_MILLISECOND));
    struct lubdub_debts *debts = &worker->server->debts;
    struct lubdub_address address;
    struct lubdub_debt debt;

    if (debts->count == 0) {
        return;
    }
    lubdub_peer_counted_address(record->peer, worker->server->ipv6_prefix, &address);
    pthread_mutex_lock(&worker->server->lock);
    debt = lubdub_debts_take(debts, lubdub_peer_identity(record->peer), &address, now);
    pthread_mutex_unlock(&worker->server->lock);
    grant->probe_debt = lubdub_duration_shorter(debt.probes, (burst - PROBES_LEFT) * grant->interval / 2);
    if (settings->message_rate > 0 && settings->message_burst > MESSAGES_LEFT) {
        grant->message_debt = lubdub_duration_shorter(debt.messages, (settings->message_burst - MESSAGES_LEFT) *
                                                                         LUBDUB_SECOND / settings->message_rate);
    }
}

/* The connection becomes a session. Its event is stamped when it is told: all that was before it was told before. */
static void begin_session(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_past *past)
{
    const struct lubdub_session *session = &record->link.session;
    struct lubdub_grant grant = {
        .session_number = lubdub_pool_number(&worker->pool, record),
        .is_resumed = past->is_resumed,
        .last_end = past->last_end,
    };
    lubdub_time now = lubdub_link_now(&record->link);

    lubdub_admission_grant(lubdub_worker_settings(worker), lubdub_session_interval(session),
                           lubdub_session_expiry(session), &grant);
    owe(worker, record, &grant, now);
    record->connected_at = now / LUBDUB_MILLISECOND & 0xffffffffffff;
    record->peer->is_session = true;
    record->peer->last_end = (unsigned)past->last_end & 0x7fu;
    record->peer->is_resumed = past->is_resumed;
    atomic_fetch_add(&worker->server->session_count, 1);
    lubdub_tally_add(&worker->tally.connected, 1);
    lubdub_tally_add(&worker->tally.resumed, past->is_resumed);
    lubdub_link_grant(&record->link, &grant);
    lubdub_own_health_tell(worker, record);
    lubdub_mark_listed(worker, record);
    tell_connected(worker, record, now, grant.is_resumed);
}

/* ---- identities ---- */

/* The identity is the newcomer's. A holder in this thread is ended at once; one in another thread is waited for. */
static void take_over(struct lubdub_worker *worker, struct lubdub_record *record, uint64_t holder)
{
    struct lubdub_past past;

    if (holder == 0) {
        return;
    }
    worker->awaited = lubdub_pool_number(&worker->pool, record);
    replace(worker, holder);
    worker->awaited = 0;
    if (lubdub_identities_standing(worker, record, &past) == LUBDUB_STANDING_HAS) {
        begin_session(worker, record, &past);
    }
}

static void contest(struct lubdub_worker *worker, struct lubdub_record *record, uint64_t holder)
{
    struct lubdub_worker *owner = owner_of(worker, holder);
    uint64_t number = lubdub_pool_number(&worker->pool, record);
    struct lubdub_letter *letter;

    if (owner == worker) {
        lubdub_trials_begin(worker, holder, number);
        return;
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_CHALLENGE);
    if (letter != NULL) {
        letter->session = holder;
        letter->other = number;
    }
    if (!lubdub_mailbox_try(&owner->mailbox, letter)) {
        refuse_for_memory(worker, record);
    }
}

static void claim(struct lubdub_worker *worker, struct lubdub_record *record, uint64_t beaten)
{
    struct lubdub_claim claim;

    lubdub_identities_claim(worker, record, beaten, lubdub_grace_now(worker), &claim);
    switch (claim.result) {
    case LUBDUB_CLAIM_GRANTED:
        begin_session(worker, record, &claim.past);
        return;
    case LUBDUB_CLAIM_WAITS:
        take_over(worker, record, claim.holder);
        return;
    case LUBDUB_CLAIM_CONTESTED:
        contest(worker, record, claim.holder);
        return;
    case LUBDUB_CLAIM_ENDED:
        lubdub_record_refuse(worker, record, LUBDUB_REASON_REPLACED, LUBDUB_CAUSE_REPLACED,
                             "a session has this identity, and this connection has ended already");
        return;
    case LUBDUB_CLAIM_FOUGHT_OVER:
        refuse_fought_over(worker, record, claim.is_news);
        return;
    case LUBDUB_CLAIM_FOREIGN:
        lubdub_record_refuse(worker, record, LUBDUB_REASON_UNAUTHORIZED, LUBDUB_CAUSE_REJECTED,
                             "another token has let in a session with this identity");
        return;
    case LUBDUB_CLAIM_FULL:
        refuse_full(worker, record);
        return;
    case LUBDUB_CLAIM_NO_MEMORY:
        refuse_for_memory(worker, record);
        return;
    }
}

void lubdub_door_replace(struct lubdub_worker *worker, uint64_t number)
{
    struct lubdub_record *record;

    lubdub_worker_tell_owed_ends(worker); /* it may be a session that the application has ended */
    record = lubdub_pool_find(&worker->pool, number);
    if (record != NULL && record->peer->is_session) {
        lubdub_record_dismiss(worker, record, LUBDUB_REASON_REPLACED, LUBDUB_CAUSE_REPLACED, NULL, false, 0);
    } else if (record != NULL && is_asked(record)) {
        refuse_replaced(worker, record);
    }
}

void lubdub_door_released(struct lubdub_worker *worker, uint64_t number)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, number);
    struct lubdub_past past;

    /* It may have been taken over in the meantime: then its refusal is on the way. */
    if (record != NULL && is_asked(record) &&
        lubdub_identities_standing(worker, record, &past) == LUBDUB_STANDING_HAS) {
        begin_session(worker, record, &past);
    }
}

/* What REPLACED or RELEASED would have done, if one of them was for this record and was lost. */
static void do_without_letter(struct lubdub_worker *worker, struct lubdub_record *record)
{
    uint64_t number = lubdub_pool_number(&worker->pool, record);
    struct lubdub_past past;

    switch (lubdub_identities_standing(worker, record, &past)) {
    case LUBDUB_STANDING_LOST:
        lubdub_door_replace(worker, number);
        return;
    case LUBDUB_STANDING_HAS:
        lubdub_door_released(worker, number); /* unless it is a session long since */
        return;
    case LUBDUB_STANDING_NONE:
    case LUBDUB_STANDING_WAITS:
        return;
    }
}

bool lubdub_door_search(struct lubdub_worker *worker, struct lubdub_budget *budget)
{
    if (!worker->is_searching) {
        return true;
    }
    for (; worker->searched < worker->pool.used && lubdub_budget_spend(budget); worker->searched++) {
        struct lubdub_record *record = &worker->pool.records[worker->searched];

        if (record->peer != NULL) {
            do_without_letter(worker, record);
        }
    }
    worker->is_searching = worker->searched < worker->pool.used;
    return !worker->is_searching;
}

void lubdub_door_judged(struct lubdub_worker *worker, uint64_t number, uint64_t holder, bool holder_lives)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, number);

    if (record == NULL || !is_asked(record) || record->peer->is_registered) {
        return;
    }
    if (holder_lives) {
        refuse_replaced(worker, record);
    } else {
        claim(worker, record, holder);
    }
}

/* ---- the door ---- */

/* An anonymous session, or one with nothing but a HELLO. */
static void admit_nameless(struct lubdub_worker *worker, struct lubdub_record *record)
{
    static const struct lubdub_past nothing = {0};

    if (is_full(worker)) {
        refuse_full(worker, record);
    } else {
        begin_session(worker, record, &nothing);
    }
}

/* Takes over what HELLO said of the client. False: refused. */
static bool introduce(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *hello,
                      uint64_t proof)
{
    const struct lubdub_slice certificate =
        lubdub_certificate_name(lubdub_link_transport(&record->link), hello->options.identity);
    struct lubdub_peer *introduced =
        lubdub_peer_introduce(record->peer, hello->incarnation, &hello->options, proof, certificate);

    if (introduced == NULL) {
        refuse_for_memory(worker, record);
        return false;
    }
    record->peer = introduced;
    return true;
}

static void let_in(struct lubdub_worker *worker, struct lubdub_record *record)
{
    if (lubdub_peer_identity(record->peer).length == 0) {
        admit_nameless(worker, record);
    } else {
        claim(worker, record, 0);
    }
}

static void act_on(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_answer *answer)
{
    record->peer->is_undecided = false;
    if (answer->accepts) {
        lubdub_session_wish(&record->link.session, answer->interval, answer->expiry);
        let_in(worker, record);
    } else {
        lubdub_record_refuse(worker, record, answer->reason, LUBDUB_CAUSE_REJECTED, answer->text);
    }
}

void lubdub_door_answer(struct lubdub_worker *worker, uint64_t number, const struct lubdub_answer *answer)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, number);

    if (record != NULL && is_asked(record) && record->peer->is_undecided) {
        act_on(worker, record, answer);
    }
}

/* The server's own conditions are met. The application may have conditions too. */
static void decide(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *hello)
{
    struct lubdub_answer answer;

    if (lubdub_worker_settings(worker)->on_request == NULL) {
        let_in(worker, record);
    } else if (lubdub_asking_ask(worker, record, hello, &answer) && !worker->server->is_doomed) {
        act_on(worker, record, &answer);
    }
}

/* What the client let itself be known by; 0: nothing. */
static uint64_t proof_of(const struct lubdub_worker *worker, const struct lubdub_event *hello, uint64_t proof)
{
    bool is_judged_outside = lubdub_worker_settings(worker)->on_request != NULL && hello->options.token.length > 0;

    return proof == 0 && is_judged_outside ? lubdub_token_proof(worker->server->token_key, hello->options.token)
                                           : proof;
}

void lubdub_door_admit(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *hello)
{
    const char *refusal;
    uint64_t proof;

    lubdub_opening_end(worker, record);
    if (worker->is_draining) {
        lubdub_record_refuse(worker, record, LUBDUB_REASON_DRAINING, LUBDUB_CAUSE_SHUTDOWN, "the server goes away");
        return;
    }
    refusal = lubdub_certificate_refuse(lubdub_link_transport(&record->link),
                                        lubdub_worker_settings(worker)->requires_certificate, hello->options.identity);
    if (refusal != NULL) {
        lubdub_record_refuse(worker, record, LUBDUB_REASON_UNAUTHORIZED, LUBDUB_CAUSE_REJECTED, refusal);
        return;
    }
    if (hello->is_anonymous) {
        if (lubdub_certificate_name(lubdub_link_transport(&record->link), hello->options.identity).length == 0 ||
            introduce(worker, record, hello, 0)) {
            decide(worker, record, hello);
        }
        return;
    }
    refusal = lubdub_tokens_refuse(&worker->rules->tokens, hello->options.token, hello->options.identity, &proof);
    if (refusal == NULL && hello->options.identity.length == 0 && lubdub_worker_settings(worker)->requires_identity) {
        refusal = "an identity is required";
    }
    if (refusal != NULL) {
        lubdub_record_refuse(worker, record, LUBDUB_REASON_UNAUTHORIZED, LUBDUB_CAUSE_REJECTED, refusal);
        return;
    }
    if (hello->options.label_count > lubdub_worker_settings(worker)->max_labels) {
        char text[TEXT_SIZE];

        count_limit(worker, LUBDUB_SERVER_LIMIT_LABELS);
        lubdub_record_refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED,
                             name_limit(text, "labels", lubdub_worker_settings(worker)->max_labels));
        return;
    }
    proof = proof_of(worker, hello, proof);
    if (proof == 0) {
        proof = lubdub_certificate_proof(lubdub_link_transport(&record->link), worker->server->token_key);
        record->peer->is_certified = proof != 0;
    }
    if (introduce(worker, record, hello, proof)) {
        decide(worker, record, hello);
    }
}

static bool address_is_crowded(struct lubdub_worker *worker, struct lubdub_record *record,
                               const struct lubdub_address *address)
{
    size_t limit = lubdub_worker_settings(worker)->max_per_address;
    struct lubdub_address counted = *address;

    if (limit == 0) {
        return false;
    }
    lubdub_address_cut(&counted, worker->server->ipv6_prefix);
    pthread_mutex_lock(&worker->server->lock);
    record->peer->counts_address = lubdub_address_counts_add(&worker->server->addresses, &counted, limit);
    pthread_mutex_unlock(&worker->server->lock);
    return !record->peer->counts_address;
}

static bool waiting_room_is_full(const struct lubdub_worker *worker)
{
    size_t most = lubdub_worker_settings(worker)->max_sessions;
    size_t room = most / 100 > SMALLEST_WAITING_ROOM ? most / 100 : SMALLEST_WAITING_ROOM;

    return most > 0 && worker->pool.count > most + room;
}

void lubdub_door_turn_away(struct lubdub_worker *worker, int socket, bool is_tls, const char *text)
{
    const struct lubdub_options options = {
        .text = {text, strlen(text)},
        .retry_after_ms = (uint32_t)(lubdub_record_retry_after(worker) / LUBDUB_MILLISECOND),
        .has_retry_after = true,
    };
    uint8_t content[LUBDUB_TEXT_LIMIT + 16];
    uint8_t bytes[LUBDUB_HEADER_LENGTH + sizeof content];
    struct lubdub_frame bye = {.type = LUBDUB_FRAME_BYE, .sequence = LUBDUB_REASON_OVERLOADED, .content = content};

    bye.length = (uint16_t)lubdub_options_encode(&options, LUBDUB_FRAME_BYE, content, sizeof content);
    if (!is_tls) {
        (void)lubdub_socket_send(socket, bytes, lubdub_frame_encode(bytes, sizeof bytes, &bye));
    }
    shutdown(socket, SHUT_WR);
    (void)lubdub_socket_receive(socket, bytes, sizeof bytes); /* unread, it would make an RST of the close */
    close(socket);
    lubdub_tally_add(&worker->tally.rejected, 1);
}

/* NULL: there is room for the connection. What it returns may lie in text. */
static const char *why_no_room(struct lubdub_worker *worker, struct lubdub_record *record,
                               const struct lubdub_address *address, char text[TEXT_SIZE])
{
    const struct lubdub_server_settings *settings = lubdub_worker_settings(worker);

    if (address_is_crowded(worker, record, address)) {
        count_limit(worker, LUBDUB_SERVER_LIMIT_ADDRESS);
        return name_limit(text, "connections from this address", settings->max_per_address);
    }
    if (waiting_room_is_full(worker)) {
        count_limit(worker, LUBDUB_SERVER_LIMIT_SESSIONS);
        return name_limit(text, "sessions", settings->max_sessions);
    }
    return NULL;
}

/* The connection that has waited longest for its first frame makes room for a newer one. */
static void refuse_oldest(struct lubdub_worker *worker)
{
    struct lubdub_record *record = lubdub_opening_surplus(worker);
    char text[LUBDUB_OPENING_TEXT];

    if (record == NULL) {
        return;
    }
    count_limit(worker, LUBDUB_SERVER_LIMIT_OPENING);
    (void)lubdub_opening_refusal(worker, text);
    lubdub_opening_end(worker, record);
    if (worker->turned_away < most_turned_away(worker)) {
        lubdub_record_refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED, text);
    } else {
        lubdub_door_turn_away(worker, lubdub_link_detach(&record->link), lubdub_link_is_tls(&record->link), text);
        lubdub_record_free(worker, record);
    }
}

static enum lubdub_error open_link(struct lubdub_worker *worker, struct lubdub_record *record, int socket, bool is_tls)
{
    if (is_tls) {
        return lubdub_link_open_tls(&record->link, &worker->group, socket, LUBDUB_ROLE_SERVER, NULL,
                                    lubdub_worker_settings(worker)->tls, NULL);
    }
    return lubdub_link_open(&record->link, &worker->group, socket, LUBDUB_ROLE_SERVER, NULL);
}

void lubdub_door_accept(struct lubdub_worker *worker, int socket, const struct lubdub_address *address, bool is_tls,
                        bool is_proxied)
{
    struct lubdub_record *record = lubdub_pool_take(&worker->pool);
    char text[TEXT_SIZE];
    const char *refusal;

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
    record->peer->is_proxied = is_proxied;
    record->peer->is_tls = is_tls;
    record->peer->accepted = atomic_fetch_add_explicit(&worker->server->accepted_count, 1, memory_order_relaxed);
    lubdub_tally_add(&worker->tally.accepted, 1);
    lubdub_tally_add(&worker->tally.connections, 1);
    refusal = why_no_room(worker, record, address, text);
    if (refusal != NULL && worker->turned_away >= most_turned_away(worker)) {
        lubdub_door_turn_away(worker, socket, is_tls, refusal);
        lubdub_record_free(worker, record);
        return;
    }
    if (refusal == NULL) {
        refuse_oldest(worker);
        if (!lubdub_opening_begin(worker, record)) {
            lubdub_record_free(worker, record);
            lubdub_socket_reset(socket);
            return;
        }
    }
    if (open_link(worker, record, socket, is_tls) != LUBDUB_ERROR_OK) {
        lubdub_record_free(worker, record);
        return;
    }
    if (refusal != NULL) {
        lubdub_record_refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED, refusal);
    }
}

void lubdub_door_adopt(struct lubdub_worker *worker, int socket, bool is_tls)
{
    struct sockaddr_storage remote;
    socklen_t length = sizeof remote;
    struct lubdub_address address;

    if (worker->is_draining || (is_tls && lubdub_worker_settings(worker)->tls == NULL) ||
        getpeername(socket, (struct sockaddr *)&remote, &length) != 0 ||
        !lubdub_address_from_socket(&address, (const struct sockaddr *)&remote)) {
        close(socket); /* it, or what it needs, has ended since */
        return;
    }
    lubdub_socket_tune(socket);
    lubdub_tuning_set(socket, &worker->tuning, NULL); /* what all others inherit from their listener */
    lubdub_door_accept(worker, socket, &address, is_tls, false);
}
