/* Carries out what the application asks of sessions, at once or by letter. */
#include "server/library/requests.h"

#include <fcntl.h>

#include "ev/clock.h"
#include "ev/socket.h"
#include "server/library/admission.h"
#include "server/library/everywhere.h"
#include "server/library/marks.h"
#include "server/library/own_thread.h"
#include "server/library/peer.h"
#include "server/library/record.h"

/* ---- in the worker's own thread ---- */

/* FULL: it is counted. */
static enum lubdub_error send_now(struct lubdub_worker *worker, struct lubdub_record *record, const void *content,
                                  size_t length)
{
    enum lubdub_error error = lubdub_link_send(&record->link, content, length);

    if (error == LUBDUB_ERROR_FULL) {
        lubdub_mark_full(worker, record, true);
        lubdub_tally_add(&worker->tally.messages_dropped, 1);
        lubdub_tally_add(&worker->tally.by_limit[LUBDUB_SERVER_LIMIT_OUTPUT], 1);
    }
    return error == LUBDUB_ERROR_WRONG_STATE ? LUBDUB_ERROR_NOT_FOUND : error; /* its end comes */
}

/* Of a message whose sender is told nothing: a session may take less, or memory may lack. */
static void count_undelivered(struct lubdub_worker *worker, enum lubdub_error error)
{
    if (error == LUBDUB_ERROR_TOO_LONG || error == LUBDUB_ERROR_NO_MEMORY) {
        lubdub_tally_add(&worker->tally.messages_dropped, 1);
    }
}

enum lubdub_error lubdub_worker_send(struct lubdub_worker *worker, uint64_t session, const void *content, size_t length)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, session);

    return record != NULL && record->peer->is_session ? send_now(worker, record, content, length)
                                                      : LUBDUB_ERROR_NOT_FOUND;
}

enum lubdub_error lubdub_worker_disconnect(struct lubdub_worker *worker, uint64_t session, enum lubdub_reason reason,
                                           enum lubdub_cause cause, const char *text)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, session);

    if (record == NULL || !record->peer->is_session) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    lubdub_record_dismiss(worker, record, reason, cause, text, false, 0);
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_worker_regrant(struct lubdub_worker *worker, uint64_t session, lubdub_duration interval,
                                        lubdub_duration expiry)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, session);
    struct lubdub_grant grant = {.session_number = session};
    enum lubdub_error error;

    if (record == NULL || !record->peer->is_session) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    lubdub_admission_grant(lubdub_worker_settings(worker), interval, expiry, &grant);
    error = lubdub_link_grant(&record->link, &grant);
    return error == LUBDUB_ERROR_WRONG_STATE ? LUBDUB_ERROR_NOT_FOUND : error; /* its end comes */
}

bool lubdub_worker_broadcast(struct lubdub_worker *worker, struct lubdub_letter *letter, struct lubdub_budget *budget)
{
    if (worker->has_told_all) {
        return true; /* draining: there is no session any more */
    }
    for (; letter->progress < worker->pool.used && lubdub_budget_spend(budget); letter->progress++) {
        struct lubdub_record *record = &worker->pool.records[letter->progress];

        if (record->peer != NULL && record->peer->is_session) {
            count_undelivered(worker, send_now(worker, record, letter->parcel->content, letter->parcel->length));
        }
    }
    return letter->progress >= worker->pool.used;
}

/* ---- ends that the application asked for ---- */

void lubdub_requests_init(struct lubdub_worker *worker)
{
    worker->last_end = &worker->ends;
}

/* The oldest; NULL: there is none. */
static struct lubdub_letter *take_end(struct lubdub_worker *worker)
{
    struct lubdub_letter *letter = worker->ends;

    if (letter != NULL) {
        worker->ends = letter->next;
        worker->last_end = worker->ends != NULL ? worker->last_end : &worker->ends;
    }
    return letter;
}

void lubdub_worker_tell_owed_ends(struct lubdub_worker *worker)
{
    struct lubdub_letter *letter;

    while ((letter = take_end(worker)) != NULL) {
        struct lubdub_record *record = lubdub_pool_find(&worker->pool, letter->session);

        if (record != NULL) {
            struct lubdub_server_event event = lubdub_record_new_end(
                record, letter->reason, lubdub_cause_of_leaving(letter->reason), lubdub_letter_text(letter));

            event.now = letter->now;
            event.silent_for = letter->silent_for;
            lubdub_record_end(worker, record, &event);
        }
        lubdub_letter_free(letter);
    }
}

/* Whether the application ended the session. The application may not have been told of that yet. */
static bool has_left(const struct lubdub_record *record)
{
    return lubdub_session_state(&record->link.session) >= LUBDUB_SESSION_LEAVING;
}

