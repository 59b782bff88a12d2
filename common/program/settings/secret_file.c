/* Reads secrets from a regular file, and wipes them from memory. */
#define _GNU_SOURCE
#include "program/settings/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/settings/table.h"

#define LARGEST_FILE ((size_t)1024 * 1024)

#define FAULT_SIZE 128
#define PATH_SIZE 256 /* of a path in a sentence; a longer one is cut */

void lubdub_secret_file_clear(struct lubdub_secret_file *file)
{
    if (file->bytes != NULL) {
        explicit_bzero(file->bytes, file->length);
    }
    free(file->bytes);
    free(file->lines);
    memset(file, 0, sizeof *file);
}

/* Fills the file's bytes as far as the file or they go. Returns what is wrong, or NULL. */
static const char *read_start(struct lubdub_secret_file *file, const char *path, size_t capacity)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not keep the program waiting */
    const char *fault = NULL;
    struct stat status;
    ssize_t part = 1;

    if (descriptor < 0) {
        return strerror(errno);
    }
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        fault = "is not a regular file";
    }
    while (fault == NULL && part > 0 && file->length < capacity) {
        part = read(descriptor, file->bytes + file->length, capacity - file->length);
        if (part < 0) {
            fault = strerror(errno);
        } else {
            file->length += (size_t)part;
        }
    }
    close(descriptor);
    return fault;
}

static const char *open_anew(struct lubdub_secret_file *file, const char *path, size_t capacity)
{
    lubdub_secret_file_clear(file);
    file->bytes = malloc(capacity);
    return file->bytes != NULL ? read_start(file, path, capacity) : LUBDUB_SETTINGS_NO_MEMORY;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* The line that begins at start, without its end, the carriage return of an editor from elsewhere, and blanks around. */
static struct lubdub_slice line_at(const struct lubdub_secret_file *file, const char *start)
{
    size_t left = (size_t)(file->bytes + file->length - start);
    const char *newline = memchr(start, '\n', left);
    size_t length = newline != NULL ? (size_t)(newline - start) : left;

    length -= length > 0 && start[length - 1] == '\r';
    while (length > 0 && is_blank(start[length - 1])) {
        length--;
    }
    while (length > 0 && is_blank(*start)) {
        start++, length--;
    }
    return (struct lubdub_slice){start, length};
}

static const char *add(struct lubdub_secret_file *file, struct lubdub_slice line)
{
    file->lines = malloc(sizeof *file->lines);
    if (file->lines == NULL) {
        return LUBDUB_SETTINGS_NO_MEMORY;
    }
    file->lines[file->count++] = line;
    return NULL;
}

static bool end(struct lubdub_secret_file *file, const char *path, const struct lubdub_secret_kind *kind,
                const char *fault, char *problem, size_t capacity)
{
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];

    if (fault == NULL) {
        return true;
    }
    snprintf(problem, capacity, "%s: %s: %s", kind->option, lubdub_settings_show(path, shown), fault);
    lubdub_secret_file_clear(file);
    return false;
}

bool lubdub_secret_file_read_first(struct lubdub_secret_file *file, const char *path,
                                   const struct lubdub_secret_kind *kind, char *problem, size_t capacity)
{
    const char *fault = open_anew(file, path, kind->longest + 2); /* and the line's end, of two bytes at most */
    char wrong_length[FAULT_SIZE];

    if (fault == NULL) {
        struct lubdub_slice line = line_at(file, file->bytes);

        if (line.length == 0 || line.length > kind->longest) {
            snprintf(wrong_length, sizeof wrong_length, "its first line must be a %s of 1 to %zu bytes", kind->noun,
                     kind->longest);
            fault = wrong_length;
        } else {
            fault = add(file, line);
        }
    }
    return end(file, path, kind, fault, problem, capacity);
}

bool lubdub_secret_file_read_whole(struct lubdub_secret_file *file, const char *path,
                                   const struct lubdub_secret_kind *kind, char *problem, size_t capacity)
{
    const char *fault = open_anew(file, path, LARGEST_FILE + 1); /* one byte more, to see that it is larger */

    if (fault == NULL && file->length > LARGEST_FILE) {
        fault = "is larger than 1 MiB";
    }
    return end(file, path, kind, fault, problem, capacity);
}
