/* The bucket: twice the rate for ever, a burst, and credit. */
#include "statistics/random.h"
#include "support/test.h"

#include "core/rate_limit.h"

#define MS LUBDUB_MILLISECOND

/* How many frames pass at once. */
static uint32_t taken_at_once(int32_t *debt, uint32_t burst)
{
    uint32_t taken = 0;

    while (taken < 100000000 && lubdub_rate_limit_take(debt, burst)) {
        taken++;
    }
    return taken;
}

static void burst_is_16_or_twice_the_frames_of_one_expiry(void **state)
{
    (void)state;
    assert_int_equal(lubdub_rate_limit_burst(1000, 3000), 16);
    assert_int_equal(lubdub_rate_limit_burst(1000, 8000), 16);
    assert_int_equal(lubdub_rate_limit_burst(1000, 8001), 17); /* rounded in the peer's favour */
    assert_int_equal(lubdub_rate_limit_burst(1000, 60000), 120);
    assert_int_equal(lubdub_rate_limit_burst(1, 1000), 2000);
    assert_int_equal(lubdub_rate_limit_burst(UINT32_MAX, UINT32_MAX), 16);
}

/* Rule 3: a client that asks for 10 ms and three hours does not get a burst of two million. */
static void b4_burst_is_4096_at_the_most(void **state)
{
    int32_t debt = 0;
    (void)state;

    assert_int_equal(lubdub_rate_limit_burst(1, 2048), 4096);
    assert_int_equal(lubdub_rate_limit_burst(1, 2049), 4096);
    assert_int_equal(lubdub_rate_limit_burst(10, 3 * 3600 * 1000), 4096);
    assert_int_equal(lubdub_rate_limit_burst(1, UINT32_MAX), 4096);
    assert_int_equal(taken_at_once(&debt, 4096), 4096);
    assert_true(debt > 0);
}

static void burst_passes_at_once_and_one_more_does_not(void **state)
{
    const uint32_t bursts[] = {16, 17, 120, 2000};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(bursts); i++) {
        int32_t debt = 0;

        assert_int_equal(taken_at_once(&debt, bursts[i]), bursts[i]);
    }
}

static void twice_the_rate_passes_for_ever_with_any_jitter(void **state)
{
    const uint32_t intervals_ms[] = {1, 3, 7, 100, 1000, 60000, UINT32_MAX / 2};
    uint64_t random = 5;
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(intervals_ms); i++) {
        lubdub_duration half = intervals_ms[i] * MS / 2;
        int32_t debt = 0;
        lubdub_time last = 0;
        uint64_t k;

        for (k = 1; k < 20000; k++) {
            lubdub_time now = k * half + random_below(&random, half); /* late by up to one frame */

            lubdub_rate_limit_drain(&debt, lubdub_time_between(last, now), intervals_ms[i]);
            last = now;
            assert_true(lubdub_rate_limit_take(&debt, 16));
        }
        assert_in_range(debt, 0, 4 * 512);
    }
}

static void rate_beyond_twice_ends_the_burst_in_time(void **state)
{
    int32_t debt = 0;
    unsigned k;
    (void)state;

    for (k = 0; k < 1000; k++) {
        lubdub_rate_limit_drain(&debt, 400 * MS, 1000);
        if (!lubdub_rate_limit_take(&debt, 16)) {
            break;
        }
    }
    assert_in_range(k, 60, 100); /* a fifth of a frame too much each time */
}

static void debt_is_gone_after_half_an_interval_for_each_frame(void **state)
{
    int32_t debt = 0;
    (void)state;

    assert_int_equal(taken_at_once(&debt, 16), 16);
    lubdub_rate_limit_drain(&debt, 8 * LUBDUB_SECOND - 1, 1000);
    assert_int_equal(debt, 0); /* rounded in the peer's favour */
    assert_int_equal(taken_at_once(&debt, 16), 16);
    lubdub_rate_limit_drain(&debt, 4 * LUBDUB_SECOND, 1000);
    assert_int_equal(taken_at_once(&debt, 16), 8);
}

