/* Structs that begin with their size, of callers that are older and newer than the library. */
#include "support/test.h"

#include "core/sized.h"

struct ours {
    size_t size;
    uint64_t first;
    uint64_t second;
};

struct older {
    size_t size;
    uint64_t first;
};

struct newer {
    struct ours ours;
    uint64_t third;
};

#define LEAST offsetof(struct ours, first)

static const struct ours defaults = {sizeof defaults, 1, 2};

static void a15_initialiser_writes_no_byte_beyond_an_older_struct(void **state)
{
    struct {
        struct older older;
        uint64_t beyond;
    } caller;
    (void)state;

    memset(&caller, 0xee, sizeof caller);
    lubdub_sized_init(&caller.older, sizeof caller.older, &defaults, sizeof defaults);
    assert_int_equal(caller.older.size, sizeof caller.older);
    assert_int_equal(caller.older.first, 1);
    assert_true(caller.beyond == 0xeeeeeeeeeeeeeeee);
}

static void a15_initialiser_clears_what_only_a_newer_struct_has(void **state)
{
    struct newer newer;
    (void)state;

    memset(&newer, 0xee, sizeof newer);
    lubdub_sized_init(&newer, sizeof newer, &defaults, sizeof defaults);
    assert_int_equal(newer.ours.size, sizeof newer);
    assert_int_equal(newer.ours.second, 2);
    assert_int_equal(newer.third, 0);
}

static void older_caller_keeps_the_default_of_what_it_does_not_know(void **state)
{
    struct {
        struct older older;
        uint64_t beyond;
    } caller = {{sizeof caller.older, 10}, 20};
    struct ours own = defaults;
    (void)state;

    assert_true(lubdub_sized_take(&own, sizeof own, &caller, LEAST));
    assert_int_equal(own.size, sizeof own);
    assert_int_equal(own.first, 10);
    assert_int_equal(own.second, 2);
}

static void newer_caller_is_taken_unless_it_sets_what_we_do_not_know(void **state)
{
    struct newer newer = {{sizeof newer, 10, 20}, 0};
    struct ours own = defaults;
    size_t i;
    (void)state;

    assert_true(lubdub_sized_take(&own, sizeof own, &newer, LEAST));
    assert_int_equal(own.size, sizeof own);
    assert_int_equal(own.second, 20);
    for (i = 0; i < sizeof newer.third; i++) {
        newer.third = 0;
        ((unsigned char *)&newer.third)[i] = 1;
        assert_false(lubdub_sized_take(&own, sizeof own, &newer, LEAST));
    }
}

static void a15_size_that_no_initialiser_gave_is_refused_and_not_read_up_to(void **state)
{
    struct ours theirs = defaults;
    struct ours own = defaults;
    (void)state;

    theirs.size = 0;
    assert_false(lubdub_sized_take(&own, sizeof own, &theirs, LEAST));
    theirs.size = LEAST - 1;
    assert_false(lubdub_sized_take(&own, sizeof own, &theirs, LEAST));
    theirs.size = SIZE_MAX;
    assert_false(lubdub_sized_take(&own, sizeof own, &theirs, LEAST));
    memset(&theirs.size, 0xee, sizeof theirs.size);
    assert_false(lubdub_sized_take(&own, sizeof own, &theirs, LEAST));
}

static void results_fill_what_both_know(void **state)
{
    struct {
        struct older older;
        uint64_t beyond;
    } older = {{sizeof older.older, 0}, 20};
    struct newer newer = {{sizeof newer, 0, 0}, 30};
    struct ours none = {0, 5, 6};
    (void)state;

    lubdub_sized_give(&older, &defaults, sizeof defaults);
    assert_int_equal(older.older.size, sizeof older.older);
    assert_int_equal(older.older.first, 1);
    assert_int_equal(older.beyond, 20);

    lubdub_sized_give(&newer, &defaults, sizeof defaults);
    assert_int_equal(newer.ours.size, sizeof newer);
    assert_int_equal(newer.ours.second, 2);
    assert_int_equal(newer.third, 30);

    lubdub_sized_give(&none, &defaults, sizeof defaults);
    assert_int_equal(none.size, 0);
    assert_int_equal(none.first, 5);
}

static void field_is_there_only_as_a_whole(void **state)
{
    (void)state;
    assert_true(LUBDUB_SIZED_HAS(sizeof(struct ours), struct ours, second));
    assert_false(LUBDUB_SIZED_HAS(sizeof(struct ours) - 1, struct ours, second));
    assert_true(LUBDUB_SIZED_HAS(sizeof(struct older), struct ours, first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a15_initialiser_writes_no_byte_beyond_an_older_struct),
        cmocka_unit_test(a15_initialiser_clears_what_only_a_newer_struct_has),
        cmocka_unit_test(older_caller_keeps_the_default_of_what_it_does_not_know),
        cmocka_unit_test(newer_caller_is_taken_unless_it_sets_what_we_do_not_know),
        cmocka_unit_test(a15_size_that_no_initialiser_gave_is_refused_and_not_read_up_to),
        cmocka_unit_test(results_fill_what_both_know),
        cmocka_unit_test(field_is_there_only_as_a_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
