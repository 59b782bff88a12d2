/*
 * Runs one session under the protocol, without input or output: bytes and time go in; bytes, a
 * deadline and events come out. Level 2 of the core; both roles.
 *
 * The owner of a session brings the socket and the clock. For each step it fills a struct lubdub_turn,
 * makes one or more calls, writes what lubdub_session_output() shows and ends the turn:
 *
 *     readable:  lubdub_session_receive()  until all bytes are taken
 *     deadline:  lubdub_session_tick()     until it has no more events
 *     then:      lubdub_session_output() / lubdub_session_sent(), lubdub_session_end_turn()
 *
 * No function here calls back, blocks, reads a clock, or keeps a pointer to its arguments. A peer's fault
 * is an event (LUBDUB_EVENT_DOWN) and never an error return. A session belongs to one thread.
 */
#ifndef LUBDUB_SESSION_H
#define LUBDUB_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/cause.h>
#include <lubdub/error.h>
#include <lubdub/frame.h>
#include <lubdub/option.h>
#include <lubdub/time.h>
#include <lubdub/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

enum lubdub_role {
    LUBDUB_ROLE_CLIENT,
    LUBDUB_ROLE_SERVER,
};

enum lubdub_session_state {
    LUBDUB_SESSION_OPENING, /* client: waits for WELCOME; server: nothing whole has come yet */
    LUBDUB_SESSION_ASKED,   /* server: LUBDUB_EVENT_HELLO was given; the owner grants or leaves */
    LUBDUB_SESSION_UP,
    LUBDUB_SESSION_LEAVING, /* BYE is on its way out; what still comes is thrown away */
    LUBDUB_SESSION_CLOSED,  /* the owner closes the socket */
};

enum lubdub_health {
    LUBDUB_HEALTH_PASSING,
    LUBDUB_HEALTH_WARNING,
    LUBDUB_HEALTH_CRITICAL,
};

/* "passing", "warning" or "critical". Static. */
LUBDUB_API const char *lubdub_health_word(enum lubdub_health health);

/* What the kernel says of the connection; it tells a hung process from a dead path. */
enum lubdub_path {
    LUBDUB_PATH_UNKNOWN,
    LUBDUB_PATH_ACKNOWLEDGED, /* the peer's kernel has acknowledged all that we sent */
    LUBDUB_PATH_SILENT,       /* bytes wait for its acknowledgement, longer than is normal */
};

/*
 * The rules in force.
 *
 * The caller allocates the struct, calls the initialiser, and then sets fields by name. The core borrows it: struct,
 * strings and labels live and keep their content as long as any session is used with them. One struct may serve any
 * number of sessions of its role, in any number of threads while no thread writes to it. The server and the client
 * library copy it.
 *
 * It has the same size in every release with the same MAJOR.MINOR: a new field takes the place of reserved bytes, and
 * the initialiser gives it its default, also for a program that does not know it (version.h). Durations are in
 * nanoseconds.
 */
struct lubdub_session_settings {
    size_t size; /* sizeof, set by the initialiser. Settings of any other size are INVALID */

    /* both roles */
    size_t max_content;                /* largest content of a PROBE or MESSAGE that is taken, 0 to 65535 bytes; 1024 */
    lubdub_duration interval;          /* client: asked for; server: granted to a client that asks for none; 1 s */
    lubdub_duration expiry;            /* the same; 3 s. Client: 0 leaves it to the server */
    lubdub_duration handshake_timeout; /* server: for the first whole frame; client: for WELCOME; 5 s */
    size_t output_limit;               /* bytes of messages that may wait for the peer; 65536 */
    struct lubdub_slice agent;         /* told to the peer; "lubdub/VERSION" */
    /*
     * A peer that is overdue by what was learned of it is asked again at a fast pace, and found `hung` as soon as the
     * evidence allows; never later than timeout or expiry, which stay what they are (docs/reference/detection.md,
     * Adaptive).
     */
    bool adapts;                       /* false */

