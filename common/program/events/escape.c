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

struct range {
    uint32_t first;
    uint32_t last;
};

static bool is_in(const struct range *ranges, size_t count, uint32_t point)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (point >= ranges[i].first && point <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* Marks that a terminal obeys or that cannot be seen: what looks like one name would be another. */
static bool is_hidden(uint32_t point)
{
    static const struct range ranges[] = {
        {0x80, 0x9f},     {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},   {0x115f, 0x1160},   {0x17b4, 0x17b5},
        {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0x2800, 0x2800},   {0x3164, 0x3164},
        {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
    };

    return point >= 0x80 && is_in(ranges, sizeof ranges / sizeof ranges[0], point);
}

/* Blanks and punctuation beyond ASCII, and letters that look like a colon. */
static bool is_mark(uint32_t point)
{
    static const struct range ranges[] = {
        {0xa0, 0xbf},     {0x2b0, 0x36f},   {0x589, 0x589},   {0x5c3, 0x5c3},   {0x703, 0x709},   {0x1680, 0x1680},
        {0x1803, 0x1803}, {0x2000, 0x206f}, {0x2236, 0x2236}, {0x3000, 0x303f}, {0xa4fd, 0xa4fd}, {0xa789, 0xa78a},
        {0xfe10, 0xfe6f}, {0xff00, 0xff0f}, {0xff1a, 0xff20}, {0xff3b, 0xff40}, {0xff5b, 0xff65},
    };

    return is_in(ranges, sizeof ranges / sizeof ranges[0], point);
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

static size_t quote(char *text, size_t capacity, const void *bytes, size_t length)
{
    size_t used;

    assert(capacity >= 6);
    text[0] = '"';
    used = 1 + escape_all(text + 1, capacity - 2, bytes, length, STYLE_QUOTED);
    memcpy(text + used, "\"", 2);
    return used + 1;
}

size_t lubdub_escape_value(char *text, size_t capacity, const void *bytes, size_t length)
{
    return is_plain(bytes, length) ? lubdub_escape_text(text, capacity, bytes, length)
                                   : quote(text, capacity, bytes, length);
}

static bool is_part_of_a_name(uint32_t point)
{
    if (point < 0x80) {
        return (point >= '0' && point <= '9') || (point >= 'A' && point <= 'Z') || (point >= 'a' && point <= 'z') ||
               (point != 0 && strchr("-_./@+~#%", (int)point) != NULL);
    }
    return !is_hidden(point) && !is_mark(point);
}

static bool is_name(const uint8_t *bytes, size_t length)
{
    size_t taken = 0;

    while (taken < length) {
        uint32_t point;
        size_t size = lubdub_utf8_decode(bytes + taken, length - taken, &point);

        if (size == 0 || !is_part_of_a_name(point)) {
            return false;
        }
        taken += size;
    }
    return length > 0;
}

size_t lubdub_escape_name(char *text, size_t capacity, const void *bytes, size_t length)
{
    return is_name(bytes, length) ? lubdub_escape_text(text, capacity, bytes, length)
                                  : quote(text, capacity, bytes, length);
}
