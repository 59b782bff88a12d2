/* Replaces the core's allocator, and fails the allocation that a test has chosen. */
#include "failing_malloc.h"

#include <errno.h>

#include "endpoint.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static size_t failing; /* 0: none */
static size_t counted;
static bool later_fail_too;

void failing_malloc_begin(size_t n, bool later_ones_too)
{
    failing = n;
    counted = 0;
    later_fail_too = later_ones_too;
}

bool failing_malloc_end(void)
{
    bool came = failing > 0 && counted >= failing;

    failing = 0;
    return came;
}

static bool fails(void)
{
    if (failing == 0 || !endpoint_core_runs) {
        return false;
    }
    counted++;
    if (counted == failing || (later_fail_too && counted > failing)) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}
