/*
 * A program's settings: one row each in a table, which serves the command line and the configuration file alike.
 *
 *     lubdub-client --interval 250ms          [client]
 *                                             interval = 250ms
 *
 * The fields live in a struct of the program's own that holds the defaults before the call. The command line wins over
 * the file, whatever the order; for a list, the command line's replaces the file's. An option given twice: the last one
 * counts (in a file that is an error, as it is most likely a slip). Long options are not abbreviated. Options may stand
 * after positional arguments; -- ends them. A value that begins with a dash must be written --name=VALUE.
 *
 * --help, --version and --config FILE are understood without a row. --help and --version win over everything else.
 *
 * The file: key = value lines, keys as the long options; lines that begin with # or ; are comments and there are no
 * others, so that a value may have these characters. Lines may stand below [SECTION] of the program; other sections are
 * refused. Must be a regular file of at most 10 MiB; it is read whole before anything is taken from it.
 */
#ifndef LUBDUB_PROGRAM_SETTINGS_SETTINGS_H
#define LUBDUB_PROGRAM_SETTINGS_SETTINGS_H

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
    const char *closing;   /* the end of --help, likewise; or NULL */
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
    char problem[LUBDUB_SETTINGS_PROBLEM_SIZE]; /* after WRONG: one line, no newline, safe for a terminal */
    bool *is_given;                             /* for each row, whether it was set by either source */
    struct lubdub_settings_block *memory;
};

enum lubdub_settings_result {
    LUBDUB_SETTINGS_OK,
    LUBDUB_SETTINGS_HELP,    /* --help was asked for */
    LUBDUB_SETTINGS_VERSION, /* --version */
    LUBDUB_SETTINGS_WRONG,   /* loaded->problem says what */
};

/*
 * Fills the fields of target, and *loaded, from the command line and the file it names. Prints nothing. argv must
 * outlive the target and is not changed.
 *
 * Called again (on SIGHUP) with the same argv, a fresh target with the defaults and a fresh loaded, it reads the file
 * anew. The program then takes the new pair over and clears the old, or on WRONG keeps the old. Not for two threads at
 * a time.
 *
 * On any result, clear loaded when the target is not needed any more.
 */
enum lubdub_settings_result lubdub_settings_load(const struct lubdub_settings_table *table, int argc,
                                                 char *const argv[], void *target,
                                                 struct lubdub_settings_loaded *loaded);

void lubdub_settings_clear(struct lubdub_settings_loaded *loaded);

/*
 * The same for the start of main: prints the help or the version to standard output, or the problem to standard error.
 * Returns true where the program should run; else *exit_status is what main should return, and nothing needs clearing.
 */
bool lubdub_settings_start(const struct lubdub_settings_table *table, int argc, char *const argv[], void *target,
                           struct lubdub_settings_loaded *loaded, int *exit_status);

/* Whether the command line or the file gave a value. The name must be in the table. */
bool lubdub_settings_is_given(const struct lubdub_settings_table *table, const struct lubdub_settings_loaded *loaded,
                              const char *name);

/*
 * Writes the names of the settings whose values differ between two targets into text, with commas; of those that are
 * fixed, or of the others. CUSTOM rows are left out. Returns how many.
 */
size_t lubdub_settings_changes(const struct lubdub_settings_table *table, const void *old_target,
                               const void *new_target, bool fixed, char *text, size_t capacity);

#endif
