/* What the parts of a run share: the processes, which clients are up, and what is still to be done. */
#ifndef LUBDUB_SWARM_RUN_STATE_H
#define LUBDUB_SWARM_RUN_STATE_H

#include <ev.h>
#include <stdbool.h>

#include "program/process/usage.h"
#include "swarm/clients/workers.h"
#include "swarm/findings/findings.h"
#include "swarm/network/network.h"
#include "swarm/orders/options.h"
#include "swarm/orders/strikes.h"
#include "swarm/servers/servers.h"

/* Which clients are up, and which are being struck (attendance.h). */
struct swarm_attendance {
    uint8_t *clients; /* flags of each */
    uint32_t up_count;
    uint32_t most_up_count;   /* at once, so far */
    uint32_t server_up_count; /* sessions, as the server says */
    uint32_t struck_count;    /* strikes that were ordered, and not answered yet */
};

/* The server's verdicts on clients that are being struck, which cannot be judged yet (news.h). */
struct swarm_held_back {
    struct swarm_verdict *list;
    size_t count;
    size_t capacity;
};

struct swarm_return {
    lubdub_time due;
    uint32_t client;
};

/* Living clients that were given up, and are to come back (return.h). */
struct swarm_returns {
    struct swarm_return *list;
    size_t count;
    size_t capacity;
    ev_timer timer; /* active while there are any */
    uint64_t random;
};

struct swarm_run {
    const struct swarm_options *options;
    struct swarm_findings *findings;
    struct ev_loop *loop;
    uint64_t random;
    struct swarm_workers workers;
    struct swarm_network network; /* where one is needed */
    struct swarm_servers servers; /* of our own, where there are any */
    struct lubdub_usage server_before;
    struct lubdub_address address; /* where clients connect to */
    bool server_may_end;           /* by our own hand */
    bool is_ending;                /* what is said from now on counts no more */
    lubdub_time looked_at[2];      /* at all processes, the last time and the time before (casualties.h) */

    struct swarm_attendance attendance;
    struct swarm_held_back held_back;
    struct swarm_returns returns;
    struct swarm_strikes strikes;
    size_t next_strike;
    lubdub_time strikes_began_at;

    ev_timer strike_timer;
    ev_timer alarm;
    ev_timer progress_timer;
    ev_timer sample_timer;
    ev_signal signals[2];
    uint64_t shown_acked_count;          /* at the last line of progress */
    struct lubdub_histogram round_trips; /* as of the last sample */
};

/*
 * The run cannot go on: somebody interrupted it, the server or a process of the swarm is lost, or the machine does not
 * carry the load.
 */
static inline bool swarm_run_is_over(const struct swarm_run *run)
{
    const struct swarm_findings *findings = run->findings;

    return findings->interrupted_by != 0 || findings->is_server_lost || findings->is_worker_lost ||
           findings->is_overloaded;
}

#endif
