/* Appends to a buffer that doubles. */
#define _GNU_SOURCE
#include "server/http/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/events/escape.h"
#include "program/events/timestamp.h"

void text_clear(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

static bool make_room(struct text *text, size_t more)
{
    size_t room = text->room > 0 ? text->room : 4096;
    char *bytes;

    if (text->has_failed || text->length + more <= text->room) {
        return !text->has_failed;
    }
    while (room < text->length + more) {
        room *= 2;
    }
    bytes = realloc(text->bytes, room);
    if (bytes == NULL) {
        text->has_failed = true;
        return false;
    }
    text->bytes = bytes;
    text->room = room;
    return true;
}

void text_put(struct text *text, const char *bytes, size_t length)
{
    if (length > 0 && make_room(text, length)) {
        memcpy(text->bytes + text->length, bytes, length);
        text->length += length;
    }
}

void text_format(struct text *text, const char *format, ...)
{
    char small[512];
    char *large = NULL;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof small) {
        text_put(text, small, (size_t)length);
        return;
    }
    va_start(arguments, format);
    length = vasprintf(&large, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text->has_failed = true;
        return;
    }
    text_put(text, large, (size_t)length);
    free(large);
}

static void put_code_point(struct text *text, uint32_t code_point)
{
    if (code_point > 0xffff) {
        text_format(text, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + ((code_point - 0x10000) >> 10),
                    0xdc00 + ((code_point - 0x10000) & 0x3ff));
    } else {
        text_format(text, "\\u%04" PRIx32, code_point);
    }
}

/* < and > too, so that no reader that takes it for markup finds any. */
static bool is_plain(char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\' && byte != '<' && byte != '>';
}

void text_json(struct text *text, const char *bytes, size_t length)
{
    size_t taken = 0;

    text_put(text, "\"", 1);
    while (taken < length) {
        size_t plain = taken;
        uint32_t code_point = 0;
        size_t size;

        while (plain < length && is_plain(bytes[plain])) {
            plain++;
        }
        text_put(text, bytes + taken, plain - taken);
        taken = plain;
        if (taken < length) {
            size = lubdub_utf8_decode((const uint8_t *)bytes + taken, length - taken, &code_point);
            put_code_point(text, size == 0 || code_point == 0 ? 0xfffd : code_point);
            taken += size > 0 ? size : 1;
        }
    }
    text_put(text, "\"", 1);
}

void text_member(struct text *text, const char *key)
{
    bool is_first = text->length > 0 && text->bytes[text->length - 1] == '{';

    text_format(text, "%s\"%s\":", is_first ? "" : ",", key);
}

void text_member_json(struct text *text, const char *key, const char *bytes, size_t length)
{
    text_member(text, key);
    text_json(text, bytes, length);
}

void text_member_word(struct text *text, const char *key, const char *word)
{
    text_member_json(text, key, word, strlen(word));
}

void text_member_number(struct text *text, const char *key, uint64_t number)
{
    text_member(text, key);
    text_format(text, "%" PRIu64, number);
}

void text_member_flag(struct text *text, const char *key, bool flag)
{
    text_member(text, key);
    text_format(text, "%s", flag ? "true" : "false");
}

void text_member_time(struct text *text, const char *key, uint64_t real_ns)
{
    char time[LUBDUB_TIMESTAMP_SIZE];

    text_member_word(text, key, lubdub_format_timestamp(real_ns, time));
}
