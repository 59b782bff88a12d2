/* What people may write behind --fault, and which causes a fault explains. */
#include "support/test.h"

#include "swarm/orders/order.h"

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

static void condition_has_a_value_and_perhaps_a_share(void **state)
{
    struct swarm_order order;

    (void)state;
    assert_null(swarm_order_parse("loss:5%", &order));
    assert_int_equal(order.fault, SWARM_FAULT_LOSS);
    assert_true(order.share == 1);
    assert_true(order.conditions.loss > 0.0499 && order.conditions.loss < 0.0501);
    assert_null(swarm_order_parse("loss:0.3:20%", &order));
    assert_true(order.share > 0.199 && order.share < 0.201);
    assert_null(swarm_order_parse("delay:50ms", &order));
    assert_int_equal(order.conditions.delay, 50 * LUBDUB_MILLISECOND);
    assert_int_equal(order.conditions.jitter, 0);
    assert_true(order.conditions.loss == 0);
    assert_null(swarm_order_parse("delay:50ms\xc2\xb1"
                                  "20ms:10%",
                                  &order));
    assert_int_equal(order.conditions.jitter, 20 * LUBDUB_MILLISECOND);
    assert_true(order.share > 0.099 && order.share < 0.101);
    assert_null(swarm_order_parse("delay:1s+-1s", &order));
    assert_int_equal(order.conditions.jitter, LUBDUB_SECOND);
    assert_null(swarm_order_parse("slow-link:64k:0.5", &order));
    assert_int_equal(order.conditions.bytes_per_second, 8000);
    assert_null(swarm_order_parse("slow-link:2m", &order));
    assert_int_equal(order.conditions.bytes_per_second, 250000);
    assert_null(swarm_order_parse("slow-link:800", &order));
    assert_int_equal(order.conditions.bytes_per_second, 100);
    assert_null(swarm_order_parse("slow-link:10000m", &order));
}

static void network_faults_are_known_as_such(void **state)
{
    struct swarm_order order;

    (void)state;
    assert_null(swarm_order_parse("drop-out:5%", &order));
    assert_int_equal(order.fault, SWARM_FAULT_DROP_OUT);
    assert_true(swarm_fault_is_networks(SWARM_FAULT_DROP_OUT));
    assert_false(swarm_fault_is_networks(SWARM_FAULT_FREEZE));
    assert_null(swarm_order_parse("server-cut", &order));
    assert_true(swarm_fault_is_servers(SWARM_FAULT_SERVER_CUT));
    assert_null(swarm_order_parse("outage:500ms", &order));
    assert_int_equal(order.length, 500 * LUBDUB_MILLISECOND);
    assert_true(swarm_fault_is_condition(SWARM_FAULT_LOSS));
    assert_false(swarm_fault_is_condition(SWARM_FAULT_OUTAGE));
    assert_false(swarm_fault_is_condition(SWARM_FAULT_CUT));
    assert_false(swarm_fault_has_row(SWARM_FAULT_POWER, SWARM_SIDE_CLIENT)); /* it has no power */
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
        "cut",
        "cut:0",
        "drop-in",
        "power:2",
        "outage",
        "outage:",
        "outage:0",
        "outage:5%",
        "outage:2h",
        "server-cut:5%",
        "loss",
        "loss:",
        "loss:0",
        "loss:100%",
        "loss:5%:",
        "loss:5%:0",
        "loss:5%:101%",
        "loss:5%:5%:5%",
        "delay",
        "delay:0",
        "delay:x",
        "delay:2h",
        "delay:10ms+-20ms",
        "delay:10ms+-",
        "delay:10ms+20ms",
        "delay:10ms-20ms",
        "delay:10ms\xc2\xb1",
        "delay:+-5ms",
        "slow-link",
        "slow-link:0",
        "slow-link:7",
        "slow-link:x",
        "slow-link:64kk",
        "slow-link:10001m",
        "slow-link:99999999999999999999k",
        "slow-link:64k:x",
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

static void unknown_kind_is_answered_with_all_that_there_are(void **state)
{
    struct swarm_order order;

    (void)state;
    assert_string_equal(
        swarm_order_parse("sneeze:5%", &order),
        "must be KIND:SHARE with one of the kinds freeze, kill, reset, bye, cut, cut-one, cut-both, drop-in, "
        "drop-out, power, loss, delay, slow-link, server-stall, vm-pause, outage, outage-one, "
        "server-freeze, server-kill and server-cut, as in freeze:5%");
}

static void help_has_a_line_for_each_fault_of_the_list(void **state)
{
    char text[2048] = "Faults:\n";

    (void)state;
    swarm_order_help(text, sizeof text, SWARM_VICTIM_CLIENTS);
    assert_non_null(strstr(text, "Faults:\n  freeze                  nobody serves its socket any more\n  kill "));
    assert_non_null(strstr(text, "\n  cut*                    its cable is cut\n"));
    assert_null(strstr(text, "loss"));
    assert_null(strstr(text, "server-"));
    text[0] = '\0';
    swarm_order_help(text, sizeof text, SWARM_VICTIM_SERVERS);
    assert_non_null(strstr(text, "\n  outage:D*               all paths are cut"));
    text[0] = '\0';
    swarm_order_help(text, sizeof text, SWARM_VICTIM_PATHS);
    assert_non_null(strstr(text, "\n  delay:D[+-J][:SHARE]*   each way"));
}

/* What a row says in one column fits what it says in the others. */
static void rows_do_not_contradict_themselves(void **state)
{
    int i;
    int side;

    (void)state;
    for (i = 0; i < SWARM_FAULT_NONE; i++) {
        enum swarm_fault fault = (enum swarm_fault)i;
        const char *word = swarm_fault_word(fault);

        assert_int_equal(swarm_fault_of_word(word, strlen(word)), fault);
        assert_true(*swarm_fault_help(fault) != '\0');
        assert_true(!swarm_fault_is_condition(fault) || swarm_fault_passes(fault));
        /* The network closes ways, or makes them worse. */
        assert_int_equal(swarm_fault_ways(fault) != SWARM_NO_WAY,
                         swarm_fault_is_networks(fault) && !swarm_fault_is_condition(fault));
        for (side = 0; side < SWARM_SIDE_COUNT; side++) {
            bool has_limit = swarm_fault_limit(fault, (enum swarm_side)side) != SWARM_LIMIT_NONE;

            /* A fault that passes may concern a side that should never notice it, and no other may. */
            assert_true(has_limit == swarm_fault_concerns(fault, (enum swarm_side)side) ||
                        (swarm_fault_passes(fault) && !has_limit));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(share_of_clients_is_a_percentage_or_a_fraction),
        cmocka_unit_test(servers_fault_is_whole_and_a_stall_has_a_length),
        cmocka_unit_test(condition_has_a_value_and_perhaps_a_share),
        cmocka_unit_test(network_faults_are_known_as_such),
        cmocka_unit_test(anything_else_is_refused_with_a_reason_and_changes_nothing),
        cmocka_unit_test(unknown_kind_is_answered_with_all_that_there_are),
        cmocka_unit_test(help_has_a_line_for_each_fault_of_the_list),
        cmocka_unit_test(rows_do_not_contradict_themselves),
        cmocka_unit_test(size_is_the_nearest_number_and_at_least_one),
        cmocka_unit_test(only_silence_is_hung_and_the_rest_is_told_by_the_kernel),
        cmocka_unit_test(fault_has_rows_for_whom_it_concerns_and_for_both_if_it_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
