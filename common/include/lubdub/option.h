/*
 * Reads and writes the option lists inside HELLO, WELCOME and BYE (docs/protocol.md, section 4).
 *
 * A list is read into a struct. Its strings point into the bytes that were read, and live as long as these
 * bytes. Absent options are 0 or NULL.
 */
#ifndef LUBDUB_OPTION_H
#define LUBDUB_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LUBDUB_IDENTITY_LIMIT 128
#define LUBDUB_TOKEN_LIMIT 1024
#define LUBDUB_LABEL_COUNT_LIMIT 8
#define LUBDUB_LABEL_KEY_LIMIT 32
#define LUBDUB_LABEL_VALUE_LIMIT 128
#define LUBDUB_AGENT_LIMIT 64
#define LUBDUB_TEXT_LIMIT 256

enum lubdub_option_tag {
    LUBDUB_OPTION_IDENTITY = 1,
    LUBDUB_OPTION_INTERVAL_MS = 2,
    LUBDUB_OPTION_EXPIRY_MS = 3,
    LUBDUB_OPTION_TOKEN = 4,
    LUBDUB_OPTION_LABEL = 5,
    LUBDUB_OPTION_MAX_CONTENT = 6,
    LUBDUB_OPTION_AGENT = 7,
    LUBDUB_OPTION_TEXT = 8,
    LUBDUB_OPTION_RETRY_AFTER_MS = 9,
    LUBDUB_OPTION_LAST_END = 10,
    LUBDUB_OPTION_MESSAGE_RATE = 11,
};

/* Bytes that something else owns; data is NULL where there is nothing. Not terminated. Never grows. */
struct lubdub_slice {
    const char *data;
    size_t length;
};

/* "key=value" cut in two. Never grows. */
struct lubdub_label {
    struct lubdub_slice key;
    struct lubdub_slice value;
};

/*
 * The caller allocates it. _decode fills all of it; for _encode the caller sets everything it does not name to 0. The
 * number of labels is the protocol's limit. A new option takes the place of reserved bytes: the size is the same in
 * every release with the same MAJOR.MINOR.
 */
struct lubdub_options {
    struct lubdub_slice identity;
    struct lubdub_slice token;
    struct lubdub_slice agent;
    struct lubdub_slice text;
    struct lubdub_label labels[LUBDUB_LABEL_COUNT_LIMIT];
    size_t label_count;
    uint32_t interval_ms; /* 0: left out */
    uint32_t expiry_ms;   /* 0: left out */
    uint32_t retry_after_ms;
    bool has_retry_after;
    uint16_t max_content;
    bool has_max_content;
    uint8_t last_end; /* a cause's code; 0: left out */
    bool has_message_rate;
    uint32_t message_rate;  /* MESSAGEs a second that the server takes, */
    uint32_t message_burst; /* and at once; both 0: it keeps no allowance */
    uint64_t reserved[7];   /* 0 */
};

/*
 * Reads the list of a frame of this type (HELLO, WELCOME or BYE). A tag is skipped where it is unknown, or
 * does not belong in this type of frame. Returns NULL where the list is well formed, else a static sentence that
 * says what is wrong with it.
 */
LUBDUB_API const char *lubdub_options_decode(struct lubdub_options *options, uint8_t frame_type,
                                             const uint8_t *source, size_t length);

/*
 * Writes every option that is present and belongs in a frame of this type. Returns the bytes written, or
 * 0 where capacity does not suffice or nothing is present.
 */
LUBDUB_API size_t lubdub_options_encode(const struct lubdub_options *options, uint8_t frame_type, uint8_t *target,
                                        size_t capacity);

/*
 * Check what section 4 demands of the strings; an identity must also be visible to a person. Used for strings from the
 * wire and for strings that users type.
 */
LUBDUB_API bool lubdub_identity_is_valid(const char *data, size_t length);
LUBDUB_API bool lubdub_label_parse(struct lubdub_label *label, const char *data, size_t length);

#ifdef __cplusplus
}
#endif

#endif
