/* Copies what is known for those that show it. */
#include "server/register/copies.h"

#include <stdlib.h>
#include <string.h>

#include "ev/clock.h"
#include "server/register/state.h"

static void copy_text(char *target, size_t capacity, struct lubdub_slice text)
{
    size_t length = text.length < capacity ? text.length : capacity - 1;

    memcpy(target, text.data, length);
    target[length] = '\0';
}

static void copy_line(struct register_identity *copy, const struct expected *line)
{
    size_t i;

    copy->is_expected = true;
    copy->expected = line->count;
    copy->label_count = line->label_count;
    for (i = 0; i < line->label_count; i++) {
        copy_text(copy->labels[i].key, sizeof copy->labels[i].key, line->labels[i].key);
        copy_text(copy->labels[i].value, sizeof copy->labels[i].value, line->labels[i].value);
    }
}

static void copy_known(struct register_identity *copy, const struct known *known)
{
    size_t i;

    copy_text(copy->identity, sizeof copy->identity, known_identity(known));
    copy->length = known->length;
    copy->is_missing = known->is_missing;
    copy->is_flapping = known->is_flapping;
    copy->state = (enum known_state)known->state;
    copy->is_restored = known->gone_at != LUBDUB_TIME_NEVER;
    copy->session = known->session;
    copy->up = known->session != 0 || known->is_elsewhere;
    copy->is_elsewhere = known->is_elsewhere;
    copy->since_ms = known->since_ms;
    copy->connects = known->connects;
    copy->losses = known->losses;
    copy->end_count = known->end_count;
    for (i = 0; i < known->end_count; i++) {
        copy->ends[i] = *known_end_at(known, i);
    }
    if (known->watch != NULL) {
        copy_line(copy, known->watch->line);
    }
}

static void copy_watch(struct register_identity *copy, const struct watch *watch)
{
    if (watch->known != NULL) {
        copy_known(copy, watch->known);
    }
    copy_line(copy, watch->line); /* also where the list is only being taken */
    if (watch->line->is_pattern) {
        copy_text(copy->identity, sizeof copy->identity, watch->line->name);
        copy->length = watch->line->name.length;
        copy->is_pattern = true;
        copy->is_missing = watch->is_missing;
        copy->up = watch->up + watch->elsewhere;
    }
}

bool register_find(struct lubdub_register *reg, const char *identity, size_t length, struct register_identity *found)
{
    const struct known *known;

    memset(found, 0, sizeof *found);
    pthread_mutex_lock(&reg->lock);
    known = store_find(&reg->store, (struct lubdub_slice){identity, length});
    if (known != NULL) {
        copy_known(found, known);
    }
    pthread_mutex_unlock(&reg->lock);
    return known != NULL;
}

/* Under the lock. */
static bool next_expected(struct lubdub_register *reg, uint64_t *cursor, struct register_identity *found)
{
    if (*cursor >= reg->list.count) {
        return false;
    }
    copy_watch(found, &reg->list.items[(*cursor)++]);
    return true;
}

bool register_next_expected(struct lubdub_register *reg, uint64_t *cursor, struct register_identity *found)
{
    bool is_found;

    memset(found, 0, sizeof *found);
    pthread_mutex_lock(&reg->lock);
    is_found = next_expected(reg, cursor, found);
    pthread_mutex_unlock(&reg->lock);
    return is_found;
}

#define BEHIND_EXPECTED ((uint64_t)1 << 32) /* the cursor of the others: their place above this */

/* Under the lock. So many are passed over at most: then the caller comes again. */
static bool next_other(struct lubdub_register *reg, uint64_t *cursor, struct register_identity *found, bool *is_over)
{
    uint32_t place = (uint32_t)(*cursor - BEHIND_EXPECTED);
    const struct known *known = NULL;
    unsigned i;

    for (i = 0; i < REGISTER_PIECE; i++) {
        known = store_next(&reg->store, &place);
        if (known == NULL || known->watch == NULL) {
            break;
        }
    }
    *cursor = BEHIND_EXPECTED + place;
    *is_over = known == NULL;
    if (known == NULL || known->watch != NULL) {
        return false;
    }
    copy_known(found, known);
    return true;
}

