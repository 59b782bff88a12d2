/* The server's settings file: it is taken whole or refused with one line that names it; taken values are in their
 * ranges. */
#include <string.h>

#include "fuzz.h"
#include "memory_file.h"
#include "program/events/escape.h"
#include "server/program/options.h"

static void check_ranges(const struct options *options)
{
    CHECK(options->interval >= LUBDUB_MILLISECOND && options->expiry >= options->interval);
    CHECK(options->interval_min <= options->interval_max);
    CHECK(options->max_content <= 65535 && options->output_buffer >= 1024);
    CHECK(options->workers <= 256);
    CHECK(options->ipv6_prefix >= 1 && options->ipv6_prefix <= 128);
}

static void check_problem(const char *problem)
{
    static char escaped[4 * LUBDUB_SETTINGS_PROBLEM_SIZE];

    CHECK(strlen(problem) > 0 && strlen(problem) < LUBDUB_SETTINGS_PROBLEM_SIZE);
    lubdub_escape_line(escaped, sizeof escaped, problem, strlen(problem));
    CHECK(strcmp(problem, escaped) == 0); /* one line, safe for a terminal */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char program[] = "lubdub-server";
    char option[] = "--config";
    char path[64];
    char *arguments[] = {program, option, path, NULL};
    struct options options;
    enum lubdub_settings_result result;

    strcpy(path, memory_file(data, size));
    options_init(&options);
    result = lubdub_settings_load(&options_table, 3, arguments, &options, &options.loaded);
    CHECK(result == LUBDUB_SETTINGS_OK || result == LUBDUB_SETTINGS_WRONG);
    if (result == LUBDUB_SETTINGS_OK) {
        check_ranges(&options);
    } else {
        check_problem(options.loaded.problem);
    }
    options_clear(&options);
    return 0;
}
