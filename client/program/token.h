/* The secret that a client shows. */
#ifndef LUBDUB_CLIENT_PROGRAM_TOKEN_H
#define LUBDUB_CLIENT_PROGRAM_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/option.h>

/* Zeroed: none. */
struct token {
    struct lubdub_slice text; /* into bytes */
    char bytes[LUBDUB_TOKEN_LIMIT + 2];
};

/* Takes the first line of a regular file. Returns whether it did, else problem says why not. */
bool token_read(struct token *token, const char *path, char *problem, size_t capacity);

void token_clear(struct token *token);

#endif
