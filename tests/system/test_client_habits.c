/*
 * lubdub-client beside ping, nohup and sidecars: signals, commands, deadlines, checks, and what is read again. The
 * comment at each case names the finding that it stands for.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client_stage.h"
#include "patience.h"
#include "support/test.h"

#define EXIT_DOWN 1

static void end_by(struct stage *stage, int signal)
{
    process_signal(&stage->client, signal);
    expect_status(stage, 128 + signal);
    assert_true(stage->client.was_killed); /* C6 */
}

static void kill_server(struct server_process *server)
{
    process_signal(&server->process, SIGKILL);
    process_wait(&server->process);
    event_reader_clear(&server->events);
    process_clear(&server->process);
}

/* At the same address. */
static void start_server_again(struct server_process *server)
{
    process_start(&server->process);
    event_reader_init(&server->events, server->process.output);
    expect_event(&server->events, "listening", NULL);
}

static char *read_scratch(struct stage *stage, const char *name)
{
    static char text[4096];
    char path[SCRATCH_PATH];
    FILE *file = fopen(scratch_path(&stage->scratch, name, path), "r");
    size_t length = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;

    if (file != NULL) {
        fclose(file);
    }
    text[length] = '\0';
    return text;
}

static void expect_scratch(struct stage *stage, const char *name, const char *text)
{
    lubdub_time until = now() + PATIENCE;

    while (strcmp(read_scratch(stage, name), text) != 0 && now() < until) {
        stay(5 * LUBDUB_MILLISECOND);
    }
    assert_string_equal(read_scratch(stage, name), text);
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;

    for (text = strstr(text, word); text != NULL; text = strstr(text + 1, word)) {
        count++;
    }
    return count;
}

/* "COMMAND >> the file", in memory that the next call for the same slot takes. */
static const char *appending(struct stage *stage, unsigned slot, const char *command)
{
    static char texts[4][2 * SCRATCH_PATH];
    char path[SCRATCH_PATH];

    snprintf(texts[slot], sizeof texts[slot], "%s >> %s", command, scratch_path(&stage->scratch, "said", path));
    return texts[slot];
}

/* ---- commands ---- */

/* C2 */
static void on_down_runs_once_for_an_outage_and_on_failed_for_its_rounds(void **state)
{
    struct stage *stage = *state;
    lubdub_time until;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-r", "-i", "20ms", "--expiry", "5s", "--backoff-max", "60ms", "--on-down",
                 appending(stage, 0, "echo down"), "--on-up", appending(stage, 1, "echo up"), "--on-failed",
                 appending(stage, 2, "echo failed"), NULL);
    expect(stage, "up");
    expect_scratch(stage, "said", "up\n");
    kill_server(&stage->server);
    expect_events(&stage->events, "down", 12);
    start_server_again(&stage->server);
    expect(stage, "up");
    until = now() + PATIENCE;
    while (count_of(read_scratch(stage, "said"), "up\n") < 2) {
        assert_true(now() < until);
        stay(5 * LUBDUB_MILLISECOND);
    }
    assert_int_equal(count_of(read_scratch(stage, "said"), "down\n"), 1);
    assert_true(count_of(read_scratch(stage, "said"), "failed\n") >= 2);
    end_by(stage, SIGTERM);
    assert_int_equal(count_of(read_scratch(stage, "said"), "up\n"), 2);
}

/* C3: the last word was `down` while the client was up. */
static void last_word_of_the_commands_is_the_last_state(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-r", "-i", "20ms", "--expiry", "5s", "--backoff-max", "40ms", "--on-down",
                 appending(stage, 0, "sleep 1; echo down"), "--on-up", appending(stage, 1, "echo up"), NULL);
    expect(stage, "up");
    expect_scratch(stage, "said", "up\n");
    kill_server(&stage->server);
    expect(stage, "down");
    start_server_again(&stage->server);
    expect(stage, "up");
    expect_scratch(stage, "said", "up\ndown\nup\n");
    end_by(stage, SIGINT);
}

