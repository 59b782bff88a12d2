/* Reads the command line with getopt_long, but takes no abbreviated names, and words its own complaints. */
#define _GNU_SOURCE
#include "program/settings/arguments.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "program/events/escape.h"
#include "program/settings/describe.h"
#include "program/settings/promised.h"
#include "program/settings/value.h"

/* What getopt_long returns: a row's number from ROW on, or one of these; all above any letter. */
enum {
    OPTION_HELP = 256,
    OPTION_VERSION,
    OPTION_CONFIG,
    OPTION_CHECK_CONFIG,
    OPTION_DESCRIBE,
    OPTION_ROW,
};

#define POSITIONAL 1

struct scanner {
    struct lubdub_settings_loader *loader;
    struct option *options;
    char *letters;
    int argc;
    char *const *argv;
};

static int argument_of(const struct lubdub_setting *setting)
{
    return lubdub_setting_is_flag(setting) ? optional_argument : required_argument;
}

static void add_option(struct option **next, const char *name, int has_argument, int value)
{
    **next = (struct option){.name = name, .has_arg = has_argument, .val = value};
    (*next)++;
}

static bool has_letter(const struct lubdub_settings_table *table, char letter)
{
    size_t i;

    for (i = 0; i < table->row_count && table->rows[i].letter != letter; i++) {
    }
    return i < table->row_count;
}

static bool init_scanner(struct scanner *scanner, struct lubdub_settings_loader *loader, int argc, char *const argv[])
{
    const struct lubdub_settings_table *table = loader->table;
    struct option *next;
    char *letter;
    size_t i;

    scanner->loader = loader;
    scanner->argc = argc;
    scanner->argv = argv;
    scanner->options = lubdub_settings_allocate(loader->loaded, (table->row_count + 6) * sizeof *scanner->options);
    scanner->letters = lubdub_settings_allocate(loader->loaded, 2 * table->row_count + 8);
    if (scanner->options == NULL || scanner->letters == NULL) {
        return false;
    }

    /* "-": positional arguments in their turn, whatever POSIXLY_CORRECT says. ":": a missing value is told apart. */
    letter = stpcpy(scanner->letters, "-:");
    if (!has_letter(table, 'h')) {
        *letter++ = 'h';
    }
    if (!has_letter(table, 'V')) {
        *letter++ = 'V';
    }
    next = scanner->options;
    for (i = 0; i < table->row_count; i++) {
        const struct lubdub_setting *setting = &table->rows[i];

        add_option(&next, setting->name, argument_of(setting), OPTION_ROW + (int)i);
        if (setting->letter != 0) {
            *letter++ = setting->letter;
            letter = stpcpy(letter, lubdub_setting_is_flag(setting) ? "" : ":");
        }
    }
    *letter = '\0';
    add_option(&next, "config", required_argument, OPTION_CONFIG);
    add_option(&next, "check-config", no_argument, OPTION_CHECK_CONFIG);
    add_option(&next, "describe", required_argument, OPTION_DESCRIBE);
    add_option(&next, "help", no_argument, OPTION_HELP);
    add_option(&next, "version", no_argument, OPTION_VERSION);
    add_option(&next, NULL, 0, 0);

    optind = 0; /* 0, not 1: start over, even in the middle of "-abc" */
    opterr = 0;
    return true;
}

/* The element of argv that the last option stood in. */
static const char *element(const struct scanner *scanner, bool has_separate_value)
{
    int index = optind - (has_separate_value ? 2 : 1);

    return index > 0 && index < scanner->argc ? scanner->argv[index] : "";
}

static bool is_separate(const struct scanner *scanner)
{
    return optarg != NULL && optind > 0 && optind <= scanner->argc && optarg == scanner->argv[optind - 1];
}

/* getopt_long takes any beginning of a name that is the only one of its kind, until the next version has another. */
static bool is_abbreviated(const char *argument, const char *name)
{
    size_t length;

    if (strncmp(argument, "--", 2) != 0) {
        return false;
    }
    length = strcspn(argument + 2, "=");
    return strlen(name) != length || strncmp(argument + 2, name, length) != 0;
}

static const char *name_of(const struct scanner *scanner, int value)
{
    const struct option *option;

    for (option = scanner->options; option->name != NULL && option->val != value; option++) {
    }
    return option->name;
}

static int value_of_letter(const struct scanner *scanner, int letter)
{
    const struct lubdub_settings_table *table = scanner->loader->table;
    size_t i;

    for (i = 0; i < table->row_count; i++) {
        if (table->rows[i].letter == letter) {
            return OPTION_ROW + (int)i;
        }
    }
    return letter == 'h' ? OPTION_HELP : letter == 'V' ? OPTION_VERSION : 0;
}

static bool complain(struct scanner *scanner, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool complain(struct scanner *scanner, const char *format, ...)
{
    struct lubdub_settings_loaded *loaded = scanner->loader->loaded;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(loaded->problem, sizeof loaded->problem, format, arguments);
    va_end(arguments);
    return false;
}

static bool complain_unknown(struct scanner *scanner, const char *argument)
{
    size_t length = strcspn(argument, "=");
    const char *nearest = lubdub_settings_nearest(scanner->loader->table, argument + 2, length - 2);
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];

    lubdub_escape_text(shown, sizeof shown, argument, length);
    if (lubdub_settings_is_promised(scanner->loader->table->section, argument + 2, length - 2)) {
        return complain(scanner, "%s: is not built in; it is promised for a later version", shown);
    }
    if (nearest != NULL) {
        return complain(scanner, "%s: there is no such option; is --%s meant? (--help lists all)", shown, nearest);
    }
    return complain(scanner, "%s: there is no such option (--help lists all)", shown);
}

