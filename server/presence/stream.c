/* Keeps lines in a list, in their order. */
#include "server/presence/stream.h"

#include <stdlib.h>
#include <string.h>

struct presence_line {
    struct presence_line *next;
    size_t length;
    char bytes[];
};

void presence_stream_add(struct presence_stream *stream, const void *event, size_t length)
{
    struct presence_line *line = stream->bytes + length <= PRESENCE_STREAM_MOST ? malloc(sizeof *line + length) : NULL;

    if (line == NULL) {
        stream->lost++;
        return;
    }
    line->next = NULL;
    line->length = length;
    memcpy(line->bytes, event, length);
    *(stream->first != NULL ? stream->last : &stream->first) = line;
    stream->last = &line->next;
    stream->bytes += length;
}

const void *presence_stream_first(const struct presence_stream *stream, size_t *length)
{
    if (stream->first == NULL) {
        return NULL;
    }
    *length = stream->first->length;
    return stream->first->bytes;
}

void presence_stream_drop(struct presence_stream *stream)
{
    struct presence_line *line = stream->first;

    stream->first = line->next;
    stream->bytes -= line->length;
    free(line);
}

void presence_stream_clear(struct presence_stream *stream)
{
    while (stream->first != NULL) {
        presence_stream_drop(stream);
    }
}
