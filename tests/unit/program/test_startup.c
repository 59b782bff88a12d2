/* The first steps of a program, each in a process that was started badly. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program/process/startup.h"
#include "support/test.h"

static bool is_null_device(int descriptor)
{
    struct stat status;
    struct stat null;

    return fstat(descriptor, &status) == 0 && stat("/dev/null", &null) == 0 && S_ISCHR(status.st_mode) &&
           status.st_rdev == null.st_rdev;
}

/* In a process of its own that has those descriptors closed. Returns what is wrong as an exit status. */
static int prepare_with_closed(unsigned closed)
{
    int descriptor;
    int opened;

    for (descriptor = 0; descriptor < 3; descriptor++) {
        if ((closed >> descriptor & 1) != 0) {
            close(descriptor);
        }
    }
    if (lubdub_standard_streams_prepare() != 0) {
        return 1;
    }
    for (descriptor = 0; descriptor < 3; descriptor++) {
        if ((closed >> descriptor & 1) != 0 && !is_null_device(descriptor)) {
            return 2;
        }
        if (fcntl(descriptor, F_GETFL) == -1) {
            return 3;
        }
    }
    opened = socket(AF_INET, SOCK_STREAM, 0);
    return opened > 2 ? 0 : 4;
}

static void socket_never_gets_the_number_of_a_closed_stream(void **state)
{
    unsigned closed;

    (void)state;
    for (closed = 0; closed < 8; closed++) {
        int status = -1;
        pid_t child = fork();

        if (child == 0) {
            _exit(prepare_with_closed(closed));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

/* Returns the errno of a write behind the limit that files have in this process. */
static int write_beyond_the_limit_of_files(void)
{
    char path[] = "/tmp/lubdub-startup-XXXXXX";
    struct rlimit limit;
    int file = mkstemp(path);
    int error;

    if (file == -1 || unlink(path) != 0 || getrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 0;
    }
    limit.rlim_cur = 0;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 0;
    }
    error = write(file, "x", 1) == -1 ? errno : 0;
    close(file);
    return error;
}

static int prepare_and_look(void)
{
    struct rlimit limit;
    int ends[2];

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1;
    }
    limit.rlim_cur = 64;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || lubdub_standard_streams_prepare() != 0) {
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur != limit.rlim_max) {
        return 3;
    }
    if (pipe(ends) != 0 || close(ends[0]) != 0 || write(ends[1], "x", 1) != -1) {
        return 4;
    }
    if (write_beyond_the_limit_of_files() != EFBIG) {
        return 5;
    }
    return 0;
}

static void broken_pipe_and_full_file_are_errors_and_no_signals_and_the_limit_is_raised(void **state)
{
    int status = -1;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        signal(SIGXFSZ, SIG_DFL);
        _exit(prepare_and_look());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* What the kernel has made room for, and the next number that it would give. */
static unsigned long room(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[128];
    unsigned long size = 0;

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "FDSize: %lu", &size) != 1) {
        /* on */
    }
    fclose(file);
    return size;
}

static int next_descriptor(void)
{
    int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(descriptor >= 0);
    close(descriptor);
    return descriptor;
}

static void reserving_makes_room_for_all_that_may_be_opened(void **state)
{
    struct rlimit limit;
    int before = next_descriptor();
    (void)state;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    lubdub_descriptor_table_reserve();
    assert_true(room() >= (limit.rlim_cur < 65536 ? limit.rlim_cur : 65536));
    assert_int_equal(next_descriptor(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(socket_never_gets_the_number_of_a_closed_stream),
        cmocka_unit_test(broken_pipe_and_full_file_are_errors_and_no_signals_and_the_limit_is_raised),
        cmocka_unit_test(reserving_makes_room_for_all_that_may_be_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
