/* Writes the text form of the server's event lines, for people and scripts. */
#ifndef LUBDUB_SERVER_PROGRAM_EVENT_TEXT_H
#define LUBDUB_SERVER_PROGRAM_EVENT_TEXT_H

#include <stddef.h>

#include "program/events/line.h"

/* A lubdub_event_format. Knows the line only, and runs in the writer's thread. */
size_t event_text_format(const struct lubdub_event_line *line, char *text, size_t capacity, void *user_data);

#endif
