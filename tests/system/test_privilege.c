/* What the server gives up before its first client: the user that started it, new privileges, dumps, system calls. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "patience.h"
#include "raw_client.h"
#include "scratch.h"
#include "server_process.h"
#include "support/test.h"

#define USER "nobody"
#define USER_ID 65534

struct stage {
    struct server_process server;
    struct process other;
    struct raw_client client;
    struct scratch scratch;
    char path[SCRATCH_PATH];
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->client.socket = -1;
    scratch_make(&stage->scratch);
    chmod(stage->scratch.folder, 0755); /* another user is to find the files in it */
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    raw_close(&stage->client);
    process_clear(&stage->other);
    server_process_clear(&stage->server);
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

static void demand_root(void)
{
    if (getuid() != 0) {
        print_message("needs root: skipped\n");
        skip();
    }
}

/* The line of /proc/PID/status that begins so, without that beginning and blanks. Returns text. */
static char *status_of(pid_t process, const char *name, char *text, size_t capacity)
{
    char line[512];
    char path[64];
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/status", (int)process);
    file = fopen(path, "r");
    assert_non_null(file);
    text[0] = '\0';
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            line[strcspn(line, "\n")] = '\0';
            snprintf(text, capacity, "%s", line + strlen(name) + 1 + strspn(line + strlen(name) + 1, " \t"));
        }
    }
    fclose(file);
    return text;
}

static void expect_status(pid_t process, const char *name, const char *expected)
{
    char text[512];

    assert_string_equal(status_of(process, name, text, sizeof text), expected);
}

/* ---- another user ---- */

/* A port that only root may have. */
static uint16_t privileged_port(void)
{
    return (uint16_t)(600 + getpid() % 400);
}

