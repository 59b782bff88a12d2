/*
 * Runs a heartbeat server inside a program's own libev loop: accepts clients, answers their probes, expires silent
 * sessions, and tells the application which clients connected, which left and why, and what they said.
 *
 *     lubdub_server_settings_init(&settings);
 *     lubdub_server_new(&server, loop, &settings, on_event, user_data);
 *     lubdub_server_listen(server, NULL, LUBDUB_DEFAULT_PORT);
 *     lubdub_server_start(server);
 *     ev_run(loop, 0);
 *     lubdub_server_free(server);
 *
 * Threads. With one worker (the default) everything happens on the caller's loop, in its thread. With more, the
 * others run in threads of their own, each with its own loop and its own listener on the same port, and the
 * callback comes from all of them, for one session always from the same. _send, _send_to, _broadcast, _disconnect (and
 * _disconnect_identity, _disconnect_token), _regrant,
 * _drain, _set_health, _reconfigure, _adopt, _adopt_tls, _accept, _refuse, _counts, _figures, _list, _find and _find_session may be called from any thread; everything else
 * from the thread that runs the loop. From inside the callback everything may be called, _free too (but that only in the loop's own thread).
 *
 * What calls back. Only the loop does, and lubdub_server_start(), which tells LISTENING. Every other function returns
 * before the application hears what came of it, so it may be called with a mutex held that the callback takes, too.
 * The callback is never entered a second time by the same thread. It must not run the loop.
 *
 * Mistakes of the caller. A server, or a pointer to what is to be filled or read, that is NULL: INVALID where the function
 * returns an error, else an assert. content and identity may be NULL where their length is 0, text always. A number that is
 * none of its enumeration: an assert. A number of a session or request that is gone: NOT_FOUND.
 *
 * docs/guide/embedding.md shows it in the order in which questions come.
 */
#ifndef LUBDUB_SERVER_H
#define LUBDUB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
struct lubdub_server;
struct lubdub_server_request;
struct lubdub_tls; /* <lubdub/tls.h> */

/* For settings.gather. */
#define LUBDUB_SERVER_GATHER LUBDUB_MILLISECOND

enum lubdub_on_message {
    LUBDUB_ON_MESSAGE_DROP, /* only the callback sees it */
    LUBDUB_ON_MESSAGE_ECHO,
    LUBDUB_ON_MESSAGE_BROADCAST, /* to all sessions, the sender too */
};

/*
 * The caller allocates the struct, calls the initialiser, and then sets fields by name. _new and _reconfigure copy it,
 * strings included; nothing is borrowed. It grows at its end (version.h). Durations are in nanoseconds.
 */
struct lubdub_server_settings {
    size_t size; /* sizeof, set by the initialiser. Without it the settings are INVALID */

    /* interval and expiry of clients that ask for none; handshake_timeout, max_content, output_limit, agent, adapts,
       requires_hello. The rest is a client's */
    struct lubdub_session_settings session;

    unsigned workers; /* loops; 1. 0: the processors that this process may use */

    /* what a HELLO may get */
    lubdub_duration interval_min; /* 10 ms */
    lubdub_duration interval_max; /* 1 h */
    lubdub_duration expiry_max;   /* 10 min; twice the interval is granted all the same */

    lubdub_duration grace;     /* how long an identity may be away before it is gone; 0 */
    size_t max_sessions;       /* 0, the default: as many as there are descriptors */
    size_t max_per_address;    /* connections from one address (ipv6_prefix); 0, the default: no limit */
    size_t remembered_ends;    /* identities whose last end is kept for their next WELCOME; 16384 */
    enum lubdub_on_message on_message; /* DROP */

    /*
     * Any of these lets a client in; none: no token is asked for. A token demands a HELLO. 1 to 1024 bytes each. While a
     * session has an identity, no client with another token may take the identity over.
     */
    const struct lubdub_slice *tokens;
    size_t token_count;

    bool shares_port; /* other processes may listen on the same port too (SO_REUSEPORT); false */

    size_t away_limit;  /* identities that are away in their grace time; beyond it the first to leave is gone; 65536 */
    size_t ipv6_prefix; /* IPv6 addresses are one address where so many bits are the same, 1 to 128; 64 */

    /* For each token a pattern of the identities that it lets in: * is any characters, ? is one. data NULL: any identity, or
       none. NULL, the default: no token is bound. The same token may stand there again, with another pattern */
    const struct lubdub_slice *token_identities;
    bool requires_identity; /* no session without an identity, so none without HELLO; false */

    /*
     * The server is gone: called once for each server that _new made, after the last event, with the user data of the
     * callback. Nothing of the server runs in any thread from then on. It comes before _free returns; where
     * _free was called inside a callback, after that callback has returned, in the same thread. NULL.
     */
    void (*on_freed)(void *user_data);

