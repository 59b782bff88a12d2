/* Adds up the pages of all processes, each of which its process may be writing at the same time. */
#include "swarm/clients/workers_count.h"

#include <string.h>

static void add(struct swarm_crowd_counts *sum, const struct swarm_crowd_counts *counts)
{
    int state;

    for (state = 0; state < SWARM_CLIENT_STATE_COUNT; state++) {
        sum->state_counts[state] += counts->state_counts[state];
    }
    if (counts->failure_count > 0) {
        memcpy(sum->failure, counts->failure, sizeof sum->failure);
        sum->is_refused |= counts->is_refused;
    }
    if (counts->granted_interval != 0) {
        sum->granted_interval = counts->granted_interval;
        sum->granted_expiry = counts->granted_expiry;
    }
    sum->ramp_passed += counts->ramp_passed;
    sum->failure_count += counts->failure_count;
    sum->acked_count += counts->acked_count;
    sum->sent_count += counts->sent_count;
    sum->answered_count += counts->answered_count;
    sum->lone_count += counts->lone_count;
    sum->absence_count += counts->absence_count;
    sum->absence_total += counts->absence_total;
}

void swarm_workers_count(const struct swarm_workers *workers, struct swarm_crowd_counts *counts)
{
    uint32_t i;

    memset(counts, 0, sizeof *counts);
    for (i = 0; i < workers->count; i++) {
        add(counts, &workers->list[i].page->crowd.counts);
    }
    counts->failure[sizeof counts->failure - 1] = '\0';
}

int64_t swarm_workers_memory(const struct swarm_workers *workers)
{
    int64_t memory = 0;
    uint32_t i;

    for (i = 0; i < workers->count; i++) {
        memory += workers->list[i].page->memory;
    }
    return memory;
}

void swarm_workers_round_trips(const struct swarm_workers *workers, struct lubdub_histogram *round_trips)
{
    uint32_t i;

    for (i = 0; i < workers->count; i++) {
        lubdub_histogram_add_all(round_trips, &workers->list[i].page->crowd.round_trips);
    }
}
