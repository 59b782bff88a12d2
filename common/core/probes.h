/*
 * Keeps the probes that wait for their acks: a ring of the moments at which they were sent, oldest first.
 *
 * Sequences are consecutive, so the place in the ring is the sequence. All probes have the same timeout, so
 * the probes that timed out are the oldest ones; they are remembered for their late acks.
 */
#ifndef LUBDUB_CORE_PROBES_H
#define LUBDUB_CORE_PROBES_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/time.h>

/*
 * So many unanswered probes are remembered; then no more are sent until some are answered. A probe that was passed over
 * (it timed out, and a later probe was answered) makes room.
 */
#define LUBDUB_PROBES_LIMIT 4096

/* What most clients ever need: one on its way, one before it. */
#define LUBDUB_PROBES_FEW 2

struct lubdub_probes {
    /* The ring. 0: acknowledged, LUBDUB_TIME_NEVER: not with the kernel yet. */
    union {
        lubdub_time few[LUBDUB_PROBES_FEW]; /* while capacity is LUBDUB_PROBES_FEW */
        lubdub_time *many;
    } sent_at;
    uint16_t capacity; /* a power of two */
    uint16_t first;    /* place of the oldest */
    uint16_t count;
    uint16_t timed_out;   /* of these, the oldest ones: their acks are late if they come at all */
    uint64_t last;        /* sequence of the newest, 0 before the first */
    uint64_t acked_count; /* totals, for the report */
    uint32_t late_count;
    uint32_t timed_out_count;
    uint32_t moved_us; /* how much later the moments of some were made by absences: */
    uint32_t moved_to; /* of those up to this one, by the low bits of its sequence */
};

enum lubdub_probes_verdict {
    LUBDUB_PROBES_ACKED,
    LUBDUB_PROBES_LATE,    /* it had timed out */
    LUBDUB_PROBES_UNKNOWN, /* never sent, or acknowledged before: a protocol error */
};

/* Has room for two probes and takes more when it needs it. */
void lubdub_probes_init(struct lubdub_probes *probes);
void lubdub_probes_clear(struct lubdub_probes *probes);

/*
 * Notes the next probe, which waits for the kernel. Returns its sequence, or 0 when it must not be sent:
 * one waits for the kernel already, too many are unanswered, or there is no memory.
 */
uint64_t lubdub_probes_add(struct lubdub_probes *probes);

/* The newest probe went to the kernel: its timeout runs from now. */
void lubdub_probes_handed_over(struct lubdub_probes *probes, lubdub_time now);

/* An ack came. *round_trip is set unless the verdict is UNKNOWN. */
enum lubdub_probes_verdict lubdub_probes_ack(struct lubdub_probes *probes, uint64_t sequence, lubdub_time now,
                                             lubdub_duration *round_trip);

/*
 * When the oldest probe that has not timed out was sent; LUBDUB_TIME_NEVER if none is with the kernel. sequence may be
 * NULL.
 */
lubdub_time lubdub_probes_oldest(const struct lubdub_probes *probes, uint64_t *sequence);

/*
 * When the latest unanswered probe went to the kernel, of those sent at `before` or earlier; 0: there is none. Absences
 * that were forgiven do not count: the peer was asked when it was asked.
 */
lubdub_time lubdub_probes_sent_before(const struct lubdub_probes *probes, lubdub_time before);

/* How many unanswered probes went to the kernel after `since`. */
uint32_t lubdub_probes_sent_since(const struct lubdub_probes *probes, lubdub_time since);

/* Notes that the oldest probe timed out. */
void lubdub_probes_time_out(struct lubdub_probes *probes);

/* Counts all outstanding probes as sent `away` later. */
void lubdub_probes_forgive(struct lubdub_probes *probes, lubdub_duration away);

#endif
