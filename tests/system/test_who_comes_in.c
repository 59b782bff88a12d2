/* Tokens: which clients come in, what another token may not take over, and what a file that is read again ends. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lubdub/cause.h>
#include <lubdub/option.h>

#include "patience.h"
#include "raw_client.h"
#include "scratch.h"
#include "server_process.h"
#include "support/test.h"
#include "wire_bytes.h"

struct stage {
    struct server_process server;
    struct raw_client client;
    struct raw_client other;
    struct scratch scratch;
    char tokens[SCRATCH_PATH];
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->client.socket = stage->other.socket = -1;
    scratch_make(&stage->scratch);
    scratch_path(&stage->scratch, "tokens", stage->tokens);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    raw_close(&stage->client);
    raw_close(&stage->other);
    server_process_clear(&stage->server);
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

/* Hangs up, and waits until the log has these words once more. */
static void read_again(struct stage *stage, const char *words)
{
    const unsigned before = process_count_errors(&stage->server.process, words);
    const lubdub_time until = now() + PATIENCE;

    process_signal(&stage->server.process, SIGHUP);
    while (process_count_errors(&stage->server.process, words) == before) {
        assert_true(now() < until);
        stay(2 * LUBDUB_MILLISECOND);
    }
}

static void say_token(struct raw_client *client, uint16_t port, const char *token)
{
    struct wire_bytes options = {0};

    raw_connect(client, port);
    wire_bytes_put_option(&options, LUBDUB_OPTION_TOKEN, token, strlen(token));
    raw_send_frame(client, LUBDUB_FRAME_HELLO, 0, 1, options.data, options.length);
    wire_bytes_clear(&options);
}

static void expect_token(struct stage *stage, const char *token, bool is_known)
{
    struct raw_client client;

    say_token(&client, stage->server.port, token);
    if (is_known) {
        raw_expect_welcome(&client);
    } else {
        raw_expect_bye(&client, LUBDUB_REASON_UNAUTHORIZED);
        expect_text(expect_event(&stage->server.events, "rejected", NULL), "cause", "rejected");
    }
    raw_close(&client);
}

static void only_who_knows_a_token_comes_in(void **state)
{
    struct stage *stage = *state;
    struct raw_client nameless;

    scratch_write_text(&stage->scratch, "tokens", "# who comes in\nopen-sesame\n second \r\n\n", stage->tokens);
    server_process_start(&stage->server, "--token-file", stage->tokens, NULL);
    expect_token(stage, "open-sesame", true);
    expect_token(stage, "second", true);
    expect_token(stage, "open-sesam", false);
    expect_token(stage, "open-sesame ", false);
    expect_token(stage, "open-sesamf", false);
    expect_token(stage, "x", false);
    raw_connect(&nameless, stage->server.port);
    raw_say_hello(&nameless, "no token", 0, 0, 1);
    raw_expect_bye(&nameless, LUBDUB_REASON_UNAUTHORIZED);
    raw_close(&nameless);
    raw_connect(&nameless, stage->server.port);
    raw_probe(&nameless); /* no HELLO, so no token; and no ACK */
    raw_expect_bye(&nameless, LUBDUB_REASON_UNAUTHORIZED);
    raw_close(&nameless);
    server_process_finish(&stage->server);
}

static void say_token_as(struct raw_client *client, uint16_t port, const char *token, const char *identity)
{
    struct wire_bytes options = {0};

    raw_connect(client, port);
    wire_bytes_put_option(&options, LUBDUB_OPTION_TOKEN, token, strlen(token));
    wire_bytes_put_option(&options, LUBDUB_OPTION_IDENTITY, identity, strlen(identity));
    raw_send_frame(client, LUBDUB_FRAME_HELLO, 0, 1, options.data, options.length);
    wire_bytes_clear(&options);
}

static void token_lets_in_the_identities_of_its_pattern(void **state)
{
    struct stage *stage = *state;
    struct raw_client client;

    scratch_write_text(&stage->scratch, "tokens", "north pump-*\n", stage->tokens);
    server_process_start(&stage->server, "--token-file", stage->tokens, NULL);
    say_token_as(&client, stage->server.port, "north", "pump-7");
    raw_expect_welcome(&client);
    raw_close(&client);
    say_token_as(&client, stage->server.port, "north", "valve-7");
    raw_expect_bye(&client, LUBDUB_REASON_UNAUTHORIZED);
    raw_close(&client);
    expect_text(expect_event(&stage->server.events, "rejected", NULL), "text", "this token is not for this identity");
    server_process_finish(&stage->server);
}

