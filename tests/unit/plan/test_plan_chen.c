/* The paper's own example, what any plan has to be, and ways out of what is not possible. */
#include <math.h>

#include "client/plan/chen.h"

#include "support/test.h"

#define MONTH (30 * 86400.0)

static void expect_near(double found, double expected, double by)
{
    if (!(fabs(found - expected) <= by)) {
        fail_msg("%.9g, wanted %.9g", found, expected);
    }
}

/* Section 4: found within 30 s, a mistake a month, of a minute; loss 0.01, delay exponential with a mean of 0.02 s. */
static const struct plan_wish paper = {.detect = 30, .mistake_gap = MONTH, .mistake_length = 60};

static double exponential(const void *user_data, double x)
{
    return x > 0 ? exp(-x / *(const double *)user_data) : 1;
}

static void example_of_the_paper_with_a_known_distribution(void **state)
{
    const struct plan_limits limits = {.step = 0.0005};
    const double mean = 0.02;
    struct plan_answer answer;
    (void)state;

    answer = lubdub_plan_configure_known(&paper, 0.01, exponential, &mean, &limits);
    assert_true(answer.is_possible);
    expect_near(answer.interval, 9.97, 0.01); /* the paper: eta = 9.97, delta = 20.03 */
    expect_near(answer.timeout, 20.03, 0.01);
}

/* Section 5: of the delay only the mean and the variance are known, both 0.02. */
static void example_of_the_paper_with_mean_and_variance(void **state)
{
    const struct plan_network network = {.delay = 0.02, .variance = 0.02, .loss = 0.01};
    const struct plan_limits limits = {.step = 0.0005};
    struct plan_answer answer;
    (void)state;

    answer = lubdub_plan_configure(&paper, &network, &limits);
    assert_true(answer.is_possible);
    expect_near(answer.interval, 9.71, 0.01); /* the paper: eta = 9.71, delta = 20.29 */
    expect_near(answer.timeout, 20.29, 0.01);
}

/* By hand: two heartbeats beside the first, each worth (V + x^2) / (V + p x^2). */
static void bound_is_the_product_of_the_paper(void **state)
{
    const struct plan_wish wish = {.detect = 3.1, .mistake_gap = 1, .mistake_length = 3};
    const struct plan_network network = {.delay = 0.1, .variance = 0.01, .loss = 0.1};
    double first = (0.01 + 4) / (0.01 + 0.4);
    double second = (0.01 + 1) / (0.01 + 0.1);
    (void)state;

    expect_near(exp(lubdub_plan_log_gap(&wish, &network, 1)), first * second, 1e-9);
}

static void plans_keep_what_was_wished(void **state)
{
    const double losses[] = {0, 0.001, 0.05, 0.3};
    const double delays[] = {0.0001, 0.02, 0.2};
    const double detects[] = {0.5, 2, 30};
    size_t i;
    size_t j;
    size_t k;
    (void)state;

    for (i = 0; i < COUNT_OF(losses); i++) {
        for (j = 0; j < COUNT_OF(delays); j++) {
            for (k = 0; k < COUNT_OF(detects); k++) {
                const struct plan_wish wish = {detects[k], MONTH, detects[k]};
                const struct plan_network network = {
                    .delay = delays[j], .variance = delays[j] * delays[j] / 4, .loss = losses[i]};
                const struct plan_limits limits = {.interval_least = 0.001, .step = 0.001};
                struct plan_answer answer = lubdub_plan_configure(&wish, &network, &limits);

                if (!answer.is_possible) {
                    continue;
                }
                assert_true(answer.mistake_gap >= MONTH * 0.999);
                assert_true(answer.mistake_length <= wish.mistake_length * 1.001);
                expect_near(answer.interval + answer.timeout, wish.detect, 1e-9);
                expect_near(answer.interval * 1000, round(answer.interval * 1000), 1e-6);
                /* One step longer would not do. */
                if (answer.interval + 0.001 < wish.mistake_length * (1 - losses[i]) * 0.5) {
                    assert_true(lubdub_plan_log_gap(&wish, &network, answer.interval + 0.001) < log(MONTH));
                }
            }
        }
    }
}

static void worse_networks_take_shorter_intervals(void **state)
{
    const struct plan_wish wish = {2, MONTH, 2};
    const struct plan_limits limits = {.interval_least = 0.001, .step = 0.001};
    double last = 10;
    double loss;
    (void)state;

    for (loss = 0; loss < 0.5; loss += 0.05) {
        const struct plan_network network = {.delay = 0.05, .variance = 0.0001, .loss = loss};
        struct plan_answer answer = lubdub_plan_configure(&wish, &network, &limits);

        assert_true(answer.is_possible && answer.interval <= last);
        last = answer.interval;
    }
}

