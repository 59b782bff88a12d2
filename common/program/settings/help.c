/* What --help prints, and which name was meant by a misspelt one. */
#define _POSIX_C_SOURCE 200809L
#include "program/settings/internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HELP_COLUMN 30

/* Longer names are not compared: nobody misspells one that much, and the table of distances stays small. */
#define NAME_MAX_LENGTH 40

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
    print_row(0, "help", NULL, false, "print this and leave");
    print_row(0, "version", NULL, false, "print the version and leave");
    if (table->closing != NULL) {
        printf("\n%s", table->closing);
    }
    return fflush(stdout) == 0 && ferror(stdout) == 0;
}

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter == '_' ? '-' : letter;
}

static size_t smallest(size_t one, size_t other, size_t third)
{
    size_t least = one < other ? one : other;

    return least < third ? least : third;
}

/* How many letters must be put in, taken out, replaced or swapped with their neighbour (Damerau, restricted). */
static size_t distance(const char *one, size_t one_length, const char *other, size_t other_length)
{
    size_t rows[NAME_MAX_LENGTH + 1][NAME_MAX_LENGTH + 1];
    size_t i;
    size_t j;

    for (i = 0; i <= one_length; i++) {
        rows[i][0] = i;
    }
    for (j = 0; j <= other_length; j++) {
        rows[0][j] = j;
    }
    for (i = 1; i <= one_length; i++) {
        for (j = 1; j <= other_length; j++) {
            bool is_same = lower(one[i - 1]) == lower(other[j - 1]);

            rows[i][j] = smallest(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (is_same ? 0 : 1));
            if (i > 1 && j > 1 && lower(one[i - 1]) == lower(other[j - 2]) &&
                lower(one[i - 2]) == lower(other[j - 1])) {
                rows[i][j] = smallest(rows[i][j], rows[i - 2][j - 2] + 1, rows[i][j]);
            }
        }
    }
    return rows[one_length][other_length];
}

const char *lubdub_settings_nearest(const struct lubdub_settings_table *table, const char *name, size_t length)
{
    static const char *const others[] = {"config", "help", "version"};
    size_t other_count = sizeof others / sizeof others[0];
    size_t best = length / 3 + 1; /* further away is another word */
    const char *nearest = NULL;
    size_t i;

    if (length == 0 || length > NAME_MAX_LENGTH) {
        return NULL;
    }
    for (i = 0; i < table->row_count + other_count; i++) {
        const char *candidate = i < table->row_count ? table->rows[i].name : others[i - table->row_count];
        size_t candidate_length = strlen(candidate);
        bool is_beginning = length >= 3 && candidate_length > length && strncasecmp(candidate, name, length) == 0;
        size_t apart;

        if (candidate_length > NAME_MAX_LENGTH) {
            continue;
        }
        apart = is_beginning ? 1 : distance(name, length, candidate, candidate_length);
        if (apart < best || (apart == best && nearest == NULL)) {
            best = apart;
            nearest = candidate;
        }
    }
    return nearest;
}
