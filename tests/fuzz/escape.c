/* Escaping: what comes out is text that a terminal shows as it is, ends where it should, and fits. */
#include <string.h>

#include "fuzz.h"
#include "program/events/escape.h"

typedef size_t (*escape)(char *text, size_t capacity, const void *bytes, size_t length);

static void check_text(const char *text, size_t length, size_t capacity)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t at;

    CHECK(length < capacity && strlen(text) == length);
    for (at = 0; at < length;) {
        uint32_t code_point = 0;
        size_t size = lubdub_utf8_decode(bytes + at, length - at, &code_point);

        CHECK(size > 0);
        CHECK(code_point >= 0x20 && (code_point < 0x7f || code_point > 0x9f)); /* no control character */
        CHECK(code_point < 0x202a || code_point > 0x202e);                     /* none that turns the text around */
        CHECK(code_point < 0x2066 || code_point > 0x2069);
        CHECK(code_point != 0x200b && code_point != 0x2028 && code_point != 0x2029 && code_point != 0xfeff);
        at += size;
    }
}

/* The first byte chooses the form, the second one the capacity. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const escape forms[] = {lubdub_escape_text, lubdub_escape_line, lubdub_escape_value, lubdub_escape_name};
    static char text[2048];
    struct fuzz_input input = {data, size};
    unsigned form = fuzz_byte(&input) % 4;
    size_t capacity = 6 + (size_t)fuzz_byte(&input);
    size_t length;

    memset(text, '!', sizeof text);
    length = forms[form](text, capacity, input.bytes, input.left);
    check_text(text, length, capacity);
    CHECK(text[capacity] == '!'); /* not a byte too far */
    CHECK(forms[form](text, sizeof text, NULL, 0) <= 2);
    return 0;
}
