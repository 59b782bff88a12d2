#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ev/clock.h"
#include "program/events/output.h"
#include "support/test.h"

#define FILE_LIMIT 1000

static char directory[] = "/tmp/lubdub-output-XXXXXX";
static char path[PATH_MAX];

static int make_directory(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/events", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

/* A full disk for everybody: the write that crosses the limit is cut short, the next one fails. */
static void limit_file_size(rlim_t size)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void assert_file_is(const char *expected, size_t length)
{
    char content[4 * FILE_LIMIT];
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    assert_int_equal(fread(content, 1, sizeof content, file), length);
    assert_memory_equal(content, expected, length);
    fclose(file);
}

static void full_file_ends_with_a_whole_line(int open_flags)
{
    struct lubdub_event_output output;
    char lines[FILE_LIMIT + 100];
    size_t written;
    size_t whole = FILE_LIMIT / 30 * 30;
    int descriptor;

    memset(lines, 'x', sizeof lines);
    for (written = 29; written < sizeof lines; written += 30) {
        lines[written] = '\n';
    }
    lines[sizeof lines - 1] = '\n';
    unlink(path);
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | open_flags, 0600);
    assert_int_equal(lubdub_event_output_init(&output, descriptor), 0);

    limit_file_size(FILE_LIMIT);
    assert_int_equal(lubdub_event_output_write(&output, lines, sizeof lines, &written), LUBDUB_EVENT_OUTPUT_REFUSED);
    assert_int_equal(output.error, EFBIG);
    assert_int_equal(written, whole);
    assert_false(output.is_torn);
    assert_file_is(lines, whole);

    limit_file_size(RLIM_INFINITY);
    assert_int_equal(lubdub_event_output_write(&output, "again\n", 6, &written), LUBDUB_EVENT_OUTPUT_DONE);
    assert_int_equal(written, 6);
    memcpy(lines + whole, "again\n", 6);
    assert_file_is(lines, whole + 6);
    lubdub_event_output_clear(&output);
}

static void full_file_that_is_appended_to_ends_with_a_whole_line(void **state)
{
    (void)state;
    full_file_ends_with_a_whole_line(O_APPEND);
}

static void full_file_that_is_overwritten_gets_no_hole(void **state)
{
    (void)state;
    full_file_ends_with_a_whole_line(0);
}

static void torn_line_that_cannot_be_taken_back_ends_before_the_next(void **state)
{
    struct lubdub_event_output output;
    size_t written;

    (void)state;
    unlink(path);
    assert_int_equal(lubdub_event_output_init(&output, open(path, O_WRONLY | O_CREAT | O_APPEND, 0600)), 0);
    assert_int_equal(lubdub_event_output_write(&output, "torn here\n", 10, &written), LUBDUB_EVENT_OUTPUT_DONE);
    assert_int_equal(truncate(path, 4), 0); /* as if half had been written before the disk was full */
    output.is_torn = true;
    assert_int_equal(lubdub_event_output_write(&output, "next\n", 5, &written), LUBDUB_EVENT_OUTPUT_DONE);
    assert_int_equal(written, 5);
    assert_false(output.is_torn);
    assert_file_is("torn\nnext\n", 10);
    lubdub_event_output_clear(&output);
}

/* Adopted, it has a description of its own, which does not block; else it is asked for room before each piece. */
static void full_pipe_takes_whole_lines_only_until_the_time_is_up(bool is_own)
{
    static char lines[256 * 1024];
    static char read_back[256 * 1024];
    struct lubdub_event_output output;
    size_t written;
    ssize_t count;
    size_t total = 0;
    size_t i;
    int ends[2];

    for (i = 0; i < sizeof lines; i++) {
        lines[i] = i % 101 == 100 || i == sizeof lines - 1 ? '\n' : 'x';
    }
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(lubdub_event_output_init(&output, is_own ? lubdub_event_output_adopt(ends[1]) : dup(ends[1])), 0);
    assert_int_equal(output.may_block, !is_own);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0); /* not on the one that others share */
    lubdub_event_output_limit(&output, lubdub_clock_now() + 20 * LUBDUB_MILLISECOND);
    assert_int_equal(lubdub_event_output_write(&output, lines, sizeof lines, &written), LUBDUB_EVENT_OUTPUT_TIME_UP);
    assert_true(written > 0 && written < sizeof lines);
    assert_int_equal(lines[written - 1], '\n');
    lubdub_event_output_clear(&output);
    close(ends[1]);
    while ((count = read(ends[0], read_back + total, sizeof read_back - total)) > 0) {
        total += (size_t)count;
    }
    assert_int_equal(total, written);
    assert_memory_equal(read_back, lines, total);
    close(ends[0]);
}