/* C3 */
static void command_that_hangs_is_killed_and_the_next_one_runs(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-r", "-i", "20ms", "--expiry", "5s", "--backoff-max", "40ms", "--hook-timeout", "2s",
                 "--on-up", "sleep 1000", "--on-down", appending(stage, 0, "echo down"), NULL);
    expect(stage, "up");
    kill_server(&stage->server);
    expect_scratch(stage, "said", "down\n");
    process_expect_error(&stage->client, "takes too long and is killed");
    end_by(stage, SIGINT);
}

/* C9 */
static void commands_have_the_limit_of_descriptors_that_the_client_was_started_with(void **state)
{
    struct stage *stage = *state;
    struct rlimit usual;
    struct rlimit small;

    server_process_start(&stage->server, NULL);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    small = usual;
    small.rlim_cur = 200;
    assert_true(small.rlim_max > small.rlim_cur);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    start_client(stage, "-i", "20ms", "--expiry", "5s", "--on-up", appending(stage, 0, "ulimit -S -n"), NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    expect_scratch(stage, "said", "200\n");
    end_by(stage, SIGINT);
}

/* ---- checks ---- */

/* C4: in 6 of 10 runs it said 0. */
static void count_waits_for_the_first_result_of_the_check(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", "-c", "1", "--check", "sleep 0.3; exit 2", NULL);
    expect_status(stage, EXIT_DOWN);
}

static void count_without_a_failure_of_the_check_is_0(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", "-c", "1", "--check", "sleep 0.3", NULL);
    expect_status(stage, 0);
}

/* C4 */
static void check_without_a_result_is_no_success(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", "-c", "1", "-w", "700ms", "--check", "sleep 1000", NULL);
    expect_status(stage, EXIT_DOWN);
}

/* C15 */
static void what_a_check_leaves_in_its_group_is_killed(void **state)
{
    struct stage *stage = *state;
    lubdub_time until = now() + PATIENCE;
    char command[2 * SCRATCH_PATH];
    char path[SCRATCH_PATH];
    int child = 0;

    snprintf(command, sizeof command, "sleep 1000 & echo $! > %s", scratch_path(&stage->scratch, "child", path));
    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", "--check", command, "--check-interval", "1h", NULL);
    while (child == 0 && now() < until) {
        child = atoi(read_scratch(stage, "child"));
    }
    assert_int_not_equal(child, 0);
    while (process_is_running(child) && now() < until) {
        stay(5 * LUBDUB_MILLISECOND);
    }
    assert_false(process_is_running(child));
    end_by(stage, SIGINT);
}

/* E12 */
static void first_line_of_the_check_says_why_in_the_health_event(void **state)
{
    struct stage *stage = *state;
    const json_t *event;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", "--id", "checked", "--content", "usual", "--check",
                 "printf 'disk\\tfull \\001 99%%\\nmore\\n'; exit 2", NULL);
    event = expect_event(&stage->server.events, "health", "checked");
    expect_text(event, "health", "critical");
    expect_text(event, "content", "disk full ? 99%");
    end_by(stage, SIGINT);
}

/* E12: a check that changes its words with every probe, over a server that answers late, costs no session. */
static void words_of_the_check_may_change_while_probes_are_under_way(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "10ms", "--expiry", "1m", "-t", "1m", "--check", "date +%N", "--check-interval", "10ms",
                 NULL);
    expect_events(&stage->events, "ack", 20);
    process_stop(&stage->server.process);
    stay(500 * LUBDUB_MILLISECOND);
    process_go_on(&stage->server.process);
    expect_events(&stage->events, "ack", 200);
    assert_null(find_event(&stage->events, "down", NULL));
    end_by(stage, SIGINT);
}

/* ---- signals ---- */

