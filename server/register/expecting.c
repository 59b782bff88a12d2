/*
 * Three walks: the new list's identities are made known; then all identities are told what the new list has of them,
 * and counted for its patterns; then the old list goes.
 */
#include "server/register/expecting.h"

#include <stdlib.h>
#include <string.h>

#include "core/pattern.h"
#include "ev/clock.h"
#include "program/events/log.h"
#include "server/register/attendance.h"

void watch_list_clear(struct watch_list *list)
{
    free(list->items);
    expect_file_clear(&list->file);
    *list = (struct watch_list){0};
}

/* Lets loops have the lock for a moment. */
static void pause_here(struct lubdub_register *reg, size_t done)
{
    if (done % REGISTER_PIECE == 0) {
        pthread_mutex_unlock(&reg->lock);
        pthread_mutex_lock(&reg->lock);
    }
}

/* Returns false without memory. */
static bool make_list(struct watch_list *list, struct expect_file *file)
{
    size_t i;

    *list = (struct watch_list){.file = *file, .count = file->count};
    *file = (struct expect_file){0};
    list->items = calloc(list->count + 1, sizeof *list->items);
    for (i = 0; i < list->count && list->items != NULL; i++) {
        list->items[i] = (struct watch){.line = &list->file.items[i], .missing_at = LUBDUB_TIME_NEVER};
    }
    return list->items != NULL;
}

/* Returns false without memory: then nobody knows of the new list. */
static bool make_known(struct lubdub_register *reg, struct watch_list *list)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        struct watch *watch = &list->items[i];

        if (!watch->line->is_pattern) {
            watch->known = store_claim(&reg->store, watch->line->name);
            if (watch->known == NULL) {
                return false;
            }
            watch->known->next_watch = watch;
            store_settle(&reg->store, watch->known);
        }
        pause_here(reg, i + 1);
    }
    return true;
}

static void forget_next(struct lubdub_register *reg, const struct watch_list *list)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        if (list->items[i].known != NULL) {
            list->items[i].known->next_watch = NULL;
            store_settle(&reg->store, list->items[i].known);
        }
    }
}

static void count_in_patterns(struct lubdub_register *reg, const struct known *known)
{
    size_t i;

    for (i = 0; i < reg->list.count && known->session != 0; i++) {
        struct watch *watch = &reg->list.items[i];

        watch->up += watch->line->is_pattern && lubdub_pattern_matches(watch->line->name, known_identity(known));
    }
}

static void take_watch(struct lubdub_register *reg, struct known *known, lubdub_time clock)
{
    bool was_expected = known->watch != NULL;

    known->watch = known->next_watch;
    known->next_watch = NULL;
    if (known->watch == NULL) {
        reg->missing_count -= known->is_missing;
        known->is_missing = known->is_elsewhere = false;
        known->missing_at = LUBDUB_TIME_NEVER;
        due_update(&reg->store.due, known);
    } else if (!was_expected && reg->has_started) {
        attendance_await(reg, known, clock);
    }
    if (was_expected || known->watch != NULL) {
        store_settle(&reg->store, known);
    }
}

static void take_watches(struct lubdub_register *reg)
{
    uint32_t place = 0;
    struct known *known;
    size_t done = 0;

    while ((known = store_next(&reg->store, &place)) != NULL) {
        take_watch(reg, known, register_clock(reg, lubdub_clock_now()));
        count_in_patterns(reg, known);
        reg->counted_to = place;
        pause_here(reg, ++done);
    }
}

/* A pattern that both lists have goes on as it was, as does one that was missing before a restart. */
static void settle_patterns(struct lubdub_register *reg, const struct watch_list *old)
{
    lubdub_time clock = register_clock(reg, lubdub_clock_now());
    size_t i;
    size_t k;

    for (i = 0; i < reg->list.count; i++) {
        struct watch *watch = &reg->list.items[i];

        for (k = 0; k < old->count && watch->line->is_pattern; k++) {
            const struct watch *before = &old->items[k];

            if (before->line->is_pattern && before->line->name.length == watch->line->name.length &&
                memcmp(before->line->name.data, watch->line->name.data, watch->line->name.length) == 0) {
                watch->is_missing = before->is_missing;
                watch->missing_at = before->missing_at;
                watch->since = before->since;
            }
        }
        if (watch->line->is_pattern && remembered_has(&reg->missing_patterns, watch->line->name)) {
            watch->is_missing = true;
            watch->since = clock;
        }
        attendance_settle_pattern(reg, watch, clock);
    }
}

void expecting_take_list(struct lubdub_register *reg)
{
    struct watch_list list;
    struct watch_list old;

    if (!reg->has_pending) {
        return;
    }
    reg->has_pending = false;
    if (!make_list(&list, &reg->pending) || !make_known(reg, &list)) {
        lubdub_log_error("the list of the expected is not taken, as no memory is left");
        forget_next(reg, &list);
        watch_list_clear(&list);
        return;
    }
    old = reg->list;
    reg->list = list;
    reg->is_counting = true;
    reg->counted_to = 0;
    take_watches(reg);
    reg->is_counting = false;
    settle_patterns(reg, &old);
    watch_list_clear(&old);
}