    /*
     * Connections from these networks ("10.0.0.0/8", "2001:db8::/32", or one address) come through a proxy, and begin with a
     * header of the PROXY protocol, version 2: the address is what the header tells. Others must not send one. None.
     */
    const struct lubdub_slice *proxies;
    size_t proxy_count;

    /*
     * Asks the application about each client that keeps the conditions above (tokens, requires_identity), before it has a
     * session or an identity. The application answers with lubdub_server_accept() or lubdub_server_refuse(): inside this
     * callback, or later and from any thread by the number of the request. Until then the client waits, at most for
     * the rest of its handshake time (session.handshake_timeout). With the user data of the callback, in the thread of the
     * connection, under the same conditions. NULL, the default: they all come in.
     */
    void (*on_request)(struct lubdub_server *server, const struct lubdub_server_request *request, void *user_data);

    /*
     * Each loop may leave sockets that are ready alone for so long, that one wake-up serves many of them: at 10,000
     * probes a second this halves their cost. It does so only where enough of them come, and never for longer than a
     * hundredth of the shortest interval and expiry among the sessions. Verdicts, ends of connections, new connections and
     * calls from other threads do not wait; input of sessions does, and so do the application's own watchers on the loop,
     * also with EVRUN_NOWAIT. At most 100 ms; 0, the default: it does not gather. LUBDUB_SERVER_GATHER suits most.
     */
    lubdub_duration gather;

    /*
     * Multipath TCP (multipath.h) on what is bound from now on; clients with plain TCP are served as before, at the price
     * of a few system calls for each. Where this kernel has none, _listen binds plain TCP; REQUIRED: SYSTEM with
     * EPROTONOSUPPORT. OFF, the default.
     */
    enum lubdub_multipath multipath;

    /* Connections that have sent no whole frame yet. Of more, the oldest is refused. 0: no limit. 4096 */
    size_t max_opening;
    size_t accepts_per_turn; /* connections that a loop accepts before its sessions have their turn, 1 to 65536; 64 */
    size_t max_labels;       /* of a session, 0 to 8: a client with more is refused; 8 */

    /*
     * Frees what lubdub_server_set_data() was given last, where that is not NULL: once for each connection, after its last
     * event, in its thread; for connections that are there when the server is freed in the thread that frees it. With the user
     * data of the callback. It must not call the server. Stays as it was at _new. NULL.
     */
    void (*free_data)(void *data, void *user_data);

    /*
     * What lubdub_server_listen_tls() needs: made by lubdub_tls_new() for a server, and held from _new or _reconfigure on as
     * long as it is needed. New connections use the newest. NULL, the default: there is no TLS.
     */
    struct lubdub_tls *tls;

    /*
     * No session without a certificate that was checked, so none on a plain connection; false. Whether required or not, a
     * client with a certificate has an identity that one of its names (docs/guide/tls.md) is or bounds, as a pattern.
     */
    bool requires_certificate;

    /*
     * 16 secret bytes that several servers share, so that each of them knows a token, or the names of a certificate, by the
     * same number (lubdub_server_session.proof). Stays as it was at _new. NULL, the default: the server draws its own.
     */
    const uint8_t *proof_key;

    /*
     * Handshakes of TLS. Sessions that are up come before them: of those that are under way or wait, the others go on in the
     * next turn.
     */
    size_t max_handshakes;     /* under way; each has some 46 kB. The loops share them, one each at the least. 1 to 65536; 256 */
    size_t handshakes_per_turn; /* begun in a turn of a loop, 1 to 65536; 8 */
    lubdub_duration handshake_work; /* of a turn, for all that is not open, and one step at the least; to 100 ms; 4 ms */
    /* A new field stands here and begins 8 bytes of its own. */
};

/* Sets every field to its default. */
#define lubdub_server_settings_init(settings) lubdub_server_settings_init_sized((settings), sizeof *(settings))

/* Writes `size` bytes, the size that the caller's header gives the struct, and not one more. */
LUBDUB_API void lubdub_server_settings_init_sized(struct lubdub_server_settings *settings, size_t size);

/*
 * Why these settings cannot work, as a static sentence; NULL where they can. Settings that were never initialised
 * cannot work, nor can settings of a newer program that sets a field unknown to this library.
 */
LUBDUB_API const char *lubdub_server_settings_check(const struct lubdub_server_settings *settings);