static void nothing_is_known_sooner_than_a_round_trip(void **state)
{
    const struct plan_wish wish = {0.05, MONTH, 1};
    const struct plan_network network = {.delay = 0.08, .variance = 0.0001, .loss = 0};
    const struct plan_limits limits = {.interval_least = 0.001, .step = 0.001};
    struct plan_ways ways;
    (void)state;

    assert_false(lubdub_plan_configure(&wish, &network, &limits).is_possible);
    lubdub_plan_find_ways(&wish, &network, &limits, &ways);
    assert_true(ways.detect > 0.08 && ways.detect < 0.5);
    assert_true(ways.mistake_gap == 0); /* no rate of false alarms would help */
}

static void every_way_out_is_one(void **state)
{
    const struct plan_wish wish = {2, MONTH, 2};
    const struct plan_network network = {.delay = 0.04, .variance = 0.0004, .loss = 0.3};
    const struct plan_limits limits = {.interval_least = 0.5, .step = 0.001};
    struct plan_limits other_limits = limits;
    struct plan_network other_network = network;
    struct plan_wish other_wish = wish;
    struct plan_ways ways;
    (void)state;

    assert_false(lubdub_plan_configure(&wish, &network, &limits).is_possible);
    lubdub_plan_find_ways(&wish, &network, &limits, &ways);

    other_wish.detect = other_wish.mistake_length = ways.detect * 1.01;
    assert_true(lubdub_plan_configure(&other_wish, &network, &limits).is_possible);
    other_wish = wish;
    other_wish.mistake_gap = ways.mistake_gap * 0.99;
    assert_true(lubdub_plan_configure(&other_wish, &network, &limits).is_possible);
    other_network.loss = ways.loss * 0.99;
    assert_true(ways.loss > 0 && lubdub_plan_configure(&wish, &other_network, &limits).is_possible);
    other_limits.interval_least = ways.interval * 0.99;
    assert_true(ways.interval > 0 && lubdub_plan_configure(&wish, &network, &other_limits).is_possible);
}

/* By hand: what one path does not bring in time, the other one brings, later by the failover, unless both are out. */
static void second_path_multiplies_what_one_does_not_bring(void **state)
{
    const struct plan_wish wish = {.detect = 3.1, .mistake_gap = 1, .mistake_length = 3};
    const struct plan_network one = {.delay = 0.1, .variance = 0.01, .loss = 0.1};
    struct plan_network two = one;
    const double later = 1.5 - LUBDUB_PLAN_FAILOVER;
    /* One heartbeat beside the first: with an interval of 1.5 s, the one sent 1.5 s before the end. */
    const double first = (0.01 + 0.1 * 1.5 * 1.5) / (0.01 + 1.5 * 1.5);
    const double second = (0.01 + 0.1 * later * later) / (0.01 + later * later);
    (void)state;

    two.paths = 2;
    two.shared = 0.25;
    expect_near(exp(lubdub_plan_log_gap(&wish, &two, 1.5)), 1.5 / (first * (0.25 + 0.75 * second)), 1e-9);
    two.shared = 1;
    expect_near(lubdub_plan_log_gap(&wish, &two, 1.5), lubdub_plan_log_gap(&wish, &one, 1.5), 1e-12);
    two.shared = 0;
    two.paths = 3;
    expect_near(exp(lubdub_plan_log_gap(&wish, &two, 1.5)), 1.5 / (first * second * second), 1e-9);
}

static void plan_for_two_paths_is_better_the_less_they_share(void **state)
{
    const struct plan_wish wish = {.detect = 3, .mistake_gap = MONTH, .mistake_length = 3};
    const struct plan_limits limits = {.interval_least = 0.01, .interval_share = 0.5, .step = 0.001};
    static const double shared[] = {1, 0.5, 0.2, 0.05, 0};
    struct plan_network network = {.delay = 0.04, .variance = 0.0004, .loss = 0.05, .paths = 2};
    double before = 0;
    size_t i;
    (void)state;

    for (i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        struct plan_answer answer;

        network.shared = shared[i];
        answer = lubdub_plan_configure(&wish, &network, &limits);
        assert_true(answer.is_possible);
        assert_true(answer.mistake_gap >= MONTH);
        assert_true(answer.interval > before); /* fewer packets, and a shorter timeout, for the same false alarms */
        before = answer.interval;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_path_multiplies_what_one_does_not_bring),
        cmocka_unit_test(plan_for_two_paths_is_better_the_less_they_share),
        cmocka_unit_test(example_of_the_paper_with_a_known_distribution),
        cmocka_unit_test(example_of_the_paper_with_mean_and_variance),
        cmocka_unit_test(bound_is_the_product_of_the_paper),
        cmocka_unit_test(plans_keep_what_was_wished),
        cmocka_unit_test(worse_networks_take_shorter_intervals),
        cmocka_unit_test(nothing_is_known_sooner_than_a_round_trip),
        cmocka_unit_test(every_way_out_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
