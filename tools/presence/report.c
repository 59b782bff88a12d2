/* Puts fields into sentences; names of clients are escaped, for a terminal. */
#include "presence/report.h"

#include <string.h>

#include "program/events/escape.h"

#define SHOWN 1024

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

static void put_name(FILE *file, const json_t *object)
{
    const char *name = text_of(object, "id");
    char shown[SHOWN];

    if (name[0] != '\0') {
        lubdub_escape_name(shown, sizeof shown, name, strlen(name));
        fputs(shown, file);
    } else if (json_object_get(object, "session") != NULL) {
        fprintf(file, "session %" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(object, "session")));
    }
}

static void put_text(FILE *file, const char *before, const char *text)
{
    char shown[SHOWN];

    if (text[0] != '\0') {
        lubdub_escape_text(shown, sizeof shown, text, strlen(text));
        fprintf(file, "%s%s", before, shown);
    }
}

/* "2026-11-29T09:54:21.017000Z" as "2026-11-29 09:54:21". */
static void put_time(FILE *file, const char *before, const char *time)
{
    if (strlen(time) >= 19) {
        fprintf(file, "%s%.10s %.8s", before, time, time + 11);
    }
}

static void put_labels(FILE *file, json_t *labels)
{
    const char *key;
    json_t *value;

    json_object_foreach(labels, key, value)
    {
        put_text(file, ", ", key);
        put_text(file, "=", json_string_value(value) != NULL ? json_string_value(value) : "");
    }
}

void report_entry(FILE *file, const json_t *entry)
{
    put_name(file, entry);
    put_text(file, " ", text_of(entry, "state"));
    if (json_is_true(json_object_get(entry, "is_pattern"))) {
        fprintf(file, ": %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " are up",
                json_integer_value(json_object_get(entry, "up")),
                json_integer_value(json_object_get(entry, "expected")));
    }
    put_time(file, " since ", text_of(entry, "since"));
    put_text(file, ", ", text_of(entry, "remote"));
    put_text(file, ", ", text_of(entry, "health"));
    if (json_object_get(entry, "session") == NULL) {
        put_text(file, ", the last session: ", text_of(entry, "last_end"));
    }
    put_labels(file, json_object_get(entry, "labels"));
    fputc('\n', file);
}

void report_ends(FILE *file, const json_t *entry)
{
    const json_t *ends = json_object_get(entry, "ends");
    size_t i;

    for (i = 0; i < json_array_size(ends); i++) {
        const json_t *end = json_array_get(ends, i);

        put_time(file, "  ended ", text_of(end, "at"));
        put_text(file, ": ", text_of(end, "cause"));
        fprintf(file, ", after %" JSON_INTEGER_FORMAT " s\n", json_integer_value(json_object_get(end, "connected_s")));
    }
}

static void put_number(FILE *file, const char *before, const json_t *event, const char *key, const char *behind)
{
    const json_t *value = json_object_get(event, key);

    if (json_is_integer(value)) {
        fprintf(file, "%s%" JSON_INTEGER_FORMAT "%s", before, json_integer_value(value), behind);
    }
}

void report_event(FILE *file, const json_t *event)
{
    const char *time = text_of(event, "time");
    const char *kind = text_of(event, "event");

    if (strlen(time) >= 19) {
        fprintf(file, "%.8s ", time + 11);
    }
    put_name(file, event);
    put_text(file, text_of(event, "id")[0] != '\0' || json_object_get(event, "session") != NULL ? " " : "", kind);
    put_text(file, ": ", text_of(event, "cause"));
    put_text(file, ": ", text_of(event, "health"));
    if (strcmp(kind, "missing") == 0 || strcmp(kind, "found") == 0) {
        put_number(file, ": ", event, "up", "");
        put_number(file, " of ", event, "expected", " up");
    }
    if (strcmp(kind, "outage") == 0 || strcmp(kind, "flapping") == 0) {
        put_number(file, ": ", event, "count", " ends");
        put_number(file, " in ", event, "over_ms", " ms");
    }
    fputc('\n', file);
}
