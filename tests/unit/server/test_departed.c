/* Identities that left: which is gone when, and how many are kept. */
#include "support/test.h"

#include <malloc.h>
#include <stdio.h>

#include "server/library/departed.h"

#define MANY 100

static struct lubdub_departed departed;

static int set_up(void **state)
{
    (void)state;
    lubdub_departed_init(&departed, 1, 2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lubdub_departed_clear(&departed);
    return 0;
}

static struct lubdub_slice name(unsigned number)
{
    static char text[16];

    return (struct lubdub_slice){text, (size_t)snprintf(text, sizeof text, "m%u", number)};
}

static bool pop(lubdub_time now, size_t away_limit, const char *expected, bool *is_early)
{
    char identity[LUBDUB_IDENTITY_LIMIT];
    size_t length;

    if (!lubdub_departed_pop_gone(&departed, now, away_limit, identity, &length, is_early)) {
        return false;
    }
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(identity, expected, length);
    return true;
}

static void b16_of_too_many_the_first_that_left_is_gone_early(void **state)
{
    bool is_early;
    unsigned i;
    (void)state;

    for (i = 0; i < 5; i++) {
        assert_true(lubdub_departed_add(&departed, name(i), LUBDUB_CAUSE_CLOSED, 500, 1000 + i, MANY, 3));
    }
    assert_int_equal(lubdub_departed_deadline(&departed, 3), 0);
    assert_true(pop(1, 3, "m0", &is_early) && is_early);
    assert_true(pop(1, 3, "m1", &is_early) && is_early);
    assert_int_equal(lubdub_departed_deadline(&departed, 3), 1002);
    assert_false(pop(1001, 3, "", &is_early));
    assert_true(pop(1002, 3, "m2", &is_early) && !is_early);
}

static void b16_twice_the_limit_is_never_passed(void **state)
{
    unsigned i;
    (void)state;

    for (i = 0; i < 50; i++) {
        assert_int_equal(lubdub_departed_add(&departed, name(i), LUBDUB_CAUSE_CLOSED, 500, 1000, MANY, 3), i < 6);
    }
    assert_int_equal(departed.away.count, 6);
}

static void b18_many_that_are_away_cost_those_without_grace_nothing(void **state)
{
    bool is_in_grace;
    unsigned i;
    (void)state;

    for (i = 0; i < 20000; i++) {
        lubdub_departed_add(&departed, name(i), LUBDUB_CAUSE_CLOSED, 500, 1000, MANY, 20000);
    }
    for (; i < 40000; i++) { /* as in a drain: 200 million steps, if each passed over all that are away */
        lubdub_departed_add(&departed, name(i), LUBDUB_CAUSE_SHUTDOWN, 500, 0, MANY, 20000);
    }
    assert_int_equal(departed.over.count, MANY);
    assert_int_equal(lubdub_departed_take(&departed, name(39999), 0, &is_in_grace), LUBDUB_CAUSE_SHUTDOWN);
    assert_int_equal(lubdub_departed_take(&departed, name(20000), 0, &is_in_grace), LUBDUB_CAUSE_NONE);
    assert_int_equal(lubdub_departed_take(&departed, name(0), 0, &is_in_grace), LUBDUB_CAUSE_CLOSED);
    assert_true(is_in_grace);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void a_list_in_pieces_has_each_that_is_away_once(void **state)
{
    struct lubdub_departed_view views[3];
    bool is_in_grace;
    uint32_t place = 0;
    unsigned count = 0;
    unsigned i;
    (void)state;

    for (i = 0; i < 40; i++) {
        lubdub_departed_add(&departed, name(i), LUBDUB_CAUSE_CLOSED, 500, i % 4 == 0 ? 0 : 1000, MANY, MANY);
    }
    while (place != UINT32_MAX) {
        size_t found = lubdub_departed_list(&departed, &place, views, COUNT_OF(views));

        for (i = 0; i < found; i++) {
            assert_true(views[i].left_at == 500 && views[i].grace_until == 1000);
        }
        count += (unsigned)found;
        lubdub_departed_take(&departed, name(count), 0, &is_in_grace); /* it was listed, or will not be any more */
        lubdub_departed_add(&departed, name(100 + count), LUBDUB_CAUSE_CLOSED, 500, 0, MANY, MANY);
    }
    assert_in_range(count, 20, 30);
    assert_true(lubdub_departed_find(&departed, name(39), &views[0]) && views[0].end == LUBDUB_CAUSE_CLOSED);
    assert_false(lubdub_departed_find(&departed, name(99), &views[0]));
}

/* Sanitizers have a malloc of their own, which does not say what it gave. */
#ifdef LUBDUB_SANITIZED
#define MOST_BYTES SIZE_MAX
#else
#define MOST_BYTES 80
#endif

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void one_that_is_away_takes_few_bytes(void **state)
{
    enum { AWAY = 65536 };
    size_t before = allocated();
    unsigned i;
    (void)state;

    for (i = 0; i < AWAY; i++) {
        lubdub_departed_add(&departed, name(i), LUBDUB_CAUSE_CLOSED, 500, 1000, MANY, AWAY);
    }
    assert_int_equal(departed.away.count, AWAY);
    print_message("bytes of one that is away: %zu\n", (allocated() - before) / AWAY);
    assert_true((allocated() - before) / AWAY <= MOST_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(b16_of_too_many_the_first_that_left_is_gone_early),
        TEST(b16_twice_the_limit_is_never_passed),
        TEST(a_list_in_pieces_has_each_that_is_away_once),
        TEST(b18_many_that_are_away_cost_those_without_grace_nothing),
        TEST(one_that_is_away_takes_few_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
