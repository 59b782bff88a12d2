/* Checks UTF-8 by the table of well-formed byte sequences (Unicode standard, table 3-7). */
#include "core/utf8.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the well-formed sequence at the start of data, 0 if there is none or it is a control. */
static size_t sequence_length(const uint8_t *data, size_t length)
{
    uint8_t lead = data[0];
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t size;
    size_t i;

    if (lead < 0x80) {
        return lead >= 0x20 && lead != 0x7f ? 1 : 0;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        size = 2;
        low = lead == 0xc2 ? 0xa0 : 0x80; /* U+0080–U+009F are the C1 controls */
    } else if (lead >= 0xe0 && lead <= 0xef) {
        size = 3;
        low = lead == 0xe0 ? 0xa0 : 0x80;
        high = lead == 0xed ? 0x9f : 0xbf;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        size = 4;
        low = lead == 0xf0 ? 0x90 : 0x80;
        high = lead == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }

    if (length < size || data[1] < low || data[1] > high) {
        return 0;
    }
    for (i = 2; i < size; i++) {
        if (data[i] < 0x80 || data[i] > 0xbf) {
            return 0;
        }
    }
    return size;
}

bool lubdub_utf8_is_clean(const char *data, size_t length)
{
    const uint8_t *bytes = (const uint8_t *)data;
    size_t taken = 0;

    while (taken < length) {
        size_t size = sequence_length(bytes + taken, length - taken);

        if (size == 0) {
            return false;
        }
        taken += size;
    }
    return true;
}

/* Of a well-formed sequence of this size. */
static uint32_t code_point(const uint8_t *data, size_t size)
{
    uint32_t code = size == 1 ? data[0] : data[0] & (0x7fu >> size);
    size_t i;

    for (i = 1; i < size; i++) {
        code = code << 6 | (data[i] & 0x3f);
    }
    return code;
}

struct range {
    uint32_t first;
    uint32_t last;
};

static bool is_among(uint32_t code, const struct range *ranges, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

static bool is_invisible(uint32_t code)
{
    static const struct range ranges[] = {
        {0xad, 0xad},       {0x34f, 0x34f},     {0x61c, 0x61c},     {0x115f, 0x1160},   {0x17b4, 0x17b5},
        {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},   {0x2800, 0x2800},
        {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
        {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };

    return is_among(code, ranges, sizeof ranges / sizeof ranges[0]);
}

static bool is_blank(uint32_t code)
{
    static const struct range ranges[] = {{0x20, 0x20},     {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
                                          {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};

    return is_among(code, ranges, sizeof ranges / sizeof ranges[0]);
}

bool lubdub_utf8_is_visible(const char *data, size_t length)
{
    const uint8_t *bytes = (const uint8_t *)data;
    bool is_seen = false;
    size_t taken = 0;

    while (taken < length) {
        size_t size = sequence_length(bytes + taken, length - taken);
        uint32_t code;

        if (size == 0) {
            return false;
        }
        code = code_point(bytes + taken, size);
        if (is_invisible(code)) {
            return false;
        }
        is_seen = is_seen || !is_blank(code);
        taken += size;
    }
    return is_seen;
}

size_t lubdub_utf8_cut(const char *text, size_t limit)
{
    size_t length = strlen(text);

    if (length > limit) {
        for (length = limit; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80; length--) {
            /* back to the start of a character */
        }
    }
    return length;
}