enum lubdub_server_event_kind {
    LUBDUB_SERVER_LISTENING,    /* once for each address, from _start */
    LUBDUB_SERVER_CONNECTED,    /* a session */
    LUBDUB_SERVER_MESSAGE,
    LUBDUB_SERVER_HEALTH,
    LUBDUB_SERVER_LATE,         /* silent for longer than its interval and a margin; challenged */
    LUBDUB_SERVER_RECOVERED,
    LUBDUB_SERVER_DISCONNECTED, /* once for each CONNECTED */
    LUBDUB_SERVER_GONE,         /* an identity did not come back within its grace time */
    LUBDUB_SERVER_REJECTED,     /* a connection that never became a session */
    LUBDUB_SERVER_PAUSED,       /* accepting stops: no descriptors or memory, or the loop cannot watch the socket; text
                                   says which. It is tried again every 100 ms. Told once per lack */
    LUBDUB_SERVER_SUSPICIOUS,   /* of ourselves: most sessions are late at once, adaptive verdicts wait. Once each time */
    LUBDUB_SERVER_DRAINING,
    LUBDUB_SERVER_STOPPED,      /* the drain is over; no event follows */
    LUBDUB_SERVER_ROOM,         /* after a _send said FULL: there is room for messages to this session again. With
                                   session 0: after FULL for the queue of a loop, told by that loop's thread */
    LUBDUB_SERVER_PATHS,        /* more or fewer paths of a session's connection work than before (settings.multipath) */
};

/*
 * The library allocates it, and it lives, with all that it points to, until the callback returns. Only the fields that
 * are named for a kind hold something. It grows at its end (version.h); a program skips a kind that it does not know.
 * Durations are in nanoseconds.
 */
struct lubdub_server_event {
    enum lubdub_server_event_kind kind;
    lubdub_time now; /* CLOCK_MONOTONIC at the decision */

    uint64_t session;              /* its number, 0 where there is none */
    struct lubdub_slice identity;  /* empty for an anonymous session */
    const struct lubdub_address *remote; /* NULL where there is none; shown by lubdub_server_event_remote() */

    lubdub_duration interval;      /* CONNECTED: granted */
    lubdub_duration expiry;
    bool is_resumed;
    const struct lubdub_label *labels; /* CONNECTED, DISCONNECTED */
    size_t label_count;

    const uint8_t *content;        /* MESSAGE; HEALTH: content of the probe that told it */
    size_t length;

    enum lubdub_health health;     /* HEALTH */
    enum lubdub_health was_health;

    lubdub_duration silent_for;    /* LATE, RECOVERED, DISCONNECTED: since its last whole valid frame */

    enum lubdub_cause cause;       /* DISCONNECTED, REJECTED */
    bool has_reason;               /* a BYE was received or sent, with this reason; EXPIRED also where the client took
                                      nothing, and no BYE was sent */
    uint64_t reason;
    struct lubdub_slice text;      /* for people; may hold any bytes where the peer wrote it */
    uint64_t probes;               /* DISCONNECTED: received in all */
    lubdub_duration connected_for;
    lubdub_time deadline;          /* DISCONNECTED for silence: when the verdict was due; else 0 */
    lubdub_duration adaptive;      /* DISCONNECTED: the adaptive timeout, where that decided; else 0 */

    const char *address;           /* LISTENING: as lubdub_server_event_remote writes it */

    /* A proxy stands between (settings.proxies): remote is what it told. Its kernel acknowledges for the client, so `hung`
       says only that the client was silent, and comes no sooner than the expiry */
    bool is_proxied;

    unsigned paths;                /* CONNECTED, PATHS: of the connection, that work; 1 without Multipath TCP */
    unsigned was_paths;            /* PATHS: before */

    uint64_t cut; /* STOPPED: connections that had not closed when the patience was over */

    void *data; /* of a session: what lubdub_server_set_data() was given last; else NULL */

    bool is_tls; /* LISTENING: to TLS; CONNECTED, DISCONNECTED, REJECTED: the connection is not plain */
};

/*
 * A client that wants to become a session. The library allocates it, and it lives, with all that it points to, until the
 * callback returns. It grows at its end (version.h). Durations are in nanoseconds.
 */
struct lubdub_server_request {
    uint64_t request;             /* its number, for the answer; that of the session, if one comes of it */
    bool is_anonymous;            /* it opened without HELLO: all that follows but remote is empty */
    struct lubdub_slice identity; /* empty: none */
    const struct lubdub_label *labels;
    size_t label_count;
    struct lubdub_slice token; /* any bytes; empty: none */
    struct lubdub_slice agent;
    uint64_t incarnation;
    lubdub_duration interval; /* asked for; 0: none */
    lubdub_duration expiry;
    const char *remote; /* as lubdub_server_event_remote() writes it */

    bool is_tls;
    struct lubdub_slice certificate_names; /* of the client's certificate, which was checked; each ends with a 0 byte */
};

