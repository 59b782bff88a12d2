/*
 * Brings a worker the requests of other threads, and wakes it.
 *
 *     orders     of the worker as a whole     flags: no memory is needed, and an order given twice is followed once
 *     control    of one session               letters, opened before all data
 *     data       messages                     letters, in the order in which they were posted
 *
 * Orders overtake control, and control overtakes data: what ends or changes something never waits behind what is only
 * to be delivered. Both queues are bounded in bytes (LUBDUB_MAILBOX_LIMIT).
 */
#ifndef LUBDUB_SERVER_LIBRARY_MAILBOX_H
#define LUBDUB_SERVER_LIBRARY_MAILBOX_H

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/server.h>

#include "ev/waiting.h"

/* Of each queue: letters and their content. A parcel that several workers share counts in each of their mailboxes. */
#define LUBDUB_MAILBOX_LIMIT ((size_t)4 * 1024 * 1024)

/* Bits. */
enum lubdub_order {
    LUBDUB_ORDER_STOP = 1,     /* end the thread */
    LUBDUB_ORDER_DRAIN = 2,    /* begin the drain, or shorten its patience */
    LUBDUB_ORDER_RULES = 4,    /* take the server's newest settings */
    LUBDUB_ORDER_GRACE = 8,    /* worker 0: a grace time began */
    LUBDUB_ORDER_DRAINED = 16, /* worker 0: a worker has no connection left */
    LUBDUB_ORDER_SEARCH = 32,  /* a REPLACED or RELEASED could not be written or found no room: find its record */
    LUBDUB_ORDER_HEALTH = 64,  /* tell all sessions of the server's health */
    LUBDUB_ORDER_TURN = 128,   /* show that the loop turns */
};

enum lubdub_letter_kind {
    LUBDUB_LETTER_SEND,             /* data, */
    LUBDUB_LETTER_BROADCAST,        /* too */
    LUBDUB_LETTER_DISCONNECT,       /* BYE with reason and text; cause shutdown */
    LUBDUB_LETTER_DISCONNECT_TOKEN, /* the same to all that a token let in */
    LUBDUB_LETTER_REPLACED,         /* another session took the identity over */
    LUBDUB_LETTER_RELEASED,         /* a connection need not wait for its identity any more */
    LUBDUB_LETTER_CHALLENGE,        /* another connection wants the session's identity: does the session live? */
    LUBDUB_LETTER_JUDGED,           /* whether it does */
    LUBDUB_LETTER_REGRANT,
    LUBDUB_LETTER_ANSWER, /* the application's about a client that wants in (answer.h), as the parcel */
    LUBDUB_LETTER_ADOPT,  /* a connected socket, the letter's until it is opened */
    LUBDUB_LETTER_END,    /* in no mailbox: BYE was said, by the application in this thread; the end is to be told */
};

/* Content that several letters share. */
struct lubdub_parcel {
    _Atomic unsigned references;
    size_t length;
    _Alignas(max_align_t) uint8_t content[];
};

struct lubdub_letter {
    struct lubdub_letter *next;
    enum lubdub_letter_kind kind;
    bool is_own; /* data: posted by the thread that opens it (lubdub_worker.own_waiting) */
    uint64_t session;
    struct lubdub_parcel *parcel; /* SEND, BROADCAST; DISCONNECT, END: the text, terminated, or NULL; ANSWER */
    enum lubdub_reason reason;
    lubdub_time now;            /* END: when it was decided, */
    lubdub_duration silent_for; /* and for how long the client had been silent then */
    lubdub_duration interval;
    lubdub_duration expiry;
    uint64_t other;    /* CHALLENGE: the connection that asks; JUDGED: the session that was asked;
                                      DISCONNECT_TOKEN: the proof (tokens.h) */
    bool holder_lives; /* JUDGED */
    int socket;        /* ADOPT; -1: none (any more) */
    bool is_tls;       /* ADOPT: its client begins with a handshake of TLS */
    uint32_t progress; /* BROADCAST, DISCONNECT_TOKEN: how far it has come */
};

