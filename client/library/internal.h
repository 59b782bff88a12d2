/* What the files about a client share. */
#ifndef LUBDUB_CLIENT_LIBRARY_INTERNAL_H
#define LUBDUB_CLIENT_LIBRARY_INTERNAL_H

#include <ev.h>
#include <stdatomic.h>

#include <lubdub/client.h>

#include "client/library/backoff.h"
#include "client/library/settings.h"
#include "client/library/connector.h"
#include "ev/link.h"

/* What the timer, or the link when it is closed, is to go on with. */
enum lubdub_next_move {
    LUBDUB_NEXT_NOTHING,
    LUBDUB_NEXT_ROUND,  /* over all servers */
    LUBDUB_NEXT_SERVER, /* of this round; it is the list's current one */
    LUBDUB_NEXT_STOPPED,
};

struct lubdub_client {
    struct lubdub_link_group group;
    struct lubdub_link link; /* has_link: it is open */
    ev_timer timer;
    struct lubdub_connector *connector; /* NULL once connected */
    ev_timer progress;             /* while started, where progress is promised */
    lubdub_duration progress_within;
    _Atomic lubdub_time progress_at; /* written by any thread */
    lubdub_time progress_due;        /* what the timer is set for */
    bool is_stalled;
    struct lubdub_client_rules rules;
    struct lubdub_backoff backoff;
    lubdub_client_callback callback;
    void *user_data;
    struct lubdub_client_counts totals; /* of sessions that are over */
    struct lubdub_address remote;
    lubdub_time up_at;
    uint64_t session_number;
    uint64_t incarnation; /* the last one used; of our own making unless the settings fix it */
    unsigned depth;       /* functions of ours on the stack */
    uint8_t state;        /* enum lubdub_client_state */
    uint8_t next_move;    /* enum lubdub_next_move */
    uint8_t health;
    uint8_t stop_reason;
    bool has_link;
    bool has_remote;
    bool owes_shutdown; /* stopped while there was a session, and nobody was told yet */
    bool is_freed;
    char block[] __attribute__((aligned(16))); /* what the rules point into */
};

/* Around everything that may call the application: until the last of them has left, a freed client stays. */
void lubdub_client_enter(struct lubdub_client *client);
void lubdub_client_leave(struct lubdub_client *client);

/* An event with what every kind has. */
struct lubdub_client_event lubdub_client_event_new(const struct lubdub_client *client,
                                                   enum lubdub_client_event_kind kind, lubdub_time now);

/* Calls the application, unless it has freed the client. */
void lubdub_client_tell(struct lubdub_client *client, const struct lubdub_client_event *event);

/* Whether it is still as we left it before the application was told. */
bool lubdub_client_is_still(const struct lubdub_client *client, enum lubdub_client_state state);

/* Sets the state and what the timer goes on with after the wait. */
void lubdub_client_plan(struct lubdub_client *client, enum lubdub_client_state state, enum lubdub_next_move next_move,
                        lubdub_duration wait);

/* ---- client_round.c: finding a server, and coming back ---- */

void lubdub_client_begin_round(struct lubdub_client *client);

/* To the list's current server. */
void lubdub_client_connect(struct lubdub_client *client);

/* No session came of it, as *event describes: the next server of the round, or down. */
void lubdub_client_fail(struct lubdub_client *client, struct lubdub_client_event *event);

/* Tells of the end that *event describes, and of the return. */
void lubdub_client_go_down(struct lubdub_client *client, struct lubdub_client_event *event);

/* ---- client_progress.c: alive is not working ---- */

/* From _start to the end; where nothing is promised they do nothing. */
void lubdub_client_watch_progress(struct lubdub_client *client);
void lubdub_client_ignore_progress(struct lubdub_client *client);

/* What our probes say: what was set, or critical without progress. */
enum lubdub_health lubdub_client_told_health(const struct lubdub_client *client);

/* Where that changed. */
void lubdub_client_tell_health(struct lubdub_client *client);

/* ---- client_session.c: while there is a connection ---- */

void lubdub_client_open_session(struct lubdub_client *client, int socket, lubdub_time now);
void lubdub_client_on_link_event(struct lubdub_link *link, const struct lubdub_event *event, lubdub_time now);
void lubdub_client_on_link_closed(struct lubdub_link *link);

/* Adds up what the session counted when it is over. Nothing is under way any more; was it lost? */
void lubdub_client_collect_counts(struct lubdub_client *client, bool loses_pending);

#endif
