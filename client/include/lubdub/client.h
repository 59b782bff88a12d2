/*
 * Runs a heartbeat client inside a program's own libev loop: connects, sends probes, and tells the application when the
 * server is up, when it went down and why, and what it said. If told so, the client connects again by itself, with
 * backoff and jitter.
 *
 *     static const struct lubdub_client_server server = {"192.0.2.7", LUBDUB_DEFAULT_PORT};
 *
 *     lubdub_client_settings_init(&settings);
 *     settings.servers = &server;
 *     settings.server_count = 1;
 *     settings.session.identity = lubdub_client_text("pump-7");
 *     lubdub_client_new(&client, loop, &settings, on_event, user_data);
 *     lubdub_client_start(client);
 *     ev_run(loop, 0);
 *     lubdub_client_free(client);
 *
 * Threads. Everything happens on the caller's loop, and all callbacks come in the thread that runs it. _send, _set_health,
 * _stop, _progress, _state and _session may be called from any thread between _start and _free; everything else from the
 * thread that runs the loop. Names are looked up in a helper thread, so nothing here ever blocks; numeric addresses need
 * none.
 *
 * fork(). Fork before _start. A child that was forked later holds the connection of its parent open, and a server that
 * should see `closed` sees `hung`: so the child first calls _free on each client, and ev_loop_fork() before it runs a
 * loop. All descriptors of the library close on exec, and a child that calls exec at once needs nothing.
 *
 * What calls back. Only the loop does. Every function returns before the application hears what came of it, so it may
 * be called with a mutex held that the callback takes, too. From inside the callback everything may be called, for this
 * client and for others, _free too; but it must not run the loop.
 *
 * Mistakes of the caller. A client, or a pointer to what is to be filled or read, that is NULL: INVALID where the function
 * returns an error, else an assert. content may be NULL where its length is 0. A number that is none of its enumeration: an
 * assert.
 *
 * docs/guide/embedding.md shows it in the order in which questions come.
 */
#ifndef LUBDUB_CLIENT_H
#define LUBDUB_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <lubdub/cause.h>
#include <lubdub/error.h>
#include <lubdub/multipath.h>
#include <lubdub/option.h>
#include <lubdub/session.h>
#include <lubdub/time.h>
#include <lubdub/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ev_loop;
struct lubdub_client;
struct lubdub_tls; /* <lubdub/tls.h> */

/* Never grows, since settings hold an array of it. */
struct lubdub_client_server {
    const char *host; /* a name, or a numeric address, IPv6 with or without brackets */
    uint16_t port;
};

/*
 * The caller allocates the struct, calls the initialiser, and then sets fields by name. _new copies it, with servers,
 * strings, labels and contents; nothing is borrowed. It grows at its end (version.h). Durations are in nanoseconds.
 */
struct lubdub_client_settings {
    size_t size; /* sizeof, set by the initialiser. Without it the settings are INVALID */

    /*
     * interval, expiry, timeout, adapts, identity, token, content, labels, phase, stays_connected, handshake_timeout
     * (until WELCOME), max_content, output_limit, agent. incarnation 0: the real-time clock at the first start in
     * nanoseconds, one more with every attempt, so that a newer start wins and of our own connections the newest. Where
     * the clock may go back, set a counter that rises with every start.
     * expiry 0 (the default here): three times the interval.
     */
    struct lubdub_session_settings session;

    /*
     * Tried in turn, each with all its addresses, until there is a session: a connection alone is none. After a session
     * the turn goes on behind its server, and among a name's addresses behind the one of the session.
     */
    const struct lubdub_client_server *servers;
    size_t server_count;

    const char *source;              /* numeric address to connect from; NULL: the system chooses */
    lubdub_duration connect_timeout; /* for looking up a name, and for an address; 5 s. An address that others follow
                                        gets 1 s at most */

    /*
     * Comes back after DOWN, after a wait that doubles from _min to _max, of which a random part is waited. It begins
     * anew after a session of three expiries (of twice _min at least), or of twice _max.
     */
    bool reconnects;
    lubdub_duration backoff_min; /* 500 ms */
    lubdub_duration backoff_max; /* 30 s */
    uint64_t seed;               /* of the randomness; 0: the system's */

