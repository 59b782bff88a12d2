/* Draws the outages of some paths, and counts how often each timeout would be wrong if nothing else kept beats away. */
#include "simulate/contest/bound.h"

#include <stdlib.h>
#include <string.h>

#define MS LUBDUB_MILLISECOND

static void put(struct paths_bound *bound, lubdub_duration silence)
{
    if (bound->count == bound->capacity) {
        bound->capacity = bound->capacity > 0 ? bound->capacity * 2 : 1024;
        bound->silences = realloc(bound->silences, bound->capacity * sizeof *bound->silences);
        if (bound->silences == NULL) {
            abort();
        }
    }
    bound->silences[bound->count++] = silence;
}

static int in_order(const void *one, const void *other)
{
    lubdub_duration a = *(const lubdub_duration *)one;
    lubdub_duration b = *(const lubdub_duration *)other;

    return a < b ? -1 : a > b;
}

void paths_bound_make(struct paths_bound *bound, const struct sim_settings *settings, double days, uint64_t seed)
{
    const lubdub_time end = (lubdub_time)(days * 24 * (double)LUBDUB_HOUR);
    struct sim_path each[SIM_PATH_LIMIT];
    lubdub_time since = LUBDUB_TIME_NEVER;
    lubdub_time now = 0;
    unsigned i;

    *bound = (struct paths_bound){.days = days};
    for (i = 0; i < settings->paths; i++) {
        sim_path_init(&each[i], settings->network, sim_path_seed(seed, i));
        sim_path_share(&each[i], settings->shared, sim_path_seed(seed, SIM_PATH_LIMIT));
    }
    while (now < end) {
        lubdub_time next = LUBDUB_TIME_NEVER;
        bool all_out = true;

        for (i = 0; i < settings->paths; i++) {
            next = lubdub_time_earlier(next, sim_path_changes_at(&each[i], now));
            all_out = sim_path_is_out(&each[i], now) && all_out;
        }
        if (all_out && since == LUBDUB_TIME_NEVER) {
            since = now;
        } else if (!all_out && since != LUBDUB_TIME_NEVER) {
            put(bound, now - since);
            since = LUBDUB_TIME_NEVER;
        }
        now = next;
    }
    if (bound->count > 0) {
        qsort(bound->silences, bound->count, sizeof *bound->silences, in_order);
    }
}

void paths_bound_clear(struct paths_bound *bound)
{
    free(bound->silences);
    *bound = (struct paths_bound){0};
}

/* The first probe of a silence goes out anywhere in the interval that begins with it, and waits until the silence ends.
 */
static double wrong_with(const struct paths_bound *bound, lubdub_duration interval, lubdub_duration timeout)
{
    double wrong = 0;
    size_t i;

    for (i = bound->count; i > 0 && bound->silences[i - 1] > timeout; i--) {
        double beyond = (double)(bound->silences[i - 1] - timeout) / (double)interval;

        wrong += beyond < 1 ? beyond : 1;
    }
    return wrong;
}

lubdub_duration paths_bound_timeout(const struct paths_bound *bound, lubdub_duration interval, double alarms_a_day)
{
    lubdub_duration low = 0;
    lubdub_duration high = LUBDUB_HOUR / MS;

    while (low < high) {
        lubdub_duration middle = (low + high) / 2;

        if (wrong_with(bound, interval, middle * MS) <= alarms_a_day * bound->days) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low * MS;
}
