/* One line of a server's JSON events, understood as far as the swarm needs it. Pure. */
#ifndef LUBDUB_SWARM_SERVERS_EVENT_H
#define LUBDUB_SWARM_SERVERS_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/cause.h>
#include <lubdub/time.h>

enum swarm_server_event_kind {
    SWARM_SERVER_LISTENING,
    SWARM_SERVER_CONNECTED,
    SWARM_SERVER_DISCONNECTED,
    SWARM_SERVER_LATE,
    SWARM_SERVER_DROPPED, /* it could not tell us all: count lines are missing */
    SWARM_SERVER_OTHER,
};

struct swarm_server_event {
    enum swarm_server_event_kind kind;
    lubdub_time at;
    uint64_t session;
    bool has_client;
    uint32_t client;         /* from the identity */
    enum lubdub_cause cause; /* DISCONNECTED */
    bool has_deadline;       /* DISCONNECTED: by silence, and this is how long after its deadline */
    int64_t late_by;
    uint64_t count;          /* DROPPED */
};

/* False: the line is no event. */
bool swarm_server_event_parse(struct swarm_server_event *event, const char *line, size_t length);

#endif
