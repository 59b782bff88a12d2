/* lubdub-client as a person or a script meets it: what it prints, what it runs, and its exit status. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client_stage.h"
#include "patience.h"
#include "support/test.h"

#define EXIT_DOWN 1
#define EXIT_INTERRUPTED (128 + SIGINT)

/* ---- like ping ---- */

static void count_of_acks_ends_with_a_summary_and_status_0(void **state)
{
    struct stage *stage = *state;
    const json_t *event;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "1s", "-c", "3", "--id", "pump-7", NULL);
    expect_text(expect(stage, "connecting"), "remote", stage->server.address);
    event = expect(stage, "up");
    assert_int_equal(event_number(event, "interval_ms"), 1000);
    assert_int_equal(event_number(event, "expiry_ms"), 3000);
    assert_true(event_number(event, "session") > 0);
    expect_text(event, "id", "pump-7");
    assert_int_equal(event_number(expect(stage, "ack"), "sequence"), 1);
    assert_int_equal(event_number(expect(stage, "ack"), "sequence"), 2);
    event = expect(stage, "ack");
    assert_int_equal(event_number(event, "sequence"), 3);
    assert_true(event_number(event, "rtt_us") < 10000000);
    event = expect(stage, "summary");
    assert_int_equal(event_number(event, "acked"), 3);
    assert_int_equal(event_number(event, "lost"), 0);
    assert_true(event_number(event, "rtt_min_us") <= event_number(event, "rtt_p50_us"));
    assert_true(event_number(event, "rtt_p50_us") <= event_number(event, "rtt_p99_us"));
    assert_true(event_number(event, "rtt_p99_us") <= event_number(event, "rtt_max_us"));
    expect_status(stage, 0);
    expect_text(expect_event(&stage->server.events, "disconnected", "pump-7"), "cause", "bye");
}

static void interrupt_says_bye_and_prints_the_summary(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", NULL);
    expect(stage, "ack");
    process_signal(&stage->client, SIGINT);
    expect(stage, "summary");
    expect_status(stage, EXIT_INTERRUPTED);
    expect_text(expect_event(&stage->server.events, "disconnected", NULL), "cause", "bye");
}

static void next_up_tells_how_the_last_session_ended(void **state)
{
    struct stage *stage = *state;
    const json_t *event;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "50ms", "--expiry", "5s", "--id", "pump-7", NULL);
    event = expect(stage, "up");
    assert_null(json_object_get(event, "last_end")); /* there was none */
    process_signal(&stage->client, SIGINT);
    expect_status(stage, EXIT_INTERRUPTED);
    expect_event(&stage->server.events, "disconnected", "pump-7");
    event_reader_clear(&stage->events);
    process_clear(&stage->client);
    process_start(&stage->client); /* with the same options */
    event_reader_init(&stage->events, stage->client.output);
    expect_text(expect(stage, "up"), "last_end", "bye");
    process_signal(&stage->client, SIGINT);
    expect_status(stage, EXIT_INTERRUPTED);
}

static void text_form_has_a_line_for_every_ack(void **state)
{
    struct stage *stage = *state;
    char *text;
    size_t length;

    server_process_start(&stage->server, NULL);
    process_add(&stage->client, "-i1s"); /* so that no third one is sent before the second ack */
    process_add(&stage->client, "-c2");
    process_add(&stage->client, "--message=hello \x1b[31m");
    process_add(&stage->client, stage->server.address);
    process_start(&stage->client);
    text = process_read_output(&stage->client, &length);
    assert_int_equal(process_wait(&stage->client), 0);
    assert_ptr_equal(strstr(text, "lubdub-client: connecting to "), text);
    assert_non_null(strstr(text, "lubdub-client: up, session "));
    assert_non_null(strstr(text, "\nack 1 from 127.0.0.1:"));
    assert_non_null(strstr(text, "\nack 2 from 127.0.0.1:"));
    assert_non_null(strstr(text, ": hello \\x1b[31m\n")); /* the echo of the message, fit for a terminal */
    assert_non_null(strstr(text, "2 sent, 2 acked, 0 lost (0%), rtt min/p50/p99/max "));
    assert_null(strchr(text, '\x1b'));
    free(text);
}

/* ---- the server goes ---- */

