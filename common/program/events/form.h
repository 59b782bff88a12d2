/* Lists the forms that event lines have outside of the program. */
#ifndef LUBDUB_PROGRAM_EVENTS_FORM_H
#define LUBDUB_PROGRAM_EVENTS_FORM_H

#include "program/events/line.h"

/* What --events asks for on standard output. */
enum lubdub_event_form {
    LUBDUB_EVENTS_TEXT,
    LUBDUB_EVENTS_JSON,
    LUBDUB_EVENTS_NONE,
};

/* The words for them, in that order, as a row of settings takes them. */
#define LUBDUB_EVENT_FORM_WORDS {"text", "json", "none", NULL}

/*
 * The text form of a line, called in the writer's thread. Writes at most capacity bytes (at least 8 KiB) without a
 * newline and returns how many; 0 means that this event has no line. Names must be made safe (lubdub_event_line_show).
 * The event "dropped" has a usual line, which 0 leaves as it is: "3 events dropped: the reader is slow".
 */
typedef size_t (*lubdub_event_format)(const struct lubdub_event_line *line, char *text, size_t capacity,
                                      void *user_data);

#endif
