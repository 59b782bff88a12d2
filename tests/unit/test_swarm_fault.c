/* What people may write behind --fault, and which causes a fault explains. */
#include "support/test.h"

#include "fault.h"

static void share_of_clients_is_a_percentage_or_a_fraction(void **state)
{
    struct swarm_order order;

    (void)state;
    assert_null(swarm_order_parse("freeze:5%", &order));
    assert_int_equal(order.fault, SWARM_FAULT_FREEZE);
    assert_true(order.share > 0.0499 && order.share < 0.0501);
    assert_null(swarm_order_parse("bye:0.5", &order));
    assert_int_equal(order.fault, SWARM_FAULT_BYE);
    assert_true(order.share > 0.499 && order.share < 0.501);
    assert_null(swarm_order_parse("kill:1", &order));
    assert_null(swarm_order_parse("reset:100%", &order));
}

static void servers_fault_is_whole_and_a_stall_has_a_length(void **state)
{
    struct swarm_order order;

    (void)state;
    assert_null(swarm_order_parse("server-freeze", &order));
    assert_int_equal(order.fault, SWARM_FAULT_SERVER_FREEZE);
    assert_null(swarm_order_parse("server-kill:1", &order));
    assert_null(swarm_order_parse("server-stall:1500ms", &order));
    assert_int_equal(order.fault, SWARM_FAULT_SERVER_STALL);
    assert_int_equal(order.length, 1500 * LUBDUB_MILLISECOND);
    assert_null(swarm_order_parse("server-stall", &order));
    assert_int_equal(order.length, 0);
}

static void anything_else_is_refused_with_a_reason_and_changes_nothing(void **state)
{
    static const char *const texts[] = {
        "",
        ":",
        ":5%",
        "freeze",
        "freeze:",
        "freeze:0",
        "freeze:0%",
        "freeze:101%",
        "freeze:1.01",
        "freeze:-5%",
        "freeze:5%%",
        "freeze:5%:5%",
        "freez:5%",
        "freezes:5%",
        "FREEZE:5%",
        "cut:5%",
        "none:5%",
        "server:1",
        "server-freeze:0.5",
        "server-kill:",
        "server-stall:0",
        "server-stall:",
        "server-stall:2h",
        "server-stall:x",
    };
    struct swarm_order order = {.fault = SWARM_FAULT_BYE, .share = 0.25};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(texts); i++) {
        assert_non_null(swarm_order_parse(texts[i], &order));
        assert_int_equal(order.fault, SWARM_FAULT_BYE);
        assert_true(order.share > 0.24 && order.share < 0.26);
    }
}

static void size_is_the_nearest_number_and_at_least_one(void **state)
{
    const struct swarm_order five_percent = {.fault = SWARM_FAULT_KILL, .share = 0.05};
    const struct swarm_order all = {.fault = SWARM_FAULT_KILL, .share = 1};

    (void)state;
    assert_int_equal(swarm_order_size(&five_percent, 1000), 50);
    assert_int_equal(swarm_order_size(&five_percent, 30), 2);
    assert_int_equal(swarm_order_size(&five_percent, 29), 1);
    assert_int_equal(swarm_order_size(&five_percent, 1), 1);
    assert_int_equal(swarm_order_size(&all, 19936), 19936);
}

static void only_silence_is_hung_and_the_rest_is_told_by_the_kernel(void **state)
{
    (void)state;
    assert_true(swarm_fault_explains(SWARM_FAULT_FREEZE, SWARM_SIDE_SERVER, LUBDUB_CAUSE_HUNG));
    assert_false(swarm_fault_explains(SWARM_FAULT_FREEZE, SWARM_SIDE_CLIENT, LUBDUB_CAUSE_HUNG));
    assert_false(swarm_fault_explains(SWARM_FAULT_FREEZE, SWARM_SIDE_SERVER, LUBDUB_CAUSE_UNREACHABLE));
    assert_false(swarm_fault_explains(SWARM_FAULT_RESET, SWARM_SIDE_SERVER, LUBDUB_CAUSE_CLOSED));
    assert_true(swarm_fault_explains(SWARM_FAULT_SERVER_KILL, SWARM_SIDE_CLIENT, LUBDUB_CAUSE_RESET));
    assert_false(swarm_fault_explains(SWARM_FAULT_NONE, SWARM_SIDE_CLIENT, LUBDUB_CAUSE_NONE));
    assert_false(swarm_fault_is_told(SWARM_FAULT_FREEZE));
    assert_false(swarm_fault_is_told(SWARM_FAULT_SERVER_FREEZE));
    assert_true(swarm_fault_is_told(SWARM_FAULT_BYE));
    assert_true(swarm_fault_is_told(SWARM_FAULT_SERVER_KILL));
    assert_false(swarm_fault_is_servers(SWARM_FAULT_BYE));
    assert_true(swarm_fault_is_servers(SWARM_FAULT_SERVER_STALL));
    assert_false(swarm_fault_is_told(SWARM_FAULT_SERVER_STALL));
    assert_string_equal(swarm_fault_word(SWARM_FAULT_SERVER_STALL), "server-stall");
    assert_string_equal(swarm_fault_word(SWARM_FAULT_NONE), "none");
}

static void fault_has_rows_for_whom_it_concerns_and_for_both_if_it_passes(void **state)
{
    (void)state;
    assert_true(swarm_fault_has_row(SWARM_FAULT_FREEZE, SWARM_SIDE_SERVER));
    assert_false(swarm_fault_has_row(SWARM_FAULT_FREEZE, SWARM_SIDE_CLIENT));
    assert_true(swarm_fault_has_row(SWARM_FAULT_SERVER_KILL, SWARM_SIDE_CLIENT));
    assert_false(swarm_fault_has_row(SWARM_FAULT_SERVER_KILL, SWARM_SIDE_SERVER));
    assert_true(swarm_fault_passes(SWARM_FAULT_SERVER_STALL));
    assert_false(swarm_fault_concerns(SWARM_FAULT_SERVER_STALL, SWARM_SIDE_SERVER));
    assert_true(swarm_fault_has_row(SWARM_FAULT_SERVER_STALL, SWARM_SIDE_CLIENT));
    assert_true(swarm_fault_has_row(SWARM_FAULT_SERVER_STALL, SWARM_SIDE_SERVER));
    assert_true(swarm_fault_has_row(SWARM_FAULT_NONE, SWARM_SIDE_SERVER));
    assert_false(swarm_fault_passes(SWARM_FAULT_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(share_of_clients_is_a_percentage_or_a_fraction),
        cmocka_unit_test(servers_fault_is_whole_and_a_stall_has_a_length),
        cmocka_unit_test(anything_else_is_refused_with_a_reason_and_changes_nothing),
        cmocka_unit_test(size_is_the_nearest_number_and_at_least_one),
        cmocka_unit_test(only_silence_is_hung_and_the_rest_is_told_by_the_kernel),
        cmocka_unit_test(fault_has_rows_for_whom_it_concerns_and_for_both_if_it_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
