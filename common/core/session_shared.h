/* Declares the parts of a session that both roles use: its memory, its output, its end. Private to the core. */
#ifndef LUBDUB_CORE_SESSION_SHARED_H
#define LUBDUB_CORE_SESSION_SHARED_H

#include <lubdub/session.h>

#include "core/allowance.h"
#include "core/doubt.h"
#include "core/estimator.h"
#include "core/outbox.h"
#include "core/partial.h"
#include "core/probe_content.h"
#include "core/probes.h"

/* How long a session that said BYE waits for the peer's end of file. */
#define LUBDUB_LINGER LUBDUB_SECOND

/* Probes to be seen before an old grant no longer counts (docs/protocol.md, section 5, Changing the grant). */
#define LUBDUB_PROBES_UNDER_NEW_GRANT 2

#define LUBDUB_RATE_TEXT_SIZE 96

/* The state that most sessions do not need most of the time. */
struct lubdub_session_extra {
    struct lubdub_partial partial;
    struct lubdub_partial held; /* server: what came behind a HELLO that is not answered yet */
    bool partial_is_used;       /* its frame was handled; its bytes live until the next call */
    struct lubdub_outbox outbox;
    uint64_t messages_sent;
    uint64_t messages_received;
    struct lubdub_allowance messages; /* server: received; client: sent */
    lubdub_time bytes_at;             /* when bytes were added to the partial frame */
    lubdub_time asked_at;             /* server: when the last challenge was handed in, */
    lubdub_time asked_first_at;       /* and the first of this silence */
    uint32_t regrant_challenge;       /* server: its ACK stands between probes of the old and the new grant; 0: none */
    uint32_t old_interval_ms;         /* the shortest before the new one; 0: no grant was changed lately */
    uint32_t old_longest_interval_ms; /* and the longest */
    uint32_t old_expiry_ms;
    uint32_t probes_to_see;
    uint16_t peer_max_content; /* server: what the client takes, where has_peer_max_content */
    bool has_peer_max_content;
    bool owes_health;                      /* server: a health was not told, because too many challenges waited */
    size_t wanted_room;                    /* size of the MESSAGE that FULL was said of; 0: none waits for ROOM */
    char text[LUBDUB_RATE_TEXT_SIZE];      /* of the BYE that names a rate */
    bool is_slow;                          /* server: at its expiry unread input waited; the blocking decides */
    struct lubdub_doubt doubt;             /* server that adapts */
    struct lubdub_probe_content *contents; /* client: of its probes, where they changed */
};

/* The state that an adaptive client needs beside its prober. */
struct lubdub_doubter {
    struct lubdub_estimator round_trips;
    struct lubdub_doubt doubt;
    uint64_t unlearned; /* acks up to this one came out of an outage and teach nothing */
    lubdub_time debt_at;
    int32_t debt; /* of the client's own frames (rate_limit.h): the server allows only so many */
};

/* The state that every client needs beside the session. */
struct lubdub_prober {
    uint64_t session_number;
    lubdub_time next_probe_at; /* before WELCOME: the phase; each connection of many may have its own */
    struct lubdub_probes probes;
    struct lubdub_rate message_rate; /* that the server told last */
    uint32_t narrow_count;
    uint16_t max_content;            /* what the server takes */
    bool is_down : 1;                /* a probe timed out and the client stayed */
    bool adapts : 1;                 /* from its beginning to its end */
    bool has_paths : 1;              /* lubdub_session_note_paths() */
    bool has_asked_again : 1;        /* where has_paths: beside the steady probes, since the last answer */
    uint8_t round_trip_log;          /* an upper bound of the last round trip: 2^n ms; 0: none was measured */
    struct lubdub_doubter doubter[]; /* one, if it adapts: the many clients that do not adapt need no memory for it */
};

/* What one frame means to a role: a finished event, or none. */
enum lubdub_handling {
    LUBDUB_HANDLING_TAKEN,   /* go on with the next frame, unless the event says something */
    LUBDUB_HANDLING_NOT_YET, /* the event comes first, the same frame again after it */
};

/* The struct, made where it is missing; NULL without memory. */
struct lubdub_session_extra *lubdub_session_need_extra(struct lubdub_session *session);

/* Gives it back when nothing in it is needed any more. */
void lubdub_session_release_extra(struct lubdub_session *session);

/* Every change of state after the opening goes through here, so that none forgets the deadline. */
void lubdub_session_enter(struct lubdub_session *session, enum lubdub_session_state state, lubdub_time now);

/* Without memory the stream cannot go on: the session is CLOSED, and the next call that gives an event says so. */
void lubdub_session_lose(struct lubdub_session *session, lubdub_time now);

static inline bool lubdub_session_has_waiting_output(const struct lubdub_session *session)
{
    return session->extra != NULL && !lubdub_outbox_is_empty(&session->extra->outbox);
}

/* Adds a frame behind all that waits. Loses the connection where there is no memory. */
void lubdub_session_put(struct lubdub_session *session, struct lubdub_turn *turn, const struct lubdub_frame *frame);

/* Adds a MESSAGE. One at a time goes to the kernel, so that a heartbeat waits behind no more than that one. */
void lubdub_session_put_message(struct lubdub_session *session, struct lubdub_turn *turn,
                                const struct lubdub_frame *message);

/* The kernel has taken a whole PROBE: a client's timeout for it begins. */
void lubdub_session_probe_handed_over(struct lubdub_session *session, lubdub_time now);

/* The end: state, event and, where reason >= 0, BYE. text is static. */
#define LUBDUB_NO_REASON (-1)
void lubdub_session_fail(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event,
                         enum lubdub_cause cause, int reason, const char *text);

