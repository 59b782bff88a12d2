/* What a session makes of what a kernel says of the connection: does the peer's machine answer, and how late may it be?
 */
#include "core/session_server.h"
#include "support/script.h"
#include "support/test.h"

#include <stdlib.h>

#define MS LUBDUB_MILLISECOND

/* A kernel that has something unacknowledged, and whose peer acknowledged something last at this time. */
static struct lubdub_evidence answered(const struct endpoint *endpoint, lubdub_time at)
{
    return (struct lubdub_evidence){
        .is_known = true,
        .unacknowledged = 1,
        .silent_for = endpoint->now - at,
        .ack_delay = 50 * MS,
    };
}

static struct lubdub_turn taken(const struct endpoint *endpoint, struct lubdub_evidence evidence)
{
    struct lubdub_turn turn = {.now = endpoint->now, .settings = &endpoint->settings};

    lubdub_session_take_evidence(&endpoint->session, &turn, &evidence);
    return turn;
}

static enum lubdub_path path(const struct endpoint *endpoint, struct lubdub_evidence evidence)
{
    return taken(endpoint, evidence).path;
}

static int setup_client(void **state)
{
    struct endpoint *client = malloc(sizeof *client);

    endpoint_init(client, LUBDUB_ROLE_CLIENT);
    *state = client;
    return 0;
}

static int setup_server(void **state)
{
    struct endpoint *server = malloc(sizeof *server);

    endpoint_init(server, LUBDUB_ROLE_SERVER);
    *state = server;
    return 0;
}

static int teardown(void **state)
{
    endpoint_clear(*state);
    free(*state);
    return 0;
}

/* ---- both roles ---- */

static void kernel_that_tells_nothing_is_no_evidence(void **state)
{
    struct endpoint *client = *state;
    struct lubdub_evidence evidence = {.unacknowledged = 7, .is_sent_again = true, .has_unread = true};

    script_client_open(client);
    endpoint_advance(client, 900 * MS);
    assert_int_equal(path(client, evidence), LUBDUB_PATH_UNKNOWN);
    assert_true(taken(client, evidence).has_unread);
}

static void all_is_acknowledged_where_nothing_is_unacknowledged(void **state)
{
    struct endpoint *client = *state;
    struct lubdub_evidence evidence = {.is_known = true, .silent_for = LUBDUB_HOUR};

    script_client_open(client);
    endpoint_advance(client, 900 * MS);
    assert_int_equal(path(client, evidence), LUBDUB_PATH_ACKNOWLEDGED);
    evidence.has_no_way_out = true; /* it lies in our own machine */
    assert_int_equal(path(client, evidence), LUBDUB_PATH_SILENT);
}

/* It acknowledges whatever became of the client; that it does not is evidence all the same. */
static void kernel_of_a_proxy_is_no_evidence_that_the_peer_s_lives(void **state)
{
    struct endpoint *client = *state;
    struct lubdub_evidence evidence = {.is_known = true, .is_of_proxy = true, .has_unread = true};
    lubdub_time start = client->now;

    script_client_open(client);
    endpoint_advance(client, 900 * MS);
    assert_int_equal(path(client, evidence), LUBDUB_PATH_UNKNOWN);
    assert_true(taken(client, evidence).has_unread);
    evidence = answered(client, start);
    assert_int_equal(path(client, evidence), LUBDUB_PATH_ACKNOWLEDGED);
    evidence.is_of_proxy = true;
    assert_int_equal(path(client, evidence), LUBDUB_PATH_UNKNOWN);
    evidence.is_sent_again = true;
    assert_int_equal(path(client, evidence), LUBDUB_PATH_SILENT);
}

static void question_that_is_too_young_says_nothing_yet(void **state)
{
    struct endpoint *client = *state;
    lubdub_time start = client->now;
    struct lubdub_evidence evidence;

    script_client_open(client);
    endpoint_advance(client, 49 * MS);
    evidence = answered(client, start - LUBDUB_SECOND);
    assert_int_equal(path(client, evidence), LUBDUB_PATH_UNKNOWN);
    evidence.is_sent_again = true;
    assert_int_equal(path(client, evidence), LUBDUB_PATH_SILENT);
    endpoint_advance(client, MS);
    assert_int_equal(path(client, answered(client, start - LUBDUB_SECOND)), LUBDUB_PATH_SILENT);
    assert_int_equal(path(client, answered(client, start)), LUBDUB_PATH_ACKNOWLEDGED);
}

