/* Keeps two lists of handshakes, and lets the loop go on with those that wait. */
#include "tls/gate.h"

#include "ev/clock.h"
#include "ev/container_of.h"

static void append(struct lubdub_gate_list *list, struct lubdub_gate_place *place)
{
    place->before = list->last;
    place->after = NULL;
    if (list->last != NULL) {
        list->last->after = place;
    } else {
        list->first = place;
    }
    list->last = place;
    list->count++;
}

static void take_out(struct lubdub_gate_list *list, struct lubdub_gate_place *place)
{
    if (place->before != NULL) {
        place->before->after = place->after;
    } else {
        list->first = place->after;
    }
    if (place->after != NULL) {
        place->after->before = place->before;
    } else {
        list->last = place->before;
    }
    place->before = place->after = NULL;
    list->count--;
}

static void note_counts(struct lubdub_gate *gate)
{
    atomic_store_explicit(&gate->counts->waiting, gate->waiting.count, memory_order_relaxed);
    atomic_store_explicit(&gate->counts->under_way, gate->under_way.count, memory_order_relaxed);
}

/* ---- when the next may begin ---- */

static lubdub_duration until_next(const struct lubdub_gate *gate)
{
    if (gate->under_way.count < gate->limits->most) {
        return 0;
    }
    return lubdub_time_between(lubdub_clock_now(),
                               lubdub_time_after(gate->under_way.first->since, LUBDUB_GATE_PATIENCE));
}

/* The timer is set while some wait: for the next turn, or for the moment at which a place may be taken away. */
static void mind_waiting(struct lubdub_gate *gate)
{
    if (gate->waiting.count == 0) {
        ev_timer_stop(gate->loop, &gate->go_on);
    } else if (!ev_is_active(&gate->go_on) || gate->under_way.count < gate->limits->most) {
        ev_timer_stop(gate->loop, &gate->go_on);
        ev_now_update(gate->loop);
        ev_timer_set(&gate->go_on, (ev_tstamp)until_next(gate) / (ev_tstamp)LUBDUB_SECOND, 0);
        ev_timer_start(gate->loop, &gate->go_on);
    }
}

static void mind_turns(struct lubdub_gate *gate)
{
    if (!ev_is_active(&gate->turn_end)) {
        ev_prepare_start(gate->loop, &gate->turn_end);
        ev_unref(gate->loop); /* this watcher alone does not keep the loop running */
    }
}

static void forget_turns(struct lubdub_gate *gate)
{
    if (ev_is_active(&gate->turn_end)) {
        ev_ref(gate->loop);
        ev_prepare_stop(gate->loop, &gate->turn_end);
    }
}

static void on_turn_end(struct ev_loop *loop, ev_prepare *turn_end, int revents)
{
    struct lubdub_gate *gate = container_of(turn_end, struct lubdub_gate, turn_end);
    (void)loop, (void)revents;

    if (gate->has_put_off) {
        atomic_fetch_add_explicit(&gate->counts->put_off, 1, memory_order_relaxed);
    }
    gate->has_put_off = false;
    gate->begun = 0;
    gate->worked = 0;
    if (gate->waiting.count + gate->under_way.count == 0) {
        forget_turns(gate);
    }
}

/* ---- letting in ---- */

static bool may_begin(struct lubdub_gate *gate)
{
    if (gate->under_way.count >= gate->limits->most) {
        return false;
    }
    gate->has_put_off = gate->has_put_off || gate->begun >= gate->limits->per_turn;
    return gate->begun < gate->limits->per_turn && lubdub_gate_has_time(gate);
}

static void let_in(struct lubdub_gate *gate, struct lubdub_gate_place *place, lubdub_time now)
{
    place->state = LUBDUB_GATE_UNDER_WAY;
    place->since = now;
    place->let_in_at = now;
    append(&gate->under_way, place);
    gate->begun++;
    atomic_fetch_add_explicit(&gate->counts->begun, 1, memory_order_relaxed);
}