bool register_next(struct lubdub_register *reg, uint64_t *cursor, struct register_identity *found)
{
    bool is_found = false;
    bool is_over = false;

    memset(found, 0, sizeof *found);
    pthread_mutex_lock(&reg->lock);
    if (*cursor < BEHIND_EXPECTED) {
        is_found = next_expected(reg, cursor, found);
        *cursor = is_found ? *cursor : BEHIND_EXPECTED;
    }
    while (!is_found && !is_over) {
        is_found = next_other(reg, cursor, found, &is_over);
        if (!is_found && !is_over) {
            pthread_mutex_unlock(&reg->lock); /* loops may have the lock */
            pthread_mutex_lock(&reg->lock);
        }
    }
    pthread_mutex_unlock(&reg->lock);
    return is_found;
}

size_t register_concerns(struct lubdub_register *reg, uint64_t sessions[REGISTER_CONCERNS],
                         struct concern items[REGISTER_CONCERNS])
{
    size_t count;

    pthread_mutex_lock(&reg->lock);
    count = reg->concerns.count;
    memcpy(sessions, reg->concerns.sessions, count * sizeof sessions[0]);
    memcpy(items, reg->concerns.items, count * sizeof items[0]);
    pthread_mutex_unlock(&reg->lock);
    return count;
}

static void count_expected(struct lubdub_register *reg, struct register_summary *summary)
{
    size_t i;

    for (i = 0; i < reg->list.count; i++) {
        const struct watch *watch = &reg->list.items[i];
        bool is_up = watch->line->is_pattern
                         ? watch->up + watch->elsewhere >= watch->line->count
                         : watch->known != NULL && (watch->known->session != 0 || watch->known->is_elsewhere);
        bool is_missing =
            watch->line->is_pattern ? watch->is_missing : watch->known != NULL && watch->known->is_missing;

        summary->expected_up += is_up;
        summary->expected_missing += is_missing && !is_up;
        summary->expected_waiting += !is_missing && !is_up;
    }
}

void register_summary(struct lubdub_register *reg, struct register_summary *summary)
{
    static const unsigned spans[] = {5, 60, HISTORY_MINUTES};
    struct history *history = malloc(sizeof *history); /* summed up without the lock */
    uint64_t now_ms = lubdub_clock_realtime() / LUBDUB_MILLISECOND;
    const struct history_mark *mark;
    unsigned i;

    memset(summary, 0, sizeof *summary);
    pthread_mutex_lock(&reg->lock);
    summary->known = reg->store.index.count;
    summary->restored = reg->restored_count;
    summary->flapping = reg->flapping_count;
    summary->outages = reg->outage_count;
    summary->gone_restored = reg->gone_restored;
    memcpy(summary->rejected_by_cause, reg->rejected_by_cause, sizeof summary->rejected_by_cause);
    memcpy(summary->rejected_by_reason, reg->rejected_by_reason, sizeof summary->rejected_by_reason);
    memcpy(summary->pauses, reg->pauses, sizeof summary->pauses);
    summary->state_written_ms = reg->state_written_ms;
    summary->state_failed = reg->state_failed;
    count_expected(reg, summary);
    if (history != NULL) {
        *history = reg->history;
    }
    pthread_mutex_unlock(&reg->lock);
    if (history == NULL) {
        return;
    }
    for (i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        history_sum(history, now_ms, spans[i], &summary->recent[i]);
    }
    for (i = 0; i < HISTORY_SHOWN; i++) {
        summary->timeline[i] = history_at(history, now_ms, i);
    }
    while ((mark = history_mark_at(history, summary->mark_count)) != NULL) {
        summary->marks[summary->mark_count++] = *mark;
    }
    free(history);
}
