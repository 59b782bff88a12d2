/*
 * The store keeps lines until a thread writes them. It has two halves: threads with events fill one, the writer writes
 * the other. They change places when the writer has finished its half, so no thread ever waits for another one's work.
 *
 *      put → [ filling ]      [ draining ] → the writer
 *                  └── change places ──┘
 *
 * A half starts at its beginning again each time, so no more of it is resident than the longest backlog needed, and
 * what that was above a small part is given back to the system when the backlog is over.
 */
#ifndef LUBDUB_PROGRAM_EVENTS_STORE_H
#define LUBDUB_PROGRAM_EVENTS_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "program/events/line.h"

/* Of each half this part is touched at the start, so that a quiet program does not grow by its events. */
#define LUBDUB_EVENT_STORE_RESIDENT_PART 32

/*
 * Lines of the third and the second rank (line.h) leave these parts of each half to lines of higher rank: what a
 * session says, as often as it likes, never takes the room of the line that says that another one has left.
 */
#define LUBDUB_EVENT_STORE_LEFT_BY_THIRD 4
#define LUBDUB_EVENT_STORE_LEFT_BY_SECOND 8

/*
 * The first line after a silence is taken at once; what follows is gathered for so long. Where thousands die together,
 * a thread that is woken for each line costs the loop more than the verdicts do.
 */
#define LUBDUB_EVENT_STORE_GATHERING (2 * LUBDUB_MILLISECOND)

struct lubdub_event_half {
    uint8_t *bytes;
    size_t used;
    size_t touched;                /* how far it was ever filled since it was last given back */
    size_t read;                   /* the writer's place in it */
    uint64_t refused;              /* lines that there was no room for */
    size_t refused_at;             /* the place among the others where the first of them is missing */
    enum lubdub_event_rank closed; /* lines of this rank and the lower ones are refused; RANKS: none are */
    lubdub_time refused_mono;      /* the first of them */
    uint64_t refused_real;
};

struct lubdub_event_store {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct lubdub_event_half halves[2];
    struct lubdub_event_half *filling;
    size_t capacity;      /* of each half */
    size_t resident;      /* of each half, at least */
    lubdub_time taken_at; /* when the writer last took lines */
    bool is_waiting;      /* the writer, for lines */
    bool is_gathering;    /* the writer, for more of them: lines do not wake it until there are many */
    bool is_woken;        /* another thread wants the writer to look around */
    bool is_closed;
};

enum lubdub_event_store_result {
    LUBDUB_EVENT_STORE_LINES,
    LUBDUB_EVENT_STORE_NOTHING, /* woken, or the time is over */
    LUBDUB_EVENT_STORE_END,     /* closed and empty */
};

/* capacity is rounded up to pages, and to what the longest line takes. Returns 0 or an errno. */
int lubdub_event_store_init(struct lubdub_event_store *store, size_t capacity);
void lubdub_event_store_clear(struct lubdub_event_store *store);

/* Any thread. Returns false where the half has no room for lines of its kind; the refusal is counted. */
bool lubdub_event_store_put(struct lubdub_event_store *store, const struct lubdub_event_line *line);

/* Any thread: the writer returns from its wait, now or the next time. */
void lubdub_event_store_wake(struct lubdub_event_store *store);
void lubdub_event_store_close(struct lubdub_event_store *store);

/*
 * The writer's thread: waits until there are lines, but not beyond until (CLOCK_MONOTONIC), and takes all there are, or
 * just refusals. It takes no lines within the gathering time after the last take, unless the half is half full. *half
 * is the writer's until its next call here.
 */
enum lubdub_event_store_result lubdub_event_store_take(struct lubdub_event_store *store, lubdub_time until,
                                                       struct lubdub_event_half **half);

/* The writer's thread: whether lines are missing at the place in its half that it has come to. */
bool lubdub_event_store_is_at_gap(const struct lubdub_event_half *half);

/* The writer's thread: the next line of its half. Returns false at the end. */
bool lubdub_event_store_next(struct lubdub_event_half *half, struct lubdub_event_line *line);

#endif
