/* Prints the text of --help from the rows of a table. */
#include "program/settings/help.h"

#include <stdio.h>

#define HELP_COLUMN 30

static void print_row(char letter, const char *name, const char *metavar, bool is_optional, const char *help)
{
    char left[128];
    int length = snprintf(left, sizeof left, letter != 0 ? "  -%c, " : "      ", letter);

    length += snprintf(left + length, sizeof left - (size_t)length, "--%s", name);
    if (metavar != NULL) {
        length += snprintf(left + length, sizeof left - (size_t)length, is_optional ? "[=%s]" : " %s", metavar);
    }
    if (length >= HELP_COLUMN) {
        printf("%s\n%*s%s\n", left, HELP_COLUMN, "", help);
    } else {
        printf("%-*s%s\n", HELP_COLUMN, left, help);
    }
}

bool lubdub_settings_print_help(const struct lubdub_settings_table *table)
{
    size_t i;

    printf("Usage: %s %s\n%s\nOptions:\n", table->program, table->arguments, table->summary);
    for (i = 0; i < table->row_count; i++) {
        const struct lubdub_setting *setting = &table->rows[i];

        print_row(setting->letter, setting->name, setting->metavar, lubdub_setting_is_flag(setting), setting->help);
    }
    print_row(0, "config", "FILE", false, "read options from FILE: a line each, interval = 250ms");
    print_row(0, "check-config", NULL, false, "read all settings, say whether they are right, and leave");
    print_row(0, "help", NULL, false, "print this and leave");
    print_row(0, "version", NULL, false, "print the version and leave");
    if (table->closing != NULL) {
        printf("\n%s", table->closing);
    }
    return fflush(stdout) == 0 && ferror(stdout) == 0;
}
