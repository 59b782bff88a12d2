/* One loop's sessions: from accept through HELLO to their one end. */
#define _GNU_SOURCE
#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admission.h"
#include "clock.h"
#include "container_of.h"
#include "peer.h"
#include "server_internal.h"
#include "socket.h"

/* Sessions that a broadcast or a drain reaches in one turn of the loop. */
#define REACHED_PER_TURN 256

/* Connections that have not become sessions yet, beyond max_sessions: at least so many are listened to. */
#define SMALLEST_WAITING_ROOM 64

/* Draining, so many come back in a second. */
#define RETURNS_PER_SECOND 1000

static struct lubdub_worker *worker_of(const struct lubdub_link *link)
{
    return container_of(lubdub_link_group(link), struct lubdub_worker, group);
}

static struct lubdub_record *record_of(struct lubdub_link *link)
{
    return container_of(link, struct lubdub_record, link);
}

static const struct lubdub_server_settings *settings_of(const struct lubdub_worker *worker)
{
    return &worker->rules->settings;
}

uint32_t lubdub_worker_random(struct lubdub_worker *worker, uint32_t limit)
{
    worker->random = worker->random * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return limit > 0 ? (uint32_t)((worker->random >> 32) * limit >> 32) : 0;
}

/* ---- the end of a session ---- */

/* Takes the identity out of the index, unless somebody took it over, and remembers how it ended. */
static void unregister(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_cause cause)
{
    struct lubdub_server *server = worker->server;
    struct lubdub_slice identity = lubdub_peer_identity(record->peer);
    uint32_t place = lubdub_pool_place(&worker->pool, record);
    lubdub_duration grace = settings_of(worker)->grace;
    bool begins_grace = false;

    if (!record->peer->is_registered) {
        return;
    }
    record->peer->is_registered = false;
    pthread_mutex_lock(&server->lock);
    if (lubdub_identity_index_find(&server->identities, identity) == place) {
        lubdub_time now = lubdub_clock_now() - server->grace_lag;

        lubdub_identity_index_remove(&server->identities, place);
        begins_grace = grace > 0 && !worker->is_draining;
        lubdub_departed_add(&server->departed, identity, cause, begins_grace ? lubdub_time_after(now, grace) : 0,
                            settings_of(worker)->remembered_ends);
    }
    pthread_mutex_unlock(&server->lock);
    if (begins_grace && worker->index == 0) {
        lubdub_server_mind_grace(server);
    } else if (begins_grace) {
        struct lubdub_letter *letter = lubdub_letter_new(LUBDUB_LETTER_GRACE);

        if (letter != NULL) {
            lubdub_mailbox_post(&server->workers[0].mailbox, letter);
        }
    }
}

/* Tells the application, once for each session. */
static void end_session(struct lubdub_worker *worker, struct lubdub_record *record, struct lubdub_server_event *event)
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

/* We end it: event, BYE. */
static void dismiss(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_reason reason,
                    enum lubdub_cause cause, const char *text, bool has_retry_after, lubdub_duration retry_after)
{
    struct lubdub_server_event event = {
        .now = lubdub_clock_now(),
        .cause = cause,
        .has_reason = true,
        .reason = (uint8_t)reason,
        .text = {text, text != NULL ? strlen(text) : 0},
    };

    event.silent_for = lubdub_time_between(record->link.session.heard_at, event.now);
    end_session(worker, record, &event);
    lubdub_link_leave(&record->link, reason, text, has_retry_after, retry_after);
}

/* A connection that does not become a session. */
static void reject(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_cause cause,
                   struct lubdub_slice text, bool has_reason, uint8_t reason)
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

static void refuse(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_reason reason,
                   enum lubdub_cause cause, const char *text)
{
    /* Spread, so that those who were refused together do not come back together. */
    bool has_retry_after = reason == LUBDUB_REASON_OVERLOADED || reason == LUBDUB_REASON_DRAINING;
    lubdub_duration retry_after = (1000 + lubdub_worker_random(worker, 1000)) * LUBDUB_MILLISECOND;

    reject(worker, record, cause, (struct lubdub_slice){text, strlen(text)}, true, (uint8_t)reason);
    lubdub_link_leave(&record->link, reason, text, has_retry_after, retry_after);
}

/* ---- the beginning ---- */

