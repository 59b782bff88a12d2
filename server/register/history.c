/* Keeps a ring of minutes; a place that belongs to another day is cleared when it is used again. */
#include "server/register/history.h"

#define MINUTE_MS 60000

const char *history_kind_word(enum history_kind kind)
{
    switch (kind) {
    case HISTORY_OUTAGE:
        return "outage";
    case HISTORY_STALL:
        return "stall";
    case HISTORY_RELOAD:
        return "reload";
    case HISTORY_START:
        return "start";
    }
    return "unknown";
}

static struct history_minute *present(struct history *history, uint64_t now_ms)
{
    uint64_t minute = now_ms / MINUTE_MS;
    struct history_minute *place = &history->minutes[minute % HISTORY_MINUTES];

    if (place->minute != minute) {
        *place = (struct history_minute){.minute = minute};
    }
    return place;
}

void history_connect(struct history *history, uint64_t now_ms)
{
    present(history, now_ms)->connects++;
}

void history_end(struct history *history, uint64_t now_ms, enum lubdub_cause cause, bool is_loss)
{
    struct history_minute *minute = present(history, now_ms);

    minute->ends[(size_t)cause < LUBDUB_CAUSE_CAPACITY ? cause : LUBDUB_CAUSE_NONE]++;
    minute->losses += is_loss;
}

void history_reject(struct history *history, uint64_t now_ms)
{
    present(history, now_ms)->rejected++;
}

void history_mark(struct history *history, uint64_t now_ms, enum history_kind kind, uint64_t count)
{
    history->marks[history->mark_count++ % HISTORY_MARKS] =
        (struct history_mark){.at_ms = now_ms, .kind = kind, .count = count};
}

static void add(struct history_minute *sum, const struct history_minute *minute)
{
    size_t i;

    sum->connects += minute->connects;
    sum->losses += minute->losses;
    sum->rejected += minute->rejected;
    for (i = 0; i < LUBDUB_CAUSE_CAPACITY; i++) {
        sum->ends[i] += minute->ends[i];
    }
}

struct history_minute history_at(const struct history *history, uint64_t now_ms, unsigned ago)
{
    uint64_t minute = now_ms / MINUTE_MS - ago;
    const struct history_minute *place = &history->minutes[minute % HISTORY_MINUTES];

    return place->minute == minute ? *place : (struct history_minute){.minute = minute};
}

void history_sum(const struct history *history, uint64_t now_ms, unsigned minutes, struct history_minute *sum)
{
    unsigned ago;

    *sum = (struct history_minute){.minute = now_ms / MINUTE_MS};
    for (ago = 0; ago < minutes && ago < HISTORY_MINUTES; ago++) {
        uint64_t minute = now_ms / MINUTE_MS - ago;
        const struct history_minute *place = &history->minutes[minute % HISTORY_MINUTES];

        if (place->minute == minute) {
            add(sum, place);
        }
    }
}

const struct history_mark *history_mark_at(const struct history *history, size_t number)
{
    size_t kept = history->mark_count < HISTORY_MARKS ? history->mark_count : HISTORY_MARKS;

    return number < kept ? &history->marks[(history->mark_count - 1 - number) % HISTORY_MARKS] : NULL;
}
