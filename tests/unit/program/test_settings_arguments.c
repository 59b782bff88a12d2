#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>

#include "support/sample_settings.h"
#include "support/test.h"

#define ARGUMENTS_MAX 32

static struct sample_settings settings;
static struct lubdub_settings_loaded loaded;

/* The words of line, taken apart at |. */
static enum lubdub_settings_result load(const char *line)
{
    static char text[1024];
    char *arguments[ARGUMENTS_MAX + 2] = {0};
    char *rest = text;
    int count = 1;

    lubdub_settings_clear(&loaded);
    sample_settings_init(&settings);
    arguments[0] = text;
    strcpy(text, "sample|");
    strcat(text, line);
    for (rest = strchr(text, '|'); rest != NULL && *line != '\0'; rest = strchr(rest, '|')) {
        assert_true(count <= ARGUMENTS_MAX);
        *rest++ = '\0';
        arguments[count++] = rest;
    }
    return lubdub_settings_load(&sample_table, count, arguments, &settings, &loaded);
}

static int clear(void **state)
{
    (void)state;
    lubdub_settings_clear(&loaded);
    return 0;
}

static void assert_ok(const char *line)
{
    if (load(line) != LUBDUB_SETTINGS_OK) {
        fail_msg("%s: %s", line, loaded.problem);
    }
}

static void assert_wrong(const char *line, const char *problem_part)
{
    assert_int_equal(load(line), LUBDUB_SETTINGS_WRONG);
    if (strstr(loaded.problem, problem_part) == NULL) {
        fail_msg("%s: said: %s", line, loaded.problem);
    }
    assert_null(strchr(loaded.problem, '\n'));
}

static void every_kind_of_value_is_taken(void **state)
{
    (void)state;
    assert_ok("--interval|250ms|--expiry=2m|-r|--max-content|64|--workers=4|--share|5%|--events|json|--id|pump-7|"
              "--label=a=1|-lb=2|-l|c=3|--http|[::1]:80");
    assert_int_equal(settings.interval, 250 * LUBDUB_MILLISECOND);
    assert_int_equal(settings.expiry, 2 * LUBDUB_MINUTE);
    assert_true(settings.require_hello);
    assert_int_equal(settings.max_content, 64);
    assert_int_equal(settings.workers, 4);
    assert_true(settings.share > 0.049 && settings.share < 0.051);
    assert_int_equal(settings.events, SAMPLE_EVENTS_JSON);
    assert_string_equal(settings.identity, "pump-7");
    assert_int_equal(settings.labels.count, 3);
    assert_string_equal(settings.labels.items[0], "a=1");
    assert_string_equal(settings.labels.items[2], "c=3");
    assert_string_equal(settings.http.host, "::1");
    assert_ok("--listen|127.0.0.1:1|--listen|[::1]:2|--custom|down|--spawn-server|host");
    assert_int_equal(settings.listen.count, 2);
    assert_int_equal(settings.listen.items[1].port, 2);
    assert_int_equal(settings.custom, -1);
    assert_string_equal(settings.spawn_server, "");
    assert_string_equal(loaded.positionals.items[0], "host");
    assert_ok("--spawn-server=--interval 1s");
    assert_string_equal(settings.spawn_server, "--interval 1s");
}

static void nothing_given_leaves_the_defaults(void **state)
{
    (void)state;
    assert_ok("");
    assert_int_equal(settings.interval, LUBDUB_SECOND);
    assert_int_equal(settings.labels.count, 1);
    assert_false(lubdub_settings_is_given(&sample_table, &loaded, "interval"));
    assert_int_equal(loaded.positionals.count, 0);
    assert_ok("--interval|1s");
    assert_true(lubdub_settings_is_given(&sample_table, &loaded, "interval"));
    assert_false(lubdub_settings_is_given(&sample_table, &loaded, "expiry"));
}

static void last_one_counts_where_an_option_is_given_twice(void **state)
{
    (void)state;
    assert_ok("-i|1s|--interval|100|--interval=200ms|-r|--require-hello=no");
    assert_int_equal(settings.interval, 200 * LUBDUB_MILLISECOND);
    assert_false(settings.require_hello);
}

static void positional_arguments_may_stand_anywhere(void **state)
{
    (void)state;
    setenv("POSIXLY_CORRECT", "1", 1); /* must make no difference */
    assert_ok("one|--interval|1s|two|--|--three");
    unsetenv("POSIXLY_CORRECT");
    assert_int_equal(loaded.positionals.count, 3);
    assert_string_equal(loaded.positionals.items[0], "one");
    assert_string_equal(loaded.positionals.items[1], "two");
    assert_string_equal(loaded.positionals.items[2], "--three");
    assert_wrong("one|two|three|four", "four: is one argument too many");
    assert_wrong("--|1|2|3|4", "4: is one argument too many");
}

