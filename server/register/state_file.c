/* Formats and parses the lines; a check sum over all of them tells a whole file from a damaged one. */
#define _GNU_SOURCE
#include "server/register/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1
#define LINE_SIZE 2048 /* more than an identity with 20 ends needs */
#define CHECK_START 0xcbf29ce484222325

/* FNV-1a: it is there for accidents. */
static uint64_t check_of(uint64_t check, const char *bytes, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        check = (check ^ (uint8_t)bytes[i]) * 0x100000001b3;
    }
    return check;
}

/* ---- writing ---- */

static void fail(struct state_writer *writer, int error)
{
    writer->error = writer->error != 0 ? writer->error : error;
}

static void put(struct state_writer *writer, const char *line, size_t length)
{
    if (writer->length + length > writer->room) {
        size_t room = writer->room + length + (size_t)64 * 1024;
        char *more = realloc(writer->bytes, room);

        if (more == NULL) {
            fail(writer, ENOMEM);
            return;
        }
        writer->bytes = more;
        writer->room = room;
    }
    memcpy(writer->bytes + writer->length, line, length);
    writer->length += length;
    writer->check = check_of(writer->check, line, length);
}

void state_writer_begin(struct state_writer *writer, const char *path, uint64_t now_ms)
{
    char line[128];
    int length = snprintf(line, sizeof line, "{\"lubdub_state\":%d,\"written_ms\":%" PRIu64 "}\n", VERSION, now_ms);

    *writer = (struct state_writer){.path = strdup(path), .descriptor = -1, .check = CHECK_START};
    if (writer->path == NULL || asprintf(&writer->aside, "%s.new", path) < 0) {
        writer->aside = NULL;
        fail(writer, ENOMEM);
        return;
    }
    (void)unlink(writer->aside); /* of an earlier server; whatever it is, it is not followed */
    writer->descriptor = open(writer->aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (writer->descriptor < 0) {
        fail(writer, errno);
    }
    put(writer, line, (size_t)length);
}

/* An identity, and a pattern of identities, has no control characters. */
static size_t put_name(char *text, struct lubdub_slice name)
{
    size_t used = 0;
    size_t i;

    for (i = 0; i < name.length; i++) {
        if (name.data[i] == '"' || name.data[i] == '\\') {
            text[used++] = '\\';
        }
        text[used++] = name.data[i];
    }
    return used;
}

void state_writer_put(struct state_writer *writer, const struct known *known)
{
    char line[LINE_SIZE];
    size_t length = (size_t)sprintf(line, "{\"id\":\"");
    size_t i;

    length += put_name(line + length, known_identity(known));
    length += (size_t)snprintf(line + length, sizeof line - length,
                               "\",\"state\":\"%s\",\"since_ms\":%" PRIu64 ",\"connects\":%" PRIu64
                               ",\"losses\":%" PRIu32 "%s,\"ends\":[",
                               known_state_word((enum known_state)known->state), known->since_ms, known->connects,
                               known->losses, known->is_missing ? ",\"missing\":true" : "");
    for (i = known->end_count; i-- > 0;) {
        const struct known_end *end = known_end_at(known, i);

        length +=
            (size_t)snprintf(line + length, sizeof line - length, "[%" PRIu64 ",\"%s\",%" PRIu32 "]%s", end->at_ms,
                             lubdub_cause_word((enum lubdub_cause)end->cause), end->lasted_s, i > 0 ? "," : "");
    }
    length += (size_t)snprintf(line + length, sizeof line - length, "]}\n");
    put(writer, line, length);
    writer->count++;
}

void state_writer_put_missing(struct state_writer *writer, struct lubdub_slice pattern)
{
    char line[LINE_SIZE];
    size_t length = (size_t)sprintf(line, "{\"pattern\":\"");

    length += put_name(line + length, pattern);
    length += (size_t)snprintf(line + length, sizeof line - length, "\",\"missing\":true}\n");
    put(writer, line, length);
    writer->count++;
}

void state_writer_flush(struct state_writer *writer)
{
    size_t done = 0;

    while (writer->error == 0 && done < writer->length) {
        ssize_t written = write(writer->descriptor, writer->bytes + done, writer->length - done);

        if (written < 0 && errno != EINTR) {
            fail(writer, errno);
        }
        done += written > 0 ? (size_t)written : 0;
    }
    writer->length = 0;
}

/* The rename is on the disk, too. What fails here costs the newest state after a loss of power, and no more. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    int descriptor = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (descriptor >= 0) {
        (void)fsync(descriptor);
        close(descriptor);
    }
    free(folder);
}

int state_writer_commit(struct state_writer *writer)
{
    char line[128];
    int length = snprintf(line, sizeof line, "{\"end\":%" PRIu64 ",\"check\":\"%016" PRIx64 "\"}\n", writer->count,
                          writer->check);
    int error;

    put(writer, line, (size_t)length);
    state_writer_flush(writer);
    if (writer->error == 0 && fsync(writer->descriptor) != 0) {
        fail(writer, errno);
    }
    if (writer->descriptor >= 0 && close(writer->descriptor) != 0) {
        fail(writer, errno);
    }
    if (writer->error == 0 && rename(writer->aside, writer->path) != 0) {
        fail(writer, errno);
    }
    if (writer->error != 0 && writer->descriptor >= 0) {
        (void)unlink(writer->aside); /* room for others */
    } else if (writer->error == 0) {
        sync_folder(writer->path);
    }
    error = writer->error;
    free(writer->path);
    free(writer->aside);
    free(writer->bytes);
    *writer = (struct state_writer){.descriptor = -1};
    return error;
}

