/*
 * Reads a file of tokens and of the identities that each of them lets in, one a line:
 *
 *     # pumps of the north hall
 *     dHJvbWJvbmU=   pump-*
 *     c2F4b3Bob25l              # any identity
 *
 * A line is TOKEN [PATTERN]; in the pattern * stands for any characters and ? for one. `#` begins a comment, at the
 * start of a line or behind a blank. Blanks around are not part of anything. A line that may mean something else is
 * refused.
 */
#ifndef LUBDUB_PROGRAM_SETTINGS_TOKEN_FILE_H
#define LUBDUB_PROGRAM_SETTINGS_TOKEN_FILE_H

#include "program/settings/secret_file.h"

/* Zeroed: none was read. */
struct lubdub_token_file {
    struct lubdub_slice *tokens;   /* into the file's bytes */
    struct lubdub_slice *patterns; /* of each; data NULL: none */
    size_t count;
    struct lubdub_secret_file file;
};

/*
 * Reads the file anew, of at most 1 MiB, and wipes what *tokens had. A file without any token is wrong, for it would
 * admit everything or nothing. Returns false and a sentence in problem, with the number of the line; then *tokens has
 * nothing.
 */
bool lubdub_token_file_read(struct lubdub_token_file *tokens, const char *path, const char *option, char *problem,
                            size_t capacity);

/* Wipes and frees. */
void lubdub_token_file_clear(struct lubdub_token_file *tokens);

#endif
