/*
 * Declares the parts of a server and of its workers, for the files of this folder.
 *
 *     server ─┬─ workers ─┬─ loop, thread
 *             │           ├─ group of links ── reactor: deadlines, buffers
 *             │           ├─ pool of records ── link, peer
 *             │           ├─ listeners
 *             │           └─ mailbox ◄── other threads
 *             ├─ lock ── identity index, departed, address counts     once at HELLO, once at the end
 *             └─ rules ── the settings in force, shared by reference
 */
#ifndef LUBDUB_SERVER_LIBRARY_STATE_H
#define LUBDUB_SERVER_LIBRARY_STATE_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>

#include <lubdub/server.h>

#include "ev/buckets.h"
#include "ev/link.h"
#include "server/library/address_counts.h"
#include "server/library/budget.h"
#include "server/library/contest.h"
#include "server/library/debts.h"
#include "server/library/departed.h"
#include "server/library/identity_index.h"
#include "server/library/mailbox.h"
#include "server/library/pool.h"
#include "server/library/rules.h"

struct lubdub_answer;
struct lubdub_listener;
struct lubdub_proxied;
struct lubdub_trial;

/* Written by one worker, read by any thread. */
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
    _Atomic uint64_t gone_early;
    _Atomic uint64_t suspicions;
    _Atomic uint64_t by_cause[LUBDUB_CAUSE_CAPACITY];
    _Atomic uint64_t late_now;     /* sessions: */
    _Atomic uint64_t by_health[3]; /* marks.h */
    _Atomic uint64_t resumed;
    _Atomic uint64_t gone;
    _Atomic uint64_t recovered;
    _Atomic uint64_t early_verdicts;
    _Atomic uint64_t pauses;
    _Atomic uint64_t cut; /* by the end of a drain */
    _Atomic uint64_t by_limit[LUBDUB_SERVER_LIMIT_CAPACITY];
    struct lubdub_buckets verdict_lateness;
    struct lubdub_buckets round_trip;
    struct lubdub_buckets session;
};

/* Connections that have not sent a whole frame yet (opening.h). */
struct lubdub_opening {
    uint64_t *numbers; /* a ring, oldest first; some of them are not opening any more */
    uint32_t capacity; /* a power of two */
    uint32_t first;    /* goes round */
    uint32_t length;
    uint32_t count; /* that are opening */
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
    uint32_t listener_count;
    struct lubdub_opening opening;
    struct lubdub_proxied *proxied; /* connections whose proxy has not told yet where they come from; oldest first */
    struct lubdub_proxied **last_proxied;
    unsigned proxied_count;
    uint32_t turned_away; /* connections that were refused and are still here, until the client has left */
    int first_reserved;   /* descriptors from this one on are not for clients */
    int spare_descriptor; /* given up to tell one client that there are none left */
    struct lubdub_mailbox mailbox;
    unsigned own_waiting;       /* data letters in the mailbox that this thread posted itself */
    struct lubdub_letter *ends; /* LUBDUB_LETTER_END of sessions that the application ended in this thread */
    struct lubdub_letter **last_end;
    uint64_t awaited; /* a newcomer that waits on the stack, while its holder is ended in this thread; 0: none */
    struct lubdub_answer *answer; /* while the application is asked about a client; NULL: it is not */
    struct lubdub_trial *trials;
    unsigned trial_count;
    ev_timer trial_timer;
    struct lubdub_rules *rules;
    struct lubdub_tally tally;
    struct lubdub_traffic traffic;
    lubdub_time sampled_at; /* a round trip */
    uint64_t random;
    bool is_draining;
    bool has_told_all; /* draining: every connection was told */
    _Atomic bool is_drained;
    _Atomic bool has_turned; /* since it was last asked to (LUBDUB_ORDER_TURN) */
    uint32_t told;           /* draining: how many places of the pool were searched for connections to tell */
    ev_timer patience;       /* draining: when it is over, */
    lubdub_time patience_ends;
    uint32_t aborted;  /* and then: how many places were searched for sessions that are still here */
    bool is_searching; /* SEARCH is not done; and how far it has come */
    uint32_t searched;
    bool is_reviewing; /* sessions are compared with newer tokens (review.h); and how far that has come */
    uint32_t reviewed;
    bool is_telling_health; /* not all sessions know the server's newest health; and how far that has come */
    uint32_t told_health;
};

struct lubdub_server {
    lubdub_server_callback callback;
    void *user_data;
    void (*on_freed)(void *user_data);
    void (*free_data)(void *data, void *user_data);
    struct lubdub_worker *workers;
    uint32_t worker_count;
    uint64_t token_key[2]; /* of proofs: under which tokens and names of certificates are hashed, as long as the server
                              lives */
    size_t ipv6_prefix;    /* by which addresses are counted; stays as it was at the start */
    _Atomic uint64_t session_count;
    _Atomic uint32_t accepted_count; /* goes round */
    _Atomic uint32_t adopted_count;  /* goes round */
    _Atomic uint8_t health;          /* enum lubdub_health; of the server itself */

    pthread_mutex_t lock;
    struct lubdub_rules *rules; /* under the lock, as all that follow */
    struct lubdub_identity_index identities;
    struct lubdub_departed departed;
    struct lubdub_address_counts addresses;
    struct lubdub_contests contests;
    struct lubdub_debts debts;
    char gone[LUBDUB_IDENTITY_LIMIT]; /* the identity that is just told to be gone */
    size_t gone_length;               /* 0: none */

    ev_timer grace; /* in worker 0's loop; grace.c */
    uint16_t port;
    bool listens_to_tls;
    _Atomic bool is_started;
    _Atomic bool is_draining;    /* DRAINING was told */
    uint64_t sessions_to_return; /* when the drain began; set before its order goes to any other worker */
    _Atomic bool is_stopped;     /* STOPPED was told */
    _Atomic bool is_doomed; /* freed from inside a callback; goes when that returns. No thread tells anything then */
    unsigned depth;         /* callbacks of worker 0's loop that are running */
    void (*dispose)(struct lubdub_server *server); /* frees a doomed server; tell.c calls it */
};

static inline const struct lubdub_server_settings *lubdub_worker_settings(const struct lubdub_worker *worker)
{
    return &worker->rules->settings;
}

/* The application has freed the server from inside a callback of this loop: nothing more is to be done for it. */
static inline bool lubdub_worker_is_doomed(const struct lubdub_worker *worker)
{
    return worker->index == 0 && worker->server->is_doomed;
}

/* The session's number says which worker it belongs to. */
static inline struct lubdub_worker *lubdub_server_worker(struct lubdub_server *server, uint64_t session)
{
    return &server->workers[lubdub_place_worker(lubdub_number_place(session), server->worker_count)];
}

/* A number from 0 to limit - 1, for spreading; not for secrets. */
static inline uint32_t lubdub_worker_random(struct lubdub_worker *worker, uint32_t limit)
{
    worker->random = worker->random * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return limit > 0 ? (uint32_t)((worker->random >> 32) * limit >> 32) : 0;
}

static inline void lubdub_tally_add(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

#endif
