/* Answers queries for lists: in the order of the walk with a place to go on from, or sorted with the last key. */
#include "server/http/sessions.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/entry.h"
#include "server/http/ranking.h"
#include "server/http/walk.h"
#include "server/register/copies.h"

#define LOOKED_AT_MOST ((size_t)100000) /* entries for one page: some 0.2 s */

struct filter {
    const char *id;
    size_t id_length;
    bool states[ENTRY_STATES];
    bool has_label;
    bool has_value;
    struct lubdub_slice key;
    struct lubdub_slice value;
};

/* ---- the query ---- */

static const char *take_limit(const char *text, size_t *limit)
{
    char *end;
    unsigned long number;

    *limit = SESSIONS_LIMIT;
    if (text == NULL) {
        return NULL;
    }
    errno = 0;
    number = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || number == 0) {
        return "limit: must be a number from 1 on";
    }
    *limit = errno != 0 || number > SESSIONS_LIMIT_MOST ? SESSIONS_LIMIT_MOST : number;
    return NULL;
}

static bool take_state(const char *word, size_t length, bool states[ENTRY_STATES])
{
    int state;

    for (state = 0; state < ENTRY_STATES; state++) {
        const char *known = entry_state_word((enum entry_state)state);

        if (strlen(known) == length && memcmp(known, word, length) == 0) {
            states[state] = true;
            return true;
        }
    }
    return false;
}

static const char *take_states(const char *text, bool states[ENTRY_STATES])
{
    if (text == NULL || text[0] == '\0') {
        memset(states, 1, ENTRY_STATES * sizeof states[0]);
        return NULL;
    }
    for (;;) {
        size_t length = strcspn(text, ",");

        if (!take_state(text, length, states)) {
            return "state: must be up, late, away, gone or missing, or some of them with commas between";
        }
        if (text[length] == '\0') {
            return NULL;
        }
        text += length + 1;
    }
}

static void take_label(const char *text, struct filter *filter)
{
    const char *equals;

    if (text == NULL || text[0] == '\0') {
        return;
    }
    equals = strchr(text, '=');
    filter->has_label = true;
    filter->has_value = equals != NULL;
    filter->key = (struct lubdub_slice){text, equals != NULL ? (size_t)(equals - text) : strlen(text)};
    if (equals != NULL) {
        filter->value = (struct lubdub_slice){equals + 1, strlen(equals + 1)};
    }
}

static bool matches(const struct filter *filter, const struct entry *entry)
{
    struct lubdub_slice identity = entry_identity(entry);

    return filter->states[entry_state(entry)] && identity.length >= filter->id_length &&
           (filter->id_length == 0 || memcmp(identity.data, filter->id, filter->id_length) == 0) &&
           (!filter->has_label || entry_has_label(entry, filter->key, filter->has_value ? &filter->value : NULL));
}

/* ---- in the order of the walk ---- */

static const char *take_place(const char *text, struct walk_place *place)
{
    char behind;

    *place = (struct walk_place){0};
    if (text == NULL || text[0] == '\0') {
        return NULL;
    }
    return sscanf(text, "%1u-%" SCNu64 "%c", &place->stage, &place->cursor, &behind) == 2 && place->stage <= 1
               ? NULL
               : "after: must be the \"next\" of an earlier page";
}

/* Whether another one follows, so that no page is empty that a reader is sent to. */
static bool has_more(struct walk *walk, const struct filter *filter, size_t *looked_at)
{
    struct entry entry;

    while (walk_next(walk, &entry)) {
        if (matches(filter, &entry) || ++*looked_at > LOOKED_AT_MOST) {
            return true;
        }
    }
    return false;
}

static void write_next(struct text *text, bool has_next, struct walk_place place)
{
    if (has_next) {
        text_format(text, "],\"next\":\"%u-%" PRIu64 "\"}", place.stage, place.cursor);
    } else {
        text_format(text, "],\"next\":null}");
    }
}