    /*
     * The application's promise to call lubdub_client_progress() at least so often. Where it does not, its probes carry
     * *critical*, whatever _set_health says, until it does again: alive is not working. 0: nothing is promised.
     */
    lubdub_duration progress_within;

    /*
     * With session.stays_connected and reconnects: a server that stays silent for so long after DOWN is left, and the
     * next address or server is tried; 0: never. For a frozen server does not close its connections.
     */
    lubdub_duration stay_limit;

    /*
     * The loop may leave sockets that are ready alone for so long, that one wake-up serves many of them. It does so only
     * where thousands of acks and messages a second come, so where many clients share the loop, and all of them allow it; the
     * least of them holds, and never more than a hundredth of the shortest interval and timeout. Verdicts and ends of
     * connections do not wait; other input does, and so do the application's own watchers on the loop, also with
     * EVRUN_NOWAIT. The probes that are due in this time go together at its end. A round trip contains it. At most
     * 100 ms; 0, the default: the loop does not gather.
     */
    lubdub_duration gather;

    /*
     * Multipath TCP (multipath.h): a cut path costs no session while another one works. REQUIRED refuses connections
     * that turn out to be plain TCP (FAILED, cause `protocol`). OFF, the default.
     */
    enum lubdub_multipath multipath;

    /*
     * Made by lubdub_tls_new() for a client, and held by this one until it is freed. NULL, the default: plain connections.
     * With it there are none: a server with which no TLS can be agreed is not used, and the cause is `tls`.
     */
    struct lubdub_tls *tls;
    const char *tls_name; /* that the server's certificate has to have; NULL: the host, as the list of servers names it */

    /*
     * The client is gone: called once for each client that _new made, after the last event, with the user data of the
     * callback. Nothing of the client runs in any thread from then on. NULL.
     */
    void (*on_freed)(void *user_data);
    /* A new field stands here and begins 8 bytes of its own. */
};

/* Sets every field to its default. */
#define lubdub_client_settings_init(settings) lubdub_client_settings_init_sized((settings), sizeof *(settings))

/* Writes `size` bytes, the size that the caller's header gives the struct, and not one more. */
LUBDUB_API void lubdub_client_settings_init_sized(struct lubdub_client_settings *settings, size_t size);

/*
 * Why these settings cannot work, as a static sentence; NULL where they can. Settings that were never initialised
 * cannot work, nor can settings of a newer program that sets a field unknown to this library.
 */
LUBDUB_API const char *lubdub_client_settings_check(const struct lubdub_client_settings *settings);

/* A string as the settings take it; without its end. NULL gives an empty one. */
static inline struct lubdub_slice lubdub_client_text(const char *text)
{
    struct lubdub_slice slice = {text, text != NULL ? strlen(text) : 0};

    return slice;
}

enum lubdub_client_event_kind {
    LUBDUB_CLIENT_CONNECTING, /* to one address */
    LUBDUB_CLIENT_FAILED,     /* no session came of it, and another address or server is tried at once */
    LUBDUB_CLIENT_UP,
    LUBDUB_CLIENT_GRANT_CHANGED,
    LUBDUB_CLIENT_ACKED,
    LUBDUB_CLIENT_LATE_ACK, /* of a probe that had timed out; UP follows where the server counted as down */
    LUBDUB_CLIENT_MESSAGE,
    LUBDUB_CLIENT_HEALTH,   /* what the server says of itself with probes of its own */
    LUBDUB_CLIENT_PROGRESS, /* the application's own was missed (is_stalled), or came again */
    LUBDUB_CLIENT_DOWN,     /* once for each UP, and when no server could be reached. Where the connection stays
                               (is_connected), once more if that ends before the server is up again */
    LUBDUB_CLIENT_RETRYING, /* comes back after a while */
    LUBDUB_CLIENT_STOPPED,  /* at rest; no event follows until the next _start */
    LUBDUB_CLIENT_ROOM,     /* after a _send said FULL: there is room for messages again */
    LUBDUB_CLIENT_PATHS,    /* more or fewer paths of the connection work than before (settings.multipath) */
};

