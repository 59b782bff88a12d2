/* Advice is taken: fed back, it does. */
#include <math.h>
#include <stdio.h>

#include "plan/advice.h"

#include "client/plan/number.h"

#include "support/test.h"

struct wanted {
    struct plan_wish wish;
    struct plan_network network;
    struct plan_limits limits;
};

static void expect_possible(const struct wanted *wanted, const char *what)
{
    if (!lubdub_plan_configure(&wanted->wish, &wanted->network, &wanted->limits).is_possible) {
        fail_msg("%s does not make it possible to detect within %.9g s", what, wanted->wish.detect);
    }
}

static double rate_as_typed(double gap)
{
    char text[ADVICE_RATE_SIZE];
    double typed = 0;

    assert_null(lubdub_plan_take_rate(advice_rate(gap, text), &typed));
    return typed;
}

/* Returns how many ways there were. */
static unsigned follow_each(const struct wanted *base, const struct plan_ways *ways)
{
    struct wanted other = *base;
    unsigned count = 0;

    if (ways->detect > 0) {
        double length = base->wish.mistake_length;

        other.wish.detect = round(ways->detect * 1e3) / 1e3;
        other.wish.mistake_length =
            length < base->wish.detect || length > base->wish.detect ? length : other.wish.detect;
        expect_possible(&other, "detect");
        count++;
    }
    if (ways->mistake_gap > 0) {
        other = *base;
        other.wish.mistake_gap = rate_as_typed(ways->mistake_gap);
        expect_possible(&other, "mistake_gap");
        count++;
    }
    if (ways->mistake_length > 0) {
        other = *base;
        other.wish.mistake_length = round(ways->mistake_length * 1e3) / 1e3;
        expect_possible(&other, "mistake_length");
        count++;
    }
    if (ways->deviation > 0) {
        other = *base;
        other.network.variance = ways->deviation * ways->deviation;
        expect_possible(&other, "deviation");
        count++;
    }
    if (ways->loss >= 0) {
        other = *base;
        other.network.loss = ways->loss;
        expect_possible(&other, "loss");
        count++;
    }
    if (ways->interval > 0) {
        other = *base;
        other.limits.interval_least = round(ways->interval * 1e3) / 1e3;
        expect_possible(&other, "interval");
        other.limits.interval_least = 2 / advice_packets(ways->interval);
        expect_possible(&other, "packets");
        count++;
    }
    return count;
}

static void advice_does(void **state)
{
    static const double detects[] = {0.03, 2};
    static const double gaps[] = {60, 2629800};
    static const double delays[] = {0.0001, 0.021, 0.97};
    static const double losses[] = {0, 0.0507, 0.9};
    static const double leasts[] = {0.001, 0.12345, 3};
    static const double lengths[] = {1, 0.03}; /* of the time to detect */
    unsigned followed = 0;
    unsigned i;
    (void)state;

    for (i = 0; i < 2 * 2 * 3 * 3 * 3 * 2; i++) {
        double detect = detects[i % 2];
        double delay = delays[i / 4 % 3];
        const struct wanted wanted = {
            .wish = {detect, gaps[i / 2 % 2], detect * lengths[i / 108]},
            .network = {delay, delay * delay / 3, losses[i / 12 % 3]},
            .limits = {.interval_least = leasts[i / 36 % 3], .interval_share = 0.5, .step = 0.001},
        };
        struct plan_ways ways;

        if (!lubdub_plan_configure(&wanted.wish, &wanted.network, &wanted.limits).is_possible) {
            lubdub_plan_find_ways(&wanted.wish, &wanted.network, &wanted.limits, &ways);
            advice_round(&ways, &wanted.wish);
            followed += follow_each(&wanted, &ways);
        }
    }
    assert_true(followed > 100);
}

static void rates_are_written_as_they_are_typed(void **state)
{
    char text[ADVICE_RATE_SIZE];
    (void)state;

    assert_string_equal(advice_rate(2629800, text), "1/month");
    assert_string_equal(advice_rate(0.25, text), "4/second");
    assert_string_equal(advice_rate(1259.4, text), "2.86/hour");
    assert_string_equal(advice_rate(10 * 31557600.0, text), "0.1/year");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(advice_does),
        cmocka_unit_test(rates_are_written_as_they_are_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
