/*
 * A line is one event as a list of named fields, built on the caller's stack: no allocation and no formatting, so that
 * a loop can report thousands of them. A lubdub_event_writer turns it into a line of JSON or text, elsewhere and later.
 *
 *     struct lubdub_event_line line;
 *     lubdub_event_line_begin(&line, "late", now, real_time);
 *     lubdub_event_line_number(&line, "session", number);
 *     lubdub_event_line_string(&line, "id", identity, identity_length);
 *     lubdub_event_writer_put(writer, &line);
 *
 * Fields keep the order of the calls. Names of events and fields (and of words) are kept by pointer: give literals, of
 * plain letters, digits and _ -. A field name is given once a line. Text is copied.
 */
#ifndef LUBDUB_PROGRAM_EVENTS_LINE_H
#define LUBDUB_PROGRAM_EVENTS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#define LUBDUB_EVENT_LINE_CAPACITY 4096

/* A longer string is cut to this and the line says "truncated":true. */
#define LUBDUB_EVENT_STRING_MAX 1024

/* Where room is short, lines of the first rank have it longest (store.h). */
enum lubdub_event_rank {
    LUBDUB_EVENT_RANK_FIRST,
    LUBDUB_EVENT_RANK_SECOND,
    LUBDUB_EVENT_RANK_THIRD,
    LUBDUB_EVENT_RANKS,
};

struct lubdub_event_line {
    const char *event;
    lubdub_time mono;            /* CLOCK_MONOTONIC, the moment of the decision */
    uint64_t real;               /* CLOCK_REALTIME in nanoseconds since 1970, the same moment */
    uint32_t length;             /* bytes used of fields */
    enum lubdub_event_rank rank; /* FIRST; set by the caller after _begin */
    bool is_truncated;           /* something did not fit */
    uint8_t fields[LUBDUB_EVENT_LINE_CAPACITY];
};

void lubdub_event_line_begin(struct lubdub_event_line *line, const char *event, lubdub_time mono, uint64_t real);

/* The same at the present moment, for programs' own events. */
void lubdub_event_line_begin_now(struct lubdub_event_line *line, const char *event);

void lubdub_event_line_number(struct lubdub_event_line *line, const char *key, uint64_t number);
void lubdub_event_line_real(struct lubdub_event_line *line, const char *key, double number);
void lubdub_event_line_flag(struct lubdub_event_line *line, const char *key, bool flag);

/* A literal, kept by pointer: a cause's word, a state's name. NULL adds no field. */
void lubdub_event_line_word(struct lubdub_event_line *line, const char *key, const char *word);

/* Any bytes; NUL and what is no UTF-8 will be shown as U+FFFD in JSON. */
void lubdub_event_line_string(struct lubdub_event_line *line, const char *key, const void *bytes, size_t length);

/* The same of at most `most` bytes; a longer one is cut, and the line says so. */
void lubdub_event_line_string_cut(struct lubdub_event_line *line, const char *key, const void *bytes, size_t length,
                                  size_t most);

/* The same up to the NUL. NULL adds no field. */
void lubdub_event_line_text(struct lubdub_event_line *line, const char *key, const char *text);

/*
 * A flat object of strings: open it, add its labels, close it. An empty one is written too ("labels":{}).
 * A label key that comes again is left out, as JSON asks.
 */
void lubdub_event_line_labels_begin(struct lubdub_event_line *line, const char *key);
void lubdub_event_line_label(struct lubdub_event_line *line, const void *key, size_t key_length, const void *value,
                             size_t value_length);

/* A label that is a number; its key is a literal, kept by pointer. */
void lubdub_event_line_label_number(struct lubdub_event_line *line, const char *key, uint64_t number);
void lubdub_event_line_labels_end(struct lubdub_event_line *line);

/* For writing a text form. Each returns whether the line has such a field of that type. */
bool lubdub_event_line_is(const struct lubdub_event_line *line, const char *event);
bool lubdub_event_line_get_number(const struct lubdub_event_line *line, const char *key, uint64_t *number);
bool lubdub_event_line_get_real(const struct lubdub_event_line *line, const char *key, double *number);
bool lubdub_event_line_get_flag(const struct lubdub_event_line *line, const char *key, bool *flag);

/* Finds words, strings and texts. *bytes is raw (escape it before a person sees it) and lives as long as the line. */
bool lubdub_event_line_get_string(const struct lubdub_event_line *line, const char *key, const char **bytes,
                                  size_t *length);

/* Writes the string field, made safe for a terminal (lubdub_escape_text), or the fallback. Returns text. */
const char *lubdub_event_line_show(const struct lubdub_event_line *line, const char *key, const char *fallback,
                                   char *text, size_t capacity);

#endif