/* Puts BYE; the state is not touched. */
void lubdub_session_put_bye(struct lubdub_session *session, struct lubdub_turn *turn, enum lubdub_reason reason,
                            const char *text, bool has_retry_after, lubdub_duration retry_after);

/* Handlers shared by both roles. */
enum lubdub_handling lubdub_session_handle_bye(struct lubdub_session *session, struct lubdub_turn *turn,
                                               const struct lubdub_frame *frame, struct lubdub_event *event);
void lubdub_session_answer(struct lubdub_session *session, struct lubdub_turn *turn, const struct lubdub_frame *probe);

/* Takes a frame's health; fills a HEALTH event where it changed. */
void lubdub_session_note_health(struct lubdub_session *session, const struct lubdub_frame *probe,
                                struct lubdub_event *event);

/* The duties of one role (session_client.h, session_server.h). */
struct lubdub_role_duties {
    /* Takes one whole frame in state OPENING or UP. */
    enum lubdub_handling (*handle)(struct lubdub_session *session, struct lubdub_turn *turn,
                                   const struct lubdub_frame *frame, struct lubdub_event *event);
    lubdub_time (*deadline)(const struct lubdub_session *session, const struct lubdub_session_settings *settings);
    /* When the next tick would declare the peer dead; in state UP, like all that follow. */
    lubdub_time (*verdict)(const struct lubdub_session *session, const struct lubdub_session_settings *settings);
    void (*tick)(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event);
    /* When the latest unanswered question was asked, of those asked at `before` or earlier; 0: there is none. */
    lubdub_time (*asked_before)(const struct lubdub_session *session, lubdub_time before);
    /* An upper bound of the round trip, by what the session measured; 0: it did not. */
    lubdub_duration (*round_trip)(const struct lubdub_session *session);
    lubdub_duration (*patience)(const struct lubdub_session *session, const struct lubdub_session_settings *settings);
    void (*forgive)(struct lubdub_session *session, lubdub_duration away);
    /* NULL: there is none, and never was. */
    struct lubdub_doubt *(*doubt)(struct lubdub_session *session);
};

/* The logarithm of an upper bound of a round trip: 2^n ms, n from 1 to 15. */
static inline uint8_t lubdub_round_trip_log(lubdub_duration round_trip)
{
    uint8_t log = 1;

    while (log < 15 && round_trip > (LUBDUB_MILLISECOND << log)) {
        log++;
    }
    return log;
}

static inline lubdub_duration lubdub_round_trip_of_log(unsigned log)
{
    return log > 0 ? LUBDUB_MILLISECOND << log : 0;
}

/*
 * Whether the peer's bytes arrive all the same, in a frame that is not whole yet. Of a peer that stopped in the middle
 * of a frame some have come after its last whole frame, too: they count for as long as bytes put off a doubt, or for a
 * quarter of the deadline where that is longer; and for half of it at most.
 */
static inline bool lubdub_session_gets_bytes(const struct lubdub_session *session, lubdub_time since, lubdub_time now,
                                             lubdub_duration patience)
{
    lubdub_duration recent =
        lubdub_duration_shorter(lubdub_duration_longer(LUBDUB_DOUBT_FLOOR, patience / 4), patience / 2);

    return session->extra != NULL && session->extra->partial.length > 0 && session->extra->bytes_at > since &&
           lubdub_time_between(session->extra->bytes_at, now) < recent;
}

/* When the kernel stopped taking the bytes that wait; LUBDUB_TIME_NEVER if none wait. */
static inline lubdub_time lubdub_session_blocked_at(const struct lubdub_session *session)
{
    return lubdub_session_has_waiting_output(session) ? session->extra->outbox.blocked_at : LUBDUB_TIME_NEVER;
}

/*
 * The cause of a silence since then, by what the kernel said about the path. Where the kernel cannot tell yet (the
 * question is younger than a delayed ACK, which happens with expiries below some 60 ms), a stalled process is the
 * likelier of the two. A peer is not hung while its bytes arrive: the path is too slow for its frames.
 */
static inline enum lubdub_cause lubdub_cause_of_silence(const struct lubdub_session *session,
                                                        const struct lubdub_turn *turn, lubdub_time since,
                                                        lubdub_duration patience)
{
    return turn->path == LUBDUB_PATH_SILENT || lubdub_session_gets_bytes(session, since, turn->now, patience)
               ? LUBDUB_CAUSE_UNREACHABLE
               : LUBDUB_CAUSE_HUNG;
}

/*
 * How long before its deadline a silent peer is asked for the last time, where so much of the deadline is left after
 * the first question. A living kernel's acknowledgement takes 40 ms and a round trip; two seconds are enough for a
 * question that is lost twice, on any path.
 */
#define LUBDUB_LAST_LOOK_LEAST (60 * LUBDUB_MILLISECOND)
#define LUBDUB_LAST_LOOK_MOST (2 * LUBDUB_SECOND)

static inline lubdub_duration lubdub_last_look(lubdub_duration left)
{
    return lubdub_duration_clamp(left / 2, LUBDUB_LAST_LOOK_LEAST, LUBDUB_LAST_LOOK_MOST);
}

/*
 * Input behind a HELLO waits until the owner has answered the HELLO. _hold keeps it; without memory the connection is
 * lost. _has_held: there is some, and it may be handled now. _take_held hands it over; the caller clears it.
 */
void lubdub_session_hold(struct lubdub_session *session, const uint8_t *input, size_t length, lubdub_time now);
bool lubdub_session_has_held(const struct lubdub_session *session);
struct lubdub_partial lubdub_session_take_held(struct lubdub_session *session);

/* Whether ROOM is to be told. */
bool lubdub_session_has_room_again(const struct lubdub_session *session,
                                   const struct lubdub_session_settings *settings);

#endif
