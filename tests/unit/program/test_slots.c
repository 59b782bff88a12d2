/* The table of the keys that were busy lately: which stays in it, which gives way, and what a bucket lets through. */
#include "server/program/slots.h"

#include "support/test.h"

static void key_is_found_until_it_is_freed(void **state)
{
    struct slots slots;
    uint64_t key;
    size_t place;
    bool is_new;

    (void)state;
    assert_true(slots_init(&slots, 64));
    key = slots_key(&slots, "pump-7", 6);
    assert_int_not_equal(key, slots_key(&slots, "pump-8", 6));
    assert_int_equal(slots_find(&slots, key), SLOTS_NONE);
    place = slots_claim(&slots, key, &is_new);
    assert_true(is_new);
    assert_int_equal(slots_claim(&slots, key, &is_new), place);
    assert_false(is_new);
    assert_int_equal(slots_find(&slots, key), place);
    slots_free(&slots, place);
    assert_int_equal(slots_find(&slots, key), SLOTS_NONE);
    slots_clear(&slots);
}

static void idlest_gives_way_and_the_pinned_do_not(void **state)
{
    struct slots slots;
    uint64_t key;
    bool is_new;

    (void)state;
    assert_true(slots_init(&slots, 8)); /* one set: all keys meet */
    for (key = 1; key <= 8; key++) {
        size_t place = slots_claim(&slots, key, &is_new);

        slots.items[place].busy_until = 100 - key;
        slots.items[place].is_pinned = key == 8; /* the idlest of all, but pinned */
    }
    slots_claim(&slots, 9, &is_new);
    assert_true(is_new);
    assert_int_equal(slots_find(&slots, 7), SLOTS_NONE);
    assert_int_not_equal(slots_find(&slots, 8), SLOTS_NONE);

    for (key = 0; key < 8; key++) {
        slots.items[key].is_pinned = true;
    }
    assert_int_equal(slots_claim(&slots, 10, &is_new), SLOTS_NONE);
    slots_clear(&slots);
}

static void two_tables_have_different_keys(void **state)
{
    struct slots one;
    struct slots other;

    (void)state;
    assert_true(slots_init(&one, 8));
    assert_true(slots_init(&other, 8));
    assert_int_not_equal(slots_key(&one, "pump-7", 6), slots_key(&other, "pump-7", 6));
    slots_clear(&one);
    slots_clear(&other);
}

static void bucket_lets_a_burst_through_and_then_one_a_period(void **state)
{
    const lubdub_time start = LUBDUB_HOUR;
    lubdub_time used_to = 0;
    unsigned i;

    (void)state;
    for (i = 0; i < 3; i++) {
        assert_true(bucket_take(&used_to, LUBDUB_SECOND, 3, start));
    }
    assert_false(bucket_take(&used_to, LUBDUB_SECOND, 3, start));
    assert_false(bucket_take(&used_to, LUBDUB_SECOND, 3, start + LUBDUB_SECOND - 1));
    assert_true(bucket_take(&used_to, LUBDUB_SECOND, 3, start + LUBDUB_SECOND));
    assert_false(bucket_has_room(used_to, LUBDUB_SECOND, 3, start + LUBDUB_SECOND));
    for (i = 0; i < 100; i++) {
        bucket_charge(&used_to, LUBDUB_SECOND, 3, start + LUBDUB_SECOND);
    }
    assert_true(bucket_has_room(used_to, LUBDUB_SECOND, 3, start + 2 * LUBDUB_SECOND)); /* the debt has an end */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_is_found_until_it_is_freed),
        cmocka_unit_test(idlest_gives_way_and_the_pinned_do_not),
        cmocka_unit_test(two_tables_have_different_keys),
        cmocka_unit_test(bucket_lets_a_burst_through_and_then_one_a_period),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
