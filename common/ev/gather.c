/* Knows the least that sessions allow, over a sliding window, and the rate at which sockets become ready. */
#include "ev/gather.h"

#include <stdbool.h>

#define WINDOW_MIN LUBDUB_SECOND
#define WINDOW_INTERVALS 2

/* The rate is learned from pieces of so long; half of it is what came last. */
#define COUNTED_FOR (8 * LUBDUB_MILLISECOND)

/* Waiting for less costs more than it brings. */
#define SHORTEST (20 * LUBDUB_MICROSECOND)

void lubdub_gather_init(struct lubdub_gather *gather, lubdub_duration phase)
{
    *gather = (struct lubdub_gather){.bound = UINT64_MAX, .bound_before = UINT64_MAX, .phase = phase};
}

static lubdub_duration share_of(lubdub_duration interval, lubdub_duration timeout)
{
    return lubdub_duration_shorter(interval, timeout) / LUBDUB_GATHER_SHARE;
}

/* Whether enough sockets come in so long that waiting for them pays. */
static bool pays(const struct lubdub_gather *gather, lubdub_duration length)
{
    return length * gather->per_second >= LUBDUB_GATHER_FEWEST * LUBDUB_SECOND;
}

void lubdub_gather_note(struct lubdub_gather *gather, lubdub_duration longest, lubdub_duration interval,
                        lubdub_duration timeout)
{
    lubdub_duration share = share_of(interval, timeout);

    if (share < longest) {
        /* It matters, and has to be remembered until it is looked at again. */
        gather->memory = lubdub_duration_longer(gather->memory, WINDOW_INTERVALS * interval);
    }
    gather->bound = lubdub_duration_shorter(gather->bound, lubdub_duration_shorter(longest, share));
}

/* 0 where no session has said what it allows. */
static lubdub_duration longest_gather(const struct lubdub_gather *gather)
{
    lubdub_duration longest = lubdub_duration_shorter(gather->bound, gather->bound_before);

    return longest <= LUBDUB_GATHER_LIMIT ? longest : 0;
}

static void turn_window(struct lubdub_gather *gather, lubdub_time now)
{
    lubdub_duration memory = lubdub_duration_longer(gather->memory, gather->memory_before);

    if (lubdub_time_between(gather->window_began, now) >= lubdub_duration_longer(memory, WINDOW_MIN)) {
        gather->window_began = now;
        gather->bound_before = gather->bound;
        gather->bound = UINT64_MAX;
        gather->memory_before = gather->memory;
        gather->memory = 0;
    }
}

static void count(struct lubdub_gather *gather, lubdub_time now, unsigned served)
{
    lubdub_duration length = lubdub_time_between(gather->counted_from, now);

    gather->counted += served;
    if (length >= COUNTED_FOR) {
        uint64_t fresh = gather->counted * LUBDUB_SECOND / length;

        gather->per_second = (gather->per_second + fresh) / 2;
        gather->counted = 0;
        gather->counted_from = now;
    }
}

lubdub_time lubdub_gather_until(struct lubdub_gather *gather, lubdub_time began, lubdub_time now, unsigned served)
{
    lubdub_duration longest;
    lubdub_duration length;
    uint64_t expected;
    lubdub_time until;

    turn_window(gather, now);
    count(gather, now, served);
    longest = longest_gather(gather);
    expected = longest * gather->per_second / LUBDUB_SECOND;
    length = expected < LUBDUB_GATHER_ENOUGH ? longest * expected / LUBDUB_GATHER_ENOUGH : longest;
    if (!pays(gather, length)) {
        return now;
    }
    length = lubdub_duration_shorter(length, LUBDUB_GATHER_MOST * LUBDUB_SECOND / gather->per_second);
    until = lubdub_time_after(began, length);
    return until >= lubdub_time_after(now, SHORTEST) ? until : now;
}

lubdub_time lubdub_gather_probe(const struct lubdub_gather *gather, lubdub_time due, lubdub_time latest,
                                lubdub_duration longest, lubdub_duration interval, lubdub_duration timeout)
{
    lubdub_duration length = lubdub_duration_shorter(longest, share_of(interval, timeout));
    lubdub_duration past;

    if (due >= latest || !pays(gather, length)) {
        return due;
    }
    length = lubdub_duration_shorter(length, LUBDUB_GATHER_MOST * LUBDUB_SECOND / gather->per_second);
    past = (due + gather->phase) % length;
    return past == 0 ? due : lubdub_time_earlier(lubdub_time_after(due, length - past), latest);
}