/* A kernel counts in ticks of its own. */
static void answer_that_seems_a_tick_or_two_older_than_its_question_counts(void **state)
{
    struct endpoint *client = *state;
    lubdub_time start = client->now;

    script_client_open(client);
    endpoint_advance(client, 500 * MS);
    assert_int_equal(path(client, answered(client, start - 8 * MS)), LUBDUB_PATH_ACKNOWLEDGED);
    assert_int_equal(path(client, answered(client, start - 9 * MS)), LUBDUB_PATH_SILENT);
}

/* ---- A7: what else is under way ---- */

static void a7_messages_under_way_are_no_silence(void **state)
{
    struct endpoint *client = *state;
    struct lubdub_evidence evidence;
    unsigned i;

    client->settings.timeout = 900 * MS;
    script_client_open(client);
    for (i = 0; i < 40; i++) {
        endpoint_advance(client, 20 * MS);
        endpoint_send(client, "message", 7);
    }
    evidence = answered(client, client->now - 30 * MS);
    evidence.unacknowledged = 3; /* those of the last 40 ms */
    assert_int_equal(path(client, evidence), LUBDUB_PATH_ACKNOWLEDGED);
}

static void a7_frozen_client_that_gets_messages_is_hung_and_not_unreachable(void **state)
{
    struct endpoint *server = *state;
    struct lubdub_evidence evidence;
    unsigned i;

    script_server_open(server);
    for (i = 0; i < 59; i++) {
        endpoint_advance(server, 50 * MS);
        endpoint_send(server, "broadcast", 9);
    }
    evidence = answered(server, server->now - 41 * MS); /* its kernel delays its acknowledgements */
    evidence.unacknowledged = 2;
    assert_int_equal(path(server, evidence), LUBDUB_PATH_ACKNOWLEDGED);
    evidence.unacknowledged = 60;
    evidence.silent_for = 2900 * MS;
    assert_int_equal(path(server, evidence), LUBDUB_PATH_SILENT);
}

/*
 * A path that is dead one way: the peer sends its own segments again, and each acknowledges what came before the cut.
 * That ours were sent again is the better evidence.
 */
static void path_that_is_dead_one_way_is_silent_though_segments_come(void **state)
{
    struct endpoint *client = *state;
    struct lubdub_evidence evidence;

    script_client_open(client);
    endpoint_advance(client, 900 * MS);
    evidence = answered(client, client->now - 100 * MS);
    assert_int_equal(path(client, evidence), LUBDUB_PATH_ACKNOWLEDGED);
    evidence.is_sent_again = true;
    assert_int_equal(path(client, evidence), LUBDUB_PATH_SILENT);
}

/* ---- A6: estimates that are stale ---- */

/* Interval 200 ms, timeout 600 ms, and a connection whose SYN was sent twice: srtt and rttvar of half a second. */
static void a6_cut_path_is_seen_by_a_client_whose_syn_was_sent_twice(void **state)
{
    struct endpoint *client = *state;
    lubdub_time cut_at;
    struct lubdub_evidence evidence;
    uint64_t i;

    client->settings.timeout = 600 * MS;
    endpoint_open(client);
    say_welcome(client, 0, 42, 200, 600);
    for (i = 1; i <= 5; i++) {
        endpoint_advance(client, MS);
        say_ack(client, i);
        endpoint_advance(client, 199 * MS);
    }
    cut_at = client->now;
    endpoint_advance(client, 599 * MS);
    evidence = answered(client, cut_at - 199 * MS);
    evidence.unacknowledged = 3;
    evidence.ack_delay = 2550 * MS;
    evidence.round_trip = 500 * MS;
    evidence.least_round_trip = MS;
    assert_int_equal(path(client, evidence), LUBDUB_PATH_SILENT);
    assert_true(taken(client, evidence).round_trip <=
                8 * MS); /* four times what the acks took, and not what was estimated */
}

static void a6_client_that_measured_nothing_yet_takes_a_quarter_of_its_timeout(void **state)
{
    struct endpoint *client = *state;
    lubdub_time start = client->now;
    struct lubdub_evidence evidence;

    script_client_open(client); /* timeout: 3 s */
    endpoint_advance(client, 749 * MS);
    evidence = answered(client, start - LUBDUB_SECOND);
    evidence.ack_delay = 2550 * MS;
    assert_int_equal(path(client, evidence), LUBDUB_PATH_UNKNOWN);
    endpoint_advance(client, MS);
    evidence.silent_for += MS;
    assert_int_equal(path(client, evidence), LUBDUB_PATH_SILENT);
}

