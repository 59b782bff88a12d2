/*
 * Keeps frames that wait for the kernel, in two queues: heartbeats (everything but MESSAGE) go ahead of
 * messages, and wait behind no more than the one frame that is being written.
 *
 *     current ──► the rest of the frame in the middle of which the kernel stopped
 *     urgent  ──► HELLO, WELCOME, PROBE, ACK, BYE
 *     messages ─► MESSAGE, shown one at a time
 *     held ─────► MESSAGE that the allowance does not let out yet; does not count as waiting for the kernel
 */
#ifndef LUBDUB_CORE_OUTBOX_H
#define LUBDUB_CORE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

struct lubdub_queue {
    uint8_t *bytes;
    size_t start;
    size_t end;
    size_t capacity;
};

/* Zeroed: empty. */
struct lubdub_outbox {
    struct lubdub_queue urgent;
    struct lubdub_queue messages;
    struct lubdub_queue held;
    size_t current;           /* bytes left of the frame in progress, at the head of its queue */
    uint8_t current_type;
    size_t ack_count;         /* frames of this type that wait, wholly or in part */
    lubdub_time waits_since;  /* since when it is not empty */
    lubdub_time blocked_at;   /* since when the kernel has taken nothing */
};

/* Frees everything. */
void lubdub_outbox_clear(struct lubdub_outbox *outbox);

static inline bool lubdub_outbox_is_empty(const struct lubdub_outbox *outbox)
{
    return outbox->urgent.start == outbox->urgent.end && outbox->messages.start == outbox->messages.end;
}

/* Whether an answer to what the peer sent waits. */
static inline bool lubdub_outbox_has_answers(const struct lubdub_outbox *outbox)
{
    return outbox->ack_count > 0;
}

static inline bool lubdub_outbox_has_messages(const struct lubdub_outbox *outbox)
{
    return outbox->messages.start != outbox->messages.end;
}

static inline bool lubdub_outbox_has_held(const struct lubdub_outbox *outbox)
{
    return outbox->held.start != outbox->held.end;
}

/* Bytes of messages that wait, for the kernel or for the allowance. */
static inline size_t lubdub_outbox_message_length(const struct lubdub_outbox *outbox)
{
    return outbox->messages.end - outbox->messages.start + (outbox->held.end - outbox->held.start);
}

/* Holds one MESSAGE back. False: no memory. */
bool lubdub_outbox_hold(struct lubdub_outbox *outbox, const uint8_t *frame, size_t length);

/* Takes the oldest held frame out of the queue; its bytes live until the next call. There must be one. */
const uint8_t *lubdub_outbox_release(struct lubdub_outbox *outbox, size_t *length);

/*
 * Takes whole frames (of any types, in their order), the first of which may lack its first `cut` bytes
 * because the kernel has them. False: no memory; then nothing was taken. Only an empty outbox takes a cut frame.
 */
bool lubdub_outbox_append(struct lubdub_outbox *outbox, const uint8_t *frames, size_t length, size_t cut,
                          lubdub_time now);

/* The bytes to write next, NULL for none. */
const uint8_t *lubdub_outbox_head(const struct lubdub_outbox *outbox, size_t *length);

/*
 * The kernel took this many of them. Returns whether a PROBE is now wholly with the kernel.
 */
bool lubdub_outbox_sent(struct lubdub_outbox *outbox, size_t length, lubdub_time now);

/* Throws away every message of which the kernel has nothing yet, held ones too: BYE is the last frame. */
void lubdub_outbox_drop_messages(struct lubdub_outbox *outbox);

#endif
