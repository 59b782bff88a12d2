/* Gives an input a path, for readers that open a file themselves. */
#ifndef LUBDUB_TESTS_FUZZ_MEMORY_FILE_H
#define LUBDUB_TESTS_FUZZ_MEMORY_FILE_H

#include <stddef.h>
#include <stdint.h>

/* A regular file that exists in memory only and holds these bytes until the next call. The path is static. */
const char *memory_file(const uint8_t *bytes, size_t length);

#endif
