/* Sorts the observations of a ledger into rows, and sums each row up. */
#include "swarm/findings/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_of_fault(const struct swarm_row *row, const struct swarm_observation *observation)
{
    return (enum swarm_fault)observation->fault == row->fault;
}

static bool has_two_rows(enum swarm_fault fault)
{
    return swarm_fault_has_row(fault, SWARM_SIDE_CLIENT) && swarm_fault_has_row(fault, SWARM_SIDE_SERVER);
}

/*
 * What a side said belongs to its row, where it has one. As long as no side says anything, a client that a passing
 * fault meets is at stake in both.
 */
static bool belongs(const struct swarm_row *row, const struct swarm_observation *observation)
{
    bool is_shared = swarm_fault_passes(row->fault) && observation->decided_at == 0;

    return is_of_fault(row, observation) &&
           (!has_two_rows(row->fault) || is_shared || (enum swarm_side)observation->side == row->side);
}

/* Of twins each in its row; where a fault has one observation but two rows, in both. */
static bool is_injected(const struct swarm_row *row, const struct swarm_observation *observation)
{
    bool has_twins = has_two_rows(row->fault) && !swarm_fault_passes(row->fault);

    return is_of_fault(row, observation) && observation->injected_at != 0 &&
           (!has_twins || (enum swarm_side)observation->side == row->side);
}

static bool has_verdict(const struct swarm_observation *observation)
{
    return observation->outcome == SWARM_DETECTED || observation->outcome == SWARM_WRONG_CAUSE ||
           observation->outcome == SWARM_FALSE_ALARM;
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

/* How long after their own deadlines the row's verdicts came. */
static void summarize_lateness(struct swarm_row *row, const struct swarm_ledger *ledger, lubdub_duration *room)
{
    size_t late_count = 0;
    size_t i;

    for (i = 0; i < ledger->count; i++) {
        const struct swarm_observation *observation = &ledger->observations[i];

        if (belongs(row, observation) && has_verdict(observation) && observation->has_deadline) {
            room[late_count++] = observation->late_by > 0 ? (lubdub_duration)observation->late_by : 0;
        }
    }
    swarm_summarize(&row->lateness, room, late_count);
}

/* The latencies are sorted. */
static void judge_certainty(struct swarm_certainty *certainty, const lubdub_duration *latencies, size_t count)
{
    static const double shares[SWARM_QUANTILE_COUNT] = {0.5, 0.9, 0.99, 0.999};
    double deviation;
    int i;

    swarm_mean(latencies, count, &certainty->mean, &deviation);
    certainty->mean_interval = swarm_interval_of_mean(certainty->mean, deviation, count, SWARM_CONFIDENCE);
    if (certainty->mean_interval.low < 0) {
        certainty->mean_interval.low = 0;
    }
    for (i = 0; i < SWARM_QUANTILE_COUNT; i++) {
        struct swarm_ranks ranks = swarm_interval_of_quantile(count, shares[i], SWARM_CONFIDENCE);

        certainty->quantiles[i].low = ranks.low > 0 ? (double)latencies[ranks.low - 1] : 0;
        certainty->quantiles[i].high = ranks.high <= count ? (double)latencies[ranks.high - 1] : INFINITY;
    }
}

static void fill(struct swarm_row *row, const struct swarm_ledger *ledger, const struct swarm_timing *timing,
                 lubdub_duration *latencies)
{
    size_t i;

    for (i = 0; i < ledger->count; i++) {
        const struct swarm_observation *observation = &ledger->observations[i];

        row->injected += is_injected(row, observation);
        if (belongs(row, observation)) {
            count(row, observation, latencies);
        }
    }
    row->has_bound = swarm_bound(row->fault, row->side, timing, &row->bound_low, &row->bound_high);
    swarm_summarize(&row->latency, latencies, row->detected);
    judge_certainty(&row->certainty, latencies, row->detected);
    summarize_lateness(row, ledger, latencies);
}

static void add(struct swarm_rows *rows, enum swarm_fault fault, bool server_is_observed)
{
    int side;

    for (side = 0; side < SWARM_SIDE_COUNT; side++) {
        if (swarm_fault_has_row(fault, (enum swarm_side)side)) {
            rows->rows[rows->count++] = (struct swarm_row){
                .fault = fault,
                .side = (enum swarm_side)side,
                .is_observed = side == SWARM_SIDE_CLIENT || server_is_observed,
            };
        }
    }
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
            add(rows, (enum swarm_fault)fault, server_is_observed);
        }
    }
    add(rows, SWARM_FAULT_NONE, server_is_observed);
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
        bool is_second = row->fault != SWARM_FAULT_NONE && has_two_rows(row->fault) && row->side == SWARM_SIDE_SERVER;

        sums->injected += is_second ? 0 : row->injected;
        sums->undecided += is_second && swarm_fault_passes(row->fault) ? 0 : row->undecided;
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
