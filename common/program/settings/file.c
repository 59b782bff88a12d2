/*
 * Reads the configuration file whole and checks it, before inih cuts it into keys and values.
 *
 * inih would go on with half a line where one is too long, join indented lines to the one before, and take a semicolon
 * for the end of a value. All of that is kept from it by handing it one prepared line at a time.
 */
#define _POSIX_C_SOURCE 200809L
#include "program/settings/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/events/escape.h"
#include "program/settings/promised.h"
#include "program/settings/value.h"

#define FILE_SIZE_MAX ((size_t)10 * 1024 * 1024)
#define LINE_LENGTH_MAX 4096

/* Stands for ; inside inih, which would end the value there. No line has this byte. */
#define SEMICOLON '\x01'

/* Some builds of inih take longer lines when told so; in others this does not exist. The shorter limit counts. */
extern int ini_max_line __attribute__((weak));

struct reader {
    struct lubdub_settings_loader *loader;
    const char *path;
    char *text;
    size_t length;
    size_t taken;
    unsigned line; /* the line that was taken last, from 1 */
    bool is_wrong;
    bool is_of_another; /* the lines stand below another program's section */
    bool *is_set;       /* for each row, whether this file has set it */
};

static bool complain(struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Keeps the first problem. Always false. */
static bool complain(struct reader *reader, const char *format, ...)
{
    char *problem = reader->loader->loaded->problem;
    char path[LUBDUB_SETTINGS_PROBLEM_SIZE / 2];
    va_list arguments;
    int used;

    if (reader->is_wrong) {
        return false;
    }
    reader->is_wrong = true;
    lubdub_escape_text(path, sizeof path, reader->path, strlen(reader->path));
    used = reader->line > 0 ? snprintf(problem, LUBDUB_SETTINGS_PROBLEM_SIZE, "%s:%u: ", path, reader->line)
                            : snprintf(problem, LUBDUB_SETTINGS_PROBLEM_SIZE, "%s: ", path);
    va_start(arguments, format);
    vsnprintf(problem + used, LUBDUB_SETTINGS_PROBLEM_SIZE - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

static bool check_status(struct reader *reader, int descriptor, size_t *size)
{
    struct stat status;

    if (fstat(descriptor, &status) != 0) {
        return complain(reader, "cannot be read: %s", strerror(errno));
    }
    if (S_ISDIR(status.st_mode)) {
        return complain(reader, "is a directory; must be a file");
    }
    if (!S_ISREG(status.st_mode)) {
        return complain(reader, "must be a regular file");
    }
    if (status.st_size > (off_t)FILE_SIZE_MAX) {
        return complain(reader, "is larger than 10 MiB");
    }
    *size = (size_t)status.st_size;
    return true;
}

static bool read_whole(struct reader *reader, int descriptor)
{
    size_t size = 0;
    ssize_t count;

    if (!check_status(reader, descriptor, &size)) {
        return false;
    }
    reader->text = malloc(size + 1); /* a byte more, to see whether the file grows while it is read */
    if (reader->text == NULL) {
        return complain(reader, LUBDUB_SETTINGS_NO_MEMORY);
    }
    do {
        count = read(descriptor, reader->text + reader->length, size + 1 - reader->length);
        if (count == -1 && errno != EINTR) {
            return complain(reader, "cannot be read: %s", strerror(errno));
        }
        reader->length += count > 0 ? (size_t)count : 0;
    } while (count != 0 && reader->length <= size);
    return reader->length <= size || complain(reader, "changed while it was read");
}

static bool open_and_read(struct reader *reader)
{
    /* O_NONBLOCK: a FIFO without a writer must not keep the program waiting. */
    int descriptor = open(reader->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool is_read;

    if (descriptor == -1) {
        return complain(reader, "cannot be opened: %s", strerror(errno));
    }
    is_read = read_whole(reader, descriptor);
    close(descriptor);
    return is_read;
}

static bool is_section(const char *line, size_t length, const char *section)
{
    return length == strlen(section) + 2 && line[length - 1] == ']' && strncmp(line + 1, section, length - 2) == 0;
}

static bool check_section(struct reader *reader, const char *line, size_t length)
{
    static const char *const others[] = {"server", "client", "swarm", "simulate", "plan", "presence"};
    const char *section = reader->loader->table->section;
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];
    size_t i;

    reader->is_of_another = false;
    if (is_section(line, length, section)) {
        return true;
    }
    for (i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (is_section(line, length, others[i])) {
            reader->is_of_another = true;
            return true;
        }
    }
    lubdub_escape_text(shown, sizeof shown, line, length);
    return complain(reader, "%s: there is no such section; must be [%s], that of another program, or none at all",
                    shown, section);
}

static bool check_line(struct reader *reader, const char *line, size_t length, size_t length_max)
{
    size_t i;

    if (length > length_max) {
        return complain(reader, "the line is longer than %zu bytes", length_max);
    }
    for (i = 0; i < length; i++) {
        if (line[i] == '\0') {
            return complain(reader, "the line has a NUL byte");
        }
        if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f) {
            return complain(reader, "the line has a control character");
        }
    }
    if (length == 0 || *line == '#' || *line == ';') {
        return true;
    }
    if (*line == '[') {
        return check_section(reader, line, length);
    }
    if (*line == '=' || *line == ':' || (memchr(line, '=', length) == NULL && memchr(line, ':', length) == NULL)) {
        return complain(reader, "must be KEY = VALUE");
    }
    return true;
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r';
}

/* The next line without what surrounds it. Returns false at the end. */
static bool take_line(struct reader *reader, const char **line, size_t *length)
{
    const char *start = reader->text + reader->taken;
    size_t left = reader->length - reader->taken;
    const char *end = memchr(start, '\n', left);

    if (left == 0) {
        return false;
    }
    end = end != NULL ? end : start + left;
    reader->taken = (size_t)(end - reader->text) + (end < reader->text + reader->length ? 1 : 0);
    reader->line++;
    if (reader->line == 1 && end - start >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0) {
        start += 3;
    }
    while (start < end && is_blank(*start)) {
        start++;
    }
    while (start < end && is_blank(end[-1])) {
        end--;
    }
    *line = start;
    *length = (size_t)(end - start);
    return true;
}

static void replace(char *text, size_t length, char from, char to)
{
    char *at = text;

    while ((at = memchr(at, from, length - (size_t)(at - text))) != NULL) {
        *at = to;
    }
}

/* What inih calls instead of fgets. */
static char *next_line(char *buffer, int size, void *user_data)
{
    struct reader *reader = user_data;
    size_t length_max = size - 2 < LINE_LENGTH_MAX ? (size_t)size - 2 : LINE_LENGTH_MAX;
    const char *line;
    size_t length;

    if (reader->is_wrong || !take_line(reader, &line, &length) || !check_line(reader, line, length, length_max)) {
        return NULL;
    }
    if (length > 0 && (*line == ';' || reader->is_of_another)) {
        length = 0;
    }
    memcpy(buffer, line, length);
    replace(buffer, length, ';', SEMICOLON);
    memcpy(buffer + length, "\n", 2);
    return buffer;
}

static bool complain_unknown(struct reader *reader, const char *name)
{
    const char *nearest = lubdub_settings_nearest(reader->loader->table, name, strlen(name));
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];

    lubdub_settings_show(name, shown);
    if (lubdub_settings_is_promised(reader->loader->table->section, name, strlen(name))) {
        return complain(reader, "%s: is not built in; it is promised for a later version", shown);
    }
    if (nearest != NULL && strcmp(nearest, name) != 0) {
        return complain(reader, "%s: there is no such key; is %s meant? (--help lists all)", shown, nearest);
    }
    return complain(reader, "%s: there is no such key (--help lists all)", shown);
}

static bool take_pair(struct reader *reader, const char *name, const char *value)
{
    struct lubdub_settings_loader *loader = reader->loader;
    const struct lubdub_setting *setting = lubdub_settings_find(loader->table, name, strlen(name));
    char reason[LUBDUB_SETTINGS_PROBLEM_SIZE / 2];
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];
    char *kept;

    if (setting == NULL) {
        return complain_unknown(reader, name);
    }
    if (reader->is_set[setting - loader->table->rows] && !lubdub_setting_is_list(setting)) {
        return complain(reader, "%s: is given twice", name);
    }
    if (*value == '=') {
        return complain(reader, "%s: must be KEY = VALUE, with one =", name);
    }
    kept = lubdub_settings_allocate(loader->loaded, strlen(value) + 1);
    if (kept == NULL) {
        return complain(reader, LUBDUB_SETTINGS_NO_MEMORY);
    }
    strcpy(kept, value);
    replace(kept, strlen(kept), SEMICOLON, ';');
    if (!lubdub_setting_set(loader, setting, kept, LUBDUB_SETTING_FROM_FILE, reason, sizeof reason)) {
        return complain(reader, "%s%s%s: %s", name, *kept != '\0' ? " = " : "", lubdub_settings_show(kept, shown),
                        reason);
    }
    reader->is_set[setting - loader->table->rows] = true;
    return true;
}

static int on_pair(void *user_data, const char *section, const char *name, const char *value)
{
    (void)section; /* looked at when its line was read */
    return take_pair(user_data, name, value);
}

static bool parse(struct reader *reader)
{
    int wrong;

    reader->is_set = lubdub_settings_allocate(reader->loader->loaded, reader->loader->table->row_count + 1);
    if (reader->is_set == NULL) {
        return complain(reader, LUBDUB_SETTINGS_NO_MEMORY);
    }
    if (&ini_max_line != NULL) {
        ini_max_line = LINE_LENGTH_MAX + 2;
    }
    wrong = ini_parse_stream(next_line, reader, on_pair, reader);
    if (wrong != 0) {
        complain(reader, "is not understood"); /* unless an earlier complaint says why */
    }
    return !reader->is_wrong;
}

bool lubdub_settings_read_file(struct lubdub_settings_loader *loader, const char *path)
{
    struct reader reader = {.loader = loader, .path = path};
    bool is_read = open_and_read(&reader) && parse(&reader);

    free(reader.text);
    return is_read;
}
