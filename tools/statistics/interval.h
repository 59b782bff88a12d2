/*
 * How sure a measured figure is: confidence intervals, exact where there are exact ones. Pure.
 *
 * All have two sides, with the same chance of being wrong in either. `confidence` is 0.95, say. An end that what was
 * measured does not tell is 0 or INFINITY.
 */
#ifndef LUBDUB_STATISTICS_INTERVAL_H
#define LUBDUB_STATISTICS_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the report gives. */
#define SWARM_CONFIDENCE 0.95

struct swarm_interval {
    double low;
    double high;
};

/*
 * Of the number that is to be expected of events which come independently, where so many were seen (Garwood 1936,
 * Poisson). Nothing seen: 0 to 3.69, at 95 %. For a rate, divide by the time that was watched.
 */
struct swarm_interval swarm_interval_of_count(uint64_t count, double confidence);

/* Of a mean, by Student's distribution, from a sample of that mean and standard deviation. One value tells nothing. */
struct swarm_interval swarm_interval_of_mean(double mean, double deviation, size_t count, double confidence);

/*
 * Of a quantile, whatever the distribution (binomial): it lies between the values of these ranks, of `count` that are
 * sorted. Ranks begin at 1; 0 for low, or count + 1 for high: so few values do not tell.
 */
struct swarm_ranks {
    size_t low;
    size_t high;
};

struct swarm_ranks swarm_interval_of_quantile(size_t count, double share, double confidence);

/* The mean and the standard deviation of a sample (n - 1 below); 0 of nothing, and 0 deviation of one value. */
void swarm_mean(const uint64_t *values, size_t count, double *mean, double *deviation);

#endif
