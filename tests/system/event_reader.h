/*
 * The events of a program, as JSON lines from a pipe or a file. The test takes them by name, in any order it likes;
 * what it has not taken stays.
 */
#ifndef LUBDUB_TESTS_SYSTEM_EVENT_READER_H
#define LUBDUB_TESTS_SYSTEM_EVENT_READER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include <lubdub/time.h>

struct event_reader {
    int descriptor; /* borrowed */
    char *bytes;    /* of a line that is not whole yet */
    size_t length;
    json_t **events;
    bool *is_taken;
    size_t count;
    bool has_ended;
};

void event_reader_init(struct event_reader *reader, int descriptor);
void event_reader_clear(struct event_reader *reader);

/* Reads what is there; waits until then for the first of it. */
void event_reader_read(struct event_reader *reader, lubdub_time until);

/* Reads to the end of the file. */
void event_reader_finish(struct event_reader *reader);

/*
 * The first event of this name that was not taken yet, of this identity (NULL: whoever), and takes it. Waits for it.
 * Borrowed: lives as long as the reader.
 */
json_t *expect_event(struct event_reader *reader, const char *name, const char *identity);

/* The same if it is there already; NULL. */
json_t *find_event(struct event_reader *reader, const char *name, const char *identity);

/* How many of this name were read so far, taken or not. identity NULL: of all. */
size_t count_events(const struct event_reader *reader, const char *name, const char *identity);

/* How many of this kind, of all sessions, the summaries stand for that were read so far. */
uint64_t count_summed_up(const struct event_reader *reader, const char *name);

/* Waits until so many of this name were read. */
void expect_events(struct event_reader *reader, const char *name, size_t count);

/* Fields; they must be there and of this type. */
uint64_t event_number(const json_t *event, const char *key);
const char *event_text(const json_t *event, const char *key);
bool event_flag(const json_t *event, const char *key);
bool event_has(const json_t *event, const char *key);
lubdub_time event_time(const json_t *event); /* mono_ns */

void expect_text(const json_t *event, const char *key, const char *expected);

#endif
