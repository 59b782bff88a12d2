/* Keeps a growing row of bytes, and writes frames and options into it one by one, right or wrong. */
#ifndef LUBDUB_TESTS_SUPPORT_WIRE_BYTES_H
#define LUBDUB_TESTS_SUPPORT_WIRE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include <lubdub/frame.h>

/* Zeroed: empty. */
struct wire_bytes {
    uint8_t *data;
    size_t length;
    size_t capacity;
};

void wire_bytes_clear(struct wire_bytes *bytes);
void wire_bytes_put(struct wire_bytes *bytes, const void *data, size_t length);

/* Takes `length` bytes away from the front. */
void wire_bytes_drop(struct wire_bytes *bytes, size_t length);

/* content may be NULL: then it is `length` bytes of a pattern. */
void wire_bytes_put_frame(struct wire_bytes *bytes, unsigned type, unsigned flags, uint64_t sequence,
                          const void *content, size_t length);

/* Options, to be used as the content of a frame. */
void wire_bytes_put_option(struct wire_bytes *bytes, unsigned tag, const void *value, size_t length);
void wire_bytes_put_number_option(struct wire_bytes *bytes, unsigned tag, uint32_t number);

#endif
