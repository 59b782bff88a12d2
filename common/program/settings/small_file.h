/* The start of a regular file, as of secrets that stand in one: never waits, whatever the path turns out to be. */
#ifndef LUBDUB_PROGRAM_SETTINGS_SMALL_FILE_H
#define LUBDUB_PROGRAM_SETTINGS_SMALL_FILE_H

#include <stddef.h>

/*
 * Fills bytes as far as the file or they go; *length says how far. Returns NULL, or what is wrong as a phrase after the
 * file's name ("is not a regular file"), which lives until the thread's next strerror(); bytes may be filled in part then.
 */
const char *lubdub_small_file_read(const char *path, char *bytes, size_t capacity, size_t *length);

#endif
