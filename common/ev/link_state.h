/* What a link is, and a group of links: their owner embeds both. What can be done with them is in link.h. */
#ifndef LUBDUB_EV_LINK_STATE_H
#define LUBDUB_EV_LINK_STATE_H

#include <ev.h>
#include <stdbool.h>

#include <lubdub/session.h>

#include "core/deadlines.h"
#include "ev/reactor.h"
#include "ev/tuning.h"

struct lubdub_link {
    ev_io io; /* io.fd is the socket, io.data the group */
    struct lubdub_deadline deadline;
    struct lubdub_session session;
};

/* What many links have in common. The owner embeds it and keeps it until its last link is closed. */
struct lubdub_link_group {
    struct lubdub_reactor *reactor;
    const struct lubdub_session_settings *settings;
    /*
     * The session gives an event. For LUBDUB_EVENT_HELLO the owner calls lubdub_link_grant() or
     * lubdub_link_leave(), before it returns or later; until then the session is ASKED, its input waits and the
     * handshake time runs. now is the moment of the decision.
     */
    void (*on_event)(struct lubdub_link *link, const struct lubdub_event *event, lubdub_time now);
    /* The socket is closed and the link is the owner's again, which may free it. Comes once, after DOWN or a leave. */
    void (*on_closed)(struct lubdub_link *link);
    /* The outermost step has ended: nothing of this group is on the stack. May free the group. NULL: not needed. */
    void (*on_rest)(struct lubdub_link_group *group);
    /*
     * The deadline of a session was looked at and has moved away: about once an interval for each session that lives.
     * Nothing may be done to the session. NULL: not needed.
     */
    void (*on_visit)(struct lubdub_link *link, lubdub_time now);
    /*
     * More or fewer paths of a session's connection work than before (`was`). Comes in the link's own step, with a
     * frame of the peer. NULL: not needed.
     */
    void (*on_paths)(struct lubdub_link *link, unsigned paths, unsigned was, lubdub_time now);
    /* Where the peer comes from, as a number: an origin of suspicion (core/suspicion.h). NULL: all from one. */
    uint32_t (*origin)(struct lubdub_link *link);
    /* A proxy ends the connection: the kernel that acknowledges is the proxy's. NULL: none does. */
    bool (*is_proxied)(struct lubdub_link *link);
    lubdub_duration gather;         /* lubdub_link_group_gather() */
    unsigned step_count;            /* steps of this group's links that are running */
    bool may_have_paths;            /* sockets may be of Multipath TCP: each is asked */
    struct lubdub_traffic *traffic; /* counts what the links exchange; NULL: not needed */
    struct lubdub_tuning inherited; /* what the sockets were given already, by their listener; zeroed: nothing */
};

static inline struct lubdub_link_group *lubdub_link_group(const struct lubdub_link *link)
{
    return link->io.data;
}

#endif
