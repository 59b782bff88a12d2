/*
 * One run, from the first connection to the last goodbye:
 *
 *     start the swarm's processes and the servers · connect all · warm up
 *     clients' faults within the duration · wait for the verdicts
 *     then for each fault of the server: all come back (to a new server, if need be) · warm up · fault · verdicts
 *     all leave · stop everything
 *
 * This process coordinates: it holds no connection itself. What the clients' processes and the servers say comes
 * through channels and pipes, each in its order and with its own stamps of the one clock; which of them is read first
 * says nothing.
 */
#ifndef LUBDUB_SWARM_RUN_RUN_H
#define LUBDUB_SWARM_RUN_RUN_H

#include <ev.h>
#include <stdbool.h>

#include "swarm/findings/ledger.h"
#include "swarm/network/network.h"
#include "swarm/options.h"
#include "swarm/orders/strikes.h"
#include "swarm/findings/result.h"
#include "swarm/servers/servers.h"
#include "swarm/findings/timeline.h"
#include "program/process/usage.h"
#include "swarm/clients/workers.h"

#define SWARM_NOTE_LIMIT 16
#define SWARM_NOTE_SIZE 256
#define SWARM_PROBLEM_SIZE 512

/* What was measured beside the deaths. */
struct swarm_measures {
    lubdub_duration lasted;   /* from the first connection */
    uint32_t connected_count; /* clients that were up at the start of measuring */
    uint64_t sent_count;      /* probes over the whole run */
    uint64_t acked_count;
    struct swarm_summary round_trip; /* up to the first fault of the server's */
    lubdub_duration window;          /* of warm running, from which the rates are; 0: it was not reached */
    uint64_t window_acked_count;
    bool has_server_usage; /* over the window */
    lubdub_duration server_processor;
    int64_t server_memory;  /* bytes that all sessions together took */
    int64_t own_memory;     /* bytes that all clients together took */
    uint64_t absence_count; /* how often we ourselves were away, and for how long in all */
    lubdub_duration absence_total;
    uint64_t late_count;    /* the server's events of this name */
    uint64_t dropped_count; /* events that the server could not tell us */
    uint64_t skipped_count; /* faults that met a client which was not there any more */
    bool has_network;
    struct swarm_network_measures network;
};

/* What is known of the clients, and what cannot be judged yet. */
struct swarm_news {
    uint8_t *clients; /* flags of each */
    uint32_t up_count;
    uint32_t server_up_count;        /* sessions, as the server says */
    uint32_t struck_count;           /* strikes that were ordered, and not answered yet */
    struct swarm_verdict *held_back; /* of the server's, on clients that are being struck */
    size_t held_back_count;
    size_t held_back_capacity;
};

struct swarm_return {
    lubdub_time due;
    uint32_t client;
};

/* Living clients that were given up, and are to come back. */
struct swarm_returns {
    struct swarm_return *list;
    size_t count;
    size_t capacity;
    ev_timer timer; /* active while there are any */
    uint64_t random;
};

struct swarm_run {
    const struct swarm_options *options;
    struct ev_loop *loop;
    uint64_t random;
    struct swarm_workers workers;
    struct swarm_news news;
    struct swarm_network network; /* where one is needed */
    struct swarm_returns returns;
    struct swarm_ledger ledger;
    struct swarm_strikes strikes;
    size_t next_strike;
    lubdub_time strikes_began_at;
    ev_timer strike_timer;
    ev_timer alarm;
    ev_timer progress_timer;
    ev_timer sample_timer;
    uint64_t shown_acked_count; /* at the last line of progress */
    ev_signal signals[2];

    bool has_server;
    bool server_may_end; /* by our own hand */
    struct swarm_servers servers;
    struct lubdub_usage server_before;
    struct lubdub_address address; /* where clients connect to */

    lubdub_time began_at;
    int interrupted_by; /* a signal, or 0 */
    bool is_server_lost;
    bool is_worker_lost; /* a process of the swarm, or of its network, died, and not by our hand */
    bool is_ending;      /* what is said from now on counts no more */

    struct swarm_measures measures;
    struct swarm_timeline timeline;
    struct lubdub_histogram round_trips; /* as of the last sample */
    struct swarm_timing timing;
    char notes[SWARM_NOTE_LIMIT][SWARM_NOTE_SIZE]; /* sentences for the report */
    size_t note_count;
    char problem[SWARM_PROBLEM_SIZE]; /* why it could not start */
};

enum swarm_run_end {
    SWARM_RUN_DONE,         /* also when it was interrupted or the server died */
    SWARM_RUN_CANNOT_START, /* problem says why */
};

/*
 * Runs it. Afterwards no process is left, and measures, timing, ledger and notes hold what was measured. The options
 * are borrowed. Needs the default loop.
 */
enum swarm_run_end swarm_run(struct swarm_run *run, struct ev_loop *loop, const struct swarm_options *options);

void swarm_run_clear(struct swarm_run *run);

#endif
