/* Makes event lines of the library's events, and of sums of them (budget.h): their words, ranks and fields. */
#ifndef LUBDUB_SERVER_PROGRAM_LINES_H
#define LUBDUB_SERVER_PROGRAM_LINES_H

#include <lubdub/server.h>

#include "program/events/line.h"
#include "server/program/budget.h"

/* What lines call an event of this kind. Of paths "paths": whether one is lost or back says the event only. */
const char *lines_word(enum lubdub_server_event_kind kind);

/* node: the server's own name, in every line; NULL: none. Any thread. */
void lines_of_event(struct lubdub_event_line *line, const struct lubdub_server_event *event, const char *node);
void lines_of_sum(struct lubdub_event_line *line, const struct budget_sum *sum, const char *node);

#endif
