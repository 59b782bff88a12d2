/* The set of what is still to be written: each identity once, in their order, and whether its session is new. */
#include "server/presence/dirty.h"

#include <string.h>

#include "support/test.h"

static void identity_is_taken_once_and_in_its_order(void **state)
{
    struct presence_dirty dirty = {NULL, 0};
    char taken[128];
    bool is_new;
    (void)state;

    assert_true(presence_dirty_add(&dirty, "first", 5, false));
    assert_true(presence_dirty_add(&dirty, "second", 6, false));
    assert_true(presence_dirty_add(&dirty, "first", 5, false));
    assert_int_equal(dirty.count, 2);
    assert_int_equal(presence_dirty_take(&dirty, taken, &is_new), 5);
    assert_memory_equal(taken, "first", 5);
    assert_int_equal(presence_dirty_take(&dirty, taken, &is_new), 6);
    assert_int_equal(presence_dirty_take(&dirty, taken, &is_new), 0);
}

static void session_stays_new_until_it_is_taken(void **state)
{
    struct presence_dirty dirty = {NULL, 0};
    char taken[128];
    bool is_new = false;
    (void)state;

    assert_true(presence_dirty_add(&dirty, "pump", 4, true));
    assert_true(presence_dirty_add(&dirty, "pump", 4, false)); /* it is late by now */
    assert_int_equal(presence_dirty_take(&dirty, taken, &is_new), 4);
    assert_true(is_new);
    assert_true(presence_dirty_add(&dirty, "pump", 4, false));
    assert_int_equal(presence_dirty_take(&dirty, taken, &is_new), 4);
    assert_false(is_new);
    presence_dirty_clear(&dirty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_is_taken_once_and_in_its_order),
        cmocka_unit_test(session_stays_new_until_it_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
