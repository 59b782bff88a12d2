/* Keeps a growing buffer that lives no longer than its frame. */
#include "core/partial.h"

#include <stdlib.h>
#include <string.h>

#include <lubdub/frame.h>

#include "core/bytes.h"

#define SMALLEST_CAPACITY 32

bool lubdub_partial_append(struct lubdub_partial *partial, const uint8_t *bytes, size_t length)
{
    size_t needed = partial->length + length;

    if (needed > partial->capacity) {
        size_t capacity = partial->capacity > 0 ? partial->capacity : SMALLEST_CAPACITY;
        uint8_t *grown;

        while (capacity < needed) {
            capacity *= 2;
        }
        grown = realloc(partial->bytes, capacity);
        if (grown == NULL) {
            return false;
        }
        partial->bytes = grown;
        partial->capacity = (uint32_t)capacity;
    }
    memcpy(partial->bytes + partial->length, bytes, length);
    partial->length += (uint32_t)length;
    return true;
}

void lubdub_partial_clear(struct lubdub_partial *partial)
{
    free(partial->bytes);
    memset(partial, 0, sizeof *partial);
}

size_t lubdub_partial_missing(const struct lubdub_partial *partial)
{
    size_t whole;

    if (partial->length < LUBDUB_HEADER_LENGTH) {
        return LUBDUB_HEADER_LENGTH - partial->length;
    }
    whole = LUBDUB_HEADER_LENGTH + (size_t)lubdub_bytes_get16(partial->bytes + 6);
    return whole - partial->length;
}
