/*
 * Reads a file of the identities that are expected, one a line:
 *
 *     # the north hall
 *     pump-7     grace=30s site=north
 *     valve-*    12               # twelve of them, whichever
 *
 * A line is IDENTITY, or PATTERN (* is any characters, ? is one) and how many are expected of it (1); then, in any
 * order, grace=D and labels KEY=VALUE. `#` begins a comment, at the start of a line or behind a blank.
 */
#ifndef LUBDUB_SERVER_REGISTER_EXPECT_FILE_H
#define LUBDUB_SERVER_REGISTER_EXPECT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/option.h>
#include <lubdub/time.h>

#include "program/settings/secret_file.h"

#define EXPECT_LINES 10000
#define EXPECT_PATTERNS 256 /* of these lines: each session is compared with all of them */

struct expected {
    struct lubdub_slice name; /* the identity or the pattern; into the file's bytes */
    bool is_pattern;
    uint64_t count;        /* 1 for an identity */
    lubdub_duration grace; /* LUBDUB_TIME_NEVER: as usual */
    size_t label_count;
    struct lubdub_label labels[LUBDUB_LABEL_COUNT_LIMIT];
};

/* Zeroed: nothing is expected. */
struct expect_file {
    struct expected *items;
    size_t count;
    size_t pattern_count;
    struct lubdub_secret_file file;
};

/*
 * Reads the file anew, of at most 1 MiB. Returns false and a sentence in problem, with the number of the line; then
 * *expect has nothing.
 */
bool expect_file_read(struct expect_file *expect, const char *path, char *problem, size_t capacity);
void expect_file_clear(struct expect_file *expect);

#endif