static void unknown_option_is_named_with_the_nearest_one(void **state)
{
    (void)state;
    assert_wrong("--intervall|1s", "--intervall: there is no such option; is --interval meant?");
    assert_wrong("--Interval=1s", "--Interval: there is no such option; is --interval meant?");
    assert_wrong("--intreval|1s", "is --interval meant?");
    assert_wrong("--require_hello", "is --require-hello meant?");
    assert_wrong("--exipry=1s", "is --expiry meant?");
    assert_wrong("--verison", "is --version meant?");
    assert_wrong("--zzzzzz", "--zzzzzz: there is no such option (--help");
    assert_wrong("--redis=x", "--redis: there is no such option (--help");
    assert_wrong("--\x1b[2J", "--\\x1b[2J: there is no such option");
    assert_wrong("-x", "-x: there is no such option");
    assert_wrong("-rx", "-x: there is no such option");
    assert_wrong("-\xff", "-\\xff: there is no such option");
    assert_wrong("--=x", "--: there is no such option");
    assert_wrong("-:", "-:: there is no such option");
    assert_wrong("-?", "-?: there is no such option");
}

static void abbreviation_is_refused_even_where_it_is_the_only_one(void **state)
{
    (void)state;
    assert_wrong("--interv|1s", "--interv: there is no such option; is --interval meant?");
    assert_wrong("--interv=1s", "--interv: there is no such option; is --interval meant?");
    assert_wrong("--interv", "--interv: there is no such option; is --interval meant?");
    assert_wrong("--require", "--require: there is no such option; is --require-hello meant?");
    assert_wrong("--hel", "--hel: there is no such option; is --help meant?");
    assert_wrong("--e|json", "--e: there is no such option");
    assert_wrong("--conf=/x", "--conf: there is no such option; is --config meant?");
}

static void missing_or_empty_value_is_refused(void **state)
{
    (void)state;
    assert_wrong("--interval", "--interval: needs a value");
    assert_wrong("-i", "--interval: needs a value");
    assert_wrong("--interval=", "--interval: needs a value, which is empty");
    assert_wrong("--id=", "--id: needs a value, which is empty");
    assert_wrong("--id|", "--id: needs a value, which is empty");
    assert_wrong("--label=", "--label: needs a value, which is empty");
    assert_wrong("--require-hello=", "--require-hello: needs a value, which is empty");
    assert_wrong("--config", "--config: needs a value");
    assert_wrong("--config=", "--config: needs a value, which is empty");
    assert_wrong("--help=x", "--help: takes no value");
    assert_wrong("--describe=x", "--describe: must be manual or completion");
}

static void value_that_begins_with_a_dash_must_be_joined(void **state)
{
    (void)state;
    assert_wrong("--id|--events|json", "--id: needs a value; one that begins with a dash is written --id=--events");
    assert_wrong("--interval|-1", "--interval: needs a value");
    assert_wrong("-i|-1", "--interval: needs a value");
    assert_wrong("--config|--id", "--config: needs a value");
    assert_wrong("--interval=-1", "--interval -1: must be a duration");
    assert_wrong("-i-1", "--interval -1: must be a duration");
    assert_ok("--id=-x");
    assert_string_equal(settings.identity, "-x");
}

static void value_out_of_its_range_is_refused_with_what_is_allowed(void **state)
{
    static const char *const durations[] = {"0",    "1e9",         "nan", "inf", "1,5", "5 s",
                                            "5sec", "4294967295h", "+5s", " 5s", "9ms", "61m"};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(durations); i++) {
        char line[64] = "--interval=";

        strcat(line, durations[i]);
        assert_wrong(line,
                     "must be a duration from 10ms to 1h, such as 250ms, 3s or 2m (a bare number is milliseconds)");
    }
    assert_wrong("--expiry|0", "--expiry 0: must be a duration of at least 1ms, such as");
    assert_wrong("--workers|0", "--workers 0: must be a number from 1 to 1024");
    assert_wrong("--workers|1025", "must be a number from 1 to 1024");
    assert_wrong("--workers|18446744073709551617", "must be a number from 1 to 1024");
    assert_wrong("--workers|x", "must be a number from 1 to 1024");
    assert_wrong("--max-content|64k",
                 "--max-content 64k: must be a number of bytes from 0 to 65535, such as 512, 64k or 2m");
    assert_wrong("--share|101%", "must be a share from 0% to 100%");
    assert_wrong("--events|jsn", "--events jsn: must be text, json or none");
    assert_wrong("--label|nolabel", "--label nolabel: must be KEY=VALUE");
    assert_wrong("--label|a=", "must be text from 3 to 161 bytes");
    assert_wrong("--listen|127.0.0.1", "--listen 127.0.0.1: the port is missing");
    assert_wrong("--http|[::1]:0", "the port must be 1 to 65535");
    assert_wrong("--require-hello=maybe", "--require-hello maybe: must be yes or no");
    assert_wrong("--custom|left", "--custom left: must be up or down");
    assert_wrong("--interval=\x1b[2J", "--interval \\x1b[2J: must be");
}

