/* Finds the longest of all bounds, and how long a packet is on its way. */
#include "swarm/run/bounds.h"

/* Of a heartbeat on the wire: IP, TCP with timestamps, a frame; and the acknowledgement of another. */
#define HEARTBEAT_BYTES (20 + 32 + 16 + 20 + 32)

/* The longest one-way delay that was ordered; 0: none. */
static lubdub_duration stated_delay(const struct swarm_run *run)
{
    lubdub_duration longest = 0;
    size_t i;

    for (i = 0; i < run->options->order_count; i++) {
        const struct swarm_conditions *conditions = &run->options->orders[i].conditions;
        lubdub_duration delay = conditions->delay + conditions->jitter;

        if (conditions->bytes_per_second > 0) {
            delay += HEARTBEAT_BYTES * LUBDUB_SECOND / conditions->bytes_per_second;
        }
        longest = lubdub_duration_longer(longest, delay);
    }
    return longest;
}

lubdub_duration swarm_run_longest_bound(const struct swarm_run *run)
{
    const struct swarm_timing *timing = &run->findings->timing;
    lubdub_duration longest = 0;
    int fault;
    int side;

    for (fault = 0; fault < SWARM_FAULT_NONE; fault++) {
        for (side = 0; side < SWARM_SIDE_COUNT; side++) {
            lubdub_duration low;
            lubdub_duration high;

            if (swarm_bound((enum swarm_fault)fault, (enum swarm_side)side, timing, &low, &high) && high > longest) {
                longest = high;
            }
        }
    }
    return longest + 2 * stated_delay(run);
}

/*
 * Where some paths were worse than others by order, theirs counts: what was ordered, or a slow round
 * trip less a usual way back, since what was lost comes after TCP's retransmission.
 */
lubdub_duration swarm_run_one_way_delay(const struct swarm_run *run)
{
    const struct swarm_summary *round_trip = &run->findings->measures.round_trip;
    lubdub_duration stated = stated_delay(run);
    lubdub_duration slow;

    if (run->strikes.sufferer_count == 0) {
        return round_trip->p50 / 2;
    }
    slow = lubdub_time_between(round_trip->p50 / 2, round_trip->p99);
    return lubdub_duration_longer(stated, slow);
}