static void user_changes_and_what_was_opened_stays(void **state)
{
    struct stage *stage = *state;
    uint16_t port = privileged_port();
    char listen[64];
    struct stat status;

    demand_root();
    snprintf(listen, sizeof listen, "--listen=127.0.0.1:%u", (unsigned)port);
    scratch_path(&stage->scratch, "events", stage->path);
    server_process_init(&stage->server);
    process_add(&stage->server.process, listen);
    process_add(&stage->server.process, "--events=json");
    process_add(&stage->server.process, "--events-file");
    process_add(&stage->server.process, stage->path);
    process_add(&stage->server.process, "--user=" USER);
    process_start(&stage->server.process);
    event_reader_init(&stage->server.events, stage->server.process.output);
    expect_event(&stage->server.events, "listening", NULL);

    raw_join(&stage->client, port, "pump-7", 1000, 60000);
    expect_status(stage->server.process.pid, "Uid", "65534\t65534\t65534\t65534");
    expect_status(stage->server.process.pid, "Gid", "65534\t65534\t65534\t65534");
    expect_status(stage->server.process.pid, "CapPrm", "0000000000000000");
    expect_status(stage->server.process.pid, "CapEff", "0000000000000000");
    expect_status(stage->server.process.pid, "CapAmb", "0000000000000000");
    expect_status(stage->server.process.pid, "NoNewPrivs", "1");
    expect_status(stage->server.process.pid, "Umask", "0027");
    assert_int_equal(stat(stage->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(status.st_uid, USER_ID); /* so that it can be opened again */
    process_signal(&stage->server.process, SIGHUP);
    process_expect_error(&stage->server.process, "configuration read again");
    assert_int_equal(process_count_errors(&stage->server.process, "cannot reopen"), 0);
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
}

static void groups_are_the_new_user_s(void **state)
{
    struct stage *stage = *state;
    char groups[512];

    demand_root();
    server_process_start(&stage->server, "--user=65534", NULL);
    status_of(stage->server.process.pid, "Groups", groups, sizeof groups);
    assert_true(strcmp(groups, "65534 ") == 0 || strcmp(groups, "65534") == 0);
    server_process_finish(&stage->server);
}

static void refused(struct stage *stage, const char *option, int status, const char *words)
{
    process_init(&stage->other, "LUBDUB_SERVER");
    process_add(&stage->other, option);
    process_start(&stage->other);
    assert_int_equal(process_wait(&stage->other), status);
    process_expect_error(&stage->other, words);
    process_clear(&stage->other);
}

static void user_that_cannot_be_is_refused(void **state)
{
    struct stage *stage = *state;

    refused(stage, "--user=root", 2, "--user root: must be a user of this machine other than root");
    refused(stage, "--user=0", 2, "--user 0: must be a user of this machine other than root");
    refused(stage, "--user=no such user", 2, "must be a user of this machine other than root");
    refused(stage, "--user=4294967295", 2, "must be a user of this machine other than root");
    refused(stage, "--seccomp=maybe", 2, "--seccomp maybe: must be auto, on, log or off");
}

/* setpriv of util-linux makes us somebody else first. */
static void only_root_can_change_the_user(void **state)
{
    struct stage *stage = *state;

    demand_root();
    if (access("/usr/bin/setpriv", X_OK) != 0) {
        skip();
    }
    setenv("LUBDUB_SETPRIV", "/usr/bin/setpriv", 1);
    process_init(&stage->other, "LUBDUB_SETPRIV");
    process_add(&stage->other, "--reuid=1");
    process_add(&stage->other, "--regid=1");
    process_add(&stage->other, "--clear-groups");
    process_add(&stage->other, getenv("LUBDUB_SERVER"));
    process_add(&stage->other, "--listen=127.0.0.1:65000");
    process_add(&stage->other, "--user=" USER);
    process_start(&stage->other);
    if (process_wait(&stage->other) == 127) {
        print_message("another user cannot reach the programs here: skipped\n");
        skip();
    }
    assert_int_equal(stage->other.status, 3);
    process_expect_error(&stage->other, "cannot become user " USER ": only root can");
}

static void file_that_the_user_cannot_read_again_is_told_at_the_start(void **state)
{
    struct stage *stage = *state;

    demand_root();
    scratch_write_text(&stage->scratch, "tokens", "secret\n", stage->path);
    assert_int_equal(chmod(stage->path, 0600), 0);
    server_process_start(&stage->server, "--user=" USER, "--token-file", stage->path, NULL);
    process_expect_error(&stage->server.process, "the user of --user cannot read this any more option=--token-file");
    process_signal(&stage->server.process, SIGHUP);
    process_expect_error(&stage->server.process, "configuration not taken");
    assert_int_equal(chown(stage->path, USER_ID, USER_ID), 0);
    process_signal(&stage->server.process, SIGHUP);
    process_expect_error(&stage->server.process, "configuration read again");
    server_process_finish(&stage->server);
}

/* ---- the rest ---- */

static void server_is_behind_the_filter_by_default(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, "--seccomp=auto", "--workers=2", NULL);
    if (process_count_errors(&stage->server.process, "system calls stay unfiltered") > 0) {
        print_message("the kernel takes no filter here: skipped\n");
        skip();
    }
    expect_status(stage->server.process.pid, "Seccomp", "2");
    expect_status(stage->server.process.pid, "NoNewPrivs", "1");
    raw_join(&stage->client, stage->server.port, "pump-7", 1000, 60000);
    process_signal(&stage->server.process, SIGHUP);
    process_expect_error(&stage->server.process, "configuration read again");
    raw_expect_life(&stage->client);
    assert_int_equal(server_process_count(&stage->server, "sessions"), 1);
    server_process_finish(&stage->server);
}

static void filter_can_be_left_off(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, "--seccomp=off", NULL);
    expect_status(stage->server.process.pid, "Seccomp", "0");
    server_process_finish(&stage->server);
}

static void memory_with_tokens_is_in_no_dump(void **state)
{
#ifdef LUBDUB_SANITIZED
    (void)state;
    print_message("sanitizers look into the memory themselves: skipped\n");
    skip();
#else
    struct stage *stage = *state;
    char path[64];
    char line[256];
    bool is_seen = false;
    FILE *file;

    scratch_write_text(&stage->scratch, "tokens", "secret\n", stage->path);
    server_process_start(&stage->server, "--token-file", stage->path, NULL);
    snprintf(path, sizeof path, "/proc/%d/limits", (int)stage->server.process.pid);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        is_seen = is_seen || strncmp(line, "Max core file size        0                    0 ", 49) == 0;
    }
    fclose(file);
    assert_true(is_seen);
    server_process_finish(&stage->server);
#endif
}

/* The line that a hook wrote; waits for it. */
static char *line_of_hook(const char *path, char *line, size_t capacity)
{
    const lubdub_time until = now() + PATIENCE;
    FILE *file;

    line[0] = '\0';
    while (strchr(line, '\n') == NULL) {
        assert_true(now() < until);
        stay(5 * LUBDUB_MILLISECOND);
        file = fopen(path, "r");
        if (file != NULL) {
            if (fgets(line, (int)capacity, file) == NULL) {
                line[0] = '\0';
            }
            fclose(file);
        }
    }
    return line;
}

