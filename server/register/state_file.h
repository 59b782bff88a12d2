/*
 * Writes what is known of identities into a file, and reads it again: a line of JSON for each. It is written aside,
 * synced and renamed, so that the file is whole at any moment, whatever ends the program.
 *
 *     {"lubdub_state":1,"written_ms":1764403200123}
 *     {"id":"pump-7","state":"up","since_ms":…,"connects":3,"losses":1,"ends":[[at_ms,"closed",lasted_s],…]}
 *     {"pattern":"valve-*","missing":true}
 *     {"end":1,"check":"89abcdef01234567"}
 */
#ifndef LUBDUB_SERVER_REGISTER_STATE_FILE_H
#define LUBDUB_SERVER_REGISTER_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/register/known.h"

#define STATE_FILE_LARGEST ((size_t)1024 * 1024 * 1024)

struct state_writer {
    char *path;  /* the file, */
    char *aside; /* and where it is written first */
    int descriptor;
    char *bytes; /* that are not written yet */
    size_t length;
    size_t room;
    uint64_t check;
    uint64_t count;
    int error; /* the first, an errno; nothing more is written */
};

/* Begins anew, aside. Errors come with _commit. */
void state_writer_begin(struct state_writer *writer, const char *path, uint64_t now_ms);

/* Into memory: does not write yet. */
void state_writer_put(struct state_writer *writer, const struct known *known);

/* The same for a pattern of the list of the expected that is missing. */
void state_writer_put_missing(struct state_writer *writer, struct lubdub_slice pattern);

/* Writes what was put. Waits for the disk. */
void state_writer_flush(struct state_writer *writer);

/* Ends it, and puts it in the place of the old file. Returns 0, or an errno: then the old file stays. */
int state_writer_commit(struct state_writer *writer);

enum state_read {
    STATE_READ,
    STATE_ABSENT,  /* there is no file */
    STATE_DAMAGED, /* nothing of it was taken; *fault says why */
    STATE_FAILED,  /* errno */
};

/* Take what a line said, which lives until the callback returns. */
struct state_taker {
    void (*take)(const struct known *known, void *user_data); /* of its fields only those of the file are set */
    void (*take_missing)(struct lubdub_slice pattern, void *user_data);
    void *user_data;
};

/* Takes all of a file that is whole, or nothing. *written_ms: when it was written. *fault is a static phrase. */
enum state_read state_file_read(const char *path, const struct state_taker *taker, uint64_t *written_ms,
                                const char **fault);

/* Renames it to PATH.damaged, in the place of an earlier one. Returns 0 or an errno. */
int state_file_set_aside(const char *path);

#endif
