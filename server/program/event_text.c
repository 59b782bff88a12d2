/* Writes the text form of the server's event lines: a line for people and scripts, the identity in front. */
#include "server/program/event_text.h"

#include <stdio.h>
#include <string.h>

#include "program/events/escape.h"
#include "program/events/field.h"
#include "server/program/lines.h"

static uint64_t number(const struct lubdub_event_line *line, const char *key)
{
    uint64_t value = 0;

    lubdub_event_line_get_number(line, key, &value);
    return value;
}

static bool is_set(const struct lubdub_event_line *line, const char *key)
{
    bool flag = false;

    return lubdub_event_line_get_flag(line, key, &flag) && flag;
}

static int format_health(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    char health[32];
    char was[32];
    const char *content;
    size_t content_length;
    int length = snprintf(text, capacity, "health: %s (was %s)",
                          lubdub_event_line_show(line, "health", "", health, sizeof health),
                          lubdub_event_line_show(line, "was", "", was, sizeof was));

    if (lubdub_event_line_get_string(line, "content", &content, &content_length) && content_length > 0) {
        length += snprintf(text + length, capacity - (size_t)length, ": ");
        length += (int)lubdub_escape_name(text + length, capacity - (size_t)length, content, content_length);
    }
    return length;
}

static int format_sum(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    char word[512];
    char more[2048];
    int length = snprintf(text, capacity, "summary: %s %llu times more in %llu ms",
                          lubdub_event_line_show(line, "of", "", word, sizeof word),
                          (unsigned long long)number(line, "count"), (unsigned long long)number(line, "over_ms"));

    if (lubdub_event_line_show(line, "health", "", more, sizeof more)[0] != '\0') {
        length += snprintf(text + length, capacity - (size_t)length, ", now %s", more);
    }
    if (lubdub_event_line_show(line, "cause", "", more, sizeof more)[0] != '\0') {
        length += snprintf(text + length, capacity - (size_t)length, ": %s", more);
    }
    return length;
}

/* "hung 20, closed 8" */
static int format_causes(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    struct lubdub_event_field field;
    uint32_t offset = 0;
    const char *unused;
    int length = 0;

    text[0] = '\0';
    while (lubdub_event_field_next(line->fields, line->length, &offset, &field, &unused)) {
        if (field.kind == LUBDUB_EVENT_FIELD_COUNT && (size_t)length < capacity) {
            length += snprintf(text + length, capacity - (size_t)length, "%s%s %llu", length > 0 ? ", " : "", field.key,
                               (unsigned long long)field.value.number);
        }
    }
    return length;
}

static int format_attendance(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    char causes[1024];

    if (lubdub_event_line_is(line, "outage")) {
        format_causes(line, causes, sizeof causes);
        return snprintf(text, capacity, "outage: %llu of %llu sessions ended in %llu ms: %s",
                        (unsigned long long)number(line, "count"), (unsigned long long)number(line, "sessions"),
                        (unsigned long long)number(line, "over_ms"), causes);
    }
    if (lubdub_event_line_is(line, "flapping")) {
        return snprintf(text, capacity, "flapping: ended %llu times in %llu ms",
                        (unsigned long long)number(line, "count"), (unsigned long long)number(line, "over_ms"));
    }
    return snprintf(text, capacity, "%s: %llu of %llu up, after %llu ms", line->event,
                    (unsigned long long)number(line, "up"), (unsigned long long)number(line, "expected"),
                    (unsigned long long)number(line, "away_ms"));
}

static bool is_of_attendance(const struct lubdub_event_line *line)
{
    return lubdub_event_line_is(line, "missing") || lubdub_event_line_is(line, "found") ||
           lubdub_event_line_is(line, "outage") || lubdub_event_line_is(line, "flapping");
}

