/*
 * Runs one session on a stream in memory, by the step that also runs on sockets, and checks after every step what must
 * hold whatever the peer sends:
 *
 *     the output is a row of whole, valid frames, in the order of the protocol; nothing follows BYE
 *     each ACK answers the next PROBE that was fed, byte for byte; none is left out
 *     the events come in order, with one DOWN and nothing behind it
 *     the deadline does not stay in the past, and the timer is never later than it
 *     what waits for the peer is bounded
 *
 * All memory is in the struct, made once and used by one execution after the other.
 */
#ifndef LUBDUB_TESTS_FUZZ_MEMORY_SESSION_H
#define LUBDUB_TESTS_FUZZ_MEMORY_SESSION_H

#include <lubdub/step.h>

#include "fuzz.h"

#define MEMORY_SESSION_BYTES 32768 /* in each direction, in one execution; what goes beyond it is not fed */
#define MEMORY_SESSION_INPUT 2048  /* at once */
#define MEMORY_SESSION_TAKES_ALL SIZE_MAX

/* What the owner does about HELLO. */
enum memory_session_answer {
    MEMORY_SESSION_GRANTS,
    MEMORY_SESSION_REFUSES,
    MEMORY_SESSION_ANSWERS_LATER, /* by memory_session_grant() or _leave() */
};

struct memory_session {
    /* For the target to set, between _prepare and _open. */
    struct lubdub_session_settings settings;
    struct lubdub_grant grant;
    enum memory_session_answer answer;
    bool echoes; /* sends every MESSAGE back */

    /* For the target to set and to look at. */
    lubdub_time now;
    size_t room; /* bytes that the kernel still takes */
    enum lubdub_path path;
    bool suspects_ourselves;
    enum lubdub_cause broken_by; /* the next write finds the stream over */

    /* For the target to look at. */
    struct lubdub_session session;
    bool is_open;
    bool is_over; /* closed; nothing happens any more */
    bool has_ended_output;
    enum lubdub_cause cause; /* of DOWN; NONE: it did not come */
    size_t counts[LUBDUB_EVENT_ROOM + 1];
    size_t written_length; /* of all that was written */
    size_t delivered;      /* for the target: how much of it the other side has */
    size_t acks_written;
    uint64_t probes_written;
    uint64_t messages_written;
    size_t next_probe; /* where, in what was written, the next PROBE to be acknowledged is looked for */
    uint8_t written[MEMORY_SESSION_BYTES];

    /* The struct's own. */
    lubdub_time armed_for;
    size_t heard_length;
    size_t heard_probe;   /* where, in what was heard, the next PROBE to be answered is looked for */
    size_t heard_message; /* the same of MESSAGE */
    size_t judged;        /* of what was written */
    uint64_t last_acked;
    bool is_late;
    bool has_said_bye;
    uint8_t heard[MEMORY_SESSION_BYTES + MEMORY_SESSION_INPUT];
    uint8_t output[16384];
};

/* Clears what the last execution left, and sets the defaults. The clock stands at 1000 s. */
void memory_session_prepare(struct memory_session *memory, enum lubdub_role role);
void memory_session_open(struct memory_session *memory);

/* Frees what the session holds, after a last look at it. */
void memory_session_finish(struct memory_session *memory);

/* Each of these is a step; each does nothing once the session is over. At most MEMORY_SESSION_INPUT bytes. */
void memory_session_feed(struct memory_session *memory, const uint8_t *bytes, size_t length);
void memory_session_end_input(struct memory_session *memory, enum lubdub_cause how);
void memory_session_give_room(struct memory_session *memory, size_t room);
void memory_session_grant(struct memory_session *memory, const struct lubdub_grant *grant);
void memory_session_send(struct memory_session *memory, const uint8_t *content, size_t length);
void memory_session_leave(struct memory_session *memory, enum lubdub_reason reason, const char *text, bool has_retry,
                          lubdub_duration retry_after);
void memory_session_set_content(struct memory_session *memory, const uint8_t *content, size_t length);

/* Time passes, and the timer rings when it is due; behind some rings in a row, and for an owner that overslept, at the
 * end. */
void memory_session_advance(struct memory_session *memory, lubdub_duration length);
void memory_session_oversleep(struct memory_session *memory, lubdub_duration length);

/*
 * Writes the frame that acknowledges the next PROBE among the bytes that the session wrote, at most `capacity` bytes.
 * Returns its length; 0: there is none.
 */
size_t memory_session_next_ack(struct memory_session *memory, uint8_t *frame, size_t capacity);

#endif
