/*
 * A peer that is overdue is asked again and again at a fast pace, and what its kernel says meanwhile is kept: the
 * evidence by which `hung` may be said long before the timeout ends.
 *
 *     silence    ──┬── overdue ──┬─ pace ─┬─ pace ─┬─ … ── at the latest: timeout or expiry
 *                  expected_at   asked    asked    asked
 *                                         looked   looked
 *
 * A silent path may be in an outage, and comes back: only the timeout ends that. A path on which the peer's kernel has
 * acknowledged all that we asked works in both directions, for its acknowledgements take the way of the answers. Then
 * only two things can keep an answer away: a process that does not run, or a segment that was lost before and waits for
 * its retransmission. So the verdict waits for as long as TCP may still make up for that (docs/detection.md, Adaptive).
 */
#ifndef LUBDUB_CORE_DOUBT_H
#define LUBDUB_CORE_DOUBT_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/session.h>

/*
 * A lost segment is sent again after 200 ms (Linux, TCP_RTO_MIN) and a round trip, and if that is lost too after
 * another 400 ms; 50 ms are its peer's delayed acknowledgement. No answer that TCP still carries is called missing
 * before.
 */
#define LUBDUB_DOUBT_FLOOR (650 * LUBDUB_MILLISECOND)
#define LUBDUB_DOUBT_FLOOR_ROUND_TRIPS 4

/* The worst that was overcome, so many times over. */
#define LUBDUB_DOUBT_WORST_FACTOR 2

/* No faster than the peer's kernel acknowledges: 40 ms, and some. */
#define LUBDUB_DOUBT_PACE_MIN (100 * LUBDUB_MILLISECOND)

/* So many unanswered questions are enough. */
#define LUBDUB_DOUBT_QUESTIONS 8

struct lubdub_doubt {
    lubdub_time since;    /* the first question; 0: there is no doubt */
    lubdub_time asked_at; /* the last one */
    lubdub_time looked_at;
    lubdub_time acknowledged_at; /* since when every look found all acknowledged; LUBDUB_TIME_NEVER: it did not */
    lubdub_duration round_trip;  /* of the path, as the kernel said at the last look; 0: not known */
    bool was_silent;             /* some look found the path out */
};

static inline bool lubdub_doubt_is_there(const struct lubdub_doubt *doubt)
{
    return doubt->since != 0;
}

/*
 * How long after its time an answer is overdue, and doubt begins: later than nearly all are (usual), or by a good part,
 * one half, of the worst that was overcome; within bounds, for clocks and schedulers err too.
 */
lubdub_duration lubdub_doubt_begins_after(lubdub_duration usual, lubdub_duration worst, lubdub_duration least,
                                          lubdub_duration most);

/* The adaptive timeout: never below the floor, never above the fixed one. round_trip is the path's, 0 where unknown. */
lubdub_duration lubdub_doubt_patience(lubdub_duration worst, lubdub_duration round_trip, lubdub_duration fixed);

/* From question to question, and from look to look. */
lubdub_duration lubdub_doubt_pace(lubdub_duration patience);

/* The first question was asked at `since`, or has its turn now. */
void lubdub_doubt_begin(struct lubdub_doubt *doubt, lubdub_time since, lubdub_time now);
void lubdub_doubt_end(struct lubdub_doubt *doubt);

/* What the kernel says at this moment. */
void lubdub_doubt_look(struct lubdub_doubt *doubt, enum lubdub_path path, lubdub_duration round_trip, lubdub_time now);

/*
 * When `hung` may be said, by what was seen so far; LUBDUB_TIME_NEVER: not by this evidence. A peer's kernel that lost
 * something at expected_at or later, while its path was out, sends it again by then: its timeout has doubled with the
 * outage.
 */
lubdub_time lubdub_doubt_hung_at(const struct lubdub_doubt *doubt, lubdub_time expected_at, lubdub_duration patience);

/*
 * What the end of a doubt teaches of the peer, of whom something was expected at expected_at and came at `now`: how
 * long it took on a path that worked. False: nothing, for until a moment ago the path was out, which is not the peer's
 * doing.
 */
bool lubdub_doubt_lesson(const struct lubdub_doubt *doubt, lubdub_time expected_at, lubdub_time now,
                         lubdub_duration *took);

/* Time to ask and to look again. */
lubdub_time lubdub_doubt_next(const struct lubdub_doubt *doubt, lubdub_duration patience);

/* When the last question went out that is not younger than `before`: about, for they went at their pace; 0: none did. */
lubdub_time lubdub_doubt_asked_before(const struct lubdub_doubt *doubt, lubdub_duration patience, lubdub_time before);

/* We ourselves were away. */
void lubdub_doubt_forgive(struct lubdub_doubt *doubt, lubdub_duration away);

#endif