static void pipe_gets_whole_lines_only_when_the_time_is_up(void **state)
{
    (void)state;
    full_pipe_takes_whole_lines_only_until_the_time_is_up(true);
    full_pipe_takes_whole_lines_only_until_the_time_is_up(false);
}

static void pipe_or_socket_without_reader_is_dead(void **state)
{
    struct lubdub_event_output output;
    size_t written;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(lubdub_event_output_init(&output, lubdub_event_output_adopt(ends[1])), 0);
    assert_int_equal(lubdub_event_output_write(&output, "line\n", 5, &written), LUBDUB_EVENT_OUTPUT_DEAD);
    assert_int_equal(written, 0);
    lubdub_event_output_clear(&output);
    close(ends[1]);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    close(ends[0]);
    assert_int_equal(lubdub_event_output_init(&output, lubdub_event_output_adopt(ends[1])), 0);
    assert_int_equal(lubdub_event_output_write(&output, "line\n", 5, &written), LUBDUB_EVENT_OUTPUT_DEAD);
    lubdub_event_output_clear(&output);
    close(ends[1]);
}

static void device_that_is_full_refuses_but_is_not_dead(void **state)
{
    struct lubdub_event_output output;
    size_t written;

    (void)state;
    assert_int_equal(lubdub_event_output_init(&output, open("/dev/full", O_WRONLY | O_CLOEXEC)), 0);
    assert_int_equal(lubdub_event_output_write(&output, "line\n", 5, &written), LUBDUB_EVENT_OUTPUT_REFUSED);
    assert_int_equal(output.error, ENOSPC);
    assert_int_equal(written, 0);
    assert_false(output.is_torn);
    lubdub_event_output_clear(&output);
}

static mode_t mode_of(const char *file)
{
    struct stat status;

    assert_int_equal(stat(file, &status), 0);
    return status.st_mode & 07777;
}

static void finding_d9_file_is_made_for_owner_and_group(void **state)
{
    char file[PATH_MAX + 8];
    mode_t before = umask(0);
    int descriptor;

    (void)state;
    snprintf(file, sizeof file, "%s.made", path);
    descriptor = lubdub_event_output_open(file);
    umask(before);
    assert_true(descriptor >= 0);
    close(descriptor);
    assert_int_equal(mode_of(file), 0640);
    assert_int_equal(chmod(file, 0600), 0); /* what is there already keeps what it has */
    close(lubdub_event_output_open(file));
    assert_int_equal(mode_of(file), 0600);
    unlink(file);
}

static void finding_d9_root_follows_no_link_and_writes_to_files_only(void **state)
{
    char file[PATH_MAX + 8];
    char link[PATH_MAX + 8];
    int descriptor;

    (void)state;
    snprintf(file, sizeof file, "%s.target", path);
    snprintf(link, sizeof link, "%s.link", path);
    assert_int_equal(symlink(file, link), 0);
    descriptor = lubdub_event_output_open(link);
    if (geteuid() != 0) { /* what a user's link points to is the user's own affair */
        assert_true(descriptor >= 0);
        close(descriptor);
        unlink(file);
        unlink(link);
        return;
    }
    assert_int_equal(descriptor, -1);
    assert_int_equal(errno, ELOOP);
    assert_non_null(strstr(lubdub_event_output_error_text(ELOOP), "symbolic link"));
    assert_int_equal(access(file, F_OK), -1);
    unlink(link);
    assert_int_equal(lubdub_event_output_open("/dev/null"), -1);
    assert_int_equal(errno, EMEDIUMTYPE);
    assert_non_null(strstr(lubdub_event_output_error_text(EMEDIUMTYPE), "regular file"));
}

static void what_cannot_be_opened_is_said_at_once(void **state)
{
    char fifo[PATH_MAX + 8];

    (void)state;
    snprintf(fifo, sizeof fifo, "%s.fifo", path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(lubdub_event_output_open(fifo), -1);
    assert_int_equal(errno, ENXIO);
    unlink(fifo);
    assert_int_equal(lubdub_event_output_open(directory), -1);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(lubdub_event_output_open("/nonexistent/events"), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(lubdub_event_output_adopt(-1), -1);
    assert_int_equal(errno, EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_file_that_is_appended_to_ends_with_a_whole_line),
        cmocka_unit_test(full_file_that_is_overwritten_gets_no_hole),
        cmocka_unit_test(torn_line_that_cannot_be_taken_back_ends_before_the_next),
        cmocka_unit_test(pipe_gets_whole_lines_only_when_the_time_is_up),
        cmocka_unit_test(pipe_or_socket_without_reader_is_dead),
        cmocka_unit_test(device_that_is_full_refuses_but_is_not_dead),
        cmocka_unit_test(finding_d9_file_is_made_for_owner_and_group),
        cmocka_unit_test(finding_d9_root_follows_no_link_and_writes_to_files_only),
        cmocka_unit_test(what_cannot_be_opened_is_said_at_once),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