static void nobody_there_is_refused_and_status_1(void **state)
{
    struct stage *stage = *state;
    char address[32];
    const json_t *event;

    snprintf(address, sizeof address, "127.0.0.1:%u", free_port());
    start_client(stage, address, NULL);
    event = expect(stage, "down");
    expect_text(event, "cause", "refused");
    expect_text(event, "remote", address);
    expect(stage, "summary");
    expect_status(stage, EXIT_DOWN);
}

static void killed_server_is_closed_and_status_1(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "1h", NULL); /* nothing under way that the server's kernel could reset */
    expect(stage, "ack");
    process_signal(&stage->server.process, SIGKILL);
    expect_text(expect(stage, "down"), "cause", "closed");
    expect_status(stage, EXIT_DOWN);
}

static void stopped_server_is_hung_after_the_timeout(void **state)
{
    struct stage *stage = *state;
    const json_t *event;
    lubdub_time stopped_at;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "50ms", "--expiry", "60s", "-t", "1s", NULL);
    expect(stage, "ack");
    process_stop(&stage->server.process);
    stopped_at = now();
    event = expect(stage, "down");
    expect_text(event, "cause", "hung");
    assert_true(event_number(event, "sequence") > 0);
    assert_true(event_number(event, "waited_ms") >= 1000);
    assert_true(event_time(event) < stopped_at + 1050 * LUBDUB_MILLISECOND + SLACK);
    expect_status(stage, EXIT_DOWN);
}

static void who_stays_hears_the_late_acks(void **state)
{
    struct stage *stage = *state;
    const json_t *event;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "50ms", "-t", "200ms", "--expiry", "1m", "--stay", NULL);
    expect(stage, "up");
    expect(stage, "ack");
    process_stop(&stage->server.process);
    assert_true(event_flag(expect(stage, "down"), "connected"));
    process_go_on(&stage->server.process);
    assert_true(event_number(expect(stage, "late-ack"), "rtt_us") >= 200000);
    event = expect(stage, "up");
    assert_true(event_flag(event, "recovered"));
    process_signal(&stage->client, SIGINT);
    assert_int_equal(event_number(expect(stage, "summary"), "lost"), 0);
    expect_status(stage, EXIT_INTERRUPTED);
}

static void stopped_client_blames_nobody(void **state)
{
    struct stage *stage = *state;
    size_t acks;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "-t", "1s", "--expiry", "1m", NULL);
    expect(stage, "ack");
    process_stop(&stage->client);
    stay(2500 * LUBDUB_MILLISECOND);
    acks = count_events(&stage->events, "ack", NULL);
    process_go_on(&stage->client);
    expect_events(&stage->events, "ack", acks + 20);
    assert_null(find_event(&stage->events, "down", NULL));
    process_signal(&stage->client, SIGTERM);
    expect_status(stage, 128 + SIGTERM);
}

static void hosts_are_tried_in_turn(void **state)
{
    struct stage *stage = *state;
    char nobody[32];

    snprintf(nobody, sizeof nobody, "127.0.0.1:%u", free_port());
    server_process_start(&stage->server, NULL);
    start_client(stage, "-c", "1", nobody, NULL);
    expect_text(expect(stage, "failed"), "cause", "refused");
    expect_text(expect(stage, "up"), "remote", stage->server.address);
    expect_status(stage, 0);
}

static void reconnecting_client_finds_the_next_server(void **state)
{
    struct stage *stage = *state;
    struct process *server = &stage->server.process;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "50ms", "--expiry", "5s", "--reconnect", "--backoff-max", "500ms", "--id", "pump-7",
                 NULL);
    expect(stage, "up");
    process_signal(server, SIGKILL);
    process_wait(server);
    expect(stage, "down");
    expect(stage, "retrying");
    expect_text(expect(stage, "down"), "cause", "refused");
    event_reader_clear(&stage->server.events);
    process_clear(server);
    process_start(server); /* at the same address */
    event_reader_init(&stage->server.events, server->output);
    expect(stage, "up");
    expect_event(&stage->server.events, "connected", "pump-7");
    process_signal(&stage->client, SIGINT);
    expect_status(stage, EXIT_INTERRUPTED);
}

