#include "program/events/escape.h"

#include <stdio.h>

#include "support/test.h"

static void assert_text(const char *bytes, size_t length, const char *expected)
{
    char text[256];

    assert_int_equal(lubdub_escape_text(text, sizeof text, bytes, length), strlen(expected));
    assert_string_equal(text, expected);
}

#define ASSERT_TEXT(bytes, expected) assert_text(bytes, sizeof(bytes) - 1, expected)

static void printable_text_stays_as_it_is(void **state)
{
    (void)state;
    ASSERT_TEXT("", "");
    ASSERT_TEXT("pump-7 \"x\" = y", "pump-7 \"x\" = y");
    ASSERT_TEXT("K\xc3\xbc"
                "che \xe2\x98\x83 \xf0\x9f\x92\x93",
                "K\xc3\xbc"
                "che \xe2\x98\x83 \xf0\x9f\x92\x93");
}

static void what_a_terminal_would_obey_is_escaped(void **state)
{
    (void)state;
    ASSERT_TEXT("\x1b[2J", "\\x1b[2J");
    ASSERT_TEXT("\x1b]0;title\x07", "\\x1b]0;title\\x07");
    ASSERT_TEXT("a\r\nb\tc\0d\x7f", "a\\x0d\\x0ab\\x09c\\x00d\\x7f");
    ASSERT_TEXT("\xc2\x9b"
                "2J",
                "\\u{009b}2J");
    ASSERT_TEXT("a\xe2\x80\xae"
                "b",
                "a\\u{202e}b");
    ASSERT_TEXT("a\xe2\x81\xa6"
                "b",
                "a\\u{2066}b");
    ASSERT_TEXT("a\xe2\x80\xa8"
                "b",
                "a\\u{2028}b");
    ASSERT_TEXT("a\xe2\x80\x8b"
                "b",
                "a\\u{200b}b");
    ASSERT_TEXT("\xef\xbb\xbf", "\\u{feff}");
    ASSERT_TEXT("\xf3\xa0\x81\x81", "\\u{e0041}");
    ASSERT_TEXT("\\x1b", "\\\\x1b");
}

/* Each of these looks like nothing, or like a blank: two names that differ by one would look the same. */
static void finding_b14_characters_that_cannot_be_seen_are_escaped(void **state)
{
    static const uint32_t points[] = {0xad,   0x34f,  0x115f, 0x1160, 0x17b4, 0x180e, 0x200b, 0x200d, 0x202a,
                                      0x2060, 0x2067, 0x2800, 0x3164, 0xfe0f, 0xfeff, 0xffa0, 0xe0100};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof points / sizeof points[0]; i++) {
        uint8_t bytes[4];
        char expected[32];
        char text[32];
        uint32_t point = points[i];
        size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        size_t j;

        for (j = length - 1; j > 0; j--) {
            bytes[j] = (uint8_t)(0x80 | ((point >> 6 * (length - 1 - j)) & 0x3f));
        }
        bytes[0] = (uint8_t)((length == 2 ? 0xc0 : length == 3 ? 0xe0 : 0xf0) | point >> 6 * (length - 1));
        snprintf(expected, sizeof expected, "\\u{%04x}", (unsigned)point);
        lubdub_escape_text(text, sizeof text, bytes, length);
        assert_string_equal(text, expected);
    }
}

static void assert_name(const char *bytes, const char *expected)
{
    char text[256];

    assert_int_equal(lubdub_escape_name(text, sizeof text, bytes, strlen(bytes)), strlen(expected));
    assert_string_equal(text, expected);
}

static void finding_b14_name_that_could_be_read_as_a_field_is_quoted(void **state)
{
    (void)state;
    assert_name("pump-7", "pump-7");
    assert_name("Kiel/pump_7.a@b+c~#%", "Kiel/pump_7.a@b+c~#%");
    assert_name("p\xc3\xbcmpe-\xe6\xb0\xb4", "p\xc3\xbcmpe-\xe6\xb0\xb4"); /* letters of any script stay, bare */
    assert_name("", "\"\"");
    assert_name(" ", "\" \"");
    assert_name("127.0.0.1:4242", "\"127.0.0.1:4242\"");
    assert_name("pump-7 10.0.0.7:1 disconnected: hung; then", "\"pump-7 10.0.0.7:1 disconnected: hung; then\"");
    assert_name("\" 10.0.0.7:1 connected", "\"\\\" 10.0.0.7:1 connected\"");
    assert_name("a\\b", "\"a\\\\b\"");
    assert_name("a'b", "\"a'b\"");
    assert_name("[::1]", "\"[::1]\"");
    assert_name("a\xc2\xa0"
                "b",
                "\"a\xc2\xa0"
                "b\""); /* a blank that does not break */
    assert_name("10.0.0.7\xef\xbc\x9a"
                "1",
                "\"10.0.0.7\xef\xbc\x9a"
                "1\""); /* a wide colon */
    assert_name("a\xe2\x80\xae"
                "b",
                "\"a\\u{202e}b\"");
    assert_name("\xff", "\"\\xff\"");
}

