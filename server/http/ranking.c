/* A heap whose head is the entry that gives way first. An identity or a number makes every key unique. */
#include "server/http/ranking.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const key_words[] = {"id", "state", "since", "silent", "rtt"};

static void clear(struct ranked *ranked)
{
    free((void *)(uintptr_t)ranked->identity.data);
    text_clear(&ranked->text);
    *ranked = (struct ranked){0};
}

static bool set_identity(struct ranked *ranked, struct lubdub_slice identity)
{
    char *copy = malloc(identity.length + 1);

    if (copy == NULL) {
        return false;
    }
    if (identity.length > 0) {
        memcpy(copy, identity.data, identity.length);
    }
    ranked->identity = (struct lubdub_slice){copy, identity.length};
    return true;
}

static int compare_bytes(struct lubdub_slice one, struct lubdub_slice other)
{
    size_t length = one.length < other.length ? one.length : other.length;
    int order = length > 0 ? memcmp(one.data, other.data, length) : 0;

    return order != 0 ? order : (one.length > other.length) - (one.length < other.length);
}

/* Whether `one` stands before `other` in the order that was asked for. */
static bool is_before(const struct ranking *ranking, const struct ranked *one, const struct ranked *other)
{
    int order = (one->number > other->number) - (one->number < other->number);

    if (order == 0) {
        order = compare_bytes(one->identity, other->identity);
    }
    if (order == 0) {
        order = (one->session > other->session) - (one->session < other->session);
    }
    return ranking->is_backward ? order > 0 : order < 0;
}

static const char *take_start(struct ranking *ranking, const char *after)
{
    int used = 0;

    if (after == NULL || after[0] == '\0') {
        return NULL;
    }
    if (sscanf(after, "s-%" SCNu64 "-%" SCNu64 "-%n", &ranking->start.number, &ranking->start.session, &used) != 2 ||
        used == 0) {
        return "after: must be the \"next\" of an earlier page";
    }
    ranking->has_start = true;
    return set_identity(&ranking->start, (struct lubdub_slice){after + used, strlen(after + used)})
               ? NULL
               : "no memory is left";
}

const char *ranking_begin(struct ranking *ranking, const char *sort, const char *after, size_t limit)
{
    size_t i;
    const char *fault;

    *ranking = (struct ranking){.limit = limit, .is_backward = sort[0] == '-'};
    sort += ranking->is_backward;
    for (i = 0; i < sizeof key_words / sizeof key_words[0] && strcmp(key_words[i], sort) != 0; i++) {
    }
    if (i == sizeof key_words / sizeof key_words[0]) {
        return "sort: must be id, state, since, silent or rtt, perhaps behind a -";
    }
    ranking->key = (enum ranking_key)i;
    fault = take_start(ranking, after);
    if (fault == NULL) {
        ranking->items = calloc(limit, sizeof *ranking->items);
        fault = ranking->items == NULL ? "no memory is left" : NULL;
    }
    if (fault != NULL) {
        clear(&ranking->start);
    }
    return fault;
}

void ranking_end(struct ranking *ranking)
{
    size_t i;

    for (i = 0; i < ranking->count; i++) {
        clear(&ranking->items[i]);
    }
    free(ranking->items);
    clear(&ranking->start);
}

static uint64_t number_of(const struct ranking *ranking, const struct entry *entry)
{
    const struct lubdub_server_session *session = entry->session;

    switch (ranking->key) {
    case RANKING_ID:
        return 0;
    case RANKING_STATE:
        return entry_state(entry);
    case RANKING_SINCE:
        return session != NULL && session->session != 0 ? session->since : entry_since_ms(entry);
    case RANKING_SILENT:
        return session != NULL ? session->silent_for : UINT64_MAX;
    case RANKING_RTT:
        return session != NULL ? session->round_trip : 0;
    }
    return 0;
}

static void swap(struct ranked *one, struct ranked *other)
{
    struct ranked kept = *one;

    *one = *other;
    *other = kept;
}

static void rise(struct ranking *ranking, size_t place)
{
    while (place > 0 && is_before(ranking, &ranking->items[(place - 1) / 2], &ranking->items[place])) {
        swap(&ranking->items[(place - 1) / 2], &ranking->items[place]);
        place = (place - 1) / 2;
    }
}

static void sink(struct ranking *ranking, size_t place, size_t count)
{
    for (;;) {
        size_t child = 2 * place + 1;

        if (child + 1 < count && is_before(ranking, &ranking->items[child], &ranking->items[child + 1])) {
            child++;
        }
        if (child >= count || !is_before(ranking, &ranking->items[place], &ranking->items[child])) {
            return;
        }
        swap(&ranking->items[place], &ranking->items[child]);
        place = child;
    }
}

/* Takes it in; the text is written only now, as most entries are not taken. */
static void take(struct ranking *ranking, struct ranked *place, const struct ranked *candidate,
                 const struct entry *entry)
{
    clear(place);
    *place = *candidate;
    if (!set_identity(place, candidate->identity)) {
        place->identity = (struct lubdub_slice){NULL, 0};
        ranking->has_failed = true;
    }
    entry_write(entry, false, &place->text);
    ranking->has_failed = ranking->has_failed || place->text.has_failed;
}

void ranking_offer(struct ranking *ranking, const struct entry *entry)
{
    const struct ranked candidate = {
        .number = number_of(ranking, entry),
        .session = entry->session != NULL ? entry->session->session : 0,
        .identity = entry_identity(entry),
    };

    if (ranking->has_start && !is_before(ranking, &ranking->start, &candidate)) {
        return;
    }
    if (ranking->count < ranking->limit) {
        take(ranking, &ranking->items[ranking->count], &candidate, entry);
        rise(ranking, ranking->count++);
        return;
    }
    ranking->has_more = true;
    if (is_before(ranking, &candidate, &ranking->items[0])) {
        take(ranking, &ranking->items[0], &candidate, entry);
        sink(ranking, 0, ranking->count);
    }
}

void ranking_write(struct ranking *ranking, struct text *text)
{
    size_t left;
    size_t i;

    for (left = ranking->count; left > 1; left--) { /* the heap becomes a sorted row */
        swap(&ranking->items[0], &ranking->items[left - 1]);
        sink(ranking, 0, left - 1);
    }
    text_format(text, "{\"sessions\":[");
    for (i = 0; i < ranking->count; i++) {
        text_format(text, "%s", i > 0 ? "," : "");
        text_put(text, ranking->items[i].text.bytes, ranking->items[i].text.length);
    }
    text_format(text, "],\"next\":");
    if (ranking->has_more) {
        const struct ranked *last = &ranking->items[ranking->count - 1];
        struct text next = {0};

        text_format(&next, "s-%" PRIu64 "-%" PRIu64 "-", last->number, last->session);
        text_put(&next, last->identity.data, last->identity.length);
        text_json(text, next.bytes, next.length);
        text_clear(&next);
    } else {
        text_format(text, "null");
    }
    text_put(text, "}", 1);
    text->has_failed = text->has_failed || ranking->has_failed;
}
