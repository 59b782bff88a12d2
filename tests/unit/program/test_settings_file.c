#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/sample_settings.h"
#include "support/test.h"

static char directory[] = "/tmp/lubdub-settings-XXXXXX";
static char path[100];
static struct sample_settings settings;
static struct lubdub_settings_loaded loaded;

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/sample.conf", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    lubdub_settings_clear(&loaded);
    unlink(path);
    return rmdir(directory);
}

static void write_file(const char *text, size_t length)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(write(descriptor, text, length), length);
    close(descriptor);
}

static enum lubdub_settings_result load_path(const char *config_path)
{
    char name[] = "sample";
    char option[] = "--config";
    char copy[PATH_MAX];
    char *arguments[] = {name, option, copy, NULL};

    lubdub_settings_clear(&loaded);
    sample_settings_init(&settings);
    snprintf(copy, sizeof copy, "%s", config_path);
    return lubdub_settings_load(&sample_table, 3, arguments, &settings, &loaded);
}

static void assert_taken(const char *text)
{
    write_file(text, strlen(text));
    if (load_path(path) != LUBDUB_SETTINGS_OK) {
        fail_msg("%s: %s", text, loaded.problem);
    }
}

static void assert_said(const char *problem)
{
    if (strstr(loaded.problem, problem) == NULL || strchr(loaded.problem, '\n') != NULL) {
        fail_msg("wanted: %s; said: %s", problem, loaded.problem);
    }
}

/* problem is what stands behind the path. */
static void assert_bytes_refused(const char *text, size_t length, const char *problem)
{
    char expected[PATH_MAX + 100];

    write_file(text, length);
    assert_int_equal(load_path(path), LUBDUB_SETTINGS_WRONG);
    snprintf(expected, sizeof expected, "%s%s", path, problem);
    assert_said(expected);
}

static void assert_refused(const char *text, const char *problem)
{
    assert_bytes_refused(text, strlen(text), problem);
}

static void keys_are_the_long_options(void **state)
{
    (void)state;
    assert_taken("# a comment\n"
                 "; another\n"
                 "\n"
                 "[sample]\n"
                 "interval = 250ms\n"
                 "  expiry=2m\n"
                 "\tmax-content:64\n"
                 "require-hello = yes\n"
                 "events = json\n"
                 "label = a=1\n"
                 "label = b=2\n"
                 "listen = [::1]:80\n"
                 "id = pump ; 7 # really\n"
                 "spawn-server = --interval 1s");
    assert_int_equal(settings.interval, 250 * LUBDUB_MILLISECOND);
    assert_int_equal(settings.expiry, 2 * LUBDUB_MINUTE);
    assert_int_equal(settings.max_content, 64);
    assert_true(settings.require_hello);
    assert_int_equal(settings.events, SAMPLE_EVENTS_JSON);
    assert_int_equal(settings.labels.count, 2);
    assert_string_equal(settings.labels.items[1], "b=2");
    assert_int_equal(settings.listen.items[0].port, 80);
    assert_string_equal(settings.identity, "pump ; 7 # really"); /* comments have a line of their own */
    assert_string_equal(settings.spawn_server, "--interval 1s");
    assert_true(lubdub_settings_is_given(&sample_table, &loaded, "interval"));
    assert_false(lubdub_settings_is_given(&sample_table, &loaded, "workers"));
}

static void file_without_settings_leaves_the_defaults(void **state)
{
    (void)state;
    assert_taken("");
    assert_int_equal(settings.interval, LUBDUB_SECOND);
    assert_taken("# nothing\n\n   \n; at all");
    assert_int_equal(settings.labels.count, 1);
    assert_taken("[sample]");
}

static void line_ends_and_byte_order_mark_of_other_systems_are_taken(void **state)
{
    (void)state;
    assert_taken("\xef\xbb\xbfinterval = 250ms\r\n\r\n[sample]\r\nid = a\r\n");
    assert_int_equal(settings.interval, 250 * LUBDUB_MILLISECOND);
    assert_string_equal(settings.identity, "a");
    assert_taken("\xef\xbb\xbf[sample]\nid = a");
}

static void flag_is_yes_or_no(void **state)
{
    (void)state;
    assert_taken("require-hello = on\n");
    assert_true(settings.require_hello);
    assert_taken("require-hello = false\n");
    assert_false(settings.require_hello);
    assert_refused("require-hello = 1\n", ":1: require-hello = 1: must be yes or no");
    assert_refused("require-hello\n", ":1: must be KEY = VALUE");
}

