/* The frame's header, read and written. */
#include "statistics/random.h"
#include "support/test.h"
#include "support/wire_bytes.h"

#include <stdlib.h>

#include <lubdub/cause.h>
#include <lubdub/frame.h>

static const unsigned options_types[] = {LUBDUB_FRAME_HELLO, LUBDUB_FRAME_WELCOME, LUBDUB_FRAME_BYE};
static const unsigned content_types[] = {LUBDUB_FRAME_PROBE, LUBDUB_FRAME_ACK, LUBDUB_FRAME_MESSAGE};

/* The header alone of a frame that would be valid with its content. */
static void header(uint8_t target[LUBDUB_HEADER_LENGTH], unsigned type, size_t length)
{
    struct wire_bytes bytes = {0};

    wire_bytes_put_frame(&bytes, type, 0, 1, NULL, length);
    memcpy(target, bytes.data, LUBDUB_HEADER_LENGTH);
    wire_bytes_clear(&bytes);
}

static enum lubdub_frame_status decode(const uint8_t *source, size_t length, size_t max_content)
{
    struct lubdub_frame frame;
    size_t taken;

    return lubdub_frame_decode(&frame, source, length, max_content, &taken);
}

static void header_is_laid_out_as_section_2_says(void **state)
{
    const struct lubdub_frame frame = {.type = LUBDUB_FRAME_PROBE,
                                       .flags = 0x0102,
                                       .sequence = 0x1122334455667788u,
                                       .content = (const uint8_t *)"abc",
                                       .length = 3};
    const uint8_t expected[] = {0x4c, 0x44, 1,    3,    0x01, 0x02, 0x00, 0x03, 0x11, 0x22,
                                0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 'a',  'b',  'c'};
    uint8_t bytes[32];
    (void)state;

    assert_int_equal(lubdub_frame_encode(bytes, sizeof bytes, &frame), sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
}

static void what_was_encoded_is_decoded_the_same(void **state)
{
    uint64_t random = 1;
    uint8_t *bytes = malloc(LUBDUB_HEADER_LENGTH + LUBDUB_CONTENT_LIMIT);
    uint8_t *content = malloc(LUBDUB_CONTENT_LIMIT);
    unsigned i;
    (void)state;

    memset(content, 0x5a, LUBDUB_CONTENT_LIMIT);
    for (i = 0; i < 2000; i++) {
        struct lubdub_frame in = {.type = (uint8_t)random_between(&random, 1, 6),
                                  .flags = (uint16_t)random_next(&random),
                                  .sequence = random_next(&random),
                                  .content = content,
                                  .length = (uint16_t)random_below(&random, i % 10 == 0 ? 4097 : 64)};
        struct lubdub_frame out;
        size_t taken = 0;
        size_t size = lubdub_frame_encode(bytes, LUBDUB_HEADER_LENGTH + LUBDUB_CONTENT_LIMIT, &in);

        assert_int_equal(size, LUBDUB_HEADER_LENGTH + (size_t)in.length);
        assert_int_equal(lubdub_frame_decode(&out, bytes, size, LUBDUB_CONTENT_LIMIT, &taken), LUBDUB_FRAME_WHOLE);
        assert_int_equal(taken, size);
        assert_int_equal(out.type, in.type);
        assert_int_equal(out.flags, in.flags);
        assert_true(out.sequence == in.sequence);
        assert_int_equal(out.length, in.length);
        if (in.length > 0) {
            assert_ptr_equal(out.content, bytes + LUBDUB_HEADER_LENGTH);
        } else {
            assert_null(out.content);
        }
    }
    free(bytes);
    free(content);
}

static void frame_that_does_not_fit_is_not_written(void **state)
{
    const struct lubdub_frame frame = {.type = LUBDUB_FRAME_ACK, .content = (const uint8_t *)"abc", .length = 3};
    uint8_t bytes[19];
    size_t capacity;
    (void)state;

    memset(bytes, 0xee, sizeof bytes);
    for (capacity = 0; capacity < sizeof bytes; capacity++) {
        assert_int_equal(lubdub_frame_encode(bytes, capacity, &frame), 0);
        assert_int_equal(bytes[0], 0xee);
    }
    assert_int_equal(lubdub_frame_encode(bytes, sizeof bytes, &frame), sizeof bytes);
}

static void every_shorter_start_of_a_frame_is_incomplete(void **state)
{
    struct wire_bytes bytes = {0};
    size_t length;
    (void)state;

    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, 1, NULL, 40);
    for (length = 0; length < bytes.length; length++) {
        uint8_t *exact = malloc(length > 0 ? length : 1); /* so that a sanitizer sees one byte too many */

        memcpy(exact, bytes.data, length);
        assert_int_equal(decode(exact, length, 1024), LUBDUB_FRAME_INCOMPLETE);
        free(exact);
    }
    assert_int_equal(decode(bytes.data, bytes.length, 1024), LUBDUB_FRAME_WHOLE);
    wire_bytes_clear(&bytes);
}

