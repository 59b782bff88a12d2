/* Reads tokens and forgets them properly. */
#define _GNU_SOURCE
#include "server/program/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/settings/small_file.h"

#define LARGEST_FILE (1024 * 1024)

void tokens_clear(struct tokens *tokens)
{
    if (tokens->bytes != NULL) {
        explicit_bzero(tokens->bytes, tokens->length);
    }
    free(tokens->bytes);
    free(tokens->items);
    memset(tokens, 0, sizeof *tokens);
}

static bool fail(char *problem, size_t capacity, const char *path, const char *why)
{
    snprintf(problem, capacity, "--token-file: %s: %s", path, why);
    return false;
}

/* Reads a file of bounded size whole. Returns what is wrong, or NULL. */
static const char *read_file(struct tokens *tokens, const char *path)
{
    const char *fault;

    tokens->bytes = malloc(LARGEST_FILE + 1); /* one more, to see that it is larger */
    if (tokens->bytes == NULL) {
        return "no memory is left";
    }
    fault = lubdub_small_file_read(path, tokens->bytes, LARGEST_FILE + 1, &tokens->length);
    return fault == NULL && tokens->length > LARGEST_FILE ? "is larger than 1 MiB" : fault;
}

/* Adds one line, without the carriage return of an editor from elsewhere. Returns what is wrong, or NULL. */
static const char *add(struct tokens *tokens, const char *line, size_t length)
{
    struct lubdub_slice *grown;

    if (length > 0 && line[length - 1] == '\r') {
        length--;
    }
    if (length == 0) {
        return NULL;
    }
    if (length > LUBDUB_TOKEN_LIMIT) {
        return "a token must be at most 1024 bytes";
    }
    grown = realloc(tokens->items, (tokens->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return "no memory is left";
    }
    tokens->items = grown;
    tokens->items[tokens->count++] = (struct lubdub_slice){line, length};
    return NULL;
}

bool tokens_read(struct tokens *tokens, const char *path, char *problem, size_t capacity)
{
    const char *fault;
    const char *line;
    const char *end;

    tokens_clear(tokens);
    fault = read_file(tokens, path);
    line = tokens->bytes;
    end = line != NULL ? line + tokens->length : NULL;
    while (fault == NULL && line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline != NULL ? newline : end;

        fault = add(tokens, line, (size_t)(stop - line));
        line = stop + 1;
    }
    if (fault == NULL && tokens->count == 0) {
        fault = "there is no token in it";
    }
    if (fault != NULL) {
        tokens_clear(tokens);
        return fail(problem, capacity, path, fault);
    }
    return true;
}
