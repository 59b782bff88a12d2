/* Draws each wait from a range that grows. */
#include "client/library/backoff.h"

#include <stdbool.h>

#define REPLACED_GROWTH 8
#define GOOD_EXPIRIES 3

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 to range, both included. */
static lubdub_duration draw(struct lubdub_backoff *backoff, lubdub_duration range)
{
    return range < UINT64_MAX ? next_random(&backoff->random) % (range + 1) : next_random(&backoff->random);
}

static void grow(struct lubdub_backoff *backoff, unsigned factor)
{
    backoff->range = backoff->range > backoff->maximum / factor ? backoff->maximum : backoff->range * factor;
}

void lubdub_backoff_init(struct lubdub_backoff *backoff, lubdub_duration minimum, lubdub_duration maximum,
                         uint64_t seed)
{
    *backoff = (struct lubdub_backoff){.minimum = minimum, .maximum = maximum, .range = minimum, .random = seed};
}

lubdub_duration lubdub_backoff_next(struct lubdub_backoff *backoff, lubdub_duration at_least)
{
    lubdub_duration jitter_range;

    if (at_least > LUBDUB_RETRY_AFTER_LIMIT) {
        at_least = LUBDUB_RETRY_AFTER_LIMIT;
    }
    jitter_range = backoff->range > at_least / 2 ? backoff->range : at_least / 2;
    grow(backoff, 2);
    return lubdub_time_after(at_least, draw(backoff, jitter_range));
}

lubdub_duration lubdub_backoff_next_replaced(struct lubdub_backoff *backoff)
{
    grow(backoff, REPLACED_GROWTH);
    return backoff->range / 2 + draw(backoff, backoff->range / 2);
}

void lubdub_backoff_note_session(struct lubdub_backoff *backoff, lubdub_duration lasted, lubdub_duration expiry)
{
    bool is_good = lasted / GOOD_EXPIRIES >= expiry && lasted / 2 >= backoff->minimum;

    if (is_good || lasted / 2 >= backoff->maximum) {
        backoff->range = backoff->minimum;
    }
}
