/* Chen's figures from a ledger, and from a world in which they are known. */
#include "statistics/random.h"
#include "support/test.h"

#include <math.h>

#include "swarm/findings/quality.h"

#define MS LUBDUB_MILLISECOND
#define START (1000 * LUBDUB_SECOND)

/* Every test gets a ledger of ten identities, all up in session 1. */
static int setup(void **state)
{
    static struct swarm_ledger ledger;
    uint32_t i;

    assert_true(swarm_ledger_init(&ledger, 10));
    for (i = 0; i < 10; i++) {
        swarm_ledger_up(&ledger, i, 1, START);
    }
    *state = &ledger;
    return 0;
}

static int teardown(void **state)
{
    swarm_ledger_clear(*state);
    return 0;
}

static void say(struct swarm_ledger *ledger, enum swarm_side side, uint32_t identity, lubdub_time at)
{
    swarm_ledger_verdict(
        ledger, &(struct swarm_verdict){.side = side, .identity = identity, .at = at, .cause = LUBDUB_CAUSE_HUNG});
}

static void make(struct swarm_quality *quality, enum swarm_side side, const struct swarm_ledger *ledger,
                 double up_seconds)
{
    assert_true(swarm_quality_make(quality, side, ledger, up_seconds, START + 100 * LUBDUB_SECOND, true));
}

static void expect_near(double value, double wanted)
{
    if (fabs(value - wanted) > 1e-6 * (1 + fabs(wanted))) {
        fail_msg("%.9f is not %.9f", value, wanted);
    }
}

/* Ten sessions for an hour: nothing in ten session-hours. */
static void no_mistake_leaves_a_lower_limit_of_the_recurrence(void **state)
{
    struct swarm_quality quality;

    make(&quality, SWARM_SIDE_SERVER, *state, 36000);
    assert_int_equal(quality.mistake_count, 0);
    assert_true(isinf(quality.recurrence) && isinf(quality.recurrence_interval.high));
    assert_true(fabs(quality.recurrence_interval.low - 36000 / 3.68888) < 1);
    expect_near(quality.accuracy, 1);
    expect_near(quality.accuracy_interval.high, 1);
    expect_near(quality.accuracy_interval.low, 0); /* nothing is known of how long a mistake would last */
}

static void mistakes_recur_last_and_cost_accuracy(void **state)
{
    struct swarm_ledger *ledger = *state;
    struct swarm_quality quality;
    struct swarm_quality other;

    say(ledger, SWARM_SIDE_SERVER, 1, START + 10 * LUBDUB_SECOND);
    swarm_ledger_up(ledger, 1, 2, START + 12 * LUBDUB_SECOND);
    say(ledger, SWARM_SIDE_SERVER, 2, START + 20 * LUBDUB_SECOND);
    swarm_ledger_up(ledger, 2, 2, START + 24 * LUBDUB_SECOND);
    say(ledger, SWARM_SIDE_CLIENT, 3, START + 30 * LUBDUB_SECOND);
    make(&quality, SWARM_SIDE_SERVER, ledger, 994);
    make(&other, SWARM_SIDE_CLIENT, ledger, 930);

    assert_int_equal(quality.mistake_count, 2);
    assert_int_equal(quality.uncorrected_count, 0);
    expect_near(quality.watched, 994);
    expect_near(quality.duration, 3);
    expect_near(quality.recurrence, 500); /* of trust and of mistakes, 1000 s */
    expect_near(quality.accuracy, 0.994);
    assert_true(quality.recurrence_interval.low < 500 && quality.recurrence_interval.high > 500);
    assert_true(quality.accuracy_interval.low < 0.994 && quality.accuracy_interval.high > 0.994);

    assert_int_equal(other.mistake_count, 1);
    assert_int_equal(other.uncorrected_count, 1);
    expect_near(other.duration, 70); /* until the end of the run */
    assert_true(isinf(other.duration_interval.high));
}

