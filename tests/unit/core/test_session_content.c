/* A client whose probes change their content while older ones wait for their acks. */
#include "support/script.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND

static int set_up(void **state)
{
    static struct endpoint client;

    endpoint_init(&client, LUBDUB_ROLE_CLIENT);
    client.settings.content = (struct lubdub_slice){"first", 5};
    client.settings.timeout = 60 * LUBDUB_SECOND;
    *state = &client;
    return 0;
}

static int tear_down(void **state)
{
    endpoint_clear(*state);
    return 0;
}

static enum lubdub_error set(struct endpoint *client, const char *content)
{
    return lubdub_session_set_content(&client->session, content, strlen(content));
}

static void expect_probe(struct endpoint *client, uint64_t sequence, const char *content)
{
    endpoint_advance(client, LUBDUB_SECOND);
    expect_whole_frame(client, PROBE, 0, sequence, content, strlen(content));
}

/* E12 */
static void probe_under_way_keeps_its_content_and_the_next_has_the_new(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client); /* sends probe 1 */
    assert_int_equal(set(client, "unused"), LUBDUB_ERROR_OK);
    assert_int_equal(set(client, "second"), LUBDUB_ERROR_OK);
    expect_probe(client, 2, "second");
    assert_int_equal(set(client, ""), LUBDUB_ERROR_OK);
    expect_probe(client, 3, "");
    expect_probe(client, 4, "");
    assert_int_equal(set(client, "fifth"), LUBDUB_ERROR_OK);
    expect_probe(client, 5, "fifth");
    say_text(client, LUBDUB_FRAME_ACK, 1, "first");
    say_text(client, LUBDUB_FRAME_ACK, 2, "second");
    say_text(client, LUBDUB_FRAME_ACK, 3, "");
    say_text(client, LUBDUB_FRAME_ACK, 4, "");
    say_text(client, LUBDUB_FRAME_ACK, 5, "fifth");
    expect_event(client, ACKED);
    expect_event(client, ACKED);
    expect_event(client, ACKED);
    expect_event(client, ACKED);
    expect_event(client, ACKED);
    expect_state(client, UP);
}

static void ack_with_the_content_of_another_probe_is_a_protocol_error(void **state)
{
    struct endpoint *client = *state;

    script_client_open(client);
    assert_int_equal(set(client, "second"), LUBDUB_ERROR_OK);
    expect_probe(client, 2, "second");
    say_text(client, LUBDUB_FRAME_ACK, 1, "second");
    expect_protocol_error(client, PROTOCOL_ERROR);
}

/* A server that is frozen while the content changes every second must not cost memory without end. */
static void contents_of_unanswered_probes_are_bounded(void **state)
{
    struct endpoint *client = *state;
    char text[] = "a";
    uint64_t sequence = 1;

    script_client_open(client);
    while (set(client, text) == LUBDUB_ERROR_OK) {
        expect_probe(client, ++sequence, text);
        text[0]++;
        assert_true(sequence < 100);
    }
    assert_int_equal(set(client, "more"), LUBDUB_ERROR_FULL);
    text[0]--;
    expect_probe(client, ++sequence, text);
    say_text(client, LUBDUB_FRAME_ACK, 1, "first");
    say_text(client, LUBDUB_FRAME_ACK, 2, "a");
    assert_int_equal(set(client, "more"), LUBDUB_ERROR_OK);
    expect_probe(client, ++sequence, "more");
}

static void content_beyond_what_the_server_takes_is_too_long(void **state)
{
    struct endpoint *client = *state;
    static char text[LUBDUB_MAX_CONTENT_DEFAULT + 1];

    endpoint_open(client);
    assert_int_equal(lubdub_session_set_content(&client->session, text, 1), LUBDUB_ERROR_WRONG_STATE);
    expect_frame(client, HELLO);
    say_welcome(client, 0, 42, 1000, 3000);
    assert_int_equal(lubdub_session_set_content(&client->session, text, sizeof text), LUBDUB_ERROR_TOO_LONG);
    assert_int_equal(lubdub_session_set_content(&client->session, text, sizeof text - 1), LUBDUB_ERROR_OK);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(probe_under_way_keeps_its_content_and_the_next_has_the_new),
        TEST(ack_with_the_content_of_another_probe_is_a_protocol_error),
        TEST(contents_of_unanswered_probes_are_bounded),
        TEST(content_beyond_what_the_server_takes_is_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
