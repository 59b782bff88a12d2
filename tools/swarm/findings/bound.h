/* How soon a fault is to be noticed: the bounds of docs/protocol.md, section 8. Pure. */
#ifndef LUBDUB_SWARM_FINDINGS_BOUND_H
#define LUBDUB_SWARM_FINDINGS_BOUND_H

#include <stdbool.h>

#include <lubdub/time.h>

#include "swarm/orders/fault.h"

/* What section 8 counts with. */
struct swarm_timing {
    lubdub_duration interval;
    lubdub_duration timeout;
    lubdub_duration expiry;
    lubdub_duration delay; /* one way */
};

/* After so long without an answer TCP sends again, and until then it may send more: Linux's default at least. */
#define SWARM_RESEND_AFTER (200 * LUBDUB_MILLISECOND)

/* The time within which this side notices this fault. False: it should never. */
bool swarm_bound(enum swarm_fault fault, enum swarm_side side, const struct swarm_timing *timing, lubdub_duration *low,
                 lubdub_duration *high);

#endif
