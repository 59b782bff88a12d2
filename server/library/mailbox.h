/* What other threads ask of a worker: letters in the order in which they were sent, and a watcher that wakes it. */
#ifndef LUBDUB_SERVER_LIBRARY_MAILBOX_H
#define LUBDUB_SERVER_LIBRARY_MAILBOX_H

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/server.h>

#include "server/library/past.h"

enum lubdub_letter_kind {
    LUBDUB_LETTER_SEND,
    LUBDUB_LETTER_BROADCAST,
    LUBDUB_LETTER_DISCONNECT, /* BYE with reason and text; cause shutdown */
    LUBDUB_LETTER_END,        /* BYE was said, by the application in this thread; the end is to be told */
    LUBDUB_LETTER_REPLACED,   /* another session took the identity over */
    LUBDUB_LETTER_RELEASED,   /* a connection need not wait for its identity any more */
    LUBDUB_LETTER_CHALLENGE,  /* another connection wants the session's identity: does the session live? */
    LUBDUB_LETTER_JUDGED,     /* whether it does */
    LUBDUB_LETTER_REGRANT,
    LUBDUB_LETTER_DRAIN,
    LUBDUB_LETTER_RULES,      /* take the server's newest settings */
    LUBDUB_LETTER_GRACE,      /* worker 0: a grace time began */
    LUBDUB_LETTER_DRAINED,    /* worker 0: a worker has no connection left */
    LUBDUB_LETTER_STOP,       /* end the thread */
};

/* Content that several letters share. */
struct lubdub_parcel {
    _Atomic unsigned references;
    size_t length;
    uint8_t content[];
};

struct lubdub_letter {
    struct lubdub_letter *next;
    enum lubdub_letter_kind kind;
    uint64_t session;
    struct lubdub_parcel *parcel;  /* SEND, BROADCAST; DISCONNECT, END: the text, terminated, or NULL */
    enum lubdub_reason reason;
    lubdub_time now;               /* END: when it was decided, */
    lubdub_duration silent_for;    /* and for how long the client had been silent then */
    lubdub_duration interval;
    lubdub_duration expiry;
    lubdub_duration patience;
    struct lubdub_past past;       /* RELEASED */
    uint64_t other;                /* CHALLENGE: the connection that asks; JUDGED: the session that was asked */
    bool holder_lives;             /* JUDGED */
    uint32_t progress;             /* BROADCAST: how far it has come */
};

struct lubdub_mailbox {
    pthread_mutex_t lock;
    struct lubdub_letter *first;
    struct lubdub_letter **last;
    struct ev_loop *loop;
    ev_async wake;
};

/* on_wake comes in the loop's thread. The watcher's data is the caller's to set. */
void lubdub_mailbox_init(struct lubdub_mailbox *mailbox, struct ev_loop *loop,
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

/* Hands the letter over; any thread. */
void lubdub_mailbox_post(struct lubdub_mailbox *mailbox, struct lubdub_letter *letter);

/* The oldest letter, which is the caller's now; NULL: none. */
struct lubdub_letter *lubdub_mailbox_take(struct lubdub_mailbox *mailbox);

/* Puts a letter that is not done back in front, and wakes its owner again. */
void lubdub_mailbox_put_back(struct lubdub_mailbox *mailbox, struct lubdub_letter *letter);

#endif
