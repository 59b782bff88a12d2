/* Reads a file with a token, and perhaps a pattern, on each line. */
#include "program/settings/token_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/settings/table.h"

void lubdub_token_file_clear(struct lubdub_token_file *tokens)
{
    free(tokens->tokens);
    free(tokens->patterns);
    lubdub_secret_file_clear(&tokens->file);
    memset(tokens, 0, sizeof *tokens);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Cuts the next word off the line; empty where only blanks or a comment are left. */
static struct lubdub_slice next_word(struct lubdub_slice *line)
{
    struct lubdub_slice word;

    while (line->length > 0 && is_blank(line->data[0])) {
        line->data++, line->length--;
    }
    word = (struct lubdub_slice){line->data, 0};
    if (line->length > 0 && line->data[0] == '#') {
        line->length = 0;
    }
    while (line->length > 0 && !is_blank(line->data[0])) {
        line->data++, line->length--, word.length++;
    }
    return word;
}

static bool has_control(struct lubdub_slice line)
{
    size_t i;

    for (i = 0; i < line.length; i++) {
        if (((unsigned char)line.data[i] < 0x20 && line.data[i] != '\t') || line.data[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool begins_with_mark(struct lubdub_slice line)
{
    static const char mark[] = "\xef\xbb\xbf";

    return line.length >= 3 && memcmp(line.data, mark, 3) == 0;
}

/* Doubles the room whenever its count is a power of two. */
static bool add(struct lubdub_token_file *tokens, struct lubdub_slice token, struct lubdub_slice pattern)
{
    if ((tokens->count & (tokens->count - 1)) == 0) {
        size_t capacity = tokens->count > 0 ? 2 * tokens->count : 1;
        struct lubdub_slice *more_tokens = realloc(tokens->tokens, capacity * sizeof *more_tokens);
        struct lubdub_slice *more_patterns = realloc(tokens->patterns, capacity * sizeof *more_patterns);

        tokens->tokens = more_tokens != NULL ? more_tokens : tokens->tokens;
        tokens->patterns = more_patterns != NULL ? more_patterns : tokens->patterns;
        if (more_tokens == NULL || more_patterns == NULL) {
            return false;
        }
    }
    tokens->tokens[tokens->count] = token;
    tokens->patterns[tokens->count] = pattern.length > 0 ? pattern : (struct lubdub_slice){NULL, 0};
    tokens->count++;
    return true;
}

/* Returns what is wrong with the line, or NULL. */
static const char *take_line(struct lubdub_token_file *tokens, struct lubdub_slice line)
{
    struct lubdub_slice token;
    struct lubdub_slice pattern;

    if (has_control(line)) {
        return "there is a control character in it";
    }
    if (begins_with_mark(line)) {
        return "it begins with a byte order mark";
    }
    token = next_word(&line);
    pattern = next_word(&line);
    if (token.length == 0) {
        return NULL;
    }
    if (token.length > LUBDUB_TOKEN_LIMIT) {
        return "a token must be at most 1024 bytes";
    }
    if (next_word(&line).length > 0) {
        return "more than a token and a pattern; a token has no blanks";
    }
    if (pattern.length > 0 && !lubdub_identity_is_valid(pattern.data, pattern.length)) {
        return "a pattern must be 1 to 128 bytes of UTF-8 without control characters";
    }
    return add(tokens, token, pattern) ? NULL : LUBDUB_SETTINGS_NO_MEMORY;
}

bool lubdub_token_file_read(struct lubdub_token_file *tokens, const char *path, const char *option, char *problem,
                            size_t capacity)
{
    const struct lubdub_secret_kind kind = {option, "token", LUBDUB_TOKEN_LIMIT};
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];
    const char *fault = NULL;
    const char *start;
    const char *end;
    unsigned line;

    lubdub_token_file_clear(tokens);
    if (!lubdub_secret_file_read_whole(&tokens->file, path, &kind, problem, capacity)) {
        return false;
    }
    start = tokens->file.bytes;
    end = start + tokens->file.length;
    for (line = 1; fault == NULL && start < end; line++) {
        const char *newline = memchr(start, '\n', (size_t)(end - start));
        size_t length = (size_t)((newline != NULL ? newline : end) - start);

        length -= length > 0 && start[length - 1] == '\r'; /* of an editor from elsewhere */
        fault = take_line(tokens, (struct lubdub_slice){start, length});
        start = newline != NULL ? newline + 1 : end;
    }
    if (fault == NULL && tokens->count > 0) {
        return true;
    }
    if (fault == NULL) {
        snprintf(problem, capacity, "%s: %s: there is no token in it", option, lubdub_settings_show(path, shown));
    } else {
        snprintf(problem, capacity, "%s: %s: line %u: %s", option, lubdub_settings_show(path, shown), line - 1, fault);
    }
    lubdub_token_file_clear(tokens);
    return false;
}
