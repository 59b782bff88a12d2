/* Computes interval and timeout as sections 4 and 5 of the paper by Chen, Toueg and Aguilera say. */
#include "client/plan/chen.h"

#include <math.h>
#include <stddef.h>

#include "client/plan/logarithm.h"

#define STEPS 1000

/* Where nothing else limits it, as short as any plan could want it. */
#define SHORTEST_INTERVAL 1e-6

/* No plan lets a death be told later than this. */
#define LONGEST_DETECT 86400.0
#define BIG_STEP 4.0

/* An interval that divides the time exactly is not one more because of its last digit. */
#define ROUNDING 1e-9

struct procedure {
    const struct plan_wish *wish;
    double loss;
    double (*late)(const void *user_data, double x);
    const void *user_data;
    const struct plan_network *network; /* NULL: the distribution is known */
};

/* How many heartbeats beside the first could have said so in time. */
static unsigned others(double span, double interval)
{
    double count = ceil(span / interval - ROUNDING) - 1;

    return count > 0 ? (unsigned)count : 0;
}

static double span_of(const struct procedure *procedure)
{
    return procedure->wish->detect - (procedure->network != NULL ? procedure->network->delay : 0);
}

/* The share of heartbeats that one path loses, or brings more than x later than the mean; at most. */
static double missing_on_one(const struct plan_network *network, double loss, double x)
{
    return x > 0 ? (network->variance + loss * x * x) / (network->variance + x * x) : 1;
}

/* The same of all paths together. */
static double missing(const struct procedure *procedure, double x)
{
    const struct plan_network *network = procedure->network;
    double one = missing_on_one(network, procedure->loss, x);
    double others = 1;
    unsigned i;

    if (network->paths < 2) {
        return one;
    }
    for (i = 1; i < network->paths; i++) {
        others *= missing_on_one(network, procedure->loss, x - LUBDUB_PLAN_FAILOVER);
    }
    return one * (network->shared + (1 - network->shared) * others);
}

/* gamma' of section 5, q_0' of section 4: the share of heartbeats that come in time, at least. */
static double share_in_time(const struct procedure *procedure)
{
    double span = span_of(procedure);

    if (procedure->network == NULL) {
        return (1 - procedure->loss) * (1 - procedure->late(procedure->user_data, span));
    }
    return 1 - missing(procedure, span);
}

/* What a heartbeat that is sent x before the end adds to ln f(interval): the more, the longer x. */
static double worth(const struct procedure *procedure, double x)
{
    double loss = procedure->loss;

    if (procedure->network == NULL) {
        return -lubdub_logarithm(loss + (1 - loss) * procedure->late(procedure->user_data, x));
    }
    return -lubdub_logarithm(missing(procedure, x));
}

/* ln f(interval). */
static double log_gap(const struct procedure *procedure, double interval)
{
    double span = span_of(procedure);
    double sum = lubdub_logarithm(interval);
    unsigned count = others(span, interval);
    unsigned j;

    if (procedure->network == NULL) {
        sum -= lubdub_logarithm(share_in_time(procedure));
    }
    for (j = 1; j <= count; j++) {
        sum += worth(procedure, span - j * interval);
    }
    return sum;
}

static double longest_interval(const struct procedure *procedure, const struct plan_limits *limits)
{
    double longest = share_in_time(procedure) * procedure->wish->mistake_length;
    double most = span_of(procedure) * (limits->interval_share > 0 ? limits->interval_share : 1);

    return longest > most ? most : longest;
}

static bool fulfils(const struct procedure *procedure, double interval)
{
    double wanted = lubdub_logarithm(procedure->wish->mistake_gap);
    double span = span_of(procedure);
    double most = lubdub_logarithm(interval) + others(span, interval) * worth(procedure, span - interval);

    if (procedure->network != NULL && most < wanted) {
        return false; /* and no need to add them all up */
    }
    return log_gap(procedure, interval) >= wanted;
}

static struct plan_answer answer(const struct procedure *procedure, double interval)
{
    return (struct plan_answer){
        .is_possible = true,
        .interval = interval,
        .timeout = procedure->wish->detect - interval,
        .mistake_gap = lubdub_exponential(log_gap(procedure, interval)),
        .mistake_length = interval / share_in_time(procedure),
        .detect_mean = procedure->wish->detect - interval / 2,
    };
}

/* f neither rises nor falls throughout, so the longest is looked for from above. */
static struct plan_answer search(const struct procedure *procedure, const struct plan_limits *limits)
{
    double least = limits->interval_least > 0 ? limits->interval_least : SHORTEST_INTERVAL;
    double interval;

