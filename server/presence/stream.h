/*
 * Holds the events that go to Redis' stream until they are sent: so many bytes at most, the newest of which are left
 * out and counted. Not thread-safe.
 */
#ifndef LUBDUB_SERVER_PRESENCE_STREAM_H
#define LUBDUB_SERVER_PRESENCE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRESENCE_STREAM_MOST ((size_t)1024 * 1024)

struct presence_line;

struct presence_stream {
    struct presence_line *first;
    struct presence_line **last; /* where the next one is hung; NULL: at first */
    size_t bytes;
    uint64_t lost;
};

/* Copies. */
void presence_stream_add(struct presence_stream *stream, const void *event, size_t length);

/* The first one; NULL: there is none. It stays until _drop. */
const void *presence_stream_first(const struct presence_stream *stream, size_t *length);
void presence_stream_drop(struct presence_stream *stream);

void presence_stream_clear(struct presence_stream *stream);

#endif