static void mistake_is_named_with_its_line(void **state)
{
    (void)state;
    assert_refused("\n\nintervall = 1s\n",
                   ":3: intervall: there is no such key; is interval meant? (--help lists all)");
    assert_refused("Interval = 1s\n", ":1: Interval: there is no such key; is interval meant? (--help lists all)");
    assert_refused("zzzzz = 1s\n", ":1: zzzzz: there is no such key (--help lists all)");
    assert_refused("include = /etc/x\n", ":1: include: there is no such key (--help lists all)");
    assert_refused("interval = 1s\nid = a\ninterval = 2s\n", ":3: interval: is given twice");
    assert_refused("interval = 1s\ninterval = 1s\n", ":2: interval: is given twice");
    assert_refused("interval =\n", ":1: interval: needs a value, which is empty");
    assert_refused("interval = \t \n", ":1: interval: needs a value, which is empty");
    assert_refused("interval\n", ":1: must be KEY = VALUE");
    assert_refused("= 5\n", ":1: must be KEY = VALUE");
    assert_refused("interval == 5s\n", ":1: interval: must be KEY = VALUE, with one =");
    assert_refused("interval = 5s = 6s\n", ":1: interval = 5s = 6s: must be a duration from 10ms to 1h");
    assert_refused("interval = 5sec\n", ":1: interval = 5sec: must be a duration from 10ms to 1h");
    assert_refused("interval = 5s ; fast\n", ":1: interval = 5s ; fast: must be a duration");
    assert_refused("interval = 5s # fast\n", ":1: interval = 5s # fast: must be a duration");
    assert_refused("workers = 99999999999999999999999\n",
                   ":1: workers = 99999999999999999999999: must be a number from 1 to");
    assert_refused("workers = -1\n", ":1: workers = -1: must be a number from 1 to 1024");
    assert_refused("share = 101%\n", ":1: share = 101%: must be a share from 0% to 100%");
    assert_refused("listen = 3333\n", ":1: listen = 3333: the address is missing");
    assert_refused("label = x\n", ":1: label = x: must be KEY=VALUE");
    assert_refused("interval = 1s\n\x1b[2J = 3\n", ":2: the line has a control character");
    assert_refused("config = /other\n", ":1: config: there is no such key (--help lists all)");
    assert_refused("help = yes\n", ":1: help: there is no such key (--help lists all)");
}

static void other_sections_are_refused(void **state)
{
    (void)state;
    assert_refused("[other]\n",
                   ":1: [other]: there is no such section; must be [sample], that of another program, or none "
                   "at all");
    assert_refused("[sample\nid = x\n", ":1: [sample: there is no such section");
    assert_refused("[Sample]\n", ":1: [Sample]");
    assert_refused("[sample] id = x\n", ":1: [sample] id = x");
    assert_refused("[]\n", ":1: []");
    assert_refused("[\n", ":1: [: ");
}

/* E16: one file serves all programs. */
static void sections_of_other_programs_are_passed_over(void **state)
{
    (void)state;
    assert_taken("[server]\nlisten = nonsense\nno-such-key = 1\n[sample]\nid = a\n[client]\nid = b\n");
    assert_string_equal(settings.identity, "a");
    assert_refused("[client]\nid = b\n[sample]\nno-such-key = 1\n",
                   ":4: no-such-key: there is no such key (--help lists all)");
    assert_refused("[client]\nthis is no pair\n", ":2: must be KEY = VALUE");
}

/* As in an indented line, which some readers of such files join to the one before. */
static void indented_line_is_a_line_of_its_own(void **state)
{
    (void)state;
    assert_taken("interval = 1s\n    id = a\n");
    assert_string_equal(settings.identity, "a");
    assert_refused("id = a\n    b\n", ":2: must be KEY = VALUE");
}

static void bytes_that_no_text_has_are_refused(void **state)
{
    static const char nul[] = "interval = 1s\nid = a\0b\n";
    static const char binary[] = "\x7f"
                                 "ELF\x02\x01\x01\0\0\0";

    (void)state;
    assert_bytes_refused(nul, sizeof nul - 1, ":2: the line has a NUL byte");
    assert_bytes_refused(binary, sizeof binary - 1, ":1: the line has a control character");
    assert_bytes_refused("\0", 1, ":1: the line has a NUL byte");
    assert_refused("id = a\x01"
                   "b\n",
                   ":1: the line has a control character");
    assert_refused("id = a\rb\n", ":1: the line has a control character");
    assert_refused("# only a \x07 comment\n", ":1: the line has a control character");
}

