/* Who dies, when, and who notices: each fault of docs/protocol.md, section 8, at random moments on random links. */
#include "support/fleet.h"
#include "statistics/random.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define COUNT 60
#define SEEDS 6

#define INTERVAL LUBDUB_SECOND
#define EXPIRY (3 * LUBDUB_SECOND)
#define TIMEOUT (2500 * MS)

/* A fleet that beats, its clocks and phases spread. */
static void start(struct fleet *fleet, uint64_t seed, lubdub_duration longest_delay)
{
    size_t i;

    fleet_init(fleet, seed, COUNT, longest_delay);
    for (i = 0; i < COUNT; i++) {
        fleet->pairs[i].client.settings.timeout = TIMEOUT;
    }
    fleet_open(fleet, LUBDUB_SECOND);
    fleet_run(fleet, 20 * LUBDUB_SECOND);
}

/* Runs a pair to a random moment, ahead of the others. */
static lubdub_time moment(struct fleet *fleet, struct pair *pair)
{
    pair_run(pair, random_below(&fleet->random, 2 * LUBDUB_SECOND));
    return pair->now;
}

static void healthy_sessions_over_bad_links_are_never_suspected(void **state)
{
    uint64_t seed = 0;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;
        size_t i;

        start(&fleet, seed, 400 * MS);
        fleet_run(&fleet, 300 * LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];

            FLEET_CHECK(&fleet, pair, endpoint_state(&pair->client) == LUBDUB_SESSION_UP);
            FLEET_CHECK(&fleet, pair, endpoint_state(&pair->server) == LUBDUB_SESSION_UP);
            FLEET_CHECK(&fleet, pair, event_log_count(&pair->server.events, LUBDUB_EVENT_LATE) == 0);
            FLEET_CHECK(&fleet, pair, event_log_count(&pair->client.events, LUBDUB_EVENT_ACKED) >= 318);
        }
        fleet_clear(&fleet);
    }
}

static void frozen_client_is_found_hung_within_the_servers_bound(void **state)
{
    uint64_t seed = 0;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;
        size_t i;

        start(&fleet, seed, 200 * MS);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];
            lubdub_time fault = moment(&fleet, pair);
            lubdub_duration took;

            pair_stop(pair, SIDE_CLIENT);
            pair_run(pair, 10 * LUBDUB_SECOND);
            took = lubdub_time_between(fault, fleet_down_at(&pair->server));
            FLEET_CHECK(&fleet, pair, took > EXPIRY - INTERVAL - pair->up.delay && took <= EXPIRY + pair->up.delay);
            FLEET_CHECK(&fleet, pair, fleet_cause(&pair->server) == LUBDUB_CAUSE_HUNG);
            FLEET_CHECK(&fleet, pair, event_log_count(&pair->server.events, LUBDUB_EVENT_LATE) == 1);

            /* It goes on, and hears what was decided about it. */
            pair_go_on(pair, SIDE_CLIENT);
            pair_run(pair, LUBDUB_SECOND);
            FLEET_CHECK(&fleet, pair, fleet_cause(&pair->client) == LUBDUB_CAUSE_BYE);
            FLEET_CHECK(&fleet, pair,
                        event_log_last(&pair->client.events, LUBDUB_EVENT_DOWN)->event.reason_code ==
                            LUBDUB_REASON_EXPIRED);
        }
        fleet_clear(&fleet);
    }
}

static void frozen_server_is_found_hung_within_the_clients_bound(void **state)
{
    uint64_t seed = 0;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;
        size_t i;

        start(&fleet, seed, 200 * MS);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];
            lubdub_time fault = moment(&fleet, pair);
            lubdub_duration took;

            pair_stop(pair, SIDE_SERVER);
            pair_run(pair, 10 * LUBDUB_SECOND);
            took = lubdub_time_between(fault, fleet_down_at(&pair->client));
            FLEET_CHECK(&fleet, pair, took + pair->up.delay + pair->down.delay > TIMEOUT && took <= TIMEOUT + INTERVAL);
            FLEET_CHECK(&fleet, pair, fleet_cause(&pair->client) == LUBDUB_CAUSE_HUNG);
        }
        fleet_clear(&fleet);
    }
}

