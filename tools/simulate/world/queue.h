/*
 * Keeps the events of a run in a heap, earliest first; of two events at the same time, the first put in comes first.
 *
 * Events are never cancelled. To re-arm a timer, its owner puts in another event and passes over the old event when it
 * comes (sim_timer). The memory grows to the most that ever wait and stays: a run that is under way allocates nothing.
 */
#ifndef LUBDUB_SIMULATE_WORLD_QUEUE_H
#define LUBDUB_SIMULATE_WORLD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

struct sim_event {
    lubdub_time at;
    uint64_t order;   /* of putting in */
    uint32_t subject; /* the client, connection or other thing that it concerns */
    uint32_t detail;
    uint32_t kind;
};

struct sim_queue {
    struct sim_event *heap;
    size_t count;
    size_t capacity;
    uint64_t order;
};

/* Zeroed: empty. Ends the program where there is no memory. */
void sim_queue_put(struct sim_queue *queue, lubdub_time at, uint32_t kind, uint32_t subject, uint32_t detail);

/* The earliest one, taken out. False: there is none, or it is later than `until`. */
bool sim_queue_take(struct sim_queue *queue, lubdub_time until, struct sim_event *event);

void sim_queue_clear(struct sim_queue *queue);

/* A timer that may be put off for ever at no cost. */
struct sim_timer {
    lubdub_time armed; /* of the event that counts; LUBDUB_TIME_NEVER: none waits */
};

static inline void sim_timer_init(struct sim_timer *timer)
{
    timer->armed = LUBDUB_TIME_NEVER;
}

/* Sees to it that an event comes at `due` or before. */
static inline void sim_timer_arm(struct sim_timer *timer, struct sim_queue *queue, lubdub_time due, uint32_t kind,
                                 uint32_t subject, uint32_t detail)
{
    if (due < timer->armed) {
        timer->armed = due;
        sim_queue_put(queue, due, kind, subject, detail);
    }
}

/* An event of this timer came. False: it is an old one that no longer counts. */
static inline bool sim_timer_take(struct sim_timer *timer, lubdub_time at)
{
    if (timer->armed != at) {
        return false;
    }
    timer->armed = LUBDUB_TIME_NEVER;
    return true;
}

#endif
