/* Commands that the launcher starts are children of this process, and have what was asked for them. */
#define _GNU_SOURCE
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program/process/launcher.h"

static unsigned forgotten; /* in this process nothing is */

static void forget(void *user_data)
{
    ++*(unsigned *)user_data;
}

static int set_up(void **state)
{
    (void)state;
    return lubdub_launcher_open(NULL, forget, &forgotten);
}

static int tear_down(void **state)
{
    (void)state;
    lubdub_launcher_close();
    while (wait(NULL) > 0) { /* the launcher ends when its channel does */
    }
    return 0;
}

/* Starts sh -c TEXT with its output in a pipe, and reads all of it. Returns its wait status. */
static int shell(const char *text, const char *variable, char *output, size_t capacity)
{
    char sh[] = "sh";
    char option[] = "-c";
    char *command = strdup(text);
    char *value = strdup(variable);
    char *arguments[] = {sh, option, command, NULL};
    char *environment[] = {value, NULL};
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct lubdub_launch launch = {.path = "/bin/sh", .arguments = arguments, .environment = environment};
    ssize_t length = 0;
    int ends[2];
    pid_t process;
    int status;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    launch.streams[0] = nowhere;
    launch.streams[1] = ends[1];
    launch.streams[2] = STDERR_FILENO;
    assert_int_equal(lubdub_launcher_start(&launch, &process), 0);
    close(ends[1]);
    close(nowhere);
    while ((size_t)length < capacity - 1) {
        ssize_t part = read(ends[0], output + length, capacity - 1 - (size_t)length);

        if (part <= 0) {
            break;
        }
        length += part;
    }
    output[length] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(process, &status, 0), process); /* it is our child */
    free(command);
    free(value);
    return status;
}

static void command_is_a_child_with_what_it_was_given(void **state)
{
    char expected[64];
    char output[256];
    int status;
    (void)state;

    status = shell("echo $PPID $COLOUR; exit 7", "COLOUR=deep blue", output, sizeof output);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    snprintf(expected, sizeof expected, "%d deep blue\n", (int)getpid());
    assert_string_equal(output, expected);
    assert_int_equal(forgotten, 0);
}

static void command_has_no_descriptors_and_signals_of_others(void **state)
{
    char output[1024];
    int status;
    (void)state;

    status = shell("ls /proc/self/fd | wc -l; grep -E 'SigIgn|SigBlk' /proc/self/status", "A=b", output, sizeof output);
    assert_int_equal(status, 0);
    assert_memory_equal(output, "4\n", 2); /* 0, 1, 2, and the folder that ls reads */
    assert_non_null(strstr(output, "SigBlk:\t0000000000000000"));
    assert_non_null(strstr(output, "SigIgn:\t0000000000000000"));
    status = shell("kill -TERM $$", "A=b", output, sizeof output);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void group_of_a_command_can_be_killed(void **state)
{
    char sh[] = "sh";
    char option[] = "-c";
    char command[] = "sleep 60 & sleep 60";
    char *arguments[] = {sh, option, command, NULL};
    char *environment[] = {NULL};
    const struct lubdub_launch launch = {
        .path = "sh", .arguments = arguments, .environment = environment, .streams = {0, 1, 2}}; /* in PATH */
    pid_t process;
    int status;
    (void)state;

    assert_int_equal(lubdub_launcher_start(&launch, &process), 0);
    assert_int_equal(getpgid(process), process);
    assert_int_equal(kill(-process, SIGKILL), 0);
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void what_cannot_be_started_is_named(void **state)
{
    static char longest[2 * 1024 * 1024];
    char name[] = "nothing";
    char *arguments[] = {name, NULL};
    char *too_long[] = {longest, NULL};
    char *environment[] = {NULL};
    struct lubdub_launch launch = {.arguments = arguments, .environment = environment, .streams = {0, 1, 2}};
    char output[64];
    pid_t process;
    (void)state;

    launch.path = "/nonexistent/program";
    assert_int_equal(lubdub_launcher_start(&launch, &process), ENOENT);
    assert_int_equal(process, -1);
    launch.path = "/etc/passwd";
    assert_int_equal(lubdub_launcher_start(&launch, &process), EACCES);
    memset(longest, 'x', sizeof longest - 1);
    launch.arguments = too_long;
    assert_int_equal(lubdub_launcher_start(&launch, &process), E2BIG);
    assert_int_equal(shell("echo on", "A=b", output, sizeof output), 0); /* it goes on */
    assert_string_equal(output, "on\n");
}

static void launcher_that_is_gone_is_told(void **state)
{
    char name[] = "true";
    char *arguments[] = {name, NULL};
    char *environment[] = {NULL};
    const struct lubdub_launch launch = {
        .path = "true", .arguments = arguments, .environment = environment, .streams = {0, 1, 2}};
    char output[64];
    pid_t process;
    int i;
    (void)state;

    /* The launcher is the parent of nobody; it is our only child. */
    snprintf(output, sizeof output, "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
    for (i = 0; i < 2; i++) {
        FILE *children = fopen(output, "r");
        int launcher = 0;

        if (children == NULL) {
            skip(); /* a kernel without this list */
        }
        if (i == 0) {
            assert_int_equal(fscanf(children, "%d", &launcher), 1);
            assert_int_equal(kill(launcher, SIGKILL), 0);
            assert_int_equal(waitpid(launcher, NULL, 0), launcher);
        }
        fclose(children);
        assert_int_equal(lubdub_launcher_start(&launch, &process), EPIPE);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(command_is_a_child_with_what_it_was_given),
        TEST(command_has_no_descriptors_and_signals_of_others),
        TEST(group_of_a_command_can_be_killed),
        TEST(what_cannot_be_started_is_named),
        TEST(launcher_that_is_gone_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
