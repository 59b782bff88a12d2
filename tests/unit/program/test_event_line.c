#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#include "program/events/json.h"
#include "program/events/timestamp.h"
#include "support/test.h"

/* 2026-01-31T23:59:59.000001999Z */
#define REAL (UINT64_C(1769903999) * LUBDUB_SECOND + 1999)

#define JSON_SIZE (32 * 1024)

static char json_text[JSON_SIZE];

static json_t *parse(const struct lubdub_event_line *line)
{
    json_error_t error;
    size_t length = lubdub_event_line_json(line, json_text, sizeof json_text);
    json_t *object = json_loadb(json_text, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    size_t i;

    for (i = 0; i < length; i++) {
        assert_in_range((unsigned char)json_text[i], 0x20, 0x7e);
    }
    assert_non_null(object);
    return object;
}

static void json_has_time_mono_and_event_first_and_the_rest_in_order(void **state)
{
    static const char expected[] = "{\"time\":\"2026-01-31T23:59:59.000001Z\",\"mono_ns\":12345,\"event\":"
                                   "\"connected\",\"session\":7,\"id\":\"pump-7\","
                                   "\"remote\":\"[::1]:80\",\"resumed\":true,\"share\":0.25,\"cause\":\"hung\","
                                   "\"labels\":{\"zone\":\"b\",\"a\":\"1\"},"
                                   "\"last\":0}";
    struct lubdub_event_line line;
    size_t length;

    (void)state;
    lubdub_event_line_begin(&line, "connected", 12345, REAL);
    lubdub_event_line_number(&line, "session", 7);
    lubdub_event_line_string(&line, "id", "pump-7", 6);
    lubdub_event_line_text(&line, "remote", "[::1]:80");
    lubdub_event_line_flag(&line, "resumed", true);
    lubdub_event_line_real(&line, "share", 0.25);
    lubdub_event_line_word(&line, "cause", "hung");
    lubdub_event_line_text(&line, "reason", NULL);
    lubdub_event_line_word(&line, "reason", NULL);
    lubdub_event_line_labels_begin(&line, "labels");
    lubdub_event_line_label(&line, "zone", 4, "b", 1);
    lubdub_event_line_label(&line, "a", 1, "1", 1);
    lubdub_event_line_label(&line, "zone", 4, "again", 5);
    lubdub_event_line_labels_end(&line);
    lubdub_event_line_number(&line, "last", 0);

    length = lubdub_event_line_json(&line, json_text, sizeof json_text);
    assert_int_equal(length, sizeof expected - 1);
    assert_memory_equal(json_text, expected, length);
}

static void any_bytes_of_a_peer_make_valid_json(void **state)
{
    static const char bytes[] =
        "quote\" back\\ nl\n esc\x1b[2J nul\0 del\x7f bad\xff cut\xe2\x98 c1\xc2\x9b bidi\xe2\x80\xae ok\xc3\xbc";
    struct lubdub_event_line line;
    json_t *object;
    json_t *text;

    (void)state;
    lubdub_event_line_begin(&line, "message", 1, REAL);
    lubdub_event_line_string(&line, "text", bytes, sizeof bytes - 1);
    lubdub_event_line_string(&line, "empty", "", 0);
    lubdub_event_line_labels_begin(&line, "labels");
    lubdub_event_line_label(&line, "k\0\xff\"", 4, "\xff\x7f", 2);
    lubdub_event_line_label(&line, "", 0, "", 0);
    lubdub_event_line_labels_end(&line);
    object = parse(&line);
    text = json_object_get(object, "text");
    assert_memory_equal(
        json_string_value(text),
        "quote\" back\\ nl\n esc\x1b[2J nul\xef\xbf\xbd del\x7f bad\xef\xbf\xbd cut\xef\xbf\xbd\xef\xbf\xbd c1", 48);
    assert_int_equal(json_string_length(json_object_get(object, "empty")), 0);
    json_decref(object);
}

static void every_single_byte_survives_or_is_replaced(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 256; i++) {
        struct lubdub_event_line line;
        unsigned char byte = (unsigned char)i;
        json_t *object;
        const char *value;

        lubdub_event_line_begin(&line, "message", 1, REAL);
        lubdub_event_line_string(&line, "text", &byte, 1);
        object = parse(&line);
        value = json_string_value(json_object_get(object, "text"));
        if (i > 0 && i < 0x80) {
            assert_int_equal((unsigned char)value[0], i);
        } else {
            assert_string_equal(value, "\xef\xbf\xbd");
        }
        json_decref(object);
    }
}

