#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/sample_settings.h"
#include "support/test.h"

static char path[] = "/tmp/lubdub-settings-XXXXXX";
static struct sample_settings settings;
static struct lubdub_settings_loaded loaded;

static int make_file(void **state)
{
    int descriptor = mkstemp(path);

    (void)state;
    return descriptor != -1 ? close(descriptor) : -1;
}

static int remove_file(void **state)
{
    (void)state;
    lubdub_settings_clear(&loaded);
    return unlink(path);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_loaded(char *const arguments[])
{
    int count = 0;

    while (arguments[count] != NULL) {
        count++;
    }
    lubdub_settings_clear(&loaded);
    sample_settings_init(&settings);
    if (lubdub_settings_load(&sample_table, count, arguments, &settings, &loaded) != LUBDUB_SETTINGS_OK) {
        fail_msg("%s", loaded.problem);
    }
}

static char program[] = "sample";
static char config[] = "--config";
static char interval[] = "--interval=100ms";
static char label[] = "--label=c=3";
static char not_required[] = "--require-hello=no";

static void command_line_wins_over_the_file_in_either_order(void **state)
{
    char *before[] = {program, interval, label, not_required, config, path, NULL};
    char *after[] = {program, config, path, interval, label, not_required, NULL};
    char **orders[] = {before, after};
    size_t i;

    (void)state;
    write_file("interval = 200ms\nexpiry = 5s\nlabel = a=1\nlabel = b=2\nrequire-hello = yes\nworkers = 7\n");
    for (i = 0; i < COUNT_OF(orders); i++) {
        assert_loaded(orders[i]);
        assert_int_equal(settings.interval, 100 * LUBDUB_MILLISECOND);
        assert_int_equal(settings.expiry, 5 * LUBDUB_SECOND);
        assert_int_equal(settings.workers, 7);
        assert_false(settings.require_hello);
        assert_int_equal(settings.labels.count, 1); /* the list of the command line replaces the file's */
        assert_string_equal(settings.labels.items[0], "c=3");
        assert_string_equal(loaded.config_path, path);
    }
}

static void list_of_the_file_replaces_the_defaults(void **state)
{
    char *arguments[] = {program, config, path, NULL};

    (void)state;
    write_file("label = a=1\nlabel = b=2\n");
    assert_loaded(arguments);
    assert_int_equal(settings.labels.count, 2);
    assert_string_equal(settings.labels.items[0], "a=1");
}

static void file_is_read_anew_and_on_a_mistake_the_old_values_stay(void **state)
{
    char *arguments[] = {program, config, path, label, NULL};
    struct sample_settings fresh;
    struct lubdub_settings_loaded fresh_loaded;
    char names[128];

    (void)state;
    write_file("id = before\nworkers = 1\n");
    assert_loaded(arguments);

    write_file("id = after\nworkers = 0\n");
    sample_settings_init(&fresh);
    assert_int_equal(lubdub_settings_load(&sample_table, 4, arguments, &fresh, &fresh_loaded), LUBDUB_SETTINGS_WRONG);
    assert_non_null(strstr(fresh_loaded.problem, ":2: workers = 0: must be a number from 1 to 1024"));
    lubdub_settings_clear(&fresh_loaded);
    assert_string_equal(settings.identity, "before");

    write_file("id = after\nworkers = 2\nlisten = 127.0.0.1:1\nevents = json\n");
    sample_settings_init(&fresh);
    assert_int_equal(lubdub_settings_load(&sample_table, 4, arguments, &fresh, &fresh_loaded), LUBDUB_SETTINGS_OK);
    assert_string_equal(fresh.identity, "after");
    assert_string_equal(fresh.labels.items[0], "c=3");
    assert_int_equal(lubdub_settings_changes(&sample_table, &settings, &fresh, false, names, sizeof names), 2);
    assert_string_equal(names, "events,id");
    assert_int_equal(lubdub_settings_changes(&sample_table, &settings, &fresh, true, names, sizeof names), 2);
    assert_string_equal(names, "workers,listen");
    assert_int_equal(lubdub_settings_changes(&sample_table, &fresh, &fresh, true, names, sizeof names), 0);
    assert_string_equal(names, "");
    lubdub_settings_changes(&sample_table, &settings, &fresh, true, names, 8);
    assert_string_equal(names, "workers");
    lubdub_settings_clear(&fresh_loaded);
}

static void locale_makes_no_difference(void **state)
{
    char share[] = "--share=0.5";
    char *arguments[] = {program, share, NULL};

    (void)state;
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    setlocale(LC_ALL, ""); /* no program of ours does; a library might */
    assert_loaded(arguments);
    assert_true(settings.share > 0.49 && settings.share < 0.51);
    setlocale(LC_ALL, "C");
    unsetenv("LC_ALL");
}

struct outcome {
    int status; /* of the exit; -1 where the program would run */
    char out[8192];
    char err[8192];
};

static void read_all(int descriptor, char *text, size_t capacity)
{
    size_t length = 0;
    ssize_t count;

    while ((count = read(descriptor, text + length, capacity - 1 - length)) > 0) {
        length += (size_t)count;
    }
    text[length] = '\0';
    close(descriptor);
}

/* What main does, in a process of its own. */
static void start(char *argument, const char *out_path, struct outcome *outcome)
{
    int out[2];
    int err[2];
    int status;
    pid_t child;

    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(err), 0);
    child = fork();
    if (child == 0) {
        char *arguments[] = {program, argument, NULL};
        int exit_status = 99;

        dup2(out_path != NULL ? open(out_path, O_WRONLY) : out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        sample_settings_init(&settings);
        lubdub_settings_clear(&loaded);
        if (lubdub_settings_start(&sample_table, 2, arguments, &settings, &loaded, &exit_status)) {
            exit_status = 77;
        }
        _exit(exit_status);
    }
    close(out[1]);
    close(err[1]);
    read_all(out[0], outcome->out, sizeof outcome->out);
    read_all(err[0], outcome->err, sizeof outcome->err);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    outcome->status = WEXITSTATUS(status) == 77 ? -1 : WEXITSTATUS(status);
}

static void mistake_is_one_line_on_standard_error_and_status_2(void **state)
{
    char wrong[] = "--interval=5sec";
    struct outcome outcome;

    (void)state;
    start(wrong, NULL, &outcome);
    assert_int_equal(outcome.status, 2);
    assert_string_equal(outcome.out, "");
    assert_string_equal(outcome.err,
                        "sample: --interval 5sec: must be a duration from 10ms to 1h, such as 250ms, 3s or 2m "
                        "(a bare number is milliseconds)\n");
}

static void help_goes_to_standard_output_and_names_every_option(void **state)
{
    char help[] = "--help";
    struct outcome outcome;
    size_t i;

    (void)state;
    start(help, NULL, &outcome);
    assert_int_equal(outcome.status, 0);
    assert_string_equal(outcome.err, "");
    assert_int_equal(
        strncmp(outcome.out, "Usage: sample [OPTIONS] [HOST[:PORT]]...\nA table of every kind.\n\nOptions:\n", 71), 0);
    for (i = 0; i < sample_table.row_count; i++) {
        char option[64];

        snprintf(option, sizeof option, "--%s", sample_rows[i].name);
        assert_non_null(strstr(outcome.out, option));
        assert_non_null(strstr(outcome.out, sample_rows[i].help));
    }
    assert_non_null(strstr(outcome.out, "  -i, --interval D            how often (default 1s)\n"));
    assert_non_null(strstr(outcome.out, "      --spawn-server[=OPTIONS]\n"));
    assert_non_null(strstr(outcome.out, "\nExit status: 0 or 2.\n"));
}

static void version_goes_to_standard_output(void **state)
{
    char version[] = "--version";
    struct outcome outcome;

    (void)state;
    start(version, NULL, &outcome);
    assert_int_equal(outcome.status, 0);
    assert_string_equal(outcome.out, "sample 1.2.3\n");
}

static void help_that_cannot_be_printed_is_no_success(void **state)
{
    char help[] = "--help";
    char version[] = "--version";
    struct outcome outcome;

    (void)state;
    start(help, "/dev/full", &outcome);
    assert_int_equal(outcome.status, 1);
    start(version, "/dev/full", &outcome);
    assert_int_equal(outcome.status, 1);
}

static void good_start_prints_nothing(void **state)
{
    struct outcome outcome;

    (void)state;
    start(interval, NULL, &outcome);
    assert_int_equal(outcome.status, -1);
    assert_string_equal(outcome.out, "");
    assert_string_equal(outcome.err, "");
}

static bool lacks_memory(void *target, const struct lubdub_strings *positionals, char *problem, size_t capacity)
{
    (void)target, (void)positionals;
    snprintf(problem, capacity, "--token-file: F: " LUBDUB_SETTINGS_NO_MEMORY);
    return false;
}

/* It is no mistake in what was asked for: the same may start the next time. */
static void d12_without_memory_the_program_cannot_start(void **state)
{
    struct lubdub_settings_table table = sample_table;
    pid_t child;
    int status = -1;
    (void)state;

    table.check = lacks_memory;
    child = fork();
    if (child == 0) {
        char *arguments[] = {(char[]){"program"}, NULL};
        int exit_status = 99;

        close(STDERR_FILENO);
        sample_settings_init(&settings);
        _exit(lubdub_settings_start(&table, 1, arguments, &settings, &loaded, &exit_status) ? 77 : exit_status);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d12_without_memory_the_program_cannot_start),
        cmocka_unit_test(command_line_wins_over_the_file_in_either_order),
        cmocka_unit_test(list_of_the_file_replaces_the_defaults),
        cmocka_unit_test(file_is_read_anew_and_on_a_mistake_the_old_values_stay),
        cmocka_unit_test(locale_makes_no_difference),
        cmocka_unit_test(mistake_is_one_line_on_standard_error_and_status_2),
        cmocka_unit_test(help_goes_to_standard_output_and_names_every_option),
        cmocka_unit_test(version_goes_to_standard_output),
        cmocka_unit_test(help_that_cannot_be_printed_is_no_success),
        cmocka_unit_test(good_start_prints_nothing),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