    /* server */
    bool requires_hello;               /* false */

    /* client */
    lubdub_duration timeout;           /* for each probe; 3 s */
    /* From the first probe to the second; 0: one interval; of more than one, what is left over. Read at the start. */
    lubdub_duration phase;             /* 0 */
    bool stays_connected;              /* a probe that timed out is an event and not the end; false */
    uint64_t incarnation;              /* rises with every start, e.g. nanoseconds of the real-time clock; 0 */
    struct lubdub_slice identity;      /* data NULL: anonymous */
    struct lubdub_slice token;         /* data NULL: none */
    struct lubdub_slice content;       /* of each probe; empty */
    const struct lubdub_label *labels; /* label_count of them, 8 at most; none */
    size_t label_count;

    /* server: MESSAGEs a second that a session may send, and at once; both 0: any number. 100, 256 */
    uint32_t message_rate;
    uint32_t message_burst;

    /* client: the longest interval that it takes from the server, 0: 60 times the one asked for. Else it leaves; 0 */
    lubdub_duration interval_limit;

    uint64_t reserved[25]; /* 0, as the initialiser leaves them; else the settings are INVALID */
};

/* Sets every field to its default. */
#define lubdub_session_settings_init(settings) lubdub_session_settings_init_sized((settings), sizeof *(settings))

/* Writes `size` bytes, the size that the caller's header gives the struct, and not one more. */
LUBDUB_API void lubdub_session_settings_init_sized(struct lubdub_session_settings *settings, size_t size);

/* Why these settings cannot work, as a static sentence; NULL where they can. */
LUBDUB_API const char *lubdub_session_settings_check(const struct lubdub_session_settings *settings,
                                                     enum lubdub_role role);

struct lubdub_session_extra;
struct lubdub_prober;

/*
 * The caller allocates it, mostly inside what it keeps for each connection; lubdub_session_init() fills it. Its 48
 * bytes and its fields do not change in any release with the same MAJOR.MINOR, since functions below are compiled into
 * the caller. Only the core reads and writes the fields; all other code uses the functions. It may be moved in memory
 * between two turns.
 */
struct lubdub_session {
    lubdub_time heard_at;               /* last whole valid frame; before one: the start; leaving: when */
    uint64_t probes_received;
    struct lubdub_session_extra *extra; /* exists only while bytes wait, or once messages were exchanged */
    uint32_t interval_ms;
    uint32_t expiry_ms;
    union {
        struct {
            int32_t probe_debt; /* rate_limit.h */
            uint32_t challenges_sent : 27;
            uint32_t round_trip_log : 4; /* an upper bound of it, 2^n ms; 0: not known */
            uint32_t is_asked_again : 1; /* late, and challenged for the last time before the expiry */
        } server;
        struct lubdub_prober *prober;
    } of;
    uint8_t state : 3;             /* enum lubdub_session_state */
    uint8_t role : 1;              /* enum lubdub_role */
    uint8_t health : 2;            /* told with our probes */
    uint8_t peer_health : 2;
    uint8_t challenges_waiting : 3; /* server: challenges that wait for their acks */
    bool is_late : 1;
    bool is_anonymous : 1;       /* server: opened without HELLO */
    bool has_closer_deadline : 1;
    bool has_heard : 1;          /* it was UP */
    bool owes_end : 1;           /* closed for want of memory, and the owner was not told */
    uint16_t max_content;        /* largest that we take from this peer, as it was told */
    uint16_t lateness_deviation; /* server that adapts: struct lubdub_lateness (estimator.h) */
    uint16_t lateness_worst;
};