/* Called in the thread of the session's loop; see above, What calls back. */
typedef void (*lubdub_server_callback)(struct lubdub_server *server, const struct lubdub_server_event *event,
                                       void *user_data);

/* Writes "ADDRESS:PORT" (IPv6 in brackets), "" where there is none. target has at least 80 bytes. Returns target. */
LUBDUB_API char *lubdub_server_event_remote(const struct lubdub_server_event *event, char *target);

/* INVALID for settings that _check refuses, NO_MEMORY, SYSTEM (errno). callback may be NULL. */
LUBDUB_API enum lubdub_error lubdub_server_new(struct lubdub_server **server, struct ev_loop *loop,
                                               const struct lubdub_server_settings *settings,
                                               lubdub_server_callback callback, void *user_data);

/*
 * Binds. host is a numeric address; NULL: all addresses, IPv4 and IPv6 (one of them suffices). port 0: any free one, see
 * lubdub_server_port(). May be called several times, before _start. Where it fails, nothing is bound by it. ADDRESS, ADDRESS_IN_USE, PERMISSION, SYSTEM (errno).
 */
LUBDUB_API enum lubdub_error lubdub_server_listen(struct lubdub_server *server, const char *host, uint16_t port);

/*
 * Accepts from a listening socket of the application's own as well, such as one of systemd or of a parent process. May be
 * called several times, before _start. The library uses copies of the descriptor, which a drain or _free closes; the
 * caller's descriptor stays the caller's, to be closed or kept at any time. All loops accept from the one queue. The
 * socket becomes non-blocking, for all processes that have it.
 *
 * INVALID: no descriptor, or not of a listening TCP socket. WRONG_STATE, NO_MEMORY, SYSTEM (errno).
 */
LUBDUB_API enum lubdub_error lubdub_server_adopt_listener(struct lubdub_server *server, int socket);

/*
 * Serves a connected TCP socket of the application's own: from another listener, inherited, or one end that the
 * application connected itself. Any thread; the loops get such sockets in turn. On OK the descriptor is the library's, else
 * the caller's. Bytes that were read from it before are missing to the session.
 *
 * INVALID: no descriptor, or not of a connected TCP socket. FULL, NO_MEMORY as _disconnect from another thread. It may
 * come before _start. A server that drains closes it.
 */
LUBDUB_API enum lubdub_error lubdub_server_adopt(struct lubdub_server *server, int socket);

/*
 * As lubdub_server_listen(), for connections over TLS, by settings.tls (INVALID without it). lubdub_server_reconfigure() must then go on
 * giving one.
 */
LUBDUB_API enum lubdub_error lubdub_server_listen_tls(struct lubdub_server *server, const char *host, uint16_t port);

/*
 * As lubdub_server_adopt_listener() and lubdub_server_adopt(), for connections over TLS, by settings.tls (INVALID without
 * it). After the former, lubdub_server_reconfigure() must go on giving one. The peer of an adopted connection is a client:
 * its first bytes are those of its handshake.
 */
LUBDUB_API enum lubdub_error lubdub_server_adopt_listener_tls(struct lubdub_server *server, int socket);
LUBDUB_API enum lubdub_error lubdub_server_adopt_tls(struct lubdub_server *server, int socket);

/* The port of the first address that was bound; 0 before. */
LUBDUB_API uint16_t lubdub_server_port(const struct lubdub_server *server);

/*
 * Accepts from now on, and starts the threads. LISTENING is told before it returns. WRONG_STATE the second time, SYSTEM
 * (errno) without threads.
 */
LUBDUB_API enum lubdub_error lubdub_server_start(struct lubdub_server *server);

/*
 * Sends a MESSAGE to one session. Copies content. A session gets what one thread sends and broadcasts in that order.
 *
 * From the session's own thread it leaves at once: NOT_FOUND (also where the connection proves broken), TOO_LONG, FULL
 * (ROOM follows). While a broadcast of this thread is still on its way, and from any other thread, it goes into the queue of
 * the session's loop. OK means handed over then, and what cannot be delivered is dropped and counted. NOT_FOUND; FULL: a
 * message before it found no room in the session (ROOM follows), or the queue has its 4 MiB of messages (ROOM with session 0
 * follows). NO_MEMORY.
 */
LUBDUB_API enum lubdub_error lubdub_server_send(struct lubdub_server *server, uint64_t session, const void *content,
                                                size_t length);

/* The same to the session that has this identity. NOT_FOUND: none has it now. */
LUBDUB_API enum lubdub_error lubdub_server_send_to(struct lubdub_server *server, const char *identity,
                                                   size_t identity_length, const void *content, size_t length);

