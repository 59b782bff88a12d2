/* Declares the parts of a client for the files of this folder, tells the application, and sets the next move. */
#ifndef LUBDUB_CLIENT_LIBRARY_STATE_H
#define LUBDUB_CLIENT_LIBRARY_STATE_H

#include <ev.h>
#include <stdatomic.h>

#include <lubdub/client.h>

#include "client/library/backoff.h"
#include "client/library/connector.h"
#include "client/library/outside.h"
#include "client/library/settings.h"
#include "ev/link.h"

/* What the timer goes on with, once the link is closed. */
enum lubdub_next_move {
    LUBDUB_NEXT_NOTHING,
    LUBDUB_NEXT_ROUND,   /* over all servers */
    LUBDUB_NEXT_SERVER,  /* of this round; it is the list's current one */
    LUBDUB_NEXT_ADDRESS, /* of this server */
    LUBDUB_NEXT_LEAVE,   /* a server that stayed silent for too long */
    LUBDUB_NEXT_STOPPED,
};

struct lubdub_client {
    struct lubdub_link_group group;
    struct lubdub_link link; /* has_link: it is open */
    ev_timer timer;
    struct lubdub_connector *connector; /* NULL without one; rests while the session opens */
    ev_timer progress;                  /* while started, where progress is promised */
    lubdub_duration progress_within;
    _Atomic lubdub_time progress_at; /* written by any thread */
    lubdub_time progress_due;        /* what the timer is set for */
    bool is_stalled;
    struct lubdub_client_rules rules;
    struct lubdub_backoff backoff;
    lubdub_client_callback callback;
    void (*on_freed)(void *user_data);
    void *user_data;
    struct lubdub_outside outside;
    _Atomic pthread_t thread;           /* that runs the loop, as far as is known */
    uint64_t dropped;                   /* messages that other threads had handed over */
    struct lubdub_client_counts totals; /* of sessions that are over */
    struct lubdub_address remote;
    lubdub_time up_at;
    _Atomic uint64_t session_number;
    lubdub_duration stay_limit; /* 0: none */
    lubdub_time leave_due;      /* where next_move is LUBDUB_NEXT_LEAVE */
    char *token;                /* it replaces the token of the settings; NULL: none */
    char *content;              /* it replaces the content of the probes; NULL: none */
    size_t content_length;
    uint64_t incarnation;  /* the last one used; made by the client unless the settings fix it */
    unsigned depth;        /* the library's functions on the stack */
    _Atomic uint8_t state; /* enum lubdub_client_state */
    uint8_t next_move;     /* enum lubdub_next_move */
    uint8_t health;
    uint8_t stop_reason;
    uint8_t silence; /* enum lubdub_cause of the timeout, while the server counts as down */
    bool has_link;
    bool has_remote;
    bool owes_shutdown; /* stopped while there was a session, and the application was not told yet */
    bool owes_content;  /* the session could not take it yet */
    bool is_freed;
    char block[] __attribute__((aligned(16))); /* what the rules point into */
};

/* Around everything that may call the application: until the last of them has left, a freed client stays. */
void lubdub_client_enter(struct lubdub_client *client);
void lubdub_client_leave(struct lubdub_client *client);

/* Frees the client where the application has freed it and nothing of it is running. */
void lubdub_client_dispose_if_freed(struct lubdub_client *client);

/* An event with what every kind has. */
struct lubdub_client_event lubdub_client_event_new(const struct lubdub_client *client,
                                                   enum lubdub_client_event_kind kind, lubdub_time now);

/* Calls the application, unless it has freed the client. */
void lubdub_client_tell(struct lubdub_client *client, const struct lubdub_client_event *event);

/* Whether the client still has the state that it had before the application was told. */
bool lubdub_client_is_still(const struct lubdub_client *client, enum lubdub_client_state state);

/* Wipes the token, whether the settings brought it or the application. */
void lubdub_client_forget_token(struct lubdub_client *client);

/* The server that counted as down is up again on its connection. */
void lubdub_client_stay(struct lubdub_client *client);

/* Sets the state, and the move that the timer goes on with after the wait. */
void lubdub_client_go_on(struct lubdub_client *client, enum lubdub_client_state state, enum lubdub_next_move next_move,
                         lubdub_duration wait);

#endif