static void one_who_was_dead_was_not_trusted_wrongly(void **state)
{
    struct swarm_ledger *ledger = *state;
    struct swarm_quality quality;

    swarm_ledger_inject(ledger, SWARM_FAULT_FREEZE, 1, START, SWARM_MUST_NOTICE);
    swarm_ledger_inject(ledger, SWARM_FAULT_FREEZE, 2, START + 95 * LUBDUB_SECOND, SWARM_MUST_NOTICE);
    say(ledger, SWARM_SIDE_SERVER, 1, START + 3 * LUBDUB_SECOND);
    make(&quality, SWARM_SIDE_SERVER, ledger, 1000);
    expect_near(quality.watched, 1000 - 3 - 5);
    make(&quality, SWARM_SIDE_CLIENT, ledger, 900); /* a frozen client watches nobody, and was not counted as up */
    expect_near(quality.watched, 900);
}

static void stall_kills_nobody_and_its_false_alarms_count(void **state)
{
    struct swarm_ledger *ledger = *state;
    struct swarm_quality quality;

    swarm_ledger_inject(ledger, SWARM_FAULT_SERVER_STALL, 1, START, SWARM_MUST_NOT_NOTICE);
    say(ledger, SWARM_SIDE_SERVER, 1, START + 3 * LUBDUB_SECOND);
    make(&quality, SWARM_SIDE_SERVER, ledger, 1000);
    expect_near(quality.watched, 1000);
    assert_int_equal(quality.mistake_count, 1);
}

static void side_that_tells_nothing_has_no_quality(void **state)
{
    struct swarm_quality quality;

    assert_true(swarm_quality_make(&quality, SWARM_SIDE_SERVER, *state, 1000, START, false));
    assert_false(quality.is_observed);
    assert_true(swarm_quality_make(&quality, SWARM_SIDE_SERVER, *state, 0, START, true));
    assert_false(quality.is_observed);
}

static double exponential(uint64_t *seed, double mean)
{
    return -log(((double)(random_next(seed) >> 11) + 0.5) / 9007199254740992.0) * mean;
}

/* A session that is trusted for 60 s and mistaken for 2 s, both on average, over an hour, many times over. */
static void true_values_are_inside_the_intervals_as_often_as_promised(void **state)
{
    const double trust = 60;
    const double mistake = 2;
    unsigned right_recurrence = 0;
    unsigned right_duration = 0;
    unsigned right_accuracy = 0;
    uint64_t seed = 5;
    unsigned round;

    (void)state;
    for (round = 0; round < 400; round++) {
        struct swarm_ledger ledger;
        struct swarm_quality quality;
        double now = exponential(&seed, trust);
        double up = 0;
        uint64_t session = 1;

        assert_true(swarm_ledger_init(&ledger, 1));
        swarm_ledger_up(&ledger, 0, session, START);
        while (now < 3600) {
            double length = exponential(&seed, mistake);

            say(&ledger, SWARM_SIDE_SERVER, 0, START + (lubdub_time)(now * 1e9));
            up -= length;
            now += length;
            swarm_ledger_up(&ledger, 0, ++session, START + (lubdub_time)(now * 1e9));
            now += exponential(&seed, trust);
        }
        up += now; /* it ends with a time of trust */
        assert_true(
            swarm_quality_make(&quality, SWARM_SIDE_SERVER, &ledger, up, START + (lubdub_time)(now * 1e9), true));
        swarm_ledger_clear(&ledger);
        right_recurrence +=
            quality.recurrence_interval.low <= trust + mistake && trust + mistake <= quality.recurrence_interval.high;
        right_duration += quality.duration_interval.low <= mistake && mistake <= quality.duration_interval.high;
        right_accuracy += quality.accuracy_interval.low <= trust / (trust + mistake) &&
                          trust / (trust + mistake) <= quality.accuracy_interval.high;
    }
    assert_in_range(right_recurrence, 400 * 93 / 100, 400);
    assert_in_range(right_duration, 400 * 90 / 100, 400); /* Student's is for other distributions than this one */
    assert_in_range(right_accuracy, 400 * 95 / 100, 400);
}

#define QUALITY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUALITY_TEST(no_mistake_leaves_a_lower_limit_of_the_recurrence),
        QUALITY_TEST(mistakes_recur_last_and_cost_accuracy),
        QUALITY_TEST(one_who_was_dead_was_not_trusted_wrongly),
        QUALITY_TEST(stall_kills_nobody_and_its_false_alarms_count),
        QUALITY_TEST(side_that_tells_nothing_has_no_quality),
        QUALITY_TEST(true_values_are_inside_the_intervals_as_often_as_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
