/* Our own absences, as a server's sessions see them: pauses, long turns, and which sessions are forgiven. */
#include "server_fixture.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND

/* ---- A10: the session whose callback runs ---- */

struct pause {
    enum lubdub_server_event_kind at;
    uint64_t to; /* the other session */
};

/* Blocks for longer than every expiry, and then calls something for the other session. */
static void pause_and_call(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    struct pause *pause = fixture->user_data;

    if (event->kind == pause->at && event->session != pause->to && fixture->inside_count++ == 0) {
        stay(LUBDUB_SECOND);
        assert_int_equal(lubdub_server_send(fixture->server, pause->to, "x", 1), LUBDUB_ERROR_OK);
    }
}

static void expect_both_to_live(struct server_fixture *fixture)
{
    raw_expect_life(&fixture->clients[0]);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 0);
    assert_true(server_fixture_counts(fixture).absences >= 1);
}

static void a10_pause_in_a_message_is_forgiven_to_its_own_session(void **state)
{
    struct server_fixture *fixture = *state;
    struct pause pause = {.at = LUBDUB_SERVER_MESSAGE};
    struct wire_bytes bytes = {0};

    fixture->inside = pause_and_call;
    fixture->user_data = &pause;
    server_fixture_start(fixture);
    raw_join(&fixture->clients[0], server_fixture_port(fixture), "a", 50, 200);
    raw_join(&fixture->clients[1], server_fixture_port(fixture), "b", 1000, 60000);
    pause.to = fixture->clients[1].session;
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, 1, NULL, 0);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, 2, NULL, 0); /* heard after the pause */
    raw_send(&fixture->clients[0], bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
    expect_told(fixture, MESSAGE);
    server_fixture_run(fixture, 50 * MS);
    expect_both_to_live(fixture);
}

/* Told from its deadline, which is set nowhere while it runs. */
static void a10_pause_in_late_is_forgiven_to_its_own_session(void **state)
{
    struct server_fixture *fixture = *state;
    struct pause pause = {.at = LUBDUB_SERVER_LATE};

    fixture->inside = pause_and_call;
    fixture->user_data = &pause;
    server_fixture_start(fixture);
    raw_join(&fixture->clients[1], server_fixture_port(fixture), "b", 1000, 60000);
    pause.to = fixture->clients[1].session;
    raw_join(&fixture->clients[0], server_fixture_port(fixture), "a", 50, 500);
    expect_told(fixture, LATE);
    server_fixture_run(fixture, 50 * MS);
    expect_both_to_live(fixture);
}

/* ---- A13: patience after a reload ---- */

static void a13_absences_are_measured_by_the_patience_of_a_reload(void **state)
{
    struct server_fixture *fixture = *state;
    uint64_t before;

    server_fixture_start(fixture);
    raw_join(&fixture->clients[0], server_fixture_port(fixture), NULL, 50, 60000);
    fixture->settings.session.adapts = true;
    assert_int_equal(lubdub_server_reconfigure(fixture->server, &fixture->settings), LUBDUB_ERROR_OK);
    server_fixture_run(fixture, 10 * MS);
    before = server_fixture_counts(fixture).absences;
    stay(600 * MS);
    ev_run(fixture->loop, EVRUN_NOWAIT);
    /* It was nothing to a session that waits for a minute. */
    assert_int_equal(server_fixture_counts(fixture).absences, before + 1);
}

/* ---- B9: grace without a session ---- */

static void b9_grace_stands_still_while_we_are_away_without_a_session(void **state)
{
    struct server_fixture *fixture = *state;

    fixture->settings.grace = 400 * MS;
    server_fixture_start(fixture);
    server_fixture_join(fixture, 0, "pump");
    raw_reset(&fixture->clients[0]);
    fixture->clients[0].socket = -1;
    expect_told(fixture, DISCONNECTED);
    server_fixture_run(fixture, 20 * MS);
    stay(800 * MS);
    server_fixture_run(fixture, 50 * MS);
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_GONE), 0);
    assert_true(server_fixture_counts(fixture).absences >= 1);
    expect_told(fixture, GONE); /* later */
}

/* ---- D1: a long turn of many short callbacks ---- */

#define STEP 20
#define STEPS 48

/* The innocent client goes on probing meanwhile: in a turn of a second more than its burst piles up. */
static void take_a_step(struct server_fixture *fixture, const struct lubdub_server_event *event)
{
    if (event->kind == LUBDUB_SERVER_MESSAGE) {
        stay(STEP * MS);
        raw_probe(&fixture->clients[1]);
        assert_int_equal(lubdub_server_send(fixture->server, fixture->clients[2].session, "x", 1), LUBDUB_ERROR_OK);
    }
}

static void d1_long_turn_is_an_absence(void **state)
{
    struct server_fixture *fixture = *state;
    struct wire_bytes bytes = {0};
    static struct raw_frame frame;
    lubdub_time began;
    uint64_t i;

    server_fixture_start(fixture);
    raw_join(&fixture->clients[0], server_fixture_port(fixture), "talker", 1000, 60000);
    raw_join(&fixture->clients[2], server_fixture_port(fixture), "hearer", 1000, 60000);
    raw_join(&fixture->clients[1], server_fixture_port(fixture), "innocent", STEP, 5 * STEP);
    for (i = 1; i <= STEPS; i++) {
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, i, NULL, 0);
    }
    raw_send(&fixture->clients[0], bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
    fixture->inside = take_a_step;
    began = now();
    ev_run(fixture->loop, EVRUN_NOWAIT);
    ev_run(fixture->loop, EVRUN_NOWAIT);
    assert_true(now() - began >= STEPS * STEP * MS);
    for (i = 1; i <= STEPS; i++) {
        raw_expect(&fixture->clients[1], LUBDUB_FRAME_ACK, i, &frame);
    }
    assert_int_equal(server_fixture_count(fixture, LUBDUB_SERVER_DISCONNECTED), 0);
    assert_true(server_fixture_counts(fixture).absences >= 1);
    assert_in_range(server_fixture_counts(fixture).absent_for, STEPS * STEP * MS / 2, now() - began);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, server_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a10_pause_in_a_message_is_forgiven_to_its_own_session),
        TEST(a10_pause_in_late_is_forgiven_to_its_own_session),
        TEST(a13_absences_are_measured_by_the_patience_of_a_reload),
        TEST(b9_grace_stands_still_while_we_are_away_without_a_session),
        TEST(d1_long_turn_is_an_absence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
