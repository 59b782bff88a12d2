/* Walks through all that is known in pieces, each formatted under the lock and written without it. */
#include "server/register/keeping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ev/clock.h"
#include "program/events/escape.h"
#include "program/events/log.h"
#include "server/register/state_file.h"

static const char *show(const char *path, char text[512])
{
    lubdub_escape_value(text, 512, path, strlen(path));
    return text;
}

/* One that was up, or in its grace time, may come back in a grace time that begins now. */
static void take(const struct known *read, void *user_data)
{
    struct lubdub_register *reg = user_data;
    struct known *known = store_claim(&reg->store, known_identity(read));
    size_t i;

    if (known == NULL) {
        return;
    }
    known->state = read->state == KNOWN_UP ? (uint8_t)KNOWN_AWAY : read->state;
    known->since_ms = read->since_ms;
    known->connects = read->connects;
    known->losses = read->losses;
    known->is_missing = read->is_missing;
    reg->missing_count += read->is_missing;
    for (i = read->end_count; i-- > 0;) {
        known_add_end(known, known_end_at(read, i));
    }
    store_settle(&reg->store, known);
}

static void take_missing(struct lubdub_slice pattern, void *user_data)
{
    struct lubdub_register *reg = user_data;

    remembered_add(&reg->missing_patterns, pattern);
}

static int set_aside(struct lubdub_register *reg, const char *fault)
{
    char shown[512];
    int error = state_file_set_aside(reg->state_path);

    lubdub_log_warning("the state file is set aside as .damaged, and nothing is known from before file=%s fault=\"%s\"",
                       show(reg->state_path, shown), fault);
    return error;
}

int keeping_read(struct lubdub_register *reg)
{
    const struct state_taker taker = {take, take_missing, reg};
    const char *fault = NULL;
    uint64_t written_ms = 0;

    switch (state_file_read(reg->state_path, &taker, &written_ms, &fault)) {
    case STATE_READ:
        reg->state_written_ms = written_ms;
        lubdub_log_info("state read identities=%zu", reg->store.index.count);
        return 0;
    case STATE_ABSENT:
        return 0;
    case STATE_DAMAGED:
        return set_aside(reg, fault);
    case STATE_FAILED:
        break;
    }
    return errno;
}

static void note_result(struct lubdub_register *reg, int error, uint64_t now_ms)
{
    char shown[512];

    if (error == 0) {
        if (reg->state_failed) {
            lubdub_log_info("the state is written again file=%s", show(reg->state_path, shown));
        }
        reg->state_written_ms = now_ms;
        reg->state_failed = false;
        return;
    }
    if (!reg->state_failed) {
        lubdub_log_error("the state cannot be written, the old file stays file=%s error=\"%s\"",
                         show(reg->state_path, shown), strerror(error));
    }
    reg->state_failed = true;
    reg->is_changed = true; /* tried again */
}

/* Under the lock; there are 256 patterns at most. */
static void put_patterns(const struct lubdub_register *reg, struct state_writer *writer)
{
    size_t i;

    for (i = 0; i < reg->list.count && reg->list.file.pattern_count > 0; i++) {
        if (reg->list.items[i].is_missing) {
            state_writer_put_missing(writer, reg->list.items[i].line->name);
        }
    }
}

void keeping_write(struct lubdub_register *reg)
{
    uint64_t now_ms = lubdub_clock_realtime() / LUBDUB_MILLISECOND;
    struct state_writer writer;
    uint32_t place = 0;
    struct known *known;
    size_t done = 0;
    int error;

    reg->is_changed = false;
    pthread_mutex_unlock(&reg->lock);
    state_writer_begin(&writer, reg->state_path, now_ms);
    pthread_mutex_lock(&reg->lock);
    put_patterns(reg, &writer);
    while ((known = store_next(&reg->store, &place)) != NULL) {
        if (known->state != KNOWN_NEVER || known->is_missing) {
            state_writer_put(&writer, known);
        }
        if (++done % REGISTER_PIECE == 0) {
            pthread_mutex_unlock(&reg->lock);
            state_writer_flush(&writer);
            pthread_mutex_lock(&reg->lock);
        }
    }
    pthread_mutex_unlock(&reg->lock);
    error = state_writer_commit(&writer);
    pthread_mutex_lock(&reg->lock);
    note_result(reg, error, now_ms);
}