/* Takes the place of a client that has not said a word for long. */
static void evict_one(struct lubdub_gate *gate, lubdub_time now)
{
    struct lubdub_gate_place *oldest = gate->under_way.first;

    if (gate->under_way.count < gate->limits->most || lubdub_time_between(oldest->since, now) < LUBDUB_GATE_PATIENCE) {
        return;
    }
    take_out(&gate->under_way, oldest);
    oldest->state = LUBDUB_GATE_EVICTED;
    ev_feed_event(gate->loop, oldest->io, EV_READ);
}

static struct lubdub_gate_place *next_of(const struct lubdub_gate *gate, lubdub_time now)
{
    bool is_old = lubdub_time_between(gate->waiting.first->since, now) > gate->limits->patience;

    return is_old ? gate->waiting.last : gate->waiting.first;
}

static void on_go_on(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_gate *gate = container_of(timer, struct lubdub_gate, go_on);
    lubdub_time now = lubdub_clock_now();
    (void)revents;

    while (gate->waiting.count > 0) {
        struct lubdub_gate_place *next;

        evict_one(gate, now);
        if (!may_begin(gate)) {
            break;
        }
        next = next_of(gate, now);
        take_out(&gate->waiting, next);
        let_in(gate, next, now);
        ev_feed_event(loop, next->io, EV_READ);
    }
    mind_waiting(gate);
    note_counts(gate);
}

/* ---- for the streams ---- */

void lubdub_gate_init(struct lubdub_gate *gate, struct ev_loop *loop, struct lubdub_transport_counts *counts,
                      const struct lubdub_handshake_limits *limits)
{
    *gate = (struct lubdub_gate){.loop = loop, .counts = counts, .limits = limits};
    ev_timer_init(&gate->go_on, on_go_on, 0, 0);
    ev_prepare_init(&gate->turn_end, on_turn_end);
}

void lubdub_gate_clear(struct lubdub_gate *gate)
{
    ev_timer_stop(gate->loop, &gate->go_on);
    forget_turns(gate);
}

void lubdub_gate_enter(struct lubdub_gate *gate, struct lubdub_gate_place *place, ev_io *io)
{
    lubdub_time now = lubdub_clock_now();

    place->io = io;
    if (gate->under_way.count + gate->waiting.count >= gate->limits->most) {
        atomic_fetch_add_explicit(&gate->counts->met_most, 1, memory_order_relaxed);
    }
    if (gate->waiting.count == 0 && may_begin(gate)) {
        let_in(gate, place, now);
    } else {
        place->state = LUBDUB_GATE_WAITING;
        place->since = now;
        append(&gate->waiting, place);
        mind_waiting(gate);
    }
    mind_turns(gate);
    note_counts(gate);
}

void lubdub_gate_leave(struct lubdub_gate *gate, struct lubdub_gate_place *place)
{
    if (place->state == LUBDUB_GATE_WAITING) {
        take_out(&gate->waiting, place);
    } else if (place->state == LUBDUB_GATE_UNDER_WAY) {
        take_out(&gate->under_way, place);
    }
    place->state = LUBDUB_GATE_OUTSIDE;
    mind_waiting(gate);
    note_counts(gate);
}

void lubdub_gate_put_back(struct lubdub_gate *gate, struct lubdub_gate_place *place)
{
    take_out(&gate->under_way, place);
    place->state = LUBDUB_GATE_WAITING;
    place->after = gate->waiting.first;
    if (place->after != NULL) {
        place->after->before = place;
    } else {
        gate->waiting.last = place;
    }
    gate->waiting.first = place;
    gate->waiting.count++;
    atomic_fetch_sub_explicit(&gate->counts->begun, 1, memory_order_relaxed);
    mind_waiting(gate);
    note_counts(gate);
}

bool lubdub_gate_has_time(struct lubdub_gate *gate)
{
    gate->has_put_off = gate->has_put_off || gate->worked >= gate->limits->work;
    return gate->worked < gate->limits->work;
}

void lubdub_gate_note_work(struct lubdub_gate *gate, lubdub_duration took)
{
    gate->worked += took;
    mind_turns(gate);
}

void lubdub_gate_note_heard(struct lubdub_gate *gate, struct lubdub_gate_place *place)
{
    if (place->state == LUBDUB_GATE_UNDER_WAY) {
        take_out(&gate->under_way, place);
        place->since = lubdub_clock_now();
        append(&gate->under_way, place);
    }
}