/* What happened, after the client that it happened to. */
static int format_event(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    char word[512];
    char more[2048];

    if (lubdub_event_line_is(line, "listening")) {
        return snprintf(text, capacity, "listening on %s%s",
                        lubdub_event_line_show(line, "address", "", more, sizeof more),
                        is_set(line, "tls") ? " over TLS" : "");
    }
    if (lubdub_event_line_is(line, "message")) {
        return snprintf(text, capacity, "message: %llu bytes", (unsigned long long)number(line, "length"));
    }
    if (lubdub_event_line_is(line, "health")) {
        return format_health(line, text, capacity);
    }
    if (lubdub_event_line_is(line, "path-lost")) {
        return snprintf(text, capacity, "path lost: %llu left", (unsigned long long)number(line, "paths"));
    }
    if (lubdub_event_line_is(line, "path-back")) {
        return snprintf(text, capacity, "path back: %llu now", (unsigned long long)number(line, "paths"));
    }
    if (lubdub_event_line_is(line, "late") || lubdub_event_line_is(line, "recovered")) {
        return snprintf(text, capacity, "%s: silent for %llu ms", line->event,
                        (unsigned long long)number(line, "silent_ms"));
    }
    if (lubdub_event_line_is(line, "disconnected")) {
        return snprintf(text, capacity, "disconnected: %s",
                        lubdub_event_line_show(line, "cause", "", word, sizeof word));
    }
    if (lubdub_event_line_is(line, "rejected")) {
        return snprintf(text, capacity, "rejected: %s: %s",
                        lubdub_event_line_show(line, "cause", "", word, sizeof word),
                        lubdub_event_line_show(line, "text", "", more, sizeof more));
    }
    if (lubdub_event_line_is(line, "summary")) {
        return format_sum(line, text, capacity);
    }
    if (lubdub_event_line_is(line, "paused")) {
        return snprintf(text, capacity, "accepting pauses: %s",
                        lubdub_event_line_show(line, "text", "", more, sizeof more));
    }
    if (lubdub_event_line_is(line, "suspicious")) {
        return snprintf(text, capacity, "suspicious: %s", lubdub_event_line_show(line, "text", "", more, sizeof more));
    }
    if (is_of_attendance(line)) {
        return format_attendance(line, text, capacity);
    }
    return snprintf(text, capacity, "%s", line->event);
}

/* Words that lines have of their own where an identity may stand. */
static bool is_word_of_ours(const char *bytes, size_t length)
{
    static const char *const words[] = {"accepting", "dropped", "event",    "events", "missing",
                                        "found",     "outage",  "flapping", "path"};
    size_t i;

    for (i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i]) == length && memcmp(words[i], bytes, length) == 0) {
            return true;
        }
    }
    for (i = 0; i <= LUBDUB_SERVER_PATHS; i++) {
        const char *word = lines_word((enum lubdub_server_event_kind)i);

        if (strlen(word) == length && memcmp(word, bytes, length) == 0) {
            return true;
        }
    }
    return false;
}

/* The identity, if there is one, and a blank: quoted where it could be read as anything else. */
static size_t put_name(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    const char *bytes;
    size_t length;
    size_t used;

    if (!lubdub_event_line_get_string(line, "id", &bytes, &length)) {
        return 0;
    }
    if (is_word_of_ours(bytes, length)) {
        used = (size_t)snprintf(text, capacity, "\"%.*s\"", (int)length, bytes);
    } else {
        used = lubdub_escape_name(text, capacity - 1, bytes, length);
    }
    memcpy(text + used, " ", 2);
    return used + 1;
}

size_t event_text_format(const struct lubdub_event_line *line, char *text, size_t capacity, void *user_data)
{
    char remote[128];
    size_t length = put_name(line, text, capacity);
    int more;
    (void)user_data;

    if (lubdub_event_line_is(line, "dropped")) {
        return 0;
    }
    if (lubdub_event_line_show(line, "remote", "", remote, sizeof remote)[0] != '\0' ||
        lubdub_event_line_show(line, "network", "", remote, sizeof remote)[0] != '\0') {
        length += (size_t)snprintf(text + length, capacity - length, "%s ", remote);
    }
    more = format_event(line, text + length, capacity - length);
    return more < 0 || (size_t)more >= capacity - length ? 0 : length + (size_t)more;
}
