/* Option lists: every tag at its shortest and longest, and every way to get one wrong. */
#include "statistics/random.h"
#include "support/test.h"
#include "support/wire_bytes.h"

#include <stdlib.h>

#include <lubdub/frame.h>
#include <lubdub/option.h>

static const struct {
    const char *name;
    unsigned tag;
    unsigned frame_type; /* one in which it belongs */
    size_t shortest;
    size_t longest;
} tags[] = {
    {"identity", LUBDUB_OPTION_IDENTITY, LUBDUB_FRAME_HELLO, 1, 128},
    {"interval", LUBDUB_OPTION_INTERVAL_MS, LUBDUB_FRAME_HELLO, 4, 4},
    {"interval", LUBDUB_OPTION_INTERVAL_MS, LUBDUB_FRAME_WELCOME, 4, 4},
    {"expiry", LUBDUB_OPTION_EXPIRY_MS, LUBDUB_FRAME_HELLO, 4, 4},
    {"expiry", LUBDUB_OPTION_EXPIRY_MS, LUBDUB_FRAME_WELCOME, 4, 4},
    {"token", LUBDUB_OPTION_TOKEN, LUBDUB_FRAME_HELLO, 1, 1024},
    {"max_content", LUBDUB_OPTION_MAX_CONTENT, LUBDUB_FRAME_HELLO, 2, 2},
    {"max_content", LUBDUB_OPTION_MAX_CONTENT, LUBDUB_FRAME_WELCOME, 2, 2},
    {"message_rate", LUBDUB_OPTION_MESSAGE_RATE, LUBDUB_FRAME_WELCOME, 8, 8},
    {"agent", LUBDUB_OPTION_AGENT, LUBDUB_FRAME_HELLO, 1, 64},
    {"agent", LUBDUB_OPTION_AGENT, LUBDUB_FRAME_WELCOME, 1, 64},
    {"text", LUBDUB_OPTION_TEXT, LUBDUB_FRAME_BYE, 0, 256},
    {"retry_after", LUBDUB_OPTION_RETRY_AFTER_MS, LUBDUB_FRAME_BYE, 4, 4},
    {"last_end", LUBDUB_OPTION_LAST_END, LUBDUB_FRAME_WELCOME, 1, 1},
};

/* Decodes from memory that ends where the list ends. */
static const char *decode(unsigned frame_type, const struct wire_bytes *bytes)
{
    static struct lubdub_options options;
    uint8_t *exact = malloc(bytes->length > 0 ? bytes->length : 1);
    const char *fault;

    if (bytes->length > 0) {
        memcpy(exact, bytes->data, bytes->length);
    }
    fault = lubdub_options_decode(&options, (uint8_t)frame_type, exact, bytes->length);
    free(exact);
    return fault;
}

static void put_pattern(struct wire_bytes *bytes, unsigned tag, size_t length)
{
    char value[2048];

    memset(value, 'a', sizeof value);
    wire_bytes_put_option(bytes, tag, value, length);
}

static void every_tag_is_taken_at_its_shortest_and_its_longest_and_not_beyond(void **state)
{
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(tags); i++) {
        size_t length;

        for (length = 0; length <= tags[i].longest + 2; length++) {
            struct wire_bytes bytes = {0};
            bool is_good = length >= tags[i].shortest && length <= tags[i].longest;
            const char *fault;

            put_pattern(&bytes, tags[i].tag, length);
            fault = decode(tags[i].frame_type, &bytes);
            if ((fault == NULL) != is_good) {
                print_error("%s of %zu bytes: %s\n", tags[i].name, length, fault == NULL ? "taken" : fault);
                fail();
            }
            wire_bytes_clear(&bytes);
        }
    }
}

static void every_tag_but_label_is_refused_twice(void **state)
{
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(tags); i++) {
        struct wire_bytes bytes = {0};

        put_pattern(&bytes, tags[i].tag, tags[i].longest);
        wire_bytes_put_option(&bytes, 99, NULL, 0);
        put_pattern(&bytes, tags[i].tag, tags[i].longest);
        assert_non_null(decode(tags[i].frame_type, &bytes));
        wire_bytes_clear(&bytes);
    }
}

static void every_truncation_of_a_list_is_refused_or_ends_between_options(void **state)
{
    struct wire_bytes bytes = {0};
    size_t boundaries[4] = {0};
    size_t length;
    (void)state;

    wire_bytes_put_option(&bytes, LUBDUB_OPTION_IDENTITY, "pump", 4);
    boundaries[1] = bytes.length;
    wire_bytes_put_option(&bytes, 77, "unknown", 7);
    boundaries[2] = bytes.length;
    wire_bytes_put_number_option(&bytes, LUBDUB_OPTION_INTERVAL_MS, 5);
    boundaries[3] = bytes.length;
    for (length = 0; length <= bytes.length; length++) {
        struct wire_bytes cut = {bytes.data, length, 0};
        bool is_boundary =
            length == boundaries[0] || length == boundaries[1] || length == boundaries[2] || length == boundaries[3];

        assert_true((decode(LUBDUB_FRAME_HELLO, &cut) == NULL) == is_boundary);
    }
    wire_bytes_clear(&bytes);
}

