/* Counts the milestones that sessions came to, by role. */
#include "depth.h"

#include <string.h>

/* Of so many sessions one at least has to come up. */
#define ONE_UP_OF 3

/* What a session can come to. */
enum milestone {
    CAME_UP,
    CAME_TO_PROBES, /* it wrote one; a server's are challenges */
    CAME_TO_ACKS,
    CAME_TO_MESSAGES,
    CAME_TO_EVENTS, /* and behind it, by the kind of the event */
    MILESTONES = CAME_TO_EVENTS + LUBDUB_EVENT_ROOM + 1,
};

#define OF_CLIENT 1u
#define OF_SERVER 2u
#define OF_BOTH (OF_CLIENT | OF_SERVER)

static const struct {
    const char *name;
    unsigned roles; /* that have to come here */
} milestones[MILESTONES] = {
    [CAME_UP] = {"came up", OF_BOTH},
    [CAME_TO_PROBES] = {"wrote a PROBE", OF_BOTH},
    [CAME_TO_ACKS] = {"an ACK", OF_BOTH},
    [CAME_TO_MESSAGES] = {"a MESSAGE", OF_BOTH},
    [CAME_TO_EVENTS + LUBDUB_EVENT_HELLO] = {"told hello", OF_SERVER},
    [CAME_TO_EVENTS + LUBDUB_EVENT_GRANT_CHANGED] = {"told a changed grant", OF_CLIENT},
    [CAME_TO_EVENTS + LUBDUB_EVENT_ACKED] = {"an ack", OF_CLIENT},
    [CAME_TO_EVENTS + LUBDUB_EVENT_LATE_ACK] = {"a late ack", OF_CLIENT},
    [CAME_TO_EVENTS + LUBDUB_EVENT_TIMED_OUT] = {"a timeout", OF_CLIENT},
    [CAME_TO_EVENTS + LUBDUB_EVENT_HEALTH] = {"health", OF_BOTH},
    [CAME_TO_EVENTS + LUBDUB_EVENT_MESSAGE] = {"a message", OF_BOTH},
    [CAME_TO_EVENTS + LUBDUB_EVENT_LATE] = {"late", OF_SERVER},
    [CAME_TO_EVENTS + LUBDUB_EVENT_RECOVERED] = {"recovered", OF_SERVER},
    [CAME_TO_EVENTS + LUBDUB_EVENT_DOWN] = {"down", OF_BOTH},
    [CAME_TO_EVENTS + LUBDUB_EVENT_ROOM] = {"room", OF_BOTH},
};

static unsigned long sessions[2];
static unsigned long came_to[2][MILESTONES];

void depth_count(const struct memory_session *memory)
{
    unsigned role = memory->session.role;
    unsigned long *came = came_to[role];
    unsigned kind;

    sessions[role]++;
    came[CAME_UP] += memory->session.has_heard;
    came[CAME_TO_PROBES] += memory->probes_written > 0;
    came[CAME_TO_ACKS] += memory->acks_written > 0;
    came[CAME_TO_MESSAGES] += memory->messages_written > 0;
    for (kind = 0; kind <= LUBDUB_EVENT_ROOM; kind++) {
        came[CAME_TO_EVENTS + kind] += memory->counts[kind] > 0;
    }
}

void fuzz_depth_begin(void)
{
    memset(sessions, 0, sizeof sessions);
    memset(came_to, 0, sizeof came_to);
}

/* Returns whether the sessions of this role came far. */
static bool tell(enum lubdub_role role)
{
    unsigned asked = role == LUBDUB_ROLE_SERVER ? OF_SERVER : OF_CLIENT;
    const unsigned long *came = came_to[role];
    bool is_deep = ONE_UP_OF * came[CAME_UP] >= sessions[role];
    unsigned i;

    printf("of %lu sessions of a %s", sessions[role], role == LUBDUB_ROLE_SERVER ? "server" : "client");
    for (i = 0; i < MILESTONES; i++) {
        if ((milestones[i].roles & asked) != 0) {
            printf(", %.1f %% %s", 100.0 * (double)came[i] / (double)sessions[role], milestones[i].name);
            is_deep = is_deep && came[i] > 0;
        }
    }
    printf("\n");
    return is_deep;
}

bool fuzz_depth(void)
{
    bool is_deep = true;
    unsigned role;

    for (role = 0; role < 2; role++) {
        if (sessions[role] > 0 && !tell((enum lubdub_role)role)) {
            is_deep = false;
        }
    }
    return is_deep;
}
