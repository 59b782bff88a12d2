/*
 * The quick way through a server's session: when it is taken. That it comes to the same as the long way is looked at
 * by the endpoint, with every byte of every test.
 */
#include <stdlib.h>

#include "core/session_server.h"
#include "support/script.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND

/* Every test gets a server that is up, and some bytes to be filled. */
struct fixture {
    struct endpoint server;
    struct wire_bytes bytes;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    endpoint_init(&fixture->server, LUBDUB_ROLE_SERVER);
    script_server_open(&fixture->server);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    endpoint_clear(&fixture->server);
    wire_bytes_clear(&fixture->bytes);
    free(fixture);
    return 0;
}

static bool is_answered_quickly(struct fixture *fixture)
{
    return lubdub_session_answer_quickly(&fixture->server.session, &fixture->server.settings, fixture->server.now, fixture->bytes.data,
                                         fixture->bytes.length);
}

/* One frame, which is taken away again if it is left alone. */
static void expect_left_alone(struct fixture *fixture, unsigned type, unsigned flags, uint64_t sequence, size_t length)
{
    struct wire_bytes before = {0};

    wire_bytes_put_frame(&fixture->bytes, type, flags, sequence, NULL, length);
    wire_bytes_put(&before, fixture->bytes.data, fixture->bytes.length);
    assert_false(is_answered_quickly(fixture));
    assert_memory_equal(fixture->bytes.data, before.data, before.length);
    wire_bytes_drop(&fixture->bytes, fixture->bytes.length);
    wire_bytes_clear(&before);
}

static void put_probe(struct fixture *fixture, uint64_t sequence)
{
    wire_bytes_put_frame(&fixture->bytes, LUBDUB_FRAME_PROBE, 0, sequence, "load 3", 6);
}

static void probe_becomes_its_ack_where_it_lies(void **state)
{
    struct fixture *fixture = *state;
    struct wire_bytes ack = {0};

    put_probe(fixture, 1);
    wire_bytes_put_frame(&ack, LUBDUB_FRAME_ACK, 0, 1, "load 3", 6);
    endpoint_advance(&fixture->server, 900 * MS);
    assert_true(is_answered_quickly(fixture));
    assert_memory_equal(fixture->bytes.data, ack.data, ack.length);
    assert_true(fixture->server.session.heard_at == fixture->server.now);
    wire_bytes_clear(&ack);
}

static void all_but_the_next_probe_alone_is_left_for_the_long_way(void **state)
{
    struct fixture *fixture = *state;

    expect_left_alone(fixture, LUBDUB_FRAME_PROBE, 0, 2, 0);
    expect_left_alone(fixture, LUBDUB_FRAME_PROBE, LUBDUB_HEALTH_WARNING, 1, 0);
    expect_left_alone(fixture, LUBDUB_FRAME_PROBE, 3, 1, 0); /* reserved: read as critical */
    expect_left_alone(fixture, LUBDUB_FRAME_PROBE, 0, 1, fixture->server.settings.max_content + 1);
    expect_left_alone(fixture, LUBDUB_FRAME_ACK, 0, 1, 0);
    expect_left_alone(fixture, LUBDUB_FRAME_MESSAGE, 0, 1, 4);
    expect_left_alone(fixture, LUBDUB_FRAME_BYE, 0, 1, 0);

    put_probe(fixture, 1);
    put_probe(fixture, 2);
    assert_false(is_answered_quickly(fixture)); /* two at once */
    fixture->bytes.length = LUBDUB_HEADER_LENGTH + 5;
    assert_false(is_answered_quickly(fixture)); /* a part of one */
    fixture->bytes.length = 3;
    assert_false(is_answered_quickly(fixture));
}

static void content_of_max_content_is_answered_quickly(void **state)
{
    struct fixture *fixture = *state;

    wire_bytes_put_frame(&fixture->bytes, LUBDUB_FRAME_PROBE, 0, 1, NULL, fixture->server.settings.max_content);
    assert_true(is_answered_quickly(fixture));
}

static void session_that_is_late_recovers_the_long_way(void **state)
{
    struct fixture *fixture = *state;

    endpoint_advance(&fixture->server, 1600 * MS);
    expect_event(&fixture->server, LATE);
    put_probe(fixture, 1);
    assert_false(is_answered_quickly(fixture));
}

static void session_with_a_part_of_a_frame_takes_the_rest_the_long_way(void **state)
{
    struct fixture *fixture = *state;

    put_probe(fixture, 1);
    endpoint_receive(&fixture->server, fixture->bytes.data, 1);
    assert_false(is_answered_quickly(fixture));
}

static void session_whose_answers_wait_lets_no_answer_pass_them(void **state)
{
    struct fixture *fixture = *state;

    fixture->server.kernel_room = 3;
    say_probe(&fixture->server, 1);
    put_probe(fixture, 2);
    assert_false(is_answered_quickly(fixture));
}

static void probes_beyond_the_burst_end_the_long_way(void **state)
{
    struct fixture *fixture = *state;
    uint64_t sequence;

    for (sequence = 1; sequence <= 16; sequence++) {
        put_probe(fixture, sequence);
        assert_true(is_answered_quickly(fixture));
        wire_bytes_drop(&fixture->bytes, fixture->bytes.length);
    }
    put_probe(fixture, sequence);
    assert_false(is_answered_quickly(fixture));
    endpoint_receive(&fixture->server, fixture->bytes.data, fixture->bytes.length);
    assert_int_equal(expect_event(&fixture->server, DOWN)->reason_code, LUBDUB_REASON_TOO_MANY_FRAMES);
}

static void client_has_no_quick_way(void **state)
{
    struct fixture *fixture = *state;
    struct endpoint client;

    endpoint_init(&client, LUBDUB_ROLE_CLIENT);
    script_client_open(&client);
    put_probe(fixture, 1);
    assert_false(
        lubdub_session_answer_quickly(&client.session, &client.settings, client.now, fixture->bytes.data, fixture->bytes.length));
    endpoint_clear(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(probe_becomes_its_ack_where_it_lies),
        TEST(all_but_the_next_probe_alone_is_left_for_the_long_way),
        TEST(content_of_max_content_is_answered_quickly),
        TEST(session_that_is_late_recovers_the_long_way),
        TEST(session_with_a_part_of_a_frame_takes_the_rest_the_long_way),
        TEST(session_whose_answers_wait_lets_no_answer_pass_them),
        TEST(probes_beyond_the_burst_end_the_long_way),
        TEST(client_has_no_quick_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
