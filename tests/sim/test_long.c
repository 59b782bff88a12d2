/* Long and crowded lives: several probes outstanding, late acks, grants that change, slow readers, years. */
#include "support/fleet.h"
#include "statistics/random.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define COUNT 24
#define SEEDS 5

static void probes_overtake_each_others_timeouts_and_every_one_is_answered(void **state)
{
    uint64_t seed = 0;
    size_t i;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;

        fleet_init(&fleet, seed, COUNT, 2 * LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            fleet.pairs[i].client.settings.timeout = 5 * LUBDUB_SECOND;
            fleet.pairs[i].client.settings.content = (struct lubdub_slice){"some content", 12};
            fleet.pairs[i].server.grant.interval = 100 * MS; /* up to forty are outstanding */
            fleet.pairs[i].server.grant.expiry = 6 * LUBDUB_SECOND;
        }
        fleet_open(&fleet, LUBDUB_SECOND);
        fleet_run(&fleet, 60 * LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];
            struct lubdub_probe_counts counts;
            lubdub_duration round_trip = pair->up.delay + pair->down.delay;
            const struct logged_event *acked = event_log_last(&pair->client.events, LUBDUB_EVENT_ACKED);

            lubdub_session_probe_counts(&pair->client.session, &counts);
            FLEET_CHECK(&fleet, pair, endpoint_state(&pair->client) == LUBDUB_SESSION_UP);
            FLEET_CHECK(&fleet, pair, acked->event.round_trip == round_trip);
            FLEET_CHECK(&fleet, pair, counts.sent - counts.acked <= round_trip / (100 * MS) + 1);
            FLEET_CHECK(&fleet, pair, counts.acked >= 500 && counts.late == 0 && counts.timed_out == 0);
        }
        fleet_clear(&fleet);
    }
}

static void clients_that_stay_count_every_late_ack_and_lose_none(void **state)
{
    uint64_t seed = 0;
    size_t i;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;

        fleet_init(&fleet, seed, COUNT, 2 * LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            fleet.pairs[i].client.settings.stays_connected = true;
            fleet.pairs[i].client.settings.timeout = LUBDUB_SECOND;
            fleet.pairs[i].server.grant.expiry = 10 * LUBDUB_SECOND;
        }
        fleet_open(&fleet, LUBDUB_SECOND);
        fleet_run(&fleet, 120 * LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];
            struct lubdub_probe_counts counts;
            bool is_late = pair->up.delay + pair->down.delay > LUBDUB_SECOND;

            lubdub_session_probe_counts(&pair->client.session, &counts);
            FLEET_CHECK(&fleet, pair, endpoint_state(&pair->client) == LUBDUB_SESSION_UP);
            FLEET_CHECK(&fleet, pair, counts.acked + 5 >= counts.sent);
            FLEET_CHECK(&fleet, pair, counts.late == (is_late ? counts.acked : 0));
            FLEET_CHECK(&fleet, pair,
                        event_log_count(&pair->client.events, LUBDUB_EVENT_LATE_ACK) == (size_t)counts.late);
        }
        fleet_clear(&fleet);
    }
}

static void grants_that_change_all_the_time_cost_nobody(void **state)
{
    uint64_t seed = 0;
    size_t i;
    unsigned round;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;

        fleet_init(&fleet, seed, COUNT, 20 * MS);
        fleet_open(&fleet, LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];

            pair->client.settings.timeout = 5 * LUBDUB_SECOND;
            for (round = 0; round < 60; round++) {
                lubdub_duration interval = random_between(&fleet.random, 50, 3000) * MS;

                (void)endpoint_grant(&pair->server,
                                     &(struct lubdub_grant){.session_number = i + 1,
                                                            .interval = interval,
                                                            .expiry = interval * random_between(&fleet.random, 2, 6)});
                pair_run(pair, random_below(&fleet.random, 4 * LUBDUB_SECOND));
                if (random_below(&fleet.random, 4) == 0) {
                    /* An outage that everybody should survive: shorter than any grant's last interval. */
                    pair_stall(pair, &pair->up);
                    pair_run(pair, 40 * MS);
                    pair_unstall(pair, &pair->up);
                }
                FLEET_CHECK(&fleet, pair, endpoint_state(&pair->server) == LUBDUB_SESSION_UP);
                FLEET_CHECK(&fleet, pair, endpoint_state(&pair->client) == LUBDUB_SESSION_UP);
            }
        }
        fleet_clear(&fleet);
    }
}

