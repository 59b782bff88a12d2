/* The ring of connections that have sent no frame: oldest first, and no larger than it needs to be. */
#include "support/test.h"

#include <stdlib.h>

#include "server/library/opening.h"
#include "server/library/peer.h"
#include "server/library/pool.h"

#define MANY 5000

static struct lubdub_rules rules;
static struct lubdub_server server;
static struct lubdub_worker worker;
static struct lubdub_record *records[MANY];

static int set_up(void **state)
{
    (void)state;
    memset(&worker, 0, sizeof worker);
    server.worker_count = 1;
    worker.server = &server;
    worker.rules = &rules;
    rules.settings.max_opening = 0;
    return lubdub_pool_init(&worker.pool, MANY, 0, 1) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    lubdub_opening_clear(&worker);
    lubdub_pool_clear(&worker.pool);
    return 0;
}

static void open_connections(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        records[i] = lubdub_pool_take(&worker.pool);
        records[i]->peer = lubdub_peer_new(&(struct lubdub_address){0});
        assert_true(lubdub_opening_begin(&worker, records[i]));
    }
}

static void close_connections(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        lubdub_opening_end(&worker, records[i]);
        lubdub_pool_give_back(&worker.pool, records[i]);
    }
}

static void room_for_a_crowd_is_given_back_when_it_has_come_in(void **state)
{
    (void)state;
    open_connections(MANY);
    assert_true(worker.opening.capacity >= MANY);
    close_connections(MANY);
    assert_int_equal(worker.opening.capacity, 0);

    open_connections(10); /* and there is room for the next ones, which keep theirs */
    assert_int_equal(worker.opening.count, 10);
    close_connections(10);
    assert_in_range(worker.opening.capacity, 10, 100);
}

static void oldest_that_is_still_opening_is_the_first(void **state)
{
    (void)state;
    rules.settings.max_opening = 3;
    open_connections(5);
    lubdub_opening_end(&worker, records[0]);
    assert_int_equal(worker.opening.count, 4);
    assert_ptr_equal(lubdub_opening_surplus(&worker), records[1]);
    lubdub_opening_end(&worker, records[1]);
    assert_ptr_equal(lubdub_opening_surplus(&worker), records[2]);
    lubdub_opening_end(&worker, records[2]);
    assert_null(lubdub_opening_surplus(&worker));
    close_connections(5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(room_for_a_crowd_is_given_back_when_it_has_come_in),
        TEST(oldest_that_is_still_opening_is_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
