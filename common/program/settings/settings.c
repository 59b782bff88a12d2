/* Loads settings from the file, then from the command line, and compares two loads. */
#define _POSIX_C_SOURCE 200809L
#include "program/settings/settings.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/process/exit_status.h"
#include "program/settings/arguments.h"
#include "program/settings/describe.h"
#include "program/settings/environment.h"
#include "program/settings/file.h"
#include "program/settings/help.h"

static bool fill_target(struct lubdub_settings_loader *loader, int argc, char *const argv[])
{
    const struct lubdub_settings_table *table = loader->table;
    struct lubdub_settings_loaded *loaded = loader->loaded;

    /* The file first: what comes later replaces what was there. */
    if (loaded->config_path != NULL && *loaded->config_path != '\0' &&
        !lubdub_settings_read_file(loader, loaded->config_path)) {
        return false;
    }
    if (!lubdub_settings_read_environment(loader) || !lubdub_settings_read_arguments(loader, argc, argv)) {
        return false;
    }
    return table->check == NULL ||
           table->check(loader->target, &loaded->positionals, loaded->problem, sizeof loaded->problem);
}

enum lubdub_settings_result lubdub_settings_load(const struct lubdub_settings_table *table, int argc,
                                                 char *const argv[], void *target,
                                                 struct lubdub_settings_loaded *loaded)
{
    struct lubdub_settings_loader loader = {.table = table, .target = target, .loaded = loaded};
    enum lubdub_settings_result result;
    size_t i;

    memset(loaded, 0, sizeof *loaded);
    if (argc < 1) {
        snprintf(loaded->problem, sizeof loaded->problem, "the list of arguments lacks the program's name");
        return LUBDUB_SETTINGS_WRONG;
    }
    loader.sources = lubdub_settings_allocate(loaded, (table->row_count + 1) * sizeof *loader.sources);
    loaded->is_given = lubdub_settings_allocate(loaded, (table->row_count + 1) * sizeof *loaded->is_given);
    if (loader.sources == NULL || loaded->is_given == NULL) {
        snprintf(loaded->problem, sizeof loaded->problem, LUBDUB_SETTINGS_NO_MEMORY);
        return LUBDUB_SETTINGS_WRONG;
    }

    result = lubdub_settings_look_ahead(&loader, argc, argv);
    if (result != LUBDUB_SETTINGS_OK) {
        return result;
    }
    if (loaded->config_path == NULL) {
        loaded->config_path = lubdub_settings_config_of_environment(table);
    }
    if (!fill_target(&loader, argc, argv)) {
        return LUBDUB_SETTINGS_WRONG;
    }
    for (i = 0; i < table->row_count; i++) {
        loaded->is_given[i] = loader.sources[i] != LUBDUB_SETTING_FROM_DEFAULT;
    }
    return LUBDUB_SETTINGS_OK;
}

/* Every problem for want of memory ends so, wherever it was found. */
static bool lacks_memory(const char *problem)
{
    size_t length = strlen(problem);
    size_t end = sizeof LUBDUB_SETTINGS_NO_MEMORY - 1;

    return length >= end && strcmp(problem + length - end, LUBDUB_SETTINGS_NO_MEMORY) == 0;
}

bool lubdub_settings_start(const struct lubdub_settings_table *table, int argc, char *const argv[], void *target,
                           struct lubdub_settings_loaded *loaded, int *exit_status)
{
    bool is_printed = false;

