/* What the ledger says, one row for each fault and side, beside the bounds of docs/protocol.md, section 8. Pure. */
#ifndef LUBDUB_SWARM_FINDINGS_RESULT_H
#define LUBDUB_SWARM_FINDINGS_RESULT_H

#include <stdbool.h>
#include <stddef.h>

#include "statistics/interval.h"
#include "statistics/summary.h"
#include "swarm/findings/bound.h"
#include "swarm/findings/ledger.h"
#include "swarm/orders/order.h"

#define SWARM_CAUSE_COUNT (LUBDUB_CAUSE_SHUTDOWN + 1)

/* Of swarm_summary. */
enum swarm_quantile {
    SWARM_P50,
    SWARM_P90,
    SWARM_P99,
    SWARM_P999,
    SWARM_QUANTILE_COUNT,
};

/*
 * How sure a row's detection time T_D is, in nanoseconds, with SWARM_CONFIDENCE: the mean by Student's distribution,
 * quantiles by their order among the values (binomial). An end that so few values do not tell is 0 or INFINITY.
 */
struct swarm_certainty {
    double mean;
    struct swarm_interval mean_interval;
    struct swarm_interval quantiles[SWARM_QUANTILE_COUNT];
};

struct swarm_row {
    enum swarm_fault fault;
    enum swarm_side side;
    bool is_observed; /* false: this side tells us nothing */
    size_t injected;
    size_t detected;    /* of those, noticed in time on this side, whatever the cause that was given */
    size_t wrong_cause; /* of those, with a cause that the fault does not explain */
    size_t missed;
    size_t undecided;
    size_t false_alarms;
    struct swarm_summary latency; /* of the detected */
    struct swarm_summary
        lateness; /* of those of them and of the false alarms that a deadline brought about, behind it */
    struct swarm_certainty certainty; /* of the latency */
    bool has_bound;
    lubdub_duration bound_low;
    lubdub_duration bound_high;
    size_t causes[SWARM_CAUSE_COUNT]; /* of the detected and the false alarms */
};

/* Each fault, and none, on both sides. */
#define SWARM_ROW_LIMIT (SWARM_FAULT_COUNT * SWARM_SIDE_COUNT)

struct swarm_rows {
    struct swarm_row rows[SWARM_ROW_LIMIT];
    size_t count;
};

/*
 * The rows of the faults in these orders, the client's before the server's, then what came without a fault, the
 * client's and the server's. Returns false without memory.
 */
bool swarm_rows_make(struct swarm_rows *rows, const struct swarm_ledger *ledger, const struct swarm_order *orders,
                     size_t order_count, const struct swarm_timing *timing, bool server_is_observed);

struct swarm_sums {
    size_t injected;
    size_t detected; /* by either side: two for a fault that both noticed */
    size_t wrong_cause;
    size_t missed;
    size_t undecided;
    size_t false_alarms;
};

/* Over all rows; a fault that has a row for each side was injected once. */
void swarm_rows_sum(const struct swarm_rows *rows, struct swarm_sums *sums);

/* How far the slowest detection was over the bound, in nanoseconds; negative: within it. 0 where either is missing. */
int64_t swarm_row_over_bound(const struct swarm_row *row);

#endif
