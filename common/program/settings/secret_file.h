/*
 * Reads a file of secrets, one a line: tokens, passwords. Reading never waits, whatever the path turns out to be, and
 * leaves no copy of a secret in memory but the one in the struct.
 */
#ifndef LUBDUB_PROGRAM_SETTINGS_SECRET_FILE_H
#define LUBDUB_PROGRAM_SETTINGS_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/option.h>

/* Zeroed: none was read. */
struct lubdub_secret_file {
    struct lubdub_slice *lines; /* of _first: its line, without its end and the blanks around; into bytes */
    size_t count;
    char *bytes;
    size_t length;
};

/* What is read, for the sentences about it. */
struct lubdub_secret_kind {
    const char *option; /* "--token-file" */
    const char *noun;   /* "token" */
    size_t longest;     /* bytes of one secret */
};

/*
 * Both read a regular file anew into *file, wiping what it had. They return true; or false and a sentence in problem,
 * then *file has nothing.
 *
 * _first takes the first line, of 1 byte to the longest, and looks at nothing behind it. _whole takes all bytes of a file
 * of at most 1 MiB.
 */
bool lubdub_secret_file_read_first(struct lubdub_secret_file *file, const char *path,
                                   const struct lubdub_secret_kind *kind, char *problem, size_t capacity);
bool lubdub_secret_file_read_whole(struct lubdub_secret_file *file, const char *path,
                                   const struct lubdub_secret_kind *kind, char *problem, size_t capacity);

/* Wipes and frees. */
void lubdub_secret_file_clear(struct lubdub_secret_file *file);

#endif
