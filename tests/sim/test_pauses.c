/* Nobody is lost by our own fault: whole sides stopped and gone on, and who died meanwhile is found all the same. */
#include "support/fleet.h"
#include "statistics/random.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define COUNT 100
#define SEEDS 3

#define EXPIRY (3 * LUBDUB_SECOND)
#define TIMEOUT (3 * LUBDUB_SECOND)

static void start(struct fleet *fleet, uint64_t seed, bool clients_stay)
{
    size_t i;

    fleet_init(fleet, seed, COUNT, 100 * MS);
    for (i = 0; i < COUNT; i++) {
        fleet->pairs[i].client.settings.timeout = TIMEOUT;
        fleet->pairs[i].client.settings.stays_connected = clients_stay;
    }
    fleet_open(fleet, LUBDUB_SECOND);
    fleet_run(fleet, 5 * LUBDUB_SECOND + random_below(&fleet->random, LUBDUB_SECOND));
}

static void expect_nobody_lost(const struct fleet *fleet)
{
    size_t i;

    for (i = 0; i < fleet->count; i++) {
        const struct pair *pair = &fleet->pairs[i];

        FLEET_CHECK(fleet, pair, endpoint_state(&pair->client) == LUBDUB_SESSION_UP);
        FLEET_CHECK(fleet, pair, endpoint_state(&pair->server) == LUBDUB_SESSION_UP);
    }
}

static void server_stopped_for_any_while_loses_no_live_client(void **state)
{
    const lubdub_duration whiles[] = {100 * MS,  1400 * MS, 1600 * MS, 2200 * MS,         2300 * MS,
                                      2900 * MS, 3100 * MS, 4500 * MS, 9 * LUBDUB_SECOND, 30 * LUBDUB_SECOND};
    uint64_t seed = 0;
    size_t i;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        for (i = 0; i < COUNT_OF(whiles); i++) {
            struct fleet fleet;

            start(&fleet, seed, true);
            fleet_stop(&fleet, SIDE_SERVER);
            fleet_run(&fleet, whiles[i]);
            fleet_go_on(&fleet, SIDE_SERVER);
            fleet_run(&fleet, 20 * LUBDUB_SECOND);
            expect_nobody_lost(&fleet);
            fleet_clear(&fleet);
        }
    }
}

static void clients_stopped_for_less_than_the_expiry_are_not_lost_and_blame_nobody(void **state)
{
    uint64_t seed = 0;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;

        start(&fleet, seed, false);
        fleet_stop(&fleet, SIDE_CLIENT);
        fleet_run(&fleet, 1700 * MS);
        fleet_go_on(&fleet, SIDE_CLIENT);
        fleet_run(&fleet, 20 * LUBDUB_SECOND);
        expect_nobody_lost(&fleet);
        FLEET_CHECK(&fleet, NULL, fleet_heard(&fleet, SIDE_SERVER, LUBDUB_EVENT_RECOVERED) > 0);
        fleet_clear(&fleet);
    }
}

static void clients_that_go_on_send_one_probe_and_no_burst(void **state)
{
    uint64_t seed = 0;
    size_t i;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;
        struct lubdub_probe_counts before[COUNT];

        start(&fleet, seed, true);
        fleet_stop(&fleet, SIDE_BOTH);
        for (i = 0; i < COUNT; i++) {
            lubdub_session_probe_counts(&fleet.pairs[i].client.session, &before[i]);
        }
        fleet_run(&fleet, 60 * LUBDUB_SECOND);
        fleet_go_on(&fleet, SIDE_BOTH);
        fleet_run(&fleet, 1);
        for (i = 0; i < COUNT; i++) {
            struct lubdub_probe_counts counts;

            lubdub_session_probe_counts(&fleet.pairs[i].client.session, &counts);
            FLEET_CHECK(&fleet, &fleet.pairs[i], counts.sent <= before[i].sent + 1);
        }
        fleet_clear(&fleet);
    }
}

static void both_stopped_together_lose_nobody_whoever_goes_on_first(void **state)
{
    const lubdub_duration whiles[] = {1500 * MS,         2 * LUBDUB_SECOND,  2900 * MS,  3100 * MS,
                                      5 * LUBDUB_SECOND, 30 * LUBDUB_SECOND, LUBDUB_HOUR};
    uint64_t seed = 0;
    size_t i;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        for (i = 0; i < COUNT_OF(whiles); i++) {
            struct fleet fleet;
            unsigned first = i % 2 == 0 ? SIDE_SERVER : SIDE_CLIENT;

            start(&fleet, seed, false);
            fleet_stop(&fleet, SIDE_BOTH);
            fleet_run(&fleet, whiles[i]);
            fleet_go_on(&fleet, first);
            fleet_run(&fleet, 300 * MS);
            fleet_go_on(&fleet, SIDE_BOTH & ~first);
            fleet_run(&fleet, 20 * LUBDUB_SECOND);
            expect_nobody_lost(&fleet);
            fleet_clear(&fleet);
        }
    }
}