    if (span_of(procedure) <= 0) {
        return (struct plan_answer){0};
    }
    interval = longest_interval(procedure, limits);
    if (limits->step > 0) {
        double count = floor(interval / limits->step + ROUNDING);

        for (; count >= 1 && count * limits->step >= least - ROUNDING; count--) {
            if (fulfils(procedure, count * limits->step)) {
                return answer(procedure, count * limits->step);
            }
            if (count > 100 * STEPS) {
                count -= floor(count / STEPS); /* of very long times, to a thousandth */
            }
        }
        return (struct plan_answer){0};
    }
    for (; interval >= least; interval *= 1 - 1.0 / STEPS) {
        if (fulfils(procedure, interval)) {
            return answer(procedure, interval);
        }
    }
    return (struct plan_answer){0};
}

double lubdub_plan_log_gap(const struct plan_wish *wish, const struct plan_network *network, double interval)
{
    const struct procedure procedure = {.wish = wish, .loss = network->loss, .network = network};

    return log_gap(&procedure, interval);
}

struct plan_answer lubdub_plan_configure(const struct plan_wish *wish, const struct plan_network *network,
                                         const struct plan_limits *limits)
{
    const struct procedure procedure = {.wish = wish, .loss = network->loss, .network = network};

    return search(&procedure, limits);
}

struct plan_answer lubdub_plan_configure_known(const struct plan_wish *wish, double loss,
                                               double (*late)(const void *user_data, double x), const void *user_data,
                                               const struct plan_limits *limits)
{
    const struct procedure procedure = {.wish = wish, .loss = loss, .late = late, .user_data = user_data};

    return search(&procedure, limits);
}

/* ---- what would make it possible ---- */

struct change {
    struct plan_wish wish;
    struct plan_network network;
    struct plan_limits limits;
};

typedef void (*change_to)(struct change *change, double value);

static void change_detect(struct change *change, double value)
{
    if (fabs(change->wish.mistake_length - change->wish.detect) < ROUNDING) {
        change->wish.mistake_length = value; /* nothing was wished of it */
    }
    change->wish.detect = value;
}

static void change_length(struct change *change, double value)
{
    change->wish.mistake_length = value;
}

static void change_gap(struct change *change, double value)
{
    change->wish.mistake_gap = value;
}

static void change_deviation(struct change *change, double value)
{
    change->network.variance = value * value;
}

static void change_loss(struct change *change, double value)
{
    change->network.loss = value;
}

static void change_interval(struct change *change, double value)
{
    change->limits.interval_least = value;
    change->limits.step = value < change->limits.step ? 0 : change->limits.step;
}

static bool is_possible_with(const struct change *base, change_to to, double value)
{
    struct change changed = *base;

    to(&changed, value);
    return lubdub_plan_configure(&changed.wish, &changed.network, &changed.limits).is_possible;
}

/*
 * The value nearest to `from`, which does not do, that does, on the way to `to`; 0: none. Both above 0. Big steps
 * first, for far away it takes longest to say; then the ratio is halved.
 */
static double nearest(const struct change *base, change_to change, double from, double to)
{
    const double most = to;
    unsigned i;

    do {
        to = from < most ? fmin(from * BIG_STEP, most) : fmax(from / BIG_STEP, most);
        if (is_possible_with(base, change, to)) {
            break;
        }
        from = to;
    } while (fabs(from - most) > 0);
    if (fabs(from - most) <= 0) {
        return 0;
    }
    for (i = 0; i < 40 && fabs(from - to) > to / 1000; i++) {
        double middle = sqrt(from * to);

        if (is_possible_with(base, change, middle)) {
            to = middle;
        } else {
            from = middle;
        }
    }
    return to;
}

void lubdub_plan_find_ways(const struct plan_wish *wish, const struct plan_network *network,
                           const struct plan_limits *limits, struct plan_ways *ways)
{
    const struct procedure procedure = {.wish = wish, .loss = network->loss, .network = network};
    const struct change base = {*wish, *network, *limits};
    double longest_mistake;
    const double tiny = 1e-9;

    *ways = (struct plan_ways){.loss = -1};
    ways->detect = nearest(&base, change_detect, wish->detect,
                           fmin((wish->detect + network->delay + limits->interval_least) * 1e4, LONGEST_DETECT));
    ways->mistake_gap = nearest(&base, change_gap, wish->mistake_gap, tiny);
    longest_mistake = wish->detect / share_in_time(&procedure); /* beyond it, all else is shorter */
    if (span_of(&procedure) > 0 && longest_mistake > wish->mistake_length) {
        ways->mistake_length = nearest(&base, change_length, wish->mistake_length, longest_mistake);
    }
    if (network->variance > 0) {
        ways->deviation = nearest(&base, change_deviation, sqrt(network->variance), tiny);
    }
    if (network->loss > 0 && is_possible_with(&base, change_loss, 0)) {
        ways->loss = nearest(&base, change_loss, network->loss, tiny);
    }
    if (limits->interval_least > 0) {
        ways->interval = nearest(&base, change_interval, limits->interval_least, limits->interval_least / 1000);
    }
}
