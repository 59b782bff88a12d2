/*
 * Holds what both parts of the judge use, judge.h and verdict.h: an end's own time, what is remembered of a probe, the
 * next look at an end, and the complaint that ends a run.
 */
#ifndef LUBDUB_SIMULATE_WORLD_JUDGING_H
#define LUBDUB_SIMULATE_WORLD_JUDGING_H

#include "simulate/world/world.h"

/* Clocks with a drift are rounded to a nanosecond, both ways. */
#define SIM_SLACK (2 * LUBDUB_MICROSECOND)

#define SIM_MS(duration) ((double)(duration) / (double)LUBDUB_MILLISECOND)

/* By enum sim_side. */
extern const char *const sim_side_words[2];

/* Something does not hold; the run ends here. */
void sim_judge_fail(struct sim_world *world, const struct sim_connection *connection, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The end is looked at again at this time of its process's clock: is a verdict overdue? */
void sim_judge_arm(struct sim_world *world, struct sim_connection *connection, enum sim_side side, lubdub_time local);

/* Now, by the clock of the end's process. */
static inline lubdub_time sim_own_now(const struct sim_world *world, const struct sim_end *end)
{
    return sim_local(sim_process_of(world, end), world->now);
}

/* How much of the time since then its process was away; before: its absences until then. */
static inline lubdub_duration sim_away_since(const struct sim_world *world, const struct sim_end *end,
                                             lubdub_duration before)
{
    return sim_process_of(world, end)->away_total - before;
}

/* What is remembered of the probe with this number; NULL: it was too long ago, or never. */
static inline struct sim_asked *sim_asked_as(struct sim_end *end, uint64_t sequence)
{
    struct sim_asked *asked = &end->asked[sequence % SIM_ASKED];

    return asked->sequence == sequence && sequence > 0 ? asked : NULL;
}

#endif
