/* Makes bytes safe to show, character by character. */
#include "program/events/escape.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define ESCAPE_SIZE 16

enum style {
    STYLE_TEXT,
    STYLE_QUOTED, /* quotes are escaped too */
    STYLE_LINE,   /* backslashes are not */
};

/* Bytes and limits of the second one by the first: table 3-7 of the Unicode standard. */
size_t lubdub_utf8_decode(const uint8_t *bytes, size_t length, uint32_t *code_point)
{
    uint8_t lead = bytes[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t point = lead;
    size_t i;

    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || size > length) {
        return 0;
    }
    if (size > 1) {
        point = lead & (0x7fU >> size);
    }
    for (i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
        point = point << 6 | (bytes[i] & 0x3fU);
    }
    if ((size == 3 && (point < 0x800 || (point >= 0xd800 && point <= 0xdfff))) ||
        (size == 4 && (point < 0x10000 || point > 0x10ffff))) {
        return 0;
    }
    *code_point = point;
    return size;
}

/* Marks that a terminal obeys or that cannot be seen: what looks like one name would be another. */
static bool is_hidden(uint32_t point)
{
    return (point >= 0x80 && point <= 0x9f) || point == 0xad || point == 0x61c ||
           (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2060 && point <= 0x206f) || point == 0xfeff || (point >= 0xfff9 && point <= 0xfffb) ||
           (point >= 0xe0000 && point <= 0xe007f);
}

/* One character, or one byte that is none: as it is or as its escape. Returns how many bytes were taken. */
static size_t escape_one(const uint8_t *bytes, size_t length, enum style style, char escape[ESCAPE_SIZE],
                         size_t *escape_length)
{
    uint32_t point = 0;
    size_t size = lubdub_utf8_decode(bytes, length, &point);
    int written;

    if (size == 0 || point < 0x20 || point == 0x7f) {
        written = snprintf(escape, ESCAPE_SIZE, "\\x%02x", bytes[0]);
        size = 1;
    } else if ((point == '\\' && style != STYLE_LINE) || (point == '"' && style == STYLE_QUOTED)) {
        written = snprintf(escape, ESCAPE_SIZE, "\\%c", (int)point);
    } else if (is_hidden(point)) {
        written = snprintf(escape, ESCAPE_SIZE, "\\u{%04x}", (unsigned)point);
    } else {
        memcpy(escape, bytes, size);
        written = (int)size;
    }
    *escape_length = (size_t)written;
    return size;
}

static size_t escape_all(char *text, size_t capacity, const uint8_t *bytes, size_t length, enum style style)
{
    size_t used = 0;
    size_t fitting = 0; /* where the text can be cut and "..." still fits */
    size_t taken = 0;

    while (taken < length) {
        char escape[ESCAPE_SIZE];
        size_t escape_length;

        taken += escape_one(bytes + taken, length - taken, style, escape, &escape_length);
        if (used + escape_length + 1 > capacity) {
            memcpy(text + fitting, "...", 4);
            return fitting + 3;
        }
        memcpy(text + used, escape, escape_length);
        used += escape_length;
        if (used + 4 <= capacity) {
            fitting = used;
        }
    }
    text[used] = '\0';
    return used;
}

size_t lubdub_escape_text(char *text, size_t capacity, const void *bytes, size_t length)
{
    assert(capacity >= 4);
    return escape_all(text, capacity, bytes, length, STYLE_TEXT);
}

size_t lubdub_escape_line(char *text, size_t capacity, const void *bytes, size_t length)
{
    assert(capacity >= 4);
    return escape_all(text, capacity, bytes, length, STYLE_LINE);
}

static bool is_plain(const uint8_t *bytes, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        if (bytes[i] <= ' ' || bytes[i] == '"' || bytes[i] == '=' || bytes[i] == '\\') {
            return false;
        }
    }
    return length > 0;
}

size_t lubdub_escape_value(char *text, size_t capacity, const void *bytes, size_t length)
{
    size_t used;

    if (is_plain(bytes, length)) {
        return lubdub_escape_text(text, capacity, bytes, length);
    }
    assert(capacity >= 6);
    text[0] = '"';
    used = 1 + escape_all(text + 1, capacity - 2, bytes, length, STYLE_QUOTED);
    memcpy(text + used, "\"", 2);
    return used + 1;
}