/* C5 */
static void signal_that_was_ignored_at_the_start_stays_so(void **state)
{
    struct stage *stage = *state;
    size_t acks;

    server_process_start(&stage->server, NULL);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    start_client(stage, "-i", "20ms", "--expiry", "5s", NULL);
    signal(SIGINT, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    expect(stage, "ack");
    process_signal(&stage->client, SIGINT);
    process_signal(&stage->client, SIGHUP);
    acks = count_events(&stage->events, "ack", NULL);
    expect_events(&stage->events, "ack", acks + 20);
    end_by(stage, SIGTERM);
}

/* C6 */
static void signal_that_ends_it_is_seen_by_the_shell_after_bye_and_summary(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", NULL);
    expect(stage, "ack");
    process_signal(&stage->client, SIGINT);
    expect(stage, "summary");
    expect_status(stage, 128 + SIGINT);
    assert_true(stage->client.was_killed);
    expect_text(expect_event(&stage->server.events, "disconnected", NULL), "cause", "bye");
}

/* C8: without a file there is nothing to read again, and the terminal has gone. */
static void hang_up_without_a_file_ends_it(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", NULL);
    expect(stage, "ack");
    end_by(stage, SIGHUP);
}

/* C8 */
static void hang_up_reads_the_configuration_again(void **state)
{
    struct stage *stage = *state;
    char path[SCRATCH_PATH];

    server_process_start(&stage->server, NULL);
    scratch_write_text(&stage->scratch, "config", "[client]\ninterval = 20ms\nexpiry = 5s\nid = one\n", path);
    start_client(stage, "--config", path, NULL);
    assert_int_equal(event_number(expect(stage, "up"), "interval_ms"), 20);
    scratch_write_text(&stage->scratch, "config", "[client]\ninterval = 30ms\nexpiry = 5s\nid = two\n", path);
    process_signal(&stage->client, SIGHUP);
    process_expect_error(&stage->client, "the configuration was read again changed=\"interval,id\"");
    assert_int_equal(event_number(expect_event(&stage->events, "up", "two"), "interval_ms"), 30);
    expect_text(expect_event(&stage->server.events, "disconnected", "one"), "cause", "bye");

    scratch_write_text(&stage->scratch, "config", "[client]\ninterval = never\n", path);
    process_signal(&stage->client, SIGHUP);
    process_expect_error(&stage->client, "the configuration stays as it was");
    scratch_write_text(&stage->scratch, "config",
                       "[client]\ninterval = 30ms\nexpiry = 5s\nid = two\ncheck = echo sick; exit 2\nquiet = yes\n",
                       path);
    process_signal(&stage->client, SIGHUP);
    process_expect_error(&stage->client, "changed=\"quiet,check\"");
    expect_text(expect_event(&stage->server.events, "health", "two"), "content", "sick");
    assert_int_equal(count_events(&stage->events, "up", NULL), 2); /* the session went on */
    end_by(stage, SIGTERM);
}

/* C8 */
static void token_is_read_before_each_connection(void **state)
{
    struct stage *stage = *state;
    char server_path[SCRATCH_PATH];
    char path[SCRATCH_PATH];

    scratch_write_text(&stage->scratch, "tokens", "first\n", server_path);
    scratch_write_text(&stage->scratch, "token", "first\n", path);
    server_process_start(&stage->server, "--token-file", server_path, NULL);
    start_client(stage, "-r", "-i", "20ms", "--expiry", "5s", "--backoff-max", "40ms", "--token-file", path, NULL);
    expect(stage, "up");
    kill_server(&stage->server);
    scratch_write_text(&stage->scratch, "tokens", "second\n", server_path);
    scratch_write_text(&stage->scratch, "token", "second\n", path);
    start_server_again(&stage->server);
    expect(stage, "up");
    end_by(stage, SIGTERM);
}

/* ---- ends ---- */

/* C11 */
static void deadline_ends_a_client_that_stays_with_a_frozen_server(void **state)
{
    struct stage *stage = *state;
    lubdub_time began;

    server_process_start(&stage->server, NULL);
    process_stop(&stage->server.process);
    began = now();
    start_client(stage, "--stay", "-c", "50", "-w", "600ms", NULL);
    expect_status(stage, EXIT_DOWN);
    assert_true(now() - began >= 600 * LUBDUB_MILLISECOND);
}

/* C11 */
static void deadline_ends_a_client_that_comes_back_to_nobody(void **state)
{
    struct stage *stage = *state;
    char address[32];

    snprintf(address, sizeof address, "127.0.0.1:%u", free_port());
    start_client(stage, "-r", "-c", "3", "--deadline=600ms", address, NULL);
    expect(stage, "summary");
    expect_status(stage, EXIT_DOWN);
    assert_int_equal(process_count_errors(&stage->client, "the deadline came before all was done deadline_ms=600"), 1);
}

static void deadline_of_a_server_that_answers_is_a_success(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", "-w", "3s", NULL);
    expect_status(stage, 0);
}

/* C12 */
static void silent_server_is_left_for_the_next_host(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->other, NULL);
    server_process_start(&stage->server, NULL);
    start_client(stage, "-r", "--stay", "--stay-limit", "400ms", "-i", "20ms", "-t", "200ms", "--expiry", "1m",
                 "--backoff-max", "40ms", stage->other.address, NULL);
    expect_text(expect(stage, "up"), "remote", stage->other.address);
    process_stop(&stage->other.process);
    assert_true(event_flag(expect(stage, "down"), "connected"));
    expect_text(expect(stage, "up"), "remote", stage->server.address);
    end_by(stage, SIGTERM);
}

