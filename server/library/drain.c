/* Tells all connections to leave, ends those that stay, and notes when none is left. */
#include "server/library/drain.h"

#include "ev/clock.h"
#include "ev/container_of.h"
#include "server/library/listener.h"
#include "server/library/peer.h"
#include "server/library/record.h"
#include "server/library/requests.h"
#include "server/library/tell.h"

/* Clients that a drain lets come back in one second. */
#define RETURNS_PER_SECOND 1000

void lubdub_server_drain(struct lubdub_server *server, lubdub_duration patience)
{
    struct lubdub_letter *letter = lubdub_letter_new(LUBDUB_LETTER_DRAIN);

    if (letter != NULL) {
        letter->patience = patience;
        lubdub_mailbox_post(&server->workers[0].mailbox, letter);
    }
}

void lubdub_drain_note_drained(struct lubdub_server *server)
{
    server->drained_count++;
    if (server->drained_count == server->worker_count) {
        ev_timer_stop(server->workers[0].loop, &server->grace); /* nothing follows STOPPED */
        lubdub_server_tell_of_itself(server, LUBDUB_SERVER_STOPPED);
    }
}

void lubdub_drain_note_closed(struct lubdub_worker *worker)
{
    struct lubdub_letter *letter;

    if (!worker->has_told_all || worker->pool.count > 0 || worker->is_drained) {
        return;
    }
    worker->is_drained = true;
    ev_timer_stop(worker->loop, &worker->patience);
    if (worker->index == 0) {
        lubdub_drain_note_drained(worker->server);
        return;
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_DRAINED);
    if (letter != NULL) {
        lubdub_mailbox_post(&worker->server->workers[0].mailbox, letter);
    }
}

static void on_patience_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_worker *worker = container_of(timer, struct lubdub_worker, patience);
    uint32_t end = worker->aborted + LUBDUB_REACHED_PER_TURN;
    (void)revents;

    lubdub_worker_enter(worker);
    for (; worker->aborted < end && worker->aborted < worker->pool.used; worker->aborted++) {
        struct lubdub_record *record = &worker->pool.records[worker->aborted];

        if (record->peer != NULL) {
            struct lubdub_server_event event = {.now = lubdub_clock_now(), .cause = LUBDUB_CAUSE_SHUTDOWN};

            lubdub_record_end(worker, record, &event);
            lubdub_link_abort(&record->link);
            lubdub_record_free(worker, record);
        }
    }
    if (worker->aborted < worker->pool.used) {
        ev_timer_set(timer, 0, 0); /* the sockets have their turn in between */
        ev_timer_start(loop, timer);
    } else {
        worker->has_told_all = true;
        lubdub_drain_note_closed(worker);
    }
    lubdub_worker_leave(worker);
}

void lubdub_drain_init(struct lubdub_worker *worker)
{
    ev_timer_init(&worker->patience, on_patience_over, 0, 0);
}

void lubdub_drain_clear(struct lubdub_worker *worker)
{
    ev_timer_stop(worker->loop, &worker->patience);
}

static void begin(struct lubdub_worker *worker, lubdub_duration patience)
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

/* Worker 0: tells the application the first time, and the other workers. */
static void begin_everywhere(struct lubdub_server *server, lubdub_duration patience)
{
    if (!server->workers[0].is_draining) {
        lubdub_server_tell_of_itself(server, LUBDUB_SERVER_DRAINING);
    }
    lubdub_server_post_to_all(server, 1, LUBDUB_LETTER_DRAIN, patience);
}

bool lubdub_drain_go_on(struct lubdub_worker *worker, struct lubdub_letter *letter)
{
    uint64_t sessions = atomic_load(&worker->server->session_count);
    uint32_t slots = (uint32_t)(sessions * 1000 / RETURNS_PER_SECOND) + 100;
    uint32_t end = letter->progress + LUBDUB_REACHED_PER_TURN;

    if (letter->progress == 0) {
        if (worker->index == 0) {
            begin_everywhere(worker->server, letter->patience); /* told before any session's end is */
        }
        begin(worker, letter->patience);
    }
    for (; letter->progress < end && letter->progress < worker->pool.used; letter->progress++) {
        struct lubdub_record *record = &worker->pool.records[letter->progress];

        if (record->peer != NULL) {
            lubdub_record_dismiss(worker, record, LUBDUB_REASON_DRAINING, LUBDUB_CAUSE_SHUTDOWN, "the server goes away",
                                  true, (100 + lubdub_worker_random(worker, slots)) * LUBDUB_MILLISECOND);
        }
    }
    if (letter->progress < worker->pool.used) {
        return false;
    }
    worker->has_told_all = true;
    lubdub_drain_note_closed(worker);
    return true;
}
