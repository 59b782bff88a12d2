/* Counts what happened in each minute of the last day, and remembers the last moments that deserve a mark. Pure. */
#ifndef LUBDUB_SERVER_REGISTER_HISTORY_H
#define LUBDUB_SERVER_REGISTER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/cause.h>

/* What accepting paused for. */
enum register_pause {
    REGISTER_PAUSE_DESCRIPTORS,
    REGISTER_PAUSE_MEMORY,
    REGISTER_PAUSE_OTHER,
    REGISTER_PAUSES,
};

#define REGISTER_REASONS 11 /* of LUBDUB_REASONS */

#define HISTORY_MINUTES 1440
#define HISTORY_SHOWN 60 /* minutes of the timeline */
#define HISTORY_MARKS 32

struct history_minute {
    uint64_t minute; /* since 1970 */
    uint32_t connects;
    uint32_t losses; /* ends that nobody asked for */
    uint32_t rejected;
    uint32_t ends[LUBDUB_CAUSE_CAPACITY];
};

enum history_kind {
    HISTORY_OUTAGE,
    HISTORY_STALL,
    HISTORY_RELOAD,
    HISTORY_START,
};

/* "outage", "stall", "reload", "start". */
const char *history_kind_word(enum history_kind kind);

struct history_mark {
    uint64_t at_ms;
    enum history_kind kind;
    uint64_t count; /* OUTAGE: ends; STALL: milliseconds */
};

/* Zeroed: nothing happened. */
struct history {
    struct history_minute minutes[HISTORY_MINUTES]; /* a ring by the minute's number */
    struct history_mark marks[HISTORY_MARKS];       /* a ring */
    size_t mark_count;                              /* in all */
};

void history_connect(struct history *history, uint64_t now_ms);
void history_end(struct history *history, uint64_t now_ms, enum lubdub_cause cause, bool is_loss);
void history_reject(struct history *history, uint64_t now_ms);
void history_mark(struct history *history, uint64_t now_ms, enum history_kind kind, uint64_t count);

/* The sums of the last so many minutes, the one that goes on among them. sum->minute is the present one. */
void history_sum(const struct history *history, uint64_t now_ms, unsigned minutes, struct history_minute *sum);

/* The minute that was so many minutes ago; zeroed where nothing happened. */
struct history_minute history_at(const struct history *history, uint64_t now_ms, unsigned ago);

/* The mark with this number, 0 is the last; NULL: there is none. */
const struct history_mark *history_mark_at(const struct history *history, size_t number);

#endif
