/* Declares a table with settings of every kind, for tests of the code that reads such tables. */
#ifndef LUBDUB_TESTS_SAMPLE_SETTINGS_H
#define LUBDUB_TESTS_SAMPLE_SETTINGS_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "program/settings/settings.h"

enum sample_events {
    SAMPLE_EVENTS_TEXT,
    SAMPLE_EVENTS_JSON,
    SAMPLE_EVENTS_NONE,
};

struct sample_settings {
    bool require_hello;
    lubdub_duration interval;
    lubdub_duration expiry;
    uint64_t max_content;
    uint64_t workers;
    double share;
    int events;
    const char *identity;
    const char *spawn_server;
    struct lubdub_strings labels;
    struct lubdub_hostport http;
    struct lubdub_hostports listen;
    int custom;
};

static inline const char *sample_label(const char *value, void *field)
{
    (void)field;
    return strchr(value, '=') != NULL ? NULL : "must be KEY=VALUE";
}

static inline const char *sample_custom(const char *value, void *field)
{
    if (strcmp(value, "up") != 0 && strcmp(value, "down") != 0) {
        return "must be up or down";
    }
    *(int *)field = strcmp(value, "up") == 0 ? 1 : -1;
    return NULL;
}

static inline bool sample_check(void *target, const struct lubdub_strings *positionals, char *problem, size_t capacity)
{
    const struct sample_settings *settings = target;

    (void)positionals;
    if (settings->expiry < 2 * settings->interval) {
        snprintf(problem, capacity, "--expiry: must be at least twice --interval");
        return false;
    }
    return true;
}

static const char *const sample_events_words[] = {"text", "json", "none", NULL};

#define SAMPLE_FIELD(name) offsetof(struct sample_settings, name)

static const struct lubdub_setting sample_rows[] = {
    {"interval", 'i', "D", "how often (default 1s)", LUBDUB_SETTING_DURATION, false, SAMPLE_FIELD(interval),
     10 * LUBDUB_MILLISECOND, LUBDUB_HOUR, NULL, NULL},
    {"expiry", 0, "D", "how long (default 3s)", LUBDUB_SETTING_DURATION, false, SAMPLE_FIELD(expiry),
     LUBDUB_MILLISECOND, 0, NULL, NULL},
    {"require-hello", 'r', NULL, "refuse others", LUBDUB_SETTING_FLAG, false, SAMPLE_FIELD(require_hello), 0, 0, NULL,
     NULL},
    {"max-content", 0, "SIZE", "the largest content", LUBDUB_SETTING_SIZE, false, SAMPLE_FIELD(max_content), 0, 65535,
     NULL, NULL},
    {"workers", 0, "N", "threads", LUBDUB_SETTING_COUNT, true, SAMPLE_FIELD(workers), 1, 1024, NULL, NULL},
    {"share", 0, "SHARE", "how many", LUBDUB_SETTING_SHARE, false, SAMPLE_FIELD(share), 0, 0, NULL, NULL},
    {"events", 0, "FORM", "text, json or none", LUBDUB_SETTING_CHOICE, false, SAMPLE_FIELD(events), 0, 0,
     sample_events_words, NULL},
    {"id", 0, "NAME", "who we are", LUBDUB_SETTING_STRING, false, SAMPLE_FIELD(identity), 1, 128, NULL, NULL},
    {"spawn-server", 0, "OPTIONS", "start one", LUBDUB_SETTING_OPTIONAL_STRING, false, SAMPLE_FIELD(spawn_server), 0, 0,
     NULL, NULL},
    {"label", 'l', "K=V", "repeatable", LUBDUB_SETTING_STRINGS, false, SAMPLE_FIELD(labels), 3, 161, NULL,
     sample_label},
    {"http", 0, "ADDRESS:PORT", "status page", LUBDUB_SETTING_ADDRESS, true, SAMPLE_FIELD(http), 0, 0, NULL, NULL},
    {"listen", 0, "ADDRESS:PORT", "repeatable", LUBDUB_SETTING_ADDRESSES, true, SAMPLE_FIELD(listen), 0, 0, NULL, NULL},
    {"custom", 0, "WAY", "up or down", LUBDUB_SETTING_CUSTOM, false, SAMPLE_FIELD(custom), 0, 0, NULL, sample_custom},
};

static const struct lubdub_settings_table sample_table = {
    .program = "sample",
    .section = "sample",
    .arguments = "[OPTIONS] [HOST[:PORT]]...",
    .summary = "A table of every kind.\n",
    .closing = "Exit status: 0 or 2.\n",
    .version = "1.2.3",
    .rows = sample_rows,
    .row_count = sizeof sample_rows / sizeof sample_rows[0],
    .positional_max = 3,
    .check = sample_check,
};

static inline void sample_settings_init(struct sample_settings *settings)
{
    static const char *default_labels[] = {"default=1"};

    memset(settings, 0, sizeof *settings);
    settings->interval = LUBDUB_SECOND;
    settings->expiry = 3 * LUBDUB_SECOND;
    settings->workers = 2;
    settings->labels = (struct lubdub_strings){default_labels, 1};
}

#endif