enum lubdub_error lubdub_worker_dismiss(struct lubdub_worker *worker, uint64_t session, enum lubdub_reason reason,
                                        const char *text)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, session);
    struct lubdub_letter *letter;

    if (record == NULL || !record->peer->is_session || has_left(record)) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    letter = lubdub_letter_to_end(LUBDUB_LETTER_END, session, reason, text);
    if (letter == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    letter->now = lubdub_clock_now();
    letter->silent_for = lubdub_time_between(record->link.session.heard_at, letter->now);
    *worker->last_end = letter;
    worker->last_end = &letter->next;
    lubdub_link_leave(&record->link, reason, text, false, 0);
    lubdub_mailbox_wake(&worker->mailbox);
    return LUBDUB_ERROR_OK;
}

void lubdub_requests_clear(struct lubdub_worker *worker)
{
    struct lubdub_letter *end;

    while ((end = take_end(worker)) != NULL) {
        lubdub_letter_free(end);
    }
}

/* ---- from any thread ---- */

/*
 * What another thread can know before it hands something over: NOT_FOUND, or FULL where the session had no room the
 * last time. A loop's thread does not wait for a reader, and hands over what it could not look at.
 */
static enum lubdub_error look_at(struct lubdub_server *server, struct lubdub_worker *worker, uint64_t session)
{
    uint32_t index = lubdub_number_place(session) / server->worker_count;
    unsigned marks;

    if (index >= worker->pool.used) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    if (lubdub_own_thread_worker(server) == NULL) {
        lubdub_pool_enter(&worker->pool);
    } else if (!lubdub_pool_try_enter(&worker->pool)) {
        return LUBDUB_ERROR_OK;
    }
    marks = lubdub_pool_marks(&worker->pool, &worker->pool.records[index]);
    if ((marks & LUBDUB_MARK_LISTED) != 0 &&
        lubdub_pool_number(&worker->pool, &worker->pool.records[index]) != session) {
        marks = 0;
    }
    lubdub_pool_leave(&worker->pool);
    if ((marks & LUBDUB_MARK_LISTED) == 0) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    return (marks & LUBDUB_MARK_FULL) != 0 ? LUBDUB_ERROR_FULL : LUBDUB_ERROR_OK;
}

/* The letter is handed over, or freed. NULL: there was no memory for it. */
static enum lubdub_error post(struct lubdub_worker *worker, struct lubdub_letter *letter)
{
    if (letter == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    if (!lubdub_mailbox_post(&worker->mailbox, letter, true)) {
        lubdub_letter_free(letter);
        return LUBDUB_ERROR_FULL;
    }
    return LUBDUB_ERROR_OK;
}

static enum lubdub_error post_message(struct lubdub_worker *worker, uint64_t session, const void *content,
                                      size_t length, bool is_own)
{
    struct lubdub_letter *letter = lubdub_letter_new(LUBDUB_LETTER_SEND);
    enum lubdub_error error;

    if (letter == NULL || (letter->parcel = lubdub_parcel_new(content, length)) == NULL) {
        lubdub_letter_free(letter);
        return LUBDUB_ERROR_NO_MEMORY;
    }
    letter->session = session;
    letter->is_own = is_own;
    error = post(worker, letter);
    if (is_own && error == LUBDUB_ERROR_OK) {
        worker->own_waiting++; /* touched by no other thread */
    }
    return error;
}

/* Behind the broadcasts that this thread began before, which have not reached the session perhaps. */
static enum lubdub_error send_in_order(struct lubdub_worker *worker, uint64_t session, const void *content,
                                       size_t length)
{
    const struct lubdub_record *record = lubdub_pool_find(&worker->pool, session);

    if (record == NULL || !record->peer->is_session || has_left(record)) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    return post_message(worker, session, content, length, true);
}

enum lubdub_error lubdub_server_send(struct lubdub_server *server, uint64_t session, const void *content, size_t length)
{
    struct lubdub_worker *worker;
    enum lubdub_error error;
    bool is_own;

    if (server == NULL || (content == NULL && length > 0)) {
        return LUBDUB_ERROR_INVALID;
    }
    if (session == 0) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    worker = lubdub_server_worker(server, session);
    is_own = worker == lubdub_own_thread_worker(server);
    if (is_own && worker->own_waiting == 0) {
        return lubdub_worker_send(worker, session, content, length);
    }
    if (length > LUBDUB_CONTENT_LIMIT) {
        return LUBDUB_ERROR_TOO_LONG;
    }
    if (is_own) {
        return send_in_order(worker, session, content, length);
    }
    error = look_at(server, worker, session);
    if (error == LUBDUB_ERROR_FULL) {
        lubdub_tally_add(&worker->tally.messages_dropped, 1);
    }
    return error == LUBDUB_ERROR_OK ? post_message(worker, session, content, length, false) : error;
}

static enum lubdub_error broadcast(struct lubdub_server *server, const void *content, size_t length, bool wants_room)
{
    struct lubdub_letter *letters = lubdub_everywhere_write(server, LUBDUB_LETTER_BROADCAST, content, length);

