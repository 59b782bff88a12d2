/* The allowance of messages: a rate and a burst for ever, credit, debt, and the text that names the rate. */
#include "statistics/random.h"
#include "support/test.h"

#include "core/allowance.h"

#include <string.h>

#define MS LUBDUB_MILLISECOND

static const struct lubdub_rate usual = {100, 256};
static const lubdub_time start = 1000 * LUBDUB_SECOND;

/* How many messages pass at once. */
static uint32_t taken_at_once(struct lubdub_allowance *allowance, struct lubdub_rate rate, lubdub_time now)
{
    uint32_t taken = 0;

    while (taken < 10000000 && lubdub_allowance_take(allowance, rate, now)) {
        taken++;
    }
    return taken;
}

static void burst_passes_at_once_and_one_more_does_not(void **state)
{
    const struct lubdub_rate rates[] = {usual, {1, 1}, {1, 256}, {1000000, 1}, {7, 3}, {UINT32_MAX, 1000}};
    const lubdub_time starts[] = {0, 1, 1000 * LUBDUB_SECOND, UINT64_C(1) << 62};
    size_t i;
    size_t k;
    (void)state;

    for (i = 0; i < COUNT_OF(rates); i++) {
        for (k = 0; k < COUNT_OF(starts); k++) {
            struct lubdub_allowance allowance = {0};

            assert_int_equal(taken_at_once(&allowance, rates[i], starts[k]), rates[i].burst);
        }
    }
}

static void rate_passes_for_ever_with_any_jitter(void **state)
{
    const struct lubdub_rate rates[] = {usual, {1, 2}, {3, 2}, {1000, 2}};
    uint64_t random = 3;
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(rates); i++) {
        /* As the allowance counts: a rate that does not divide the second is rounded down by a nanosecond a message. */
        lubdub_duration interval = (LUBDUB_SECOND + rates[i].a_second - 1) / rates[i].a_second;
        struct lubdub_allowance allowance = {0};
        uint64_t k;

        for (k = 0; k < 20000; k++) {
            assert_true(
                lubdub_allowance_take(&allowance, rates[i], start + k * interval + random_below(&random, interval)));
        }
    }
}

static void rate_a_tenth_beyond_ends_the_burst_in_time(void **state)
{
    struct lubdub_allowance allowance = {0};
    unsigned k;
    (void)state;

    for (k = 0; k < 100000; k++) {
        if (!lubdub_allowance_take(&allowance, usual, start + k * LUBDUB_SECOND / 110)) {
            break;
        }
    }
    assert_in_range(k, 256 * 10, 256 * 12);
}

static void silence_saves_up_the_burst_and_no_more(void **state)
{
    struct lubdub_allowance allowance = {0};
    (void)state;

    assert_int_equal(taken_at_once(&allowance, usual, start), 256);
    assert_int_equal(taken_at_once(&allowance, usual, start + LUBDUB_SECOND), 100);
    assert_int_equal(taken_at_once(&allowance, usual, start + LUBDUB_HOUR), 256);
}

/* An honest client, whose path delivers nothing for a while and then everything, beside a server that takes twice. */
static void pile_of_an_outage_behind_a_full_burst_is_allowed(void **state)
{
    const struct lubdub_rate twice = {200, 512};
    uint64_t random = 3;
    unsigned run;
    (void)state;

    for (run = 0; run < 200; run++) {
        struct lubdub_allowance client = {0};
        struct lubdub_allowance server = {0};
        lubdub_duration outage = (1 + random_below(&random, 10)) * LUBDUB_SECOND;
        lubdub_time sent_at = start;
        unsigned pile = 0;

        /* It is idle, and then sends all that it may, from the first moment of the outage on. */
        for (; sent_at < start + outage; sent_at += MS) {
            pile += taken_at_once(&client, usual, sent_at);
        }
        lubdub_allowance_expect_pile(&server, twice, outage);
        while (pile > 0) {
            assert_true(lubdub_allowance_take(&server, twice, start + outage));
            pile--;
        }
    }
}

static void silence_allows_no_more_in_the_long_run(void **state)
{
    const struct lubdub_rate twice = {200, 512};
    struct lubdub_allowance allowance = {0};
    lubdub_duration silence = 10 * LUBDUB_SECOND;
    unsigned taken = 0;
    unsigned k;
    (void)state;

    for (k = 1; k <= 100; k++) {
        lubdub_allowance_expect_pile(&allowance, twice, silence);
        taken += taken_at_once(&allowance, twice, start + k * silence);
    }
    assert_in_range(taken, 100 * 1000, 512 + 99 * 2000); /* an honest client's thousand, and never more than the rate */
}

static void short_silences_allow_nothing_and_long_ones_have_a_bound(void **state)
{
    const struct lubdub_rate twice = {200, 512};
    struct lubdub_allowance allowance = {0};
    (void)state;

    lubdub_allowance_expect_pile(&allowance, twice, 2560 * MS); /* in which the burst comes back */
    assert_int_equal(taken_at_once(&allowance, twice, start), 512);
    allowance = (struct lubdub_allowance){0};
    lubdub_allowance_expect_pile(&allowance, twice, 3 * LUBDUB_HOUR);
    lubdub_allowance_expect_pile(&allowance, twice, 3 * LUBDUB_HOUR);
    assert_int_equal(taken_at_once(&allowance, twice, start), 512 + LUBDUB_ALLOWANCE_PILE);
}

