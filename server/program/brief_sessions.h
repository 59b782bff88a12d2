/*
 * Limits the events of sessions that end as soon as they have begun. A network (an IPv4 address, the /64 of an IPv6
 * one) may bring about so many `connected` at once and so many a second, sessions with an identity apart from those
 * without, and all networks together have a budget, too. Beyond it a `connected` is held for a second. A session that
 * lasts is then told as it began, with the time at which it began; one that ends sooner is only counted, and its
 * `disconnected` with it. So each session has both events or none, and whatever stays is told. The `gone` of identities
 * whose last session was counted has a budget, too.
 *
 * Memory is bounded: 1,024 networks that were busy lately, 2 MiB of held lines for either kind of session, and 65,536
 * identities whose last session was counted. Where there is no more room, the line that is held for longest is told.
 * The caller keeps threads apart.
 */
#ifndef LUBDUB_SERVER_PROGRAM_BRIEF_SESSIONS_H
#define LUBDUB_SERVER_PROGRAM_BRIEF_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/server.h>

#include "program/events/line.h"
#include "server/program/budget.h"

struct brief_sessions;

/* Tells the `connected` of a session that was held. */
typedef void (*brief_sessions_release)(const struct lubdub_event_line *line, uint64_t session, lubdub_time now,
                                       void *user_data);

/* Returns NULL without memory. */
struct brief_sessions *brief_sessions_new(brief_sessions_release release, budget_tell tell, void *user_data);
void brief_sessions_free(struct brief_sessions *brief);

/* Whether to tell CONNECTED now. If not, the line is kept, and told or counted later. */
bool brief_sessions_connected(struct brief_sessions *brief, const struct lubdub_server_event *event,
                              const struct lubdub_event_line *line);

/* Whether to tell DISCONNECTED. If not, it is counted, and so is the CONNECTED of this session. */
bool brief_sessions_disconnected(struct brief_sessions *brief, const struct lubdub_server_event *event);

/* Whether to tell GONE. If not, it is counted: too many are gone, and nothing is told of the last session of this one.
 */
bool brief_sessions_gone(struct brief_sessions *brief, const struct lubdub_server_event *event);

/* Whether the CONNECTED of the event's session is held. */
bool brief_sessions_hide(const struct brief_sessions *brief, const struct lubdub_server_event *event);

/* Tells what is due; where it is the end, all. Returns whether something is left. */
bool brief_sessions_settle(struct brief_sessions *brief, lubdub_time now, bool is_end);

#endif
