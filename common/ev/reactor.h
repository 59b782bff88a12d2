/*
 * What all sessions on one libev loop share: the wheel of deadlines with its single ev_timer, the buffers for
 * a turn, and the watch over ourselves.
 *
 * Every callback asks lubdub_reactor_now() for the time. Where that finds that nobody asked for much longer than
 * the loop meant to sleep, or that this turn of the loop has taken for long, we were away (stopped, suspended, busy), and
 * every session's deadlines are moved before anybody is judged. Belongs to the loop's thread.
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

/* Read from one socket at a time; what is more waits for the loop's next round, so that no peer holds it. */
#define LUBDUB_INPUT_SIZE 8192

/*
 * Verdicts take so long in one turn of the loop; the rest after it has looked at the sockets again. So when thousands
 * die together, the living wait for no more than this. The clock is read once for a handful of them: a verdict costs 15
 * to 35 µs, most of it the kernel's for BYE and close, but to see that one who lives has no deadline yet costs 0.1 µs.
 */
#define LUBDUB_JUDGING_TIME (2 * LUBDUB_MILLISECOND)
#define LUBDUB_JUDGED_AT_ONCE 8

/*
 * A ready socket is dear where it brings the end of its session, or messages. Where most of those that are ready are dear,
 * or dear ones take most of the time, sockets are served for about so long in one turn, but one at the least; and none is
 * begun on after the limit.
 */
#define LUBDUB_SERVING_TIME (8 * LUBDUB_MILLISECOND)
#define LUBDUB_SERVING_LIMIT (10 * LUBDUB_MILLISECOND)

/* So many ends of a turn are closed in it. */
#define LUBDUB_CLOSED_PER_TURN 64

/*
 * Frames that waited are written one by one, as a heartbeat may have to go between them. So many writes has a turn of
 * the loop for all sockets, and so many has each step whatever was written before; a call has one.
 */
#define LUBDUB_WRITES_PER_TURN 256
#define LUBDUB_WRITES_AT_LEAST 4

/* The ready sockets of a turn. */
struct lubdub_serving {
    bool has_begun;
    bool were_dear;      /* the turn before was one of dear ones */
    bool has_put_off;    /* this turn did not serve all */
    bool last_is_dear;
    unsigned to_put_off; /* so many of the next ones wait for the next turn */
    unsigned served;
    unsigned dear;                /* of these */
    lubdub_time began_at;         /* with the first that was served */
    lubdub_time last_at;          /* with the one that was served last */
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

/* What the reactor asks of those whose deadlines it keeps. */
struct lubdub_reactor_hooks {
    /* The node was popped; its owner does what is due and sets it again. */
    void (*due)(struct lubdub_deadline *node, lubdub_time now);
    /* We were away; returns the owner's patience (lubdub_session_patience). With an absence of 0 it only does that. */
    lubdub_duration (*forgive)(struct lubdub_deadline *node, const struct lubdub_absence *absence);
    /* The same for those whose step runs, whose node is perhaps popped, and whose turns have the time of its beginning. */
    void (*forgive_running)(struct lubdub_reactor *reactor, const struct lubdub_absence *absence);
};

struct lubdub_link_step;

struct lubdub_reactor {
    struct ev_loop *loop;
    ev_timer timer;
    ev_prepare turn_end; /* just before the loop sleeps */
    struct lubdub_deadlines deadlines;
    const struct lubdub_reactor_hooks *hooks;
    lubdub_time ran_at;     /* when somebody last asked for the time */
    lubdub_time turn_began; /* when somebody first asked in this turn of the loop; 0: nobody did; NEVER: it has
                               not run yet */
    lubdub_time armed_for;  /* when the loop is to wake us; LUBDUB_TIME_NEVER: no need */
    lubdub_duration shortest_patience; /* a lower bound of all that are here */
    lubdub_time foreign_due;           /* lubdub_reactor_expect() */
    lubdub_duration foreign_patience;
    lubdub_duration turn_excused;  /* of this turn: what was forgiven as a standstill, */
    lubdub_duration turn_forgiven; /* and as being busy */
    lubdub_duration cost_of_forgiving;
    struct lubdub_serving serving;
    unsigned writes_left; /* in this turn, beyond those that every step has */
    _Atomic uint64_t absence_count; /* how often we were away, and for how long in all; any thread may read it */
    _Atomic lubdub_duration absence_total;
    _Atomic lubdub_duration longest_turn;        /* of the loop, ever; any thread may read it */
    _Atomic lubdub_duration longest_recent_turn; /* since a reader set it to 0 */
    struct lubdub_link_step *step;               /* the innermost step that runs (link.c) */
    uint8_t *input;                              /* LUBDUB_INPUT_SIZE */
    uint8_t *output;
    size_t output_capacity;
    struct lubdub_suspicion suspicion; /* of the links that count (link.c) */
    unsigned link_count;               /* of all that are open on this loop */
    unsigned reference_count;
    unsigned busy_count; /* callbacks of ours that are running */
    struct lubdub_reactor *next;
};

/* The loop's reactor, made for the first who asks; NULL without memory. */
struct lubdub_reactor *lubdub_reactor_acquire(struct ev_loop *loop, const struct lubdub_reactor_hooks *hooks);

/* The last one frees it, at the end of the callback that is running. */
void lubdub_reactor_release(struct lubdub_reactor *reactor);

/* Brackets a callback: between the two the reactor stays. */
void lubdub_reactor_enter(struct lubdub_reactor *reactor);
void lubdub_reactor_leave(struct lubdub_reactor *reactor);

/* The time for this callback. May move deadlines; calls no application. */
lubdub_time lubdub_reactor_now(struct lubdub_reactor *reactor);

/*
 * Asked once for each ready socket, before anything else is done with it: may it be served in this turn? A socket that
 * may not stays ready, and the loop says so again in its next turn.
 *
 * Thousands may be ready at once, as when all leave together, and the loop calls all of them in one turn. In a turn of dear
 * ones as many are put off as do not fit into LUBDUB_SERVING_TIME by what one took of late. libev calls those first that
 * became ready last, and the kernel names what is still ready before what becomes ready; so the sockets that have waited
 * longest are served, and none is put off for ever. The limit is for the first such turn, and for sockets that
 * cost more than of late. A turn that reached it served those that had waited least, so that the next one goes by what it cost.
 * Probes are not put off among themselves: to be named by the kernel and passed over once more costs a tenth of serving
 * one, and that again in each turn.
 */
bool lubdub_reactor_serves(struct lubdub_reactor *reactor, lubdub_time now);

/* The socket that was served last is a dear one. */
static inline void lubdub_reactor_note_dear(struct lubdub_reactor *reactor)
{
    reactor->serving.dear++;
    reactor->serving.last_is_dear = true;
}

/* It brought its session's end. Returns whether it is one of so many that its socket is closed later. */
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

/* Sets or moves the node and sees to it that the loop wakes for it. */
void lubdub_reactor_set(struct lubdub_reactor *reactor, struct lubdub_deadline *node, lubdub_time due);

/* Somebody with this patience is here: absences are measured against the shortest. */
void lubdub_reactor_note_patience(struct lubdub_reactor *reactor, lubdub_duration patience);

/* The settings have changed, and with them perhaps every patience: asks all that have a deadline. O(n). */
void lubdub_reactor_renew_patience(struct lubdub_reactor *reactor);

/*
 * Another timer of this loop is set for `due`, and has this patience: absences are noticed by it, too. NEVER: none is.
 * There is one such timer for each loop.
 */
void lubdub_reactor_expect(struct lubdub_reactor *reactor, lubdub_time due, lubdub_duration patience);

#endif