static void silence_saves_up_nothing(void **state)
{
    int32_t debt = 0;
    (void)state;

    lubdub_rate_limit_drain(&debt, LUBDUB_HOUR, 1);
    assert_int_equal(debt, 0);
    lubdub_rate_limit_drain(&debt, LUBDUB_TIME_NEVER, 1);
    assert_int_equal(taken_at_once(&debt, 16), 16);
}

static void credit_is_twice_the_rate_for_the_time_away(void **state)
{
    int32_t debt = 0;
    (void)state;

    lubdub_rate_limit_forgive(&debt, 30 * LUBDUB_SECOND, 1000);
    assert_int_equal(taken_at_once(&debt, 16), 16 + 60);
}

static void credit_does_not_overflow(void **state)
{
    int32_t debt = 0;
    unsigned i;
    (void)state;

    for (i = 0; i < 100; i++) {
        lubdub_rate_limit_forgive(&debt, LUBDUB_TIME_NEVER, 1);
        assert_true(debt < 0);
    }
    lubdub_rate_limit_drain(&debt, LUBDUB_TIME_NEVER, 1);
    assert_true(lubdub_rate_limit_take(&debt, 16));
}

static void debt_is_told_as_the_time_in_which_it_drains_and_is_owed_again(void **state)
{
    const struct lubdub_bucket same = {1000, 16};
    const struct lubdub_bucket faster = {100, 200};
    int32_t debt = 0;
    (void)state;

    assert_true(lubdub_rate_limit_debt(0, 1000) == 0);
    lubdub_rate_limit_forgive(&debt, LUBDUB_SECOND, 1000);
    assert_true(lubdub_rate_limit_debt(debt, 1000) == 0); /* a credit */
    debt = 0;
    assert_true(lubdub_rate_limit_take(&debt, 16));
    assert_true(lubdub_rate_limit_take(&debt, 16));
    assert_true(lubdub_rate_limit_debt(debt, 1000) == LUBDUB_SECOND);
    assert_int_equal(lubdub_rate_limit_owed(LUBDUB_SECOND, same), debt);
    debt = lubdub_rate_limit_owed(LUBDUB_SECOND, faster);
    assert_int_equal(taken_at_once(&debt, 200), 180); /* 20 frames of 50 ms */
}

static void what_is_owed_leaves_room_for_one_frame(void **state)
{
    const struct lubdub_bucket buckets[] = {{1000, 16}, {1, 4096}, {UINT32_MAX / 2, 16}};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(buckets); i++) {
        int32_t debt = lubdub_rate_limit_owed(LUBDUB_TIME_NEVER, buckets[i]);

        assert_int_equal(taken_at_once(&debt, buckets[i].burst), 1);
    }
}

static void credit_takes_the_same_time_in_another_bucket(void **state)
{
    const struct lubdub_bucket fast = {100, 60};
    const struct lubdub_bucket slow = {1000, 16};
    int32_t debt = 0;
    int32_t rescaled;
    (void)state;

    lubdub_rate_limit_forgive(&debt, 30 * LUBDUB_SECOND, 1000);
    rescaled = lubdub_rate_limit_rescale(debt, slow, fast);
    assert_int_equal(taken_at_once(&rescaled, 60), 60 + 600);
    debt = 0;
    lubdub_rate_limit_forgive(&debt, LUBDUB_TIME_NEVER, 1000);
    assert_true(lubdub_rate_limit_rescale(debt, slow, fast) < 0); /* and does not overflow */
}

