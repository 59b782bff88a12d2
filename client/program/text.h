/* Writes the text form of the client's event lines, for people, in the manner of ping. */
#ifndef LUBDUB_CLIENT_PROGRAM_TEXT_H
#define LUBDUB_CLIENT_PROGRAM_TEXT_H

#include <stddef.h>

#include "program/events/line.h"

/* A lubdub_event_format. Knows the line only, and runs in the writer's thread. */
size_t text_format(const struct lubdub_event_line *line, char *text, size_t capacity, void *user_data);

#endif
