/* Settings from the environment, and --check-config. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>

#include "support/sample_settings.h"
#include "support/test.h"

static struct sample_settings settings;
static struct lubdub_settings_loaded loaded;

static int clear(void **state)
{
    (void)state;
    unsetenv("LUBDUB_SAMPLE_INTERVAL");
    unsetenv("LUBDUB_SAMPLE_LABEL");
    unsetenv("LUBDUB_SAMPLE_MAX_CONTENT");
    unsetenv("LUBDUB_SAMPLE_REQUIRE_HELLO");
    unsetenv("LUBDUB_SAMPLE_CONFIG");
    unsetenv("LUBDUB_SAMPLE_PORT");
    lubdub_settings_clear(&loaded);
    return 0;
}

static enum lubdub_settings_result load(char *first, char *second)
{
    char name[] = "sample";
    char *arguments[] = {name, first, second, NULL};

    lubdub_settings_clear(&loaded);
    sample_settings_init(&settings);
    return lubdub_settings_load(&sample_table,
                                second != NULL  ? 3
                                : first != NULL ? 2
                                                : 1,
                                arguments, &settings, &loaded);
}

/* E16 */
static void variable_sets_what_its_option_sets(void **state)
{
    (void)state;
    setenv("LUBDUB_SAMPLE_INTERVAL", "0.5s", 1);
    setenv("LUBDUB_SAMPLE_REQUIRE_HELLO", "yes", 1);
    setenv("LUBDUB_SAMPLE_LABEL", "a=1\nb=with spaces", 1);
    setenv("LUBDUB_SAMPLE_PORT", "tcp://10.0.0.1:3333", 1); /* of an orchestrator, not ours */
    assert_int_equal(load(NULL, NULL), LUBDUB_SETTINGS_OK);
    assert_int_equal(settings.interval, 500 * LUBDUB_MILLISECOND);
    assert_true(settings.require_hello);
    assert_int_equal(settings.labels.count, 2);
    assert_string_equal(settings.labels.items[1], "b=with spaces");
}

static void command_line_wins_over_the_environment(void **state)
{
    char option[] = "--interval=1s";
    char label[] = "--label=c=3";
    (void)state;

    setenv("LUBDUB_SAMPLE_INTERVAL", "250ms", 1);
    setenv("LUBDUB_SAMPLE_LABEL", "a=1\nb=2", 1);
    assert_int_equal(load(option, label), LUBDUB_SETTINGS_OK);
    assert_int_equal(settings.interval, LUBDUB_SECOND);
    assert_int_equal(settings.labels.count, 1);
}

static void value_that_is_wrong_is_named_with_its_variable(void **state)
{
    (void)state;
    setenv("LUBDUB_SAMPLE_MAX_CONTENT", "much", 1);
    assert_int_equal(load(NULL, NULL), LUBDUB_SETTINGS_WRONG);
    assert_ptr_equal(strstr(loaded.problem, "LUBDUB_SAMPLE_MAX_CONTENT=much in the environment: must be "),
                     loaded.problem);
}

static void file_may_be_named_by_the_environment(void **state)
{
    (void)state;
    setenv("LUBDUB_SAMPLE_CONFIG", "/no/such/file", 1);
    assert_int_equal(load(NULL, NULL), LUBDUB_SETTINGS_WRONG);
    assert_non_null(strstr(loaded.problem, "/no/such/file"));
}

static void check_config_reads_everything_and_runs_nothing(void **state)
{
    char option[] = "--check-config";
    char wrong[] = "--interval=never";
    (void)state;

    assert_int_equal(load(option, NULL), LUBDUB_SETTINGS_OK);
    assert_true(loaded.is_check_only);
    assert_int_equal(load(NULL, NULL), LUBDUB_SETTINGS_OK);
    assert_false(loaded.is_check_only);
    assert_int_equal(load(option, wrong), LUBDUB_SETTINGS_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(variable_sets_what_its_option_sets, clear),
        cmocka_unit_test_teardown(command_line_wins_over_the_environment, clear),
        cmocka_unit_test_teardown(value_that_is_wrong_is_named_with_its_variable, clear),
        cmocka_unit_test_teardown(file_may_be_named_by_the_environment, clear),
        cmocka_unit_test_teardown(check_config_reads_everything_and_runs_nothing, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
