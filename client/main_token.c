/* Reads it and forgets it properly. */
#define _GNU_SOURCE
#include "main_token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void token_clear(struct token *token)
{
    explicit_bzero(token, sizeof *token);
}

/* Fills bytes as far as they go. Returns what is wrong, or NULL. */
static const char *read_start(struct token *token, const char *path, size_t *length)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not keep us */
    const char *fault = NULL;
    struct stat status;
    ssize_t part = 1;

    if (file < 0) {
        return strerror(errno);
    }
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        fault = "is not a regular file";
    }
    for (*length = 0; fault == NULL && part > 0 && *length < sizeof token->bytes; *length += (size_t)part) {
        part = read(file, token->bytes + *length, sizeof token->bytes - *length);
        if (part < 0) {
            fault = strerror(errno);
            break;
        }
    }
    close(file);
    return fault;
}

bool token_read(struct token *token, const char *path, char *problem, size_t capacity)
{
    size_t length = 0;
    const char *fault = read_start(token, path, &length);
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
