/*
 * Holds what all sessions on one libev loop share: the wheel of deadlines with its single ev_timer, the buffers for
 * a turn, and the watch over our own absences.
 *
 * At the end of a turn it may gather: it leaves the sockets alone for a while, so that one wake-up serves many of them
 * (ev/gather.h). It never does so past the next deadline.
 *
 * Every callback asks lubdub_reactor_now() for the time. If the last call is much longer ago than the loop meant to
 * sleep, or this turn of the loop has taken long, we were away (stopped, suspended, busy), and every session's
 * deadlines are moved before any peer is judged. Belongs to the loop's thread.
 */
#ifndef LUBDUB_EV_REACTOR_H
#define LUBDUB_EV_REACTOR_H

#include <ev.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "core/deadlines.h"
#include "core/suspicion.h"
#include "ev/buckets.h"
#include "ev/gather.h"
#include "ev/paths.h"
#include "ev/transport.h"
#include "ev/waiting.h"

/*
 * So many bytes are read from one socket at a time; the rest waits for the loop's next turn, so that no peer holds it.
 */
#define LUBDUB_INPUT_SIZE 8192

/*
 * Verdicts take at most so long in one turn of the loop; the rest comes after the loop has looked at the sockets again.
 * So when thousands of sessions die together, the living sessions wait no longer than this. The clock is read once for
 * a handful of nodes: a verdict costs 15 to 35 µs, most of it the kernel's for BYE and close, but to see that a living
 * session has no deadline yet costs 0.1 µs.
 */
#define LUBDUB_JUDGING_TIME (2 * LUBDUB_MILLISECOND)
#define LUBDUB_JUDGED_AT_ONCE 8

/*
 * A ready socket is dear where it brings the end of its session, or messages, or takes output that waited. If most
 * ready sockets are dear, or the dear ones take most of the time, sockets are served for about so long in one turn, but
 * at least one socket; and no socket is begun after the limit.
 */
#define LUBDUB_SERVING_TIME (8 * LUBDUB_MILLISECOND)
#define LUBDUB_SERVING_LIMIT (10 * LUBDUB_MILLISECOND)

/* So many sockets of ended sessions are closed in one turn. */
#define LUBDUB_CLOSED_PER_TURN 64

/*
 * Frames that waited are written one by one, as a heartbeat may have to go between them. A turn of the loop has so many
 * writes for all sockets, and each step has so many whatever was written before; a call has one.
 */
#define LUBDUB_WRITES_PER_TURN 256
#define LUBDUB_WRITES_AT_LEAST 4

/* The ready sockets of a turn. */
struct lubdub_serving {
    bool has_begun;
    bool were_dear;   /* the turn before had dear sockets */
    bool has_put_off; /* this turn did not serve all */
    bool last_is_dear;
    unsigned to_put_off; /* so many of the next ones wait for the next turn */
    unsigned served;
    unsigned dear;                /* of these */
    lubdub_time began_at;         /* with the first that was served */
    lubdub_time last_at;          /* with the socket that was served last */
    lubdub_duration dear_time;    /* what the dear ones took */
    lubdub_time limit_reached_at; /* 0: it was not */
    lubdub_duration cost;         /* of one socket in such turns, of late */
};

/* A time in which we did not do what was due. */
struct lubdub_absence {
    lubdub_time now;
    lubdub_duration overslept; /* what was more than the loop meant to sleep: what a patience is compared with */
    lubdub_duration away;      /* in all; */
    lubdub_duration before;    /* so much of it was forgiven earlier in this turn */
    bool is_turn;              /* the loop was busy: some were served in the meantime. Else it stood still */
};

struct lubdub_reactor;

/* The functions that the reactor calls on the owners of deadlines. */
struct lubdub_reactor_hooks {
    /* The node was popped; its owner does what is due and sets it again. */
    void (*due)(struct lubdub_deadline *node, lubdub_time now);
    /* We were away; returns the owner's patience (lubdub_session_patience). With an absence of 0 it only does that. */
    lubdub_duration (*forgive)(struct lubdub_deadline *node, const struct lubdub_absence *absence);
    /*
     * The same for links with a running step: their nodes may be popped, and their turns have the time of its
     * beginning.
     */
    void (*forgive_running)(struct lubdub_reactor *reactor, const struct lubdub_absence *absence);
};

struct lubdub_link_step;