/* C7 */
static void incarnation_may_be_given_and_the_refusal_names_the_clock(void **state)
{
    struct stage *stage = *state;
    struct process holder;
    const json_t *event;

    server_process_start(&stage->server, NULL);
    process_init(&holder, "LUBDUB_CLIENT");
    process_add(&holder, "--id=pump-7");
    process_add(&holder, "--incarnation=100");
    process_add(&holder, "-i50");
    process_add(&holder, "--expiry=60s");
    process_add(&holder, stage->server.address);
    process_start(&holder);
    expect_event(&stage->server.events, "connected", "pump-7");
    start_client(stage, "--id=pump-7", "--incarnation=7", NULL);
    event = expect(stage, "down");
    expect_text(event, "cause", "replaced");
    assert_non_null(strstr(event_text(event, "text"), "clock"));
    expect_status(stage, EXIT_DOWN);
    process_clear(&holder);
}

/* C14 */
static void longest_backoff_alone_is_enough(void **state)
{
    struct stage *stage = *state;
    char address[32];

    snprintf(address, sizeof address, "127.0.0.1:%u", free_port());
    start_client(stage, "--backoff-max", "300ms", address, NULL);
    expect_status(stage, EXIT_DOWN); /* and not 2 */
}

/* C14 */
static void unauthorized_client_gives_up(void **state)
{
    struct stage *stage = *state;
    char server_path[SCRATCH_PATH];
    char path[SCRATCH_PATH];

    scratch_write_text(&stage->scratch, "tokens", "right\n", server_path);
    scratch_write_text(&stage->scratch, "token", "wrong\n", path);
    server_process_start(&stage->server, "--token-file", server_path, NULL);
    start_client(stage, "-r", "--backoff-max", "20ms", "--token-file", path, NULL);
    process_expect_error(&stage->client, "gives up");
    expect_status(stage, EXIT_DOWN);
    assert_int_equal(count_events(&stage->events, "down", NULL), 5);
}

/* C14 */
static void goal_waits_for_its_server_where_the_client_comes_back_and_has_its_token(void **state)
{
    struct stage *stage = *state;
    char server_path[SCRATCH_PATH];
    char path[SCRATCH_PATH];
    char status_path[64];
    char line[256];
    unsigned long long caught = 0;
    FILE *status;

    scratch_write_text(&stage->scratch, "tokens", "right\n", server_path);
    scratch_write_text(&stage->scratch, "token", "right\n", path);
    server_process_listen(&stage->server);
    start_client(stage, "-r", "--goal", "detect=20s,false-alarms=1/day,measure=400ms", "--backoff-max", "100ms",
                 "--token-file", path, NULL);
    process_expect_error(&stage->client, "could not be reached");
    snprintf(status_path, sizeof status_path, "/proc/%d/status", (int)stage->client.pid);
    status = fopen(status_path, "r");
    assert_non_null(status);
    while (fgets(line, sizeof line, status) != NULL) {
        (void)sscanf(line, "SigCgt: %llx", &caught);
    }
    fclose(status);
    assert_true((caught >> (SIGTERM - 1) & 1) != 0); /* as process 1 it would never hear of it */
    process_add(&stage->server.process, "--events=json");
    process_add(&stage->server.process, "--token-file");
    process_add(&stage->server.process, server_path);
    process_start(&stage->server.process);
    event_reader_init(&stage->server.events, stage->server.process.output);
    expect(stage, "up");
    end_by(stage, SIGTERM);
}

