/* Counts late sessions, and begins and ends the suspicion at shares that lie far apart. */
#include "core/suspicion.h"

/* The origin with the most sessions. */
static const struct lubdub_suspicion_of_origin *largest_origin(const struct lubdub_suspicion *suspicion)
{
    const struct lubdub_suspicion_of_origin *largest = &suspicion->origins[0];
    unsigned i;

    for (i = 1; i < LUBDUB_SUSPICION_ORIGINS; i++) {
        if (suspicion->origins[i].session_count > largest->session_count) {
            largest = &suspicion->origins[i];
        }
    }
    return largest;
}

/* Late sessions of so many. If the largest origin is larger than all others together, it weighs as much as they. */
static void weigh(const struct lubdub_suspicion *suspicion, uint64_t *late, uint64_t *all)
{
    const struct lubdub_suspicion_of_origin *largest = largest_origin(suspicion);
    uint64_t others = suspicion->session_count - largest->session_count;

    *late = suspicion->late_count;
    *all = suspicion->session_count;
    if (others > 0 && largest->session_count > others) {
        *late = (suspicion->late_count - largest->late_count) * (uint64_t)largest->session_count +
                largest->late_count * others;
        *all = 2 * others * largest->session_count;
    }
}

void lubdub_suspicion_count_from(struct lubdub_suspicion *suspicion, uint32_t origin, int sessions, int late)
{
    struct lubdub_suspicion_of_origin *place = &suspicion->origins[origin % LUBDUB_SUSPICION_ORIGINS];
    uint64_t weighed_late;
    uint64_t all;

    suspicion->session_count += (unsigned)sessions;
    suspicion->late_count += (unsigned)late;
    place->session_count += (uint32_t)sessions;
    place->late_count += (uint32_t)late;
    if (!suspicion->is_there && suspicion->late_count < LUBDUB_SUSPICION_CROWD) {
        return;
    }
    weigh(suspicion, &weighed_late, &all);
    if (suspicion->is_there) {
        suspicion->is_there = weighed_late > all / 4;
    } else if (weighed_late > all / 2) {
        suspicion->is_there = true;
        suspicion->times++;
    }
}

void lubdub_suspicion_count(struct lubdub_suspicion *suspicion, int sessions, int late)
{
    lubdub_suspicion_count_from(suspicion, 0, sessions, late);
}