static void frame_ends_where_its_length_says(void **state)
{
    struct wire_bytes bytes = {0};
    struct lubdub_frame frame;
    size_t taken;
    (void)state;

    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, 1, "one", 3);
    wire_bytes_put_frame(&bytes, LUBDUB_FRAME_MESSAGE, 0, 2, "two", 3);
    assert_int_equal(lubdub_frame_decode(&frame, bytes.data, bytes.length, 1024, &taken), LUBDUB_FRAME_WHOLE);
    assert_int_equal(taken, 19);
    assert_int_equal(lubdub_frame_decode(&frame, bytes.data + 19, bytes.length - 19, 1024, &taken), LUBDUB_FRAME_WHOLE);
    assert_int_equal(frame.sequence, 2);
    wire_bytes_clear(&bytes);
}

static void wrong_magic_is_seen_at_its_first_wrong_byte(void **state)
{
    (void)state;
    assert_int_equal(decode((const uint8_t *)"G", 1, 0), LUBDUB_FRAME_BAD_MAGIC);
    assert_int_equal(decode((const uint8_t *)"L", 1, 0), LUBDUB_FRAME_INCOMPLETE);
    assert_int_equal(decode((const uint8_t *)"Ld", 2, 0), LUBDUB_FRAME_BAD_MAGIC);
    assert_int_equal(decode((const uint8_t *)"LD", 2, 0), LUBDUB_FRAME_INCOMPLETE);
}

static void wrong_version_is_seen_with_the_type_and_a_bye_of_another_version_is_read(void **state)
{
    (void)state;
    const uint8_t bye[LUBDUB_HEADER_LENGTH] = {'L', 'D', 2, LUBDUB_FRAME_BYE, [15] = LUBDUB_REASON_UNSUPPORTED_VERSION};
    struct lubdub_frame frame;
    size_t taken;

    assert_int_equal(decode((const uint8_t *)"LD\x02\x03", 4, 0), LUBDUB_FRAME_BAD_VERSION);
    assert_int_equal(decode((const uint8_t *)"LD\x00\x01", 4, 0), LUBDUB_FRAME_BAD_VERSION);
    assert_int_equal(lubdub_frame_decode(&frame, (const uint8_t *)"LD\x02\x03\x06", 5, 0, &taken), LUBDUB_FRAME_BAD_VERSION);
    assert_int_equal(frame.type, LUBDUB_FRAME_PROBE); /* and none that could be taken for a BYE */
    assert_int_equal(decode((const uint8_t *)"LD\x01\x03", 4, 0), LUBDUB_FRAME_INCOMPLETE);
    assert_int_equal(decode(bye, sizeof bye - 1, 0), LUBDUB_FRAME_INCOMPLETE);
    assert_int_equal(lubdub_frame_decode(&frame, bye, sizeof bye, 0, &taken), LUBDUB_FRAME_BAD_VERSION);
    assert_int_equal(frame.type, LUBDUB_FRAME_BYE);
    assert_int_equal(frame.sequence, LUBDUB_REASON_UNSUPPORTED_VERSION);
}

static void header_is_judged_magic_first_then_version_then_type_then_length(void **state)
{
    uint8_t bytes[LUBDUB_HEADER_LENGTH];
    (void)state;

    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(decode(bytes, sizeof bytes, 10), LUBDUB_FRAME_BAD_MAGIC);
    bytes[0] = 'L';
    bytes[1] = 'D';
    assert_int_equal(decode(bytes, sizeof bytes, 10), LUBDUB_FRAME_BAD_VERSION);
    bytes[2] = 1;
    assert_int_equal(decode(bytes, sizeof bytes, 10), LUBDUB_FRAME_BAD_TYPE);
    bytes[3] = LUBDUB_FRAME_PROBE;
    assert_int_equal(decode(bytes, sizeof bytes, 10), LUBDUB_FRAME_TOO_LONG);
}

