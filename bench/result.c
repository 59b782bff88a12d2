/* Counting, and section 8. */
#include "result.h"

#include <stdlib.h>
#include <string.h>

static lubdub_duration less(lubdub_duration length, lubdub_duration by)
{
    return lubdub_time_between(by, length);
}

bool swarm_bound(enum swarm_fault fault, enum swarm_side side, const struct swarm_timing *timing, lubdub_duration *low,
                 lubdub_duration *high)
{
    switch (fault) {
    case SWARM_FAULT_FREEZE:
        *low = less(less(timing->expiry, timing->interval), timing->delay);
        *high = timing->expiry + timing->delay;
        return true;
    case SWARM_FAULT_KILL:
    case SWARM_FAULT_RESET:
    case SWARM_FAULT_BYE:
    case SWARM_FAULT_SERVER_KILL:
        *low = 0;
        *high = timing->delay;
        return true;
    case SWARM_FAULT_SERVER_STALL:
    case SWARM_FAULT_SERVER_FREEZE:
        *low = less(timing->timeout, 2 * timing->delay);
        *high = timing->timeout + timing->interval;
        return side == SWARM_SIDE_CLIENT;
    case SWARM_FAULT_NONE:
    case SWARM_FAULT_COUNT:
        break;
    }
    *low = *high = 0;
    return false;
}

static bool is_of_fault(const struct swarm_row *row, const struct swarm_observation *observation)
{
    return (enum swarm_fault)observation->fault == row->fault;
}

/* A fault has one row, but for those that have one for each side. When the server stalls, all are at stake on both. */
static bool belongs(const struct swarm_row *row, const struct swarm_observation *observation)
{
    bool is_shared = row->fault == SWARM_FAULT_SERVER_STALL && observation->decided_at == 0;
    bool has_sides = row->fault == SWARM_FAULT_SERVER_STALL || row->fault == SWARM_FAULT_NONE;

    return is_of_fault(row, observation) &&
           (!has_sides || is_shared || (enum swarm_side)observation->side == row->side);
}

static void count(struct swarm_row *row, const struct swarm_observation *observation, lubdub_duration *latencies)
{
    switch ((enum swarm_outcome)observation->outcome) {
    case SWARM_DETECTED:
    case SWARM_WRONG_CAUSE:
        row->wrong_cause += observation->outcome == SWARM_WRONG_CAUSE;
        latencies[row->detected++] = lubdub_time_between(observation->injected_at, observation->decided_at);
        row->causes[observation->cause]++;
        break;
    case SWARM_FALSE_ALARM:
        row->false_alarms++;
        row->causes[observation->cause]++;
        break;
    case SWARM_MISSED:
        row->missed++;
        break;
    case SWARM_OPEN:
    case SWARM_UNDECIDED:
        row->undecided++;
        break;
    case SWARM_SPARED:
    case SWARM_EXCUSED:
        break;
    }
}

static void fill(struct swarm_row *row, const struct swarm_ledger *ledger, const struct swarm_timing *timing,
                 lubdub_duration *latencies)
{
    size_t i;

    for (i = 0; i < ledger->count; i++) {
        const struct swarm_observation *observation = &ledger->observations[i];

        row->injected += is_of_fault(row, observation) && observation->injected_at != 0;
        if (belongs(row, observation)) {
            count(row, observation, latencies);
        }
    }
    row->has_bound = swarm_bound(row->fault, row->side, timing, &row->bound_low, &row->bound_high);
    swarm_summarize(&row->latency, latencies, row->detected);
}

static void add(struct swarm_rows *rows, enum swarm_fault fault, enum swarm_side side, bool server_is_observed)
{
    rows->rows[rows->count++] = (struct swarm_row){
        .fault = fault,
        .side = side,
        .is_observed = side == SWARM_SIDE_CLIENT || server_is_observed,
    };
}

static bool is_ordered(const struct swarm_order *orders, size_t order_count, enum swarm_fault fault)
{
    size_t i;

    for (i = 0; i < order_count && orders[i].fault != fault; i++) {
    }
    return i < order_count;
}

bool swarm_rows_make(struct swarm_rows *rows, const struct swarm_ledger *ledger, const struct swarm_order *orders,
                     size_t order_count, const struct swarm_timing *timing, bool server_is_observed)
{
    lubdub_duration *latencies = malloc((ledger->count + 1) * sizeof *latencies);
    int fault;
    size_t i;

    memset(rows, 0, sizeof *rows);
    if (latencies == NULL) {
        return false;
    }
    for (fault = 0; fault < SWARM_FAULT_NONE; fault++) {
        if (is_ordered(orders, order_count, (enum swarm_fault)fault)) {
            add(rows, (enum swarm_fault)fault, swarm_fault_side((enum swarm_fault)fault), server_is_observed);
        }
        if (fault == SWARM_FAULT_SERVER_STALL && is_ordered(orders, order_count, SWARM_FAULT_SERVER_STALL)) {
            add(rows, SWARM_FAULT_SERVER_STALL, SWARM_SIDE_SERVER, server_is_observed);
        }
    }
    add(rows, SWARM_FAULT_NONE, SWARM_SIDE_CLIENT, server_is_observed);
    add(rows, SWARM_FAULT_NONE, SWARM_SIDE_SERVER, server_is_observed);
    for (i = 0; i < rows->count; i++) {
        fill(&rows->rows[i], ledger, timing, latencies);
    }
    free(latencies);
    return true;
}

void swarm_rows_sum(const struct swarm_rows *rows, struct swarm_sums *sums)
{
    size_t i;

    memset(sums, 0, sizeof *sums);
    for (i = 0; i < rows->count; i++) {
        const struct swarm_row *row = &rows->rows[i];
        bool counts_twice = row->fault == SWARM_FAULT_SERVER_STALL && row->side == SWARM_SIDE_SERVER;

        sums->injected += counts_twice ? 0 : row->injected;
        sums->undecided += counts_twice ? 0 : row->undecided;
        sums->detected += row->detected;
        sums->wrong_cause += row->wrong_cause;
        sums->missed += row->missed;
        sums->false_alarms += row->false_alarms;
    }
}

int64_t swarm_row_over_bound(const struct swarm_row *row)
{
    return row->has_bound && row->latency.count > 0 ? (int64_t)row->latency.max - (int64_t)row->bound_high : 0;
}