struct lubdub_letters {
    struct lubdub_letter *first;
    struct lubdub_letter **last;
    size_t bytes; /* including reserved bytes */
};

struct lubdub_mailbox {
    pthread_mutex_t lock;
    unsigned orders;
    lubdub_time patience_ends; /* DRAIN: the earliest that was ordered */
    struct lubdub_letters control;
    struct lubdub_letters data;
    bool owes_room; /* a caller was told FULL */
    struct ev_loop *loop;
    struct lubdub_waiting *waiting; /* the loop's, which a letter ends */
    ev_async wake;
};

/* on_wake comes in the loop's thread. The watcher's data is the caller's to set. */
void lubdub_mailbox_init(struct lubdub_mailbox *mailbox, struct ev_loop *loop, struct lubdub_waiting *waiting,
                         void (*on_wake)(struct ev_loop *loop, ev_async *wake, int revents));
/* Stops the watcher and throws the letters away. */
void lubdub_mailbox_clear(struct lubdub_mailbox *mailbox);

/* A letter with nothing but its kind; NULL without memory. */
struct lubdub_letter *lubdub_letter_new(enum lubdub_letter_kind kind);
void lubdub_letter_free(struct lubdub_letter *letter);

/* DISCONNECT or END of a session with this reason and text (NULL: none), which is copied; NULL without memory. */
struct lubdub_letter *lubdub_letter_to_end(enum lubdub_letter_kind kind, uint64_t session, enum lubdub_reason reason,
                                           const char *text);

/* Its text; NULL: none. */
const char *lubdub_letter_text(const struct lubdub_letter *letter);

/* A parcel with one reference, content copied; NULL without memory. */
struct lubdub_parcel *lubdub_parcel_new(const void *content, size_t length);
void lubdub_parcel_drop(struct lubdub_parcel *parcel);

/* ---- for any thread ---- */

/* Cannot fail. */
void lubdub_mailbox_order(struct lubdub_mailbox *mailbox, enum lubdub_order order);
void lubdub_mailbox_order_drain(struct lubdub_mailbox *mailbox, lubdub_time patience_ends);

/*
 * Hands the letter over, whose content does not change any more. False: the queue is full, and the letter stays the
 * caller's. wants_room: then lubdub_mailbox_has_room_again() is to say so once.
 */
bool lubdub_mailbox_post(struct lubdub_mailbox *mailbox, struct lubdub_letter *letter, bool wants_room);

/* The same for a letter that may be NULL, for want of memory, and is freed where there is no room. False: it is lost.
 */
bool lubdub_mailbox_try(struct lubdub_mailbox *mailbox, struct lubdub_letter *letter);

/* In two parts, for a letter to several workers: all of them get it or none. A place is used or given back. */
bool lubdub_mailbox_reserve(struct lubdub_mailbox *mailbox, const struct lubdub_letter *letter, bool wants_room);
void lubdub_mailbox_give_back(struct lubdub_mailbox *mailbox, const struct lubdub_letter *letter);
void lubdub_mailbox_post_reserved(struct lubdub_mailbox *mailbox, struct lubdub_letter *letter);

/* ---- for the worker ---- */

/* Orders since the last call, as bits; DRAIN with the end of its patience. */
unsigned lubdub_mailbox_take_orders(struct lubdub_mailbox *mailbox, lubdub_time *patience_ends);

/* The oldest control letter, else the oldest of the data, which is the caller's now; NULL: none. */
struct lubdub_letter *lubdub_mailbox_take(struct lubdub_mailbox *mailbox);

/* Puts a letter that is not done back: data in front, which keeps its order; control behind the others. */
void lubdub_mailbox_put_back(struct lubdub_mailbox *mailbox, struct lubdub_letter *letter);

/* Has its owner called again in the next turn of the loop. */
void lubdub_mailbox_wake(struct lubdub_mailbox *mailbox);

/* Once for each time that callers were told FULL: half of the data's room is free. */
bool lubdub_mailbox_has_room_again(struct lubdub_mailbox *mailbox);

#endif