static bool is_full(const struct lubdub_worker *worker)
{
    size_t most = settings_of(worker)->max_sessions;

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
    bool is_older;     /* refused: who has the identity started later */
    bool is_full;      /* refused: it would be one session too many */
    bool is_failed;    /* refused: no memory */
};

/* The session with the higher incarnation has the identity; on a tie the newcomer (docs/protocol.md, section 5). */
static void register_identity(struct lubdub_worker *worker, struct lubdub_record *record,
                              struct registration *registration)
{
    struct lubdub_server *server = worker->server;
    struct lubdub_slice identity = lubdub_peer_identity(record->peer);
    bool has_grace = settings_of(worker)->grace > 0;
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
        registration->last_end = lubdub_departed_take(&server->departed, identity,
                                                      lubdub_clock_now() - server->grace_lag,
                                                      &registration->is_resumed);
    }
    if (!registration->is_older && !registration->is_full) {
        registration->is_failed =
            !lubdub_identity_index_put(&server->identities, lubdub_pool_place(&worker->pool, record));
        record->peer->is_registered = !registration->is_failed;
    }
    pthread_mutex_unlock(&server->lock);
}

/* Registers who said who it is. False: refused. */
static bool introduce(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *hello,
                      struct lubdub_grant *grant)
{
    struct registration registration;
    struct lubdub_peer *introduced = lubdub_peer_introduce(record->peer, hello->incarnation, &hello->options);

    if (introduced == NULL) {
        refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED, "no memory is left");
        return false;
    }
    record->peer = introduced;
    if (hello->options.identity.length == 0) {
        if (is_full(worker)) {
            refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED, "there are too many sessions");
            return false;
        }
        return true;
    }
    register_identity(worker, record, &registration);
    if (registration.is_older) {
        refuse(worker, record, LUBDUB_REASON_REPLACED, LUBDUB_CAUSE_REPLACED,
               "a session with this identity started later");
        return false;
    }
    if (registration.is_full || registration.is_failed) {
        refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED,
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

static void tell_connected(struct lubdub_worker *worker, struct lubdub_record *record, lubdub_time now,
                           bool is_resumed)
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

/* Somebody wants in: by HELLO, or by a first PROBE or MESSAGE. */
static void admit(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *hello,
                  lubdub_time now)
{
    const struct lubdub_server_settings *settings = settings_of(worker);
    struct lubdub_grant grant = {.session_number = lubdub_pool_number(&worker->pool, record)};

    if (worker->is_draining) {
        refuse(worker, record, LUBDUB_REASON_DRAINING, LUBDUB_CAUSE_SHUTDOWN, "the server goes away");
        return;
    }
    if (hello->is_anonymous) {
        if (is_full(worker)) {
            refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED, "there are too many sessions");
            return;
        }
    } else if (!lubdub_admission_token(settings, hello->options.token)) {
        refuse(worker, record, LUBDUB_REASON_UNAUTHORIZED, LUBDUB_CAUSE_REJECTED, "the token is not known here");
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

static void free_record(struct lubdub_worker *worker, struct lubdub_record *record)
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

static bool address_is_crowded(struct lubdub_worker *worker, struct lubdub_record *record,
                               const struct lubdub_address *address)
{
    size_t limit = settings_of(worker)->max_per_address;

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
    size_t most = settings_of(worker)->max_sessions;
    size_t room = most / 100 > SMALLEST_WAITING_ROOM ? most / 100 : SMALLEST_WAITING_ROOM;

    return most > 0 && worker->pool.count > most + room;
}

void lubdub_worker_accept(struct lubdub_worker *worker, int socket, const struct lubdub_address *address)
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
        free_record(worker, record);
        return;
    }
    if (address_is_crowded(worker, record, address)) {
        refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED,
               "there are too many connections from this address");
    } else if (waiting_room_is_full(worker)) {
        refuse(worker, record, LUBDUB_REASON_OVERLOADED, LUBDUB_CAUSE_REJECTED, "there are too many sessions");
    }
}

/* ---- what sessions say ---- */