static void new_tokens_are_taken_and_a_bad_file_keeps_the_old(void **state)
{
    struct stage *stage = *state;

    scratch_write_text(&stage->scratch, "tokens", "old\n", stage->tokens);
    server_process_start(&stage->server, "--token-file", stage->tokens, NULL);
    say_token(&stage->client, stage->server.port, "old");
    raw_expect_welcome(&stage->client);
    scratch_write_text(&stage->scratch, "tokens", "new\n", stage->tokens);
    read_again(stage, "configuration read again");
    expect_token(stage, "new", true);
    expect_token(stage, "old", false);
    raw_expect_bye(&stage->client, LUBDUB_REASON_UNAUTHORIZED); /* what the old token let in is not in any more */

    scratch_write_text(&stage->scratch, "tokens", "\n\n", stage->tokens); /* never: everybody may come in */
    read_again(stage, "configuration not taken");
    expect_token(stage, "new", true);
    expect_token(stage, "old", false);
    assert_int_equal(unlink(stage->tokens), 0);
    read_again(stage, "configuration not taken");
    expect_token(stage, "new", true);
    expect_token(stage, "anything", false);
    server_process_finish(&stage->server);
    assert_int_equal(process_count_errors(&stage->server.process, "anything"), 0); /* no token in a log */
}

static void say_hello_of(struct raw_client *client, uint16_t port, const char *token, const char *identity)
{
    say_token_as(client, port, token, identity);
    raw_expect_welcome(client);
}

static void sessions_of_a_revoked_token_are_ended_and_no_others(void **state)
{
    struct stage *stage = *state;
    struct raw_client narrowed;
    struct raw_client third;
    const json_t *end;

    scratch_write_text(&stage->scratch, "tokens", "north\nsouth\nwest\n", stage->tokens);
    server_process_start(&stage->server, "--token-file", stage->tokens, "--workers=2", NULL);
    say_hello_of(&stage->client, stage->server.port, "north", "pump-7");
    say_hello_of(&stage->other, stage->server.port, "south", "valve-7");
    say_hello_of(&third, stage->server.port, "west", "tank-1");
    say_hello_of(&narrowed, stage->server.port, "west", "tank-2");
    scratch_write_text(&stage->scratch, "tokens", "south # moved up\nwest tank-1\n", stage->tokens);
    read_again(stage, "changed=\"token-file\" tokens=2");

    raw_expect_bye(&stage->client, LUBDUB_REASON_UNAUTHORIZED);
    end = expect_event(&stage->server.events, "disconnected", "pump-7");
    expect_text(end, "cause", "rejected");
    assert_int_equal(event_number(end, "reason"), LUBDUB_REASON_UNAUTHORIZED);
    expect_text(end, "text", "the token that let in this session is not good any more");
    raw_expect_bye(&narrowed, LUBDUB_REASON_UNAUTHORIZED);
    expect_event(&stage->server.events, "disconnected", "tank-2");
    raw_expect_life(&stage->other);
    raw_expect_life(&third);
    assert_int_equal(count_events(&stage->server.events, "disconnected", NULL), 2);
    raw_close(&narrowed);
    raw_close(&third);
    server_process_finish(&stage->server);
}

static void another_token_takes_no_identity_over(void **state)
{
    struct stage *stage = *state;
    struct raw_client same;

    scratch_write_text(&stage->scratch, "tokens", "north\nsouth\n", stage->tokens);
    server_process_start(&stage->server, "--token-file", stage->tokens, "--workers=2", NULL);
    say_hello_of(&stage->client, stage->server.port, "north", "pump-7");
    say_token_as(&stage->other, stage->server.port, "south", "pump-7");
    raw_expect_bye(&stage->other, LUBDUB_REASON_UNAUTHORIZED);
    expect_text(expect_event(&stage->server.events, "rejected", NULL), "text",
                "another token has let in a session with this identity");
    raw_expect_life(&stage->client);
    say_hello_of(&same, stage->server.port, "north", "pump-7");
    raw_expect_bye(&stage->client, LUBDUB_REASON_REPLACED);
    raw_close(&same);
    expect_events(&stage->server.events, "disconnected", 2);
    raw_close(&stage->other);
    say_hello_of(&stage->other, stage->server.port, "south", "pump-7"); /* no session has it now */
    server_process_finish(&stage->server);
}

