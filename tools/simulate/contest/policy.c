/* Implements the rules of the contest, one function each. */
#include "simulate/contest/policy.h"

#include <stdlib.h>
#include <string.h>

#define US LUBDUB_MICROSECOND
#define MS LUBDUB_MILLISECOND

/*
 * A probability of 10^-8 that the next beat comes later still, which is a phi of 8, in deviations: by the normal
 * distribution, and by the logistic function that Akka puts in its place, y (1.5976 + 0.070566 y^2) = ln(10^8 - 1).
 */
#define PHI_8_NORMAL 367788   /* 5.6120 */
#define PHI_8_LOGISTIC 342490 /* 5.2260 */

void sim_view_make(struct sim_view *view, const struct sim_trace *trace, enum sim_observer observer)
{
    size_t beat;

    view->observer = observer;
    view->trace = trace;
    view->count = 0;
    view->arrivals = malloc((trace->count + 1) * sizeof *view->arrivals);
    if (view->arrivals == NULL) {
        abort();
    }
    for (beat = 0; beat < trace->count; beat++) {
        lubdub_time at = observer == SIM_OBSERVER_SERVER ? trace->beats[beat].heard_at : trace->beats[beat].answered_at;

        if (at != LUBDUB_TIME_NEVER) {
            view->arrivals[view->count++] = (struct sim_arrival){beat, at};
        }
    }
}

void sim_view_clear(struct sim_view *view)
{
    free(view->arrivals);
    view->arrivals = NULL;
}

/* Never earlier than the beat itself came, whatever the rule computed. */
static lubdub_time not_before(lubdub_time deadline, lubdub_time arrival)
{
    return deadline > arrival ? deadline : arrival;
}

/* Gives up after so long without a beat: MQTT's server, BFD, our server. */
static void apply_silence(const struct sim_rule *rule, const struct sim_view *view, lubdub_time *deadlines)
{
    size_t i;

    for (i = 0; i < view->count; i++) {
        deadlines[i] = view->arrivals[i].at + rule->length;
    }
}

static lubdub_time sent_at(const struct sim_view *view, size_t beat)
{
    return beat < view->trace->count ? view->trace->beats[beat].sent_at : LUBDUB_TIME_NEVER;
}

/* Gives up at the timeout of the first unanswered probe: our client. */
static void apply_probe(const struct sim_rule *rule, const struct sim_view *view, lubdub_time *deadlines)
{
    size_t i;

    for (i = 0; i < view->count; i++) {
        deadlines[i] = not_before(lubdub_time_after(sent_at(view, view->arrivals[i].beat + 1), rule->length),
                                  view->arrivals[i].at);
    }
}

/* Gives up when a ping is due and so many are outstanding: NATS. */
static void apply_outstanding(const struct sim_rule *rule, const struct sim_view *view, lubdub_time *deadlines)
{
    size_t i;

    for (i = 0; i < view->count; i++) {
        deadlines[i] = not_before(sent_at(view, view->arrivals[i].beat + 1 + rule->window), view->arrivals[i].at);
    }
}

