/*
 * Limits the events of an identity that two programs have: it changes hands as fast as they connect. Beyond a few
 * takeovers a second the sessions in between are only counted: neither their `connected` nor their `disconnected` is
 * told. The last one's `connected` is held, and told as soon as there is room for it, or when it ends by itself. So
 * each session has both events or none, and the last that is told of an identity is true.
 *
 * Memory is bounded: 256 identities at a time; the rest is told. The caller keeps threads apart.
 */
#ifndef LUBDUB_SERVER_PROGRAM_TAKEOVERS_H
#define LUBDUB_SERVER_PROGRAM_TAKEOVERS_H

#include <stdbool.h>

#include <lubdub/server.h>

#include "program/events/line.h"
#include "server/program/budget.h"

struct takeovers;

/* Tells a line that was held. */
typedef void (*takeovers_release)(const struct lubdub_event_line *line, void *user_data);

/* Returns NULL without memory. */
struct takeovers *takeovers_new(takeovers_release release, budget_tell tell, void *user_data);
void takeovers_free(struct takeovers *takeovers);

/* Whether to tell CONNECTED now. If not, the line is kept, and told or counted later. */
bool takeovers_connected(struct takeovers *takeovers, const struct lubdub_server_event *event,
                         const struct lubdub_event_line *line);

/* Whether to tell DISCONNECTED. If not, it is counted, and so is the CONNECTED of this session. */
bool takeovers_disconnected(struct takeovers *takeovers, const struct lubdub_server_event *event);

/* Whether the CONNECTED of the event's session is not told. */
bool takeovers_hide(const struct takeovers *takeovers, const struct lubdub_server_event *event);

/* Tells what is due; where it is the end, all. Returns whether something is left. */
bool takeovers_settle(struct takeovers *takeovers, lubdub_time now, bool is_end);

#endif