static void older_twin_does_not_fight_back(void **state)
{
    struct stage *stage = *state;
    struct process twin;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "50ms", "--expiry", "5s", "--reconnect", "--backoff-max", "500ms", "--id", "twin", NULL);
    expect(stage, "up");
    process_init(&twin, "LUBDUB_CLIENT");
    process_add(&twin, "--id=twin");
    process_add(&twin, "-i50");
    process_add(&twin, "--expiry=5s");
    process_add(&twin, "-c20"); /* a second, in which it is not thrown out */
    process_add(&twin, stage->server.address);
    process_start(&twin);
    expect_text(expect(stage, "down"), "cause", "replaced");
    expect_text(expect(stage, "down"), "cause", "replaced"); /* it came again, and was not let in */
    assert_int_equal(process_wait(&twin), 0);
    process_clear(&twin);
    expect(stage, "up"); /* now it is */
    process_signal(&stage->client, SIGINT);
    expect_status(stage, EXIT_INTERRUPTED);
}

/* ---- commands ---- */

/* At once, so that nobody reads half of it. */
static void tell_status(struct stage *stage, const char *status)
{
    char path[SCRATCH_PATH];
    char final_path[SCRATCH_PATH];

    scratch_write_text(&stage->scratch, "next", status, path);
    assert_int_equal(rename(path, scratch_path(&stage->scratch, "status", final_path)), 0);
}

static void status_of_the_check_is_the_health(void **state)
{
    struct stage *stage = *state;
    char path[SCRATCH_PATH];
    char command[SCRATCH_PATH + 32];

    tell_status(stage, "1\n");
    scratch_path(&stage->scratch, "status", path);
    snprintf(command, sizeof command, "exit $(cat %s)", path);
    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", "--check", command, "--id", "checked", NULL);
    expect_text(expect_event(&stage->server.events, "health", "checked"), "health", "warning");
    tell_status(stage, "7\n");
    expect_text(expect_event(&stage->server.events, "health", "checked"), "health", "critical");
    tell_status(stage, "0\n");
    expect_text(expect_event(&stage->server.events, "health", "checked"), "health", "passing");
    process_signal(&stage->client, SIGINT);
    expect_status(stage, EXIT_INTERRUPTED);
}

static void check_that_hangs_is_killed_with_its_children_and_critical(void **state)
{
    struct stage *stage = *state;
    char path[SCRATCH_PATH];
    char command[SCRATCH_PATH + 64];
    lubdub_time until = now() + PATIENCE;
    FILE *file;
    int child = 0;

    scratch_path(&stage->scratch, "child", path);
    snprintf(command, sizeof command, "sleep 1000 & echo $! > %s; wait", path);
    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", "--check", command, "--check-timeout", "2s", "--check-interval",
                 "1h", NULL);
    expect_text(expect_event(&stage->server.events, "health", NULL), "health", "critical");
    file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &child), 1);
    fclose(file);
    while (kill(child, 0) == 0 && now() < until) {
        stay(LUBDUB_MILLISECOND);
    }
    assert_int_not_equal(kill(child, 0), 0);
    process_signal(&stage->client, SIGINT);
    expect_status(stage, EXIT_INTERRUPTED);
}

static int number_in(struct stage *stage, const char *name)
{
    char path[SCRATCH_PATH];
    lubdub_time until = now() + PATIENCE;
    int number = 0;

    scratch_path(&stage->scratch, name, path);
    while (number == 0 && now() < until) {
        FILE *file = fopen(path, "r");

        if (file == NULL || fscanf(file, "%d", &number) != 1) {
            stay(LUBDUB_MILLISECOND);
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    assert_int_not_equal(number, 0);
    return number;
}

/* As when a whole machine is paused, and the client wakes first. */
static void check_that_was_stopped_with_the_client_is_not_critical(void **state)
{
    struct stage *stage = *state;
    char path[SCRATCH_PATH];
    char end[SCRATCH_PATH];
    char command[2 * SCRATCH_PATH + 80];
    int check;

    snprintf(command, sizeof command, "echo $$ > %s; until test -e %s; do sleep 0.05; done; exit 1",
             scratch_path(&stage->scratch, "check", path), scratch_path(&stage->scratch, "end", end));
    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "60s", "-t", "60s", "--check", command, "--check-timeout", "4s",
                 "--check-interval", "1h", NULL);
    expect(stage, "ack");
    check = number_in(stage, "check");
    assert_int_equal(kill(-check, SIGSTOP), 0);
    process_stop(&stage->client);
    stay(6 * LUBDUB_SECOND);
    process_go_on(&stage->client);
    expect_event(&stage->server.events, "recovered", NULL);
    scratch_write_text(&stage->scratch, "end", "", end);
    assert_int_equal(kill(-check, SIGCONT), 0);
    expect_text(expect_event(&stage->server.events, "health", NULL), "health", "warning");
    process_signal(&stage->client, SIGINT);
    expect_status(stage, EXIT_INTERRUPTED);
}

static void check_that_failed_is_the_status_of_a_count(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "50ms", "--expiry", "5s", "-c", "20", "--check", "exit 2", NULL);
    expect_status(stage, EXIT_DOWN);
}

