/* Strikes follow from the seed, hit each client once at most, and spread over the time. */
#include "support/test.h"

#include "swarm/orders/strikes.h"

#define CLIENTS 1000
#define DURATION (10 * LUBDUB_SECOND)

static const struct swarm_order orders[] = {
    {.fault = SWARM_FAULT_FREEZE, .share = 0.3},
    {.fault = SWARM_FAULT_SERVER_KILL, .share = 1},
    {.fault = SWARM_FAULT_BYE, .share = 0.2},
};

static struct swarm_strikes make(uint64_t seed)
{
    uint64_t random = seed;
    struct swarm_strikes strikes;

    assert_true(swarm_strikes_draw(&strikes, orders, COUNT_OF(orders), CLIENTS, DURATION, &random));
    return strikes;
}

static void each_share_gets_its_number_and_no_client_is_struck_twice(void **state)
{
    struct swarm_strikes strikes = make(1);
    unsigned struck[CLIENTS] = {0};
    unsigned of_kind[SWARM_FAULT_COUNT] = {0};
    size_t i;

    (void)state;
    for (i = 0; i < strikes.count; i++) {
        assert_in_range(strikes.list[i].client, 0, CLIENTS - 1);
        assert_int_equal(struck[strikes.list[i].client]++, 0);
        of_kind[strikes.list[i].fault]++;
    }
    assert_int_equal(of_kind[SWARM_FAULT_FREEZE], 300);
    assert_int_equal(of_kind[SWARM_FAULT_BYE], 200);
    assert_int_equal(strikes.count, 500);
    swarm_strikes_clear(&strikes);
}

static void strikes_come_in_order_and_all_over_the_duration(void **state)
{
    struct swarm_strikes strikes = make(2);
    unsigned of_tenth[10] = {0};
    size_t i;

    (void)state;
    for (i = 0; i < strikes.count; i++) {
        assert_true(strikes.list[i].at < DURATION);
        assert_true(i == 0 || strikes.list[i - 1].at <= strikes.list[i].at);
        of_tenth[strikes.list[i].at / (DURATION / 10)]++;
    }
    for (i = 0; i < 10; i++) {
        assert_in_range(of_tenth[i], 25, 80); /* 50 on average; four standard deviations are 27 */
    }
    swarm_strikes_clear(&strikes);
}

static void same_seed_draws_the_same_strikes_and_another_seed_others(void **state)
{
    struct swarm_strikes one = make(3);
    struct swarm_strikes same = make(3);
    struct swarm_strikes other = make(4);
    size_t differences = 0;
    size_t i;

    (void)state;
    for (i = 0; i < one.count; i++) {
        assert_true(one.list[i].at == same.list[i].at);
        assert_int_equal(one.list[i].client, same.list[i].client);
        assert_int_equal(one.list[i].fault, same.list[i].fault);
        differences += one.list[i].client != other.list[i].client;
    }
    assert_true(differences > one.count / 2);
    swarm_strikes_clear(&one);
    swarm_strikes_clear(&same);
    swarm_strikes_clear(&other);
}

static void bad_paths_are_drawn_from_all_and_leave_the_strikes_as_they_are(void **state)
{
    const struct swarm_order more[] = {
        orders[0],
        orders[1],
        orders[2],
        {.fault = SWARM_FAULT_LOSS, .share = 0.1, .conditions.loss = 0.5},
        {.fault = SWARM_FAULT_DELAY, .share = 1, .conditions.delay = 1},
    };
    struct swarm_strikes without = make(6);
    uint64_t random = 6;
    unsigned lossy[CLIENTS] = {0};
    unsigned late[CLIENTS] = {0};
    struct swarm_strikes strikes;
    size_t i;

    (void)state;
    assert_true(swarm_strikes_draw(&strikes, more, COUNT_OF(more), CLIENTS, DURATION, &random));
    assert_int_equal(strikes.count, without.count);
    for (i = 0; i < strikes.count; i++) {
        assert_int_equal(strikes.list[i].client, without.list[i].client);
    }
    assert_int_equal(strikes.sufferer_count, 100 + CLIENTS);
    for (i = 0; i < strikes.sufferer_count; i++) {
        unsigned *of_kind = strikes.sufferers[i].order == 3 ? lossy : late;

        assert_in_range(strikes.sufferers[i].order, 3, 4);
        assert_int_equal(of_kind[strikes.sufferers[i].client]++, 0);
    }
    swarm_strikes_clear(&strikes);
    swarm_strikes_clear(&without);
}

static void everybody_at_once_can_be_struck_too(void **state)
{
    const struct swarm_order all = {.fault = SWARM_FAULT_KILL, .share = 1};
    uint64_t random = 5;
    struct swarm_strikes strikes;

    (void)state;
    assert_true(swarm_strikes_draw(&strikes, &all, 1, 7, 0, &random));
    assert_int_equal(strikes.count, 7);
    assert_true(strikes.list[6].at == 0);
    swarm_strikes_clear(&strikes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_share_gets_its_number_and_no_client_is_struck_twice),
        cmocka_unit_test(strikes_come_in_order_and_all_over_the_duration),
        cmocka_unit_test(same_seed_draws_the_same_strikes_and_another_seed_others),
        cmocka_unit_test(bad_paths_are_drawn_from_all_and_leave_the_strikes_as_they_are),
        cmocka_unit_test(everybody_at_once_can_be_struck_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
