/* Asks holders of identities whether they live, waits for their answers, and tells the newcomers that wait. */
#include "server/library/trial.h"

#include <stdlib.h>

#include "core/session_silence.h"
#include "ev/clock.h"
#include "ev/container_of.h"
#include "ev/socket.h"
#include "server/library/peer.h"
#include "server/library/tell.h"

#define MOST_TRIALS 256

/* The time between two looks: short while an answer may be on its way, longer when it becomes unlikely. */
#define FIRST_GAP (LUBDUB_MILLISECOND / 2)
#define LONGEST_GAP (64 * LUBDUB_MILLISECOND)

/* Input that waits unread is read before the verdict. A holder that is not read from for longer lives, and does not
 * read. */
#define MOST_LOOKS_AT_UNREAD 32

/* The newcomer's handshake time has to suffice. */
static lubdub_duration longest_wait(const struct lubdub_worker *worker)
{
    return lubdub_worker_settings(worker)->session.handshake_timeout / 4 * 3;
}

struct lubdub_trial {
    struct lubdub_trial *next;
    uint64_t holder;
    uint64_t newcomer;
    lubdub_time asked_at;
    lubdub_time looks_at;
    lubdub_duration gap;
    uint64_t absences; /* of our loop, when it was asked */
    unsigned unread;   /* looks that found unread input behind the end of the wait */
};

static uint64_t absences(const struct lubdub_worker *worker)
{
    return atomic_load_explicit(&worker->group.reactor->absence_count, memory_order_relaxed);
}

/* Where the letter is lost the newcomer waits until its handshake time is over. */
static void tell(struct lubdub_worker *worker, uint64_t holder, uint64_t newcomer, bool holder_lives)
{
    struct lubdub_server *server = worker->server;
    struct lubdub_worker *owner =
        &server->workers[lubdub_place_worker(lubdub_number_place(newcomer), server->worker_count)];
    struct lubdub_letter *letter;

    letter = lubdub_letter_new(LUBDUB_LETTER_JUDGED);
    if (letter != NULL) {
        letter->session = newcomer;
        letter->other = holder;
        letter->holder_lives = holder_lives;
    }
    (void)lubdub_mailbox_try(&owner->mailbox, letter);
}

static void ask(struct lubdub_worker *worker, struct lubdub_trial *trial, struct lubdub_record *record)
{
    trial->asked_at = lubdub_clock_now();
    trial->absences = absences(worker);
    trial->gap = FIRST_GAP;
    lubdub_link_ask(&record->link);
}

static bool has_unread(const struct lubdub_record *record)
{
    struct lubdub_evidence evidence = {0};

    lubdub_socket_look(record->link.io.fd, &evidence);
    return evidence.has_unread;
}

/* Returns whether the trial is over, and then its verdict. */
static bool look(struct lubdub_worker *worker, struct lubdub_trial *trial, lubdub_time now, bool *holder_lives)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, trial->holder);
    lubdub_time end;

    *holder_lives = false;
    if (record == NULL || !record->peer->is_session) {
        return true;
    }
    if (trial->absences != absences(worker)) {
        ask(worker, trial, record); /* no holder can have answered while we were away */
    }
    if (record->link.session.heard_at > trial->asked_at) {
        *holder_lives = true;
        return true;
    }
    end = lubdub_time_earlier(lubdub_session_answers_by(&record->link.session, worker->group.settings, trial->asked_at),
                              lubdub_time_after(trial->asked_at, longest_wait(worker)));
    trial->gap = lubdub_duration_shorter(2 * trial->gap, LONGEST_GAP);
    if (end > now) {
        trial->looks_at = lubdub_time_earlier(end, lubdub_time_after(now, trial->gap));
        return false;
    }
    if (!has_unread(record)) {
        return true;
    }
    trial->looks_at = lubdub_time_after(now, LUBDUB_MILLISECOND);
    *holder_lives = ++trial->unread == MOST_LOOKS_AT_UNREAD;
    return *holder_lives;
}

static void set_timer(struct lubdub_worker *worker)
{
    lubdub_time next = LUBDUB_TIME_NEVER;
    const struct lubdub_trial *trial;

    for (trial = worker->trials; trial != NULL; trial = trial->next) {
        next = lubdub_time_earlier(next, trial->looks_at);
    }
    ev_timer_stop(worker->loop, &worker->trial_timer);
    if (next != LUBDUB_TIME_NEVER) {
        ev_now_update(worker->loop);
        ev_timer_set(&worker->trial_timer,
                     (ev_tstamp)lubdub_time_between(lubdub_clock_now(), next) / (ev_tstamp)LUBDUB_SECOND, 0);
        ev_timer_start(worker->loop, &worker->trial_timer);
    }
}

/* Takes the first trial that is over out of the list; NULL: none. */
static struct lubdub_trial *take_over(struct lubdub_worker *worker, lubdub_time now, bool *holder_lives)
{
    struct lubdub_trial **link;

    for (link = &worker->trials; *link != NULL; link = &(*link)->next) {
        struct lubdub_trial *trial = *link;

        if (trial->looks_at <= now && look(worker, trial, now, holder_lives)) {
            *link = trial->next;
            worker->trial_count--;
            return trial;
        }
    }
    return NULL;
}

static void on_time(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_worker *worker = container_of(timer, struct lubdub_worker, trial_timer);
    lubdub_time now = lubdub_reactor_now(worker->group.reactor);
    struct lubdub_trial *trial;
    bool holder_lives;
    (void)loop, (void)revents;

    lubdub_worker_enter(worker);
    while ((trial = take_over(worker, now, &holder_lives)) != NULL) {
        tell(worker, trial->holder, trial->newcomer, holder_lives);
        free(trial);
    }
    set_timer(worker);
    lubdub_worker_leave(worker);
}

void lubdub_trials_init(struct lubdub_worker *worker)
{
    ev_timer_init(&worker->trial_timer, on_time, 0, 0);
}

void lubdub_trials_clear(struct lubdub_worker *worker)
{
    struct lubdub_trial *trial;

    ev_timer_stop(worker->loop, &worker->trial_timer);
    while ((trial = worker->trials) != NULL) {
        worker->trials = trial->next;
        free(trial);
    }
    worker->trial_count = 0;
}

void lubdub_trials_begin(struct lubdub_worker *worker, uint64_t holder, uint64_t newcomer)
{
    struct lubdub_record *record = lubdub_pool_find(&worker->pool, holder);
    struct lubdub_trial *trial;

    if (record == NULL || !record->peer->is_session) {
        /* A holder that waits for the identity itself has just said HELLO. */
        tell(worker, holder, newcomer,
             record != NULL && lubdub_session_state(&record->link.session) == LUBDUB_SESSION_ASKED);
        return;
    }
    if (worker->trial_count >= MOST_TRIALS) {
        tell(worker, holder, newcomer,
             lubdub_session_answers_by(&record->link.session, worker->group.settings, 0) > lubdub_clock_now());
        return;
    }
    trial = calloc(1, sizeof *trial);
    if (trial == NULL) {
        return;
    }
    trial->holder = holder;
    trial->newcomer = newcomer;
    ask(worker, trial, record);
    trial->looks_at = lubdub_time_after(trial->asked_at, FIRST_GAP);
    trial->next = worker->trials;
    worker->trials = trial;
    worker->trial_count++;
    set_timer(worker);
}
