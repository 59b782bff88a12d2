/* When a client tries again. */
#include "support/test.h"

#include "client/library/backoff.h"

#define MINIMUM (500 * LUBDUB_MILLISECOND)
#define MAXIMUM (30 * LUBDUB_SECOND)

static int make(void **state)
{
    static struct lubdub_backoff backoff;

    lubdub_backoff_init(&backoff, MINIMUM, MAXIMUM, 1);
    *state = &backoff;
    return 0;
}

static void first_wait_is_anywhere_from_nothing_to_the_minimum(void **state)
{
    lubdub_duration least = UINT64_MAX;
    lubdub_duration most = 0;
    uint64_t seed;
    (void)state;

    for (seed = 1; seed <= 1000; seed++) {
        struct lubdub_backoff backoff;
        lubdub_duration wait;

        lubdub_backoff_init(&backoff, MINIMUM, MAXIMUM, seed);
        wait = lubdub_backoff_next(&backoff, 0);
        assert_true(wait <= MINIMUM);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_true(least < MINIMUM / 50);
    assert_true(most > MINIMUM / 50 * 49);
}

static void range_doubles_up_to_the_maximum(void **state)
{
    struct lubdub_backoff *backoff = *state;
    lubdub_duration range = MINIMUM;
    unsigned i;

    for (i = 0; i < 20; i++) {
        assert_int_equal(backoff->range, range);
        assert_true(lubdub_backoff_next(backoff, 0) <= range);
        range = 2 * range < MAXIMUM ? 2 * range : MAXIMUM;
    }
    assert_int_equal(backoff->range, MAXIMUM);
}

static void same_seed_gives_the_same_waits(void **state)
{
    struct lubdub_backoff *backoff = *state;
    struct lubdub_backoff twin;
    unsigned i;

    lubdub_backoff_init(&twin, MINIMUM, MAXIMUM, 1);
    for (i = 0; i < 10; i++) {
        assert_int_equal(lubdub_backoff_next(backoff, 0), lubdub_backoff_next(&twin, 0));
    }
}

static void wait_is_never_shorter_than_what_the_server_asked_for(void **state)
{
    const lubdub_duration asked = 10 * LUBDUB_SECOND;
    lubdub_duration most = 0;
    uint64_t seed;
    (void)state;

    for (seed = 1; seed <= 1000; seed++) {
        struct lubdub_backoff backoff;
        lubdub_duration wait;

        lubdub_backoff_init(&backoff, MINIMUM, MAXIMUM, seed);
        wait = lubdub_backoff_next(&backoff, asked);
        assert_in_range(wait, asked, asked + asked / 2);
        most = wait > most ? wait : most;
    }
    assert_true(most > asked + asked / 2 / 50 * 49); /* they do not come all together */
}

static void no_more_than_an_hour_is_granted_to_a_server(void **state)
{
    struct lubdub_backoff *backoff = *state;

    assert_in_range(lubdub_backoff_next(backoff, 3650 * 24 * LUBDUB_HOUR), LUBDUB_HOUR, LUBDUB_HOUR * 3 / 2);
    assert_in_range(lubdub_backoff_next(backoff, UINT64_MAX), LUBDUB_HOUR, LUBDUB_HOUR * 3 / 2);
}

static void replaced_one_never_comes_back_at_once(void **state)
{
    struct lubdub_backoff *backoff = *state;
    unsigned i;

    for (i = 0; i < 10; i++) {
        lubdub_duration range = backoff->range * 8 < MAXIMUM ? backoff->range * 8 : MAXIMUM;
        lubdub_duration wait = lubdub_backoff_next_replaced(backoff);

        assert_in_range(wait, range / 2, range);
    }
}

static void two_rivals_for_a_name_do_not_hurry_again(void **state)
{
    struct lubdub_backoff *backoff = *state;
    unsigned i;

    for (i = 0; i < 10; i++) {
        lubdub_backoff_next_replaced(backoff);
        lubdub_backoff_note_session(backoff, MAXIMUM, UINT64_MAX); /* as long as the rival waits at most */
    }
    assert_int_equal(backoff->range, MAXIMUM);
}

/* C13: 12 s of outage and a second kill: half of the clients were still away 12 s after it. */
static void range_starts_anew_after_a_session_of_three_expiries(void **state)
{
    struct lubdub_backoff *backoff = *state;
    unsigned i;

    for (i = 0; i < 10; i++) {
        lubdub_backoff_next(backoff, 0);
    }
    lubdub_backoff_note_session(backoff, 9 * LUBDUB_SECOND - 1, 3 * LUBDUB_SECOND);
    assert_int_equal(backoff->range, MAXIMUM);
    lubdub_backoff_note_session(backoff, 2 * MINIMUM - 1, LUBDUB_MILLISECOND); /* a server that dies of admitting */
    assert_int_equal(backoff->range, MAXIMUM);
    lubdub_backoff_note_session(backoff, 9 * LUBDUB_SECOND, 3 * LUBDUB_SECOND);
    assert_int_equal(backoff->range, MINIMUM);
}

static void range_starts_anew_after_a_long_session_whatever_the_expiry(void **state)
{
    struct lubdub_backoff *backoff = *state;
    unsigned i;

    for (i = 0; i < 10; i++) {
        lubdub_backoff_next(backoff, 0);
    }
    lubdub_backoff_note_session(backoff, 2 * MAXIMUM - 1, LUBDUB_HOUR);
    assert_int_equal(backoff->range, MAXIMUM);
    lubdub_backoff_note_session(backoff, 2 * MAXIMUM, LUBDUB_HOUR);
    assert_int_equal(backoff->range, MINIMUM);
}

static void largest_ranges_do_not_overflow(void **state)
{
    struct lubdub_backoff backoff;
    unsigned i;
    (void)state;

    lubdub_backoff_init(&backoff, 1, UINT64_MAX, 1);
    for (i = 0; i < 100; i++) {
        lubdub_backoff_next(&backoff, 0);
    }
    assert_true(backoff.range == UINT64_MAX);
    lubdub_backoff_next_replaced(&backoff);
    assert_true(backoff.range == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(first_wait_is_anywhere_from_nothing_to_the_minimum, make),
        cmocka_unit_test_setup(range_doubles_up_to_the_maximum, make),
        cmocka_unit_test_setup(same_seed_gives_the_same_waits, make),
        cmocka_unit_test_setup(wait_is_never_shorter_than_what_the_server_asked_for, make),
        cmocka_unit_test_setup(no_more_than_an_hour_is_granted_to_a_server, make),
        cmocka_unit_test_setup(replaced_one_never_comes_back_at_once, make),
        cmocka_unit_test_setup(two_rivals_for_a_name_do_not_hurry_again, make),
        cmocka_unit_test_setup(range_starts_anew_after_a_session_of_three_expiries, make),
        cmocka_unit_test_setup(range_starts_anew_after_a_long_session_whatever_the_expiry, make),
        cmocka_unit_test_setup(largest_ranges_do_not_overflow, make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
