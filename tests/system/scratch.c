#define _GNU_SOURCE
#include "scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/test.h"

void scratch_make(struct scratch *scratch)
{
    const char *parent = getenv("TMPDIR");

    snprintf(scratch->folder, sizeof scratch->folder, "%s/lubdub-test-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(scratch->folder));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

void scratch_remove(struct scratch *scratch)
{
    if (scratch->folder[0] != '\0') {
        nftw(scratch->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        scratch->folder[0] = '\0';
    }
}

char *scratch_path(const struct scratch *scratch, const char *name, char path[SCRATCH_PATH])
{
    snprintf(path, SCRATCH_PATH, "%s/%s", scratch->folder, name);
    return path;
}

char *scratch_write(const struct scratch *scratch, const char *name, const void *content, size_t length,
                    char path[SCRATCH_PATH])
{
    int file = open(scratch_path(scratch, name, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(file >= 0);
    assert_int_equal(write(file, content, length), length);
    close(file);
    return path;
}

char *scratch_write_text(const struct scratch *scratch, const char *name, const char *text, char path[SCRATCH_PATH])
{
    return scratch_write(scratch, name, text, strlen(text), path);
}
