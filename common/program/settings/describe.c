/* Prints rows as a manual has them and as bash completes them. */
#include "program/settings/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "program/settings/parse.h"

/* What every program understands without a row. */
static const struct lubdub_setting common_rows[] = {
    {.name = "config",
     .metavar = "FILE",
     .kind = LUBDUB_SETTING_STRING,
     .help = "read options from FILE, a line each; see *lubdub.conf*(5)"},
    {.name = "check-config",
     .kind = LUBDUB_SETTING_FLAG,
     .help = "read all settings, say whether they are right, and leave"},
    {.name = "help", .kind = LUBDUB_SETTING_FLAG, .help = "print a summary of the options and leave"},
    {.name = "version", .kind = LUBDUB_SETTING_FLAG, .help = "print the version and leave"},
};

#define COMMON_COUNT (sizeof common_rows / sizeof common_rows[0])

/* ---- the manual ---- */

/* Keeps scdoc from reading text as markup. */
static void put_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("\\*_#`", *text) != NULL) {
            putchar('\\');
        }
        putchar(*text);
    }
}

static void put_sentence(const char *text, bool has_markup)
{
    char first[2] = {text[0] >= 'a' && text[0] <= 'z' ? (char)(text[0] - 'a' + 'A') : text[0], '\0'};

    put_text(first);
    if (has_markup) {
        fputs(text + 1, stdout);
    } else {
        put_text(text + 1);
    }
    putchar('.');
}

static void put_duration_range(const struct lubdub_setting *setting)
{
    char shortest[LUBDUB_DURATION_TEXT_SIZE];
    char longest[LUBDUB_DURATION_TEXT_SIZE];

    lubdub_format_duration(setting->minimum, shortest);
    lubdub_format_duration(setting->maximum, longest);
    if (setting->minimum > 0 && setting->maximum > 0) {
        printf(" A duration from %s to %s.", shortest, longest);
    } else if (setting->maximum > 0) {
        printf(" A duration of at most %s.", longest);
    } else if (setting->minimum > 0) {
        printf(" A duration of at least %s.", shortest);
    } else {
        printf(" A duration.");
    }
}

static void put_number_range(const struct lubdub_setting *setting, const char *what)
{
    if (setting->minimum > 0 && setting->maximum > 0) {
        printf(" %s from %" PRIu64 " to %" PRIu64 ".", what, setting->minimum, setting->maximum);
    } else if (setting->maximum > 0) {
        printf(" %s of at most %" PRIu64 ".", what, setting->maximum);
    } else if (setting->minimum > 0) {
        printf(" %s of at least %" PRIu64 ".", what, setting->minimum);
    } else {
        printf(" %s.", what);
    }
}

static void put_words(const struct lubdub_setting *setting)
{
    const char *const *word;

    printf(" One of ");
    for (word = setting->words; *word != NULL; word++) {
        printf("%s*", word == setting->words ? "" : word[1] == NULL ? " and " : ", ");
        put_text(*word);
        putchar('*');
    }
    putchar('.');
}

static void put_kind(const struct lubdub_setting *setting)
{
    switch (setting->kind) {
    case LUBDUB_SETTING_DURATION:
        put_duration_range(setting);
        break;
    case LUBDUB_SETTING_COUNT:
        put_number_range(setting, "A number");
        break;
    case LUBDUB_SETTING_SIZE:
        put_number_range(setting, "A size in bytes");
        break;
    case LUBDUB_SETTING_CHOICE:
        put_words(setting);
        break;
    case LUBDUB_SETTING_STRINGS:
    case LUBDUB_SETTING_ADDRESSES:
        printf(" May be given several times.");
        break;
    case LUBDUB_SETTING_FLAG:
    case LUBDUB_SETTING_SHARE:
    case LUBDUB_SETTING_STRING:
    case LUBDUB_SETTING_OPTIONAL_STRING:
    case LUBDUB_SETTING_ADDRESS:
    case LUBDUB_SETTING_CUSTOM:
        break;
    }
    if (setting->is_fixed) {
        printf(" Only a restart changes it.");
    }
}

static void put_manual_row(const struct lubdub_setting *setting, bool has_markup)
{
    if (setting->letter != 0) {
        printf("*-%c*, ", setting->letter);
    }
    printf("*--%s*", setting->name);
    if (setting->metavar != NULL) {
        /* Bars and brackets stand for themselves. scdoc underlines what stands between two _. */
        printf(lubdub_setting_is_flag(setting) ? "[=_" : " _");
        put_text(setting->metavar);
        printf(lubdub_setting_is_flag(setting) ? "_]" : "_");
    }
    printf("\n\t");
    put_sentence(setting->help, has_markup);
    put_kind(setting);
    printf("\n\n");
}

