/* Computes the estimates: the arithmetic of RFC 6298, and a longest sample that fades. */
#include "core/estimator.h"

#include <string.h>

#define WORST_FADES_SHIFT 12
#define UNITS_PER_EXPIRY 65536

static uint32_t distance(uint32_t one, uint32_t other)
{
    return one > other ? one - other : other - one;
}

/* value - value/2^shift + sample/2^shift, rounded towards the sample, so that it gets there. */
static uint32_t approach(uint32_t value, uint32_t sample, unsigned shift)
{
    uint32_t step = (uint32_t)(((uint64_t)distance(value, sample) + (1u << shift) - 1) >> shift);

    return sample > value ? value + step : value - step;
}

static uint32_t faded(uint32_t worst, uint32_t sample)
{
    return sample >= worst ? sample : approach(worst, sample, WORST_FADES_SHIFT);
}

void lubdub_estimator_init(struct lubdub_estimator *estimator)
{
    memset(estimator, 0, sizeof *estimator);
}

void lubdub_estimator_add(struct lubdub_estimator *estimator, lubdub_duration sample)
{
    uint64_t microseconds = sample / LUBDUB_MICROSECOND;
    uint32_t value = microseconds > UINT32_MAX ? UINT32_MAX : (uint32_t)microseconds;

    estimator->worst = faded(estimator->worst, value);
    if (!estimator->has_sample) {
        estimator->has_sample = true;
        estimator->smoothed = value;
        estimator->deviation = value / 2;
        return;
    }
    /* RFC 6298, section 2.3: the deviation first, from the old smoothed value. */
    estimator->deviation = approach(estimator->deviation, distance(estimator->smoothed, value), 2);
    estimator->smoothed = approach(estimator->smoothed, value, 3);
}

lubdub_duration lubdub_estimator_usual(const struct lubdub_estimator *estimator)
{
    return (estimator->smoothed + 4 * (lubdub_duration)estimator->deviation) * LUBDUB_MICROSECOND;
}

lubdub_duration lubdub_estimator_worst(const struct lubdub_estimator *estimator)
{
    return estimator->worst * LUBDUB_MICROSECOND;
}

/* Rounds up, so that no late session counts as punctual. */
static uint16_t in_units(lubdub_duration length, lubdub_duration expiry)
{
    const lubdub_duration unit = (expiry + UNITS_PER_EXPIRY - 1) / UNITS_PER_EXPIRY;
    lubdub_duration units = (length + unit - 1) / unit;

    return units > UINT16_MAX ? UINT16_MAX : (uint16_t)units;
}

static lubdub_duration in_time(lubdub_duration units, lubdub_duration expiry)
{
    return units * ((expiry + UNITS_PER_EXPIRY - 1) / UNITS_PER_EXPIRY);
}

void lubdub_lateness_add(struct lubdub_lateness *lateness, lubdub_duration late_by, lubdub_duration expiry)
{
    uint16_t value = in_units(late_by, expiry);

    lateness->worst = (uint16_t)faded(lateness->worst, value);
    lateness->deviation = (uint16_t)approach(lateness->deviation, value, 2);
}

lubdub_duration lubdub_lateness_usual(const struct lubdub_lateness *lateness, lubdub_duration expiry)
{
    return in_time(4 * (lubdub_duration)lateness->deviation, expiry);
}

lubdub_duration lubdub_lateness_worst(const struct lubdub_lateness *lateness, lubdub_duration expiry)
{
    return in_time(lateness->worst, expiry);
}

void lubdub_lateness_rescale(struct lubdub_lateness *lateness, lubdub_duration from, lubdub_duration to)
{
    lateness->deviation = in_units(in_time(lateness->deviation, from), to);
    lateness->worst = in_units(in_time(lateness->worst, from), to);
}