static void on_message(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *event,
                       lubdub_time now)
{
    struct lubdub_server_event message = {
        .kind = LUBDUB_SERVER_MESSAGE, .now = now, .content = event->content, .length = event->length};

    lubdub_tally_add(&worker->tally.messages, 1);
    lubdub_server_tell(worker, record, &message);
    switch (settings_of(worker)->on_message) {
    case LUBDUB_ON_MESSAGE_DROP:
        break;
    case LUBDUB_ON_MESSAGE_ECHO:
        if (lubdub_link_send(&record->link, event->content, event->length) == LUBDUB_ERROR_FULL) {
            lubdub_tally_add(&worker->tally.messages_dropped, 1);
        }
        break;
    case LUBDUB_ON_MESSAGE_BROADCAST:
        lubdub_server_broadcast(worker->server, event->content, event->length);
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
    };

    if (event->had_session) {
        end_session(worker, record, &end);
        return;
    }
    if ((event->cause == LUBDUB_CAUSE_CLOSED || event->cause == LUBDUB_CAUSE_RESET) && event->text.length == 0) {
        lubdub_tally_add(&worker->tally.empty, 1); /* port scans and health checks of load balancers: no news */
        return;
    }
    reject(worker, record, event->cause, event->text, event->has_reason, event->reason_code);
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
        admit(worker, record, event, now);
        return;
    case LUBDUB_EVENT_MESSAGE:
        on_message(worker, record, event, now);
        return;
    case LUBDUB_EVENT_DOWN:
        on_down(worker, record, event, now);
        return;
    case LUBDUB_EVENT_LATE:
        lubdub_tally_add(&worker->tally.late, 1);
        told.kind = LUBDUB_SERVER_LATE;
        break;
    case LUBDUB_EVENT_RECOVERED:
        told.kind = LUBDUB_SERVER_RECOVERED;
        break;
    case LUBDUB_EVENT_HEALTH:
        told.kind = LUBDUB_SERVER_HEALTH;
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

static void note_if_drained(struct lubdub_worker *worker)
{
    struct lubdub_letter *letter;

    if (!worker->has_told_all || worker->pool.count > 0 || worker->is_drained) {
        return;
    }
    worker->is_drained = true;
    ev_timer_stop(worker->loop, &worker->patience);
    if (worker->index == 0) {
        lubdub_server_note_drained(worker->server);
        return;
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_DRAINED);
    if (letter != NULL) {
        lubdub_mailbox_post(&worker->server->workers[0].mailbox, letter);
    }
}

static void on_closed(struct lubdub_link *link)
{
    struct lubdub_worker *worker = worker_of(link);
    struct lubdub_record *record = record_of(link);

    assert(!record->peer->is_session);
    free_record(worker, record);
    note_if_drained(worker);
}

static void on_rest(struct lubdub_link_group *group)
{
    struct lubdub_worker *worker = container_of(group, struct lubdub_worker, group);

    /* Absences are the reactor's to count and anybody's to read. */
    atomic_store_explicit(&worker->tally.absences, group->reactor->absence_count, memory_order_relaxed);
    atomic_store_explicit(&worker->tally.absent_for, group->reactor->absence_total, memory_order_relaxed);
    if (worker->index == 0 && worker->server->is_doomed) {
        lubdub_worker_enter(worker);
        lubdub_worker_leave(worker); /* frees the server if nothing of it is running */
    }
}

/* ---- what others ask ---- */

enum lubdub_error lubdub_worker_send(struct lubdub_worker *worker, uint64_t session, const void *content,
                                     size_t length)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, session);
    enum lubdub_error error;

    if (record == NULL || !record->peer->is_session) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    error = lubdub_link_send(&record->link, content, length);
    if (error == LUBDUB_ERROR_FULL) {
        lubdub_tally_add(&worker->tally.messages_dropped, 1);
    }
    return error;
}

enum lubdub_error lubdub_worker_disconnect(struct lubdub_worker *worker, uint64_t session, enum lubdub_reason reason,
                                           enum lubdub_cause cause, const char *text)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, session);

    if (record == NULL || !record->peer->is_session) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    dismiss(worker, record, reason, cause, text, false, 0);
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_worker_regrant(struct lubdub_worker *worker, uint64_t session, lubdub_duration interval,
                                        lubdub_duration expiry)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, session);
    struct lubdub_grant grant = {.session_number = session};

    if (record == NULL || !record->peer->is_session) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    lubdub_admission_grant(settings_of(worker), interval, expiry, &grant);
    return lubdub_link_grant(&record->link, &grant);
}