static void many_pauses_in_a_row_lose_nobody(void **state)
{
    uint64_t seed = 0;
    unsigned i;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;

        start(&fleet, seed, false);
        for (i = 0; i < 30; i++) {
            fleet_stop(&fleet, SIDE_BOTH);
            fleet_run(&fleet, random_below(&fleet.random, 8 * LUBDUB_SECOND));
            fleet_go_on(&fleet, SIDE_SERVER);
            fleet_run(&fleet, random_below(&fleet.random, 200 * MS));
            fleet_go_on(&fleet, SIDE_CLIENT);
            fleet_run(&fleet, 1300 * MS + random_below(&fleet.random, LUBDUB_SECOND));
        }
        expect_nobody_lost(&fleet);
        fleet_clear(&fleet);
    }
}

static void client_that_died_while_the_server_was_stopped_is_found_within_one_expiry_after(void **state)
{
    uint64_t seed = 0;
    size_t i;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;
        lubdub_time went_on;

        start(&fleet, seed, true);
        fleet_stop(&fleet, SIDE_SERVER);
        fleet_run(&fleet, 10 * LUBDUB_SECOND);
        for (i = 0; i < COUNT; i += 10) {
            pair_cut(&fleet.pairs[i]); /* not even a FIN arrives */
        }
        fleet_run(&fleet, 20 * LUBDUB_SECOND);
        fleet_go_on(&fleet, SIDE_SERVER);
        went_on = fleet.now;
        fleet_run(&fleet, 20 * LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];

            if (i % 10 == 0) {
                FLEET_CHECK(&fleet, pair, fleet_down_at(&pair->server) <= went_on + EXPIRY);
                FLEET_CHECK(&fleet, pair, fleet_down_at(&pair->server) > went_on);
                FLEET_CHECK(&fleet, pair, fleet_cause(&pair->server) == LUBDUB_CAUSE_UNREACHABLE);
            } else {
                FLEET_CHECK(&fleet, pair, endpoint_state(&pair->server) == LUBDUB_SESSION_UP);
            }
        }
        fleet_clear(&fleet);
    }
}

static void client_that_was_killed_while_the_server_was_stopped_is_closed_and_not_expired(void **state)
{
    uint64_t seed = 0;
    size_t i;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;

        start(&fleet, seed, true);
        fleet_stop(&fleet, SIDE_SERVER);
        fleet_run(&fleet, 10 * LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            pair_kill(&fleet.pairs[i], SIDE_CLIENT, LUBDUB_CAUSE_CLOSED);
        }
        fleet_run(&fleet, 20 * LUBDUB_SECOND);
        fleet_go_on(&fleet, SIDE_SERVER);
        fleet_run(&fleet, 1);
        for (i = 0; i < COUNT; i++) {
            FLEET_CHECK(&fleet, &fleet.pairs[i], fleet_cause(&fleet.pairs[i].server) == LUBDUB_CAUSE_CLOSED);
        }
        fleet_clear(&fleet);
    }
}

static void server_that_died_while_the_clients_were_stopped_is_found_within_one_timeout_after(void **state)
{
    uint64_t seed = 0;
    size_t i;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;
        lubdub_time went_on;

        start(&fleet, seed, false);
        fleet_stop(&fleet, SIDE_BOTH);
        fleet_run(&fleet, 10 * LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            pair_cut(&fleet.pairs[i]);
        }
        fleet_run(&fleet, 10 * LUBDUB_SECOND);
        fleet_go_on(&fleet, SIDE_CLIENT);
        went_on = fleet.now;
        fleet_run(&fleet, 20 * LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];

            FLEET_CHECK(&fleet, pair, fleet_down_at(&pair->client) > went_on);
            FLEET_CHECK(&fleet, pair, fleet_down_at(&pair->client) <= went_on + TIMEOUT);
        }
        fleet_clear(&fleet);
    }
}

static void clients_stopped_for_longer_than_the_expiry_are_expired_on_time(void **state)
{
    uint64_t seed = 0;
    size_t i;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;
        lubdub_time stopped;

        start(&fleet, seed, false);
        fleet_stop(&fleet, SIDE_CLIENT);
        stopped = fleet.now;
        fleet_run(&fleet, 10 * LUBDUB_SECOND);
        fleet_go_on(&fleet, SIDE_CLIENT);
        fleet_run(&fleet, 10 * LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];
            lubdub_duration took = lubdub_time_between(stopped, fleet_down_at(&pair->server));

            FLEET_CHECK(&fleet, pair, took <= EXPIRY + pair->up.delay);
            FLEET_CHECK(&fleet, pair, took + LUBDUB_SECOND + pair->up.delay > EXPIRY);
            FLEET_CHECK(&fleet, pair, fleet_cause(&pair->client) == LUBDUB_CAUSE_BYE);
        }
        fleet_clear(&fleet);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_stopped_for_any_while_loses_no_live_client),
        cmocka_unit_test(clients_stopped_for_less_than_the_expiry_are_not_lost_and_blame_nobody),
        cmocka_unit_test(clients_that_go_on_send_one_probe_and_no_burst),
        cmocka_unit_test(both_stopped_together_lose_nobody_whoever_goes_on_first),
        cmocka_unit_test(many_pauses_in_a_row_lose_nobody),
        cmocka_unit_test(client_that_died_while_the_server_was_stopped_is_found_within_one_expiry_after),
        cmocka_unit_test(client_that_was_killed_while_the_server_was_stopped_is_closed_and_not_expired),
        cmocka_unit_test(server_that_died_while_the_clients_were_stopped_is_found_within_one_timeout_after),
        cmocka_unit_test(clients_stopped_for_longer_than_the_expiry_are_expired_on_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
