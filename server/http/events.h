/*
 * Streams of events (server-sent events): a ring of the last EVENTS_KEPT, which each stream reads at its own pace. A
 * stream that is too slow, or comes back too late, is told how many it has lost. Each second all streams are told a
 * `tick`.
 */
#ifndef LUBDUB_SERVER_HTTP_EVENTS_H
#define LUBDUB_SERVER_HTTP_EVENTS_H

#include <microhttpd.h>

#include "program/events/line.h"
#include "server/http/source.h"

#define EVENTS_KEPT 4096

struct events;

/* Starts the thread that ticks. Returns 0 or an errno. The source has to stay. */
int events_open(struct events **opened, struct source *source);

/* Any thread; never waits. */
void events_tell(struct events *events, const struct lubdub_event_line *line);

/*
 * A response that goes on for ever, in the thread of the daemon; last_id NULL: from now on. NULL where there are `most`
 * streams already, or no memory.
 */
struct MHD_Response *events_stream(struct events *events, struct MHD_Connection *connection, const char *last_id,
                                   unsigned most);

/* Ends all streams, and stops the ticks: no stream waits any more, and the daemon can be stopped. */
void events_end(struct events *events);

/* After the daemon was stopped. NULL does no harm. */
void events_free(struct events *events);

#endif
