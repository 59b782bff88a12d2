/*
 * Declares a program's table of settings and a load of them under way: the types, the search for a row by its name, and
 * the memory of a load. Programs include settings.h.
 */
#ifndef LUBDUB_PROGRAM_SETTINGS_TABLE_H
#define LUBDUB_PROGRAM_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "program/settings/hostport.h"

/* What a row takes, and the type of the field at its offset. */
enum lubdub_setting_kind {
    LUBDUB_SETTING_FLAG,            /* bool. --name, --name=yes, --name=no; in a file yes or no */
    LUBDUB_SETTING_DURATION,        /* lubdub_duration; minimum and maximum in nanoseconds */
    LUBDUB_SETTING_SIZE,            /* uint64_t, bytes */
    LUBDUB_SETTING_COUNT,           /* uint64_t */
    LUBDUB_SETTING_SHARE,           /* double, 0 to 1 */
    LUBDUB_SETTING_CHOICE,          /* int: which of words */
    LUBDUB_SETTING_STRING,          /* const char *; minimum and maximum length in bytes */
    LUBDUB_SETTING_OPTIONAL_STRING, /* the same; --name alone gives "" */
    LUBDUB_SETTING_STRINGS,         /* struct lubdub_strings; repeatable; minimum and maximum length of each */
    LUBDUB_SETTING_ADDRESS,         /* struct lubdub_hostport; ADDRESS:PORT, the port must be there */
    LUBDUB_SETTING_ADDRESSES,       /* struct lubdub_hostports; repeatable */
    LUBDUB_SETTING_CUSTOM,          /* whatever take makes of it */
};

struct lubdub_strings {
    const char **items;
    size_t count;
};

struct lubdub_hostports {
    struct lubdub_hostport *items;
    size_t count;
};

/*
 * Judges one value in a manner of the program's own: NULL, or what is allowed, as a phrase that ends a sentence ("must
 * be KIND:SHARE"), which must stay. For CUSTOM, field is the row's field and is to be set; else field is NULL, and only
 * the value's form is to be judged.
 */
typedef const char *(*lubdub_setting_take)(const char *value, void *field);

struct lubdub_setting {
    const char *name;    /* "interval" */
    char letter;         /* 'i' where there is -i */
    const char *metavar; /* "D"; NULL for a flag */
    const char *help;    /* one line, with the default */
    enum lubdub_setting_kind kind;
    bool is_fixed; /* cannot change while the program runs (see lubdub_settings_changes) */
    size_t offset; /* of the field */
    uint64_t minimum;
    uint64_t maximum;         /* 0: no limit */
    const char *const *words; /* CHOICE: ends with NULL */
    lubdub_setting_take take; /* CUSTOM; for STRING and STRINGS optional */
};

struct lubdub_settings_table {
    const char *program;   /* "lubdub-server" */
    const char *section;   /* "server" */
    const char *arguments; /* "[OPTIONS] [HOST[:PORT]]..." */
    const char *summary;   /* a sentence or two for --help, lines ending in newlines */
    const char *closing;   /* the end of --help, lines ending in newlines; or NULL */
    const char *version;   /* "0.1.0" */
    const struct lubdub_setting *rows;
    size_t row_count;
    size_t positional_max; /* how many positional arguments there may be */
    /*
     * What no row can judge alone: how values relate, what the positional arguments are. target holds all values and
     * may be completed. Returns true, or false and a sentence in problem that names the option. May be NULL.
     */
    bool (*check)(void *target, const struct lubdub_strings *positionals, char *problem, size_t capacity);
};

#define LUBDUB_SETTINGS_PROBLEM_SIZE 512

/* What a load brought beside the target. Owns all memory that the target's strings and lists point to. */
struct lubdub_settings_loaded {
    struct lubdub_strings positionals;
    const char *config_path;                    /* NULL without --config */
    const char *form;                           /* after DESCRIPTION: which is asked for */
    bool is_check_only;                         /* --check-config was given */
    char problem[LUBDUB_SETTINGS_PROBLEM_SIZE]; /* after WRONG: one line, no newline, safe for a terminal */
    bool *is_given;                             /* for each row, whether it was set by either source */
    struct lubdub_settings_block *memory;
};

/* The end of a problem that is not the user's: the program cannot start. */
#define LUBDUB_SETTINGS_NO_MEMORY "no memory is left"

enum lubdub_settings_result {
    LUBDUB_SETTINGS_OK,
    LUBDUB_SETTINGS_HELP,        /* --help was asked for */
    LUBDUB_SETTINGS_VERSION,     /* --version */
    LUBDUB_SETTINGS_DESCRIPTION, /* --describe, in loaded->form (describe.h) */
    LUBDUB_SETTINGS_WRONG,       /* loaded->problem says what */
};

/* ---- a load under way ---- */

enum lubdub_setting_source {
    LUBDUB_SETTING_FROM_DEFAULT,
    LUBDUB_SETTING_FROM_FILE,
    LUBDUB_SETTING_FROM_ENVIRONMENT,
    LUBDUB_SETTING_FROM_COMMAND_LINE,
};

struct lubdub_settings_loader {
    const struct lubdub_settings_table *table;
    void *target;
    struct lubdub_settings_loaded *loaded;
    enum lubdub_setting_source *sources; /* for each row, where its value is from */
};

/* Memory that lives until _clear, and is zeroed. Returns NULL where none is left. */
void *lubdub_settings_allocate(struct lubdub_settings_loaded *loaded, size_t size);
void lubdub_settings_clear(struct lubdub_settings_loaded *loaded);

bool lubdub_setting_is_list(const struct lubdub_setting *setting);

/* Whether the command line may leave the value out. */
bool lubdub_setting_is_flag(const struct lubdub_setting *setting);

/* The row of that name; NULL if there is none. The name need not end where length says. */
const struct lubdub_setting *lubdub_settings_find(const struct lubdub_settings_table *table, const char *name,
                                                  size_t length);

/* The name in the table that was probably meant, or NULL. */
const char *lubdub_settings_nearest(const struct lubdub_settings_table *table, const char *name, size_t length);

/* A value as an error line shows it: safe for a terminal, and not the megabyte that it may be. Returns text. */
#define LUBDUB_SETTINGS_SHOWN_SIZE 80
const char *lubdub_settings_show(const char *value, char text[LUBDUB_SETTINGS_SHOWN_SIZE]);

#endif