static void relation_between_settings_is_judged_at_the_end(void **state)
{
    (void)state;
    assert_wrong("--interval|2s", "--expiry: must be at least twice --interval");
    assert_ok("--interval|2s|--expiry|4s");
    assert_ok("--expiry|4s|--interval|2s");
}

static void help_and_version_win_over_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(load("--help"), LUBDUB_SETTINGS_HELP);
    assert_int_equal(load("-h"), LUBDUB_SETTINGS_HELP);
    assert_int_equal(load("--version"), LUBDUB_SETTINGS_VERSION);
    assert_int_equal(load("-V"), LUBDUB_SETTINGS_VERSION);
    assert_int_equal(load("--interval=0|--describe=manual"), LUBDUB_SETTINGS_DESCRIPTION);
    assert_int_equal(load("--describe|completion"), LUBDUB_SETTINGS_DESCRIPTION);
    assert_int_equal(load("--nonsense|--interval|x|--config|/nonexistent|--help"), LUBDUB_SETTINGS_HELP);
    assert_int_equal(load("1|2|3|4|5|--version"), LUBDUB_SETTINGS_VERSION);
    assert_int_equal(load("--interval=0|--vers|--version"), LUBDUB_SETTINGS_VERSION);
    assert_wrong("--interval=0|--|--help", "--interval 0");
}

static void list_of_program_arguments_may_be_empty_or_huge(void **state)
{
    enum { HUGE_COUNT = 100000, HUGE_LENGTH = 1024 * 1024 };
    char **arguments = malloc((HUGE_COUNT + 1) * sizeof *arguments);
    char *huge = malloc(HUGE_LENGTH + 1);
    char name[] = "sample";
    char label[] = "--label=a=1";
    char *none[] = {NULL};
    int i;

    (void)state;
    lubdub_settings_clear(&loaded);
    sample_settings_init(&settings);
    assert_int_equal(lubdub_settings_load(&sample_table, 0, none, &settings, &loaded), LUBDUB_SETTINGS_WRONG);
    lubdub_settings_clear(&loaded);

    arguments[0] = name;
    for (i = 1; i < HUGE_COUNT; i++) {
        arguments[i] = label;
    }
    arguments[HUGE_COUNT] = NULL;
    assert_int_equal(lubdub_settings_load(&sample_table, HUGE_COUNT, arguments, &settings, &loaded),
                     LUBDUB_SETTINGS_OK);
    assert_int_equal(settings.labels.count, HUGE_COUNT - 1);
    lubdub_settings_clear(&loaded);

    memset(huge, 'x', HUGE_LENGTH);
    huge[HUGE_LENGTH] = '\0';
    memcpy(huge, "--id=", 5);
    arguments[1] = huge;
    arguments[2] = NULL;
    assert_int_equal(lubdub_settings_load(&sample_table, 2, arguments, &settings, &loaded), LUBDUB_SETTINGS_WRONG);
    assert_non_null(strstr(loaded.problem, "...: must be text from 1 to 128 bytes"));
    lubdub_settings_clear(&loaded);
    memcpy(huge, "--xx", 4);
    assert_int_equal(lubdub_settings_load(&sample_table, 2, arguments, &settings, &loaded), LUBDUB_SETTINGS_WRONG);
    assert_true(strlen(loaded.problem) < 200);
    free(huge);
    free(arguments);
}

static void arguments_are_not_changed(void **state)
{
    char texts[][16] = {"sample", "host", "--interval", "1s", "more", "-r"};
    char *arguments[] = {texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], NULL};
    char *const copy[] = {texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], NULL};
    int round;

    (void)state;
    for (round = 0; round < 2; round++) {
        lubdub_settings_clear(&loaded);
        assert_int_equal(lubdub_settings_load(&sample_table, 6, arguments, &settings, &loaded), LUBDUB_SETTINGS_OK);
        assert_memory_equal(arguments, copy, sizeof copy);
        assert_int_equal(loaded.positionals.count, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_taken),
        cmocka_unit_test(nothing_given_leaves_the_defaults),
        cmocka_unit_test(last_one_counts_where_an_option_is_given_twice),
        cmocka_unit_test(positional_arguments_may_stand_anywhere),
        cmocka_unit_test(unknown_option_is_named_with_the_nearest_one),
        cmocka_unit_test(abbreviation_is_refused_even_where_it_is_the_only_one),
        cmocka_unit_test(missing_or_empty_value_is_refused),
        cmocka_unit_test(value_that_begins_with_a_dash_must_be_joined),
        cmocka_unit_test(value_out_of_its_range_is_refused_with_what_is_allowed),
        cmocka_unit_test(relation_between_settings_is_judged_at_the_end),
        cmocka_unit_test(help_and_version_win_over_what_is_wrong),
        cmocka_unit_test(list_of_program_arguments_may_be_empty_or_huge),
        cmocka_unit_test(arguments_are_not_changed),
    };

    return cmocka_run_group_tests(tests, NULL, clear);
}
