#include "event_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "patience.h"
#include "support/test.h"

#define READ_SIZE 65536

void event_reader_init(struct event_reader *reader, int descriptor)
{
    memset(reader, 0, sizeof *reader);
    reader->descriptor = descriptor;
}

void event_reader_clear(struct event_reader *reader)
{
    size_t i;

    for (i = 0; i < reader->count; i++) {
        json_decref(reader->events[i]);
    }
    free(reader->events);
    free(reader->is_taken);
    free(reader->bytes);
    memset(reader, 0, sizeof *reader);
}

static void take_line(struct event_reader *reader, const char *line, size_t length)
{
    json_error_t error;
    json_t *event = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);

    if (event == NULL) {
        fail_msg("no JSON: %s: %.*s", error.text, (int)length, line);
    }
    if ((reader->count & (reader->count + 1)) == 0) {
        reader->events = realloc(reader->events, (reader->count + 1) * 2 * sizeof(json_t *));
        reader->is_taken = realloc(reader->is_taken, (reader->count + 1) * 2 * sizeof(bool));
        assert_non_null(reader->events);
        assert_non_null(reader->is_taken);
    }
    reader->is_taken[reader->count] = false;
    reader->events[reader->count++] = event;
    assert_true(json_is_object(event));
    assert_true(json_is_string(json_object_get(event, "event")));
}

static void take_lines(struct event_reader *reader)
{
    size_t taken = 0;
    const char *end;

    while ((end = memchr(reader->bytes + taken, '\n', reader->length - taken)) != NULL) {
        size_t length = (size_t)(end - (reader->bytes + taken));

        take_line(reader, reader->bytes + taken, length);
        taken += length + 1;
    }
    reader->length -= taken;
    memmove(reader->bytes, reader->bytes + taken, reader->length);
}

void event_reader_read(struct event_reader *reader, lubdub_time until)
{
    struct pollfd wait = {.fd = reader->descriptor, .events = POLLIN};
    ssize_t part;

    if (reader->has_ended || poll(&wait, 1, poll_time(until)) <= 0) {
        return;
    }
    reader->bytes = realloc(reader->bytes, reader->length + READ_SIZE);
    assert_non_null(reader->bytes);
    part = read(reader->descriptor, reader->bytes + reader->length, READ_SIZE);
    if (part <= 0) {
        reader->has_ended = true;
        return;
    }
    reader->length += (size_t)part;
    take_lines(reader);
}

void event_reader_finish(struct event_reader *reader)
{
    lubdub_time until = now() + PATIENCE;

    while (!reader->has_ended) {
        assert_true(now() < until);
        event_reader_read(reader, until);
    }
    assert_int_equal(reader->length, 0); /* whole lines only */
}

static bool is_about(const json_t *event, const char *name, const char *identity)
{
    const char *id = json_string_value(json_object_get(event, "id"));

    return strcmp(json_string_value(json_object_get(event, "event")), name) == 0 &&
           (identity == NULL || (id != NULL && strcmp(id, identity) == 0));
}

json_t *find_event(struct event_reader *reader, const char *name, const char *identity)
{
    size_t i;

    for (i = 0; i < reader->count; i++) {
        if (!reader->is_taken[i] && is_about(reader->events[i], name, identity)) {
            reader->is_taken[i] = true;
            return reader->events[i];
        }
    }
    return NULL;
}

static void print_last(const struct event_reader *reader)
{
    size_t i = reader->count > 10 ? reader->count - 10 : 0;

    print_error("the last events were:\n");
    for (; i < reader->count; i++) {
        char *line = json_dumps(reader->events[i], JSON_COMPACT);

        print_error("  %s\n", line);
        free(line);
    }
}

json_t *expect_event(struct event_reader *reader, const char *name, const char *identity)
{
    lubdub_time until = now() + PATIENCE;
    json_t *event;

    while ((event = find_event(reader, name, identity)) == NULL) {
        if (now() >= until || reader->has_ended) {
            print_last(reader);
            fail_msg("no event \"%s\" came of %s", name, identity != NULL ? identity : "anybody");
        }
        event_reader_read(reader, until);
    }
    return event;
}

size_t count_events(const struct event_reader *reader, const char *name, const char *identity)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < reader->count; i++) {
        count += is_about(reader->events[i], name, identity);
    }
    return count;
}

uint64_t count_summed_up(const struct event_reader *reader, const char *name)
{
    uint64_t count = 0;
    size_t i;

    for (i = 0; i < reader->count; i++) {
        const json_t *event = reader->events[i];

        if (strcmp(event_text(event, "event"), "summary") == 0 && strcmp(event_text(event, "of"), name) == 0) {
            count += event_number(event, "count");
        }
    }
    return count;
}

void expect_events(struct event_reader *reader, const char *name, size_t count)
{
    lubdub_time until = now() + PATIENCE;

    while (count_events(reader, name, NULL) < count) {
        if (now() >= until || reader->has_ended) {
            print_last(reader);
            fail_msg("%zu events \"%s\" came, not %zu", count_events(reader, name, NULL), name, count);
        }
        event_reader_read(reader, until);
    }
}

uint64_t event_number(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);

    if (!json_is_integer(value)) {
        fail_msg("%s has no number \"%s\"", json_string_value(json_object_get(event, "event")), key);
    }
    return (uint64_t)json_integer_value(value);
}

const char *event_text(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);

    if (!json_is_string(value)) {
        fail_msg("%s has no text \"%s\"", json_string_value(json_object_get(event, "event")), key);
    }
    return json_string_value(value);
}

bool event_flag(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);

    assert_true(json_is_boolean(value));
    return json_is_true(value);
}

bool event_has(const json_t *event, const char *key)
{
    return json_object_get(event, key) != NULL;
}

lubdub_time event_time(const json_t *event)
{
    return event_number(event, "mono_ns");
}

void expect_text(const json_t *event, const char *key, const char *expected)
{
    const char *text = event_text(event, key);

    if (strcmp(text, expected) != 0) {
        char *line = json_dumps(event, JSON_COMPACT);

        print_error("%s\n", line);
        free(line);
    }
    assert_string_equal(text, expected);
}