static void debt_takes_the_same_time_in_another_bucket_but_fills_no_greater_part_of_it(void **state)
{
    const struct {
        struct lubdub_bucket from;
        struct lubdub_bucket to;
        uint32_t taken;
        uint32_t left;
    } cases[] = {
        {{100, 200}, {1000, 16}, 20, 16 - 2}, /* two frames take as long */
        {{1000, 16}, {100, 60}, 2, 60 - 8},   /* an eighth; 20 frames would take as long */
        {{10000, 16}, {100, 600}, 10, 600 - 375},
        {{100, 1200}, {200, 16}, 600, 16 - 8}, /* half of it; 300 frames would take as long */
        {{1000, 16}, {1000, 16}, 5, 11},
    };
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(cases); i++) {
        int32_t debt = 0;
        uint32_t k;

        for (k = 0; k < cases[i].taken; k++) {
            assert_true(lubdub_rate_limit_take(&debt, cases[i].from.burst));
        }
        debt = lubdub_rate_limit_rescale(debt, cases[i].from, cases[i].to);
        assert_in_range(taken_at_once(&debt, cases[i].to.burst), cases[i].left, cases[i].left + 1);
    }
}

/* One who asks at twice his rate for hours, looking at his account all the time, never outruns the other's. */
static void own_account_is_never_more_generous_than_the_peers(void **state)
{
    const uint32_t interval_ms = 10;
    const lubdub_duration step = 1700 * LUBDUB_MICROSECOND + 13;
    const uint32_t burst = lubdub_rate_limit_burst(interval_ms, 25);
    lubdub_time now = LUBDUB_SECOND;
    lubdub_time since = now;
    lubdub_time peer_since = now;
    int32_t own = 0;
    int32_t peer = 0;
    uint64_t taken = 0;
    unsigned i;
    (void)state;

    for (i = 0; i < 200000; i++) {
        now += step;
        lubdub_rate_limit_drain_own(&own, &since, now, interval_ms);
        if (lubdub_rate_limit_has_room(own, burst, 2)) {
            lubdub_duration elapsed = now - peer_since;

            assert_true(lubdub_rate_limit_take(&own, burst));
            /* The peer's clock is slower by 400 millionths. */
            lubdub_rate_limit_drain(&peer, elapsed - elapsed / 2500, interval_ms);
            peer_since = now;
            assert_true(lubdub_rate_limit_take(&peer, burst));
            taken++;
        }
    }
    /* And hardly less generous: 340 s at 200 a second. */
    assert_in_range(taken, 67000, 68100);
}

/* In the peer's favour: a part of a unit drains a whole one. */
static void drained_time_is_rounded_up(void **state)
{
    int32_t debt = 100;
    (void)state;

    lubdub_rate_limit_drain(&debt, 1, 1000);
    assert_int_equal(debt, 99);
    lubdub_rate_limit_drain(&debt, 0, 1000);
    assert_int_equal(debt, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_is_16_or_twice_the_frames_of_one_expiry),
        cmocka_unit_test(b4_burst_is_4096_at_the_most),
        cmocka_unit_test(burst_passes_at_once_and_one_more_does_not),
        cmocka_unit_test(twice_the_rate_passes_for_ever_with_any_jitter),
        cmocka_unit_test(rate_beyond_twice_ends_the_burst_in_time),
        cmocka_unit_test(debt_is_gone_after_half_an_interval_for_each_frame),
        cmocka_unit_test(drained_time_is_rounded_up),
        cmocka_unit_test(silence_saves_up_nothing),
        cmocka_unit_test(credit_is_twice_the_rate_for_the_time_away),
        cmocka_unit_test(credit_does_not_overflow),
        cmocka_unit_test(debt_is_told_as_the_time_in_which_it_drains_and_is_owed_again),
        cmocka_unit_test(what_is_owed_leaves_room_for_one_frame),
        cmocka_unit_test(credit_takes_the_same_time_in_another_bucket),
        cmocka_unit_test(debt_takes_the_same_time_in_another_bucket_but_fills_no_greater_part_of_it),
        cmocka_unit_test(own_account_is_never_more_generous_than_the_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
