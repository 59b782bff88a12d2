/*
 * How a server is put together; private to the library.
 *
 *     server ─┬─ workers ─┬─ loop, thread
 *             │           ├─ group of links ── reactor: deadlines, buffers
 *             │           ├─ pool of records ── link, peer
 *             │           ├─ listeners
 *             │           └─ mailbox ◄── other threads
 *             ├─ lock ── identity index, departed, address counts     once at HELLO, once at the end
 *             └─ rules ── the settings in force, shared by reference
 */
#ifndef LUBDUB_SERVER_LIBRARY_SERVER_INTERNAL_H
#define LUBDUB_SERVER_LIBRARY_SERVER_INTERNAL_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>

#include <lubdub/server.h>

#include "server/library/address_counts.h"
#include "server/library/departed.h"
#include "server/library/identity_index.h"
#include "ev/link.h"
#include "server/library/listener.h"
#include "server/library/mailbox.h"
#include "server/library/pool.h"
#include "server/library/rules.h"

/* Records that a broadcast or a drain reaches in one turn of the loop; identities whose grace time ends in one. */
#define LUBDUB_REACHED_PER_TURN 256

/* Written by one worker, read by anybody. */
struct lubdub_tally {
    _Atomic uint64_t connections;
    _Atomic uint64_t accepted;
    _Atomic uint64_t connected;
    _Atomic uint64_t disconnected;
    _Atomic uint64_t rejected;
    _Atomic uint64_t empty;
    _Atomic uint64_t late;
    _Atomic uint64_t messages;
    _Atomic uint64_t messages_dropped;
    _Atomic uint64_t narrow;
    _Atomic uint64_t suspicions;
    _Atomic uint64_t by_cause[LUBDUB_CAUSE_CAPACITY];
};

struct lubdub_worker {
    struct lubdub_server *server;
    uint32_t index;
    struct ev_loop *loop;
    pthread_t thread;
    bool owns_loop; /* and runs it in a thread of its own */
    bool is_running;
    bool has_mailbox;
    struct lubdub_link_group group;
    struct lubdub_tuning tuning; /* of the listeners */
    struct lubdub_pool pool;
    struct lubdub_listener *listeners;
    int spare_descriptor; /* given up to tell one client that there are none left */
    struct lubdub_mailbox mailbox;
    struct lubdub_letter *ends; /* LUBDUB_LETTER_END of sessions that the application ended in this thread */
    struct lubdub_letter **last_end;
    struct lubdub_rules *rules;
    struct lubdub_tally tally;
    uint64_t random;
    bool is_draining;
    bool has_told_all; /* draining: everybody was told */
    bool is_drained;
    ev_timer patience; /* draining: when it is over */
    uint32_t aborted;  /* then: how far those are ended who are still here */
};

struct lubdub_server {
    lubdub_server_callback callback;
    void *user_data;
    struct lubdub_worker *workers;
    uint32_t worker_count;
    _Atomic uint64_t session_count;

    pthread_mutex_t lock;
    struct lubdub_rules *rules; /* under the lock, as all that follow */
    struct lubdub_identity_index identities;
    struct lubdub_departed departed;
    struct lubdub_address_counts addresses;

    ev_timer grace; /* worker 0's loop */
    uint16_t port;
    uint32_t drained_count;
    bool is_started;
    _Atomic bool is_doomed; /* freed from inside a callback; goes when that returns. No thread tells anything then */
    unsigned depth;         /* callbacks of worker 0's loop that are running */
};

/* ---- server.c ---- */

/* Hands an event to the application, completed with who it is about (record may be NULL). */
void lubdub_server_tell(struct lubdub_worker *worker, struct lubdub_record *record, struct lubdub_server_event *event);

/* Bracket every callback of libev that may call the application. After _leave the server may be gone. */
void lubdub_worker_enter(struct lubdub_worker *worker);
void lubdub_worker_leave(struct lubdub_worker *worker);

/* Worker 0: the drain begins, or its patience is shortened. Tells it the first time, and the other workers. */
void lubdub_server_begin_drain(struct lubdub_server *server, lubdub_duration patience);