static void only_types_1_to_6_exist(void **state)
{
    unsigned type;
    (void)state;

    for (type = 0; type <= 255; type++) {
        uint8_t bytes[LUBDUB_HEADER_LENGTH];

        header(bytes, type, 0);
        assert_int_equal(decode(bytes, sizeof bytes, 10),
                         type >= 1 && type <= 6 ? LUBDUB_FRAME_WHOLE : LUBDUB_FRAME_BAD_TYPE);
    }
}

static void content_is_bounded_by_max_content_to_the_byte(void **state)
{
    const size_t limits[] = {0, 1, 1024, 4096, 5000, LUBDUB_CONTENT_LIMIT};
    uint8_t bytes[LUBDUB_HEADER_LENGTH];
    size_t i;
    size_t k;
    (void)state;

    for (i = 0; i < COUNT_OF(limits); i++) {
        for (k = 0; k < COUNT_OF(content_types); k++) {
            header(bytes, content_types[k], limits[i]);
            assert_int_equal(decode(bytes, sizeof bytes, limits[i]),
                             limits[i] == 0 ? LUBDUB_FRAME_WHOLE : LUBDUB_FRAME_INCOMPLETE);
            if (limits[i] < LUBDUB_CONTENT_LIMIT) {
                header(bytes, content_types[k], limits[i] + 1);
                assert_int_equal(decode(bytes, sizeof bytes, limits[i]), LUBDUB_FRAME_TOO_LONG);
            }
        }
    }
}

static void options_are_bounded_by_4096_whatever_max_content_is(void **state)
{
    const size_t limits[] = {0, 1024, LUBDUB_CONTENT_LIMIT};
    uint8_t bytes[LUBDUB_HEADER_LENGTH];
    size_t i;
    size_t k;
    (void)state;

    for (i = 0; i < COUNT_OF(limits); i++) {
        for (k = 0; k < COUNT_OF(options_types); k++) {
            header(bytes, options_types[k], 4096);
            assert_int_equal(decode(bytes, sizeof bytes, limits[i]), LUBDUB_FRAME_INCOMPLETE);
            header(bytes, options_types[k], 4097);
            assert_int_equal(decode(bytes, sizeof bytes, limits[i]), LUBDUB_FRAME_TOO_LONG);
        }
    }
}

static void flags_and_sequence_may_hold_any_bits(void **state)
{
    uint8_t bytes[LUBDUB_HEADER_LENGTH];
    struct lubdub_frame frame;
    size_t taken;
    (void)state;

    header(bytes, LUBDUB_FRAME_PROBE, 0);
    memset(bytes + 4, 0xff, 2);
    memset(bytes + 8, 0xff, 8);
    assert_int_equal(lubdub_frame_decode(&frame, bytes, sizeof bytes, 0, &taken), LUBDUB_FRAME_WHOLE);
    assert_int_equal(frame.flags, 0xffff);
    assert_true(frame.sequence == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_laid_out_as_section_2_says),
        cmocka_unit_test(what_was_encoded_is_decoded_the_same),
        cmocka_unit_test(frame_that_does_not_fit_is_not_written),
        cmocka_unit_test(every_shorter_start_of_a_frame_is_incomplete),
        cmocka_unit_test(frame_ends_where_its_length_says),
        cmocka_unit_test(wrong_magic_is_seen_at_its_first_wrong_byte),
        cmocka_unit_test(wrong_version_is_seen_with_the_type_and_a_bye_of_another_version_is_read),
        cmocka_unit_test(header_is_judged_magic_first_then_version_then_type_then_length),
        cmocka_unit_test(only_types_1_to_6_exist),
        cmocka_unit_test(content_is_bounded_by_max_content_to_the_byte),
        cmocka_unit_test(options_are_bounded_by_4096_whatever_max_content_is),
        cmocka_unit_test(flags_and_sequence_may_hold_any_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
