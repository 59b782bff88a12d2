/* Finds rows by name, or the name that was probably meant, and keeps the memory of a load. */
#define _POSIX_C_SOURCE 200809L
#include "program/settings/table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "program/events/escape.h"

/* Longer names are not compared: no name is misspelt that much, and the table of distances stays small. */
#define NAME_MAX_LENGTH 40

/* ---- memory ---- */

struct lubdub_settings_block {
    struct lubdub_settings_block *next;
    max_align_t bytes[];
};

void *lubdub_settings_allocate(struct lubdub_settings_loaded *loaded, size_t size)
{
    struct lubdub_settings_block *block = calloc(1, sizeof *block + size);

    if (block == NULL) {
        return NULL;
    }
    block->next = loaded->memory;
    loaded->memory = block;
    return block->bytes;
}

void lubdub_settings_clear(struct lubdub_settings_loaded *loaded)
{
    while (loaded->memory != NULL) {
        struct lubdub_settings_block *block = loaded->memory;

        loaded->memory = block->next;
        free(block);
    }
    memset(loaded, 0, sizeof *loaded);
}

/* ---- rows ---- */

bool lubdub_setting_is_list(const struct lubdub_setting *setting)
{
    return setting->kind == LUBDUB_SETTING_STRINGS || setting->kind == LUBDUB_SETTING_ADDRESSES;
}

bool lubdub_setting_is_flag(const struct lubdub_setting *setting)
{
    return setting->kind == LUBDUB_SETTING_FLAG || setting->kind == LUBDUB_SETTING_OPTIONAL_STRING;
}

const struct lubdub_setting *lubdub_settings_find(const struct lubdub_settings_table *table, const char *name,
                                                  size_t length)
{
    size_t i;

    for (i = 0; i < table->row_count; i++) {
        const struct lubdub_setting *setting = &table->rows[i];

        if (strlen(setting->name) == length && strncmp(setting->name, name, length) == 0) {
            return setting;
        }
    }
    return NULL;
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
    static const char *const others[] = {"config", "check-config", "help", "version"};
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

/* ---- errors ---- */

const char *lubdub_settings_show(const char *value, char text[LUBDUB_SETTINGS_SHOWN_SIZE])
{
    lubdub_escape_text(text, LUBDUB_SETTINGS_SHOWN_SIZE, value, strnlen(value, LUBDUB_SETTINGS_SHOWN_SIZE));
    return text;
}
