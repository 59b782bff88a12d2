/* Keeps the ring of unanswered probes, and finds the place of a sequence in it. */
#include "core/probes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ACKNOWLEDGED 0

void lubdub_probes_init(struct lubdub_probes *probes)
{
    memset(probes, 0, sizeof *probes);
    probes->capacity = LUBDUB_PROBES_FEW;
}

void lubdub_probes_clear(struct lubdub_probes *probes)
{
    if (probes->capacity > LUBDUB_PROBES_FEW) {
        free(probes->sent_at.many);
    }
    lubdub_probes_init(probes);
}

static uint64_t first_sequence(const struct lubdub_probes *probes)
{
    return probes->last - probes->count + 1;
}

/* The place in the ring of a sequence that is in it. */
static uint32_t index_of(const struct lubdub_probes *probes, uint64_t sequence)
{
    return (uint32_t)((probes->first + (sequence - first_sequence(probes))) & (probes->capacity - 1u));
}

static lubdub_time *place(struct lubdub_probes *probes, uint64_t sequence)
{
    lubdub_time *ring = probes->capacity > LUBDUB_PROBES_FEW ? probes->sent_at.many : probes->sent_at.few;

    return &ring[index_of(probes, sequence)];
}

static lubdub_time when_sent(const struct lubdub_probes *probes, uint64_t sequence)
{
    const lubdub_time *ring = probes->capacity > LUBDUB_PROBES_FEW ? probes->sent_at.many : probes->sent_at.few;

    return ring[index_of(probes, sequence)];
}

static bool grow(struct lubdub_probes *probes)
{
    uint32_t capacity = probes->capacity * 2u;
    lubdub_time *many = malloc(capacity * sizeof *many);
    uint32_t i;

    if (many == NULL) {
        return false;
    }
    for (i = 0; i < probes->count; i++) {
        many[i] = when_sent(probes, first_sequence(probes) + i);
    }
    if (probes->capacity > LUBDUB_PROBES_FEW) {
        free(probes->sent_at.many);
    }
    probes->sent_at.many = many;
    probes->capacity = (uint16_t)capacity;
    probes->first = 0;
    return true;
}

/* Forgets the answered ones at the old end. */
static void trim(struct lubdub_probes *probes)
{
    while (probes->count > 0 && when_sent(probes, first_sequence(probes)) == ACKNOWLEDGED) {
        probes->first = (uint16_t)((probes->first + 1) & (probes->capacity - 1));
        probes->count--;
        if (probes->timed_out > 0) {
            probes->timed_out--;
        }
    }
}

/*
 * Makes room by dropping an old probe that was passed over: acks come in order, so its own ack will not come any more.
 */
static void forget_passed_over(struct lubdub_probes *probes)
{
    uint64_t sequence;

    for (sequence = first_sequence(probes); sequence <= probes->last; sequence++) {
        if (when_sent(probes, sequence) == ACKNOWLEDGED && probes->timed_out > 0) {
            *place(probes, first_sequence(probes)) = ACKNOWLEDGED;
            trim(probes);
            return;
        }
    }
}

uint64_t lubdub_probes_add(struct lubdub_probes *probes)
{
    if (probes->count > 0 && *place(probes, probes->last) == LUBDUB_TIME_NEVER) {
        return 0;
    }
    if (probes->count == LUBDUB_PROBES_LIMIT) {
        forget_passed_over(probes);
    }
    if (probes->count == LUBDUB_PROBES_LIMIT || (probes->count == probes->capacity && !grow(probes))) {
        return 0;
    }
    probes->last++;
    probes->count++;
    *place(probes, probes->last) = LUBDUB_TIME_NEVER;
    return probes->last;
}

void lubdub_probes_handed_over(struct lubdub_probes *probes, lubdub_time now)
{
    if (probes->count > 0 && *place(probes, probes->last) == LUBDUB_TIME_NEVER) {
        *place(probes, probes->last) = now > 0 ? now : 1; /* 0 is taken */
    }
}

