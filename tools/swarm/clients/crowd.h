/*
 * The clients: many links in one loop, each with the least that a client needs, under one set of settings.
 *
 *     absent -> connecting -> opening -> up -> absent     the server ended it, or it gave the server up
 *                                         |--> leaving -> absent
 *                                         '--> frozen     the socket is open and nobody serves it
 *
 * A client is known by its number in the whole swarm; its identity is "swarm-NUMBER" (identity.h). One crowd has a
 * range of them.
 */
#ifndef LUBDUB_SWARM_CLIENTS_CROWD_H
#define LUBDUB_SWARM_CLIENTS_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "ev/address.h"
#include "ev/link.h"

#include "statistics/summary.h"
#include "swarm/orders/fault.h"
#include "swarm/orders/layout.h"

enum swarm_client_state {
    SWARM_CLIENT_ABSENT, /* 0: what they all begin with */
    SWARM_CLIENT_CONNECTING,
    SWARM_CLIENT_OPENING,
    SWARM_CLIENT_UP,
    SWARM_CLIENT_LEAVING,
    SWARM_CLIENT_FROZEN,
    SWARM_CLIENT_STATE_COUNT,
};

struct swarm_crowd_settings {
    struct lubdub_address server; /* may change before each connecting */
    struct swarm_part part;       /* its clients */
    lubdub_duration interval;
    lubdub_duration timeout;
    lubdub_duration expiry;
    bool adapts;
    lubdub_duration gather; /* of each process's loop, at most; 0: it does not */
    bool multipath;         /* where this kernel has it */
    double ramp;            /* connections a second */
    uint32_t attempt_limit; /* connections under way at a time */
    uint64_t seed;          /* of the phases */
    struct lubdub_tls *tls; /* NULL: plain */
    const char *tls_name;   /* of the server */
    /* Where a client connects from; the port is the kernel's choice. NULL: the address is, too. */
    void (*source_address)(struct lubdub_address *address, uint32_t client);
    /* Opens a second path for a session that is up. False: it has one only. NULL: the kernel sees to that. */
    bool (*second_path)(int socket, uint32_t client);
};

struct swarm_crowd_hooks {
    void (*on_up)(void *user_data, uint32_t client, uint64_t session_number, lubdub_time now);
    /*
     * The client found its server down, or was told to go. Not for what the crowd was asked to do itself. deadline:
     * when its silence was due to be judged; 0 where it was told.
     */
    void (*on_down)(void *user_data, uint32_t client, enum lubdub_cause cause, lubdub_time now, lubdub_time deadline);
};

#define SWARM_FAILURE_SIZE 160

/*
 * What a crowd counts. One process writes it and another may read it at any time, in memory that both have: each number
 * is whole by itself, and the sums may be off by what happens at that moment.
 */
struct swarm_crowd_counts {
    uint32_t state_counts[SWARM_CLIENT_STATE_COUNT];
    uint32_t ramp_passed; /* clients that the ramp has come by */

    uint64_t failure_count;
    bool is_refused; /* the last one: nobody listens there */
    char failure[SWARM_FAILURE_SIZE];

    /* what was granted, once a client is up */
    lubdub_duration granted_interval;
    lubdub_duration granted_expiry;

    uint64_t acked_count;

    /* as of the last swarm_crowd_count() */
    uint64_t sent_count;     /* probes handed to the kernel */
    uint64_t answered_count; /* acked_count, at the same moment */
    uint64_t lone_count;     /* sessions for which no second path could be opened */
    uint64_t absence_count;  /* how often this process was away, and for how long in all */
    lubdub_duration absence_total;
};

struct swarm_crowd_page {
    struct swarm_crowd_counts counts;
    struct lubdub_histogram round_trips; /* only while they are recorded */
};

struct swarm_crowd {
    struct swarm_crowd_settings settings;
    const struct swarm_crowd_hooks *hooks;
    void *user_data;

    struct ev_loop *loop;
    struct lubdub_link_group group;
    struct lubdub_session_settings session_settings;
    /* Of each client. A link that is not open yet: its watcher waits for the connection; frozen: it keeps the socket.
     */
    struct lubdub_link *links;
    uint8_t *states; /* enum swarm_client_state; apart, where one takes a byte and not eight */
    struct swarm_crowd_page *page;
    struct swarm_crowd_counts *counts; /* of the page */

    ev_timer ramp_timer;
    lubdub_time ramp_began_at;
    uint64_t ramp_started; /* connections since then */
    uint32_t round;        /* how often the ramp began */

    uint64_t finished_sent_count; /* of links that are closed */
    bool records_round_trips;     /* set by the owner */
};

/*
 * Does nothing yet. The page is borrowed and zeroed. False: no memory, or settings that no session works with;
 * page->counts.failure says why.
 */
bool swarm_crowd_init(struct swarm_crowd *crowd, struct ev_loop *loop, const struct swarm_crowd_settings *settings,
                      struct swarm_crowd_page *page, const struct swarm_crowd_hooks *hooks, void *user_data);
void swarm_crowd_clear(struct swarm_crowd *crowd);

/* All that are absent or frozen connect, at the ramp's pace. One whose attempt fails stays absent, and is counted. */
void swarm_crowd_connect(struct swarm_crowd *crowd);

/* One that is absent connects, at once. */
void swarm_crowd_return(struct swarm_crowd *crowd, uint32_t client);

/* Whether the ramp has passed all clients and no attempt is under way. */
bool swarm_crowd_is_settled(const struct swarm_crowd *crowd);

/*
 * Does a client's fault to a client. *at is the moment before which the fault cannot have shown. False: the client was
 * not up.
 */
bool swarm_crowd_strike(struct swarm_crowd *crowd, uint32_t client, enum swarm_fault fault, lubdub_time *at);

/* Every client that is up says goodbye; the others are closed. on_down does not come any more. */
void swarm_crowd_leave(struct swarm_crowd *crowd);

/* All sockets are closed, without a word; on_down does not come. */
void swarm_crowd_drop(struct swarm_crowd *crowd);

/* Whether no socket is left. */
bool swarm_crowd_is_gone(const struct swarm_crowd *crowd);

/* Brings all counts up to date. Goes through all clients: not for every turn of the loop. */
void swarm_crowd_count(struct swarm_crowd *crowd);

#endif
