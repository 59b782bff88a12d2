/* What a process cannot do any more behind the filter, what it still can, and what is named instead. */
#define _GNU_SOURCE
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program/events/log.h"
#include "program/process/filter.h"
#include "program/process/privilege.h"

#define CANNOT 77 /* the exit status of a child in which the kernel takes no filter */

/* Runs it in a child behind the filter. Returns the exit status, 128 + N for one killed by signal N. */
static int run(enum lubdub_filter_mode mode, int (*body)(void))
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        if (lubdub_privilege_forbid_new() != 0 || lubdub_filter_apply(mode) != 0) {
            _exit(CANNOT);
        }
        _exit(body());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void expect(enum lubdub_filter_mode mode, int (*body)(void))
{
    int status;

    if (!lubdub_filter_is_built_in()) {
        skip();
    }
    status = run(mode, body);
    if (status == CANNOT) {
        print_message("the kernel takes no filter here: skipped\n");
        skip();
    }
    assert_int_equal(status, 0);
}

/* Each failure has a number of its own, which the exit status shows. */
#define FAILS_WITH_EPERM(number, call)        \
    do {                                      \
        errno = 0;                            \
        if ((call) != -1 || errno != EPERM) { \
            return number;                    \
        }                                     \
    } while (0)

static int do_what_is_forbidden(void)
{
    char shell[] = "sh";
    char *arguments[] = {shell, NULL};
    char letter = 'x';

    FAILS_WITH_EPERM(1, execve("/bin/sh", arguments, NULL));
    FAILS_WITH_EPERM(2, socket(AF_PACKET, SOCK_RAW, 0));
    FAILS_WITH_EPERM(3, socket(AF_ALG, SOCK_SEQPACKET, 0));
    FAILS_WITH_EPERM(4, (int)syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL));
    FAILS_WITH_EPERM(5, (int)syscall(SYS_unshare, 0));
    FAILS_WITH_EPERM(6, (int)syscall(SYS_bpf, 0, NULL, 0));
    FAILS_WITH_EPERM(7, (int)syscall(SYS_setuid, getuid()));
    FAILS_WITH_EPERM(8, (int)syscall(SYS_process_vm_writev, getpid(), NULL, 0, NULL, 0, 0));
    FAILS_WITH_EPERM(9, (int)syscall(SYS_io_uring_setup, 1, NULL));
    FAILS_WITH_EPERM(10, ioctl(0, TIOCSTI, &letter));
    FAILS_WITH_EPERM(11, (int)syscall(SYS_keyctl, 0, 0));
#ifndef LUBDUB_SANITIZED
    FAILS_WITH_EPERM(20, (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    FAILS_WITH_EPERM(21, (int)fork());
    if (mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {
        return 22;
    }
#endif
    return 0;
}

static void program_that_was_taken_over_can_do_little(void **state)
{
    (void)state;
    expect(LUBDUB_FILTER_ON, do_what_is_forbidden);
}

static void *write_something(void *user_data)
{
    int pair[2];
    char byte = 0;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && write(pair[0], "x", 1) == 1 && read(pair[1], &byte, 1) == 1) {
        *(char *)user_data = byte;
    }
    return NULL;
}

static int do_what_is_needed(void)
{
    char path[] = "/tmp/lubdub-filter-XXXXXX";
    pthread_t thread;
    char byte = 0;
    int socket_4 = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int file = mkstemp(path);

    if (socket_4 < 0) {
        return 1;
    }
    if (file < 0 || write(file, "x", 1) != 1 || fsync(file) != 0 || rename(path, path) != 0 || unlink(path) != 0) {
        return 2;
    }
    if (pthread_create(&thread, NULL, write_something, &byte) != 0 || pthread_join(thread, NULL) != 0 || byte != 'x') {
        return 3;
    }
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) {
        return 4;
    }
    return 0;
}

static void what_the_programs_do_still_works(void **state)
{
    (void)state;
    expect(LUBDUB_FILTER_ON, do_what_is_needed);
}

/* Threads that were there before are behind it, too. */
static int pipes[2][2];

static void *try_to_unshare(void *user_data)
{
    char byte = 0;
    (void)user_data;

    if (read(pipes[0][0], &byte, 1) == 1) {
        byte = syscall(SYS_unshare, 0) == -1 && errno == EPERM ? 'y' : 'n';
        (void)!write(pipes[1][1], &byte, 1);
    }
    return NULL;
}

static void thread_that_was_there_is_behind_the_filter(void **state)
{
    int status;
    pid_t child;
    (void)state;

    if (!lubdub_filter_is_built_in()) {
        skip();
    }
    assert_int_equal(pipe(pipes[0]), 0);
    assert_int_equal(pipe(pipes[1]), 0);
    child = fork();
    if (child == 0) {
        pthread_t thread;
        char byte = 'n';

        if (pthread_create(&thread, NULL, try_to_unshare, NULL) != 0 || lubdub_privilege_forbid_new() != 0 ||
            lubdub_filter_apply(LUBDUB_FILTER_ON) != 0) {
            _exit(CANNOT);
        }
        _exit(write(pipes[0][1], "x", 1) == 1 && read(pipes[1][0], &byte, 1) == 1 && byte == 'y' ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == CANNOT) {
        skip();
    }
    assert_int_equal(status, 0);
}

/* ---- log ---- */

static int log_file;

static int do_what_is_named(void)
{
    char text[4096];
    ssize_t length;
    int i;

    if (lubdub_log_open(log_file, LUBDUB_LOG_INFO) != 0) {
        return 1;
    }
    for (i = 0; i < 3; i++) {
        if (syscall(SYS_unshare, 0) != 0) { /* of nothing: it does no harm, and the kernel lets everybody */
            return 2;
        }
    }
    lubdub_log_close();
    length = pread(log_file, text, sizeof text - 1, 0);
    if (length <= 0) {
        return 3;
    }
    text[length] = '\0';
    if (strstr(text, "a system call is not in the list name=unshare") == NULL) {
        return 4;
    }
    return strstr(strstr(text, "name=unshare") + 1, "name=unshare") == NULL ? 0 : 5; /* once */
}

static void log_lets_through_and_names(void **state)
{
    (void)state;
    log_file = memfd_create("log", 0);
    assert_true(log_file >= 0);
    expect(LUBDUB_FILTER_LOG, do_what_is_named);
    close(log_file);
}

static int execute(void)
{
    char true_name[] = "true";
    char *arguments[] = {true_name, NULL};

    execve("/bin/true", arguments, NULL);
    return 1;
}

static void off_takes_nothing_away(void **state)
{
    (void)state;
    assert_int_equal(run(LUBDUB_FILTER_OFF, execute), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(program_that_was_taken_over_can_do_little),
        cmocka_unit_test(what_the_programs_do_still_works),
        cmocka_unit_test(thread_that_was_there_is_behind_the_filter),
        cmocka_unit_test(log_lets_through_and_names),
        cmocka_unit_test(off_takes_nothing_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