    return letters != NULL ? lubdub_everywhere_post(server, letters, wants_room) : LUBDUB_ERROR_NO_MEMORY;
}

enum lubdub_error lubdub_server_broadcast(struct lubdub_server *server, const void *content, size_t length)
{
    if (length > LUBDUB_CONTENT_LIMIT) {
        return LUBDUB_ERROR_TOO_LONG;
    }
    if (server == NULL || (content == NULL && length > 0)) {
        return LUBDUB_ERROR_INVALID;
    }
    return broadcast(server, content, length, true);
}

void lubdub_worker_pass_on(struct lubdub_worker *worker, const void *content, size_t length)
{
    if (broadcast(worker->server, content, length, false) != LUBDUB_ERROR_OK) {
        lubdub_tally_add(&worker->tally.messages_dropped, 1);
    }
}

void lubdub_worker_echo(struct lubdub_worker *worker, struct lubdub_record *record, const void *content, size_t length)
{
    uint64_t session = lubdub_pool_number(&worker->pool, record);
    enum lubdub_error error;

    if (worker->own_waiting == 0) {
        count_undelivered(worker, lubdub_worker_send(worker, session, content, length));
        return;
    }
    error = send_in_order(worker, session, content, length);
    if (error == LUBDUB_ERROR_FULL) {
        lubdub_tally_add(&worker->tally.messages_dropped, 1);
    }
    count_undelivered(worker, error);
}

enum lubdub_error lubdub_server_disconnect(struct lubdub_server *server, uint64_t session, enum lubdub_reason reason,
                                           const char *text)
{
    struct lubdub_worker *worker;

    if (server == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    if (session == 0) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    worker = lubdub_server_worker(server, session);
    if (worker == lubdub_own_thread_worker(server)) {
        return lubdub_worker_dismiss(worker, session, reason, text);
    }
    if (look_at(server, worker, session) == LUBDUB_ERROR_NOT_FOUND) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    return post(worker, lubdub_letter_to_end(LUBDUB_LETTER_DISCONNECT, session, reason, text));
}

static enum lubdub_error adopt(struct lubdub_server *server, int socket, bool is_tls)
{
    struct lubdub_worker *worker;
    struct lubdub_letter *letter;
    enum lubdub_error error;

    if (!lubdub_socket_is_tcp(socket) || !lubdub_socket_is_connected(socket) ||
        fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK) != 0 || fcntl(socket, F_SETFD, FD_CLOEXEC) != 0) {
        return LUBDUB_ERROR_INVALID;
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_ADOPT);
    if (letter == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    letter->socket = socket;
    letter->is_tls = is_tls;
    worker = &server->workers[atomic_fetch_add(&server->adopted_count, 1) % server->worker_count];
    error = lubdub_mailbox_post(&worker->mailbox, letter, false) ? LUBDUB_ERROR_OK : LUBDUB_ERROR_FULL;
    if (error != LUBDUB_ERROR_OK) {
        letter->socket = -1; /* it stays the caller's */
        lubdub_letter_free(letter);
    }
    return error;
}

enum lubdub_error lubdub_server_adopt(struct lubdub_server *server, int socket)
{
    return server != NULL ? adopt(server, socket, false) : LUBDUB_ERROR_INVALID;
}

enum lubdub_error lubdub_server_adopt_tls(struct lubdub_server *server, int socket)
{
    bool speaks_tls;

    if (server == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    pthread_mutex_lock(&server->lock);
    speaks_tls = server->rules->settings.tls != NULL;
    pthread_mutex_unlock(&server->lock);
    return speaks_tls ? adopt(server, socket, true) : LUBDUB_ERROR_INVALID;
}

enum lubdub_error lubdub_server_regrant(struct lubdub_server *server, uint64_t session, lubdub_duration interval,
                                        lubdub_duration expiry)
{
    struct lubdub_worker *worker;
    struct lubdub_letter *letter;

    if (server == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    if (session == 0) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    worker = lubdub_server_worker(server, session);
    if (worker == lubdub_own_thread_worker(server)) {
        return lubdub_worker_regrant(worker, session, interval, expiry);
    }
    if (look_at(server, worker, session) == LUBDUB_ERROR_NOT_FOUND) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_REGRANT);
    if (letter == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    letter->session = session;
    letter->interval = interval;
    letter->expiry = expiry;
    return post(worker, letter);
}