static void one_that_is_refused_costs_nothing(void **state)
{
    struct lubdub_allowance allowance = {0};
    unsigned i;
    (void)state;

    assert_int_equal(taken_at_once(&allowance, usual, start), 256);
    for (i = 0; i < 1000; i++) {
        assert_false(lubdub_allowance_take(&allowance, usual, start));
    }
    assert_true(lubdub_allowance_take(&allowance, usual, start + 10 * MS));
}

static void next_is_told_to_the_nanosecond(void **state)
{
    const struct lubdub_rate rates[] = {usual, {1, 1}, {3, 7}, {1000000, 2}};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(rates); i++) {
        struct lubdub_allowance allowance = {0};
        lubdub_time now = start;
        unsigned k;

        assert_true(lubdub_allowance_next(&allowance, rates[i]) <= now);
        (void)taken_at_once(&allowance, rates[i], now);
        for (k = 0; k < 100; k++) {
            lubdub_time next = lubdub_allowance_next(&allowance, rates[i]);

            assert_true(next > now);
            assert_false(lubdub_allowance_take(&allowance, rates[i], next - 1));
            assert_true(lubdub_allowance_take(&allowance, rates[i], next));
            now = next;
        }
    }
}

static void no_rate_allows_any_number_and_counts_none(void **state)
{
    const struct lubdub_rate none = {0, 0};
    struct lubdub_allowance allowance = {0};
    unsigned i;
    (void)state;

    for (i = 0; i < 100000; i++) {
        assert_true(lubdub_allowance_take(&allowance, none, start));
    }
    assert_true(lubdub_allowance_next(&allowance, none) == 0);
    assert_int_equal(lubdub_allowance_debt(&allowance, start), 0);
}

static void time_without_reading_is_credit_for_what_piled_up_in_it(void **state)
{
    struct lubdub_allowance allowance = {0};
    (void)state;

    assert_int_equal(taken_at_once(&allowance, usual, start), 256);
    lubdub_allowance_forgive(&allowance, 30 * LUBDUB_SECOND);
    assert_int_equal(taken_at_once(&allowance, usual, start + 30 * LUBDUB_SECOND), 3000);
    assert_int_equal(taken_at_once(&allowance, usual, start + 31 * LUBDUB_SECOND), 100); /* and is used up */
    lubdub_allowance_forgive(&allowance, 30 * LUBDUB_SECOND);
    assert_int_equal(taken_at_once(&allowance, usual, start + 91 * LUBDUB_SECOND), 256 + 3000);
    lubdub_allowance_forgive(&allowance, LUBDUB_TIME_NEVER);
    assert_true(lubdub_allowance_take(&allowance, usual, start + 92 * LUBDUB_SECOND));
}

static void debt_is_the_time_in_which_it_drains_and_can_be_put_back(void **state)
{
    struct lubdub_allowance allowance = {0};
    struct lubdub_allowance next = {0};
    (void)state;

    assert_int_equal(lubdub_allowance_debt(&allowance, start), 0);
    assert_int_equal(taken_at_once(&allowance, usual, start), 256);
    assert_true(lubdub_allowance_debt(&allowance, start) == 2560 * MS);
    assert_true(lubdub_allowance_debt(&allowance, start + LUBDUB_SECOND) == 1560 * MS);
    assert_int_equal(lubdub_allowance_debt(&allowance, start + LUBDUB_HOUR), 0);
    lubdub_allowance_owe(&next, 1560 * MS, start + 7 * LUBDUB_SECOND);
    assert_int_equal(taken_at_once(&next, usual, start + 7 * LUBDUB_SECOND), 100);
}

static void text_names_the_rate_and_fits(void **state)
{
    char text[80];
    (void)state;

    lubdub_rate_text(text, 100, 256);
    assert_string_equal(text, "more than twice 100 messages a second, or 256 at once");
    lubdub_rate_text(text, 0, 1);
    assert_string_equal(text, "more than twice 0 messages a second, or 1 at once");
    lubdub_rate_text(text, UINT32_MAX, UINT32_MAX);
    assert_string_equal(text, "more than twice 4294967295 messages a second, or 4294967295 at once");
    assert_in_range(strlen(text), 1, sizeof text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_passes_at_once_and_one_more_does_not),
        cmocka_unit_test(rate_passes_for_ever_with_any_jitter),
        cmocka_unit_test(rate_a_tenth_beyond_ends_the_burst_in_time),
        cmocka_unit_test(silence_saves_up_the_burst_and_no_more),
        cmocka_unit_test(pile_of_an_outage_behind_a_full_burst_is_allowed),
        cmocka_unit_test(silence_allows_no_more_in_the_long_run),
        cmocka_unit_test(short_silences_allow_nothing_and_long_ones_have_a_bound),
        cmocka_unit_test(one_that_is_refused_costs_nothing),
        cmocka_unit_test(next_is_told_to_the_nanosecond),
        cmocka_unit_test(no_rate_allows_any_number_and_counts_none),
        cmocka_unit_test(time_without_reading_is_credit_for_what_piled_up_in_it),
        cmocka_unit_test(debt_is_the_time_in_which_it_drains_and_can_be_put_back),
        cmocka_unit_test(text_names_the_rate_and_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
