/* Counts a side's mistakes, and tells what they say of its quality as a detector. */
#include "swarm/findings/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double seconds(lubdub_duration duration)
{
    return (double)duration / (double)LUBDUB_SECOND;
}

static bool is_on_side(const struct swarm_observation *observation, enum swarm_side side)
{
    return (enum swarm_side)observation->side == side;
}

/* How long the side held a dead peer for up. */
static double dead_time(const struct swarm_ledger *ledger, enum swarm_side side, lubdub_time ended_at)
{
    double sum = 0;
    size_t i;

    for (i = 0; i < ledger->count; i++) {
        const struct swarm_observation *observation = &ledger->observations[i];
        bool is_dead = observation->injected_at != 0 && !swarm_fault_passes((enum swarm_fault)observation->fault);

        if (is_dead && is_on_side(observation, side)) {
            sum += seconds(lubdub_time_between(observation->injected_at,
                                               observation->decided_at != 0 ? observation->decided_at : ended_at));
        }
    }
    return sum;
}

static void count_mistakes(struct swarm_quality *quality, enum swarm_side side, const struct swarm_ledger *ledger,
                           lubdub_time ended_at, lubdub_duration *durations)
{
    size_t i;

    for (i = 0; i < ledger->count; i++) {
        const struct swarm_observation *observation = &ledger->observations[i];

        if (observation->outcome == SWARM_FALSE_ALARM && is_on_side(observation, side)) {
            bool is_corrected = observation->corrected_at != 0;

            quality->uncorrected_count += !is_corrected;
            durations[quality->mistake_count++] =
                lubdub_time_between(observation->decided_at, is_corrected ? observation->corrected_at : ended_at);
        }
    }
}

/* Two intervals that hold together with the chance that one is to have: each is a little wider. */
static void judge_accuracy(struct swarm_quality *quality, double mean, double deviation)
{
    double each = (1 + SWARM_CONFIDENCE) / 2;
    struct swarm_interval count = swarm_interval_of_count(quality->mistake_count, each);
    struct swarm_interval duration = swarm_interval_of_mean(mean, deviation, quality->mistake_count, each);
    double shortest = duration.low > 0 ? duration.low : 0;

    quality->accuracy = quality->watched / (quality->watched + (double)quality->mistake_count * mean);
    quality->accuracy_interval = (struct swarm_interval){
        .low = isinf(duration.high) ? 0 : quality->watched / (quality->watched + count.high * duration.high),
        .high = quality->watched / (quality->watched + count.low * shortest),
    };
}

bool swarm_quality_make(struct swarm_quality *quality, enum swarm_side side, const struct swarm_ledger *ledger,
                        double up_seconds, lubdub_time ended_at, bool is_observed)
{
    lubdub_duration *durations = malloc((ledger->count + 1) * sizeof *durations);
    struct swarm_interval count;
    double mean;
    double deviation;
    double lived;

    memset(quality, 0, sizeof *quality);
    if (durations == NULL) {
        return false;
    }
    if (is_observed && up_seconds > 0) {
        count_mistakes(quality, side, ledger, ended_at, durations);
        swarm_mean(durations, quality->mistake_count, &mean, &deviation);
        mean /= (double)LUBDUB_SECOND;
        deviation /= (double)LUBDUB_SECOND;
        lived = up_seconds - dead_time(ledger, side, ended_at);

        quality->is_observed = true;
        quality->watched = lived > 0 ? lived : 0;
        quality->duration = mean;
        quality->duration_interval = swarm_interval_of_mean(mean, deviation, quality->mistake_count, SWARM_CONFIDENCE);
        if (quality->duration_interval.low < 0) {
            quality->duration_interval.low = 0;
        }
        /* A recurrence is the time of trust and that of the mistake after it. */
        lived = quality->watched + mean * (double)quality->mistake_count;
        count = swarm_interval_of_count(quality->mistake_count, SWARM_CONFIDENCE);
        quality->recurrence = quality->mistake_count > 0 ? lived / (double)quality->mistake_count : INFINITY;
        quality->recurrence_interval = (struct swarm_interval){
            .low = lived / count.high,
            .high = quality->mistake_count > 0 ? lived / count.low : INFINITY,
        };
        judge_accuracy(quality, mean, deviation);
    }
    free(durations);
    return true;
}
