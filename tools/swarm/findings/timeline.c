/* Puts samples into bins; when all bins are in use, two become one. */
#include "swarm/findings/timeline.h"

#include <stdlib.h>
#include <string.h>

bool swarm_timeline_init(struct swarm_timeline *timeline, lubdub_time now, lubdub_duration width)
{
    memset(timeline, 0, sizeof *timeline);
    timeline->began_at = now;
    timeline->sampled_at = now;
    timeline->width = width;
    timeline->bins = calloc(SWARM_TIMELINE_BINS, sizeof *timeline->bins);
    timeline->last_round_trips = calloc(1, sizeof *timeline->last_round_trips);
    if (timeline->bins == NULL || timeline->last_round_trips == NULL) {
        swarm_timeline_clear(timeline);
        return false;
    }
    return true;
}

void swarm_timeline_clear(struct swarm_timeline *timeline)
{
    free(timeline->bins);
    free(timeline->last_round_trips);
    memset(timeline, 0, sizeof *timeline);
}

/* The later bin's sessions stand. Empty buckets are not written to: most of that memory is never touched. */
static void merge(struct swarm_timeline_bin *into, const struct swarm_timeline_bin *first,
                  const struct swarm_timeline_bin *second)
{
    const struct swarm_timeline_bin *last = second->is_sampled ? second : first;
    bool is_sampled = last->is_sampled;
    uint32_t up[SWARM_SIDE_COUNT];

    memcpy(up, last->up, sizeof up);
    if (into != first) {
        memset(into, 0, sizeof *into);
        lubdub_histogram_add_all(&into->round_trips, &first->round_trips);
    }
    lubdub_histogram_add_all(&into->round_trips, &second->round_trips);
    memcpy(into->up, up, sizeof up);
    into->is_sampled = is_sampled;
}

static void double_width(struct swarm_timeline *timeline)
{
    size_t i;

    for (i = 0; i < SWARM_TIMELINE_BINS / 2; i++) {
        merge(&timeline->bins[i], &timeline->bins[2 * i], &timeline->bins[2 * i + 1]);
    }
    memset(&timeline->bins[i], 0, (SWARM_TIMELINE_BINS - i) * sizeof *timeline->bins);
    timeline->width *= 2;
    timeline->count = (timeline->count + 1) / 2;
}

/* A sample tells of the time that ends with it, so that a moment at the end of a bin belongs to that one. */
static size_t bin_of(const struct swarm_timeline *timeline, lubdub_time moment)
{
    lubdub_duration since = lubdub_time_between(timeline->began_at, moment);

    return since > 0 ? (size_t)((since - 1) / timeline->width) : 0;
}

void swarm_timeline_sample(struct swarm_timeline *timeline, const struct swarm_sample *sample)
{
    double passed = (double)lubdub_time_between(timeline->sampled_at, sample->now) / (double)LUBDUB_SECOND;
    struct swarm_timeline_bin *bin;
    int side;

    while (bin_of(timeline, sample->now) >= SWARM_TIMELINE_BINS) {
        double_width(timeline);
    }
    if (bin_of(timeline, sample->now) >= timeline->count) {
        timeline->count = bin_of(timeline, sample->now) + 1;
    }
    bin = &timeline->bins[bin_of(timeline, sample->now)];
    bin->is_sampled = true;
    for (side = 0; side < SWARM_SIDE_COUNT; side++) {
        bin->up[side] = sample->up[side];
        timeline->up_seconds[side] += passed * ((double)timeline->last.up[side] + (double)sample->up[side]) / 2;
    }
    lubdub_histogram_add_difference(&bin->round_trips, sample->round_trips, timeline->last_round_trips);
    *timeline->last_round_trips = *sample->round_trips;
    timeline->last = *sample;
    timeline->last.round_trips = NULL; /* it was borrowed */
    timeline->sampled_at = sample->now;
}

static struct swarm_timeline_bin *bin_at(struct swarm_timeline *timeline, lubdub_time moment)
{
    size_t place = bin_of(timeline, moment);

    return moment >= timeline->began_at && place < timeline->count ? &timeline->bins[place] : NULL;
}

void swarm_timeline_count(struct swarm_timeline *timeline, const struct swarm_ledger *ledger)
{
    size_t i;

    for (i = 0; i < ledger->count; i++) {
        const struct swarm_observation *observation = &ledger->observations[i];
        struct swarm_timeline_bin *injected = bin_at(timeline, observation->injected_at);
        struct swarm_timeline_bin *decided = bin_at(timeline, observation->decided_at);
        bool is_second_twin = i > 0 && observation[-1].has_twin;

        if (injected != NULL && !is_second_twin) {
            injected->injected++;
        }
        if (decided == NULL) {
            continue;
        }
        decided->noticed[observation->side] +=
            observation->outcome == SWARM_DETECTED || observation->outcome == SWARM_WRONG_CAUSE;
        decided->false_alarms[observation->side] += observation->outcome == SWARM_FALSE_ALARM;
    }
}

lubdub_duration swarm_timeline_start(const struct swarm_timeline *timeline, size_t bin)
{
    return bin * timeline->width;
}