/* Sends to the next few sessions. Returns whether all were reached. */
static bool broadcast(struct lubdub_worker *worker, struct lubdub_letter *letter)
{
    uint32_t end = letter->progress + REACHED_PER_TURN;

    for (; letter->progress < end && letter->progress < worker->pool.used; letter->progress++) {
        struct lubdub_record *record = &worker->pool.records[letter->progress];

        if (record->peer != NULL && record->peer->is_session &&
            lubdub_link_send(&record->link, letter->parcel->content, letter->parcel->length) == LUBDUB_ERROR_FULL) {
            lubdub_tally_add(&worker->tally.messages_dropped, 1);
        }
    }
    return letter->progress >= worker->pool.used;
}

static void on_patience_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_worker *worker = container_of(timer, struct lubdub_worker, patience);
    uint32_t i;
    (void)loop, (void)revents;

    lubdub_worker_enter(worker);
    for (i = 0; i < worker->pool.used; i++) {
        struct lubdub_record *record = &worker->pool.records[i];

        if (record->peer != NULL) {
            struct lubdub_server_event event = {.now = lubdub_clock_now(), .cause = LUBDUB_CAUSE_SHUTDOWN};

            end_session(worker, record, &event);
            lubdub_link_abort(&record->link);
            free_record(worker, record);
        }
    }
    worker->has_told_all = true;
    note_if_drained(worker);
    lubdub_worker_leave(worker);
}

static void begin_drain(struct lubdub_worker *worker, lubdub_duration patience)
{
    struct lubdub_listener *listener;

    worker->is_draining = true;
    while ((listener = worker->listeners) != NULL) {
        worker->listeners = listener->next;
        lubdub_listener_free(listener);
    }
    ev_timer_stop(worker->loop, &worker->patience);
    ev_now_update(worker->loop);
    ev_timer_set(&worker->patience, (ev_tstamp)patience / (ev_tstamp)LUBDUB_SECOND, 0);
    ev_timer_start(worker->loop, &worker->patience);
}

/* Tells the next few. Each gets a moment of its own to come back at. Returns whether all were told. */
static bool drain(struct lubdub_worker *worker, struct lubdub_letter *letter)
{
    uint64_t sessions = atomic_load(&worker->server->session_count);
    uint32_t slots = (uint32_t)(sessions * 1000 / RETURNS_PER_SECOND) + 100;
    uint32_t end = letter->progress + REACHED_PER_TURN;

    if (letter->progress == 0) {
        begin_drain(worker, letter->patience);
    }
    for (; letter->progress < end && letter->progress < worker->pool.used; letter->progress++) {
        struct lubdub_record *record = &worker->pool.records[letter->progress];

        if (record->peer != NULL) {
            dismiss(worker, record, LUBDUB_REASON_DRAINING, LUBDUB_CAUSE_SHUTDOWN, "the server goes away", true,
                    (100 + lubdub_worker_random(worker, slots)) * LUBDUB_MILLISECOND);
        }
    }
    if (letter->progress < worker->pool.used) {
        return false;
    }
    worker->has_told_all = true;
    note_if_drained(worker);
    return true;
}

static void take_rules(struct lubdub_worker *worker)
{
    struct lubdub_rules *old = worker->rules;

    pthread_mutex_lock(&worker->server->lock);
    worker->rules = lubdub_rules_share(worker->server->rules);
    pthread_mutex_unlock(&worker->server->lock);
    worker->group.settings = &worker->rules->settings.session;
    lubdub_rules_drop(old);
}