enum lubdub_event_kind {
    LUBDUB_EVENT_NONE,
    LUBDUB_EVENT_HELLO,         /* server: HELLO came. Grant or leave before the next receive */
    LUBDUB_EVENT_UP,            /* client: WELCOME came */
    LUBDUB_EVENT_GRANT_CHANGED, /* client: WELCOME came again */
    LUBDUB_EVENT_ACKED,         /* client */
    LUBDUB_EVENT_LATE_ACK,      /* client that stays connected: the ack of a probe timed out; up again */
    LUBDUB_EVENT_TIMED_OUT,     /* client that stays connected: down, and not closed */
    LUBDUB_EVENT_HEALTH,        /* the peer's health changed */
    LUBDUB_EVENT_MESSAGE,
    LUBDUB_EVENT_LATE,          /* server: silent for longer than the interval and a margin; challenged */
    LUBDUB_EVENT_RECOVERED,     /* server: the late session was heard again */
    LUBDUB_EVENT_DOWN,          /* the end, once: the state is LEAVING or CLOSED now */
    LUBDUB_EVENT_ROOM,          /* after LUBDUB_ERROR_FULL: half of the room for messages is free again */
};

/*
 * The caller allocates it and need not clear it; the session writes kind, and the fields that are named for this kind.
 * No other field may be read. Slices and content belong to the session and live until its next call. Durations are in
 * nanoseconds. New fields take the place of reserved bytes: the size is the same in every release with the same
 * MAJOR.MINOR. New kinds may come; a caller skips a kind that it does not know.
 */
struct lubdub_event {
    enum lubdub_event_kind kind;

    const uint8_t *content;   /* MESSAGE, ACKED; HEALTH: of the probe that told it */
    size_t length;
    uint64_t sequence;        /* ACKED, LATE_ACK, MESSAGE; TIMED_OUT and DOWN: of the probe that decided, or 0 */

    lubdub_duration round_trip; /* ACKED, LATE_ACK */
    lubdub_duration silent_for; /* LATE, RECOVERED, DOWN: since the last whole valid frame */
    lubdub_duration waited_for; /* TIMED_OUT, DOWN: for the probe that decided */
    lubdub_time deadline;       /* TIMED_OUT, DOWN by a timeout or expiry: when the verdict was due; else 0 */
    lubdub_duration adaptive;   /* TIMED_OUT, DOWN: the adaptive timeout, where that decided; else 0 */

    enum lubdub_health health;     /* HEALTH */
    enum lubdub_health was_health;

    enum lubdub_cause cause;     /* TIMED_OUT, DOWN */
    bool has_reason;             /* DOWN: a BYE was received or sent, with this reason; EXPIRED also where other bytes
                                    waited, and no BYE was sent */
    uint64_t reason_code;
    struct lubdub_slice text;    /* DOWN: for people; of the BYE, or what was wrong. May hold any bytes */
    bool has_retry_after;        /* DOWN by a BYE */
    lubdub_duration retry_after;
    bool had_session;            /* DOWN: it was UP before */

    bool is_anonymous;           /* HELLO */
    uint64_t incarnation;        /* HELLO */
    struct lubdub_options options; /* HELLO: what the client asks; UP: what the server answers */

    uint64_t session_number;     /* UP, GRANT_CHANGED */
    bool is_resumed;             /* UP */

    uint64_t reserved[8];        /* not written and not read */
};

/* Codes of types of frames stay below it. */
#define LUBDUB_FRAME_TYPES 16

/*
 * What sessions exchanged, for an owner that wants to know: whole frames that were taken and frames that were written for
 * the peer, by their type (enum lubdub_frame_type), and their bytes. The caller allocates it, zeroed; any number of
 * sessions of one thread may share it, and every other thread may read it. Its size stays.
 */
struct lubdub_traffic {
    uint64_t frames_received[LUBDUB_FRAME_TYPES];
    uint64_t frames_sent[LUBDUB_FRAME_TYPES];
    uint64_t bytes_received;
    uint64_t bytes_sent;
};

