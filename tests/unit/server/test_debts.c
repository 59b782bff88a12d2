/* What a session had used is handed to the next one of its identity or address. */
#include "support/test.h"

#include <stdio.h>

#include "server/library/debts.h"

static struct lubdub_debts debts;
static const struct lubdub_slice nobody = {NULL, 0};
static const struct lubdub_slice pump = {"pump", 4};
static const struct lubdub_debt debt = {10 * LUBDUB_SECOND, 2 * LUBDUB_SECOND};

static struct lubdub_address from(const char *text)
{
    struct lubdub_address address;

    assert_true(lubdub_address_parse(&address, text, 0));
    return address;
}

static int tear_down(void **state)
{
    (void)state;
    lubdub_debts_clear(&debts);
    assert_int_equal(debts.count, 0);
    return 0;
}

static void b4_debt_goes_to_the_next_session_of_the_identity_and_drains(void **state)
{
    const struct lubdub_address here = from("192.0.2.1");
    const struct lubdub_address there = from("192.0.2.2");
    struct lubdub_debt taken;
    (void)state;

    lubdub_debts_keep(&debts, pump, &here, debt, LUBDUB_MINUTE, LUBDUB_HOUR);
    taken = lubdub_debts_take(&debts, pump, &there, LUBDUB_HOUR + LUBDUB_SECOND);
    assert_int_equal(taken.probes, 9 * LUBDUB_SECOND);
    assert_int_equal(taken.messages, LUBDUB_SECOND);
    assert_int_equal(lubdub_debts_take(&debts, pump, &there, LUBDUB_HOUR + LUBDUB_SECOND).probes, 0);
}

static void b4_debt_goes_to_the_next_session_of_the_address_once(void **state)
{
    const struct lubdub_address here = from("192.0.2.1");
    (void)state;

    lubdub_debts_keep(&debts, nobody, &here, debt, LUBDUB_MINUTE, LUBDUB_HOUR);
    lubdub_debts_keep(&debts, nobody, &here, debt, LUBDUB_MINUTE, LUBDUB_HOUR);
    assert_int_equal(lubdub_debts_take(&debts, pump, &here, LUBDUB_HOUR).probes, debt.probes);
    assert_int_equal(lubdub_debts_take(&debts, nobody, &here, LUBDUB_HOUR).probes, debt.probes);
    assert_int_equal(lubdub_debts_take(&debts, nobody, &here, LUBDUB_HOUR).probes, 0);
}

static void b4_debt_is_kept_for_one_expiry_at_most(void **state)
{
    const struct lubdub_address here = from("2001:db8::1");
    (void)state;

    lubdub_debts_keep(&debts, pump, &here, debt, LUBDUB_SECOND, LUBDUB_HOUR);
    assert_int_equal(lubdub_debts_take(&debts, pump, &here, LUBDUB_HOUR).probes, LUBDUB_SECOND);
}

static void b4_number_of_debts_is_bounded_and_what_has_drained_goes(void **state)
{
    struct lubdub_address here = from("2001:db8::1");
    unsigned i;
    (void)state;

    for (i = 0; i < LUBDUB_MOST_DEBTS + 100; i++) {
        here.ip[14] = (uint8_t)(i >> 8);
        here.ip[15] = (uint8_t)i;
        lubdub_debts_keep(&debts, nobody, &here, debt, LUBDUB_MINUTE, LUBDUB_HOUR);
    }
    assert_int_equal(debts.count, LUBDUB_MOST_DEBTS);
    lubdub_debts_keep(&debts, nobody, &here, debt, LUBDUB_MINUTE, 2 * LUBDUB_HOUR);
    assert_int_equal(debts.count, 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(b4_debt_goes_to_the_next_session_of_the_identity_and_drains),
        TEST(b4_debt_goes_to_the_next_session_of_the_address_once),
        TEST(b4_debt_is_kept_for_one_expiry_at_most),
        TEST(b4_number_of_debts_is_bounded_and_what_has_drained_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
