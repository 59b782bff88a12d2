/*
 * Keeps the doubt about one peer. An overdue peer is asked again and again at a fast pace, and what its kernel says
 * meanwhile is kept: this is the evidence for the cause `hung`, long before the timeout ends.
 *
 *     silence    ──┬── overdue ──┬─ pace ─┬─ pace ─┬─ … ── at the latest: timeout or expiry
 *                  expected_at   asked    asked    asked
 *                                         looked   looked
 *
 * A silent path may be in an outage that ends: then only the timeout gives a verdict. If the peer's kernel has
 * acknowledged all questions, the path works in both directions, for acknowledgements take the way of the answers. Then
 * only two things can keep an answer away: a process that does not run, or a segment that was lost before and waits for
 * its retransmission. So the verdict waits as long as TCP may need for that retransmission (docs/detection.md,
 * Adaptive).
 */
#ifndef LUBDUB_CORE_DOUBT_H
#define LUBDUB_CORE_DOUBT_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/session.h>

/*
 * A lost segment is sent again after 200 ms (Linux, TCP_RTO_MIN) and a round trip, and if that is lost too, after
 * another 400 ms; 50 ms are its peer's delayed acknowledgement. An answer is not called missing before this time,
 * because TCP may still carry it.
 */
#define LUBDUB_DOUBT_FLOOR (650 * LUBDUB_MILLISECOND)
#define LUBDUB_DOUBT_FLOOR_ROUND_TRIPS 4

/* So many times the longest wait that the peer has overcome. */
#define LUBDUB_DOUBT_WORST_FACTOR 2

/* The pace is no faster than the peer's kernel acknowledges: 40 ms, and some. */
#define LUBDUB_DOUBT_PACE_MIN (100 * LUBDUB_MILLISECOND)

/* So many unanswered questions are enough. */
#define LUBDUB_DOUBT_QUESTIONS 8

struct lubdub_doubt {
    lubdub_time since;    /* the first question; 0: there is no doubt */
    lubdub_time asked_at; /* the last one; the server's: a client asks its probes */
    lubdub_time asked_last_but_one_at; /* 0: there is none */
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
 * How long after its time an answer is overdue, so that doubt begins: later than nearly all answers (usual), or by one
 * half of the longest wait that was overcome; within bounds, for clocks and schedulers err too.
 */
lubdub_duration lubdub_doubt_begins_after(lubdub_duration usual, lubdub_duration worst, lubdub_duration least,
                                          lubdub_duration most);

/* The adaptive timeout: never below the floor, never above the fixed one. round_trip is the path's, 0 where unknown. */
lubdub_duration lubdub_doubt_patience(lubdub_duration worst, lubdub_duration round_trip, lubdub_duration fixed);

/* From question to question, and from look to look. */
lubdub_duration lubdub_doubt_pace(lubdub_duration patience);

/* The first question was asked at `since`, or is due now. */
void lubdub_doubt_begin(struct lubdub_doubt *doubt, lubdub_time since, lubdub_time now);
void lubdub_doubt_end(struct lubdub_doubt *doubt);

/* What the kernel says at this moment. */
void lubdub_doubt_look(struct lubdub_doubt *doubt, enum lubdub_path path, lubdub_duration round_trip, lubdub_time now);

/*
 * When the verdict `hung` is allowed, by what was seen so far; LUBDUB_TIME_NEVER: not by this evidence. By that time
 * the peer's kernel has sent again what it lost at expected_at or later, while its path was out: its retransmission
 * timeout has doubled with the outage.
 */
lubdub_time lubdub_doubt_hung_at(const struct lubdub_doubt *doubt, lubdub_time expected_at, lubdub_duration patience);

/*
 * What the end of a doubt teaches about the peer. Its answer was expected at expected_at and came at `now`: the result
 * is how long it took on a path that worked. False: nothing is learned, for the path was out until a moment ago, and
 * the peer did not cause that.
 */
bool lubdub_doubt_lesson(const struct lubdub_doubt *doubt, lubdub_time expected_at, lubdub_time now,
                         lubdub_duration *took);

/* Time to ask and to look again. */
lubdub_time lubdub_doubt_next(const struct lubdub_doubt *doubt, lubdub_duration patience);

/* About when the last question went out that was asked at `before` or earlier (questions keep a pace); 0: none. */
lubdub_time lubdub_doubt_asked_before(const struct lubdub_doubt *doubt, lubdub_duration patience, lubdub_time before);

/* We ourselves were away. When a question was asked stays as it was: the kernel's answers are not moved either. */
void lubdub_doubt_forgive(struct lubdub_doubt *doubt, lubdub_duration away);

#endif