/*
 * One step of the owner's loop: what time it is, the rules, and room for the bytes to send.
 *
 * The caller allocates it, sets everything it does not name to 0, and keeps it from the first call of a step to
 * lubdub_session_end_turn(). settings and output are borrowed for that long. New fields take the place of reserved
 * bytes; 0 in them means what older releases do.
 */
struct lubdub_turn {
    lubdub_time now;
    const struct lubdub_session_settings *settings; /* made by the initialiser */
    enum lubdub_path path; /* looked up by the owner when lubdub_session_verdict_is_due() says so */
    lubdub_duration round_trip; /* of the path, with path: an upper bound; 0: not known */
    bool suspects_ourselves;    /* most peers are late at once: a session that adapts waits for the fixed deadline */
    uint8_t *output;       /* the owner's scratch; shared by all sessions, one turn at a time */
    size_t output_capacity;
    size_t output_length;  /* filled by the session */
    size_t output_sent;    /* of these bytes, already with the kernel */
    bool has_message;      /* there is a MESSAGE among them; a second one waits in the session */
    bool has_unread;       /* with path: bytes of the peer, or its end, wait to be read */
    struct lubdub_traffic *traffic; /* counts what this turn exchanges; NULL: not counted */
    uint64_t reserved[3];  /* 0 */
};

/*
 * Room that a turn's output should have for receiving `input` bytes at once: each answer is as long as
 * its question, and a partial frame may be completed. A smaller one works and allocates.
 */
LUBDUB_API size_t lubdub_turn_capacity(const struct lubdub_session_settings *settings, size_t input);

/*
 * What the server grants. The caller allocates it and sets everything it does not name to 0; the session copies it. New
 * fields take the place of reserved bytes; 0 in them means what older releases do. Durations are in nanoseconds.
 */
struct lubdub_grant {
    uint64_t session_number; /* not 0 */
    lubdub_duration interval;
    lubdub_duration expiry;  /* raised to twice the interval where it is less */
    bool is_resumed;
    enum lubdub_cause last_end; /* LUBDUB_CAUSE_NONE: not remembered */
    /* What the client's last session had used of its allowances (lubdub_session_debts), less what drained since. */
    lubdub_duration probe_debt;
    lubdub_duration message_debt;
    uint64_t reserved[2];       /* 0 */
};

/*
 * Begins a session at turn->now. The client's HELLO is written into the turn.
 * Fails with LUBDUB_ERROR_INVALID where turn->settings were not made by the initialiser, and with
 * LUBDUB_ERROR_NO_MEMORY (client only). Every session that was begun must be cleared.
 */
LUBDUB_API enum lubdub_error lubdub_session_init(struct lubdub_session *session, enum lubdub_role role,
                                                 struct lubdub_turn *turn);

/* Frees what the session holds; says nothing to the peer. Twice does no harm. */
LUBDUB_API void lubdub_session_clear(struct lubdub_session *session);

/*
 * Takes bytes that came from the peer, up to the first thing the application should hear of, and
 * describes that in *event. Call again with the rest, and at least once more while events come
 * (an event may take no bytes): event->kind is LUBDUB_EVENT_NONE when all is taken.
 *
 * Returns how many bytes were taken. Cannot fail: a peer's fault is an event like any other.
 */
LUBDUB_API size_t lubdub_session_receive(struct lubdub_session *session, struct lubdub_turn *turn,
                                         const uint8_t *input, size_t length, struct lubdub_event *event);

/*
 * The connection ended: LUBDUB_CAUSE_CLOSED for end of file, RESET or UNREACHABLE for an error.
 * Gives LUBDUB_EVENT_DOWN unless the end was given before, and closes.
 */
LUBDUB_API void lubdub_session_receive_end(struct lubdub_session *session, struct lubdub_turn *turn,
                                           enum lubdub_cause how, struct lubdub_event *event);