/*
 * Sends a MESSAGE to every session, a part of them in each turn of each loop. A session without room misses it, which
 * is counted. TOO_LONG; FULL (the queue of a loop has its 4 MiB; ROOM with session 0 follows), NO_MEMORY: no session
 * gets it.
 */
LUBDUB_API enum lubdub_error lubdub_server_broadcast(struct lubdub_server *server, const void *content,
                                                     size_t length);

/*
 * Answers a request: the client becomes a session, if there is room and its identity is to be had. interval and expiry:
 * granted instead of what was asked for, clamped as at HELLO; 0: as asked. Any thread. OK inside the callback about it:
 * CONNECTED or REJECTED follow when that has returned; else that the answer was handed over. NOT_FOUND: no such request
 * waits (from another thread that may not be known, and the answer is dropped then). NO_MEMORY, FULL as _disconnect.
 */
LUBDUB_API enum lubdub_error lubdub_server_accept(struct lubdub_server *server, uint64_t request,
                                                  lubdub_duration interval, lubdub_duration expiry);

/* The same, and the client gets BYE with this reason and text (NULL: none; 256 bytes at most). REJECTED follows. */
LUBDUB_API enum lubdub_error lubdub_server_refuse(struct lubdub_server *server, uint64_t request,
                                                  enum lubdub_reason reason, const char *text);

/*
 * Says BYE to one session with this reason and text (NULL: none). Its cause is `shutdown`; with the reason
 * REPLACED, as where the identity came up elsewhere, `replaced`. The BYE leaves at once, and no
 * event of the session but DISCONNECTED follows, after the callback that is running has returned. NOT_FOUND, NO_MEMORY.
 * From another thread it is handed over, and overtakes messages that still wait there: NOT_FOUND, NO_MEMORY, FULL (4 MiB
 * of such letters wait).
 */
LUBDUB_API enum lubdub_error lubdub_server_disconnect(struct lubdub_server *server, uint64_t session,
                                                      enum lubdub_reason reason, const char *text);

/* The same with the session that has this identity. NOT_FOUND: none has it now. */
LUBDUB_API enum lubdub_error lubdub_server_disconnect_identity(struct lubdub_server *server, const char *identity,
                                                               size_t length, enum lubdub_reason reason,
                                                               const char *text);

/*
 * The same with all sessions that this token let in, and with clients that came with it and wait to be one. Every loop is
 * told, and looks at a part of its sessions in each turn: OK says that all were told, and not that there was a session. It
 * keeps no client with this token from coming back: take the token out of the settings first, or refuse it in on_request.
 * NOT_FOUND: no token has this length. NO_MEMORY, FULL: nothing is ended.
 */
LUBDUB_API enum lubdub_error lubdub_server_disconnect_token(struct lubdub_server *server, const void *token,
                                                            size_t length, enum lubdub_reason reason,
                                                            const char *text);

/*
 * One pointer of the application's for a session, also for a client that on_request was called about. In the session's
 * thread only, that is in the callback, where event->data shows it too. It comes back to free_data of the settings when
 * the connection is over; a pointer that is replaced before is the caller's to free. NOT_FOUND: no such session in this
 * thread.
 */
LUBDUB_API enum lubdub_error lubdub_server_set_data(struct lubdub_server *server, uint64_t session, void *data);
LUBDUB_API void *lubdub_server_data(struct lubdub_server *server, uint64_t session);

/*
 * Changes the grant of one session; clamped as at HELLO. NOT_FOUND (also where its end is still to be told), NO_MEMORY; from
 * another thread as _disconnect.
 */
LUBDUB_API enum lubdub_error lubdub_server_regrant(struct lubdub_server *server, uint64_t session,
                                                   lubdub_duration interval, lubdub_duration expiry);

/*
 * What the server says of its own health, which is passing at first: every client is told with a probe now, a part of them in
 * each turn of each loop, and newcomers when their sessions begin. A client of this toolkit shows it as HEALTH, and
 * lubdub-client as `server-health`. Any thread. Cannot fail, and needs no memory to be called.
 */
LUBDUB_API void lubdub_server_set_health(struct lubdub_server *server, enum lubdub_health health);

/*
 * Stops accepting and tells every client BYE 1 with a moment to come back at; STOPPED follows when all have left or
 * patience is over, which counts from this call. A second call can shorten the patience. Overtakes messages that wait.
 * Needs no memory. WRONG_STATE, and nothing is done: before _start, or after STOPPED.
 */
LUBDUB_API enum lubdub_error lubdub_server_drain(struct lubdub_server *server, lubdub_duration patience);

