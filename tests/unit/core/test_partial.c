/* The bytes of a frame that has not come whole. */
#include "support/test.h"
#include "support/wire_bytes.h"

#include "core/partial.h"

#include <lubdub/frame.h>

static void missing_bytes_lead_to_the_header_and_then_to_the_end(void **state)
{
    struct lubdub_partial partial = {0};
    struct wire_bytes frame = {0};
    size_t i;
    (void)state;

    wire_bytes_put_frame(&frame, LUBDUB_FRAME_PROBE, 0, 1, NULL, 300);
    for (i = 0; i < frame.length; i++) {
        assert_int_equal(lubdub_partial_missing(&partial), i < 16 ? 16 - i : 316 - i);
        assert_true(lubdub_partial_append(&partial, frame.data + i, 1));
    }
    assert_int_equal(lubdub_partial_missing(&partial), 0);
    assert_int_equal(partial.length, frame.length);
    assert_memory_equal(partial.bytes, frame.data, frame.length);
    lubdub_partial_clear(&partial);
    wire_bytes_clear(&frame);
}

static void memory_grows_with_what_came_and_not_with_what_was_declared(void **state)
{
    struct lubdub_partial partial = {0};
    struct wire_bytes frame = {0};
    (void)state;

    wire_bytes_put_frame(&frame, LUBDUB_FRAME_MESSAGE, 0, 1, NULL, LUBDUB_CONTENT_LIMIT);
    assert_true(lubdub_partial_append(&partial, frame.data, 20));
    assert_in_range(partial.capacity, 20, 64);
    assert_true(lubdub_partial_append(&partial, frame.data + 20, 500));
    assert_in_range(partial.capacity, 520, 1040);
    lubdub_partial_clear(&partial);
    wire_bytes_clear(&frame);
}

static void largest_frame_is_kept_whole(void **state)
{
    struct lubdub_partial partial = {0};
    struct wire_bytes frame = {0};
    (void)state;

    wire_bytes_put_frame(&frame, LUBDUB_FRAME_MESSAGE, 0, 1, NULL, LUBDUB_CONTENT_LIMIT);
    assert_true(lubdub_partial_append(&partial, frame.data, 1000));
    assert_true(lubdub_partial_append(&partial, frame.data + 1000, frame.length - 1000));
    assert_int_equal(lubdub_partial_missing(&partial), 0);
    assert_memory_equal(partial.bytes, frame.data, frame.length);
    lubdub_partial_clear(&partial);
    wire_bytes_clear(&frame);
}

static void cleared_one_holds_nothing_and_can_be_used_again(void **state)
{
    struct lubdub_partial partial = {0};
    (void)state;

    lubdub_partial_clear(&partial);
    assert_true(lubdub_partial_append(&partial, (const uint8_t *)"abc", 3));
    lubdub_partial_clear(&partial);
    assert_null(partial.bytes);
    assert_int_equal(partial.length, 0);
    assert_int_equal(partial.capacity, 0);
    assert_true(lubdub_partial_append(&partial, (const uint8_t *)"de", 2));
    assert_memory_equal(partial.bytes, "de", 2);
    lubdub_partial_clear(&partial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_bytes_lead_to_the_header_and_then_to_the_end),
        cmocka_unit_test(memory_grows_with_what_came_and_not_with_what_was_declared),
        cmocka_unit_test(largest_frame_is_kept_whole),
        cmocka_unit_test(cleared_one_holds_nothing_and_can_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