/* When lubdub_session_tick() is due; LUBDUB_TIME_NEVER when there is no need. */
LUBDUB_API lubdub_time lubdub_session_deadline(const struct lubdub_session *session,
                                               const struct lubdub_session_settings *settings);

/*
 * Whether a tick at `now` would declare the peer dead, or look for evidence. The owner then first reads and hands in all
 * that has arrived (section 5, Expiry), and looks up turn->path and turn->round_trip.
 */
LUBDUB_API bool lubdub_session_verdict_is_due(const struct lubdub_session *session,
                                              const struct lubdub_session_settings *settings, lubdub_time now);

/*
 * What a kernel tells about a connection at one moment (on Linux: TCP_INFO and FIONREAD). The owner fills it, and sets
 * fields that it does not know to 0.
 */
struct lubdub_evidence {
    bool is_known;
    bool is_sent_again;               /* some of our segments were sent again after a retransmission timeout */
    bool has_no_way_out;              /* unsent bytes do not wait for the peer's window: our machine cannot send them */
    bool has_unread;                  /* bytes of the peer, or its end, wait to be read */
    uint32_t unacknowledged;          /* segments of ours */
    lubdub_duration silent_for;       /* since the peer's kernel acknowledged something last */
    lubdub_duration round_trip;       /* smoothed; 0: not known */
    lubdub_duration least_round_trip; /* that was measured; 0: not known */
    lubdub_duration ack_delay;        /* how long a living kernel may take, by its estimate */
    bool is_of_proxy;                 /* the kernel that acknowledges is a proxy's: no evidence that the peer's lives */
    uint64_t reserved[3];             /* 0 */
};

/* Draws turn->path, turn->round_trip and turn->has_unread from the evidence. Before a verdict (see above). */
LUBDUB_API void lubdub_session_take_evidence(const struct lubdub_session *session, struct lubdub_turn *turn,
                                             const struct lubdub_evidence *evidence);

/* Server: how much of its allowances the session has used, as the time in which that drains. */
LUBDUB_API void lubdub_session_debts(const struct lubdub_session *session,
                                     const struct lubdub_session_settings *settings, lubdub_time now,
                                     lubdub_duration *probe_debt, lubdub_duration *message_debt);

/* Does what is due at turn->now. Call until event->kind is LUBDUB_EVENT_NONE. */
LUBDUB_API void lubdub_session_tick(struct lubdub_session *session, struct lubdub_turn *turn,
                                    struct lubdub_event *event);

/*
 * True once after a step that brought the deadline closer; an owner with lazy timers then asks for the
 * deadline and re-arms. Deadlines that move away need no action.
 */
LUBDUB_API bool lubdub_session_take_closer_deadline(struct lubdub_session *session);

/*
 * We ourselves did not run for `away`, and woke `overslept` later than we meant to. Where `overslept` is a good
 * part (a quarter) of a deadline of this session, all its deadlines move later by `away`, and
 * frames that the peer sent meanwhile do not count against its rate.
 */
LUBDUB_API void lubdub_session_forgive(struct lubdub_session *session, const struct lubdub_session_settings *settings,
                                       lubdub_duration away, lubdub_duration overslept);

/* The shortest deadline that this session counts by, for the measure of "a good part". */
LUBDUB_API lubdub_duration lubdub_session_patience(const struct lubdub_session *session,
                                                   const struct lubdub_session_settings *settings);

/* The next bytes for the kernel, NULL with *length 0 when there are none. Valid until the next call. */
LUBDUB_API const uint8_t *lubdub_session_output(const struct lubdub_session *session, const struct lubdub_turn *turn,
                                                size_t *length);

/* The kernel took this many of them. A probe's timeout starts here. */
LUBDUB_API void lubdub_session_sent(struct lubdub_session *session, struct lubdub_turn *turn, size_t length);

/*
 * Ends the turn: what the kernel did not take is kept. LUBDUB_ERROR_NO_MEMORY: nothing is kept, the
 * stream is broken, the owner closes the connection; lubdub_session_tick() gives LUBDUB_EVENT_DOWN where it is due.
 */