/*
 * Takes new settings for clients that come from now on; sessions that are up keep their grants, but not the allowance for
 * messages: that of session.message_rate and _burst holds for them at once, and they are not told. So where it is lowered to
 * less than half, a client that sends as much as it was told it may gets BYE 8. workers, shares_port,
 * ipv6_prefix, on_freed, free_data and proof_key stay. A session whose token is not among the tokens any more, or does not let in its identity,
 * ends: BYE 6, cause `rejected`. Where no token is asked for any more, all stay. A shorter grace holds for identities that are away, too; a longer one does not. Every loop takes
 * them before it does anything else that waits for it. INVALID for settings that _check refuses, and without TLS where the
 * server listens to it; NO_MEMORY: the old ones stay in force everywhere.
 */
LUBDUB_API enum lubdub_error lubdub_server_reconfigure(struct lubdub_server *server,
                                                       const struct lubdub_server_settings *settings);

/* The limits of a server that clients can reach. Their numbers stay; new ones may come. */
enum lubdub_server_limit {
    LUBDUB_SERVER_LIMIT_SESSIONS,    /* max_sessions: clients that were refused */
    LUBDUB_SERVER_LIMIT_ADDRESS,     /* max_per_address: connections that were refused */
    LUBDUB_SERVER_LIMIT_OPENING,     /* max_opening: connections that gave way to newer ones */
    LUBDUB_SERVER_LIMIT_LABELS,      /* max_labels: clients that were refused */
    LUBDUB_SERVER_LIMIT_OUTPUT,      /* session.output_limit: messages that had no room in their session */
    LUBDUB_SERVER_LIMIT_ACCEPTS,     /* accepts_per_turn: turns after which there may have been more to accept */
    LUBDUB_SERVER_LIMIT_DESCRIPTORS, /* of the process: connections that were refused */
    LUBDUB_SERVER_LIMIT_HANDSHAKES,  /* max_handshakes: connections that had to wait for others */
    LUBDUB_SERVER_LIMIT_HANDSHAKES_PER_TURN, /* handshakes_per_turn and handshake_work: turns after which there was more to do */
};

/* So many limits there can be. */
#define LUBDUB_SERVER_LIMIT_CAPACITY 16

/* "sessions", "address", "opening", …; NULL for a number that stands for none. Static. */
LUBDUB_API const char *lubdub_server_limit_word(size_t limit);

/*
 * For a watchdog: whether every loop has turned since the last time that this was true, or since _start. Where it is true,
 * all loops are asked to turn again. A loop that hangs, in a callback too, keeps it false. From one thread at a time,
 * between _start and _free.
 */
LUBDUB_API bool lubdub_server_has_turned(struct lubdub_server *server);

/*
 * The caller allocates the struct and sets size; the library fills no more than that, and with size 0 nothing. It grows
 * at its end (version.h). Durations are in nanoseconds.
 */
struct lubdub_server_counts {
    size_t size; /* sizeof, set by the caller: struct lubdub_server_counts counts = {.size = sizeof counts} */
    uint64_t sessions;     /* now */
    uint64_t connections;  /* now: sessions, and connections that open or leave */
    uint64_t accepted;     /* in all, and so on down */
    uint64_t connected;
    uint64_t disconnected;
    uint64_t rejected;
    uint64_t empty;        /* closed before their first byte */
    uint64_t late;
    uint64_t messages;
    uint64_t messages_dropped; /* no room for them in a session, or, once for all sessions, in the queue of a loop; handed
                                  over for a session that had ended, or takes less; broadcast to one that takes less */
    uint64_t absences;     /* how often a loop of ours was away (stopped, busy), and its sessions were forgiven */
    lubdub_duration absent_for;
    uint64_t narrow;       /* heard again only after three quarters of their expiry */
    uint64_t suspicions;   /* how often most sessions of a loop were late at once */
    lubdub_duration longest_turn;        /* of any loop, from its waking until it sleeps again */
    lubdub_duration longest_recent_turn; /* the same, since these counts were last asked for this one */
    uint64_t by_cause[LUBDUB_CAUSE_CAPACITY]; /* of disconnected; the place is the code of enum lubdub_cause */
    uint64_t gone_early; /* identities, before their grace time was over: too many were away (away_limit) */
    uint64_t by_limit[LUBDUB_SERVER_LIMIT_CAPACITY]; /* how often each was reached; the place is enum lubdub_server_limit */
    uint64_t tls_1_2;    /* handshakes that were finished, with this version of TLS */
    uint64_t tls_1_3;
    uint64_t tls_failed;    /* handshakes that were not: refused, broken, given up */
    uint64_t tls_under_way; /* now */
    uint64_t tls_waiting;   /* now: a whole ClientHello has come, and the handshake has to wait for others */
    lubdub_duration longest_recent_work; /* processor time of a turn, the most since these counts were last asked for it.
                                            Where it is less than longest_recent_turn, the processor was another's */
};

