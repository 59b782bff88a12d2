/* Random phases, in order. */
#include "speed/pacing.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "ev/clock.h"
#include "statistics/random.h"

/* Sent in one go; then answers have their turn, however far behind we are. */
#define PROBES_PER_TURN 64

static int by_phase(const void *one, const void *other)
{
    const struct speed_turn *a = one;
    const struct speed_turn *b = other;

    return a->phase < b->phase ? -1 : a->phase > b->phase;
}

void speed_pacing_init(struct speed_pacing *pacing, uint32_t count, lubdub_duration interval, uint64_t seed)
{
    uint64_t random = seed;
    uint32_t i;

    memset(pacing, 0, sizeof *pacing);
    pacing->turns = calloc(count, sizeof *pacing->turns);
    if (pacing->turns == NULL) {
        err(EXIT_FAILURE, "%u connections", count);
    }
    pacing->count = count;
    pacing->interval = interval;
    for (i = 0; i < count; i++) {
        pacing->turns[i] = (struct speed_turn){.phase = random_below(&random, interval), .connection = i};
    }
    qsort(pacing->turns, count, sizeof *pacing->turns, by_phase);
}

void speed_pacing_clear(struct speed_pacing *pacing)
{
    free(pacing->turns);
}

void speed_pacing_start(struct speed_pacing *pacing)
{
    pacing->cycle_began = lubdub_clock_now();
    pacing->next = 0;
}

static lubdub_time next_due(const struct speed_pacing *pacing)
{
    return pacing->cycle_began + pacing->turns[pacing->next].phase;
}

static void step(struct speed_pacing *pacing)
{
    pacing->next++;
    if (pacing->next == pacing->count) {
        pacing->next = 0;
        pacing->cycle_began += pacing->interval;
    }
}

void speed_pacing_run(struct speed_pacing *pacing, struct speed_connections *connections, lubdub_time until)
{
    lubdub_time now;

    while ((now = lubdub_clock_now()) < until) {
        unsigned sent;

        for (sent = 0; sent < PROBES_PER_TURN && next_due(pacing) <= now; sent++) {
            lubdub_histogram_add(&pacing->behind, now - next_due(pacing));
            speed_connections_probe(connections, pacing->turns[pacing->next].connection);
            step(pacing);
            now = lubdub_clock_now();
        }
        speed_connections_wait(connections, lubdub_time_earlier(next_due(pacing), until));
    }
}