enum lubdub_probes_verdict lubdub_probes_ack(struct lubdub_probes *probes, uint64_t sequence, lubdub_time now,
                                             lubdub_duration *round_trip)
{
    lubdub_time *sent_at;
    bool is_late;

    if (probes->count == 0 || sequence < first_sequence(probes) || sequence > probes->last) {
        return LUBDUB_PROBES_UNKNOWN;
    }
    sent_at = place(probes, sequence);
    if (*sent_at == ACKNOWLEDGED || *sent_at == LUBDUB_TIME_NEVER) {
        return LUBDUB_PROBES_UNKNOWN;
    }

    is_late = sequence - first_sequence(probes) < probes->timed_out;
    *round_trip = lubdub_time_between(*sent_at, now);
    *sent_at = ACKNOWLEDGED;
    trim(probes);
    probes->acked_count++;
    probes->late_count += is_late ? 1 : 0;
    return is_late ? LUBDUB_PROBES_LATE : LUBDUB_PROBES_ACKED;
}

lubdub_time lubdub_probes_oldest(const struct lubdub_probes *probes, uint64_t *sequence)
{
    uint64_t candidate = first_sequence(probes) + probes->timed_out;
    lubdub_time sent_at = LUBDUB_TIME_NEVER;

    while (candidate <= probes->last && (sent_at = when_sent(probes, candidate)) == ACKNOWLEDGED) {
        candidate++;
    }
    if (sequence != NULL) {
        *sequence = candidate <= probes->last ? candidate : 0;
    }
    return candidate <= probes->last ? sent_at : LUBDUB_TIME_NEVER;
}

uint32_t lubdub_probes_sent_since(const struct lubdub_probes *probes, lubdub_time since)
{
    uint64_t sequence;
    uint32_t count = 0;

    for (sequence = probes->last; sequence + probes->count > probes->last; sequence--) {
        lubdub_time sent_at = when_sent(probes, sequence);

        if (sent_at != LUBDUB_TIME_NEVER && sent_at != ACKNOWLEDGED && sent_at <= since) {
            break; /* they were sent in their order */
        }
        count += sent_at != LUBDUB_TIME_NEVER && sent_at != ACKNOWLEDGED;
    }
    return count;
}

static bool was_moved(const struct lubdub_probes *probes, uint64_t sequence)
{
    return probes->moved_us > 0 && probes->moved_to - (uint32_t)sequence < UINT32_MAX / 2;
}

lubdub_time lubdub_probes_sent_before(const struct lubdub_probes *probes, lubdub_time before)
{
    uint64_t sequence;

    for (sequence = probes->last; sequence + probes->count > probes->last; sequence--) {
        lubdub_time sent_at = when_sent(probes, sequence);

        if (sent_at == LUBDUB_TIME_NEVER || sent_at == ACKNOWLEDGED) {
            continue;
        }
        if (was_moved(probes, sequence)) {
            sent_at = lubdub_time_between(probes->moved_us * LUBDUB_MICROSECOND, sent_at);
        }
        if (sent_at <= before) {
            return sent_at;
        }
    }
    return 0;
}

void lubdub_probes_time_out(struct lubdub_probes *probes)
{
    uint64_t sequence;

    if (lubdub_probes_oldest(probes, &sequence) != LUBDUB_TIME_NEVER) {
        probes->timed_out = (uint16_t)(sequence - first_sequence(probes) + 1);
        probes->timed_out_count++;
    }
}

void lubdub_probes_forgive(struct lubdub_probes *probes, lubdub_duration away)
{
    lubdub_duration moved = away / LUBDUB_MICROSECOND;
    uint64_t sequence;

    if (was_moved(probes, first_sequence(probes))) {
        moved += probes->moved_us; /* those between two absences were moved less; nobody asks that much of them */
    }
    probes->moved_us = moved < UINT32_MAX ? (uint32_t)moved : UINT32_MAX;
    probes->moved_to = (uint32_t)probes->last;
    for (sequence = first_sequence(probes); sequence <= probes->last; sequence++) {
        lubdub_time *sent_at = place(probes, sequence);

        if (*sent_at != ACKNOWLEDGED) {
            *sent_at = lubdub_time_after(*sent_at, away); /* NEVER stays NEVER */
        }
    }
}