/* May be called from any thread, inside the callback too. The counts of several loops are not of the same moment. */
LUBDUB_API void lubdub_server_counts(struct lubdub_server *server, struct lubdub_server_counts *counts);

/* How many bounds the buckets of a histogram have. */
#define LUBDUB_SERVER_BOUNDS 16

/* The bound with this place, 0 to LUBDUB_SERVER_BOUNDS - 1: 0.1 ms first, 10 s last; beyond them LUBDUB_TIME_NEVER. */
LUBDUB_API lubdub_duration lubdub_server_bound(size_t place);

/* Durations in nanoseconds. Its size stays. */
struct lubdub_server_histogram {
    uint64_t count;
    lubdub_duration sum;
    uint64_t within[LUBDUB_SERVER_BOUNDS]; /* so many were no longer than the bound with the same place */
};

/*
 * What a page of figures shows. The caller allocates the struct and sets size, as for the counts. It grows at its end
 * (version.h). Reading resets nothing, so any number of readers may look; the numbers are not all of the same moment.
 */
struct lubdub_server_figures {
    size_t size; /* sizeof, set by the caller */

    /* now */
    uint64_t up;   /* sessions that are on time, */
    uint64_t late; /* and that are late */
    uint64_t by_health[3]; /* sessions; the place is the code of enum lubdub_health */
    uint64_t away;         /* identities that have no session, in their grace time */
    uint64_t connections;  /* sessions, and connections that open or leave */
    uint64_t descriptors;  /* that this process may have (RLIMIT_NOFILE) */
    uint64_t is_draining;  /* 1: yes */

    /* in all */
    uint64_t accepted;
    uint64_t rejected;
    uint64_t empty;   /* closed before their first byte */
    uint64_t started; /* sessions, */
    uint64_t resumed; /* of these: within the grace time of their identity */
    uint64_t ended_by_cause[LUBDUB_CAUSE_CAPACITY]; /* sessions; the place is the code of enum lubdub_cause */
    uint64_t gone;       /* identities, */
    uint64_t gone_early; /* of these: because too many were away */
    uint64_t became_late;
    uint64_t recovered;
    uint64_t near_misses;    /* heard again only after three quarters of their expiry */
    uint64_t early_verdicts; /* by the adaptive timeout */
    uint64_t messages;       /* received */
    uint64_t messages_dropped;
    uint64_t stalls; /* how often a loop of ours was away or busy, and its sessions were forgiven; */
    lubdub_duration stalled_for;
    uint64_t suspicions;
    uint64_t pauses; /* how often accepting stopped for want of descriptors or memory */

    struct lubdub_server_histogram verdict_lateness; /* how long after its deadline a session was found silent */
    struct lubdub_server_histogram round_trip;       /* of sessions, as their kernel estimates it; 100 a second for each
                                                        loop at most are looked at */
    struct lubdub_server_histogram turn;             /* of the loops, from waking until sleeping again */
    struct lubdub_server_histogram session;          /* how long sessions lasted that ended */

    /* whole frames, by the code of enum lubdub_frame_type, and their bytes; sent: written for the client */
    uint64_t frames_received[LUBDUB_FRAME_TYPES];
    uint64_t frames_sent[LUBDUB_FRAME_TYPES];
    uint64_t bytes_received;
    uint64_t bytes_sent;

    uint64_t by_limit[LUBDUB_SERVER_LIMIT_CAPACITY]; /* how often each was reached; the place is enum lubdub_server_limit */

    /* of TLS, in all; the first place is for version 1.2, the second one for 1.3 */
    uint64_t tls_accepted;   /* connections to it, of those that were accepted */
    uint64_t tls_done[2];    /* handshakes that were finished, */
    uint64_t tls_resumed[2]; /* and of these: with the session of an earlier connection */
    uint64_t tls_failed;
    struct lubdub_server_histogram tls_handshake; /* of those that were finished */
    uint64_t tls_under_way; /* now */
    uint64_t tls_waiting;   /* now: a whole ClientHello has come, and the handshake has to wait for others */
};

/* May be called from any thread, inside the callback too. */
LUBDUB_API void lubdub_server_figures(struct lubdub_server *server, struct lubdub_server_figures *figures);

enum lubdub_server_state {
    LUBDUB_SERVER_IS_UP,
    LUBDUB_SERVER_IS_LATE,
    LUBDUB_SERVER_IS_AWAY, /* an identity without a session, in its grace time */
    LUBDUB_SERVER_IS_GONE, /* an identity without a session, of which the end is remembered (remembered_ends) */
};