struct lubdub_reactor {
    struct ev_loop *loop;
    ev_timer timer;
    ev_prepare turn_end; /* just before the loop sleeps */
    struct lubdub_deadlines deadlines;
    const struct lubdub_reactor_hooks *hooks;
    lubdub_time ran_at;     /* when a callback last asked for the time */
    lubdub_time turn_began; /* when a callback first asked in this turn of the loop; 0: none did; NEVER: it has
                               not run yet */
    lubdub_time armed_for;  /* when the loop is to wake us; LUBDUB_TIME_NEVER: no need */
    lubdub_duration shortest_patience; /* a lower bound of all that are here */
    lubdub_time foreign_due;           /* lubdub_reactor_expect() */
    lubdub_duration foreign_patience;
    lubdub_duration turn_excused;  /* of this turn: what was forgiven as a standstill, */
    lubdub_duration turn_forgiven; /* and as being busy */
    lubdub_duration cost_of_forgiving;
    struct lubdub_serving serving;
    unsigned writes_left;           /* in this turn, beyond the writes that every step has */
    _Atomic uint64_t absence_count; /* how often we were away, and for how long in all; any thread may read it */
    _Atomic lubdub_duration absence_total;
    _Atomic lubdub_duration longest_turn;        /* of the loop, ever; any thread may read it */
    _Atomic lubdub_duration longest_recent_turn; /* since a reader set it to 0 */
    _Atomic lubdub_duration longest_recent_work; /* the most processor time of a turn, since then (note_work) */
    lubdub_duration worked_before;               /* by this thread, when a long turn last ended */
    struct lubdub_buckets turns;                 /* their lengths; any thread may read them */
    struct lubdub_link_step *step;               /* the innermost step that runs (link_step.c) */
    uint8_t *input;                              /* LUBDUB_INPUT_SIZE */
    uint8_t *output;
    size_t output_capacity;
    struct lubdub_suspicion suspicion; /* of the links that count (link_step.c) */
    struct lubdub_gather gather;
    struct lubdub_waiting waiting;
    unsigned ready_count;                /* sockets in this turn */
    unsigned hasty_count;                /* users of this loop that do not want it to gather */
    struct lubdub_paths paths;           /* of the links with Multipath TCP (link_step.c) */
    unsigned link_count;                 /* of all that are open on this loop */
    struct lubdub_transports transports; /* of the links that are not plain */
    unsigned reference_count;
    unsigned busy_count; /* callbacks of ours that are running */
    struct lubdub_reactor *next;
};

/* Returns the loop's reactor; the first call makes it. NULL without memory. */
struct lubdub_reactor *lubdub_reactor_acquire(struct ev_loop *loop, const struct lubdub_reactor_hooks *hooks);

/* The last release frees the reactor, at the end of the callback that is running. */
void lubdub_reactor_release(struct lubdub_reactor *reactor);

/* Called at the beginning and the end of each callback: the reactor is not freed between the two. */
void lubdub_reactor_enter(struct lubdub_reactor *reactor);
void lubdub_reactor_leave(struct lubdub_reactor *reactor);

/* The time for this callback. May move deadlines; calls no application. */
lubdub_time lubdub_reactor_now(struct lubdub_reactor *reactor);

/*
 * Asked once for each ready socket, before anything else is done with it: may it be served in this turn? A socket that
 * may not stays ready, and the loop says so again in its next turn.
 *
 * Thousands of sockets may be ready at once, as when all clients leave together, and the loop calls all of them in one
 * turn. In a turn of dear sockets, the number put off is the number that does not fit into LUBDUB_SERVING_TIME, by the
 * recent cost of one. The kernel lists sockets that are still ready ahead of newly ready ones, and libev calls the last
 * of the list first; so putting off the first ones called serves the sockets that have waited longest, and no socket is
 * put off for ever. The limit is for the first such turn, and for sockets that cost more than the recent ones. A turn
 * that reached the limit has served the sockets that had waited least; the next turn uses the cost that it measured.
 * Sockets with probes are not put off where there are no dear ones: to list and pass over a socket costs a tenth of
 * serving it, and that again in each turn.
 */
bool lubdub_reactor_serves(struct lubdub_reactor *reactor, lubdub_time now);

/* Marks the socket that was served last as dear. */
static inline void lubdub_reactor_note_dear(struct lubdub_reactor *reactor)
{
    reactor->serving.dear++;
    reactor->serving.last_is_dear = true;
}

/* It brought its session's end. Returns whether so many sessions ended that this socket is closed later. */
static inline bool lubdub_reactor_note_end(struct lubdub_reactor *reactor)
{
    lubdub_reactor_note_dear(reactor);
    return reactor->serving.served > LUBDUB_CLOSED_PER_TURN;
}

/* Takes one of the turn's writes. False: there is none left. */
static inline bool lubdub_reactor_writes(struct lubdub_reactor *reactor)
{
    bool has_one = reactor->writes_left > 0;

    reactor->writes_left -= has_one;
    return has_one;
}

/*
 * A user of the loop begins or ceases to keep it from gathering. A loop gathers while nobody does, and its sessions say
 * for how long (lubdub_gather_note).
 */
void lubdub_reactor_hasten(struct lubdub_reactor *reactor, bool is_hasty);

/* Sets or moves the node and sees to it that the loop wakes for it. */
void lubdub_reactor_set(struct lubdub_reactor *reactor, struct lubdub_deadline *node, lubdub_time due);

/* Adds an owner with this patience: absences are measured against the shortest patience. */
void lubdub_reactor_note_patience(struct lubdub_reactor *reactor, lubdub_duration patience);

/* The settings have changed, and perhaps every patience: asks all owners of deadlines for theirs. O(n). */
void lubdub_reactor_renew_patience(struct lubdub_reactor *reactor);

/*
 * Another timer of this loop is set for `due`, and has this patience: absences are noticed by it, too. NEVER: it is not
 * set.
 * There is one such timer for each loop.
 */
void lubdub_reactor_expect(struct lubdub_reactor *reactor, lubdub_time due, lubdub_duration patience);

#endif
