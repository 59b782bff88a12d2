/* The set of what is still to be written: each identity once, in their order, and whether its session is new. */
#include "server/presence/dirty.h"

#include <string.h>

#include "support/test.h"

static void identity_is_taken_once_and_in_its_order(void **state)
{
    struct presence_dirty dirty = {NULL, 0};
    char taken[128];
    enum presence_news news;
    (void)state;

    assert_true(presence_dirty_add(&dirty, "first", 5, PRESENCE_KNOWN));
    assert_true(presence_dirty_add(&dirty, "second", 6, PRESENCE_KNOWN));
    assert_true(presence_dirty_add(&dirty, "first", 5, PRESENCE_KNOWN));
    assert_int_equal(dirty.count, 2);
    assert_int_equal(presence_dirty_take(&dirty, taken, &news), 5);
    assert_memory_equal(taken, "first", 5);
    assert_int_equal(presence_dirty_take(&dirty, taken, &news), 6);
    assert_int_equal(presence_dirty_take(&dirty, taken, &news), 0);
}

static void session_stays_new_until_it_is_taken(void **state)
{
    struct presence_dirty dirty = {NULL, 0};
    char taken[128];
    enum presence_news news = PRESENCE_KNOWN;
    (void)state;

    assert_true(presence_dirty_add(&dirty, "pump", 4, PRESENCE_AGAIN));
    assert_true(presence_dirty_add(&dirty, "pump", 4, PRESENCE_NEW));
    assert_true(presence_dirty_add(&dirty, "pump", 4, PRESENCE_AGAIN)); /* the answer for the session before */
    assert_true(presence_dirty_add(&dirty, "pump", 4, PRESENCE_KNOWN)); /* it is late by now */
    assert_int_equal(presence_dirty_take(&dirty, taken, &news), 4);
    assert_int_equal(news, PRESENCE_NEW);
    assert_true(presence_dirty_add(&dirty, "pump", 4, PRESENCE_KNOWN));
    assert_int_equal(presence_dirty_take(&dirty, taken, &news), 4);
    assert_int_equal(news, PRESENCE_KNOWN);
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