/*
 * A copy of what is known of a session, or of an identity that has none. The library allocates it, with all that it
 * points to; lubdub_server_session_free() frees it. It grows at its end (version.h). Durations are in nanoseconds.
 */
struct lubdub_server_session {
    struct lubdub_server_session *next; /* of a list; NULL: the last */
    lubdub_time now;                    /* of the copy */

    uint64_t session; /* its number; 0: AWAY, GONE */
    enum lubdub_server_state state;
    struct lubdub_slice identity; /* empty for an anonymous session */
    lubdub_time since;            /* CONNECTED; AWAY, GONE: the end of the last session */
    enum lubdub_cause last_end;   /* of the session before this one; AWAY, GONE: of the last one. NONE: not known */
    bool is_resumed;              /* it came within the grace time of its identity */
    lubdub_duration grace_left;   /* AWAY */

    /* of a session; 0 where there is none */
    uint64_t incarnation;
    const char *remote; /* as lubdub_server_event_remote() writes it; "" where there is none */
    const struct lubdub_label *labels;
    size_t label_count;
    enum lubdub_health health;
    const uint8_t *content; /* of the probe that told its health; 1024 bytes of it at most are kept */
    size_t length;
    lubdub_duration interval; /* granted */
    lubdub_duration expiry;
    lubdub_duration silent_for; /* since its last whole valid frame */
    lubdub_duration round_trip; /* the kernel's estimate when it was looked at last (see figures); 0: not known yet */
    uint64_t probes;            /* received */
    uint64_t messages;          /* received */
    bool is_proxied;            /* a proxy told where it comes from (settings.proxies) */

    /* A number that stands for the token, or else for the names of the certificate, that let the client in: the same on all
       servers that have the same settings.proof_key. 0: nothing was asked for */
    uint64_t proof;
    uint64_t near_misses; /* how often it was heard again only after three quarters of its expiry; 255: that often or more */

    bool is_tls;                     /* the connection is not plain */
    struct lubdub_slice certificate; /* the name of the client's certificate that allows the identity, or the first where
                                        there is no identity; empty: it showed none */
};

/*
 * The next sessions, `most` of them at most (1 to LUBDUB_SERVER_LIST_LIMIT): *first leads to the first one, NULL where
 * none is left. *cursor is 0 for the first call and belongs to the library in between; it needs no end and is never out
 * of date. After the sessions come the identities that are away.
 *
 *     uint64_t cursor = 0;
 *
 *     while (lubdub_server_list(server, &cursor, 256, &first) == LUBDUB_ERROR_OK && first != NULL) {
 *         ... first, first->next, ...
 *         lubdub_server_session_free(first);
 *     }
 *
 * A session that is there from the first call to the last one is in the list once. One that begins or ends meanwhile is
 * there once or not at all; an identity that leaves or comes back meanwhile may be there twice, or not at all. The order
 * says nothing.
 *
 * May be called from any thread, inside the callback too. No loop waits for it. INVALID for `most`, NO_MEMORY (*cursor
 * stays as it was, and *first is NULL).
 */
#define LUBDUB_SERVER_LIST_LIMIT 256
LUBDUB_API enum lubdub_error lubdub_server_list(struct lubdub_server *server, uint64_t *cursor, size_t most,
                                                struct lubdub_server_session **first);

/*
 * A copy of the session that has this identity, or of what is known of an identity that is away or gone. Any thread, and
 * inside the callback too. From its CONNECTED to its DISCONNECTED, not including the latter, a session is found.
 * NOT_FOUND, NO_MEMORY: *found is NULL.
 */
LUBDUB_API enum lubdub_error lubdub_server_find(struct lubdub_server *server, const char *identity, size_t length,
                                                struct lubdub_server_session **found);

/* The same for the session with this number. */
LUBDUB_API enum lubdub_error lubdub_server_find_session(struct lubdub_server *server, uint64_t session,
                                                        struct lubdub_server_session **found);

/* Frees it and all that follow it in the list. NULL does no harm. */
LUBDUB_API void lubdub_server_session_free(struct lubdub_server_session *session);

/*
 * Closes everything without a word and frees; waits for the threads, but not for messages that wait. NULL does no harm. No
 * event begins after this call. OK: it is gone. LATER: inside a callback, where it returns at once, and the server ends when
 * the callback has returned; callbacks of other threads may still be running then, so that what they use may go only with
 * on_freed. WRONG_STATE, and nothing is done: in a thread of the server's own, or when it was asked for before. Not with a
 * mutex held that a callback takes.
 */
LUBDUB_API enum lubdub_error lubdub_server_free(struct lubdub_server *server);

#ifdef __cplusplus
}
#endif

#endif
