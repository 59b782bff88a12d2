/* Copies the fields of a line as far as they are used. */
#include "program/events/kept.h"

#include <stdlib.h>
#include <string.h>

struct lubdub_event_kept *lubdub_event_keep(const struct lubdub_event_line *line)
{
    struct lubdub_event_kept *kept = malloc(sizeof *kept + line->length);

    if (kept != NULL) {
        kept->event = line->event;
        kept->mono = line->mono;
        kept->real = line->real;
        kept->length = line->length;
        kept->is_truncated = line->is_truncated;
        memcpy(kept->fields, line->fields, line->length);
    }
    return kept;
}

void lubdub_event_kept_line(const struct lubdub_event_kept *kept, struct lubdub_event_line *line)
{
    lubdub_event_line_begin(line, kept->event, kept->mono, kept->real);
    line->is_truncated = kept->is_truncated;
    line->length = kept->length;
    memcpy(line->fields, kept->fields, kept->length);
}
