/* Rounds each suggestion so that the plan stays possible. */
#include "plan/advice.h"

#include <math.h>
#include <stdio.h>

#include "client/plan/number.h"

/* The tolerance of rounding: a number that is exact already is not rounded up for an error in its last digit. */
#define ROUNDING 1e-9

/* Smaller numbers than these are no useful suggestion. */
#define SMALLEST_DEVIATION 1e-7
#define SMALLEST_LOSS 1e-7

static double up(double value, double unit)
{
    return ceil(value / unit - ROUNDING) * unit;
}

static double down(double value, double unit)
{
    return floor(value / unit + ROUNDING) * unit;
}

/* The unit of the third digit. */
static double third_digit(double value)
{
    return pow(10, floor(log10(value)) - 2);
}

void advice_round(struct plan_ways *ways, const struct plan_wish *wish)
{
    const double millisecond = 1e-3;

    ways->detect = up(ways->detect, millisecond);
    ways->mistake_length = up(ways->mistake_length, millisecond);
    ways->interval = down(ways->interval, millisecond);
    if (ways->mistake_gap <= wish->detect) {
        ways->mistake_gap = 0; /* wrong more often than it could be right */
    }
    ways->deviation = ways->deviation > SMALLEST_DEVIATION ? down(ways->deviation, third_digit(ways->deviation)) : 0;
    if (ways->loss >= 0) {
        ways->loss = ways->loss > SMALLEST_LOSS ? down(ways->loss, third_digit(ways->loss)) : 0;
    }
}

const char *advice_rate(double gap, char text[ADVICE_RATE_SIZE])
{
    const struct plan_unit *unit = lubdub_plan_rates;
    double times;

    while (unit[1].word != NULL && unit->seconds < gap) {
        unit++; /* the first in which it happens once or more often */
    }
    times = unit->seconds / gap;
    snprintf(text, ADVICE_RATE_SIZE, "%.9g%s", up(times, third_digit(times)), unit->word);
    return text;
}

double advice_packets(double interval)
{
    return up(2 / interval, 0.01);
}
