#include "core/traffic.h"
#include "support/test.h"

static void frames_are_counted_by_their_type_with_header_and_content(void **state)
{
    struct lubdub_traffic traffic = {0};
    (void)state;

    lubdub_traffic_add_received(&traffic, LUBDUB_FRAME_PROBE, 0);
    lubdub_traffic_add_received(&traffic, LUBDUB_FRAME_PROBE, 5);
    lubdub_traffic_add_sent(&traffic, LUBDUB_FRAME_ACK, 7);
    assert_int_equal(traffic.frames_received[LUBDUB_FRAME_PROBE], 2);
    assert_int_equal(traffic.bytes_received, 2 * LUBDUB_HEADER_LENGTH + 5);
    assert_int_equal(traffic.frames_sent[LUBDUB_FRAME_ACK], 1);
    assert_int_equal(traffic.bytes_sent, LUBDUB_HEADER_LENGTH + 7);
}

static void type_that_does_not_exist_is_not_counted(void **state)
{
    struct lubdub_traffic traffic = {0};
    static const struct lubdub_traffic nothing;
    (void)state;

    lubdub_traffic_add_received(&traffic, LUBDUB_FRAME_TYPES, 5);
    lubdub_traffic_add_sent(&traffic, 255, 5);
    assert_memory_equal(&traffic, &nothing, sizeof traffic);
}

static void nothing_is_counted_where_nobody_wants_it(void **state)
{
    (void)state;

    lubdub_traffic_add_received(NULL, LUBDUB_FRAME_PROBE, 5);
    lubdub_traffic_add_sent(NULL, LUBDUB_FRAME_PROBE, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_counted_by_their_type_with_header_and_content),
        cmocka_unit_test(type_that_does_not_exist_is_not_counted),
        cmocka_unit_test(nothing_is_counted_where_nobody_wants_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