/* Many readers refuse a text with \u0000 in it, or end it there. */
static void finding_d9_nul_is_shown_as_a_replacement(void **state)
{
    struct lubdub_event_line line;
    json_t *object;

    (void)state;
    lubdub_event_line_begin(&line, "message", 1, REAL);
    lubdub_event_line_string(&line, "content", "a\0b\0", 4);
    lubdub_event_line_labels_begin(&line, "labels");
    lubdub_event_line_label(&line, "k\0", 2, "\0", 1);
    lubdub_event_line_labels_end(&line);
    object = parse(&line);
    assert_string_equal(json_string_value(json_object_get(object, "content")), "a\xef\xbf\xbd"
                                                                               "b\xef\xbf\xbd");
    assert_null(strstr(json_text, "u0000"));
    json_decref(object);
}

static void numbers_stay_numbers_to_their_ends(void **state)
{
    struct lubdub_event_line line;
    json_t *object;

    (void)state;
    lubdub_event_line_begin(&line, "ack", INT64_MAX, REAL);
    lubdub_event_line_number(&line, "top", INT64_MAX);
    lubdub_event_line_number(&line, "beyond", UINT64_MAX);
    lubdub_event_line_real(&line, "nan", NAN);
    lubdub_event_line_real(&line, "tenth", 0.1);
    object = parse(&line);
    assert_true(json_integer_value(json_object_get(object, "top")) == INT64_MAX);
    assert_true(json_number_value(json_object_get(object, "beyond")) > 1.8446744073e19);
    assert_true(json_is_null(json_object_get(object, "nan")));
    assert_non_null(strstr(json_text, "\"tenth\":0.1}"));
    json_decref(object);
}

/* The largest that the protocol allows, all of it at once and all of it to be escaped. */
static void longest_session_fits_without_losing_a_number(void **state)
{
    struct lubdub_event_line line;
    char identity[128];
    char content[1024];
    char value[128];
    json_t *object;
    unsigned i;

    (void)state;
    memset(identity, '"', sizeof identity);
    memset(content, 1, sizeof content);
    memset(value, '\\', sizeof value);
    lubdub_event_line_begin(&line, "connected", 1, REAL);
    lubdub_event_line_string(&line, "id", identity, sizeof identity);
    lubdub_event_line_string(&line, "content", content, sizeof content);
    lubdub_event_line_labels_begin(&line, "labels");
    for (i = 0; i < 8; i++) {
        char key[32];

        memset(key, 'a' + (int)i, sizeof key);
        lubdub_event_line_label(&line, key, sizeof key, value, sizeof value);
    }
    lubdub_event_line_labels_end(&line);
    for (i = 0; i < 12; i++) {
        static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};

        lubdub_event_line_number(&line, keys[i], UINT32_MAX);
    }
    assert_false(line.is_truncated);
    object = parse(&line);
    assert_int_equal(json_string_length(json_object_get(object, "content")), 1024);
    assert_int_equal(json_object_size(json_object_get(object, "labels")), 8);
    assert_int_equal(json_integer_value(json_object_get(object, "l")), UINT32_MAX);
    json_decref(object);
}

static void too_long_a_string_is_cut_at_a_whole_character_and_says_so(void **state)
{
    struct lubdub_event_line line;
    char bytes[LUBDUB_EVENT_STRING_MAX + 2];
    json_t *object;

    (void)state;
    memset(bytes, 'a', sizeof bytes);
    memcpy(bytes + LUBDUB_EVENT_STRING_MAX - 1, "\xe2\x98\x83", 3);
    lubdub_event_line_begin(&line, "message", 1, REAL);
    lubdub_event_line_string(&line, "text", bytes, sizeof bytes);
    assert_true(line.is_truncated);
    object = parse(&line);
    assert_int_equal(json_string_length(json_object_get(object, "text")), LUBDUB_EVENT_STRING_MAX - 1);
    assert_true(json_is_true(json_object_get(object, "truncated")));
    json_decref(object);
}

static void line_without_end_is_cut_and_stays_valid(void **state)
{
    static char bytes[LUBDUB_EVENT_STRING_MAX];
    static char keys[400][8];
    struct lubdub_event_line line;
    json_t *object;
    unsigned i;

    (void)state;
    memset(bytes, 0xff, sizeof bytes);
    lubdub_event_line_begin(&line, "message", 1, REAL);
    for (i = 0; i < 400; i++) {
        keys[i][0] = (char)('a' + i / 26 % 26);
        keys[i][1] = (char)('a' + i % 26);
        lubdub_event_line_string(&line, keys[i], bytes, i % 2 == 0 ? sizeof bytes : i);
        lubdub_event_line_label(&line, bytes, sizeof bytes, bytes, i);
    }
    for (i = 0; i < 400; i++) {
        lubdub_event_line_number(&line, "count", i);
    }
    assert_true(line.is_truncated);
    object = parse(&line);
    json_decref(object);
}

