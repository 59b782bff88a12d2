/* UTF-8 from strangers, against a decoder that goes the other way round: from code points to bytes. */
#include "support/test.h"

#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

/* RFC 3629 for one code point; returns the bytes written. Writes what is not allowed too. */
static size_t encode(uint32_t point, char bytes[4])
{
    if (point < 0x80) {
        bytes[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        bytes[0] = (char)(0xc0 | point >> 6);
        bytes[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        bytes[0] = (char)(0xe0 | point >> 12);
        bytes[1] = (char)(0x80 | (point >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    bytes[0] = (char)(0xf0 | point >> 18);
    bytes[1] = (char)(0x80 | (point >> 12 & 0x3f));
    bytes[2] = (char)(0x80 | (point >> 6 & 0x3f));
    bytes[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

static void every_code_point_is_clean_but_controls_and_surrogates(void **state)
{
    uint32_t point;
    (void)state;

    for (point = 0; point < 0x120000; point++) {
        char bytes[4];
        size_t length = encode(point, bytes);
        bool is_control = point < 0x20 || (point >= 0x7f && point < 0xa0);
        bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
        bool expected = !is_control && !is_surrogate && point <= 0x10ffff;

        if (lubdub_utf8_is_clean(bytes, length) != expected) {
            print_error("U+%04X should be %s\n", (unsigned)point, expected ? "clean" : "refused");
            fail();
        }
    }
}

/* Every two and three bytes, by the number of well-formed ones that the Unicode standard counts. */
static void as_many_short_sequences_are_clean_as_there_are_code_points(void **state)
{
    uint32_t two = 0;
    uint32_t three = 0;
    uint32_t value;
    (void)state;

    for (value = 0x8000; value < 0x10000; value++) {
        const char bytes[2] = {(char)(value >> 8), (char)value};

        two += lubdub_utf8_is_clean(bytes, 2) ? 1 : 0;
    }
    for (value = 0x800000; value < 0x1000000; value++) {
        const char bytes[3] = {(char)(value >> 16), (char)(value >> 8), (char)value};

        three += lubdub_utf8_is_clean(bytes, 3) ? 1 : 0;
    }
    assert_int_equal(two, 0x800 - 0x80 - 32);                /* without C1 */
    assert_int_equal(three, (0x10000 - 0x800 - 0x800)        /* without surrogates */
                                + (0x800 - 0x80 - 32) * 95); /* two bytes, then printable ASCII */
}

static void sequence_that_is_cut_short_is_refused_and_nothing_is_read_past_it(void **state)
{
    const uint32_t points[] = {0xe4, 0x20ac, 0x1f493};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(points); i++) {
        char bytes[4];
        size_t length = encode(points[i], bytes);
        size_t cut;

        for (cut = 1; cut < length; cut++) {
            char *exact = malloc(cut);

            memcpy(exact, bytes, cut);
            assert_false(lubdub_utf8_is_clean(exact, cut));
            free(exact);
        }
    }
}

static void nothing_is_clean(void **state)
{
    (void)state;
    assert_true(lubdub_utf8_is_clean(NULL, 0));
    assert_true(lubdub_utf8_is_clean("", 0));
}

static void one_wrong_byte_anywhere_spoils_the_text(void **state)
{
    char text[] = "a long and clean text";
    size_t i;
    (void)state;

    for (i = 0; i < sizeof text - 1; i++) {
        char kept = text[i];

        text[i] = '\xff';
        assert_false(lubdub_utf8_is_clean(text, sizeof text - 1));
        text[i] = '\0';
        assert_false(lubdub_utf8_is_clean(text, sizeof text - 1));
        text[i] = kept;
    }
    assert_true(lubdub_utf8_is_clean(text, sizeof text - 1));
}

static bool is_visible(const char *text)
{
    return lubdub_utf8_is_visible(text, strlen(text));
}

static void b14_what_cannot_be_seen_is_found(void **state)
{
    static const uint32_t invisible[] = {0xad,   0x34f,  0x61c,  0x115f, 0x180e, 0x200b, 0x200d, 0x200e,  0x2028, 0x202e,
                                         0x2060, 0x2066, 0x206f, 0x2800, 0x3164, 0xfe0f, 0xfeff, 0xffa0,  0xfff9, 0xe0041,
                                         0xe0100};
    size_t i;
    (void)state;

    for (i = 0; i < sizeof invisible / sizeof invisible[0]; i++) {
        char text[16] = "pump";
        size_t length = encode(invisible[i], text + 4);

        assert_false(lubdub_utf8_is_visible(text, 4 + length));
        assert_true(lubdub_utf8_is_clean(text, 4 + length));
    }
}

static void b14_text_of_blanks_cannot_be_seen(void **state)
{
    (void)state;
    assert_false(is_visible(""));
    assert_false(is_visible(" "));
    assert_false(is_visible("   "));
    assert_false(is_visible("\xc2\xa0\xe2\x80\x83\xe3\x80\x80"));
    assert_true(is_visible(" pump 7 "));
}

static void b14_what_people_write_is_visible(void **state)
{
    (void)state;
    assert_true(is_visible("p\xc3\xbcmpe \xe2\x82\xac"));
    assert_true(is_visible("\xe6\xb0\xb4\xe6\xb3\xb5"));
    assert_true(is_visible("\xd9\x85\xd8\xb6\xd8\xae\xd8\xa9"));
    assert_true(is_visible("\xf0\x9f\x92\x93"));
    assert_false(is_visible("pump\n"));
    assert_false(is_visible("pump\xff"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b14_what_cannot_be_seen_is_found),
        cmocka_unit_test(b14_text_of_blanks_cannot_be_seen),
        cmocka_unit_test(b14_what_people_write_is_visible),
        cmocka_unit_test(every_code_point_is_clean_but_controls_and_surrogates),
        cmocka_unit_test(as_many_short_sequences_are_clean_as_there_are_code_points),
        cmocka_unit_test(sequence_that_is_cut_short_is_refused_and_nothing_is_read_past_it),
        cmocka_unit_test(nothing_is_clean),
        cmocka_unit_test(one_wrong_byte_anywhere_spoils_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