/*
 * The library allocates it, and it lives, with all that it points to, until the callback returns. Only the fields that
 * are named for a kind hold something. It grows at its end (version.h); a program skips a kind that it does not know.
 * Durations are in nanoseconds.
 */
struct lubdub_client_event {
    enum lubdub_client_event_kind kind;
    lubdub_time now; /* CLOCK_MONOTONIC at the decision */

    const struct lubdub_client_server *server; /* the one at hand */
    const struct lubdub_address *remote;       /* NULL where there is none; shown by lubdub_client_event_remote() */
    uint64_t session;                          /* its number; 0 before UP */

    lubdub_duration interval; /* UP, GRANT_CHANGED: granted */
    lubdub_duration expiry;
    bool is_resumed;            /* UP: came back within its grace time */
    bool is_recovered;          /* UP: on the connection that stayed while the server counted as down */
    enum lubdub_cause last_end; /* UP: how this identity's last session ended; NONE: not known there */

    uint64_t sequence;          /* ACKED, LATE_ACK, MESSAGE; DOWN: of the probe that decided, or 0 */
    lubdub_duration round_trip; /* ACKED, LATE_ACK */

    const uint8_t *content; /* MESSAGE, ACKED; HEALTH: of the probe that told it */
    size_t length;

    enum lubdub_health health; /* HEALTH */
    enum lubdub_health was_health;

    enum lubdub_cause cause; /* DOWN, FAILED */
    bool has_reason;         /* DOWN, FAILED: a BYE was received or sent, with this reason */
    uint64_t reason;
    struct lubdub_slice text;      /* DOWN, FAILED: for people; may hold any bytes where the server wrote it */
    lubdub_duration waited_for;    /* DOWN: for the ack of the probe that decided */
    lubdub_duration silent_for;    /* DOWN of a session: since its last whole valid frame */
    lubdub_duration connected_for; /* DOWN of a session: since UP */
    lubdub_time deadline;          /* DOWN by a timeout: when the verdict was due; else 0 */
    lubdub_duration adaptive;      /* DOWN: the adaptive timeout, where that decided (session.adapts); else 0 */
    bool was_up;                   /* DOWN: of a session; else no server could be reached */
    bool is_connected;             /* DOWN: stays connected, and waits for acks (session.stays_connected) */

    lubdub_duration retry_in; /* RETRYING */

    bool is_stalled;                  /* PROGRESS */
    lubdub_duration without_progress; /* PROGRESS: how long there was none */

    unsigned paths;     /* UP, PATHS: of the connection, that work; 1 without Multipath TCP */
    unsigned was_paths; /* PATHS: before */
};

/* Called in the thread that runs the loop; see above, What calls back. */
typedef void (*lubdub_client_callback)(struct lubdub_client *client, const struct lubdub_client_event *event,
                                       void *user_data);

/* Writes "ADDRESS:PORT" (IPv6 in brackets), "" where there is none. target has at least 80 bytes. Returns target. */
LUBDUB_API char *lubdub_client_event_remote(const struct lubdub_client_event *event, char *target);

/* INVALID for settings that _check refuses, NO_MEMORY, SYSTEM (no randomness). callback may be NULL. */
LUBDUB_API enum lubdub_error lubdub_client_new(struct lubdub_client **client, struct ev_loop *loop,
                                               const struct lubdub_client_settings *settings,
                                               lubdub_client_callback callback, void *user_data);

/* Begins to connect as soon as the loop runs. WRONG_STATE unless stopped. */
LUBDUB_API enum lubdub_error lubdub_client_start(struct lubdub_client *client);

/*
 * Sends a MESSAGE. Copies content. WRONG_STATE without a session, TOO_LONG beyond what the server takes, FULL when more
 * than session.output_limit bytes of messages would wait: ROOM follows.
 *
 * From another thread the message is handed over to the loop, and waits there while the session has no room. OK means
 * that; what cannot be delivered, because the session ended or the server takes less, is dropped and counted. FULL: 256 KiB
 * of such messages wait (ROOM follows, also where the session has ended meanwhile). WRONG_STATE, NO_MEMORY, TOO_LONG beyond
 * 65535 bytes.
 */
