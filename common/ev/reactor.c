/* Drives all deadlines of a loop with one timer, and notices our own absences by the clock. */
#include "ev/reactor.h"

#include <pthread.h>
#include <stdlib.h>

#include <lubdub/frame.h>

#include "ev/clock.h"
#include "ev/container_of.h"

/* Shorter absences are the machine's ordinary unpunctuality. */
#define SHORTEST_ABSENCE (2 * LUBDUB_MILLISECOND)

/* The processor time of turns from this length on is read. */
#define LONG_TURN LUBDUB_MILLISECOND

/* The cost of a dear socket, before it was measured. */
#define USUAL_COST (10 * LUBDUB_MICROSECOND)

/* A turn with at least so many sockets is enough to measure what one costs. */
#define ENOUGH_TO_LEARN 64

/* Forgiving takes time itself: in one turn so many times less than what is forgiven. */
#define SHARE_OF_FORGIVING 8

/* Room for the answers to one input and for two frames of any size besides. */
#define OUTPUT_SIZE (LUBDUB_INPUT_SIZE + 2 * (LUBDUB_HEADER_LENGTH + LUBDUB_CONTENT_LIMIT))

/* So few nodes are looked at together, even where they lie in a coarse slot of the wheel. */
#define FEW 64

static pthread_mutex_t reactors_lock = PTHREAD_MUTEX_INITIALIZER;
static struct lubdub_reactor *reactors;

static void arm(struct lubdub_reactor *reactor, lubdub_time due)
{
    lubdub_time now = lubdub_clock_now();
    ev_tstamp after = due > now ? (ev_tstamp)(due - now) / (ev_tstamp)LUBDUB_SECOND : 0;

    reactor->armed_for = due;
    ev_timer_stop(reactor->loop, &reactor->timer);
    if (due == LUBDUB_TIME_NEVER) {
        return;
    }
    /* libev counts from its own idea of now, which is as old as this turn of the loop. */
    ev_now_update(reactor->loop);
    ev_timer_set(&reactor->timer, after, 0);
    ev_timer_start(reactor->loop, &reactor->timer);
}

/* Each wake-up before the first deadline costs a loop with little to do as much as the heartbeat itself. */
static lubdub_time next_due(struct lubdub_reactor *reactor)
{
    return reactor->link_count <= FEW ? lubdub_deadlines_first(&reactor->deadlines)
                                      : lubdub_deadlines_next(&reactor->deadlines);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_reactor *reactor = container_of(timer, struct lubdub_reactor, timer);
    struct lubdub_deadline *node;
    lubdub_time now;
    lubdub_time began;
    unsigned judged = 0;
    (void)loop, (void)revents;

    lubdub_reactor_enter(reactor);
    began = now = lubdub_reactor_now(reactor);
    reactor->armed_for = 0; /* so that no callback arms the timer before we do, below */
    while (lubdub_time_between(began, now) < LUBDUB_JUDGING_TIME &&
           (node = lubdub_deadlines_pop(&reactor->deadlines, now)) != NULL) {
        reactor->hooks->due(node, now);
        if (++judged % LUBDUB_JUDGED_AT_ONCE == 0) {
            now = lubdub_reactor_now(reactor);
        }
    }
    arm(reactor, next_due(reactor));
    lubdub_reactor_leave(reactor);
}

/* One thread writes; any thread may read, or set it to 0. */
static void raise_to(_Atomic lubdub_duration *longest, lubdub_duration length)
{
    if (length > atomic_load_explicit(longest, memory_order_relaxed)) {
        atomic_store_explicit(longest, length, memory_order_relaxed);
    }
}

static bool is_dear(const struct lubdub_serving *serving, lubdub_time now)
{
    return serving->dear > serving->served / 2 || serving->dear_time > lubdub_time_between(serving->began_at, now) / 2;
}

