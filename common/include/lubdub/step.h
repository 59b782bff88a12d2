/*
 * Runs one step of a session: reads bytes, feeds them to the session, writes its output, does what is due, and sets the
 * timer. Level 3 of the core. A step has no input or output of its own: everything that touches a socket, a clock or a
 * timer stands behind struct lubdub_stream, so that a loop, a simulator and a test run the same code.
 *
 * An owner fills a step, does one of these, and settles:
 *
 *     the stream can be read:     lubdub_step_read()
 *     the timer came:             lubdub_step_due(), once lubdub_session_deadline() has come
 *     an earlier call broke it:   lubdub_step_break()
 *     the application calls:      lubdub_session_send(), _leave() or _grant() with step.turn, and is_call set
 *     then, always:               lubdub_step_settle()
 *
 * A step belongs to the session's thread. Only the functions of the stream are called back, and tell only where is_call
 * is false: a call never reads and never tells. It may run inside another session's tell; a step that is no call may
 * not.
 */
#ifndef LUBDUB_STEP_H
#define LUBDUB_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/session.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lubdub_step;

/* What one read or write came to. Never grows: it is passed by value. */
struct lubdub_transfer {
    size_t length;         /* bytes that came, or that were taken; 0: none now, later perhaps */
    enum lubdub_cause end; /* the stream is over: CLOSED, RESET, UNREACHABLE. LUBDUB_CAUSE_NONE: it goes on */
    bool has_more;         /* read: another read may give more at once */
};

/*
 * What a step does to the world. All must be set; none may block. The caller allocates the table, mostly a static one,
 * and leaves NULL what it does not name; it is borrowed as long as any step uses it. A new function takes a reserved
 * place, and NULL there means what older releases do.
 */
struct lubdub_stream {
    /* Reads once into step->input. Bytes come before the end that follows them. */
    struct lubdub_transfer (*read)(struct lubdub_step *step);

    /* Writes what is taken of these bytes. is_last: only the end of the stream follows, see shut. */
    struct lubdub_transfer (*write)(struct lubdub_step *step, const uint8_t *bytes, size_t length, bool is_last);

    /* Nothing more will be written. May be called twice. */
    void (*shut)(struct lubdub_step *step);

    /* Before a verdict: what the kernel says of the connection. *evidence is zeroed before. */
    void (*look)(struct lubdub_step *step, struct lubdub_evidence *evidence);

    /* The time, read anew. */
    lubdub_time (*now)(struct lubdub_step *step);

    /* lubdub_step_due() is to be called at this time, or soon after. Replaces what was set before. */
    void (*arm)(struct lubdub_step *step, lubdub_time deadline);

    /*
     * The session gives an event. For LUBDUB_EVENT_HELLO the owner grants or leaves by a call, before it returns or
     * later. Until then bytes behind HELLO wait, and the handshake time runs.
     */
    void (*tell)(struct lubdub_step *step, const struct lubdub_event *event);

    void (*reserved[4])(void); /* NULL */
};

/*
 * Filled by the owner, on its stack, with 0 in everything that the owner does not name. Embed it to find more in the
 * functions of the stream. New fields take the place of reserved bytes; 0 in them means what older releases do.
 */
struct lubdub_step {
    struct lubdub_session *session;
    const struct lubdub_stream *stream;
    struct lubdub_turn turn; /* now, settings, suspects_ourselves, output and output_capacity are the owner's to fill */
    uint8_t *input;          /* room for one read; used by one step at a time, and by no call */
    size_t input_capacity;
    bool is_armed; /* the timer is set */
    bool is_call;  /* the application calls: no reading, no telling */
    enum lubdub_cause broken_by; /* a call found the stream over. The owner keeps it for lubdub_step_break() */
    uint64_t reserved[4];        /* 0 */
};

/* What is to become of the session. */
enum lubdub_step_end {
    LUBDUB_STEP_GOES_ON,
    LUBDUB_STEP_IS_DUE, /* a call leaves something to a step that is not a call; that step is due at once */
    LUBDUB_STEP_IS_OVER, /* all is told; the owner closes the stream and clears the session */
};

/* Whether the session would take input. */
LUBDUB_API bool lubdub_step_listens(const struct lubdub_step *step);

/* Bytes that the owner has read itself. */
LUBDUB_API void lubdub_step_feed(struct lubdub_step *step, const uint8_t *input, size_t length);

/* What the owner's own read came to: as lubdub_step_read(). */
LUBDUB_API bool lubdub_step_take(struct lubdub_step *step, struct lubdub_transfer came);

/* Reads once, if the session listens. Returns whether there may be more. */
LUBDUB_API bool lubdub_step_read(struct lubdub_step *step);

/*
 * The deadline came. What already arrived counts before the deadline does (docs/protocol.md, section 5, Expiry): reads
 * all of it, in a bounded number of reads, and then does what is still due.
 */
LUBDUB_API void lubdub_step_due(struct lubdub_step *step);

/* Ends what is due without reading first, for an owner that has nothing to read. */
LUBDUB_API void lubdub_step_tick(struct lubdub_step *step);

/* The stream is over. What the peer sent before is handled first. */
LUBDUB_API void lubdub_step_break(struct lubdub_step *step, enum lubdub_cause how);

/* Writes what the stream takes and keeps the rest. Returns false where the stream proved over. */
LUBDUB_API bool lubdub_step_flush(struct lubdub_step *step);

/* The tail of every step: writes, does what became due, arms, shuts. */
LUBDUB_API enum lubdub_step_end lubdub_step_settle(struct lubdub_step *step);

#ifdef __cplusplus
}
#endif

#endif
