/* Keeps one file in memory. */
#define _GNU_SOURCE
#include "memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

const char *memory_file(const uint8_t *bytes, size_t length)
{
    static int descriptor = -1;
    static char path[64];

    if (descriptor == -1) {
        descriptor = memfd_create("input", MFD_CLOEXEC);
        CHECK(descriptor != -1);
        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    }
    CHECK(ftruncate(descriptor, (off_t)length) == 0);
    CHECK(pwrite(descriptor, bytes, length, 0) == (ssize_t)length);
    return path;
}
