/* Opened, looked at, read. */
#include "program/settings/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *lubdub_small_file_read(const char *path, char *bytes, size_t capacity, size_t *length)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not keep us */
    const char *fault = NULL;
    struct stat status;
    ssize_t part = 1;

    *length = 0;
    if (file < 0) {
        return strerror(errno);
    }
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        fault = "is not a regular file";
    }
    while (fault == NULL && part > 0 && *length < capacity) {
        part = read(file, bytes + *length, capacity - *length);
        if (part < 0) {
            fault = strerror(errno);
        } else {
            *length += (size_t)part;
        }
    }
    close(file);
    return fault;
}
