/* A file of tokens, one a line. */
#ifndef LUBDUB_SERVER_PROGRAM_TOKENS_H
#define LUBDUB_SERVER_PROGRAM_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/option.h>

/* Zeroed: none. */
struct tokens {
    struct lubdub_slice *items; /* into bytes */
    size_t count;
    char *bytes;
    size_t length;
};

/*
 * Reads the file. Empty lines are passed over; a file without any token is an error, as it would let everybody in or
 * nobody. False and a sentence in problem: cannot be read, is no regular file, a token of over 1024 bytes.
 */
bool tokens_read(struct tokens *tokens, const char *path, char *problem, size_t capacity);

/* Wipes and frees. */
void tokens_clear(struct tokens *tokens);

#endif