/* Returns whether the letter is done with. */
static bool open_letter(struct lubdub_worker *worker, struct lubdub_letter *letter)
{
    const struct lubdub_parcel *parcel = letter->parcel;

    switch (letter->kind) {
    case LUBDUB_LETTER_SEND:
        (void)lubdub_worker_send(worker, letter->session, parcel->content, parcel->length);
        break;
    case LUBDUB_LETTER_BROADCAST:
        return broadcast(worker, letter);
    case LUBDUB_LETTER_DISCONNECT:
        (void)lubdub_worker_disconnect(worker, letter->session, letter->reason, LUBDUB_CAUSE_SHUTDOWN,
                                       parcel != NULL ? (const char *)parcel->content : NULL);
        break;
    case LUBDUB_LETTER_REPLACED:
        (void)lubdub_worker_disconnect(worker, letter->session, LUBDUB_REASON_REPLACED, LUBDUB_CAUSE_REPLACED, NULL);
        break;
    case LUBDUB_LETTER_REGRANT:
        (void)lubdub_worker_regrant(worker, letter->session, letter->interval, letter->expiry);
        break;
    case LUBDUB_LETTER_DRAIN:
        return drain(worker, letter);
    case LUBDUB_LETTER_RULES:
        take_rules(worker);
        break;
    case LUBDUB_LETTER_GRACE:
        lubdub_server_mind_grace(worker->server);
        break;
    case LUBDUB_LETTER_DRAINED:
        lubdub_server_note_drained(worker->server);
        break;
    case LUBDUB_LETTER_STOP:
        ev_break(worker->loop, EVBREAK_ALL);
        break;
    }
    return true;
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int revents)
{
    struct lubdub_worker *worker = wake->data;
    struct lubdub_letter *letter;
    unsigned opened;
    (void)loop, (void)revents;

    lubdub_worker_enter(worker);
    for (opened = 0; opened < REACHED_PER_TURN && !worker->server->is_doomed; opened++) {
        letter = lubdub_mailbox_take(&worker->mailbox);
        if (letter == NULL) {
            break;
        }
        if (!open_letter(worker, letter)) {
            lubdub_mailbox_put_back(&worker->mailbox, letter); /* the sockets have their turn in between */
            break;
        }
        lubdub_letter_free(letter);
    }
    if (opened == REACHED_PER_TURN) {
        ev_async_send(worker->loop, &worker->mailbox.wake);
    }
    lubdub_worker_leave(worker);
}

/* ---- life ---- */

static uint32_t descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY || limit.rlim_max > UINT32_MAX) {
        return UINT32_MAX;
    }
    return (uint32_t)limit.rlim_max;
}

enum lubdub_error lubdub_worker_init(struct lubdub_worker *worker, struct lubdub_server *server, uint32_t index,
                                     struct ev_loop *loop)
{
    enum lubdub_error error;

    worker->server = server;
    worker->index = index;
    worker->spare_descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    worker->loop = loop != NULL ? loop : ev_loop_new(EVFLAG_AUTO);
    worker->owns_loop = loop == NULL;
    if (worker->loop == NULL) {
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
    worker->rules = lubdub_rules_share(server->rules);
    worker->group.settings = &worker->rules->settings.session;
    worker->group.on_event = on_event;
    worker->group.on_closed = on_closed;
    worker->group.on_rest = on_rest;
    lubdub_mailbox_init(&worker->mailbox, worker->loop, on_wake);
    worker->mailbox.wake.data = worker;
    worker->has_mailbox = true;
    ev_timer_init(&worker->patience, on_patience_over, 0, 0);
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
            lubdub_link_abort(&worker->pool.records[i].link);
            free_record(worker, &worker->pool.records[i]);
        }
    }
    while ((listener = worker->listeners) != NULL) {
        worker->listeners = listener->next;
        lubdub_listener_free(listener);
    }
    if (worker->has_mailbox) {
        ev_timer_stop(worker->loop, &worker->patience);
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

    /* Not before its creator knows its name. */
    pthread_mutex_lock(&worker->server->lock);
    pthread_mutex_unlock(&worker->server->lock);
    ev_run(worker->loop, 0);
    return NULL;
}

enum lubdub_error lubdub_worker_start(struct lubdub_worker *worker)
{
    struct lubdub_listener *listener;
    sigset_t all;
    sigset_t before;
    int failed;

    for (listener = worker->listeners; listener != NULL; listener = listener->next) {
        lubdub_listener_start(listener);
    }
    if (!worker->owns_loop) {
        worker->thread = pthread_self();
        return LUBDUB_ERROR_OK;
    }
    /* Signals are for the thread that the application has for them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&worker->server->lock);
    failed = pthread_create(&worker->thread, NULL, run, worker);
    pthread_mutex_unlock(&worker->server->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    worker->is_running = failed == 0;
    return failed == 0 ? LUBDUB_ERROR_OK : LUBDUB_ERROR_SYSTEM;
}

void lubdub_worker_join(struct lubdub_worker *worker)
{
    struct lubdub_letter *letter;

    if (!worker->is_running) {
        return;
    }
    /* Without this letter the thread would never end, so there is no way around it. */
    while ((letter = lubdub_letter_new(LUBDUB_LETTER_STOP)) == NULL) {
        sched_yield();
    }
    lubdub_mailbox_post(&worker->mailbox, letter);
    pthread_join(worker->thread, NULL);
    worker->is_running = false;
}