/* ---- reading ---- */

static enum lubdub_cause cause_of(const char *word)
{
    int cause;

    for (cause = 0; word != NULL && cause < LUBDUB_CAUSE_CAPACITY; cause++) {
        if (strcmp(lubdub_cause_word((enum lubdub_cause)cause), word) == 0) {
            return (enum lubdub_cause)cause;
        }
    }
    return LUBDUB_CAUSE_NONE; /* of a newer version */
}

static bool take_state(struct known *known, const char *word)
{
    int state;

    for (state = KNOWN_NEVER; word != NULL && state <= KNOWN_GONE; state++) {
        if (strcmp(known_state_word((enum known_state)state), word) == 0) {
            known->state = (uint8_t)state;
            return true;
        }
    }
    return false;
}

static uint64_t number(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));

    return value > 0 ? (uint64_t)value : 0;
}

static void take_ends(struct known *known, const json_t *ends)
{
    size_t i;

    for (i = 0; i < json_array_size(ends) && i < KNOWN_ENDS; i++) {
        const json_t *item = json_array_get(ends, i);
        const struct known_end end = {
            .at_ms = (uint64_t)json_integer_value(json_array_get(item, 0)),
            .cause = (uint8_t)cause_of(json_string_value(json_array_get(item, 1))),
            .lasted_s = (uint32_t)json_integer_value(json_array_get(item, 2)),
        };

        known_add_end(known, &end);
    }
}

/* The name under this key, where there is one that an identity or a pattern may have; else NULL. */
static const char *name_in(const json_t *object, const char *key)
{
    const char *name = json_string_value(json_object_get(object, key));

    return name != NULL && lubdub_identity_is_valid(name, strlen(name)) ? name : NULL;
}

static void take_identity(const json_t *object, const char *identity, const struct state_taker *taker)
{
    struct known *known = known_new(identity, strlen(identity));

    if (known != NULL && take_state(known, json_string_value(json_object_get(object, "state")))) {
        known->since_ms = number(object, "since_ms");
        known->connects = number(object, "connects");
        known->losses = (uint32_t)number(object, "losses");
        known->is_missing = json_is_true(json_object_get(object, "missing"));
        take_ends(known, json_object_get(object, "ends"));
        taker->take(known, taker->user_data);
    }
    known_free(known);
}

