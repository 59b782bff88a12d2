/* Computes the bounds of section 8, rule by rule. */
#include "swarm/findings/bound.h"

static lubdub_duration less(lubdub_duration length, lubdub_duration by)
{
    return lubdub_time_between(by, length);
}

/* Silence, judged by that side for itself. */
static void bound_of_silence(enum swarm_side side, const struct swarm_timing *timing, lubdub_duration *low,
                             lubdub_duration *high)
{
    if (side == SWARM_SIDE_CLIENT) {
        *low = less(timing->timeout, 2 * timing->delay);
        *high = timing->timeout + timing->interval;
    } else {
        *low = less(less(timing->expiry, timing->interval), timing->delay);
        *high = timing->expiry + timing->delay;
    }
}

/* A path that is dead one way only: the side that still hears may be told of the end by the other, and so be sooner. */
static void bound_of_one_way(enum swarm_side side, const struct swarm_timing *timing, lubdub_duration *low,
                             lubdub_duration *high)
{
    lubdub_duration low_of_other;
    lubdub_duration high_of_other;

    bound_of_silence(side == SWARM_SIDE_CLIENT ? SWARM_SIDE_SERVER : SWARM_SIDE_CLIENT, timing, &low_of_other,
                     &high_of_other);
    bound_of_silence(side, timing, low, high);
    *low = lubdub_duration_shorter(*low, low_of_other);
}

bool swarm_bound(enum swarm_fault fault, enum swarm_side side, const struct swarm_timing *timing, lubdub_duration *low,
                 lubdub_duration *high)
{
    *low = *high = 0;
    switch (swarm_fault_limit(fault, side)) {
    case SWARM_LIMIT_NONE:
        return false;
    case SWARM_LIMIT_TOLD:
        *high = timing->delay;
        break;
    case SWARM_LIMIT_SILENCE:
        bound_of_silence(side, timing, low, high);
        break;
    case SWARM_LIMIT_MUTE:
        bound_of_one_way(side, timing, low, high);
        break;
    case SWARM_LIMIT_DEAF:
        /* Its TCP, which is not answered, sends what is new until after a tail loss probe and a retransmission. */
        bound_of_one_way(side, timing, low, high);
        *high += timing->interval + 2 * (SWARM_RESEND_AFTER + 4 * timing->delay);
        break;
    }
    return true;
}
