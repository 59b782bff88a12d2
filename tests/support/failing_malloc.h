/*
 * Makes the n-th allocation of the core fail. For programs linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc. Allocations of the tests themselves are not touched.
 */
#ifndef LUBDUB_TESTS_SUPPORT_FAILING_MALLOC_H
#define LUBDUB_TESTS_SUPPORT_FAILING_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* From now on the core's allocations are counted from 1; the n-th fails, and with it all later ones if so wished. */
void failing_malloc_begin(size_t n, bool later_ones_too);

/* Whether the n-th came. Allocations succeed again. */
bool failing_malloc_end(void);

#endif
