/*
 * What the fuzz targets share: the entry point that libFuzzer, AFL++ and replay.c call, a check that stops the process,
 * and a reader that cuts an input into decisions.
 */
#ifndef LUBDUB_TESTS_FUZZ_FUZZ_H
#define LUBDUB_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* One execution. Returns 0; keeps nothing from one call to the next, so that an input alone tells what happens. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * For targets that have sessions: how far those of the executions came from _begin on. fuzz_depth() prints it and
 * returns whether that is far: every third session came up, and all that a session can tell was told. The driver
 * without a fuzzer asks this of its blind executions.
 */
void fuzz_depth_begin(void) __attribute__((weak));
bool fuzz_depth(void) __attribute__((weak));

/* Stays in every build. The fuzzer keeps the input of a process that aborts. */
#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

#define FAIL(text)                                                \
    do {                                                          \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, text); \
        abort();                                                  \
    } while (0)

/* What is left of an input. */
struct fuzz_input {
    const uint8_t *bytes;
    size_t left;
};

/* The next byte; 0 at the end. */
static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->bytes++;
}

static inline uint16_t fuzz_pair(struct fuzz_input *input)
{
    uint16_t high = fuzz_byte(input);

    return (uint16_t)(high << 8 | fuzz_byte(input));
}

/* The next bytes, at most `wanted`; *length says how many there are. */
static inline const uint8_t *fuzz_take(struct fuzz_input *input, size_t wanted, size_t *length)
{
    const uint8_t *bytes = input->bytes;

    *length = wanted < input->left ? wanted : input->left;
    input->bytes += *length;
    input->left -= *length;
    return bytes;
}

#endif