static void bytes_that_are_no_utf8_are_escaped_one_by_one(void **state)
{
    (void)state;
    ASSERT_TEXT("\xff\xfe", "\\xff\\xfe");
    ASSERT_TEXT("\x80", "\\x80");
    ASSERT_TEXT("\xc3", "\\xc3");                            /* cut off */
    ASSERT_TEXT("\xc0\xaf", "\\xc0\\xaf");                   /* too long a form */
    ASSERT_TEXT("\xe0\x80\xaf", "\\xe0\\x80\\xaf");          /* likewise */
    ASSERT_TEXT("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* a surrogate */
    ASSERT_TEXT("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
    ASSERT_TEXT("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80");
    ASSERT_TEXT("\xe2\x98z", "\\xe2\\x98z");
}

static void every_character_decodes_to_itself(void **state)
{
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    uint32_t point;

    (void)state;
    for (point = 0; point <= 0x10ffff; point++) {
        uint8_t bytes[4];
        size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        uint32_t decoded = 0;
        size_t i;

        for (i = length - 1; i > 0; i--) {
            bytes[i] = (uint8_t)(0x80 | ((point >> 6 * (length - 1 - i)) & 0x3f));
        }
        bytes[0] = (uint8_t)(leads[length] | point >> 6 * (length - 1));
        if (point >= 0xd800 && point <= 0xdfff) {
            assert_int_equal(lubdub_utf8_decode(bytes, length, &decoded), 0);
        } else {
            assert_int_equal(lubdub_utf8_decode(bytes, length, &decoded), length);
            assert_int_equal(decoded, point);
            assert_int_equal(length == 1 ? 0 : lubdub_utf8_decode(bytes, length - 1, &decoded), 0);
        }
    }
}

static void no_output_has_a_byte_that_is_no_printable_utf8(void **state)
{
    uint8_t input[3];
    char text[64];
    unsigned i;
    unsigned j;

    (void)state;
    for (i = 0; i < 0x10000; i++) {
        size_t length;
        uint32_t point;

        input[0] = (uint8_t)(i >> 8);
        input[1] = (uint8_t)i;
        input[2] = 0x9b;
        length = lubdub_escape_text(text, sizeof text, input, 3);
        for (j = 0; j < length;) {
            size_t size = lubdub_utf8_decode((const uint8_t *)text + j, length - j, &point);

            assert_true(size > 0 && point >= 0x20 && point != 0x7f && (point < 0x80 || point > 0x9f));
            j += (unsigned)size;
        }
    }
}

static void what_does_not_fit_is_cut_at_a_whole_character(void **state)
{
    static const char text[] = "abc\x1b"
                               "de\xe2\x98\x83";
    char all[64];
    size_t whole = lubdub_escape_text(all, sizeof all, text, sizeof text - 1);
    size_t capacity;

    (void)state;
    for (capacity = 6; capacity < sizeof all; capacity++) {
        char cut[sizeof all + 1];
        size_t length;

        memset(cut, '#', sizeof cut);
        length = lubdub_escape_text(cut, capacity, text, sizeof text - 1);
        assert_true(length < capacity);
        assert_int_equal(cut[length], '\0');
        assert_int_equal(cut[capacity], '#');
        if (whole < capacity) {
            assert_string_equal(cut, all);
        } else {
            assert_string_equal(cut + length - 3, "...");
            assert_memory_equal(cut, all, length - 3);
            assert_true(length - 3 <= 3 ||
                        (length - 3 >= 7 && length - 3 <= 9)); /* not inside \x1b, not inside the snowman */
        }
    }
}

static void value_is_quoted_where_it_would_be_taken_apart(void **state)
{
    char text[64];

    (void)state;
    lubdub_escape_value(text, sizeof text, "pump-7", 6);
    assert_string_equal(text, "pump-7");
    lubdub_escape_value(text, sizeof text, "", 0);
    assert_string_equal(text, "\"\"");
    lubdub_escape_value(text, sizeof text, "a=b \"c\"", 7);
    assert_string_equal(text, "\"a=b \\\"c\\\"\"");
    lubdub_escape_value(text, sizeof text, "a\nb", 3);
    assert_string_equal(text, "\"a\\x0ab\"");
    lubdub_escape_value(text, sizeof text, "a\\b", 3);
    assert_string_equal(text, "\"a\\\\b\"");
    lubdub_escape_value(text, 12, "a b c d e f g h", 15);
    assert_string_equal(text, "\"a b c ...\"");
}

static void line_keeps_what_was_escaped_before(void **state)
{
    char text[64];

    (void)state;
    lubdub_escape_line(text, sizeof text, "id=\"a\\x1b\" \x1b", 12);
    assert_string_equal(text, "id=\"a\\x1b\" \\x1b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printable_text_stays_as_it_is),
        cmocka_unit_test(what_a_terminal_would_obey_is_escaped),
        cmocka_unit_test(finding_b14_characters_that_cannot_be_seen_are_escaped),
        cmocka_unit_test(finding_b14_name_that_could_be_read_as_a_field_is_quoted),
        cmocka_unit_test(bytes_that_are_no_utf8_are_escaped_one_by_one),
        cmocka_unit_test(every_character_decodes_to_itself),
        cmocka_unit_test(no_output_has_a_byte_that_is_no_printable_utf8),
        cmocka_unit_test(what_does_not_fit_is_cut_at_a_whole_character),
        cmocka_unit_test(value_is_quoted_where_it_would_be_taken_apart),
        cmocka_unit_test(line_keeps_what_was_escaped_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