static void talk_through_narrow_and_slow_kernels_keeps_everybody_up_and_loses_no_message(void **state)
{
    static const uint8_t content[900];
    uint64_t seed = 0;
    size_t i;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;

        fleet_init(&fleet, seed, COUNT, 5 * MS);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];

            pair->server.echoes = true;
            pair->server.grant.interval = 20 * MS;
            pair->server.grant.expiry = 2 * LUBDUB_SECOND;
            pair->up.window = (size_t)random_between(&fleet.random, 1200, 4000);
            pair->down.window = (size_t)random_between(&fleet.random, 1200, 4000);
        }
        fleet_open(&fleet, LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];
            uint64_t sent = 0;
            unsigned round;

            for (round = 0; round < 150; round++) {
                size_t length = (size_t)random_below(&fleet.random, sizeof content);

                if (endpoint_send(&pair->client, content, length) == LUBDUB_ERROR_OK) {
                    sent++;
                }
                pair_run(pair, random_between(&fleet.random, 10, 30) * MS);
            }
            pair_run(pair, 5 * LUBDUB_SECOND);
            FLEET_CHECK(&fleet, pair, endpoint_state(&pair->client) == LUBDUB_SESSION_UP);
            FLEET_CHECK(&fleet, pair, endpoint_state(&pair->server) == LUBDUB_SESSION_UP);
            FLEET_CHECK(&fleet, pair, sent >= 120);
            FLEET_CHECK(&fleet, pair, event_log_count(&pair->client.events, LUBDUB_EVENT_MESSAGE) == sent);
        }
        fleet_clear(&fleet);
    }
}

static void server_keeps_little_for_peers_that_never_read(void **state)
{
    uint64_t seed = 0;
    size_t i;
    (void)state;

    while (fleet_next_seed(&seed, SEEDS)) {
        struct fleet fleet;

        fleet_init(&fleet, seed, COUNT, 5 * MS);
        for (i = 0; i < COUNT; i++) {
            fleet.pairs[i].down.window = 500;
            fleet.pairs[i].server.echoes = true;
            fleet.pairs[i].client.settings.timeout = LUBDUB_HOUR;
        }
        fleet_open(&fleet, LUBDUB_SECOND);
        fleet_run(&fleet, LUBDUB_SECOND);
        for (i = 0; i < COUNT; i++) {
            struct pair *pair = &fleet.pairs[i];
            lubdub_time stalled;
            lubdub_duration took;

            pair_stall(pair, &pair->down);
            stalled = pair->now;
            pair->client.settings.stays_connected = true;
            while (endpoint_state(&pair->server) == LUBDUB_SESSION_UP && pair->now < stalled + 60 * LUBDUB_SECOND) {
                (void)endpoint_send(&pair->client, "0123456789", 10);
                pair_run(pair, 600 * MS);
            }
            took = lubdub_time_between(stalled, fleet_down_at(&pair->server));
            FLEET_CHECK(&fleet, pair, took < 15 * LUBDUB_SECOND);
            FLEET_CHECK(&fleet, pair, fleet_cause(&pair->server) == LUBDUB_CAUSE_SLOW_READER);
        }
        fleet_clear(&fleet);
    }
}

static void five_hundred_days_pass_without_drift(void **state)
{
    const lubdub_time starts[] = {0, (UINT64_C(1) << 32) * MS - LUBDUB_HOUR, (UINT64_C(1) << 63) - LUBDUB_HOUR};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(starts); i++) {
        struct pair pair;
        struct lubdub_probe_counts counts;
        uint64_t expected = 500 * 24 * 6 + 1; /* one every ten minutes, and the first */

        pair_init(&pair);
        pair.now = starts[i];
        pair.up.delay = pair.down.delay = 30 * MS;
        pair.server.grant.interval = 10 * LUBDUB_MINUTE;
        pair.server.grant.expiry = 20 * LUBDUB_MINUTE;
        pair.client.settings.interval_limit = LUBDUB_HOUR;
        pair_open(&pair);
        pair_run(&pair, 500 * 24 * LUBDUB_HOUR + 100 * MS);
        lubdub_session_probe_counts(&pair.client.session, &counts);
        assert_int_equal(counts.sent, expected);
        assert_int_equal(counts.acked, expected - 1); /* the last one is under way */
        assert_int_equal(lubdub_session_probes_received(&pair.server.session), expected);
        expect_state(&pair.server, UP);
        pair_clear(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_overtake_each_others_timeouts_and_every_one_is_answered),
        cmocka_unit_test(clients_that_stay_count_every_late_ack_and_lose_none),
        cmocka_unit_test(grants_that_change_all_the_time_cost_nobody),
        cmocka_unit_test(talk_through_narrow_and_slow_kernels_keeps_everybody_up_and_loses_no_message),
        cmocka_unit_test(server_keeps_little_for_peers_that_never_read),
        cmocka_unit_test(five_hundred_days_pass_without_drift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
