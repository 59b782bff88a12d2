/* The identities that are known: found among many, at places that they keep, forgotten in the order in which they left.
 */
#include "server/register/store.h"

#include <stdio.h>

#include "support/test.h"

static struct lubdub_slice name(unsigned number)
{
    static char text[32];

    return (struct lubdub_slice){text, (size_t)snprintf(text, sizeof text, "pump-%u", number)};
}

static int set_up(void **state)
{
    static struct store store;

    *state = &store;
    return store_init(&store) ? 0 : -1;
}

static int tear_down(void **state)
{
    store_clear(*state);
    return 0;
}

/* A chain is split with each one that is added; none is lost at any size. */
static void each_is_found_however_many_there_are(void **state)
{
    struct store *store = *state;
    unsigned i;

    for (i = 0; i < 3000; i++) {
        struct known *known = store_claim(store, name(i));

        assert_non_null(known);
        assert_ptr_equal(store_claim(store, name(i)), known);
        assert_ptr_equal(store_find(store, name(i / 2)), store->places[i / 2]);
    }
    assert_int_equal(store->index.count, 3000);
    assert_null(store_find(store, name(3000)));
    for (i = 0; i < 3000; i++) {
        assert_non_null(store_find(store, name(i)));
    }
    for (i = 0; i < 3000; i += 2) {
        store_forget(store, store_find(store, name(i)));
    }
    for (i = 0; i < 3000; i++) {
        assert_int_equal(store_find(store, name(i)) != NULL, i % 2);
    }
}

static void walk_meets_each_that_stays(void **state)
{
    struct store *store = *state;
    uint32_t place = 0;
    unsigned met = 0;
    unsigned i;

    for (i = 0; i < 300; i++) {
        assert_non_null(store_claim(store, name(i)));
    }
    while (store_next(store, &place) != NULL) {
        met++;
        if (met == 100) { /* before and behind the place of the walk */
            store_forget(store, store_find(store, name(5)));
            store_forget(store, store_find(store, name(250)));
            assert_non_null(store_claim(store, name(1000)));
        }
    }
    assert_true(met == 299 || met == 300); /* the newcomer perhaps */
}

static void first_that_left_is_forgotten_of_too_many(void **state)
{
    struct store *store = *state;
    struct watch *somebody = (struct watch *)store; /* only whether there is one counts */
    unsigned i;

    store_claim(store, name(0))->watch = somebody;
    store_claim(store, name(1))->session = 1;
    for (i = 0; i < STORE_DEPARTED + 3; i++) {
        struct known *known = store_claim(store, name(i));

        assert_non_null(known);
        store_settle(store, known);
        if (i == 2) {
            known->missing_at = 5; /* it waits for something; that goes with it */
            assert_true(due_update(&store->due, known));
        }
    }
    assert_int_equal(store->departed_count, STORE_DEPARTED);
    assert_non_null(store_find(store, name(0))); /* expected */
    assert_non_null(store_find(store, name(1))); /* up */
    assert_null(store_find(store, name(2)));
    assert_null(due_first(&store->due));
    assert_non_null(store_find(store, name(3)));
    store_find(store, name(0))->watch = NULL;
}

static void next_that_is_due_comes_first(void **state)
{
    struct store *store = *state;
    lubdub_time last = 0;
    unsigned seed = 7;
    unsigned i;

    for (i = 0; i < 500; i++) {
        struct known *known = store_claim(store, name(i));

        seed = seed * 1103515245 + 12345;
        known->missing_at = 1 + seed % 1000;
        assert_true(due_update(&store->due, known));
    }
    for (i = 0; i < 500; i += 3) { /* sooner, later, never */
        struct known *known = store_find(store, name(i));

        known->missing_at = i % 2 ? LUBDUB_TIME_NEVER : 1 + (known->missing_at * 7) % 1000;
        known->gone_at = i % 5 ? LUBDUB_TIME_NEVER : i + 1;
        assert_true(due_update(&store->due, known));
    }
    while (due_first(&store->due) != NULL) {
        struct known *known = due_first(&store->due);

        assert_true(due_time_of(known) >= last);
        last = due_time_of(known);
        known->missing_at = known->gone_at = LUBDUB_TIME_NEVER;
        assert_true(due_update(&store->due, known));
    }
    assert_true(last > 0);
}

static void last_twenty_ends_are_kept(void **state)
{
    struct store *store = *state;
    struct known *known = store_claim(store, name(1));
    unsigned i;

    for (i = 1; i <= 47; i++) {
        const struct known_end end = {.at_ms = i, .cause = LUBDUB_CAUSE_CLOSED};

        known_add_end(known, &end);
        assert_int_equal(known->end_count, i < KNOWN_ENDS ? i : KNOWN_ENDS);
        assert_int_equal(known_end_at(known, 0)->at_ms, i);
        assert_int_equal(known_end_at(known, known->end_count - 1u)->at_ms, i < KNOWN_ENDS ? 1 : i - KNOWN_ENDS + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_found_however_many_there_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(walk_meets_each_that_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(first_that_left_is_forgotten_of_too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(next_that_is_due_comes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(last_twenty_ends_are_kept, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
