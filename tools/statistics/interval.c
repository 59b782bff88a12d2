/*
 * Computes confidence intervals. Each distribution is summed up as it is defined, and a quantile found by halving:
 * slow for a library, at once for a report, and nothing is approximated but by the rounding of doubles. (GSL has all of
 * them, under a licence that ours would have to follow.)
 */
#include "statistics/interval.h"

#include <math.h>

#define HALVINGS 200

/* So many deviations from the mean nothing is left to be summed up: less than 1e-30. */
#define REACH 12.0

/* Beyond, Student's quantile changes in the fourth digit, and its sum gets long. */
#define FREEDOM_LIMIT 10000u

/* ---- Poisson ---- */

/* The chance of at most `count` events where `expected` are. */
static double poisson_at_most(uint64_t count, double expected)
{
    double from = floor(expected - REACH * sqrt(expected) - REACH);
    double sum = 0;
    double k;

    if (expected <= 0) {
        return 1;
    }
    for (k = from > 0 ? from : 0; k <= (double)count; k++) {
        sum += exp(k * log(expected) - expected - lgamma(k + 1));
    }
    return sum < 1 ? sum : 1;
}

/* The expectation under which at most `count` have that chance: less the more are expected. */
static double expectation_for(uint64_t count, double chance)
{
    double low = 0;
    double high = (double)count + REACH * sqrt((double)count + 1) + 2 * REACH;
    int i;

    for (i = 0; i < HALVINGS && high > low; i++) {
        double middle = (low + high) / 2;

        if (poisson_at_most(count, middle) > chance) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (low + high) / 2;
}

struct swarm_interval swarm_interval_of_count(uint64_t count, double confidence)
{
    double tail = (1 - confidence) / 2;

    return (struct swarm_interval){
        .low = count > 0 ? expectation_for(count - 1, 1 - tail) : 0,
        .high = expectation_for(count, tail),
    };
}

/* ---- Student ---- */

/*
 * The chance of a value between -t and t (Abramowitz and Stegun, 26.7.3 and 26.7.4: finite sums). Each next term has
 * two more powers of the cosine and one more fraction: 2/3, 4/5, … for odd degrees of freedom, 1/2, 3/4, … for even.
 */
static double student_within(double t, unsigned freedom)
{
    double angle = atan(t / sqrt((double)freedom));
    double cosine = cos(angle);
    bool is_odd = freedom % 2 == 1;
    double term = is_odd ? cosine : 1;
    double sum = freedom > 1 ? term : 0;
    unsigned power;

    for (power = is_odd ? 3 : 2; power + 2 <= freedom; power += 2) {
        term *= cosine * cosine * (double)(power - 1) / (double)power;
        sum += term;
    }
    return is_odd ? (angle + sin(angle) * sum) * M_2_PI : sin(angle) * sum;
}

static double student_quantile(unsigned freedom, double confidence)
{
    double low = 0;
    double high = 1;
    int i;

    while (student_within(high, freedom) < confidence) {
        high *= 2;
    }
    for (i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;

        if (student_within(middle, freedom) < confidence) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

struct swarm_interval swarm_interval_of_mean(double mean, double deviation, size_t count, double confidence)
{
    unsigned freedom = count > FREEDOM_LIMIT ? FREEDOM_LIMIT : (unsigned)count - 1;
    double reach;

    if (count < 2) {
        return (struct swarm_interval){0, INFINITY};
    }
    reach = student_quantile(freedom, confidence) * deviation / sqrt((double)count);
    return (struct swarm_interval){mean - reach, mean + reach};
}

void swarm_mean(const uint64_t *values, size_t count, double *mean, double *deviation)
{
    double sum = 0;
    double squares = 0;
    size_t i;

    *mean = *deviation = 0;
    for (i = 0; i < count; i++) {
        sum += (double)values[i];
    }
    if (count > 0) {
        *mean = sum / (double)count;
    }
    for (i = 0; i < count; i++) {
        squares += ((double)values[i] - *mean) * ((double)values[i] - *mean);
    }
    if (count > 1) {
        *deviation = sqrt(squares / (double)(count - 1));
    }
}

/* ---- binomial ---- */

static double binomial(size_t count, double share, double k)
{
    double n = (double)count;

    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(share) + (n - k) * log1p(-share));
}

/* As many values lie below the quantile as throws of a coin with that share come up: from there the two ranks. */
struct swarm_ranks swarm_interval_of_quantile(size_t count, double share, double confidence)
{
    double tail = (1 - confidence) / 2;
    double mean = (double)count * share;
    double from = floor(mean - REACH * sqrt(mean * (1 - share)) - REACH);
    struct swarm_ranks ranks = {0, count + 1};
    double below = 0; /* the chance of at most k - 1 */
    double k;

    for (k = from > 0 ? from : 0; k <= (double)count; k++) {
        if (below <= tail) {
            ranks.low = (size_t)k;
        }
        if (below >= 1 - tail) {
            ranks.high = (size_t)k;
            break;
        }
        below += binomial(count, share, k);
    }
    return ranks;
}