/* Worker 0: one more worker has nobody left. */
void lubdub_server_note_drained(struct lubdub_server *server);

/* The clock of grace times, for any worker: it stands still while worker 0 is away. */
lubdub_time lubdub_worker_grace_now(const struct lubdub_worker *worker);

/* Worker 0: sets the timer for the next identity whose grace is over. */
void lubdub_server_mind_grace(struct lubdub_server *server);

/* Any worker: has that done by worker 0. */
void lubdub_worker_mind_grace(struct lubdub_worker *worker);

/* ---- ends.c ---- */

/* Tells DISCONNECTED, once for each session; *event says why. A connection that is no session has no end to tell. */
void lubdub_record_end(struct lubdub_worker *worker, struct lubdub_record *record, struct lubdub_server_event *event);

/* The end of a session that we end now. text may be NULL; it is borrowed. */
struct lubdub_server_event lubdub_record_new_end(const struct lubdub_record *record, enum lubdub_reason reason,
                                                 enum lubdub_cause cause, const char *text);

/* We end it: DISCONNECTED, BYE. text may be NULL. The record may be gone afterwards. */
void lubdub_record_dismiss(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_reason reason,
                           enum lubdub_cause cause, const char *text, bool has_retry_after,
                           lubdub_duration retry_after);

/* Tells REJECTED of a connection that does not become a session. */
void lubdub_record_reject(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_cause cause,
                          struct lubdub_slice text, bool has_reason, uint64_t reason);

/* REJECTED, BYE. The record may be gone afterwards. */
void lubdub_record_refuse(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_reason reason,
                          enum lubdub_cause cause, const char *text);

/* Gives the record and its peer back; its link is closed. */
void lubdub_record_free(struct lubdub_worker *worker, struct lubdub_record *record);

/* ---- door.c ---- */

/* A connection came. The socket is the worker's now. */
void lubdub_worker_accept(struct lubdub_worker *worker, int socket, const struct lubdub_address *address);

/* Somebody wants in, by HELLO or by a first PROBE or MESSAGE: granted or refused when this returns. */
void lubdub_door_admit(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *hello,
                       lubdub_time now);

/* ---- worker.c ---- */

/* Makes loop (where there is none), pool, group and mailbox. */
enum lubdub_error lubdub_worker_init(struct lubdub_worker *worker, struct lubdub_server *server, uint32_t index,
                                     struct ev_loop *loop);
/* Closes all without a word. The thread has ended. */
void lubdub_worker_clear(struct lubdub_worker *worker);

/* Runs the worker's own loop in a thread; nothing to do for one on the caller's loop. */
enum lubdub_error lubdub_worker_start(struct lubdub_worker *worker);
void lubdub_worker_join(struct lubdub_worker *worker);

/*
 * In the worker's own thread: BYE at once; the application hears of the end when it is not in the middle of something.
 * NOT_FOUND, NO_MEMORY: nothing was done.
 */
enum lubdub_error lubdub_worker_dismiss(struct lubdub_worker *worker, uint64_t session, enum lubdub_reason reason,
                                        const char *text);

/* In the worker's own thread: what the letters ask for. */
enum lubdub_error lubdub_worker_send(struct lubdub_worker *worker, uint64_t session, const void *content,
                                     size_t length);
enum lubdub_error lubdub_worker_disconnect(struct lubdub_worker *worker, uint64_t session, enum lubdub_reason reason,
                                           enum lubdub_cause cause, const char *text);
enum lubdub_error lubdub_worker_regrant(struct lubdub_worker *worker, uint64_t session, lubdub_duration interval,
                                        lubdub_duration expiry);

static inline const struct lubdub_server_settings *lubdub_worker_settings(const struct lubdub_worker *worker)
{
    return &worker->rules->settings;
}

static inline bool lubdub_worker_is_own_thread(const struct lubdub_worker *worker)
{
    return pthread_equal(worker->thread, pthread_self()) != 0;
}

/* A number from 0 to limit - 1, for spreading; not for secrets. */
uint32_t lubdub_worker_random(struct lubdub_worker *worker, uint32_t limit);

static inline void lubdub_tally_add(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

#endif