static void print_manual(const struct lubdub_settings_table *table)
{
    size_t i;

    for (i = 0; i < table->row_count; i++) {
        put_manual_row(&table->rows[i], false);
    }
    for (i = 0; i < COMMON_COUNT; i++) {
        put_manual_row(&common_rows[i], true);
    }
}

/* ---- the completion ---- */

/* "F", "FILE" and "F.svg|F.png", but not "FORM". */
static bool is_file(const struct lubdub_setting *setting)
{
    return setting->metavar != NULL && (strcmp(setting->metavar, "F") == 0 || strcmp(setting->metavar, "FILE") == 0 ||
                                        strncmp(setting->metavar, "F.", 2) == 0);
}

static bool is_command(const struct lubdub_setting *setting)
{
    return setting->metavar != NULL &&
           (strcmp(setting->metavar, "PROGRAM") == 0 || strcmp(setting->metavar, "COMMAND") == 0);
}

/* A case of the word before the one that is completed. */
static void put_value_case(const struct lubdub_setting *setting)
{
    const char *const *word;

    if (setting->metavar == NULL || setting->kind == LUBDUB_SETTING_FLAG) {
        return;
    }
    printf("    ");
    if (setting->letter != 0) {
        printf("-%c | ", setting->letter);
    }
    printf("--%s)\n        ", setting->name);
    if (setting->kind == LUBDUB_SETTING_CHOICE) {
        printf("COMPREPLY=($(compgen -W \"");
        for (word = setting->words; *word != NULL; word++) {
            printf("%s%s", word == setting->words ? "" : " ", *word);
        }
        printf("\" -- \"$current\"))\n        ");
    } else if (is_file(setting)) {
        printf("compopt -o filenames\n        COMPREPLY=($(compgen -f -- \"$current\"))\n        ");
    } else if (is_command(setting)) {
        printf("COMPREPLY=($(compgen -c -- \"$current\"))\n        ");
    }
    printf("return ;;\n");
}

/* A name that bash takes for a function: "_lubdub_server". */
static void put_function_name(const char *program)
{
    putchar('_');
    for (; *program != '\0'; program++) {
        putchar(*program == '-' ? '_' : *program);
    }
}

static void print_completion(const struct lubdub_settings_table *table)
{
    size_t i;

    printf("# bash completion for %s, made by the build from the program's options.\n", table->program);
    put_function_name(table->program);
    printf("()\n{\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
           "    if [[ $current == '=' ]]; then\n"
           "        current=''\n"
           "    elif [[ $previous == '=' ]]; then\n"
           "        previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
           "    fi\n"
           "    COMPREPLY=()\n"
           "    case $previous in\n");
    for (i = 0; i < table->row_count; i++) {
        put_value_case(&table->rows[i]);
    }
    for (i = 0; i < COMMON_COUNT; i++) {
        put_value_case(&common_rows[i]);
    }
    printf("    esac\n"
           "    COMPREPLY=($(compgen -W \"");
    for (i = 0; i < table->row_count; i++) {
        printf("--%s ", table->rows[i].name);
    }
    for (i = 0; i < COMMON_COUNT; i++) {
        printf("%s--%s", i > 0 ? " " : "", common_rows[i].name);
    }
    printf("\" -- \"$current\"))\n"
           "}\n"
           "complete -F ");
    put_function_name(table->program);
    printf(" %s\n", table->program);
}

static const struct {
    const char *form;
    void (*print)(const struct lubdub_settings_table *table);
} forms[] = {{"manual", print_manual}, {"completion", print_completion}};

#define FORM_COUNT (sizeof forms / sizeof forms[0])

bool lubdub_settings_can_describe(const char *form)
{
    size_t i;

    for (i = 0; i < FORM_COUNT && strcmp(forms[i].form, form) != 0; i++) {
    }
    return i < FORM_COUNT;
}

bool lubdub_settings_describe(const struct lubdub_settings_table *table, const char *form)
{
    size_t i;

    for (i = 0; i < FORM_COUNT; i++) {
        if (strcmp(forms[i].form, form) == 0) {
            forms[i].print(table);
        }
    }
    return fflush(stdout) == 0 && ferror(stdout) == 0;
}
