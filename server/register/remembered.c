/* Keeps the names in one piece of memory for as many as a list can have. */
#include "server/register/remembered.h"

#include <stdlib.h>
#include <string.h>

#include "server/register/expect_file.h"

void remembered_add(struct remembered *remembered, struct lubdub_slice name)
{
    if (remembered->names == NULL) {
        remembered->names = calloc(EXPECT_PATTERNS, sizeof *remembered->names);
    }
    if (remembered->names != NULL && remembered->count < EXPECT_PATTERNS) {
        memcpy(remembered->names[remembered->count++], name.data, name.length);
    }
}

bool remembered_has(const struct remembered *remembered, struct lubdub_slice name)
{
    size_t i;

    for (i = 0; i < remembered->count; i++) {
        if (strlen(remembered->names[i]) == name.length && memcmp(remembered->names[i], name.data, name.length) == 0) {
            return true;
        }
    }
    return false;
}

void remembered_clear(struct remembered *remembered)
{
    free(remembered->names);
    *remembered = (struct remembered){0};
}
