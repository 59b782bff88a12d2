/* Writes the JSON form of a line: ASCII only, so that no bytes of a peer break a reader or reach a terminal raw. */
#ifndef LUBDUB_PROGRAM_EVENTS_JSON_H
#define LUBDUB_PROGRAM_EVENTS_JSON_H

#include "program/events/line.h"

/* Writes the line as a JSON object without a newline. Returns its length; 0 if it does not fit or memory ran out. */
size_t lubdub_event_line_json(const struct lubdub_event_line *line, char *text, size_t capacity);

/*
 * Writes one member of this object alone: what stands behind its key. For objects of labels; the length and the 0 are
 * as above, and 0 stands too for a key that the line does not have.
 */
size_t lubdub_event_line_json_member(const struct lubdub_event_line *line, const char *key, char *text,
                                     size_t capacity);

#endif