static void a6_own_round_trips_bound_the_delay(void **state)
{
    struct endpoint *client = *state;
    struct lubdub_evidence evidence;
    lubdub_time asked_at;

    client->settings.timeout = 100 * LUBDUB_SECOND;
    script_client_open(client);
    endpoint_advance(client, 100 * MS);
    say_ack(client, 1); /* 128 ms at the most: the delay is at most 512 + 50 */
    endpoint_advance(client, 900 * MS);
    asked_at = client->now;
    endpoint_advance(client, 561 * MS);
    evidence = answered(client, asked_at - 500 * MS);
    evidence.ack_delay = 10 * LUBDUB_SECOND;
    assert_int_equal(path(client, evidence), LUBDUB_PATH_UNKNOWN);
    endpoint_advance(client, MS);
    evidence.silent_for += MS;
    assert_int_equal(path(client, evidence), LUBDUB_PATH_SILENT);

    /* What the kernel measured as the least may be more: then that. */
    evidence.least_round_trip = 200 * MS;
    assert_int_equal(path(client, evidence), LUBDUB_PATH_UNKNOWN);
}

static void a6_delay_is_never_below_that_of_a_living_kernel(void **state)
{
    struct endpoint *client = *state;
    lubdub_time asked_at;
    struct lubdub_evidence evidence;

    client->settings.timeout = 100 * MS; /* a quarter: 25 ms */
    client->settings.interval = 50 * MS;
    endpoint_open(client);
    say_welcome(client, 0, 42, 50, 100);
    asked_at = client->now;
    endpoint_advance(client, 45 * MS);
    evidence = answered(client, asked_at - LUBDUB_SECOND);
    evidence.ack_delay = 0;
    assert_int_equal(path(client, evidence), LUBDUB_PATH_UNKNOWN);
}

/* A server has the time from WELCOME to the first PROBE; however that PROBE was cut. */
static void a6_server_measures_from_welcome_to_the_first_probe(void **state)
{
    const enum split splits[] = {SPLIT_WHOLE, SPLIT_BYTES};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(splits); i++) {
        struct endpoint server;
        struct lubdub_evidence evidence;

        endpoint_init(&server, LUBDUB_ROLE_SERVER);
        server.grant.expiry = LUBDUB_MINUTE;
        script_server_open(&server);
        server.split = splits[i];
        endpoint_advance(&server, MS);
        say_probe(&server, 1);
        endpoint_advance(&server, 1500 * MS + 100 * MS); /* challenged 100 ms ago */
        expect_event(&server, LATE);
        evidence = answered(&server, server.now - 1600 * MS);
        evidence.ack_delay = 2550 * MS;
        assert_int_equal(path(&server, evidence), LUBDUB_PATH_SILENT);
        endpoint_clear(&server);
    }
}

static void a6_server_measures_from_a_challenge_to_its_ack(void **state)
{
    struct endpoint *server = *state;
    struct lubdub_evidence evidence;

    server->grant.expiry = LUBDUB_MINUTE;
    script_server_open(server);
    endpoint_advance(server, 900 * MS); /* it took its time with its first probe */
    say_probe(server, 1);
    endpoint_advance(server, 1700 * MS);
    say_ack(server, 1); /* after 200 ms: 256 at the most */
    endpoint_advance(server, 1500 * MS + 1073 * MS);
    evidence = answered(server, server->now - 3 * LUBDUB_SECOND);
    evidence.ack_delay = 10 * LUBDUB_SECOND;
    assert_int_equal(path(server, evidence), LUBDUB_PATH_UNKNOWN);
    endpoint_advance(server, MS);
    assert_int_equal(path(server, evidence), LUBDUB_PATH_SILENT);
}

/* A message says nothing of how long a WELCOME took. */
static void a6_probe_behind_a_message_measures_nothing(void **state)
{
    struct endpoint *server = *state;
    struct lubdub_evidence evidence;

    server->grant.expiry = LUBDUB_MINUTE;
    script_server_open(server);
    endpoint_advance(server, 900 * MS);
    say_message(server, 1, "first");
    say_probe(server, 1);
    endpoint_advance(server, 1600 * MS);
    evidence = answered(server, server->now - 1600 * MS);
    evidence.ack_delay = 2550 * MS;
    assert_int_equal(path(server, evidence), LUBDUB_PATH_UNKNOWN);
}