/* Counts the time that the last served socket took. */
static void note_time(struct lubdub_serving *serving, lubdub_time now)
{
    if (serving->last_is_dear) {
        serving->dear_time += lubdub_time_between(serving->last_at, now);
    }
    serving->last_is_dear = false;
    serving->last_at = now;
}

/* Learns what a socket costs, from turns with enough sockets, and from turns that did not serve all of them. */
static void learn_cost(struct lubdub_serving *serving, lubdub_time ended_at)
{
    lubdub_duration each = lubdub_time_between(serving->began_at, ended_at) / serving->served;

    if (serving->limit_reached_at != 0) {
        serving->cost = lubdub_duration_longer(serving->cost, each);
    } else if (serving->served >= ENOUGH_TO_LEARN || serving->has_put_off) {
        serving->cost = (serving->cost + each) / 2;
    }
    serving->cost = lubdub_duration_longer(serving->cost, LUBDUB_MICROSECOND);
}

static void end_serving(struct lubdub_reactor *reactor, lubdub_time now)
{
    struct lubdub_serving *serving = &reactor->serving;
    lubdub_time ended_at = serving->limit_reached_at != 0 ? serving->limit_reached_at : now;

    note_time(serving, ended_at);
    serving->were_dear = serving->served > 0 && is_dear(serving, ended_at);
    if (serving->were_dear) {
        learn_cost(serving, ended_at);
    }
    *serving = (struct lubdub_serving){.were_dear = serving->were_dear, .cost = serving->cost};
}

/* At the first ready socket of a turn, decides how many sockets will be put off. */
static void begin_serving(struct lubdub_reactor *reactor)
{
    struct lubdub_serving *serving = &reactor->serving;
    unsigned ready = ev_pending_count(reactor->loop) + 1;
    lubdub_duration fit = lubdub_duration_longer(LUBDUB_SERVING_TIME / serving->cost, 1);

    serving->has_begun = true;
    if (ready > reactor->link_count) {
        ready = reactor->link_count; /* the others are the application's */
    }
    if (serving->were_dear && ready > fit) {
        serving->to_put_off = ready - (unsigned)fit;
        serving->has_put_off = true;
    }
}

bool lubdub_reactor_serves(struct lubdub_reactor *reactor, lubdub_time now)
{
    struct lubdub_serving *serving = &reactor->serving;

    reactor->ready_count++;
    if (!serving->has_begun) {
        begin_serving(reactor);
    }
    if (serving->to_put_off > 0) {
        serving->to_put_off--;
        return false;
    }
    if (serving->limit_reached_at != 0) {
        return false;
    }
    if (serving->served == 0) {
        serving->began_at = serving->last_at = now;
    }
    note_time(serving, now);
    if (lubdub_time_between(serving->began_at, now) >= LUBDUB_SERVING_LIMIT && is_dear(serving, now)) {
        serving->limit_reached_at = now;
        return false;
    }
    serving->served++;
    return true;
}

/* ---- absences ---- */

struct visit {
    struct lubdub_reactor *reactor;
    const struct lubdub_absence *absence;
    lubdub_duration shortest_patience;
};

static void forgive(struct lubdub_deadline *node, void *user_data)
{
    struct visit *visit = user_data;
    lubdub_duration patience = visit->reactor->hooks->forgive(node, visit->absence);

    visit->shortest_patience = lubdub_duration_shorter(visit->shortest_patience, patience);
}

static void visit_all(struct lubdub_reactor *reactor, const struct lubdub_absence *absence)
{
    struct visit visit = {.reactor = reactor, .absence = absence, .shortest_patience = UINT64_MAX};

    lubdub_deadlines_visit(&reactor->deadlines, forgive, &visit);
    reactor->shortest_patience = visit.shortest_patience;
}