static void signal_ends_the_measuring(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "--goal", "detect=2s,measure=1h", NULL);
    process_expect_error(&stage->client, "measuring for the goal");
    expect_event(&stage->server.events, "connected", NULL);
    end_by(stage, SIGTERM);
}

/* ---- newcomers ---- */

/* C14: 0.152 of 0.103, 0.148 and 0.165 */
static void median_of_three_is_the_middle_one(void **state)
{
    struct stage *stage = *state;
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    uint64_t sum = 0;
    unsigned i;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "-c", "3", "--expiry", "5s", NULL);
    for (i = 0; i < 3; i++) {
        uint64_t round_trip = event_number(expect(stage, "ack"), "rtt_us");

        least = round_trip < least ? round_trip : least;
        most = round_trip > most ? round_trip : most;
        sum += round_trip;
    }
    assert_int_equal(event_number(expect(stage, "summary"), "rtt_p50_us"), sum - least - most);
    expect_status(stage, 0);
}

/* E7 */
static void another_interval_than_was_asked_for_is_said(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "1", "-c", "3", "--expiry", "5s", NULL);
    assert_int_equal(event_number(expect(stage, "up"), "interval_ms"), 10);
    expect_status(stage, 0);
    process_expect_error(&stage->client, "asked_ms=1 granted_ms=10");
}

/* E7 */
static void quiet_client_has_no_line_for_an_ack(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    start_client(stage, "-q", "-i", "0.02s", "-c", "3", "--expiry", "5s", NULL);
    assert_int_equal(event_number(expect(stage, "up"), "interval_ms"), 20);
    assert_int_equal(event_number(expect(stage, "summary"), "acked"), 3);
    expect_status(stage, 0);
    assert_int_equal(count_events(&stage->events, "ack", NULL), 0);
}

/* E13 */
static void identity_may_be_the_name_of_the_host(void **state)
{
    struct stage *stage = *state;
    char name[256] = "";

    assert_int_equal(gethostname(name, sizeof name - 1), 0);
    server_process_start(&stage->server, NULL);
    start_client(stage, "-i", "20ms", "--expiry", "5s", "-c", "1", "--id-from", "host", NULL);
    expect_status(stage, 0);
    expect_event(&stage->server.events, "connected", name);
}

/* E15 */
static void all_hosts_are_watched_at_once(void **state)
{
    struct stage *stage = *state;
    const json_t *event;

    server_process_start(&stage->server, NULL);
    server_process_start(&stage->other, NULL);
    start_client(stage, "--all", "-i", "20ms", "--expiry", "5s", "-c", "3", stage->other.address, NULL);
    expect(stage, "up");
    expect(stage, "up");
    event = expect(stage, "summary");
    assert_int_equal(event_number(event, "hosts"), 2);
    assert_int_equal(event_number(event, "up"), 2);
    assert_true(event_number(event, "acked") >= 6);
    assert_int_equal(count_events(&stage->events, "host", NULL), 2);
    assert_true(event_has(expect(stage, "ack"), "server"));
    expect_status(stage, 0);
}

/* E15 */
static void one_of_all_hosts_that_is_down_is_status_1(void **state)
{
    struct stage *stage = *state;
    const json_t *event;
    char address[32];

    snprintf(address, sizeof address, "127.0.0.1:%u", free_port());
    server_process_start(&stage->server, NULL);
    start_client(stage, "--all", "-i", "20ms", "--expiry", "5s", "-c", "3", address, NULL);
    event = expect(stage, "host");
    expect_text(event, "server", address);
    assert_false(event_flag(event, "up"));
    assert_true(event_flag(expect(stage, "host"), "up")); /* it was counted to the end */
    event = expect(stage, "summary");
    assert_int_equal(event_number(event, "up"), 1);
    assert_int_equal(event_number(event, "acked"), 3);
    expect_status(stage, EXIT_DOWN);
}