static void json_that_does_not_fit_is_nothing(void **state)
{
    struct lubdub_event_line line;
    size_t length;
    size_t capacity;

    (void)state;
    lubdub_event_line_begin(&line, "message", 1, REAL);
    lubdub_event_line_text(&line, "text", "\x7f\x7f");
    length = lubdub_event_line_json(&line, json_text, sizeof json_text);
    for (capacity = 0; capacity < length; capacity++) {
        json_text[capacity] = '#';
        assert_int_equal(lubdub_event_line_json(&line, json_text, capacity), 0);
        assert_int_equal(json_text[capacity], '#');
    }
    assert_int_equal(lubdub_event_line_json(&line, json_text, length), length);
}

static void fields_are_found_again_by_name_and_type(void **state)
{
    struct lubdub_event_line line;
    uint64_t number = 0;
    double real = 0;
    bool flag = false;
    const char *bytes = NULL;
    size_t length = 0;
    char text[32];

    (void)state;
    lubdub_event_line_begin(&line, "disconnected", 1, REAL);
    lubdub_event_line_labels_begin(&line, "labels");
    lubdub_event_line_label(&line, "id", 2, "label", 5);
    lubdub_event_line_labels_end(&line);
    lubdub_event_line_string(&line, "id", "a\x1b", 2);
    lubdub_event_line_word(&line, "cause", "hung");
    lubdub_event_line_number(&line, "session", 9);
    lubdub_event_line_real(&line, "rtt", 1.5);
    lubdub_event_line_flag(&line, "tls", true);

    assert_true(lubdub_event_line_is(&line, "disconnected"));
    assert_false(lubdub_event_line_is(&line, "connected"));
    assert_true(lubdub_event_line_get_string(&line, "id", &bytes, &length));
    assert_int_equal(length, 2);
    assert_memory_equal(bytes, "a\x1b", 2);
    assert_true(lubdub_event_line_get_string(&line, "cause", &bytes, &length));
    assert_int_equal(length, 4);
    assert_true(lubdub_event_line_get_number(&line, "session", &number));
    assert_int_equal(number, 9);
    assert_true(lubdub_event_line_get_real(&line, "rtt", &real));
    assert_true(real > 1.4 && real < 1.6);
    assert_true(lubdub_event_line_get_flag(&line, "tls", &flag));
    assert_true(flag);
    assert_false(lubdub_event_line_get_number(&line, "id", &number));
    assert_false(lubdub_event_line_get_string(&line, "session", &bytes, &length));
    assert_false(lubdub_event_line_get_flag(&line, "nothing", &flag));
    assert_string_equal(lubdub_event_line_show(&line, "id", "-", text, sizeof text), "a\\x1b");
    assert_string_equal(lubdub_event_line_show(&line, "remote", "-", text, sizeof text), "-");
    assert_string_equal(lubdub_event_line_show(&line, "session", "-", text, sizeof text), "-");
}

static void timestamp_is_utc_whatever_the_time_zone(void **state)
{
    char text[LUBDUB_TIMESTAMP_SIZE];

    (void)state;
    setenv("TZ", "Asia/Kathmandu", 1);
    assert_string_equal(lubdub_format_timestamp(0, text), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(lubdub_format_timestamp(REAL, text), "2026-01-31T23:59:59.000001Z");
    setenv("TZ", ":::no such zone", 1);
    assert_string_equal(lubdub_format_timestamp(UINT64_MAX, text), "2554-07-21T23:34:33.709551Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_time_mono_and_event_first_and_the_rest_in_order),
        cmocka_unit_test(any_bytes_of_a_peer_make_valid_json),
        cmocka_unit_test(every_single_byte_survives_or_is_replaced),
        cmocka_unit_test(finding_d9_nul_is_shown_as_a_replacement),
        cmocka_unit_test(numbers_stay_numbers_to_their_ends),
        cmocka_unit_test(longest_session_fits_without_losing_a_number),
        cmocka_unit_test(too_long_a_string_is_cut_at_a_whole_character_and_says_so),
        cmocka_unit_test(line_without_end_is_cut_and_stays_valid),
        cmocka_unit_test(json_that_does_not_fit_is_nothing),
        cmocka_unit_test(fields_are_found_again_by_name_and_type),
        cmocka_unit_test(timestamp_is_utc_whatever_the_time_zone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