static void forgive_all(struct lubdub_reactor *reactor, const struct lubdub_absence *absence)
{
    reactor->absence_count += absence->before == 0;
    reactor->absence_total += absence->away - absence->before;
    visit_all(reactor, absence);
    if (reactor->step != NULL) {
        reactor->hooks->forgive_running(reactor, absence);
    }
    reactor->cost_of_forgiving = lubdub_time_between(absence->now, lubdub_clock_now());
}

static lubdub_duration shortest_absence(const struct lubdub_reactor *reactor)
{
    return lubdub_duration_longer(lubdub_duration_shorter(reactor->shortest_patience, reactor->foreign_patience) / 4,
                                  SHORTEST_ABSENCE);
}

/* Forgives a standstill: no callback asked for the time since ran_at. */
static void forgive_standstill(struct lubdub_reactor *reactor, lubdub_time now, lubdub_duration overslept)
{
    const struct lubdub_absence absence = {
        .now = now, .overslept = overslept, .away = lubdub_time_between(reactor->ran_at, now)};

    reactor->turn_excused += reactor->turn_began != 0 ? absence.away : 0;
    forgive_all(reactor, &absence);
}

/*
 * Forgives a long turn, once at least `at_least` has passed since the last time. Returns whether it was forgiven now.
 */
static bool forgive_turn(struct lubdub_reactor *reactor, lubdub_time now, lubdub_duration at_least)
{
    lubdub_duration busy = lubdub_time_between(reactor->turn_excused, lubdub_time_between(reactor->turn_began, now));
    const struct lubdub_absence absence = {
        .now = now, .overslept = busy, .away = busy, .before = reactor->turn_forgiven, .is_turn = true};

    if (busy - absence.before < lubdub_duration_longer(shortest_absence(reactor), at_least)) {
        return false;
    }
    reactor->turn_forgiven = busy;
    forgive_all(reactor, &absence);
    return true;
}

/*
 * Until the next deadline at most: then libev has to call the timer. So a gather is no absence, and it delays no
 * verdict. A turn that put sockets off goes on at once.
 */
static void gather(struct lubdub_reactor *reactor, lubdub_time began, lubdub_time now, bool goes_on)
{
    lubdub_time until = lubdub_gather_until(&reactor->gather, began, now, reactor->ready_count);

    until = lubdub_time_earlier(until, lubdub_time_earlier(reactor->armed_for, reactor->foreign_due));
    if (until > now && !goes_on) {
        lubdub_waiting_wait(&reactor->waiting, now, until);
    }
}

/*
 * What a turn takes by the clock may be the machine's: another program had the processor. So of turns that are long
 * their processor time is kept, too. It is read at the end of long turns only, as reading it is a system call. The time
 * between two readings may hold short turns besides the long one, so the figure is never too low; and it is never more
 * than the turn.
 */
static void note_work(struct lubdub_reactor *reactor, lubdub_duration length)
{
    lubdub_duration worked;
    lubdub_duration since;

    if (length < LONG_TURN) {
        raise_to(&reactor->longest_recent_work, length);
        return;
    }
    worked = lubdub_clock_worked();
    since = worked > reactor->worked_before ? worked - reactor->worked_before : length;
    reactor->worked_before = worked;
    raise_to(&reactor->longest_recent_work, lubdub_duration_shorter(since, length));
}

/*
 * A turn is measured from the first reading of the clock in it, which was taken anyway: this costs one more reading in
 * a turn, and none in a turn in which no callback asked for the time.
 */