LUBDUB_API enum lubdub_error lubdub_session_end_turn(struct lubdub_session *session, struct lubdub_turn *turn);

/* Whether bytes wait for the kernel to take them. */
LUBDUB_API bool lubdub_session_has_output(const struct lubdub_session *session);

/* Whether the owner should read. A session with waiting answers does not listen: there is no queue of answers. */
LUBDUB_API bool lubdub_session_wants_input(const struct lubdub_session *session);

/*
 * Server: answers LUBDUB_EVENT_HELLO with WELCOME (nothing is written for an anonymous session), or changes
 * the grant of a session that is up (ignored for an anonymous one: it was told nothing).
 */
LUBDUB_API enum lubdub_error lubdub_session_grant(struct lubdub_session *session, struct lubdub_turn *turn,
                                                  const struct lubdub_grant *grant);

/*
 * Says BYE and ends; no event follows. text may be NULL; has_retry_after false leaves that out.
 * With LUBDUB_REASON_EXPIRED the session is CLOSED at once, else LEAVING.
 */
LUBDUB_API void lubdub_session_leave(struct lubdub_session *session, struct lubdub_turn *turn,
                                     enum lubdub_reason reason, const char *text, bool has_retry_after,
                                     lubdub_duration retry_after);

/*
 * Sends a MESSAGE. Copies content. LUBDUB_ERROR_WRONG_STATE when not up, TOO_LONG beyond what the peer
 * takes, FULL when more than output_limit bytes of messages would wait; where none waits, one of any length may go.
 * LUBDUB_EVENT_ROOM follows a FULL. A client keeps to the rate that the server told it: messages above that rate wait.
 */
LUBDUB_API enum lubdub_error lubdub_session_send(struct lubdub_session *session, struct lubdub_turn *turn,
                                                 const void *content, size_t length);

/* Tells this health with every probe from now on. */
LUBDUB_API void lubdub_session_set_health(struct lubdub_session *session, enum lubdub_health health);

/*
 * Client: every probe from now on has this content instead of that of the settings. Copies it; probes under way keep
 * theirs. WRONG_STATE when not up, TOO_LONG beyond what the server takes. FULL: probes with many other contents wait for
 * their acks; there is room again when some of these acks have come.
 */
LUBDUB_API enum lubdub_error lubdub_session_set_content(struct lubdub_session *session, const void *content,
                                                        size_t length);

static inline enum lubdub_session_state lubdub_session_state(const struct lubdub_session *session)
{
    return (enum lubdub_session_state)session->state;
}

/* Of the peer, on this connection. */
static inline uint64_t lubdub_session_probes_received(const struct lubdub_session *session)
{
    return session->probes_received;
}

/* Granted; before that: what HELLO asked for, 0: nothing. In nanoseconds. */
static inline lubdub_duration lubdub_session_interval(const struct lubdub_session *session)
{
    return session->interval_ms * LUBDUB_MILLISECOND;
}

static inline lubdub_duration lubdub_session_expiry(const struct lubdub_session *session)
{
    return session->expiry_ms * LUBDUB_MILLISECOND;
}

/*
 * Client: counts over the connection's life. The caller allocates the struct and need not clear it; the function fills
 * all of it. New counts take the place of reserved bytes: the size is the same in every release with the same
 * MAJOR.MINOR.
 */
struct lubdub_probe_counts {
    uint64_t sent;
    uint64_t acked; /* late ones too */
    uint64_t late;
    uint64_t timed_out;
    uint64_t narrow; /* acked in time, but only in the last quarter of it */
    uint64_t reserved[3]; /* 0 */
};
LUBDUB_API void lubdub_session_probe_counts(const struct lubdub_session *session, struct lubdub_probe_counts *counts);

#ifdef __cplusplus
}
#endif

#endif