static void tag_of_another_frame_is_skipped(void **state)
{
    struct wire_bytes bytes = {0};
    struct lubdub_options options;
    (void)state;

    wire_bytes_put_option(&bytes, LUBDUB_OPTION_MESSAGE_RATE, "xxxxyyyy", 8);
    wire_bytes_put_option(&bytes, LUBDUB_OPTION_TEXT, "hi", 2);
    wire_bytes_put_option(&bytes, 0, "hi", 2);
    wire_bytes_put_option(&bytes, LUBDUB_OPTION_IDENTITY, "me", 2);
    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_HELLO, bytes.data, bytes.length));
    assert_false(options.has_message_rate);
    assert_int_equal(options.message_rate, 0);
    assert_null(options.text.data);
    assert_int_equal(options.identity.length, 2);
    wire_bytes_put_option(&bytes, LUBDUB_OPTION_LAST_END, "xx", 2);
    assert_non_null(lubdub_options_decode(&options, LUBDUB_FRAME_HELLO, bytes.data, bytes.length)); /* its length is 1 */
    wire_bytes_clear(&bytes);
}

static void empty_list_leaves_everything_out(void **state)
{
    struct lubdub_options options;
    (void)state;

    memset(&options, 0xff, sizeof options);
    assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_HELLO, NULL, 0));
    assert_null(options.identity.data);
    assert_null(options.token.data);
    assert_int_equal(options.label_count, 0);
    assert_int_equal(options.interval_ms, 0);
    assert_int_equal(options.expiry_ms, 0);
}

static void wish_of_0_is_raised_and_a_grant_of_0_is_refused(void **state)
{
    const unsigned both[] = {LUBDUB_OPTION_INTERVAL_MS, LUBDUB_OPTION_EXPIRY_MS};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(both); i++) {
        struct wire_bytes bytes = {0};
        struct lubdub_options options;

        wire_bytes_put_number_option(&bytes, both[i], 0);
        assert_null(lubdub_options_decode(&options, LUBDUB_FRAME_HELLO, bytes.data, bytes.length));
        assert_int_equal(options.interval_ms + options.expiry_ms, 1);
        assert_non_null(lubdub_options_decode(&options, LUBDUB_FRAME_WELCOME, bytes.data, bytes.length));
        wire_bytes_clear(&bytes);
    }
}

static void identity_is_1_to_128_bytes_of_utf8_without_controls(void **state)
{
    char longest[130];
    (void)state;

    memset(longest, 'a', sizeof longest);
    assert_false(lubdub_identity_is_valid("", 0));
    assert_true(lubdub_identity_is_valid("a", 1));
    assert_false(lubdub_identity_is_valid(" ", 1)); /* B14 */
    assert_false(lubdub_identity_is_valid("pump\xe2\x80\x8b", 7));
    assert_true(lubdub_identity_is_valid(longest, 128));
    assert_false(lubdub_identity_is_valid(longest, 129));
    assert_true(lubdub_identity_is_valid("../../etc", 9)); /* never a path for us */
    assert_true(lubdub_identity_is_valid("p\xc3\xbcmpe \xe2\x82\xac", 10));
    assert_false(lubdub_identity_is_valid("a\0b", 3));
    assert_false(lubdub_identity_is_valid("a\x1b[2J", 5));
    assert_false(lubdub_identity_is_valid("\xc3", 1));
}

static void label_is_a_key_an_equals_sign_and_a_value(void **state)
{
    const struct {
        const char *text;
        const char *key; /* NULL: refused */
        const char *value;
    } cases[] = {
        {"site=north", "site", "north"},
        {"a=", "a", ""},
        {"a=b=c", "a", "b=c"},
        {"a_.-9=x", "a_.-9", "x"},
        {"z0=x", "z0", "x"},
        {"key=\xc3\xa4", "key", "\xc3\xa4"},
        {"", NULL, NULL},
        {"=", NULL, NULL},
        {"=x", NULL, NULL},
        {"key", NULL, NULL},
        {"Key=x", NULL, NULL},
        {"k y=x", NULL, NULL},
        {"\xc3\xa4=x", NULL, NULL},
        {"key=\x01", NULL, NULL},
        {"key=\xff", NULL, NULL},
    };
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct lubdub_label label;
        bool is_good = lubdub_label_parse(&label, cases[i].text, strlen(cases[i].text));

        assert_true(is_good == (cases[i].key != NULL));
        if (is_good) {
            assert_int_equal(label.key.length, strlen(cases[i].key));
            assert_memory_equal(label.key.data, cases[i].key, label.key.length);
            assert_int_equal(label.value.length, strlen(cases[i].value));
            assert_memory_equal(label.value.data, cases[i].value, label.value.length);
        }
    }
}

static void label_is_bounded_to_32_and_128_bytes(void **state)
{
    struct lubdub_label label;
    char text[200];
    (void)state;

    memset(text, 'k', sizeof text);
    text[32] = '=';
    assert_true(lubdub_label_parse(&label, text, 33 + 128));
    assert_false(lubdub_label_parse(&label, text, 33 + 129));
    text[32] = 'k';
    text[33] = '=';
    assert_false(lubdub_label_parse(&label, text, 40));
}