static void on_turn_end(struct ev_loop *loop, ev_prepare *turn_end, int revents)
{
    struct lubdub_reactor *reactor = container_of(turn_end, struct lubdub_reactor, turn_end);
    lubdub_duration length;
    lubdub_time began = reactor->turn_began;
    lubdub_time now;
    bool goes_on = reactor->writes_left == 0 || reactor->serving.has_put_off || reactor->serving.limit_reached_at != 0;
    (void)loop, (void)revents;

    reactor->writes_left = LUBDUB_WRITES_PER_TURN;
    if (began == 0) {
        return;
    }
    now = lubdub_clock_now();
    length = lubdub_time_between(began, now);
    if (began != LUBDUB_TIME_NEVER && forgive_turn(reactor, now, 0)) {
        reactor->ran_at = now; /* so that this time is not forgiven once more when the loop wakes */
    }
    reactor->turn_began = 0;
    reactor->turn_excused = reactor->turn_forgiven = 0;
    if (reactor->serving.has_begun) {
        end_serving(reactor, now);
    }
    lubdub_buckets_add(&reactor->turns, length);
    raise_to(&reactor->longest_recent_turn, length);
    raise_to(&reactor->longest_turn, length);
    note_work(reactor, length);
    if (reactor->hasty_count == 0 && began != LUBDUB_TIME_NEVER) {
        gather(reactor, began, now, goes_on);
    }
    reactor->ready_count = 0;
}

/* Watches the ends of turns. This watcher alone does not keep the loop running. */
static void watch_turns(struct lubdub_reactor *reactor)
{
    ev_prepare_init(&reactor->turn_end, on_turn_end);
    ev_set_priority(&reactor->turn_end, EV_MINPRI); /* after the application's: what they take is part of the turn */
    ev_prepare_start(reactor->loop, &reactor->turn_end);
    ev_unref(reactor->loop);
}

static struct lubdub_reactor *reactor_new(struct ev_loop *loop, const struct lubdub_reactor_hooks *hooks)
{
    struct lubdub_reactor *reactor = calloc(1, sizeof *reactor);

    if (reactor == NULL) {
        return NULL;
    }
    reactor->input = malloc(LUBDUB_INPUT_SIZE);
    reactor->output = malloc(OUTPUT_SIZE);
    if (reactor->input == NULL || reactor->output == NULL) {
        free(reactor->input);
        free(reactor->output);
        free(reactor);
        return NULL;
    }
    reactor->output_capacity = OUTPUT_SIZE;
    reactor->loop = reactor->transports.loop = loop;
    reactor->hooks = hooks;
    reactor->ran_at = lubdub_clock_now();
    reactor->armed_for = LUBDUB_TIME_NEVER;
    reactor->turn_began = LUBDUB_TIME_NEVER; /* what is done before the loop runs is no turn of it */
    reactor->shortest_patience = reactor->foreign_patience = UINT64_MAX;
    reactor->foreign_due = LUBDUB_TIME_NEVER;
    reactor->serving.cost = USUAL_COST;
    reactor->writes_left = LUBDUB_WRITES_PER_TURN;
    lubdub_gather_init(&reactor->gather, lubdub_clock_now() % LUBDUB_SECOND);
    lubdub_waiting_init(&reactor->waiting);
    lubdub_deadlines_init(&reactor->deadlines, reactor->ran_at);
    ev_timer_init(&reactor->timer, on_timer, 0, 0);
    watch_turns(reactor);
    return reactor;
}

static void reactor_free(struct lubdub_reactor *reactor)
{
    ev_timer_stop(reactor->loop, &reactor->timer);
    ev_ref(reactor->loop);
    ev_prepare_stop(reactor->loop, &reactor->turn_end);
    lubdub_waiting_clear(&reactor->waiting);
    lubdub_paths_clear(&reactor->paths);
    lubdub_transports_clear(&reactor->transports);
    free(reactor->input);
    free(reactor->output);
    free(reactor);
}

struct lubdub_reactor *lubdub_reactor_acquire(struct ev_loop *loop, const struct lubdub_reactor_hooks *hooks)
{
    struct lubdub_reactor *reactor;

    pthread_mutex_lock(&reactors_lock);
    for (reactor = reactors; reactor != NULL && reactor->loop != loop;) {
        reactor = reactor->next;
    }
    if (reactor == NULL) {
        reactor = reactor_new(loop, hooks);
        if (reactor != NULL) {
            reactor->next = reactors;
            reactors = reactor;
        }
    }
    if (reactor != NULL) {
        reactor->reference_count++;
    }
    pthread_mutex_unlock(&reactors_lock);
    return reactor;
}

