/* A folder that is there for one test, and the files in it. */
#ifndef LUBDUB_TESTS_SYSTEM_SCRATCH_H
#define LUBDUB_TESTS_SYSTEM_SCRATCH_H

#include <stddef.h>

#define SCRATCH_PATH 256

struct scratch {
    char folder[SCRATCH_PATH / 2];
};

void scratch_make(struct scratch *scratch);

/* With all that is in it, folders too. */
void scratch_remove(struct scratch *scratch);

/* Where a file of this name would be. Writes to path and returns it. */
char *scratch_path(const struct scratch *scratch, const char *name, char path[SCRATCH_PATH]);

/* Writes a file of this content and returns its path. */
char *scratch_write(const struct scratch *scratch, const char *name, const void *content, size_t length,
                    char path[SCRATCH_PATH]);
char *scratch_write_text(const struct scratch *scratch, const char *name, const char *text, char path[SCRATCH_PATH]);

#endif
