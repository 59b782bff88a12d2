/*
 * Draws random lengths of time from a distribution, as a table of its quantiles with straight lines between them; the
 * last 64th is divided again, and the last 4096th once more, so that the rare long ones are right too. Whole numbers
 * only.
 */
#ifndef LUBDUB_SIMULATE_WORLD_DELAY_H
#define LUBDUB_SIMULATE_WORLD_DELAY_H

#include <stdint.h>

#include <lubdub/time.h>

#define SIM_DELAY_LEVELS 3
#define SIM_DELAY_STEPS 64

struct sim_delay {
    lubdub_duration quantiles[SIM_DELAY_LEVELS][SIM_DELAY_STEPS + 1];
};

void sim_delay_constant(struct sim_delay *delay, lubdub_duration length);
void sim_delay_uniform(struct sim_delay *delay, lubdub_duration least, lubdub_duration most);

/* base + median · e^(sigma · z), z from the normal distribution; at most 100 s. sigma in thousandths, up to 3000. */
void sim_delay_lognormal(struct sim_delay *delay, lubdub_duration base, lubdub_duration median, unsigned sigma_milli);

/* As between events that know nothing of each other; at most some 12 times the mean. */
void sim_delay_exponential(struct sim_delay *delay, lubdub_duration mean);

/* Draws one length of time; chance is any 64 random bits. */
lubdub_duration sim_delay_draw(const struct sim_delay *delay, uint64_t chance);

#endif
