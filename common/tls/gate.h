/*
 * Lets so many TLS handshakes of a loop's server side be under way at a time, and so many begin in a turn: the objects
 * of one take some 46 kB, its arithmetic 0.3 to 1 ms, and the sessions that are up wait meanwhile.
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

#define LUBDUB_GATE_HANDSHAKES 256
#define LUBDUB_GATE_BEGUN_PER_TURN 8

/* What is not open yet is worked on for at most so long in a turn, all together; one that has begun a step ends it. */
#define LUBDUB_GATE_TIME_PER_TURN (4 * LUBDUB_MILLISECOND)

/* How long a client may keep its place while others wait for one: many round trips, on any path. */
#define LUBDUB_GATE_PATIENCE LUBDUB_SECOND

/* After this time in the queue the last one comes first: the client of the first one waits for five seconds by default.
 */
#define LUBDUB_GATE_QUEUE_PATIENCE (2500 * LUBDUB_MILLISECOND)

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
    ev_io *io;         /* is fed EV_READ when the place has changed from waiting, or was taken away */
    lubdub_time since; /* it waits, or its client was last heard */
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
    unsigned begun;         /* in this turn */
    lubdub_duration worked; /* in this turn */
};

void lubdub_gate_init(struct lubdub_gate *gate, struct ev_loop *loop, struct lubdub_transport_counts *counts);
void lubdub_gate_clear(struct lubdub_gate *gate);

/* Takes a place, which is under way at once where that is possible, and waits otherwise; place->state says which. */
void lubdub_gate_enter(struct lubdub_gate *gate, struct lubdub_gate_place *place, ev_io *io);

/* It is open, or has failed. Does nothing outside. */
void lubdub_gate_leave(struct lubdub_gate *gate, struct lubdub_gate_place *place);

/* Whether there is time left in this turn for a connection that is not open. */
bool lubdub_gate_has_time(const struct lubdub_gate *gate);

/* Something was done for one, and took so long. */
void lubdub_gate_note_work(struct lubdub_gate *gate, lubdub_duration took);

/* The client has gone on with its handshake. */
void lubdub_gate_note_heard(struct lubdub_gate *gate, struct lubdub_gate_place *place);

#endif
