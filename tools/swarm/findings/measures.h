/* What a run measured beside the deaths: probes, round trips, costs, and how well the network carried. */
#ifndef LUBDUB_SWARM_FINDINGS_MEASURES_H
#define LUBDUB_SWARM_FINDINGS_MEASURES_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "statistics/summary.h"

/* Packets on a network of our own, and how late the wire was. */
struct swarm_network_measures {
    uint64_t carried_count;
    uint64_t cut_count;
    uint64_t lost_count;
    uint64_t overflow_count; /* of slow links' queues */
    uint64_t failed_count;   /* packets that should have been carried and were not, for want of room */
    struct swarm_summary lag;
};

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
    bool has_network;       /* of our own */
    struct swarm_network_measures network;
};

#endif
