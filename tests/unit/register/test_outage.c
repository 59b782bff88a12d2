/* When ends are an outage, when it is told, and what it says. */
#include "server/register/outage.h"

#include "support/test.h"

#define AT(ms) ((lubdub_time)(1000 + (ms)) * LUBDUB_MILLISECOND)

static void end_many(struct outage *outage, unsigned count, unsigned at_ms, uint64_t sessions, enum lubdub_cause cause)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        outage_note(outage, AT(at_ms), sessions, cause, NULL, 0);
    }
}

static void ten_of_a_thousand_are_told_once(void **state)
{
    struct outage outage = {0};
    struct outage_burst burst;

    (void)state;
    end_many(&outage, 9, 0, 1000, LUBDUB_CAUSE_CLOSED);
    assert_true(outage_deadline(&outage) == LUBDUB_TIME_NEVER);
    end_many(&outage, 19, 400, 1000, LUBDUB_CAUSE_HUNG);
    assert_int_equal(outage_deadline(&outage), AT(1400));
    assert_false(outage_take(&outage, AT(1399), &burst));
    assert_true(outage_take(&outage, AT(1400), &burst));
    assert_int_equal(burst.count, 28);
    assert_int_equal(burst.sessions, 1000);
    assert_int_equal(burst.by_cause[LUBDUB_CAUSE_CLOSED], 9);
    assert_int_equal(burst.by_cause[LUBDUB_CAUSE_HUNG], 19);
    assert_false(outage_take(&outage, AT(1401), &burst));

    /* Quiet, and over: the next one is told anew. */
    assert_false(outage_take(&outage, outage_deadline(&outage), &burst));
    assert_true(outage_deadline(&outage) == LUBDUB_TIME_NEVER);
    end_many(&outage, 12, 60000, 1000, LUBDUB_CAUSE_CLOSED);
    assert_true(outage_take(&outage, outage_deadline(&outage), &burst));
    assert_int_equal(burst.count, 12);
}

static void ends_that_go_on_are_told_in_time(void **state)
{
    struct outage outage = {0};
    struct outage_burst burst;
    unsigned i;

    (void)state;
    for (i = 0; i < 600; i++) { /* ten a second */
        end_many(&outage, 1, 100 * i, 200, LUBDUB_CAUSE_CLOSED);
        if (outage_take(&outage, AT(100 * i), &burst)) {
            break;
        }
    }
    assert_in_range(i, 50, 70); /* five seconds after it was noticed */
    assert_int_equal(burst.count, i + 1);
    for (; i < 600; i++) {
        end_many(&outage, 1, 100 * i, 200, LUBDUB_CAUSE_CLOSED);
        assert_false(outage_take(&outage, AT(100 * i), &burst)); /* a minute has not passed */
    }
    assert_true(outage_take(&outage, outage_deadline(&outage), &burst)); /* the rest */
    assert_true(burst.count > 500);
}

static void few_ends_and_wished_ones_are_none(void **state)
{
    struct outage outage = {0};

    (void)state;
    end_many(&outage, 99, 0, 10000, LUBDUB_CAUSE_CLOSED); /* less than one in a hundred */
    end_many(&outage, 500, 0, 10000, LUBDUB_CAUSE_BYE);
    end_many(&outage, 500, 0, 10000, LUBDUB_CAUSE_REPLACED);
    end_many(&outage, 500, 0, 10000, LUBDUB_CAUSE_SHUTDOWN);
    assert_true(outage_deadline(&outage) == LUBDUB_TIME_NEVER);
    end_many(&outage, 1, 0, 10000, LUBDUB_CAUSE_CLOSED);
    assert_true(outage_deadline(&outage) != LUBDUB_TIME_NEVER);

    outage = (struct outage){0};
    end_many(&outage, 9, 0, 30, LUBDUB_CAUSE_CLOSED);
    end_many(&outage, 9, 6000, 30, LUBDUB_CAUSE_CLOSED); /* not within five seconds */
    assert_true(outage_deadline(&outage) == LUBDUB_TIME_NEVER);

    outage = (struct outage){0};
    end_many(&outage, 5, 0, 8, LUBDUB_CAUSE_CLOSED); /* more than half */
    assert_true(outage_deadline(&outage) != LUBDUB_TIME_NEVER);
}

static void label_that_nine_in_ten_have_is_common(void **state)
{
    const struct lubdub_label north = {{"site", 4}, {"north", 5}};
    const struct lubdub_label both[] = {{{"site", 4}, {"north", 5}}, {{"rack", 4}, {"3", 1}}};
    struct outage outage = {0};
    struct outage_burst burst;
    unsigned i;

    (void)state;
    for (i = 0; i < 20; i++) {
        if (i < 12) {
            outage_note(&outage, AT(0), 100, LUBDUB_CAUSE_CLOSED, both, 2);
        } else if (i < 19) {
            outage_note(&outage, AT(0), 100, LUBDUB_CAUSE_CLOSED, &north, 1);
        } else {
            outage_note(&outage, AT(0), 100, LUBDUB_CAUSE_CLOSED, NULL, 0);
        }
    }
    assert_true(outage_take(&outage, AT(2000), &burst));
    assert_int_equal(burst.label_count, 1);
    assert_int_equal(burst.labels[0].count, 19);
    assert_memory_equal(burst.labels[0].key, "site", 4);
    assert_memory_equal(burst.labels[0].value, "north", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_of_a_thousand_are_told_once),
        cmocka_unit_test(ends_that_go_on_are_told_in_time),
        cmocka_unit_test(few_ends_and_wished_ones_are_none),
        cmocka_unit_test(label_that_nine_in_ten_have_is_common),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