/* ---- what counts as a question ---- */

static void hello_is_a_question(void **state)
{
    struct endpoint *client = *state;
    lubdub_time start = client->now;

    endpoint_open(client);
    endpoint_advance(client, 4 * LUBDUB_SECOND);
    assert_int_equal(path(client, answered(client, start)), LUBDUB_PATH_ACKNOWLEDGED);
    assert_int_equal(path(client, answered(client, start - 100 * MS)), LUBDUB_PATH_SILENT);
}

/* From now on the kernel takes nothing more. Returns when that began. */
static lubdub_time block(struct endpoint *client)
{
    script_client_open(client);
    say_ack(client, 1);
    endpoint_advance(client, 300 * MS);
    client->kernel_room = 0;
    endpoint_send(client, "message", 7);
    return client->now;
}

static void beginning_of_the_blocking_is_a_question(void **state)
{
    struct endpoint *client = *state;
    lubdub_time blocked_at = block(client);

    endpoint_advance(client, 500 * MS);
    assert_int_equal(path(client, answered(client, blocked_at)), LUBDUB_PATH_ACKNOWLEDGED);
    assert_int_equal(path(client, answered(client, blocked_at - 100 * MS)), LUBDUB_PATH_SILENT);
}

/* As old as a living kernel's acknowledgement may take: from then on it is asked. */
static void blocking_is_a_question_once_it_is_as_old_as_an_acknowledgement(void **state)
{
    struct endpoint *client = *state;
    lubdub_time blocked_at = block(client);

    endpoint_advance(client, 50 * MS - 1);
    assert_int_equal(path(client, answered(client, blocked_at - 100 * MS)), LUBDUB_PATH_UNKNOWN);
    endpoint_advance(client, 1);
    assert_int_equal(path(client, answered(client, blocked_at - 100 * MS)), LUBDUB_PATH_SILENT);
}

/* The estimate of a kernel that sent its SYN twice is stale. */
static void round_trip_of_the_kernel_is_taken_within_four_times_the_measured_one(void **state)
{
    struct endpoint *client = *state;
    struct lubdub_evidence evidence = {.is_known = true, .round_trip = 500 * MS};

    script_client_open(client);
    assert_true(taken(client, evidence).round_trip == 500 * MS); /* none was measured */
    endpoint_advance(client, 10 * MS);
    say_ack(client, 1);
    assert_true(taken(client, evidence).round_trip == 4 * 16 * MS); /* 10 ms, in powers of two */
    evidence.least_round_trip = 30 * MS;
    assert_true(taken(client, evidence).round_trip == 4 * 30 * MS);
    evidence.round_trip = 20 * MS;
    assert_true(taken(client, evidence).round_trip == 20 * MS);
}

/* A12: a challenge is as old as it is, also where the server came late to it. */
static void a12_challenge_counts_from_when_it_went(void **state)
{
    struct endpoint *server = *state;
    lubdub_time start = server->now;

    script_server_open(server);
    server->now = start + 2200 * MS; /* due since 1500 ms */
    endpoint_ring(server);
    expect_frame(server, PROBE);
    server->now = start + 2900 * MS;
    assert_int_equal(path(server, answered(server, start + 2200 * MS)), LUBDUB_PATH_ACKNOWLEDGED);
    assert_int_equal(path(server, answered(server, start + 2100 * MS)), LUBDUB_PATH_SILENT);
}

/* Behind a second challenge, which is too young to be answered, the first counts from when it went, too. */
static void a12_first_challenge_counts_from_when_it_went_beside_a_second(void **state)
{
    struct endpoint *server = *state;
    lubdub_time start = server->now;

    script_server_open(server);
    server->now = start + 2200 * MS; /* due since 1500 ms */
    endpoint_ring(server);
    expect_frame(server, PROBE);
    endpoint_advance_to(server, start + 2280 * MS);
    expect_frame(server, PROBE); /* half way to the expiry: at 2250 ms */
    assert_int_equal(path(server, answered(server, start + 2200 * MS)), LUBDUB_PATH_ACKNOWLEDGED);
    assert_int_equal(path(server, answered(server, start + 2100 * MS)), LUBDUB_PATH_SILENT);
}

