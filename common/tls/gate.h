/*
 * Lets so many TLS handshakes of a loop's server side be under way at a time, and so many begin in a turn, within so
 * much of its time (struct lubdub_handshake_limits).
 *
 *     waiting ──► under way ──► (open, failed or given up: it leaves)
 *
 * A client that begins a handshake and says nothing more keeps its place only until another one wants it. Of those that
 * wait, the first comes first; but where the first has waited for long, the last comes first: its client is still
 * there. Belongs to the loop's thread.
 */
#ifndef LUBDUB_TLS_GATE_H
#define LUBDUB_TLS_GATE_H

#include <ev.h>
#include <stdbool.h>

#include <lubdub/time.h>

#include "ev/transport.h"

/* How long a client may keep its place while others wait for one: many round trips, on any path. */
#define LUBDUB_GATE_PATIENCE LUBDUB_SECOND

enum lubdub_gate_state {
    LUBDUB_GATE_OUTSIDE,
    LUBDUB_GATE_WAITING,
    LUBDUB_GATE_UNDER_WAY,
    LUBDUB_GATE_EVICTED, /* another one needed the place */
};

/* One handshake. Zeroed: outside. */
struct lubdub_gate_place {
    struct lubdub_gate_place *before;
    struct lubdub_gate_place *after;
    ev_io *io;             /* is fed EV_READ when the place has changed from waiting, or was taken away */
    lubdub_time since;     /* it waits, or its client was last heard */
    lubdub_time let_in_at; /* under way: for the measure of its length */
    enum lubdub_gate_state state;
};

struct lubdub_gate_list {
    struct lubdub_gate_place *first;
    struct lubdub_gate_place *last;
    unsigned count;
};

struct lubdub_gate {
    struct ev_loop *loop;
    ev_timer go_on;      /* some that wait may begin */
    ev_prepare turn_end; /* while anything is here, and after work */
    struct lubdub_gate_list waiting;
    struct lubdub_gate_list under_way; /* longest without a word first */
    struct lubdub_transport_counts *counts;
    const struct lubdub_handshake_limits *limits;
    size_t begun;           /* in this turn */
    lubdub_duration worked; /* in this turn */
    bool has_put_off;       /* in this turn: there was more to do */
};

/* counts and limits are the loop's, and outlive the gate; limits may change between two calls. */
void lubdub_gate_init(struct lubdub_gate *gate, struct ev_loop *loop, struct lubdub_transport_counts *counts,
                      const struct lubdub_handshake_limits *limits);
void lubdub_gate_clear(struct lubdub_gate *gate);

/* Takes a place, which is under way at once where that is possible, and waits otherwise; place->state says which. */
void lubdub_gate_enter(struct lubdub_gate *gate, struct lubdub_gate_place *place, ev_io *io);

/* It is open, or has failed. Does nothing outside. */
void lubdub_gate_leave(struct lubdub_gate *gate, struct lubdub_gate_place *place);

/* Whether there is time left in this turn for a connection that is not open. If not, the turn counts as one that put
 * off. */
bool lubdub_gate_has_time(struct lubdub_gate *gate);

/*
 * One that was let in and has no time left in this turn: it waits again, as the first. Its ClientHello was read, so
 * that its socket would not become ready again.
 */
void lubdub_gate_put_back(struct lubdub_gate *gate, struct lubdub_gate_place *place);

/* Something was done for one, and took so long. */
void lubdub_gate_note_work(struct lubdub_gate *gate, lubdub_duration took);

/* The client has gone on with its handshake. */
void lubdub_gate_note_heard(struct lubdub_gate *gate, struct lubdub_gate_place *place);

#endif
