/*
 * Decides how long a loop gathers: how long it leaves ready sockets alone, so that one wake-up serves many of them.
 * Most of what a paced probe costs is waking up for it.
 *
 * Pure: it is told when turns of the loop begin and end, and what they served, and says until when to gather. The
 * reactor waits (ev/waiting.h). A gather is counted from the turn before it, so no socket waits longer than:
 *
 *     the longest          what the sessions' settings allow, and never more than a hundredth of the shortest interval
 *                          and timeout among the sessions
 *     by the rate          of that: nothing, where it would bring fewer than 2 sockets; then it grows with the rate;
 * all of it where 8 sockets come in the longest; and no more than it takes for 64 to come, since more of them together
 * are not cheaper
 */
#ifndef LUBDUB_EV_GATHER_H
#define LUBDUB_EV_GATHER_H

#include <lubdub/time.h>

/* What the programs gather for by default, at most. */
#define LUBDUB_GATHER_AUTO LUBDUB_MILLISECOND

/* The longest that can be asked for. */
#define LUBDUB_GATHER_LIMIT (100 * LUBDUB_MILLISECOND)

/* A gather takes so many times less than the shortest interval and timeout. */
#define LUBDUB_GATHER_SHARE 100

/* So many sockets at least have to be expected, or waiting for them costs a wake-up of its own. */
#define LUBDUB_GATHER_FEWEST 2

/* Where so many are expected in the longest gather, it is used in full. */
#define LUBDUB_GATHER_ENOUGH 8

/* A gather ends when so many are expected. */
#define LUBDUB_GATHER_MOST 64

struct lubdub_gather {
    lubdub_time window_began;      /* of what is remembered of the sessions; 0: no turn yet */
    lubdub_duration bound;         /* the least that they allow, as noted in this window, */
    lubdub_duration bound_before;  /* and in the window before */
    lubdub_duration memory;        /* a window is so long, by the sessions of this one, */
    lubdub_duration memory_before; /* and of the one before */
    lubdub_time counted_from;
    uint64_t counted;      /* sockets since then */
    uint64_t per_second;   /* sockets, of late */
    lubdub_duration phase; /* of the moments at which probes go together; each loop has its own */
};

/* Nothing is known: it does not gather. */
void lubdub_gather_init(struct lubdub_gather *gather, lubdub_duration phase);

/*
 * A session lets its loop gather for `longest`, and for no more than the share of its interval and timeout. Called
 * whenever the session's deadline is looked at, which is at least once in one and a half of its intervals: what is
 * noted is forgotten after two to four of them, or after a second or two.
 */
void lubdub_gather_note(struct lubdub_gather *gather, lubdub_duration longest, lubdub_duration interval,
                        lubdub_duration timeout);

/*
 * A turn of the loop ends now, which began then and served so many ready sockets. Returns until when the loop is to
 * gather; a time that is not after now: not at all.
 */
lubdub_time lubdub_gather_until(struct lubdub_gather *gather, lubdub_time began, lubdub_time now, unsigned served);

/*
 * When a client sends a probe that is due then and may go until `latest`: together with those that other sessions of
 * the loop have to send in the same while. That is as long as a gather: `longest`, a share of the interval and timeout,
 * and what it takes for 64 to come. Where few come, the probe goes when it is due.
 */
lubdub_time lubdub_gather_probe(const struct lubdub_gather *gather, lubdub_time due, lubdub_time latest,
                                lubdub_duration longest, lubdub_duration interval, lubdub_duration timeout);

#endif
