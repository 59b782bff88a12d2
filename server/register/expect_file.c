/* Reads the file word by word; a name in double quotes may have blanks. */
#include "server/register/expect_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/settings/parse.h"
#include "program/settings/table.h"

#define OPTION "--expect"
#define NUMBER_SIZE 32
#define LONGEST_GRACE (49 * 24 * LUBDUB_HOUR)

void expect_file_clear(struct expect_file *expect)
{
    free(expect->items);
    lubdub_secret_file_clear(&expect->file);
    memset(expect, 0, sizeof *expect);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* A name in quotes: the quotes and backslashes go, in the file's own bytes. */
static bool take_quoted(char **at, const char *end, struct lubdub_slice *word)
{
    char *to = *at;
    const char *from = *at + 1;

    word->data = to;
    while (from < end && *from != '"') {
        from += *from == '\\' && from + 1 < end;
        *to++ = *from++;
    }
    word->length = (size_t)(to - word->data);
    *at += from - *at + 1;
    return from < end && (from + 1 == end || is_blank(from[1]));
}

/* Cuts the next word off the line; false where only blanks or a comment are left. */
static bool next_word(char **at, const char *end, struct lubdub_slice *word)
{
    while (*at < end && is_blank(**at)) {
        (*at)++;
    }
    *word = (struct lubdub_slice){*at, 0};
    if (*at == end || **at == '#') {
        return false;
    }
    while (*at < end && !is_blank(**at)) {
        (*at)++, word->length++;
    }
    return true;
}

/* The word as text for the parsers; false where it is too long for a number. */
static bool to_text(struct lubdub_slice word, char text[NUMBER_SIZE])
{
    if (word.length >= NUMBER_SIZE) {
        return false;
    }
    memcpy(text, word.data, word.length);
    text[word.length] = '\0';
    return true;
}

static const char *take_grace(struct expected *item, struct lubdub_slice word)
{
    char text[NUMBER_SIZE];

    if (!to_text(word, text) || lubdub_parse_duration(text, &item->grace) != LUBDUB_PARSE_OK ||
        item->grace > LONGEST_GRACE) {
        return "the grace must be a duration up to 1176h, such as 250ms, 3s or 2m";
    }
    return NULL;
}

static const char *take_count(struct expected *item, struct lubdub_slice word)
{
    char text[NUMBER_SIZE];

    if (!to_text(word, text) || lubdub_parse_count(text, &item->count) != LUBDUB_PARSE_OK || item->count == 0 ||
        item->count > UINT32_MAX) {
        return "how many are expected must be a number from 1 on";
    }
    if (!item->is_pattern && item->count != 1) {
        return "an identity is expected once: a number belongs to a pattern with * or ?, and a name with blanks stands "
               "in double quotes";
    }
    return NULL;
}

static const char *take_label(struct expected *item, struct lubdub_slice word)
{
    if (item->label_count == LUBDUB_LABEL_COUNT_LIMIT) {
        return "there are more than 8 labels";
    }
    if (!lubdub_label_parse(&item->labels[item->label_count], word.data, word.length)) {
        return "behind the name stand a number, grace=D and labels KEY=VALUE";
    }
    item->label_count++;
    return NULL;
}

static const char *take_word(struct expected *item, struct lubdub_slice word)
{
    static const char grace[] = "grace=";

    if (word.length >= sizeof grace - 1 && memcmp(word.data, grace, sizeof grace - 1) == 0) {
        return take_grace(item, (struct lubdub_slice){word.data + sizeof grace - 1, word.length - (sizeof grace - 1)});
    }
    if (memchr(word.data, '=', word.length) != NULL) {
        return take_label(item, word);
    }
    if (isdigit((unsigned char)word.data[0]) && !isdigit((unsigned char)word.data[word.length - 1])) {
        return take_grace(item, word);
    }
    if (isalpha((unsigned char)word.data[0]) || (unsigned char)word.data[0] >= 0x80) {
        return "a name with blanks stands in double quotes; behind it stand a number, grace=D and labels KEY=VALUE";
    }
    return take_count(item, word);
}

static bool has_control(const char *line, const char *end)
{
    for (; line < end; line++) {
        if (((unsigned char)*line < 0x20 && *line != '\t') || *line == 0x7f) {
            return true;
        }
    }
    return false;
}

static const char *take_name(struct expected *item, char **at, const char *end)
{
    if (item->name.data[0] == '"') {
        *at -= item->name.length;
        if (!take_quoted(at, end, &item->name)) {
            return "a name that begins with double quotes must end with them";
        }
    }
    if (!lubdub_identity_is_valid(item->name.data, item->name.length)) {
        return "a name must be 1 to 128 bytes of UTF-8 without control characters";
    }
    item->is_pattern = memchr(item->name.data, '*', item->name.length) != NULL ||
                       memchr(item->name.data, '?', item->name.length) != NULL;
    return NULL;
}

/* Doubles the room whenever the count is a power of two. NULL without memory. */
static struct expected *add(struct expect_file *expect)
{
    if ((expect->count & (expect->count - 1)) == 0) {
        size_t room = expect->count > 0 ? 2 * expect->count : 1;
        struct expected *more = realloc(expect->items, room * sizeof *more);

        if (more == NULL) {
            return NULL;
        }
        expect->items = more;
    }
    memset(&expect->items[expect->count], 0, sizeof expect->items[0]);
    return &expect->items[expect->count++];
}

/* Returns what is wrong with the line, or NULL. */
static const char *take_line(struct expect_file *expect, char *line, const char *end)
{
    struct lubdub_slice word;
    struct expected *item;
    const char *fault;

    if (has_control(line, end)) {
        return "there is a control character in it";
    }
    if (!next_word(&line, end, &word)) {
        return NULL;
    }
    if (expect->count == EXPECT_LINES) {
        return "more than 10000 are expected";
    }
    item = add(expect);
    if (item == NULL) {
        return LUBDUB_SETTINGS_NO_MEMORY;
    }
    item->name = word;
    item->count = 1;
    item->grace = LUBDUB_TIME_NEVER;
    fault = take_name(item, &line, end);
    if (item->is_pattern && ++expect->pattern_count > EXPECT_PATTERNS) {
        fault = "more than 256 patterns are expected";
    }
    while (fault == NULL && next_word(&line, end, &word)) {
        fault = take_word(item, word);
    }
    return fault;
}

static int compare(const void *one, const void *other)
{
    struct lubdub_slice a = (*(const struct expected *const *)one)->name;
    struct lubdub_slice b = (*(const struct expected *const *)other)->name;
    int order = memcmp(a.data, b.data, a.length < b.length ? a.length : b.length);

    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* A name that stands there twice; NULL. *no_memory where that cannot be known. */
static const struct expected *find_twice(const struct expect_file *expect, bool *no_memory)
{
    const struct expected **sorted = malloc((expect->count + 1) * sizeof *sorted);
    const struct expected *twice = NULL;
    size_t i;

    *no_memory = sorted == NULL;
    for (i = 0; i < expect->count && sorted != NULL; i++) {
        sorted[i] = &expect->items[i];
    }
    if (sorted != NULL) {
        qsort(sorted, expect->count, sizeof *sorted, compare);
    }
    for (i = 1; i < expect->count && sorted != NULL && twice == NULL; i++) {
        twice = compare(&sorted[i - 1], &sorted[i]) == 0 ? sorted[i] : NULL;
    }
    free(sorted);
    return twice;
}

static bool is_without_doubles(const struct expect_file *expect, const char *path, char *problem, size_t capacity)
{
    char shown_path[LUBDUB_SETTINGS_SHOWN_SIZE];
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];
    char name[LUBDUB_IDENTITY_LIMIT + 1];
    bool no_memory;
    const struct expected *twice = find_twice(expect, &no_memory);

    lubdub_settings_show(path, shown_path);
    if (no_memory) {
        snprintf(problem, capacity, OPTION ": %s: " LUBDUB_SETTINGS_NO_MEMORY, shown_path);
    } else if (twice != NULL) {
        memcpy(name, twice->name.data, twice->name.length);
        name[twice->name.length] = '\0';
        snprintf(problem, capacity, OPTION ": %s: %s stands there twice", shown_path,
                 lubdub_settings_show(name, shown));
    }
    return !no_memory && twice == NULL;
}

bool expect_file_read(struct expect_file *expect, const char *path, char *problem, size_t capacity)
{
    const struct lubdub_secret_kind kind = {OPTION, "identity", LUBDUB_IDENTITY_LIMIT};
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];
    const char *fault = NULL;
    unsigned line;
    char *start;
    char *end;

    expect_file_clear(expect);
    if (!lubdub_secret_file_read_whole(&expect->file, path, &kind, problem, capacity)) {
        return false;
    }
    start = expect->file.bytes;
    end = start + expect->file.length;
    for (line = 1; fault == NULL && start < end; line++) {
        char *newline = memchr(start, '\n', (size_t)(end - start));
        char *line_end = newline != NULL ? newline : end;

        line_end -= line_end > start && line_end[-1] == '\r'; /* of an editor from elsewhere */
        fault = take_line(expect, start, line_end);
        start = newline != NULL ? newline + 1 : end;
    }
    if (fault != NULL) {
        snprintf(problem, capacity, OPTION ": %s: line %u: %s", lubdub_settings_show(path, shown), line - 1, fault);
    }
    if (fault == NULL && is_without_doubles(expect, path, problem, capacity)) {
        return true;
    }
    expect_file_clear(expect);
    return false;
}