static void free_if_unused(struct lubdub_reactor *reactor)
{
    struct lubdub_reactor **link;
    bool is_unused;

    pthread_mutex_lock(&reactors_lock);
    is_unused = reactor->reference_count == 0 && reactor->busy_count == 0;
    for (link = &reactors; is_unused && *link != NULL; link = &(*link)->next) {
        if (*link == reactor) {
            *link = reactor->next;
            break;
        }
    }
    pthread_mutex_unlock(&reactors_lock);
    if (is_unused) {
        reactor_free(reactor);
    }
}

void lubdub_reactor_release(struct lubdub_reactor *reactor)
{
    pthread_mutex_lock(&reactors_lock);
    reactor->reference_count--;
    pthread_mutex_unlock(&reactors_lock);
    free_if_unused(reactor);
}

void lubdub_reactor_enter(struct lubdub_reactor *reactor)
{
    reactor->busy_count++;
}

void lubdub_reactor_leave(struct lubdub_reactor *reactor)
{
    reactor->busy_count--;
    if (reactor->busy_count == 0 && reactor->reference_count == 0) {
        free_if_unused(reactor);
    }
}

/* 0 between turns, and before the first one. */
static lubdub_duration time_in_turn(const struct lubdub_reactor *reactor, lubdub_time now)
{
    return reactor->turn_began != 0 ? lubdub_time_between(reactor->turn_began, now) : 0;
}

/* Also where it is too short for the sessions that there are. */
static void notice_absence(struct lubdub_reactor *reactor, lubdub_time now)
{
    lubdub_time due = lubdub_time_earlier(reactor->armed_for, reactor->foreign_due);
    lubdub_duration overslept = lubdub_time_between(due > reactor->ran_at ? due : reactor->ran_at, now);
    lubdub_duration shortest = shortest_absence(reactor);

    if (overslept >= shortest) {
        forgive_standstill(reactor, now, overslept);
    } else if (time_in_turn(reactor, now) >= shortest) {
        (void)forgive_turn(reactor, now, SHARE_OF_FORGIVING * reactor->cost_of_forgiving);
    }
}

lubdub_time lubdub_reactor_now(struct lubdub_reactor *reactor)
{
    lubdub_time now = lubdub_clock_now();

    if (lubdub_time_between(reactor->ran_at, now) >= SHORTEST_ABSENCE ||
        time_in_turn(reactor, now) >= SHORTEST_ABSENCE) {
        notice_absence(reactor, now);
    }
    reactor->ran_at = now;
    if (reactor->turn_began == 0) {
        reactor->turn_began = now;
    }
    return now;
}

void lubdub_reactor_set(struct lubdub_reactor *reactor, struct lubdub_deadline *node, lubdub_time due)
{
    lubdub_deadlines_set(&reactor->deadlines, node, due);
    if (due < reactor->armed_for) {
        arm(reactor, next_due(reactor));
    }
}

void lubdub_reactor_hasten(struct lubdub_reactor *reactor, bool is_hasty)
{
    reactor->hasty_count += is_hasty ? 1 : -1u;
}

void lubdub_reactor_note_patience(struct lubdub_reactor *reactor, lubdub_duration patience)
{
    if (patience < reactor->shortest_patience) {
        reactor->shortest_patience = patience;
    }
}

void lubdub_reactor_renew_patience(struct lubdub_reactor *reactor)
{
    visit_all(reactor, &(struct lubdub_absence){0});
}

void lubdub_reactor_expect(struct lubdub_reactor *reactor, lubdub_time due, lubdub_duration patience)
{
    reactor->foreign_due = due;
    reactor->foreign_patience = due != LUBDUB_TIME_NEVER ? patience : UINT64_MAX;
}