static void line_that_is_too_long_is_refused_whole(void **state)
{
    enum { LENGTH = 1024 * 1024 };
    char *text = malloc(LENGTH);
    size_t length;

    (void)state;
    memset(text, 'x', LENGTH);
    memcpy(text, "id = ", 5);
    assert_bytes_refused(text, LENGTH, ":1: the line is longer than ");
    memcpy(text, "#    ", 5);
    assert_bytes_refused(text, LENGTH, ":1: the line is longer than ");

    /* Whatever inih's own limit is: up to ours a value comes whole, and beyond it there is an error, never a part. */
    memcpy(text, "spawn-server=", 13);
    for (length = 150; length < 5000; length += 7) {
        write_file(text, length);
        if (load_path(path) == LUBDUB_SETTINGS_OK) {
            assert_int_equal(strlen(settings.spawn_server), length - 13);
        } else {
            assert_said(":1: the line is longer than ");
        }
    }
    free(text);
}

static void file_of_up_to_10_megabytes_is_read(void **state)
{
    enum { LINES = 1000000 };
    char *text = malloc(LINES * 10);
    size_t i;

    (void)state;
    assert_int_equal(truncate(path, 11 * 1024 * 1024), 0);
    assert_int_equal(load_path(path), LUBDUB_SETTINGS_WRONG);
    assert_said("sample.conf: is larger than 10 MiB");

    for (i = 0; i < LINES; i++) {
        memcpy(text + 10 * i, "label=a=b\n", 10);
    }
    write_file(text, 10 * LINES);
    assert_int_equal(load_path(path), LUBDUB_SETTINGS_OK);
    assert_int_equal(settings.labels.count, LINES);
    free(text);
}

static void what_is_no_regular_file_is_refused_and_never_waited_for(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener;

    (void)state;
    assert_int_equal(load_path("/nonexistent/sample.conf"), LUBDUB_SETTINGS_WRONG);
    assert_said("/nonexistent/sample.conf: cannot be opened: No such file");
    assert_int_equal(load_path(directory), LUBDUB_SETTINGS_WRONG);
    assert_said(": is a directory");
    assert_int_equal(load_path("/dev/zero"), LUBDUB_SETTINGS_WRONG);
    assert_said("/dev/zero: must be a regular file");
    assert_int_equal(load_path("/dev/null"), LUBDUB_SETTINGS_WRONG);
    assert_said("/dev/null: must be a regular file");

    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(load_path(path), LUBDUB_SETTINGS_WRONG);
    assert_said(": must be a regular file");
    unlink(path);
    assert_int_equal(symlink(path, path), 0);
    assert_int_equal(load_path(path), LUBDUB_SETTINGS_WRONG);
    assert_said(": cannot be opened: Too many levels of symbolic links");
    unlink(path);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(load_path(path), LUBDUB_SETTINGS_WRONG);
    assert_said(": cannot be opened: ");
    close(listener);
    unlink(path);

    write_file("", 0);
    assert_int_equal(chmod(path, 0), 0);
    if (geteuid() != 0) {
        assert_int_equal(load_path(path), LUBDUB_SETTINGS_WRONG);
        assert_said(": cannot be opened: Permission denied");
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_the_long_options),
        cmocka_unit_test(file_without_settings_leaves_the_defaults),
        cmocka_unit_test(line_ends_and_byte_order_mark_of_other_systems_are_taken),
        cmocka_unit_test(flag_is_yes_or_no),
        cmocka_unit_test(mistake_is_named_with_its_line),
        cmocka_unit_test(other_sections_are_refused),
        cmocka_unit_test(sections_of_other_programs_are_passed_over),
        cmocka_unit_test(indented_line_is_a_line_of_its_own),
        cmocka_unit_test(bytes_that_no_text_has_are_refused),
        cmocka_unit_test(line_that_is_too_long_is_refused_whole),
        cmocka_unit_test(file_of_up_to_10_megabytes_is_read),
        cmocka_unit_test(what_is_no_regular_file_is_refused_and_never_waited_for),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
