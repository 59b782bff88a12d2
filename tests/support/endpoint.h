/*
 * Runs one session with an owner that does in memory what a real owner does on a socket: reads in pieces,
 * answers HELLO, writes what the kernel takes, keeps a lazy timer, reads before it judges.
 *
 * After each turn the owner checks what must always hold: the timer is never later than the session's deadline,
 * there is one DOWN and nothing after it, and what was taken is what there was.
 */
#ifndef LUBDUB_TESTS_SUPPORT_ENDPOINT_H
#define LUBDUB_TESTS_SUPPORT_ENDPOINT_H

#include <stdbool.h>

#include <lubdub/session.h>

#include "event_log.h"
#include "wire_bytes.h"

/* In which pieces bytes arrive. */
enum split {
    SPLIT_WHOLE,
    SPLIT_PAIRS,
    SPLIT_BYTES,
    SPLIT_RANDOM, /* by the endpoint's random */
};

#define KERNEL_TAKES_ALL SIZE_MAX
#define CAPACITY_AS_ADVISED SIZE_MAX
#define GRANTS (-1)

struct endpoint {
    struct lubdub_session session;

    /* For the test to set, most of it before endpoint_open(). */
    struct lubdub_session_settings settings;
    struct lubdub_grant grant; /* server: the answer to HELLO; 1 s and 3 s, session 1 */
    int refuses_with;          /* server: the reason of BYE, instead of a grant; GRANTS: none */
    bool echoes;               /* returns every MESSAGE */
    enum split split;
    uint64_t random;
    enum lubdub_path path;
    lubdub_duration round_trip; /* of the path, as the kernel measures it; 0: not known */
    bool has_unread;            /* bytes wait in the socket that the test has not handed in */
    struct wire_bytes unread;   /* the same, but a step reads them, 1000 at a time */
    enum lubdub_cause broken_by; /* the next write finds the stream over */
    bool suspects_ourselves;    /* as the reactor does when most are late */
    size_t kernel_room;   /* bytes that the kernel still takes */
    size_t turn_capacity; /* room in a turn's output; CAPACITY_AS_ADVISED */

    /* For the test to look at. */
    const char *name;
    lubdub_time now;
    lubdub_time armed_for;     /* the owner's timer */
    struct wire_bytes written; /* with the kernel; the test or the pair takes it away */
    size_t written_read;       /* how much of it the test has looked at */
    struct event_log events;
    bool is_open;
    enum lubdub_error open_error;

    uint8_t input[1000]; /* room for one read */
    uint8_t *output;     /* room for a turn */
    size_t output_capacity;
};

/* The seed of what is going on, printed by a test that fails; 0: there is none. */
extern uint64_t endpoint_seed;

/* While this is true a session's function runs: what is allocated then is the core's. */
extern bool endpoint_core_runs;

/* The clock stands at 1000 s. */
void endpoint_init(struct endpoint *endpoint, enum lubdub_role role);
void endpoint_clear(struct endpoint *endpoint);

/* Each of these is one turn, or one for each piece. */
enum lubdub_error endpoint_open(struct endpoint *endpoint);
void endpoint_receive(struct endpoint *endpoint, const void *bytes, size_t length);
void endpoint_receive_end(struct endpoint *endpoint, enum lubdub_cause how);
enum lubdub_error endpoint_grant(struct endpoint *endpoint, const struct lubdub_grant *grant);
void endpoint_tell_health(struct endpoint *endpoint, enum lubdub_health health);
enum lubdub_error endpoint_send(struct endpoint *endpoint, const void *content, size_t length);
void endpoint_leave(struct endpoint *endpoint, enum lubdub_reason reason, const char *text);
void endpoint_leave_until(struct endpoint *endpoint, enum lubdub_reason reason, lubdub_duration retry_after);

/* The kernel has room for so many more bytes, and takes what waits. */
void endpoint_give_room(struct endpoint *endpoint, size_t room);

/* Lets time pass; the timer rings whenever it is due. The owner has read all that arrived. */
void endpoint_advance(struct endpoint *endpoint, lubdub_duration length);
void endpoint_advance_to(struct endpoint *endpoint, lubdub_time now);

/* The timer rings, now, if it is due. */
void endpoint_ring(struct endpoint *endpoint);

/* We were stopped until `now`: forgives as the reactor does. The timer has not rung yet. */
void endpoint_wake(struct endpoint *endpoint, lubdub_time now, lubdub_duration away, lubdub_duration overslept);

static inline enum lubdub_session_state endpoint_state(const struct endpoint *endpoint)
{
    return lubdub_session_state(&endpoint->session);
}

/* Whether its write side is shut, or the socket closed. */
bool endpoint_has_ended_output(const struct endpoint *endpoint);

/* ---- what the test expects; these fail in the caller's line and print what happened ---- */

/* The next event that the test has not looked at. */
const struct lubdub_event *endpoint_next_event(struct endpoint *endpoint, enum lubdub_event_kind kind, const char *file,
                                               int line);
void endpoint_no_event(struct endpoint *endpoint, const char *file, int line);

/* The next frame that was written and the test has not looked at; its content lives until more is written. */
struct lubdub_frame endpoint_next_frame(struct endpoint *endpoint, unsigned type, const char *file, int line);
void endpoint_no_frame(struct endpoint *endpoint, const char *file, int line);
void endpoint_in_state(struct endpoint *endpoint, enum lubdub_session_state state, const char *file, int line);

#define expect_event(endpoint, kind) endpoint_next_event(endpoint, LUBDUB_EVENT_##kind, __FILE__, __LINE__)
#define expect_no_event(endpoint) endpoint_no_event(endpoint, __FILE__, __LINE__)
#define expect_frame(endpoint, type) endpoint_next_frame(endpoint, LUBDUB_FRAME_##type, __FILE__, __LINE__)
#define expect_no_frame(endpoint) endpoint_no_frame(endpoint, __FILE__, __LINE__)
#define expect_state(endpoint, state) endpoint_in_state(endpoint, LUBDUB_SESSION_##state, __FILE__, __LINE__)

/* Forgets what happened so far. */
void endpoint_look_away(struct endpoint *endpoint);

#endif
