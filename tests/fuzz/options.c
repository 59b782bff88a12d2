/* The decoder of option lists: what it takes obeys section 4 of the protocol, and what is encoded again decodes to the
 * same. */
#include <string.h>

#include <lubdub/frame.h>
#include <lubdub/option.h>

#include "fuzz.h"

static uint8_t encoded[LUBDUB_OPTIONS_LIMIT];

static bool is_inside(const struct lubdub_slice *slice, const uint8_t *source, size_t size)
{
    const uint8_t *start = (const uint8_t *)slice->data;

    return slice->data == NULL ? slice->length == 0 : start >= source && start + slice->length <= source + size;
}

static bool is_same(struct lubdub_slice one, struct lubdub_slice other)
{
    return one.length == other.length && (one.length == 0 || memcmp(one.data, other.data, one.length) == 0);
}

static void check_strings(const struct lubdub_options *options, const uint8_t *source, size_t size)
{
    size_t i;

    CHECK(is_inside(&options->identity, source, size) && options->identity.length <= LUBDUB_IDENTITY_LIMIT);
    CHECK(is_inside(&options->token, source, size) && options->token.length <= LUBDUB_TOKEN_LIMIT);
    CHECK(is_inside(&options->agent, source, size) && options->agent.length <= LUBDUB_AGENT_LIMIT);
    CHECK(is_inside(&options->text, source, size) && options->text.length <= LUBDUB_TEXT_LIMIT);
    CHECK(options->label_count <= LUBDUB_LABEL_COUNT_LIMIT);
    CHECK(options->identity.data == NULL || lubdub_identity_is_valid(options->identity.data, options->identity.length));
    for (i = 0; i < options->label_count; i++) {
        CHECK(is_inside(&options->labels[i].key, source, size) && is_inside(&options->labels[i].value, source, size));
        CHECK(options->labels[i].key.length >= 1 && options->labels[i].key.length <= LUBDUB_LABEL_KEY_LIMIT);
        CHECK(options->labels[i].value.length <= LUBDUB_LABEL_VALUE_LIMIT);
    }
    for (i = 0; i < sizeof options->reserved / sizeof options->reserved[0]; i++) {
        CHECK(options->reserved[i] == 0);
    }
}

static void check_same(const struct lubdub_options *one, const struct lubdub_options *other)
{
    size_t i;

    CHECK(is_same(one->identity, other->identity) && is_same(one->token, other->token));
    CHECK(is_same(one->agent, other->agent) && is_same(one->text, other->text));
    CHECK(one->label_count == other->label_count);
    for (i = 0; i < one->label_count; i++) {
        CHECK(is_same(one->labels[i].key, other->labels[i].key));
        CHECK(is_same(one->labels[i].value, other->labels[i].value));
    }
    CHECK(one->interval_ms == other->interval_ms && one->expiry_ms == other->expiry_ms);
    CHECK(one->has_retry_after == other->has_retry_after && one->retry_after_ms == other->retry_after_ms);
    CHECK(one->has_max_content == other->has_max_content && one->max_content == other->max_content);
    CHECK(one->has_message_rate == other->has_message_rate && one->message_rate == other->message_rate);
    CHECK(one->message_burst == other->message_burst && one->last_end == other->last_end);
}

/* The first byte chooses the type of frame; the rest is the list. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t types[] = {LUBDUB_FRAME_HELLO, LUBDUB_FRAME_WELCOME, LUBDUB_FRAME_BYE};
    struct fuzz_input input = {data, size};
    uint8_t type = types[fuzz_byte(&input) % 3];
    struct lubdub_options options;
    struct lubdub_options again;
    size_t length;

    if (input.left > LUBDUB_OPTIONS_LIMIT) {
        return 0; /* no frame brings it */
    }
    if (lubdub_options_decode(&options, type, input.bytes, input.left) != NULL) {
        return 0;
    }
    check_strings(&options, input.bytes, input.left);
    length = lubdub_options_encode(&options, type, encoded, sizeof encoded);
    CHECK(length <= input.left); /* only what was unknown is left out */
    if (length > 0) {
        CHECK(lubdub_options_encode(&options, type, encoded, length - 1) == 0);
        CHECK(lubdub_options_encode(&options, type, encoded, length) == length);
    }
    CHECK(lubdub_options_decode(&again, type, encoded, length) == NULL);
    check_same(&options, &again);
    return 0;
}