/* What is none of ours is left out: the file is whole, so it is of a newer version. */
static void take_line(const char *line, size_t length, const struct state_taker *taker)
{
    json_t *object = json_loadb(line, length, 0, NULL);
    const char *identity = name_in(object, "id");
    const char *pattern = name_in(object, "pattern");

    if (identity != NULL) {
        take_identity(object, identity, taker);
    } else if (pattern != NULL && json_is_true(json_object_get(object, "missing"))) {
        taker->take_missing((struct lubdub_slice){pattern, strlen(pattern)}, taker->user_data);
    }
    json_decref(object);
}

/* Reads a regular file whole; NULL and errno. */
static char *read_whole(const char *path, size_t *length)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    char *bytes = NULL;
    ssize_t part = 1;

    *length = 0;
    if (descriptor < 0) {
        return NULL;
    }
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(descriptor);
        errno = EINVAL;
        return NULL;
    }
    if (status.st_size >= 0 && (size_t)status.st_size <= STATE_FILE_LARGEST) {
        bytes = malloc((size_t)status.st_size + 1);
    } else {
        errno = EFBIG;
    }
    while (bytes != NULL && part > 0 && *length < (size_t)status.st_size) {
        part = read(descriptor, bytes + *length, (size_t)status.st_size - *length);
        *length += part > 0 ? (size_t)part : 0;
    }
    close(descriptor);
    return bytes;
}

/* The file's last line says how many there are, and what the check sum of all before it is. Returns its place, or NULL.
 */
static const char *find_footer(const char *bytes, size_t length, uint64_t *count)
{
    const char *footer;
    json_t *object;
    uint64_t check = 0;
    const char *text;

    if (length < 2 || bytes[length - 1] != '\n') {
        return NULL;
    }
    footer = memrchr(bytes, '\n', length - 1);
    if (footer == NULL) {
        return NULL;
    }
    footer++;
    object = json_loadb(footer, length - (size_t)(footer - bytes), 0, NULL);
    text = json_string_value(json_object_get(object, "check"));
    *count = number(object, "end");
    if (text != NULL) {
        check = strtoull(text, NULL, 16);
    }
    text = text != NULL && check == check_of(CHECK_START, bytes, (size_t)(footer - bytes)) ? footer : NULL;
    json_decref(object);
    return text;
}

/* Returns what is wrong, or NULL. */
static const char *judge(const char *bytes, size_t length, const char **lines, const char **footer,
                         uint64_t *written_ms)
{
    const char *newline = memchr(bytes, '\n', length);
    json_t *header = newline != NULL ? json_loadb(bytes, (size_t)(newline - bytes), 0, NULL) : NULL;
    uint64_t version = number(header, "lubdub_state");
    uint64_t count;

    *written_ms = number(header, "written_ms");
    json_decref(header);
    if (version == 0) {
        return "it is no state file";
    }
    if (version != VERSION) {
        return "it is of another version";
    }
    *footer = find_footer(bytes, length, &count);
    *lines = newline + 1;
    return *footer == NULL ? "it is not whole" : NULL;
}

enum state_read state_file_read(const char *path, const struct state_taker *taker, uint64_t *written_ms,
                                const char **fault)
{
    const char *line = NULL;
    const char *footer = NULL;
    size_t length;
    char *bytes = read_whole(path, &length);

    if (bytes == NULL) {
        return errno == ENOENT ? STATE_ABSENT : STATE_FAILED;
    }
    *fault = judge(bytes, length, &line, &footer, written_ms);
    while (*fault == NULL && line < footer) {
        const char *newline = memchr(line, '\n', (size_t)(footer - line));

        take_line(line, (size_t)(newline - line), taker);
        line = newline + 1;
    }
    free(bytes);
    return *fault == NULL ? STATE_READ : STATE_DAMAGED;
}

int state_file_set_aside(const char *path)
{
    char *aside;
    int error;

    if (asprintf(&aside, "%s.damaged", path) < 0) {
        return ENOMEM;
    }
    error = rename(path, aside) == 0 ? 0 : errno;
    free(aside);
    return error;
}