/* Asked by the owner: two of one silence, the second one too young yet. */
static void first_challenge_counts_as_soon_as_it_is_as_old_as_an_acknowledgement(void **state)
{
    struct endpoint *server = *state;
    lubdub_time asked_at = server->now + 300 * MS;
    struct lubdub_turn turn = {.settings = &server->settings, .now = asked_at};
    uint8_t output[256];

    script_server_open(server);
    turn.output = output;
    turn.output_capacity = sizeof output;
    lubdub_session_tell_health(&server->session, &turn, LUBDUB_HEALTH_WARNING);
    turn.now += 20 * MS;
    lubdub_session_tell_health(&server->session, &turn, LUBDUB_HEALTH_CRITICAL);
    assert_int_equal(turn.output_length, 2 * LUBDUB_HEADER_LENGTH);
    server->now = asked_at + 50 * MS - 1;
    assert_int_equal(path(server, answered(server, asked_at - 100 * MS)), LUBDUB_PATH_UNKNOWN);
    server->now = asked_at + 50 * MS;
    assert_int_equal(path(server, answered(server, asked_at - 100 * MS)), LUBDUB_PATH_SILENT);
}

static void challenges_of_a_doubt_count_by_their_pace(void **state)
{
    struct endpoint *server = *state;
    lubdub_time late_at;

    server->settings.adapts = true;
    server->path = LUBDUB_PATH_SILENT;
    script_server_open(server);
    say_probe(server, 1);
    endpoint_advance(server, 1100 * MS);
    late_at = event_log_last(&server->events, LUBDUB_EVENT_LATE)->at;
    endpoint_advance_to(server, late_at + 420 * MS); /* asked at 0, 130, 260 and 390 ms; the last is too young */
    assert_int_equal(path(server, answered(server, late_at + 252 * MS)), LUBDUB_PATH_ACKNOWLEDGED);
    assert_int_equal(path(server, answered(server, late_at + 251 * MS)), LUBDUB_PATH_SILENT);
}

#define CLIENT_TEST(name) cmocka_unit_test_setup_teardown(name, setup_client, teardown)
#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, setup_server, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLIENT_TEST(kernel_that_tells_nothing_is_no_evidence),
        CLIENT_TEST(all_is_acknowledged_where_nothing_is_unacknowledged),
        CLIENT_TEST(kernel_of_a_proxy_is_no_evidence_that_the_peer_s_lives),
        CLIENT_TEST(question_that_is_too_young_says_nothing_yet),
        CLIENT_TEST(answer_that_seems_a_tick_or_two_older_than_its_question_counts),
        CLIENT_TEST(a7_messages_under_way_are_no_silence),
        SERVER_TEST(a7_frozen_client_that_gets_messages_is_hung_and_not_unreachable),
        CLIENT_TEST(path_that_is_dead_one_way_is_silent_though_segments_come),
        CLIENT_TEST(a6_cut_path_is_seen_by_a_client_whose_syn_was_sent_twice),
        CLIENT_TEST(a6_client_that_measured_nothing_yet_takes_a_quarter_of_its_timeout),
        CLIENT_TEST(a6_own_round_trips_bound_the_delay),
        CLIENT_TEST(a6_delay_is_never_below_that_of_a_living_kernel),
        SERVER_TEST(a6_server_measures_from_welcome_to_the_first_probe),
        SERVER_TEST(a6_server_measures_from_a_challenge_to_its_ack),
        SERVER_TEST(a6_probe_behind_a_message_measures_nothing),
        CLIENT_TEST(hello_is_a_question),
        CLIENT_TEST(beginning_of_the_blocking_is_a_question),
        CLIENT_TEST(blocking_is_a_question_once_it_is_as_old_as_an_acknowledgement),
        CLIENT_TEST(round_trip_of_the_kernel_is_taken_within_four_times_the_measured_one),
        SERVER_TEST(a12_challenge_counts_from_when_it_went),
        SERVER_TEST(a12_first_challenge_counts_from_when_it_went_beside_a_second),
        SERVER_TEST(first_challenge_counts_as_soon_as_it_is_as_old_as_an_acknowledgement),
        SERVER_TEST(challenges_of_a_doubt_count_by_their_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
