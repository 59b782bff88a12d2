/* Writes frames without asking whether they make sense: tests need the wrong ones too. */
#include "wire_bytes.h"

#include <stdlib.h>
#include <string.h>

void wire_bytes_clear(struct wire_bytes *bytes)
{
    free(bytes->data);
    memset(bytes, 0, sizeof *bytes);
}

static uint8_t *reserve(struct wire_bytes *bytes, size_t length)
{
    if (bytes->capacity - bytes->length < length) {
        size_t capacity = 2 * (bytes->length + length);
        uint8_t *data = realloc(bytes->data, capacity);

        if (data == NULL) {
            abort();
        }
        bytes->data = data;
        bytes->capacity = capacity;
    }
    bytes->length += length;
    return bytes->data + bytes->length - length;
}

void wire_bytes_put(struct wire_bytes *bytes, const void *data, size_t length)
{
    if (length > 0) {
        memcpy(reserve(bytes, length), data, length);
    }
}

void wire_bytes_drop(struct wire_bytes *bytes, size_t length)
{
    if (length > 0) {
        memmove(bytes->data, bytes->data + length, bytes->length - length);
        bytes->length -= length;
    }
}

void wire_bytes_put_frame(struct wire_bytes *bytes, unsigned type, unsigned flags, uint64_t sequence,
                          const void *content, size_t length)
{
    uint8_t *target = reserve(bytes, LUBDUB_HEADER_LENGTH + length);
    size_t i;

    target[0] = 'L';
    target[1] = 'D';
    target[2] = 1;
    target[3] = (uint8_t)type;
    target[4] = (uint8_t)(flags >> 8);
    target[5] = (uint8_t)flags;
    target[6] = (uint8_t)(length >> 8);
    target[7] = (uint8_t)length;
    for (i = 0; i < 8; i++) {
        target[8 + i] = (uint8_t)(sequence >> (56 - 8 * i));
    }
    for (i = 0; i < length; i++) {
        target[LUBDUB_HEADER_LENGTH + i] = content != NULL ? ((const uint8_t *)content)[i] : (uint8_t)('a' + i % 26);
    }
}

void wire_bytes_put_option(struct wire_bytes *bytes, unsigned tag, const void *value, size_t length)
{
    const uint8_t header[3] = {(uint8_t)tag, (uint8_t)(length >> 8), (uint8_t)length};

    wire_bytes_put(bytes, header, sizeof header);
    wire_bytes_put(bytes, value, length);
}

void wire_bytes_put_number_option(struct wire_bytes *bytes, unsigned tag, uint32_t number)
{
    const uint8_t value[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                              (uint8_t)number};

    wire_bytes_put_option(bytes, tag, value, sizeof value);
}