static void write_in_order(const struct source *source, const struct filter *filter, struct walk_place place,
                           size_t limit, struct text *text)
{
    bool is_cut = false;
    size_t looked_at = 0;
    size_t count = 0;
    struct entry entry;
    struct walk walk;

    text_format(text, "{\"sessions\":[");
    walk_begin(&walk, source, place);
    while (count < limit && !is_cut && walk_next(&walk, &entry)) {
        if (matches(filter, &entry)) {
            text_format(text, "%s", count++ > 0 ? "," : "");
            entry_write(&entry, false, text);
        }
        is_cut = ++looked_at > LOOKED_AT_MOST;
    }
    if (count == limit || is_cut) {
        place = walk_place(&walk);
        is_cut = is_cut || has_more(&walk, filter, &looked_at);
    }
    text->has_failed = text->has_failed || walk.has_failed;
    walk_end(&walk);
    write_next(text, is_cut, place);
}

/* ---- sorted ---- */

static const char *write_sorted(const struct source *source, const struct filter *filter,
                                const struct sessions_query *query, size_t limit, struct text *text)
{
    struct ranking ranking;
    struct entry entry;
    struct walk walk;
    const char *fault = ranking_begin(&ranking, query->sort, query->after, limit);

    if (fault != NULL) {
        return fault;
    }
    walk_begin(&walk, source, (struct walk_place){0});
    while (walk_next(&walk, &entry)) {
        if (matches(filter, &entry)) {
            ranking_offer(&ranking, &entry);
        }
    }
    text->has_failed = text->has_failed || walk.has_failed;
    walk_end(&walk);
    ranking_write(&ranking, text);
    ranking_end(&ranking);
    return NULL;
}

static bool is_too_large_to_sort(const struct source *source)
{
    struct lubdub_server_figures figures = {.size = sizeof figures};

    lubdub_server_figures(source->server, &figures);
    return figures.up + figures.late > SESSIONS_SORTED_MOST;
}

const char *sessions_write(const struct source *source, const struct sessions_query *query, struct text *text)
{
    struct filter filter = {.id = query->id, .id_length = query->id != NULL ? strlen(query->id) : 0};
    struct walk_place place;
    size_t limit;
    const char *fault = take_limit(query->limit, &limit);

    if (fault == NULL) {
        fault = take_states(query->state, filter.states);
    }
    if (fault != NULL) {
        return fault;
    }
    take_label(query->label, &filter);
    if (query->sort != NULL && query->sort[0] != '\0') {
        if (!is_too_large_to_sort(source)) {
            return write_sorted(source, &filter, query, limit, text);
        }
        return "sort: there are more than 100000 sessions; ask without sort";
    }
    fault = take_place(query->after, &place);
    if (fault == NULL) {
        write_in_order(source, &filter, place, limit, text);
    }
    return fault;
}

/* ---- one ---- */

static bool is_number(const char *name)
{
    return name[0] != '\0' && strlen(name) < 20 && strspn(name, "0123456789") == strlen(name);
}

bool sessions_write_one(const struct source *source, const char *name, struct text *text)
{
    size_t length = strlen(name);
    struct lubdub_server_session *session = NULL;
    struct register_identity known;
    struct entry entry = {0};

    if (register_find(source->reg, name, length, &known)) {
        entry.known = &known;
    }
    if (lubdub_server_find(source->server, name, length, &session) != LUBDUB_ERROR_OK && entry.known == NULL &&
        is_number(name)) {
        (void)lubdub_server_find_session(source->server, strtoull(name, NULL, 10), &session);
    }
    entry.session = session;
    if (entry.session != NULL && entry.known == NULL && entry.session->identity.length > 0 &&
        register_find(source->reg, entry.session->identity.data, entry.session->identity.length, &known)) {
        entry.known = &known;
    }
    if (entry.session != NULL || entry.known != NULL) {
        entry_write(&entry, true, text);
    }
    lubdub_server_session_free(session);
    return entry.session != NULL || entry.known != NULL;
}