    switch (lubdub_settings_load(table, argc, argv, target, loaded)) {
    case LUBDUB_SETTINGS_OK:
        if (!loaded->is_check_only) {
            return true;
        }
        is_printed = printf("%s: the settings are right\n", table->program) > 0;
        is_printed = fflush(stdout) == 0 && is_printed;
        *exit_status = is_printed ? EXIT_SUCCESS : EXIT_FAILURE;
        break;
    case LUBDUB_SETTINGS_HELP:
        is_printed = lubdub_settings_print_help(table);
        *exit_status = is_printed ? EXIT_SUCCESS : EXIT_FAILURE;
        break;
    case LUBDUB_SETTINGS_DESCRIPTION:
        is_printed = lubdub_settings_describe(table, loaded->form);
        *exit_status = is_printed ? EXIT_SUCCESS : EXIT_FAILURE;
        break;
    case LUBDUB_SETTINGS_VERSION:
        is_printed = printf("%s %s\n", table->program, table->version) > 0;
        is_printed = fflush(stdout) == 0 && is_printed;
        *exit_status = is_printed ? EXIT_SUCCESS : EXIT_FAILURE;
        break;
    case LUBDUB_SETTINGS_WRONG:
        fprintf(stderr, "%s: %s\n", table->program, loaded->problem);
        *exit_status = lacks_memory(loaded->problem) ? LUBDUB_EXIT_CANNOT_START : LUBDUB_EXIT_USAGE;
        break;
    }
    lubdub_settings_clear(loaded);
    return false;
}

bool lubdub_settings_is_given(const struct lubdub_settings_table *table, const struct lubdub_settings_loaded *loaded,
                              const char *name)
{
    const struct lubdub_setting *setting = lubdub_settings_find(table, name, strlen(name));

    assert(setting != NULL);
    return loaded->is_given[setting - table->rows];
}

static bool same_text(const char *one, const char *other)
{
    return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static bool same_address(const struct lubdub_hostport *one, const struct lubdub_hostport *other)
{
    return one->port == other->port && strcmp(one->host, other->host) == 0;
}

static bool same_strings(const struct lubdub_strings *one, const struct lubdub_strings *other)
{
    size_t i;

    for (i = 0; i < one->count && i < other->count && strcmp(one->items[i], other->items[i]) == 0; i++) {
    }
    return one->count == other->count && i == one->count;
}

static bool same_addresses(const struct lubdub_hostports *one, const struct lubdub_hostports *other)
{
    size_t i;

    for (i = 0; i < one->count && i < other->count && same_address(&one->items[i], &other->items[i]); i++) {
    }
    return one->count == other->count && i == one->count;
}

static bool same_value(const struct lubdub_setting *setting, const void *one, const void *other)
{
    switch (setting->kind) {
    case LUBDUB_SETTING_FLAG:
        return *(const bool *)one == *(const bool *)other;
    case LUBDUB_SETTING_DURATION:
    case LUBDUB_SETTING_SIZE:
    case LUBDUB_SETTING_COUNT:
        return *(const uint64_t *)one == *(const uint64_t *)other;
    case LUBDUB_SETTING_SHARE:
        return memcmp(one, other, sizeof(double)) == 0;
    case LUBDUB_SETTING_CHOICE:
        return *(const int *)one == *(const int *)other;
    case LUBDUB_SETTING_STRING:
    case LUBDUB_SETTING_OPTIONAL_STRING:
        return same_text(*(const char *const *)one, *(const char *const *)other);
    case LUBDUB_SETTING_STRINGS:
        return same_strings(one, other);
    case LUBDUB_SETTING_ADDRESS:
        return same_address(one, other);
    case LUBDUB_SETTING_ADDRESSES:
        return same_addresses(one, other);
    case LUBDUB_SETTING_CUSTOM:
        break;
    }
    return true;
}

size_t lubdub_settings_changes(const struct lubdub_settings_table *table, const void *old_target,
                               const void *new_target, bool fixed, char *text, size_t capacity)
{
    size_t count = 0;
    size_t used = 0;
    size_t i;

    text[0] = '\0';
    for (i = 0; i < table->row_count; i++) {
        const struct lubdub_setting *setting = &table->rows[i];

        if (setting->is_fixed == fixed && !same_value(setting, (const char *)old_target + setting->offset,
                                                      (const char *)new_target + setting->offset)) {
            snprintf(text + used, capacity - used, "%s%s", count == 0 ? "" : ",", setting->name);
            used += strlen(text + used);
            count++;
        }
    }
    return count;
}