/* E16 */
static void one_file_and_the_environment_serve_both_programs(void **state)
{
    struct stage *stage = *state;
    char path[SCRATCH_PATH];

    scratch_write_text(&stage->scratch, "config", "[server]\ngrace = 1s\n[client]\nid = pump-7\nexpiry = 5s\n", path);
    server_process_start(&stage->server, "--config", path, NULL);
    setenv("LUBDUB_CLIENT_INTERVAL", "30ms", 1);
    setenv("LUBDUB_CLIENT_CONFIG", path, 1);
    start_client(stage, "-c", "1", NULL);
    unsetenv("LUBDUB_CLIENT_INTERVAL");
    unsetenv("LUBDUB_CLIENT_CONFIG");
    assert_int_equal(event_number(expect_event(&stage->events, "up", "pump-7"), "interval_ms"), 30);
    expect_status(stage, 0);
}

/* E16 */
static void check_config_says_whether_all_is_right_and_starts_nothing(void **state)
{
    static const char *const programs[] = {"LUBDUB_SERVER", "LUBDUB_CLIENT"};
    struct stage *stage = *state;
    char path[SCRATCH_PATH];
    size_t i;

    for (i = 0; i < COUNT_OF(programs); i++) {
        struct process process;
        size_t length;
        char *text;

        scratch_write_text(&stage->scratch, "config", "[server]\ngrace = 1s\n[client]\nid = pump-7\n", path);
        process_init(&process, programs[i]);
        process_add(&process, "--check-config");
        process_add(&process, "--config");
        process_add(&process, path);
        process_start(&process);
        text = process_read_output(&process, &length);
        assert_int_equal(process_wait(&process), 0);
        assert_non_null(strstr(text, "are right"));
        free(text);
        process_clear(&process);
        scratch_write_text(&stage->scratch, "config", "[server]\ngrace = never\n[client]\nid =\n", path);
        process_start(&process);
        assert_int_equal(process_wait(&process), 2);
        process_clear(&process);
    }
}

int main(void)
{
#define HABIT(test) cmocka_unit_test_setup_teardown(test, client_stage_set_up, client_stage_tear_down)
    const struct CMUnitTest tests[] = {
        HABIT(on_down_runs_once_for_an_outage_and_on_failed_for_its_rounds),
        HABIT(last_word_of_the_commands_is_the_last_state),
        HABIT(command_that_hangs_is_killed_and_the_next_one_runs),
        HABIT(commands_have_the_limit_of_descriptors_that_the_client_was_started_with),
        HABIT(count_waits_for_the_first_result_of_the_check),
        HABIT(count_without_a_failure_of_the_check_is_0),
        HABIT(check_without_a_result_is_no_success),
        HABIT(what_a_check_leaves_in_its_group_is_killed),
        HABIT(first_line_of_the_check_says_why_in_the_health_event),
        HABIT(words_of_the_check_may_change_while_probes_are_under_way),
        HABIT(signal_that_was_ignored_at_the_start_stays_so),
        HABIT(signal_that_ends_it_is_seen_by_the_shell_after_bye_and_summary),
        HABIT(hang_up_without_a_file_ends_it),
        HABIT(hang_up_reads_the_configuration_again),
        HABIT(token_is_read_before_each_connection),
        HABIT(deadline_ends_a_client_that_stays_with_a_frozen_server),
        HABIT(deadline_ends_a_client_that_comes_back_to_nobody),
        HABIT(deadline_of_a_server_that_answers_is_a_success),
        HABIT(silent_server_is_left_for_the_next_host),
        HABIT(incarnation_may_be_given_and_the_refusal_names_the_clock),
        HABIT(longest_backoff_alone_is_enough),
        HABIT(unauthorized_client_gives_up),
        HABIT(goal_waits_for_its_server_where_the_client_comes_back_and_has_its_token),
        HABIT(signal_ends_the_measuring),
        HABIT(median_of_three_is_the_middle_one),
        HABIT(another_interval_than_was_asked_for_is_said),
        HABIT(quiet_client_has_no_line_for_an_ack),
        HABIT(identity_may_be_the_name_of_the_host),
        HABIT(all_hosts_are_watched_at_once),
        HABIT(one_of_all_hosts_that_is_down_is_status_1),
        HABIT(one_file_and_the_environment_serve_both_programs),
        HABIT(check_config_says_whether_all_is_right_and_starts_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