LUBDUB_API enum lubdub_error lubdub_client_send(struct lubdub_client *client, const void *content, size_t length);

/* Tells this health with every probe from now on, on later connections too. Any thread. */
LUBDUB_API void lubdub_client_set_health(struct lubdub_client *client, enum lubdub_health health);

/*
 * The token of every connection from now on, instead of that of the settings; copied. length 0: none. TOO_LONG beyond
 * 1024 bytes, NO_MEMORY. From inside CONNECTING it is that of this connection.
 */
LUBDUB_API enum lubdub_error lubdub_client_set_token(struct lubdub_client *client, const void *token, size_t length);

/*
 * The certificates of every connection from now on, instead of those of the settings: made by lubdub_tls_new() for a client,
 * and held by this one. INVALID: of another release; WRONG_STATE for a client without settings.tls, whose connections are
 * plain.
 */
LUBDUB_API enum lubdub_error lubdub_client_set_tls(struct lubdub_client *client, struct lubdub_tls *tls);

/*
 * The content of every probe from now on, on later connections too, instead of that of the settings; copied. Probes
 * under way keep theirs. TOO_LONG beyond what the server takes, NO_MEMORY: then nothing has changed. A later server
 * that takes less gets that of the settings.
 */
LUBDUB_API enum lubdub_error lubdub_client_set_content(struct lubdub_client *client, const void *content,
                                                       size_t length);

/*
 * The application's work goes on: to be called where it is done, not by a timer. From any thread, at any time between _new
 * and _free. Costs a look at the clock.
 */
LUBDUB_API void lubdub_client_progress(struct lubdub_client *client);

/*
 * Leaves: says BYE where there is a session (DOWN with the cause `shutdown` follows), waits a second at most for the
 * server's end of file, and is STOPPED. Any thread. WRONG_STATE, and nothing is done: it is stopped or stopping.
 */
LUBDUB_API enum lubdub_error lubdub_client_stop(struct lubdub_client *client, enum lubdub_reason reason);

/*
 * Closes without a word and frees; no event follows. NULL does no harm. OK: it is gone. LATER: inside a callback, and it
 * goes when the last callback of the client has returned; on_freed of the settings says so. WRONG_STATE: that was asked
 * for before.
 */
LUBDUB_API enum lubdub_error lubdub_client_free(struct lubdub_client *client);

enum lubdub_client_state {
    LUBDUB_CLIENT_STATE_STOPPED,
    LUBDUB_CLIENT_STATE_CONNECTING, /* looks up a name, tries an address, waits for WELCOME */
    LUBDUB_CLIENT_STATE_UP,
    LUBDUB_CLIENT_STATE_DOWN,    /* connected, while a probe's ack is overdue */
    LUBDUB_CLIENT_STATE_WAITING, /* until it is time to try again */
    LUBDUB_CLIENT_STATE_STOPPING,
};
LUBDUB_API enum lubdub_client_state lubdub_client_state(const struct lubdub_client *client);

/* On the server, of the current session; 0 without one. */
LUBDUB_API uint64_t lubdub_client_session(const struct lubdub_client *client);

/* The current connection's socket, for setsockopt() and the like; -1 without one. Stays the client's. */
LUBDUB_API int lubdub_client_socket(const struct lubdub_client *client);

/*
 * Over all sessions of this client. A probe that is neither acked nor lost is under way. The caller allocates the
 * struct and sets size; the library fills no more than that, and with size 0 nothing. It grows at its end (version.h).
 */
struct lubdub_client_counts {
    size_t size; /* sizeof, set by the caller: struct lubdub_client_counts counts = {.size = sizeof counts} */
    uint64_t sessions;
    uint64_t sent;  /* probes */
    uint64_t acked; /* late ones too */
    uint64_t late;
    uint64_t lost;   /* timed out and not acked, or under way when a session went down */
    uint64_t narrow; /* acked in the last quarter of their timeout: an early warning */
    uint64_t dropped; /* messages that other threads had handed over, and that could not be delivered */
};
LUBDUB_API void lubdub_client_counts(const struct lubdub_client *client, struct lubdub_client_counts *counts);

#ifdef __cplusplus
}
#endif

#endif
