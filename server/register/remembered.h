/*
 * Holds the patterns that were missing when the state file was written, until the first list of the expected is taken:
 * what was told before a restart is not told again.
 */
#ifndef LUBDUB_SERVER_REGISTER_REMEMBERED_H
#define LUBDUB_SERVER_REGISTER_REMEMBERED_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/option.h>

/* Zeroed: none. */
struct remembered {
    char (*names)[LUBDUB_IDENTITY_LIMIT + 1]; /* each ends with zero */
    size_t count;
};

/* Valid identities only. Of more than EXPECT_PATTERNS, and without memory, the rest is left out: told once more. */
void remembered_add(struct remembered *remembered, struct lubdub_slice name);

bool remembered_has(const struct remembered *remembered, struct lubdub_slice name);

void remembered_clear(struct remembered *remembered);

#endif
