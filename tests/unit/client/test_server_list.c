/* Which server a client tries next. */
#include "support/test.h"

#include "client/library/server_list.h"

#define COUNT 3

struct fixture {
    struct lubdub_server_entry entries[COUNT];
    struct lubdub_server_list list;
};

static int make(void **state)
{
    static struct fixture fixture;
    size_t i;

    memset(&fixture, 0, sizeof fixture);
    for (i = 0; i < COUNT; i++) {
        fixture.entries[i].server = (struct lubdub_client_server){"host", (uint16_t)(i + 1)};
    }
    lubdub_server_list_init(&fixture.list, fixture.entries, COUNT);
    *state = &fixture;
    return 0;
}

/* The port of the next one, 0 at the end of the round. */
static unsigned next(struct fixture *fixture, lubdub_time now)
{
    const struct lubdub_server_entry *entry = lubdub_server_list_next(&fixture->list, now);

    assert_true(entry == NULL || entry == lubdub_server_list_current(&fixture->list));
    return entry != NULL ? entry->server.port : 0;
}

static void round_tries_each_once_in_order(void **state)
{
    struct fixture *fixture = *state;

    lubdub_server_list_begin_round(&fixture->list);
    assert_int_equal(next(fixture, 0), 1);
    assert_int_equal(next(fixture, 0), 2);
    assert_int_equal(next(fixture, 0), 3);
    assert_int_equal(next(fixture, 0), 0);
    assert_int_equal(next(fixture, 0), 0);
}

static void next_round_begins_behind_the_last_one_tried(void **state)
{
    struct fixture *fixture = *state;

    lubdub_server_list_begin_round(&fixture->list);
    next(fixture, 0);
    next(fixture, 0); /* the second one had a session, until now */
    lubdub_server_list_begin_round(&fixture->list);
    assert_int_equal(next(fixture, 0), 3);
    assert_int_equal(next(fixture, 0), 1);
    assert_int_equal(next(fixture, 0), 2);
    assert_int_equal(next(fixture, 0), 0);
}

static void server_that_asked_for_peace_is_passed_over(void **state)
{
    struct fixture *fixture = *state;

    fixture->entries[1].not_before = 100;
    lubdub_server_list_begin_round(&fixture->list);
    assert_int_equal(next(fixture, 99), 1);
    assert_int_equal(next(fixture, 99), 3);
    assert_int_equal(next(fixture, 99), 0);
    lubdub_server_list_begin_round(&fixture->list);
    assert_int_equal(next(fixture, 100), 1);
    assert_int_equal(next(fixture, 100), 2);
}

static void wait_is_that_for_the_first_to_be_tried(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(lubdub_server_list_wait(&fixture->list, 50), 0);
    fixture->entries[0].not_before = 300;
    fixture->entries[1].not_before = 200;
    assert_int_equal(lubdub_server_list_wait(&fixture->list, 50), 0);
    fixture->entries[2].not_before = 250;
    assert_int_equal(lubdub_server_list_wait(&fixture->list, 50), 150);
    assert_int_equal(lubdub_server_list_wait(&fixture->list, 200), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(round_tries_each_once_in_order, make),
        cmocka_unit_test_setup(next_round_begins_behind_the_last_one_tried, make),
        cmocka_unit_test_setup(server_that_asked_for_peace_is_passed_over, make),
        cmocka_unit_test_setup(wait_is_that_for_the_first_to_be_tried, make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
