/* Keeps two queues of whole frames, and decides which frame goes first. */
#include "core/outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <lubdub/frame.h>

#include "core/bytes.h"

static size_t frame_size(const uint8_t *header)
{
    return LUBDUB_HEADER_LENGTH + (size_t)lubdub_bytes_get16(header + 6);
}

static bool is_type(const uint8_t *header, enum lubdub_frame_type type)
{
    return header[3] == type;
}

static bool has_urgent(const struct lubdub_outbox *outbox)
{
    return outbox->urgent.start != outbox->urgent.end;
}

static struct lubdub_queue *queue_of(struct lubdub_outbox *outbox, uint8_t type)
{
    return type == LUBDUB_FRAME_MESSAGE ? &outbox->messages : &outbox->urgent;
}

static void queue_clear(struct lubdub_queue *queue)
{
    free(queue->bytes);
    memset(queue, 0, sizeof *queue);
}

/* Makes room for `length` bytes at the end. */
static bool queue_reserve(struct lubdub_queue *queue, size_t length)
{
    size_t used = queue->end - queue->start;
    uint8_t *bytes;

    if (length == 0 || queue->capacity - queue->end >= length) {
        return true;
    }
    if (queue->capacity - used >= length && queue->start >= used) {
        memcpy(queue->bytes, queue->bytes + queue->start, used); /* apart: start >= used */
    } else {
        size_t capacity = used + length + used / 2;

        bytes = malloc(capacity);
        if (bytes == NULL) {
            return false;
        }
        if (used > 0) {
            memcpy(bytes, queue->bytes + queue->start, used);
        }
        free(queue->bytes);
        queue->bytes = bytes;
        queue->capacity = capacity;
    }
    queue->start = 0;
    queue->end = used;
    return true;
}

static void queue_put(struct lubdub_queue *queue, const uint8_t *bytes, size_t length)
{
    memcpy(queue->bytes + queue->end, bytes, length);
    queue->end += length;
}

static void queue_take(struct lubdub_queue *queue, size_t length)
{
    queue->start += length;
    if (queue->start == queue->end) {
        queue_clear(queue); /* buffers exist only while bytes wait */
    }
}

void lubdub_outbox_clear(struct lubdub_outbox *outbox)
{
    queue_clear(&outbox->urgent);
    queue_clear(&outbox->messages);
    queue_clear(&outbox->held);
    outbox->current = 0;
    outbox->ack_count = 0;
}

bool lubdub_outbox_hold(struct lubdub_outbox *outbox, const uint8_t *frame, size_t length)
{
    if (!queue_reserve(&outbox->held, length)) {
        return false;
    }
    queue_put(&outbox->held, frame, length);
    return true;
}

const uint8_t *lubdub_outbox_release(struct lubdub_outbox *outbox, size_t *length)
{
    struct lubdub_queue *held = &outbox->held;
    const uint8_t *frame;

    assert(lubdub_outbox_has_held(outbox));
    frame = held->bytes + held->start;
    *length = frame_size(frame);
    held->start += *length;
    return frame;
}

bool lubdub_outbox_append(struct lubdub_outbox *outbox, const uint8_t *frames, size_t length, size_t cut,
                          lubdub_time now)
{
    size_t message_length = 0;
    size_t taken;

    assert(cut == 0 || lubdub_outbox_is_empty(outbox));
    for (taken = 0; taken < length; taken += frame_size(frames + taken)) {
        if (is_type(frames + taken, LUBDUB_FRAME_MESSAGE)) {
            message_length += frame_size(frames + taken);
        }
    }
    assert(taken == length);
    if (!queue_reserve(&outbox->messages, message_length) || !queue_reserve(&outbox->urgent, length - message_length)) {
        return false;
    }

    if (lubdub_outbox_is_empty(outbox)) {
        outbox->waits_since = now;
        outbox->blocked_at = now;
    }
    for (taken = 0; taken < length;) {
        size_t size = frame_size(frames + taken);
        uint8_t type = frames[taken + 3];

        /* A cut frame keeps its whole length in the queue and starts past what the kernel has. */
        queue_put(queue_of(outbox, type), frames + taken, size);
        outbox->ack_count += type == LUBDUB_FRAME_ACK;
        if (taken == 0 && cut > 0) {
            queue_of(outbox, type)->start += cut;
            outbox->current = size - cut;
            outbox->current_type = type;
        }
        taken += size;
    }
    return true;
}

const uint8_t *lubdub_outbox_head(const struct lubdub_outbox *outbox, size_t *length)
{
    const struct lubdub_queue *queue;

    if (outbox->current > 0) {
        queue = outbox->current_type == LUBDUB_FRAME_MESSAGE ? &outbox->messages : &outbox->urgent;
        *length = outbox->current;
        return queue->bytes + queue->start;
    }
    if (has_urgent(outbox)) {
        *length = outbox->urgent.end - outbox->urgent.start;
        return outbox->urgent.bytes + outbox->urgent.start;
    }
    if (outbox->messages.start != outbox->messages.end) {
        *length = frame_size(outbox->messages.bytes + outbox->messages.start);
        return outbox->messages.bytes + outbox->messages.start;
    }
    *length = 0;
    return NULL;
}

bool lubdub_outbox_sent(struct lubdub_outbox *outbox, size_t length, lubdub_time now)
{
    bool probe_went = false;

    if (length > 0) {
        outbox->blocked_at = now;
    }
    while (length > 0) {
        struct lubdub_queue *queue;
        size_t part;

        if (outbox->current == 0) {
            queue = has_urgent(outbox) ? &outbox->urgent : &outbox->messages;
            outbox->current = frame_size(queue->bytes + queue->start);
            outbox->current_type = queue->bytes[queue->start + 3];
        }
        queue = queue_of(outbox, outbox->current_type);
        part = length < outbox->current ? length : outbox->current;
        outbox->current -= part;
        length -= part;
        queue_take(queue, part);
        if (outbox->current == 0) {
            probe_went = probe_went || outbox->current_type == LUBDUB_FRAME_PROBE;
            outbox->ack_count -= outbox->current_type == LUBDUB_FRAME_ACK;
        }
    }
    return probe_went;
}

void lubdub_outbox_drop_messages(struct lubdub_outbox *outbox)
{
    queue_clear(&outbox->held);
    if (outbox->current > 0 && outbox->current_type == LUBDUB_FRAME_MESSAGE) {
        outbox->messages.end = outbox->messages.start + outbox->current;
    } else {
        queue_clear(&outbox->messages);
    }
}
