/*
 * Reads and writes frames: a 16-byte header and its content (docs/protocol.md, section 2).
 *
 * Level 1 of the core: no state, no memory. Sessions are in session.h.
 */
#ifndef LUBDUB_FRAME_H
#define LUBDUB_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <lubdub/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LUBDUB_FRAME_MAGIC 0x4C44
#define LUBDUB_HEADER_LENGTH 16
#define LUBDUB_CONTENT_LIMIT 65535  /* what the header's length can say */
#define LUBDUB_OPTIONS_LIMIT 4096   /* content of HELLO, WELCOME and BYE */
#define LUBDUB_MAX_CONTENT_DEFAULT 1024
#define LUBDUB_MESSAGE_RATE_DEFAULT 100  /* MESSAGEs a second */
#define LUBDUB_MESSAGE_BURST_DEFAULT 256

enum lubdub_frame_type {
    LUBDUB_FRAME_HELLO = 1,
    LUBDUB_FRAME_WELCOME = 2,
    LUBDUB_FRAME_PROBE = 3,
    LUBDUB_FRAME_ACK = 4,
    LUBDUB_FRAME_MESSAGE = 5,
    LUBDUB_FRAME_BYE = 6,
};

#define LUBDUB_FLAG_RESUMED 0x0001     /* WELCOME */
#define LUBDUB_FLAG_CHANGED 0x0002     /* WELCOME */
#define LUBDUB_FLAG_HEALTH_MASK 0x0003 /* PROBE, ACK */

/* The caller allocates it. Never grows: version 1 of the protocol has no other fields. */
struct lubdub_frame {
    uint8_t type; /* enum lubdub_frame_type; a decoded frame has no other */
    uint16_t flags;
    uint64_t sequence;
    const uint8_t *content; /* into the bytes that were decoded; NULL where length is 0 */
    uint16_t length;
};

enum lubdub_frame_status {
    LUBDUB_FRAME_WHOLE,      /* *frame is filled, *taken says how many bytes it was */
    LUBDUB_FRAME_INCOMPLETE, /* what is there is good so far; more is needed */
    LUBDUB_FRAME_BAD_MAGIC,
    LUBDUB_FRAME_BAD_VERSION,
    LUBDUB_FRAME_BAD_TYPE,
    LUBDUB_FRAME_TOO_LONG,
};

/*
 * Reads the frame at the start of source. The header is judged as soon as its 16 bytes are there, and a wrong magic or
 * version as soon as these bytes and the type are there. Only a BYE of another version is judged when its whole header
 * is there: with LUBDUB_FRAME_BAD_VERSION its type and sequence are filled, since the reason is worth knowing.
 * max_content bounds PROBE, ACK and MESSAGE. *taken is set only for LUBDUB_FRAME_WHOLE. frame->content points into
 * source.
 */
LUBDUB_API enum lubdub_frame_status lubdub_frame_decode(struct lubdub_frame *frame, const uint8_t *source,
                                                        size_t length, size_t max_content, size_t *taken);

/*
 * Writes header and content to target. Returns the bytes written, or 0 where capacity does not suffice.
 * frame->content may not overlap target.
 */
LUBDUB_API size_t lubdub_frame_encode(uint8_t *target, size_t capacity, const struct lubdub_frame *frame);

#ifdef __cplusplus
}
#endif

#endif