static void cut_cable_is_found_unreachable_by_both_within_their_bounds(void **state)
{
    uint64_t seed = 0;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;
        size_t i;

        start(&fleet, seed, 200 * MS);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];
            lubdub_time fault = moment(&fleet, pair);
            lubdub_duration server_took;
            lubdub_duration client_took;

            pair_cut(pair);
            pair_run(pair, 10 * LUBDUB_SECOND);
            server_took = lubdub_time_between(fault, fleet_down_at(&pair->server));
            client_took = lubdub_time_between(fault, fleet_down_at(&pair->client));
            /* What was under way is lost with the cable. */
            FLEET_CHECK(&fleet, pair, server_took > EXPIRY - INTERVAL - pair->up.delay && server_took <= EXPIRY);
            FLEET_CHECK(&fleet, pair,
                        client_took + pair->up.delay + pair->down.delay > TIMEOUT && client_took <= TIMEOUT + INTERVAL);
            FLEET_CHECK(&fleet, pair, fleet_cause(&pair->server) == LUBDUB_CAUSE_UNREACHABLE);
            FLEET_CHECK(&fleet, pair, fleet_cause(&pair->client) == LUBDUB_CAUSE_UNREACHABLE);
        }
        fleet_clear(&fleet);
    }
}

static void killed_process_is_found_in_one_one_way_delay(void **state)
{
    uint64_t seed = 0;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;
        size_t i;

        start(&fleet, seed, 200 * MS);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];
            enum side victim = i % 2 == 0 ? SIDE_CLIENT : SIDE_SERVER;
            enum lubdub_cause how = i % 4 < 2 ? LUBDUB_CAUSE_CLOSED : LUBDUB_CAUSE_RESET;
            struct endpoint *other = victim == SIDE_CLIENT ? &pair->server : &pair->client;
            lubdub_duration delay = victim == SIDE_CLIENT ? pair->up.delay : pair->down.delay;
            lubdub_time fault = moment(&fleet, pair);

            pair_kill(pair, victim, how);
            pair_run(pair, LUBDUB_SECOND);
            FLEET_CHECK(&fleet, pair, fleet_down_at(other) == fault + delay);
            FLEET_CHECK(&fleet, pair, fleet_cause(other) == how);
        }
        fleet_clear(&fleet);
    }
}

static void bye_is_found_in_one_one_way_delay_and_both_close_cleanly(void **state)
{
    uint64_t seed = 0;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;
        size_t i;

        start(&fleet, seed, 200 * MS);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];
            bool client_leaves = i % 2 == 0;
            struct endpoint *leaver = client_leaves ? &pair->client : &pair->server;
            struct endpoint *other = client_leaves ? &pair->server : &pair->client;
            lubdub_duration delay = client_leaves ? pair->up.delay : pair->down.delay;
            lubdub_time fault = moment(&fleet, pair);

            endpoint_leave(leaver, LUBDUB_REASON_DRAINING, "maintenance");
            pair_run(pair, 500 * MS);
            FLEET_CHECK(&fleet, pair, fleet_down_at(other) == fault + delay);
            FLEET_CHECK(&fleet, pair, fleet_cause(other) == LUBDUB_CAUSE_BYE);
            FLEET_CHECK(&fleet, pair, endpoint_state(leaver) == LUBDUB_SESSION_CLOSED);
            FLEET_CHECK(&fleet, pair, fleet_down_at(leaver) == LUBDUB_TIME_NEVER);
        }
        fleet_clear(&fleet);
    }
}

static void path_dead_in_one_direction_is_found_by_both(void **state)
{
    uint64_t seed = 0;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;
        size_t i;

        start(&fleet, seed, 200 * MS);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];

            moment(&fleet, pair);
            pair_collect(pair);
            (i % 2 == 0 ? &pair->up : &pair->down)->loses = true;
            pair_run(pair, 10 * LUBDUB_SECOND);
            FLEET_CHECK(&fleet, pair, endpoint_state(&pair->client) == LUBDUB_SESSION_CLOSED);
            FLEET_CHECK(&fleet, pair, endpoint_state(&pair->server) == LUBDUB_SESSION_CLOSED);
            FLEET_CHECK(&fleet, pair, event_log_count(&pair->client.events, LUBDUB_EVENT_DOWN) == 1);
            FLEET_CHECK(&fleet, pair, event_log_count(&pair->server.events, LUBDUB_EVENT_DOWN) == 1);
        }
        fleet_clear(&fleet);
    }
}

