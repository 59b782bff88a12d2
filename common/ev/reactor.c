/* One timer for all deadlines of a loop, and the clock that notices our own absence. */
#include "ev/reactor.h"

#include <pthread.h>
#include <stdlib.h>

#include <lubdub/frame.h>

#include "ev/clock.h"
#include "ev/container_of.h"

/* Shorter absences are the machine's ordinary unpunctuality. */
#define SHORTEST_ABSENCE (2 * LUBDUB_MILLISECOND)

/* Of an end, before anything was learned. */
#define USUAL_COST (10 * LUBDUB_MICROSECOND)

/* Room for the answers to one input and for two frames of any size besides. */
#define OUTPUT_SIZE (LUBDUB_INPUT_SIZE + 2 * (LUBDUB_HEADER_LENGTH + LUBDUB_CONTENT_LIMIT))

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
    reactor->armed_for = 0; /* so that nobody arms the timer before we do, below */
    while (lubdub_time_between(began, now) < LUBDUB_JUDGING_TIME &&
           (node = lubdub_deadlines_pop(&reactor->deadlines, now)) != NULL) {
        reactor->hooks->due(node, now);
        if (++judged % LUBDUB_JUDGED_AT_ONCE == 0) {
            now = lubdub_reactor_now(reactor);
        }
    }
    arm(reactor, lubdub_deadlines_next(&reactor->deadlines));
    lubdub_reactor_leave(reactor);
}

/* One thread writes; any may read, or begin anew at 0. */
static void raise_to(_Atomic lubdub_duration *longest, lubdub_duration length)
{
    if (length > atomic_load_explicit(longest, memory_order_relaxed)) {
        atomic_store_explicit(longest, length, memory_order_relaxed);
    }
}

/* Learns what an end took, from turns with enough of them to say. */
static void end_serving(struct lubdub_reactor *reactor, lubdub_time now)
{
    struct lubdub_serving *serving = &reactor->serving;
    lubdub_time ended_at = serving->limit_reached_at != 0 ? serving->limit_reached_at : now;

    serving->were_ends = serving->ended > serving->served / 2;
    if (serving->were_ends && serving->served >= LUBDUB_SERVED_AT_LEAST) {
        lubdub_duration each = lubdub_time_between(serving->began_at, ended_at) / serving->served;

        serving->cost_of_end = lubdub_duration_longer((serving->cost_of_end + each) / 2, LUBDUB_MICROSECOND);
    }
    serving->has_begun = false;
    serving->to_put_off = serving->served = serving->ended = 0;
    serving->limit_reached_at = 0;
}

/* The first ready socket of a turn: settles how many will be put off. */
static void begin_serving(struct lubdub_reactor *reactor)
{
    struct lubdub_serving *serving = &reactor->serving;
    unsigned ready = ev_pending_count(reactor->loop) + 1;
    lubdub_duration fit = LUBDUB_SERVING_TIME / serving->cost_of_end;

    serving->has_begun = true;
    if (ready > reactor->suspicion.session_count) {
        ready = reactor->suspicion.session_count; /* the others are the application's */
    }
    if (fit < LUBDUB_SERVED_AT_LEAST) {
        fit = LUBDUB_SERVED_AT_LEAST;
    }
    if (serving->were_ends && ready > fit) {
        serving->to_put_off = ready - (unsigned)fit;
    }
}

bool lubdub_reactor_serves(struct lubdub_reactor *reactor, lubdub_time now)
{
    struct lubdub_serving *serving = &reactor->serving;

    if (!serving->has_begun) {
        begin_serving(reactor);
    }
    if (serving->to_put_off > 0) {
        serving->to_put_off--;
        return false;
    }
    if (serving->served == 0) {
        serving->began_at = now;
    }
    if (serving->limit_reached_at == 0 && serving->ended > serving->served / 2 &&
        lubdub_time_between(serving->began_at, now) >= LUBDUB_SERVING_LIMIT) {
        serving->limit_reached_at = now;
    }
    if (serving->limit_reached_at != 0) {
        return false;
    }
    serving->served++;
    return true;
}

/*
 * A turn is measured from the first reading of the clock in it, which was taken anyway: it costs one reading more, and
 * one in which nobody asked for the time costs none.
 */
static void on_turn_end(struct ev_loop *loop, ev_prepare *turn_end, int revents)
{
    struct lubdub_reactor *reactor = container_of(turn_end, struct lubdub_reactor, turn_end);
    lubdub_duration length;
    lubdub_time now;
    (void)loop, (void)revents;

    reactor->writes_left = LUBDUB_WRITES_PER_TURN;
    if (reactor->turn_began == 0) {
        return;
    }
    now = lubdub_clock_now();
    length = lubdub_time_between(reactor->turn_began, now);
    reactor->turn_began = 0;
    if (reactor->serving.has_begun) {
        end_serving(reactor, now);
    }
    raise_to(&reactor->longest_recent_turn, length);
    raise_to(&reactor->longest_turn, length);
}

/* The loop does not stay for this watcher: who has nothing else to wait for is done. */
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
    reactor->loop = loop;
    reactor->hooks = hooks;
    reactor->ran_at = lubdub_clock_now();
    reactor->armed_for = LUBDUB_TIME_NEVER;
    reactor->turn_began = LUBDUB_TIME_NEVER; /* what is done before the loop runs is no turn of it */
    reactor->shortest_patience = UINT64_MAX;
    reactor->serving.cost_of_end = USUAL_COST;
    reactor->writes_left = LUBDUB_WRITES_PER_TURN;
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

struct absence {
    struct lubdub_reactor *reactor;
    lubdub_duration away;
    lubdub_duration overslept;
    lubdub_duration shortest_patience;
};

static void forgive(struct lubdub_deadline *node, void *user_data)
{
    struct absence *absence = user_data;
    lubdub_duration patience = absence->reactor->hooks->forgive(node, absence->away, absence->overslept);

    if (patience < absence->shortest_patience) {
        absence->shortest_patience = patience;
    }
}

static void forgive_all(struct lubdub_reactor *reactor, lubdub_duration away, lubdub_duration overslept)
{
    struct absence absence = {
        .reactor = reactor, .away = away, .overslept = overslept, .shortest_patience = UINT64_MAX};

    reactor->absence_count++;
    reactor->absence_total += away;
    lubdub_deadlines_visit(&reactor->deadlines, forgive, &absence);
    reactor->shortest_patience = absence.shortest_patience;
}

lubdub_time lubdub_reactor_now(struct lubdub_reactor *reactor)
{
    lubdub_time now = lubdub_clock_now();
    lubdub_time expected = reactor->armed_for > reactor->ran_at ? reactor->armed_for : reactor->ran_at;
    lubdub_duration overslept = lubdub_time_between(expected, now);

    if (overslept >= SHORTEST_ABSENCE && overslept >= reactor->shortest_patience / 4) {
        forgive_all(reactor, lubdub_time_between(reactor->ran_at, now), overslept);
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
        arm(reactor, lubdub_deadlines_next(&reactor->deadlines));
    }
}

void lubdub_reactor_note_patience(struct lubdub_reactor *reactor, lubdub_duration patience)
{
    if (patience < reactor->shortest_patience) {
        reactor->shortest_patience = patience;
    }
}
