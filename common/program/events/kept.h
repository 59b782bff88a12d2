/* A copy of a line that takes no more memory than the line needs: for those that keep many of them. */
#ifndef LUBDUB_PROGRAM_EVENTS_KEPT_H
#define LUBDUB_PROGRAM_EVENTS_KEPT_H

#include "program/events/line.h"

struct lubdub_event_kept {
    const char *event;
    lubdub_time mono;
    uint64_t real;
    uint32_t length;
    bool is_truncated;
    uint8_t fields[];
};

/* For the caller to free(). NULL without memory. */
struct lubdub_event_kept *lubdub_event_keep(const struct lubdub_event_line *line);

/* The line again. */
void lubdub_event_kept_line(const struct lubdub_event_kept *kept, struct lubdub_event_line *line);

#endif
