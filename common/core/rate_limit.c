/* Computes the leaky bucket of a rate limit, rounded in the peer's favour. */
#include "core/rate_limit.h"

#define UNITS_PER_INTERVAL 1024
#define UNITS_PER_FRAME (UNITS_PER_INTERVAL / 2)

/* Length in units of the interval, rounded up, at most INT32_MAX. */
static int32_t in_units(lubdub_duration length, uint32_t interval_ms)
{
    lubdub_duration interval = interval_ms * LUBDUB_MILLISECOND;
    lubdub_duration whole = length < interval ? 0 : length / interval; /* of two probes of a burst, without a division */
    lubdub_duration rest = length - whole * interval;
    uint64_t units;

    if (whole >= INT32_MAX / UNITS_PER_INTERVAL) {
        return INT32_MAX;
    }
    units = whole * UNITS_PER_INTERVAL + (rest * UNITS_PER_INTERVAL + interval - 1) / interval;
    return units > INT32_MAX ? INT32_MAX : (int32_t)units;
}

uint32_t lubdub_rate_limit_burst(uint32_t interval_ms, uint32_t expiry_ms)
{
    uint64_t twice = ((uint64_t)expiry_ms * 2 + interval_ms - 1) / interval_ms;
    const uint64_t most = LUBDUB_LARGEST_BURST;

    if (twice < LUBDUB_SMALLEST_BURST) {
        return LUBDUB_SMALLEST_BURST;
    }
    return (uint32_t)(twice > most ? most : twice);
}

void lubdub_rate_limit_drain(int32_t *debt, lubdub_duration elapsed, uint32_t interval_ms)
{
    int32_t drained;

    if (*debt <= 0) {
        return;
    }
    if (*debt <= UNITS_PER_FRAME && elapsed >= interval_ms * LUBDUB_MILLISECOND / 2) {
        *debt = 0; /* the usual case, without a division */
        return;
    }
    drained = in_units(elapsed, interval_ms);
    *debt = drained >= *debt ? 0 : *debt - drained;
}

void lubdub_rate_limit_drain_own(int32_t *debt, lubdub_time *since, lubdub_time now, uint32_t interval_ms)
{
    lubdub_duration unit = interval_ms * LUBDUB_MILLISECOND / UNITS_PER_INTERVAL;
    lubdub_duration drained;

    unit += unit / 256 + 1;
    drained = lubdub_time_between(*since, now) / unit;
    if (*debt <= 0 || drained >= (lubdub_duration)*debt) {
        *debt = *debt < 0 ? *debt : 0;
        *since = now;
        return;
    }
    *debt -= (int32_t)drained;
    *since += drained * unit;
}

bool lubdub_rate_limit_take(int32_t *debt, uint32_t burst)
{
    const int32_t limit = (int32_t)(burst * UNITS_PER_FRAME);

    if (*debt > limit - UNITS_PER_FRAME) {
        return false;
    }
    *debt += UNITS_PER_FRAME;
    return true;
}

void lubdub_rate_limit_exhaust(int32_t *debt, uint32_t burst)
{
    *debt = (int32_t)(burst * UNITS_PER_FRAME);
}

bool lubdub_rate_limit_has_room(int32_t debt, uint32_t burst, uint64_t frames)
{
    const int64_t limit = (int64_t)burst * UNITS_PER_FRAME;

    return frames <= burst && debt + (int64_t)frames * UNITS_PER_FRAME <= limit;
}

void lubdub_rate_limit_forgive(int32_t *debt, lubdub_duration away, uint32_t interval_ms)
{
    int32_t credit = in_units(away, interval_ms);

    *debt = *debt < INT32_MIN + credit ? INT32_MIN : *debt - credit;
}

lubdub_duration lubdub_rate_limit_debt(int32_t debt, uint32_t interval_ms)
{
    return debt > 0 ? (lubdub_duration)debt * interval_ms * LUBDUB_MILLISECOND / UNITS_PER_INTERVAL : 0;
}

int32_t lubdub_rate_limit_owed(lubdub_duration time, struct lubdub_bucket bucket)
{
    const int32_t most = (int32_t)((bucket.burst - 1) * UNITS_PER_FRAME);
    int32_t owed = in_units(time, bucket.interval_ms);

    return owed < most ? owed : most;
}

int32_t lubdub_rate_limit_rescale(int32_t debt, struct lubdub_bucket from, struct lubdub_bucket to)
{
    int64_t scaled = (int64_t)debt * from.interval_ms / to.interval_ms;
    int64_t same_part = (int64_t)debt * to.burst / from.burst;

    if (debt > 0 && same_part < scaled) {
        scaled = same_part;
    }
    return scaled > INT32_MAX ? INT32_MAX : scaled < INT32_MIN ? INT32_MIN : (int32_t)scaled;
}
