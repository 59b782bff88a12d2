/* Reads it and forgets it properly. */
#define _GNU_SOURCE
#include "client/program/token.h"

#include <stdio.h>
#include <string.h>

#include "program/settings/small_file.h"

void token_clear(struct token *token)
{
    explicit_bzero(token, sizeof *token);
}

bool token_read(struct token *token, const char *path, char *problem, size_t capacity)
{
    size_t length = 0;
    const char *fault = lubdub_small_file_read(path, token->bytes, sizeof token->bytes, &length);
    const char *newline = memchr(token->bytes, '\n', length);

    if (newline != NULL) {
        length = (size_t)(newline - token->bytes);
    }
    if (length > 0 && token->bytes[length - 1] == '\r') {
        length--; /* of an editor from elsewhere */
    }
    if (fault == NULL && (length == 0 || length > LUBDUB_TOKEN_LIMIT)) {
        fault = "its first line must be a token of 1 to 1024 bytes";
    }
    if (fault != NULL) {
        token_clear(token);
        snprintf(problem, capacity, "--token-file: %s: %s", path, fault);
        return false;
    }
    token->text = (struct lubdub_slice){token->bytes, length};
    return true;
}