static void hook_has_no_filter_and_not_the_user_that_started_the_server(void **state)
{
    struct stage *stage = *state;
    char script[SCRATCH_PATH];
    char expected[128];
    char line[512];

    demand_root();
    scratch_write_text(&stage->scratch, "said", "", stage->path);
    assert_int_equal(chown(stage->path, USER_ID, USER_ID), 0);
    snprintf(
        line, sizeof line,
        "#!/bin/sh\necho $LUBDUB_ID $PPID $(id -u) $(id -G) $(sed -n 's/^Seccomp:\\t//p' /proc/self/status) >>%s\n",
        stage->path);
    scratch_write_text(&stage->scratch, "hook", line, script);
    assert_int_equal(chmod(script, 0755), 0);
    server_process_start(&stage->server, "--user=" USER, "--seccomp=on", "--hook", script, "--hook-events=connected",
                         NULL);
    raw_join(&stage->client, stage->server.port, "pump-7", 1000, 60000);
    snprintf(expected, sizeof expected, "pump-7 %d 65534 65534 0\n", (int)stage->server.process.pid);
    assert_string_equal(line_of_hook(stage->path, line, sizeof line), expected);
    server_process_finish(&stage->server);
}

/* It is the server's only child then. */
static pid_t launcher_of(const struct process *server)
{
    char path[64];
    int launcher = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)server->pid, (int)server->pid);
    file = fopen(path, "r");
    if (file == NULL) {
        skip();
    }
    assert_int_equal(fscanf(file, "%d", &launcher), 1);
    fclose(file);
    return launcher;
}

static void launcher_ends_with_the_server_whatever_it_died_of(void **state)
{
    struct stage *stage = *state;
    const lubdub_time until = now() + PATIENCE;
    pid_t launcher;

    server_process_start(&stage->server, "--hook=/bin/true", NULL);
    launcher = launcher_of(&stage->server.process);
    assert_int_equal(kill(launcher, SIGTERM), 0); /* a terminal's signal reaches it, too */
    raw_join(&stage->client, stage->server.port, "pump-7", 1000, 60000);
    assert_true(process_is_running(launcher));
    process_signal(&stage->server.process, SIGKILL);
    (void)process_wait(&stage->server.process);
    while (process_is_running(launcher)) {
        assert_true(now() < until);
        stay(5 * LUBDUB_MILLISECOND);
    }
}

/* ---- the client ---- */

static void client_s_checks_are_started_from_behind_the_filter(void **state)
{
    struct stage *stage = *state;
    struct event_reader acks;
    const json_t *event;

    server_process_start(&stage->server, NULL);
    process_init(&stage->other, "LUBDUB_CLIENT");
    process_add(&stage->other, "--events=json");
    process_add(&stage->other, "--interval=100ms");
    process_add(&stage->other, "--expiry=60s");
    process_add(&stage->other, "--id=pump-7");
    process_add(&stage->other, "--seccomp=on");
    process_add(&stage->other, "--check=sed -n 's/^Seccomp:\t/filter /p' /proc/self/status; exit 1");
    process_add(&stage->other, stage->server.address);
    process_start(&stage->other);
    event_reader_init(&acks, stage->other.output);
    if (process_count_errors(&stage->other, "cannot start: the filter") > 0) {
        skip();
    }
    event = expect_event(&stage->server.events, "health", "pump-7");
    expect_text(event, "health", "warning");
    expect_text(event, "content", "filter 0");
    expect_status(stage->other.pid, "Seccomp", "2");
    expect_status(stage->other.pid, "NoNewPrivs", "1");
    process_signal(&stage->other, SIGTERM);
    assert_int_equal(process_wait(&stage->other), 128 + SIGTERM);
    event_reader_clear(&acks);
    server_process_finish(&stage->server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(user_changes_and_what_was_opened_stays),
        TEST(groups_are_the_new_user_s),
        TEST(user_that_cannot_be_is_refused),
        TEST(only_root_can_change_the_user),
        TEST(file_that_the_user_cannot_read_again_is_told_at_the_start),
        TEST(server_is_behind_the_filter_by_default),
        TEST(filter_can_be_left_off),
        TEST(memory_with_tokens_is_in_no_dump),
        TEST(hook_has_no_filter_and_not_the_user_that_started_the_server),
        TEST(launcher_ends_with_the_server_whatever_it_died_of),
        TEST(client_s_checks_are_started_from_behind_the_filter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