static void commands_hear_what_happened(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", "--id", "pump 7; $(exit)", "--on-up",
                 "echo \"it is $LUBDUB_EVENT at $LUBDUB_REMOTE as $LUBDUB_ID\"", "--on-down",
                 "echo \"it is $LUBDUB_EVENT by $LUBDUB_CAUSE with $LUBDUB_REASON\"; sleep 0.2; echo the end", NULL);
    process_expect_error(&stage->client, "it is up at 127.0.0.1:");
    process_expect_error(&stage->client, "as pump 7; $(exit)\n");
    process_signal(&stage->server.process, SIGTERM);
    process_expect_error(&stage->client, "it is down by bye with 1\n");
    expect_status(stage, EXIT_DOWN);
    process_expect_error(&stage->client, "the end\n"); /* it was waited for */
}

/* ---- standard output ---- */

static void nobody_reading_ends_it_quietly(void **state)
{
    struct stage *stage = *state;
    char *errors;
    int ends[2];

    server_process_start(&stage->server, NULL);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    stage->client.output_to = ends[1];
    start_client(stage, "-i", "20ms", "--expiry", "5s", NULL);
    close(ends[1]);
    expect_event(&stage->server.events, "connected", NULL);
    close(ends[0]);
    assert_int_equal(process_wait(&stage->client), 128 + SIGPIPE);
    errors = process_errors(&stage->client);
    assert_string_equal(errors, "");
    free(errors);
    expect_text(expect_event(&stage->server.events, "disconnected", NULL), "cause", "bye");
}

static void closed_standard_output_is_no_reason_to_fail(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    stage->client.output_to = PROCESS_CLOSED;
    stage->client.input_from = PROCESS_CLOSED;
    process_add(&stage->client, "-i20");
    process_add(&stage->client, "--expiry=5s");
    process_add(&stage->client, "-c3");
    process_add(&stage->client, stage->server.address);
    process_start(&stage->client);
    assert_int_equal(process_wait(&stage->client), 0);
}

int main(void)
{
#define PROGRAM_TEST(test) cmocka_unit_test_setup_teardown(test, client_stage_set_up, client_stage_tear_down)
    const struct CMUnitTest tests[] = {
        PROGRAM_TEST(count_of_acks_ends_with_a_summary_and_status_0),
        PROGRAM_TEST(interrupt_says_bye_and_prints_the_summary),
        PROGRAM_TEST(next_up_tells_how_the_last_session_ended),
        PROGRAM_TEST(text_form_has_a_line_for_every_ack),
        PROGRAM_TEST(nobody_there_is_refused_and_status_1),
        PROGRAM_TEST(killed_server_is_closed_and_status_1),
        PROGRAM_TEST(stopped_server_is_hung_after_the_timeout),
        PROGRAM_TEST(who_stays_hears_the_late_acks),
        PROGRAM_TEST(stopped_client_blames_nobody),
        PROGRAM_TEST(hosts_are_tried_in_turn),
        PROGRAM_TEST(reconnecting_client_finds_the_next_server),
        PROGRAM_TEST(older_twin_does_not_fight_back),
        PROGRAM_TEST(status_of_the_check_is_the_health),
        PROGRAM_TEST(check_that_hangs_is_killed_with_its_children_and_critical),
        PROGRAM_TEST(check_that_was_stopped_with_the_client_is_not_critical),
        PROGRAM_TEST(check_that_failed_is_the_status_of_a_count),
        PROGRAM_TEST(commands_hear_what_happened),
        PROGRAM_TEST(nobody_reading_ends_it_quietly),
        PROGRAM_TEST(closed_standard_output_is_no_reason_to_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
