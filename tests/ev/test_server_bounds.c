/* What one client, address or identity may cost is bounded, also where it comes again and again. */
#include <stdio.h>

#include "endpoint.h"
#include "server_fixture.h"
#include "support/test.h"

/* ---- allowances ---- */

/* interval 1 s, expiry 60 s: a burst of 120 probes. Returns whether so many are taken. */
static bool probes_are_taken(struct server_fixture *fixture, const char *identity, unsigned count)
{
    struct raw_client *client = &fixture->clients[0];
    static struct raw_frame frame;
    bool are_taken;
    unsigned i;

    raw_connect(client, server_fixture_port(fixture));
    if (identity != NULL) {
        raw_say_hello(client, identity, 0, 0, now());
        raw_expect_welcome(client);
    }
    for (i = 0; i < count; i++) {
        raw_probe(client);
    }
    for (i = 0; i < count; i++) {
        assert_int_equal(raw_receive(client, &frame, now() + PATIENCE), RAW_FRAME);
        if (frame.type == LUBDUB_FRAME_BYE) {
            assert_int_equal(frame.sequence, LUBDUB_REASON_TOO_MANY_FRAMES);
            break;
        }
    }
    are_taken = i == count;
    raw_close(client);
    client->socket = -1;
    expect_told(fixture, DISCONNECTED);
    return are_taken;
}

static void b4_credit_survives_no_reconnection_of_an_identity(void **state)
{
    struct server_fixture *fixture = *state;

    server_fixture_start(fixture);
    assert_true(probes_are_taken(fixture, "pump", 110));
    assert_false(probes_are_taken(fixture, "pump", 110));
    assert_true(probes_are_taken(fixture, "pump", 4)); /* a few are left to every session */
    assert_false(probes_are_taken(fixture, "pump", 16));
}

static void b4_credit_survives_no_reconnection_of_an_address(void **state)
{
    struct server_fixture *fixture = *state;

    server_fixture_start(fixture);
    assert_true(probes_are_taken(fixture, NULL, 110));
    assert_false(probes_are_taken(fixture, NULL, 16));
    assert_false(probes_are_taken(fixture, "another", 16));
    assert_true(probes_are_taken(fixture, NULL, 3));
}

static void b4_usual_client_begins_anew(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    server_fixture_start(fixture);
    for (i = 0; i < 20; i++) {
        assert_true(probes_are_taken(fixture, "pump", 3));
    }
    assert_true(probes_are_taken(fixture, "pump", 110));
}

/* ---- identities that are away ---- */

static void b16_of_too_many_that_are_away_the_first_is_gone(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    fixture->settings.grace = LUBDUB_HOUR;
    fixture->settings.away_limit = 3;
    server_fixture_start(fixture);
    for (i = 0; i < 5; i++) {
        char name[16];

        snprintf(name, sizeof name, "m%u", i);
        raw_close(server_fixture_join(fixture, i, name));
        fixture->clients[i].socket = -1;
        expect_told(fixture, DISCONNECTED);
    }
    assert_string_equal(expect_told(fixture, GONE)->identity, "m0");
    assert_string_equal(expect_told(fixture, GONE)->identity, "m1");
    server_fixture_run(fixture, 20 * LUBDUB_MILLISECOND);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_GONE), 2);
    assert_int_equal(server_fixture_counts(fixture).gone_early, 2);

    fixture->settings.away_limit = 1;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    assert_string_equal(expect_told(fixture, GONE)->identity, "m2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, server_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(b4_credit_survives_no_reconnection_of_an_identity),
        TEST(b4_credit_survives_no_reconnection_of_an_address),
        TEST(b4_usual_client_begins_anew),
        TEST(b16_of_too_many_that_are_away_the_first_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
