/* How often an identity may change hands. */
#include "support/test.h"

#include "server/library/contest.h"

static struct lubdub_contests contests;

static int tear_down(void **state)
{
    (void)state;
    lubdub_contests_clear(&contests);
    return 0;
}

static void b20_identity_changes_hands_a_few_times_a_second(void **state)
{
    lubdub_time now = LUBDUB_HOUR;
    bool is_news;
    unsigned i;
    (void)state;

    for (i = 0; i < LUBDUB_CONTEST_LIMIT; i++) {
        assert_true(lubdub_contests_allow(&contests, 7, now, &is_news));
    }
    assert_false(lubdub_contests_allow(&contests, 7, now, &is_news));
    assert_true(is_news);
    assert_false(lubdub_contests_allow(&contests, 7, now, &is_news));
    assert_false(is_news);
    assert_true(lubdub_contests_allow(&contests, 8, now, &is_news));
    assert_true(lubdub_contests_allow(&contests, 7, now + LUBDUB_SECOND, &is_news));
}

static void b20_contest_that_goes_on_is_told_once_a_minute(void **state)
{
    lubdub_time now = LUBDUB_HOUR;
    unsigned told = 0;
    bool is_news;
    (void)state;

    for (; now < LUBDUB_HOUR + 2 * LUBDUB_MINUTE; now += 10 * LUBDUB_MILLISECOND) {
        lubdub_contests_allow(&contests, 7, now, &is_news);
        told += is_news;
    }
    assert_int_equal(told, 2);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(b20_identity_changes_hands_a_few_times_a_second),
        TEST(b20_contest_that_goes_on_is_told_once_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