/* '?' and ':' of getopt_long, which come without a word. */
static bool complain_of_last(struct scanner *scanner, int result)
{
    const char *argument = element(scanner, is_separate(scanner));
    const char *name = name_of(scanner, optopt < OPTION_HELP ? value_of_letter(scanner, optopt) : optopt);
    bool is_long = optopt == 0 || optopt >= OPTION_HELP;
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];
    char letter = (char)optopt;

    if (is_long && (name == NULL || is_abbreviated(argument, name))) {
        return complain_unknown(scanner, argument);
    }
    if (result == ':') {
        return complain(scanner, "--%s: needs a value", name);
    }
    if (is_long) {
        return complain(scanner, "--%s: takes no value", name);
    }
    lubdub_escape_text(shown, sizeof shown, &letter, 1);
    return complain(scanner, "-%s: there is no such option (--help lists all)", shown);
}

/* One option with its value, all understood so far. */
static bool take_option(struct scanner *scanner, int value)
{
    struct lubdub_settings_loader *loader = scanner->loader;
    const char *name = name_of(scanner, value);
    char reason[LUBDUB_SETTINGS_PROBLEM_SIZE / 2];
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];

    if (is_separate(scanner) && *optarg == '-') {
        return complain(scanner, "--%s: needs a value; one that begins with a dash is written --%s=%s", name, name,
                        lubdub_settings_show(optarg, shown));
    }
    if (value == OPTION_DESCRIBE) {
        return complain(scanner, "--describe: must be manual or completion"); /* one that is was found before */
    }
    if (value == OPTION_CONFIG) {
        return *optarg != '\0' || complain(scanner, "--config: needs a value, which is empty");
    }
    if (value < OPTION_ROW || lubdub_setting_set(loader, &loader->table->rows[value - OPTION_ROW], optarg,
                                                 LUBDUB_SETTING_FROM_COMMAND_LINE, reason, sizeof reason)) {
        return true;
    }
    return complain(scanner, "--%s%s%s: %s", name, optarg != NULL && *optarg != '\0' ? " " : "",
                    optarg != NULL ? lubdub_settings_show(optarg, shown) : "", reason);
}

static bool take_positional(struct scanner *scanner, const char *argument)
{
    struct lubdub_settings_loaded *loaded = scanner->loader->loaded;
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];

    if (loaded->positionals.count == scanner->loader->table->positional_max) {
        return complain(scanner, "%s: is one argument too many (--help lists what there is)",
                        lubdub_settings_show(argument, shown));
    }
    loaded->positionals.items[loaded->positionals.count++] = argument;
    return true;
}

/*
 * The next option's value of the enum, POSITIONAL with optarg, -1 at the end, or '?' and ':' where something is wrong;
 * also where a name is abbreviated.
 */
static int next_option(struct scanner *scanner)
{
    int value = getopt_long(scanner->argc, scanner->argv, scanner->letters, scanner->options, NULL);

    if (value >= OPTION_HELP && is_abbreviated(element(scanner, is_separate(scanner)), name_of(scanner, value))) {
        optopt = value;
        return '?';
    }
    if (value > POSITIONAL && value < OPTION_HELP && value != '?' && value != ':') {
        return value_of_letter(scanner, value);
    }
    return value;
}

enum lubdub_settings_result lubdub_settings_look_ahead(struct lubdub_settings_loader *loader, int argc,
                                                       char *const argv[])
{
    struct scanner scanner;
    int value;

    if (!init_scanner(&scanner, loader, argc, argv)) {
        return LUBDUB_SETTINGS_OK; /* lubdub_settings_read_arguments will say so */
    }
    while ((value = next_option(&scanner)) != -1) {
        if (value == OPTION_HELP) {
            return LUBDUB_SETTINGS_HELP;
        }
        if (value == OPTION_VERSION) {
            return LUBDUB_SETTINGS_VERSION;
        }
        if (value == OPTION_DESCRIBE && lubdub_settings_can_describe(optarg)) {
            loader->loaded->form = optarg;
            return LUBDUB_SETTINGS_DESCRIPTION;
        }
        if (value == OPTION_CONFIG && !(is_separate(&scanner) && *optarg == '-')) {
            loader->loaded->config_path = optarg;
        }
        if (value == OPTION_CHECK_CONFIG) {
            loader->loaded->is_check_only = true;
        }
    }
    return LUBDUB_SETTINGS_OK;
}

bool lubdub_settings_read_arguments(struct lubdub_settings_loader *loader, int argc, char *const argv[])
{
    size_t positional_max = loader->table->positional_max < (size_t)argc ? loader->table->positional_max : (size_t)argc;
    struct scanner scanner;
    int value;

    loader->loaded->positionals.items =
        lubdub_settings_allocate(loader->loaded, (positional_max + 1) * sizeof loader->loaded->positionals.items[0]);
    if (!init_scanner(&scanner, loader, argc, argv) || loader->loaded->positionals.items == NULL) {
        snprintf(loader->loaded->problem, sizeof loader->loaded->problem, LUBDUB_SETTINGS_NO_MEMORY);
        return false;
    }
    while ((value = next_option(&scanner)) != -1) {
        if (value == '?' || value == ':') {
            return complain_of_last(&scanner, value);
        }
        if (!(value == POSITIONAL ? take_positional(&scanner, optarg) : take_option(&scanner, value))) {
            return false;
        }
    }
    for (; optind < argc; optind++) {
        if (!take_positional(&scanner, argv[optind])) {
            return false;
        }
    }
    return true;
}
