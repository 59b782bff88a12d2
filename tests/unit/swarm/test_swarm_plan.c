/* Who is struck when: by seed, each client once at most, spread over the time. */
#include "support/test.h"

#include "swarm/orders/strikes.h"

#define CLIENTS 1000
#define DURATION (10 * LUBDUB_SECOND)

static const struct swarm_order orders[] = {
    {.fault = SWARM_FAULT_FREEZE, .share = 0.3},
    {.fault = SWARM_FAULT_SERVER_KILL, .share = 1},
    {.fault = SWARM_FAULT_BYE, .share = 0.2},
};

static struct swarm_plan make(uint64_t seed)
{
    uint64_t random = seed;
    struct swarm_plan plan;

    assert_true(swarm_plan_make(&plan, orders, COUNT_OF(orders), CLIENTS, DURATION, &random));
    return plan;
}

static void each_share_gets_its_number_and_no_client_is_struck_twice(void **state)
{
    struct swarm_plan plan = make(1);
    unsigned struck[CLIENTS] = {0};
    unsigned of_kind[SWARM_FAULT_COUNT] = {0};
    size_t i;

    (void)state;
    for (i = 0; i < plan.count; i++) {
        assert_in_range(plan.strikes[i].client, 0, CLIENTS - 1);
        assert_int_equal(struck[plan.strikes[i].client]++, 0);
        of_kind[plan.strikes[i].fault]++;
    }
    assert_int_equal(of_kind[SWARM_FAULT_FREEZE], 300);
    assert_int_equal(of_kind[SWARM_FAULT_BYE], 200);
    assert_int_equal(plan.count, 500);
    swarm_plan_clear(&plan);
}

static void strikes_come_in_order_and_all_over_the_duration(void **state)
{
    struct swarm_plan plan = make(2);
    unsigned of_tenth[10] = {0};
    size_t i;

    (void)state;
    for (i = 0; i < plan.count; i++) {
        assert_true(plan.strikes[i].at < DURATION);
        assert_true(i == 0 || plan.strikes[i - 1].at <= plan.strikes[i].at);
        of_tenth[plan.strikes[i].at / (DURATION / 10)]++;
    }
    for (i = 0; i < 10; i++) {
        assert_in_range(of_tenth[i], 25, 80); /* 50 on average; four standard deviations are 27 */
    }
    swarm_plan_clear(&plan);
}

static void same_seed_makes_the_same_plan_and_another_seed_another(void **state)
{
    struct swarm_plan one = make(3);
    struct swarm_plan same = make(3);
    struct swarm_plan other = make(4);
    size_t differences = 0;
    size_t i;

    (void)state;
    for (i = 0; i < one.count; i++) {
        assert_true(one.strikes[i].at == same.strikes[i].at);
        assert_int_equal(one.strikes[i].client, same.strikes[i].client);
        assert_int_equal(one.strikes[i].fault, same.strikes[i].fault);
        differences += one.strikes[i].client != other.strikes[i].client;
    }
    assert_true(differences > one.count / 2);
    swarm_plan_clear(&one);
    swarm_plan_clear(&same);
    swarm_plan_clear(&other);
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
    struct swarm_plan without = make(6);
    uint64_t random = 6;
    unsigned lossy[CLIENTS] = {0};
    unsigned late[CLIENTS] = {0};
    struct swarm_plan plan;
    size_t i;

    (void)state;
    assert_true(swarm_plan_make(&plan, more, COUNT_OF(more), CLIENTS, DURATION, &random));
    assert_int_equal(plan.count, without.count);
    for (i = 0; i < plan.count; i++) {
        assert_int_equal(plan.strikes[i].client, without.strikes[i].client);
    }
    assert_int_equal(plan.sufferer_count, 100 + CLIENTS);
    for (i = 0; i < plan.sufferer_count; i++) {
        unsigned *of_kind = plan.sufferers[i].order == 3 ? lossy : late;

        assert_in_range(plan.sufferers[i].order, 3, 4);
        assert_int_equal(of_kind[plan.sufferers[i].client]++, 0);
    }
    swarm_plan_clear(&plan);
    swarm_plan_clear(&without);
}

static void everybody_at_once_can_be_struck_too(void **state)
{
    const struct swarm_order all = {.fault = SWARM_FAULT_KILL, .share = 1};
    uint64_t random = 5;
    struct swarm_plan plan;

    (void)state;
    assert_true(swarm_plan_make(&plan, &all, 1, 7, 0, &random));
    assert_int_equal(plan.count, 7);
    assert_true(plan.strikes[6].at == 0);
    swarm_plan_clear(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_share_gets_its_number_and_no_client_is_struck_twice),
        cmocka_unit_test(strikes_come_in_order_and_all_over_the_duration),
        cmocka_unit_test(same_seed_makes_the_same_plan_and_another_seed_another),
        cmocka_unit_test(bad_paths_are_drawn_from_all_and_leave_the_strikes_as_they_are),
        cmocka_unit_test(everybody_at_once_can_be_struck_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
