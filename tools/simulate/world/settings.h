/* Holds the settings of a run: clients, network, faults, TCP, and the settings of sessions. */
#ifndef LUBDUB_SIMULATE_WORLD_SETTINGS_H
#define LUBDUB_SIMULATE_WORLD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <lubdub/session.h>
#include <lubdub/time.h>

#include "simulate/world/path.h"

struct sim_trace;

/* The settings of TCP; by default those of Linux. */
struct sim_tcp {
    lubdub_duration rto_min;      /* TCP_RTO_MIN_US: least that is waited beyond the round trip; 200 ms */
    lubdub_duration rto_max;      /* TCP_RTO_MAX_MS; 120 s */
    lubdub_duration user_timeout; /* TCP_USER_TIMEOUT; 0: what 15 retransmissions take, 924.6 s */
    lubdub_duration delayed_ack;  /* TCP_DELACK_MAX_US; 40 ms */
    bool is_thin;                 /* TCP_THIN_LINEAR_TIMEOUTS */
};

/* The faults that are done to clients and servers. */
enum sim_faults {
    SIM_FAULTS_NONE,
    SIM_FAULTS_ALL,     /* everything that may happen to a process, a machine or a path, often */
    SIM_FAULTS_CONTEST, /* each client has a server of its own, and one of the two is frozen or the path cut, in turn */
};

/* What is done to one client and its path in a contest. */
enum sim_trouble {
    SIM_TROUBLE_NONE,
    SIM_TROUBLE_FREEZE_CLIENT,
    SIM_TROUBLE_FREEZE_SERVER,
    SIM_TROUBLE_CUT,
};

enum sim_observer {
    SIM_OBSERVER_CLIENT,
    SIM_OBSERVER_SERVER,
    SIM_OBSERVER_COUNT,
};

struct sim_settings {
    uint64_t seed;
    uint32_t clients;       /* 20 */
    lubdub_duration length; /* one hour */
    enum sim_network network;
    bool is_mixed;   /* each client's network is drawn; network is ignored */
    unsigned paths;  /* of each client, each a network of this kind; 1. More: connections are Multipath TCP */
    unsigned shared; /* so many of a thousand outages of a path are those of all paths of the client; 0 */
    enum sim_faults faults;
    lubdub_duration fault_gap; /* between two of them, on average; for ALL over all clients, for CONTEST for each */
    struct sim_tcp tcp;

    /* Once, all paths let nothing through. 0: never. */
    lubdub_time outage_at;
    lubdub_duration outage_length;
    bool outage_of_one; /* only the first path of each client */

    /* What sessions are told; more of their settings by tune, called once for each role. */
    lubdub_duration interval;
    lubdub_duration timeout;
    lubdub_duration expiry;
    void (*tune)(struct lubdub_session_settings *settings, enum lubdub_role role, const void *user_data);
    const void *user_data;

    /* In a contest: this side does not judge, its timeout or expiry being endless, so that the other can. */
    bool is_blind[SIM_OBSERVER_COUNT];

    bool adapts; /* the sessions' setting of that name */

    /*
     * Every loop gathers so long, always: input that has arrived is read at moments so far apart, and waits for half of
     * that on average. The ends of connections and all deadlines do not wait. 0: nothing does.
     */
    lubdub_duration gather;

    /*
     * Applications talk (application.h): they send, echo, relay and broadcast from inside callbacks, some links are
     * slow, buffers are finite and take a part of what is offered, some peers stop reading, and grants change.
     */
    bool has_messages;

    /*
     * The earliest verdict that the promise allows: so long after the last whole frame reached our kernel (server), or
     * after the probe went out (client). 0: expiry and timeout, exactly. Where a session that adapts says that it
     * judges early: adaptive_floor, and no less.
     */
    lubdub_duration adaptive_floor;
    lubdub_duration server_floor;
    lubdub_duration client_floor;

    FILE *story;              /* a line for each thing worth telling; NULL: none */
    struct sim_trace *traces; /* one for each client; no side gives up, and no faults are done; NULL: none */
};

void sim_settings_init(struct sim_settings *settings);

#endif
