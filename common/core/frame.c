/* Reads and writes the header of a frame. */
#include <lubdub/frame.h>
#include <lubdub/version.h>

#include <string.h>

#include "core/bytes.h"

static size_t content_limit(uint8_t type, size_t max_content)
{
    switch ((enum lubdub_frame_type)type) {
    case LUBDUB_FRAME_HELLO:
    case LUBDUB_FRAME_WELCOME:
    case LUBDUB_FRAME_BYE:
        return LUBDUB_OPTIONS_LIMIT;
    case LUBDUB_FRAME_PROBE:
    case LUBDUB_FRAME_ACK:
    case LUBDUB_FRAME_MESSAGE:
        break;
    }
    return max_content;
}

enum lubdub_frame_status lubdub_frame_decode(struct lubdub_frame *frame, const uint8_t *source, size_t length,
                                             size_t max_content, size_t *taken)
{
    uint8_t type;
    uint16_t content_length;

    if (length >= 1 && source[0] != LUBDUB_FRAME_MAGIC >> 8) {
        return LUBDUB_FRAME_BAD_MAGIC;
    }
    if (length >= 2 && source[1] != (LUBDUB_FRAME_MAGIC & 0xff)) {
        return LUBDUB_FRAME_BAD_MAGIC;
    }
    if (length >= 4 && source[2] != LUBDUB_PROTOCOL_VERSION && source[3] != LUBDUB_FRAME_BYE) {
        frame->type = source[3];
        return LUBDUB_FRAME_BAD_VERSION; /* its header may be shorter than ours */
    }
    if (length < LUBDUB_HEADER_LENGTH) {
        return LUBDUB_FRAME_INCOMPLETE;
    }
    if (source[2] != LUBDUB_PROTOCOL_VERSION) {
        frame->type = source[3];
        frame->sequence = lubdub_bytes_get64(source + 8);
        return LUBDUB_FRAME_BAD_VERSION;
    }
    type = source[3];
    if (type < LUBDUB_FRAME_HELLO || type > LUBDUB_FRAME_BYE) {
        return LUBDUB_FRAME_BAD_TYPE;
    }
    content_length = lubdub_bytes_get16(source + 6);
    if (content_length > content_limit(type, max_content)) {
        return LUBDUB_FRAME_TOO_LONG;
    }
    if (length - LUBDUB_HEADER_LENGTH < content_length) {
        return LUBDUB_FRAME_INCOMPLETE;
    }

    frame->type = type;
    frame->flags = lubdub_bytes_get16(source + 4);
    frame->sequence = lubdub_bytes_get64(source + 8);
    frame->content = content_length > 0 ? source + LUBDUB_HEADER_LENGTH : NULL;
    frame->length = content_length;
    *taken = LUBDUB_HEADER_LENGTH + (size_t)content_length;
    return LUBDUB_FRAME_WHOLE;
}

size_t lubdub_frame_encode(uint8_t *target, size_t capacity, const struct lubdub_frame *frame)
{
    size_t size = LUBDUB_HEADER_LENGTH + (size_t)frame->length;

    if (capacity < size) {
        return 0;
    }
    lubdub_bytes_put16(target, LUBDUB_FRAME_MAGIC);
    target[2] = LUBDUB_PROTOCOL_VERSION;
    target[3] = frame->type;
    lubdub_bytes_put16(target + 4, frame->flags);
    lubdub_bytes_put16(target + 6, frame->length);
    lubdub_bytes_put64(target + 8, frame->sequence);
    if (frame->length > 0) {
        memcpy(target + LUBDUB_HEADER_LENGTH, frame->content, frame->length);
    }
    return size;
}
