/* Carries out what the application asks of sessions, at once or by letter. */
#include "server/library/requests.h"

#include "ev/clock.h"
#include "server/library/admission.h"
#include "server/library/peer.h"
#include "server/library/record.h"

/* ---- in the worker's own thread ---- */

enum lubdub_error lubdub_worker_send(struct lubdub_worker *worker, uint64_t session, const void *content, size_t length)
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
    return error == LUBDUB_ERROR_WRONG_STATE ? LUBDUB_ERROR_NOT_FOUND : error; /* its end comes */
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

    if (record == NULL || !record->peer->is_session) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    lubdub_admission_grant(lubdub_worker_settings(worker), interval, expiry, &grant);
    return lubdub_link_grant(&record->link, &grant);
}

bool lubdub_worker_broadcast(struct lubdub_worker *worker, struct lubdub_letter *letter)
{
    uint32_t end = letter->progress + LUBDUB_REACHED_PER_TURN;

    for (; letter->progress < end && letter->progress < worker->pool.used; letter->progress++) {
        struct lubdub_record *record = &worker->pool.records[letter->progress];

        if (record->peer != NULL && record->peer->is_session &&
            lubdub_link_send(&record->link, letter->parcel->content, letter->parcel->length) == LUBDUB_ERROR_FULL) {
            lubdub_tally_add(&worker->tally.messages_dropped, 1);
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
            struct lubdub_server_event event =
                lubdub_record_new_end(record, letter->reason, LUBDUB_CAUSE_SHUTDOWN, lubdub_letter_text(letter));

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
    ev_async_send(worker->loop, &worker->mailbox.wake);
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

static bool is_own_thread(const struct lubdub_worker *worker)
{
    return pthread_equal(worker->thread, pthread_self()) != 0;
}

static struct lubdub_worker *worker_of(struct lubdub_server *server, uint64_t session)
{
    return &server->workers[lubdub_place_worker(lubdub_number_place(session), server->worker_count)];
}

enum lubdub_error lubdub_server_send(struct lubdub_server *server, uint64_t session, const void *content, size_t length)
{
    struct lubdub_worker *worker = worker_of(server, session);
    struct lubdub_letter *letter;

    if (session == 0) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    if (is_own_thread(worker)) {
        return lubdub_worker_send(worker, session, content, length);
    }
    if (length > LUBDUB_CONTENT_LIMIT) {
        return LUBDUB_ERROR_TOO_LONG;
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_SEND);
    if (letter == NULL || (letter->parcel = lubdub_parcel_new(content, length)) == NULL) {
        lubdub_letter_free(letter);
        return LUBDUB_ERROR_NO_MEMORY;
    }
    letter->session = session;
    lubdub_mailbox_post(&worker->mailbox, letter);
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_server_broadcast(struct lubdub_server *server, const void *content, size_t length)
{
    struct lubdub_parcel *parcel;
    enum lubdub_error error = LUBDUB_ERROR_OK;
    uint32_t i;

    if (length > LUBDUB_CONTENT_LIMIT) {
        return LUBDUB_ERROR_TOO_LONG;
    }
    parcel = lubdub_parcel_new(content, length);
    if (parcel == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    for (i = 0; i < server->worker_count; i++) {
        struct lubdub_letter *letter = lubdub_letter_new(LUBDUB_LETTER_BROADCAST);

        if (letter == NULL) {
            error = LUBDUB_ERROR_NO_MEMORY;
            break;
        }
        atomic_fetch_add(&parcel->references, 1);
        letter->parcel = parcel;
        lubdub_mailbox_post(&server->workers[i].mailbox, letter);
    }
    lubdub_parcel_drop(parcel);
    return error;
}

enum lubdub_error lubdub_server_disconnect(struct lubdub_server *server, uint64_t session, enum lubdub_reason reason,
                                           const char *text)
{
    struct lubdub_worker *worker = worker_of(server, session);
    struct lubdub_letter *letter;

    if (session == 0) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    if (is_own_thread(worker)) {
        return lubdub_worker_dismiss(worker, session, reason, text);
    }
    letter = lubdub_letter_to_end(LUBDUB_LETTER_DISCONNECT, session, reason, text);
    if (letter == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    lubdub_mailbox_post(&worker->mailbox, letter);
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_server_regrant(struct lubdub_server *server, uint64_t session, lubdub_duration interval,
                                        lubdub_duration expiry)
{
    struct lubdub_worker *worker = worker_of(server, session);
    struct lubdub_letter *letter;

    if (session == 0) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    if (is_own_thread(worker)) {
        return lubdub_worker_regrant(worker, session, interval, expiry);
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_REGRANT);
    if (letter == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    letter->session = session;
    letter->interval = interval;
    letter->expiry = expiry;
    lubdub_mailbox_post(&worker->mailbox, letter);
    return LUBDUB_ERROR_OK;
}

void lubdub_server_post_to_all(struct lubdub_server *server, uint32_t first, enum lubdub_letter_kind kind,
                               lubdub_duration patience)
{
    uint32_t i;

    for (i = first; i < server->worker_count; i++) {
        struct lubdub_letter *letter = lubdub_letter_new(kind);

        if (letter != NULL) {
            letter->patience = patience;
            lubdub_mailbox_post(&server->workers[i].mailbox, letter);
        }
    }
}