static void what_was_encoded_is_decoded_the_same(void **state)
{
    const struct lubdub_options in = {
        .identity = {"pump-7", 6},
        .token = {"secret", 6},
        .agent = {"x/1", 3},
        .text = {"so long", 7},
        .labels = {{{"a", 1}, {"b", 1}}, {{"c", 1}, {NULL, 0}}},
        .label_count = 2,
        .interval_ms = 250,
        .expiry_ms = UINT32_MAX,
        .has_retry_after = true,
        .has_max_content = true,
        .max_content = 65535,
        .has_message_rate = true,
        .message_rate = 0x01020304,
        .message_burst = UINT32_MAX,
        .last_end = 4,
    };
    struct lubdub_options out;
    uint8_t bytes[300];
    size_t length;
    (void)state;

    length = lubdub_options_encode(&in, LUBDUB_FRAME_HELLO, bytes, sizeof bytes);
    assert_null(lubdub_options_decode(&out, LUBDUB_FRAME_HELLO, bytes, length));
    assert_memory_equal(out.identity.data, "pump-7", 6);
    assert_memory_equal(out.token.data, "secret", 6);
    assert_int_equal(out.label_count, 2);
    assert_int_equal(out.interval_ms, 250);
    assert_true(out.expiry_ms == UINT32_MAX);
    assert_true(out.has_max_content); /* what the client takes */
    assert_int_equal(out.max_content, 65535);
    assert_false(out.has_message_rate);
    assert_null(out.text.data);

    length = lubdub_options_encode(&in, LUBDUB_FRAME_WELCOME, bytes, sizeof bytes);
    assert_null(lubdub_options_decode(&out, LUBDUB_FRAME_WELCOME, bytes, length));
    assert_null(out.identity.data);
    assert_int_equal(out.max_content, 65535);
    assert_true(out.has_message_rate);
    assert_int_equal(out.message_rate, 0x01020304);
    assert_true(out.message_burst == UINT32_MAX);
    assert_int_equal(out.last_end, 4);
    assert_int_equal(out.interval_ms, 250);

    length = lubdub_options_encode(&in, LUBDUB_FRAME_BYE, bytes, sizeof bytes);
    assert_null(lubdub_options_decode(&out, LUBDUB_FRAME_BYE, bytes, length));
    assert_int_equal(out.text.length, 7);
    assert_true(out.has_retry_after);
    assert_int_equal(out.retry_after_ms, 0);
}

static void list_that_does_not_fit_is_not_written_past_its_end(void **state)
{
    const struct lubdub_options options = {.identity = {"pump-7", 6}, .interval_ms = 1, .agent = {"x/1", 3}};
    uint8_t whole[64];
    size_t length = lubdub_options_encode(&options, LUBDUB_FRAME_HELLO, whole, sizeof whole);
    size_t capacity;
    (void)state;

    assert_int_equal(length, 9 + 7 + 6);
    for (capacity = 0; capacity < length; capacity++) {
        uint8_t *exact = malloc(capacity > 0 ? capacity : 1);

        assert_int_equal(lubdub_options_encode(&options, LUBDUB_FRAME_HELLO, exact, capacity), 0);
        free(exact);
    }
    assert_int_equal(lubdub_options_encode(&options, LUBDUB_FRAME_HELLO, whole, length), length);
}

static void random_lists_are_read_without_a_step_outside(void **state)
{
    uint64_t random = 11;
    unsigned i;
    (void)state;

    for (i = 0; i < 100000; i++) {
        struct wire_bytes bytes = {0};
        uint8_t noise[40];
        size_t k;

        for (k = 0; k < sizeof noise; k++) {
            noise[k] = (uint8_t)random_below(&random, k % 3 == 1 ? 2 : 12);
        }
        wire_bytes_put(&bytes, noise, (size_t)random_below(&random, sizeof noise));
        (void)decode((unsigned)random_between(&random, 1, 6), &bytes);
        wire_bytes_clear(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tag_is_taken_at_its_shortest_and_its_longest_and_not_beyond),
        cmocka_unit_test(every_tag_but_label_is_refused_twice),
        cmocka_unit_test(every_truncation_of_a_list_is_refused_or_ends_between_options),
        cmocka_unit_test(tag_of_another_frame_is_skipped),
        cmocka_unit_test(empty_list_leaves_everything_out),
        cmocka_unit_test(wish_of_0_is_raised_and_a_grant_of_0_is_refused),
        cmocka_unit_test(identity_is_1_to_128_bytes_of_utf8_without_controls),
        cmocka_unit_test(label_is_a_key_an_equals_sign_and_a_value),
        cmocka_unit_test(label_is_bounded_to_32_and_128_bytes),
        cmocka_unit_test(what_was_encoded_is_decoded_the_same),
        cmocka_unit_test(list_that_does_not_fit_is_not_written_past_its_end),
        cmocka_unit_test(random_lists_are_read_without_a_step_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