static void outage_shorter_than_the_deadlines_costs_nobody(void **state)
{
    uint64_t seed = 0;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;
        size_t i;
        unsigned round;

        start(&fleet, seed, 50 * MS);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];

            for (round = 0; round < 20; round++) {
                struct direction *first = random_below(&fleet.random, 2) == 0 ? &pair->up : &pair->down;
                struct direction *second = first == &pair->up ? &pair->down : &pair->up;
                bool is_both = random_below(&fleet.random, 2) == 0;

                moment(&fleet, pair);
                pair_stall(pair, first);
                if (is_both) {
                    pair_stall(pair, second);
                }
                pair_run(pair, random_below(&fleet.random, 1200 * MS));
                pair_unstall(pair, first);
                if (is_both) {
                    pair_unstall(pair, second);
                }
                pair_run(pair, 2 * LUBDUB_SECOND);
                FLEET_CHECK(&fleet, pair, endpoint_state(&pair->client) == LUBDUB_SESSION_UP);
                FLEET_CHECK(&fleet, pair, endpoint_state(&pair->server) == LUBDUB_SESSION_UP);
            }
        }
        fleet_clear(&fleet);
    }
}

static void ends_are_told_once_whatever_happens(void **state)
{
    uint64_t seed = 0;
    (void)state;

    while (fleet_next_seed(&seed, 4 * SEEDS)) {
        struct fleet fleet;
        size_t i;
        unsigned step;

        start(&fleet, seed, 300 * MS);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];

            pair->server.echoes = true;
            for (step = 0; step < 12; step++) {
                enum side side = random_below(&fleet.random, 2) == 0 ? SIDE_CLIENT : SIDE_SERVER;
                struct endpoint *endpoint = side == SIDE_CLIENT ? &pair->client : &pair->server;

                switch (random_below(&fleet.random, 12)) {
                case 0:
                    pair_stop(pair, side);
                    break;
                case 1:
                    pair_go_on(pair, pair->stopped);
                    break;
                case 2:
                    pair_stall(pair, side == SIDE_CLIENT ? &pair->up : &pair->down);
                    break;
                case 3:
                    pair_unstall(pair, &pair->up);
                    pair_unstall(pair, &pair->down);
                    break;
                case 4:
                    if (step > 8) {
                        pair_kill(pair, side, LUBDUB_CAUSE_RESET);
                    }
                    break;
                case 5:
                    if (step > 6 && (pair->stopped & side) == 0) {
                        endpoint_leave(endpoint, LUBDUB_REASON_NORMAL, NULL);
                    }
                    break;
                default:
                    if ((pair->stopped & side) == 0) {
                        (void)endpoint_send(endpoint, "hello", 5);
                    }
                    break;
                }
                pair_run(pair, random_below(&fleet.random, 3 * LUBDUB_SECOND));
            }
            pair_go_on(pair, pair->stopped);
            pair_cut(pair);
            pair_run(pair, 20 * LUBDUB_SECOND);
            /* The endpoints themselves fail the test on a second DOWN. */
            FLEET_CHECK(&fleet, pair, pair->client_is_gone || endpoint_state(&pair->client) == LUBDUB_SESSION_CLOSED);
            FLEET_CHECK(&fleet, pair, pair->server_is_gone || endpoint_state(&pair->server) == LUBDUB_SESSION_CLOSED);
        }
        fleet_clear(&fleet);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(healthy_sessions_over_bad_links_are_never_suspected),
        cmocka_unit_test(frozen_client_is_found_hung_within_the_servers_bound),
        cmocka_unit_test(frozen_server_is_found_hung_within_the_clients_bound),
        cmocka_unit_test(cut_cable_is_found_unreachable_by_both_within_their_bounds),
        cmocka_unit_test(killed_process_is_found_in_one_one_way_delay),
        cmocka_unit_test(bye_is_found_in_one_one_way_delay_and_both_close_cleanly),
        cmocka_unit_test(path_dead_in_one_direction_is_found_by_both),
        cmocka_unit_test(outage_shorter_than_the_deadlines_costs_nobody),
        cmocka_unit_test(ends_are_told_once_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