/* A server with tokens that listens there only. */
static void start_on(struct stage *stage, const char *listen)
{
    server_process_init(&stage->server);
    process_add(&stage->server.process, "--events=json");
    process_add(&stage->server.process, listen);
    process_add(&stage->server.process, "--token-file");
    process_add(&stage->server.process, stage->tokens);
    process_start(&stage->server.process);
    event_reader_init(&stage->server.events, stage->server.process.output);
    expect_event(&stage->server.events, "listening", NULL);
}

static void tokens_in_the_clear_are_warned_of_beyond_loopback(void **state)
{
    static const char words[] = "tokens cross the network in the clear";
    struct stage *stage = *state;
    char listen[48];

    scratch_write_text(&stage->scratch, "tokens", "secret\n", stage->tokens);
    snprintf(listen, sizeof listen, "--listen=127.9.9.9:%u", (unsigned)free_port());
    start_on(stage, listen);
    read_again(stage, "configuration read again");
    assert_int_equal(process_count_errors(&stage->server.process, words), 0);
    server_process_finish(&stage->server);
    server_process_clear(&stage->server);

    snprintf(listen, sizeof listen, "--listen=*:%u", (unsigned)free_port());
    start_on(stage, listen);
    process_expect_error(&stage->server.process, words);
    server_process_finish(&stage->server);
}

static void finding_d9_token_file_that_all_may_write_is_warned_of(void **state)
{
    struct stage *stage = *state;
    static const char words[] = "every user may write to the token file";

    scratch_write_text(&stage->scratch, "tokens", "secret\n", stage->tokens);
    assert_int_equal(chmod(stage->tokens, 0600), 0);
    server_process_start(&stage->server, "--token-file", stage->tokens, NULL);
    read_again(stage, "configuration read again");
    assert_int_equal(process_count_errors(&stage->server.process, words), 0);
    assert_int_equal(chmod(stage->tokens, 0666), 0);
    process_signal(&stage->server.process, SIGHUP);
    process_expect_error(&stage->server.process, words);
    server_process_finish(&stage->server);
}

static void finding_e14_tokens_that_changed_are_named(void **state)
{
    struct stage *stage = *state;

    scratch_write_text(&stage->scratch, "tokens", "old\n", stage->tokens);
    server_process_start(&stage->server, "--token-file", stage->tokens, NULL);
    scratch_write_text(&stage->scratch, "tokens", "new\nanother\n", stage->tokens);
    read_again(stage, "changed=\"token-file\" tokens=2");
    read_again(stage, "changed=\"\" tokens=2"); /* read, and the same */
    scratch_write_text(&stage->scratch, "tokens", "new\nmother\n", stage->tokens);
    read_again(stage, "changed=\"token-file\" tokens=2");
    server_process_finish(&stage->server);
}

static void required_hello_is_required(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, "--require-hello", NULL);
    raw_connect(&stage->client, stage->server.port);
    raw_message(&stage->client, "no name");
    raw_expect_bye(&stage->client, LUBDUB_REASON_UNAUTHORIZED);
    raw_join(&stage->other, stage->server.port, NULL, 0, 0);
    server_process_finish(&stage->server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_who_knows_a_token_comes_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(token_lets_in_the_identities_of_its_pattern, set_up, tear_down),
        cmocka_unit_test_setup_teardown(new_tokens_are_taken_and_a_bad_file_keeps_the_old, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sessions_of_a_revoked_token_are_ended_and_no_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_token_takes_no_identity_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tokens_in_the_clear_are_warned_of_beyond_loopback, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_d9_token_file_that_all_may_write_is_warned_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_e14_tokens_that_changed_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(required_hello_is_required, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
