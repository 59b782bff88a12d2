/* Reads the environment variable of each row of a table of settings. */
#define _POSIX_C_SOURCE 200809L
#include "program/settings/environment.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/settings/value.h"

#define NAME_SIZE 128

/* "LUBDUB_CLIENT_CHECK_INTERVAL" */
static const char *name_of(const struct lubdub_settings_table *table, const char *option, char name[NAME_SIZE])
{
    char *at;

    snprintf(name, NAME_SIZE, "LUBDUB_%s_%s", table->section, option);
    for (at = name; *at != '\0'; at++) {
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
    }
    return name;
}

const char *lubdub_settings_config_of_environment(const struct lubdub_settings_table *table)
{
    char name[NAME_SIZE];
    const char *value = getenv(name_of(table, "config", name));

    return value != NULL && *value != '\0' ? value : NULL;
}

static bool set(struct lubdub_settings_loader *loader, const struct lubdub_setting *setting, const char *name,
                const char *value)
{
    char reason[LUBDUB_SETTINGS_PROBLEM_SIZE / 2];
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];

    if (lubdub_setting_set(loader, setting, value, LUBDUB_SETTING_FROM_ENVIRONMENT, reason, sizeof reason)) {
        return true;
    }
    snprintf(loader->loaded->problem, sizeof loader->loaded->problem, "%s=%s in the environment: %s", name,
             lubdub_settings_show(value, shown), reason);
    return false;
}

/* Each line is a value. The copy lives with the load. */
static bool take(struct lubdub_settings_loader *loader, const struct lubdub_setting *setting, const char *name,
                 const char *value)
{
    char *copy = lubdub_settings_allocate(loader->loaded, strlen(value) + 1);
    char *rest = copy;
    char *line;

    if (copy == NULL) {
        snprintf(loader->loaded->problem, sizeof loader->loaded->problem, "no memory is left");
        return false;
    }
    strcpy(copy, value);
    if (!lubdub_setting_is_list(setting)) {
        return set(loader, setting, name, copy);
    }
    while ((line = strtok_r(rest, "\n", &rest)) != NULL) {
        if (!set(loader, setting, name, line)) {
            return false;
        }
    }
    return true;
}

bool lubdub_settings_read_environment(struct lubdub_settings_loader *loader)
{
    const struct lubdub_settings_table *table = loader->table;
    char name[NAME_SIZE];
    size_t i;

    for (i = 0; i < table->row_count; i++) {
        const char *value = getenv(name_of(table, table->rows[i].name, name));

        if (value != NULL && *value != '\0' && !take(loader, &table->rows[i], name, value)) {
            return false;
        }
    }
    return true;
}