static uint64_t square_root(uint64_t number)
{
    uint64_t root = 0;
    uint64_t bit = (uint64_t)1 << 62;

    while (bit > number) {
        bit >>= 2;
    }
    for (; bit != 0; bit >>= 2) {
        if (number >= root + bit) {
            number -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return root;
}

/* The last intervals between arrivals, in microseconds. */
struct history {
    uint64_t *intervals;
    unsigned limit;
    unsigned count;
    unsigned next;
    uint64_t sum;
    uint64_t sum_of_squares;
};

static void remember(struct history *history, uint64_t interval)
{
    if (history->count == history->limit) {
        uint64_t oldest = history->intervals[history->next];

        history->sum -= oldest;
        history->sum_of_squares -= oldest * oldest;
    } else {
        history->count++;
    }
    history->intervals[history->next] = interval;
    history->next = (history->next + 1) % history->limit;
    history->sum += interval;
    history->sum_of_squares += interval * interval;
}

/* Phi accrual: mean and deviation of the intervals; an interval that ends a suspicion is not learnt from (Akka). */
static void apply_phi(const struct sim_rule *rule, const struct sim_view *view, lubdub_time *deadlines)
{
    struct history history = {.limit = rule->window};
    size_t i;

    history.intervals = calloc(rule->window, sizeof *history.intervals);
    if (history.intervals == NULL) {
        abort();
    }
    remember(&history, rule->interval / US - rule->interval / US / 4);
    remember(&history, rule->interval / US + rule->interval / US / 4);
    for (i = 0; i < view->count; i++) {
        lubdub_time at = view->arrivals[i].at;
        uint64_t mean;
        uint64_t square;
        uint64_t deviation;

        if (i > 0 && at <= deadlines[i - 1]) {
            remember(&history, (at - view->arrivals[i - 1].at) / US);
        }
        mean = history.sum / history.count;
        square = history.sum_of_squares / history.count;
        deviation = square_root(square > mean * mean ? square - mean * mean : 0);
        if (deviation < rule->least_deviation / US) {
            deviation = rule->least_deviation / US;
        }
        deadlines[i] = at + rule->length + (mean + (deviation * rule->factor >> 16)) * US;
    }
    free(history.intervals);
}

/* NFD-E: the next arrival is expected where the last ones say, and awaited for a margin beyond that. */
static void apply_expected(const struct sim_rule *rule, const struct sim_view *view, lubdub_time *deadlines)
{
    size_t i;

    for (i = 0; i < view->count; i++) {
        size_t first = i + 1 > rule->window ? i + 1 - rule->window : 0;
        uint64_t count = i + 1 - first;
        uint64_t sum = 0; /* of how far each came after its place in the grid that begins with the first */
        lubdub_time grid = view->arrivals[first].at;
        size_t grid_beat = view->arrivals[first].beat;
        int64_t mean;
        size_t k;

        for (k = first; k <= i; k++) {
            sum += (uint64_t)((int64_t)(view->arrivals[k].at - grid) -
                              (int64_t)((view->arrivals[k].beat - grid_beat) * rule->interval));
        }
        mean = (int64_t)sum / (int64_t)count;
        deadlines[i] =
            not_before(grid + (uint64_t)mean + (view->arrivals[i].beat + 1 - grid_beat) * rule->interval + rule->length,
                       view->arrivals[i].at);
    }
}

static void apply_fixed(const struct sim_rule *rule, const struct sim_view *view, lubdub_time *deadlines)
{
    if (view->observer == SIM_OBSERVER_CLIENT) {
        apply_probe(rule, view, deadlines);
    } else {
        apply_silence(rule, view, deadlines);
    }
}

void sim_rule_fixed(struct sim_rule *rule, lubdub_duration interval, lubdub_duration timeout)
{
    memset(rule, 0, sizeof *rule);
    rule->is_for[SIM_OBSERVER_CLIENT] = rule->is_for[SIM_OBSERVER_SERVER] = true;
    rule->apply = apply_fixed;
    rule->interval = interval;
    rule->length = timeout;
}

size_t sim_rules(struct sim_rule *rules, lubdub_duration interval)
{
    const struct sim_rule table[] = {
        {.word = "fixed-1.5",
         .text = "our own, a timeout of 1.5 intervals (an expiry is at least 2)",
         .is_for = {[SIM_OBSERVER_CLIENT] = true},
         .apply = apply_fixed,
         .length = interval + interval / 2},
        {.word = "fixed-2",
         .text = "timeout or expiry of 2 intervals",
         .is_for = {true, true},
         .apply = apply_fixed,
         .length = 2 * interval},
        {.word = "fixed-3",
         .text = "3 intervals, the default",
         .is_for = {true, true},
         .apply = apply_fixed,
         .length = 3 * interval},
        {.word = "fixed-5",
         .text = "5 intervals",
         .is_for = {true, true},
         .apply = apply_fixed,
         .length = 5 * interval},
        {.word = "mqtt",
         .text = "the server's 1.5 keepalives",
         .is_for = {[SIM_OBSERVER_SERVER] = true},
         .apply = apply_silence,
         .length = interval + interval / 2},
        {.word = "nats-2",
         .text = "2 pings outstanding when a third is due",
         .is_for = {[SIM_OBSERVER_CLIENT] = true},
         .apply = apply_outstanding,
         .window = 2},
        {.word = "bfd-3",
         .text = "3 intervals of silence",
         .is_for = {true, true},
         .apply = apply_silence,
         .length = 3 * interval},
        {.word = "bfd-3-udp",
         .text = "the same in datagrams, as it is",
         .is_datagrams = true,
         .is_for = {true, true},
         .apply = apply_silence,
         .length = 3 * interval},
        {.word = "phi-8",
         .text = "phi accrual, threshold 8, window 1000, as published",
         .is_for = {true, true},
         .apply = apply_phi,
         .factor = PHI_8_NORMAL,
         .window = 1000},
        {.word = "phi-8-akka",
         .text = "as Akka ships it: pause 3 s, deviation 100 ms at least",
         .is_for = {true, true},
         .apply = apply_phi,
         .length = 3 * LUBDUB_SECOND,
         .least_deviation = 100 * MS,
         .factor = PHI_8_LOGISTIC,
         .window = 1000},
        {.word = "nfd-e-0.5",
         .text = "Chen's NFD-E, window 32, margin 0.5 intervals",
         .is_for = {true, true},
         .apply = apply_expected,
         .length = interval / 2,
         .window = 32},
        {.word = "nfd-e-1",
         .text = "margin 1 interval",
         .is_for = {true, true},
         .apply = apply_expected,
         .length = interval,
         .window = 32},
        {.word = "nfd-e-2",
         .text = "margin 2 intervals",
         .is_for = {true, true},
         .apply = apply_expected,
         .length = 2 * interval,
         .window = 32},
        {.word = "nfd-e-2-udp",
         .text = "the same in datagrams",
         .is_datagrams = true,
         .is_for = {true, true},
         .apply = apply_expected,
         .length = 2 * interval,
         .window = 32},
    };
    const size_t count = sizeof table / sizeof table[0];
    size_t i;

    for (i = 0; i < count; i++) {
        rules[i] = table[i];
        rules[i].interval = interval;
    }
    return count;
}
