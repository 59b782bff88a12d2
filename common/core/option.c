/* Reads and writes the option list: tag, length and value of each option. */
#include <lubdub/frame.h>
#include <lubdub/option.h>

#include <assert.h>
#include <string.h>

#include "core/bytes.h"
#include "core/utf8.h"

#define OPTION_HEADER_LENGTH 3

#define IN_HELLO (1u << LUBDUB_FRAME_HELLO)
#define IN_WELCOME (1u << LUBDUB_FRAME_WELCOME)
#define IN_BYE (1u << LUBDUB_FRAME_BYE)

#define SPELL(number) #number
#define IN_WORDS(number) SPELL(number)
#define LONGEST_LABEL 161

static_assert(LONGEST_LABEL == LUBDUB_LABEL_KEY_LIMIT + 1 + LUBDUB_LABEL_VALUE_LIMIT, "a key, = and a value");

/* What section 4's table says of each tag. */
static const struct {
    unsigned frames;
    uint16_t shortest;
    uint16_t longest;
    const char *fault; /* another length */
} rules[] = {
    [LUBDUB_OPTION_IDENTITY] = {IN_HELLO, 1, LUBDUB_IDENTITY_LIMIT,
                                "the identity must have 1 to " IN_WORDS(LUBDUB_IDENTITY_LIMIT) " bytes"},
    [LUBDUB_OPTION_INTERVAL_MS] = {IN_HELLO | IN_WELCOME, 4, 4, "the option interval must have 4 bytes"},
    [LUBDUB_OPTION_EXPIRY_MS] = {IN_HELLO | IN_WELCOME, 4, 4, "the option expiry must have 4 bytes"},
    [LUBDUB_OPTION_TOKEN] = {IN_HELLO, 1, LUBDUB_TOKEN_LIMIT,
                             "the token must have 1 to " IN_WORDS(LUBDUB_TOKEN_LIMIT) " bytes"},
    [LUBDUB_OPTION_LABEL] = {IN_HELLO, 2, LONGEST_LABEL, "a label must have 2 to " IN_WORDS(LONGEST_LABEL) " bytes"},
    [LUBDUB_OPTION_MAX_CONTENT] = {IN_HELLO | IN_WELCOME, 2, 2, "the option max-content must have 2 bytes"},
    [LUBDUB_OPTION_AGENT] = {IN_HELLO | IN_WELCOME, 1, LUBDUB_AGENT_LIMIT,
                             "the agent must have 1 to " IN_WORDS(LUBDUB_AGENT_LIMIT) " bytes"},
    [LUBDUB_OPTION_TEXT] = {IN_BYE, 0, LUBDUB_TEXT_LIMIT,
                            "the text must have at most " IN_WORDS(LUBDUB_TEXT_LIMIT) " bytes"},
    [LUBDUB_OPTION_RETRY_AFTER_MS] = {IN_BYE, 4, 4, "the option retry-after must have 4 bytes"},
    [LUBDUB_OPTION_LAST_END] = {IN_WELCOME, 1, 1, "the option last-end must have 1 byte"},
    [LUBDUB_OPTION_MESSAGE_RATE] = {IN_WELCOME, 8, 8, "the option message-rate must have 8 bytes"},
};

#define TAG_COUNT (sizeof rules / sizeof rules[0])

bool lubdub_identity_is_valid(const char *data, size_t length)
{
    return length >= 1 && length <= LUBDUB_IDENTITY_LIMIT && lubdub_utf8_is_visible(data, length);
}

static bool agent_is_valid(const char *data, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        if (data[i] < 0x20 || data[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static bool is_label_key_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

bool lubdub_label_parse(struct lubdub_label *label, const char *data, size_t length)
{
    size_t key_length = 0;
    size_t value_length;

    while (key_length < length && is_label_key_character(data[key_length])) {
        key_length++;
    }
    if (key_length < 1 || key_length > LUBDUB_LABEL_KEY_LIMIT || key_length == length || data[key_length] != '=') {
        return false;
    }
    value_length = length - key_length - 1;
    if (value_length > LUBDUB_LABEL_VALUE_LIMIT || !lubdub_utf8_is_clean(data + key_length + 1, value_length)) {
        return false;
    }

    label->key = (struct lubdub_slice){data, key_length};
    label->value = (struct lubdub_slice){data + key_length + 1, value_length};
    return true;
}

/* A wish of 0 in a HELLO is clamped like any other that is too small; no server can grant 0. */
static const char *take_milliseconds(uint32_t *target, uint8_t frame_type, const uint8_t *value)
{
    *target = lubdub_bytes_get32(value);
    if (*target == 0 && frame_type == LUBDUB_FRAME_HELLO) {
        *target = 1;
    }
    return *target == 0 ? "an interval or expiry of 0 is granted" : NULL;
}

/* Takes one value. Returns what is wrong with it, or NULL. */
static const char *take_value(struct lubdub_options *options, uint8_t frame_type, uint8_t tag, const uint8_t *value,
                              size_t length)
{
    struct lubdub_slice slice = {(const char *)value, length};

    switch ((enum lubdub_option_tag)tag) {
    case LUBDUB_OPTION_IDENTITY:
        if (!lubdub_identity_is_valid(slice.data, length)) {
            return "the identity is blank, or not UTF-8 without control and invisible characters";
        }
        options->identity = slice;
        return NULL;
    case LUBDUB_OPTION_INTERVAL_MS:
        return take_milliseconds(&options->interval_ms, frame_type, value);
    case LUBDUB_OPTION_EXPIRY_MS:
        return take_milliseconds(&options->expiry_ms, frame_type, value);
    case LUBDUB_OPTION_TOKEN:
        options->token = slice;
        return NULL;
    case LUBDUB_OPTION_LABEL:
        if (options->label_count == LUBDUB_LABEL_COUNT_LIMIT) {
            return "there are more than 8 labels";
        }
        if (!lubdub_label_parse(&options->labels[options->label_count], slice.data, length)) {
            return "a label is not key=value in the permitted characters";
        }
        options->label_count++;
        return NULL;
    case LUBDUB_OPTION_MAX_CONTENT:
        options->max_content = lubdub_bytes_get16(value);
        options->has_max_content = true;
        return NULL;
    case LUBDUB_OPTION_AGENT:
        if (!agent_is_valid(slice.data, length)) {
            return "the agent is not printable ASCII";
        }
        options->agent = slice;
        return NULL;
    case LUBDUB_OPTION_TEXT:
        options->text = slice;
        return NULL;
    case LUBDUB_OPTION_RETRY_AFTER_MS:
        options->retry_after_ms = lubdub_bytes_get32(value);
        options->has_retry_after = true;
        return NULL;
    case LUBDUB_OPTION_LAST_END:
        options->last_end = value[0];
        return NULL;
    case LUBDUB_OPTION_MESSAGE_RATE:
        options->message_rate = lubdub_bytes_get32(value);
        options->message_burst = lubdub_bytes_get32(value + 4);
        options->has_message_rate = true;
        return NULL;
    }
    return NULL;
}

const char *lubdub_options_decode(struct lubdub_options *options, uint8_t frame_type, const uint8_t *source,
                                  size_t length)
{
    unsigned seen = 0;
    size_t taken = 0;

    memset(options, 0, sizeof *options);
    while (taken < length) {
        uint8_t tag;
        size_t value_length;
        const uint8_t *value;
        const char *fault;

        if (length - taken < OPTION_HEADER_LENGTH) {
            return "the option list runs past the content";
        }
        tag = source[taken];
        value_length = lubdub_bytes_get16(source + taken + 1);
        value = source + taken + OPTION_HEADER_LENGTH;
        if (length - taken - OPTION_HEADER_LENGTH < value_length) {
            return "the option list runs past the content";
        }
        taken += OPTION_HEADER_LENGTH + value_length;

        if (tag >= TAG_COUNT || rules[tag].frames == 0) {
            continue;
        }
        if (value_length < rules[tag].shortest || value_length > rules[tag].longest) {
            return rules[tag].fault;
        }
        if (tag != LUBDUB_OPTION_LABEL && (seen & 1u << tag) != 0) {
            return "an option stands twice";
        }
        seen |= 1u << tag;
        if ((rules[tag].frames & 1u << frame_type) == 0) {
            continue; /* known, well formed, and of no business here */
        }
        fault = take_value(options, frame_type, tag, value, value_length);
        if (fault != NULL) {
            return fault;
        }
    }
    return NULL;
}

/* A bounded buffer for output; once something did not fit, nothing more is written. */
struct writer {
    uint8_t *target;
    size_t capacity;
    size_t length;
    bool is_full;
};

static uint8_t *put_option(struct writer *writer, uint8_t tag, size_t length)
{
    uint8_t *value = writer->target + writer->length;

    if (writer->is_full || writer->capacity - writer->length < OPTION_HEADER_LENGTH + length) {
        writer->is_full = true;
        return NULL;
    }
    value[0] = tag;
    lubdub_bytes_put16(value + 1, (uint16_t)length);
    writer->length += OPTION_HEADER_LENGTH + length;
    return value + OPTION_HEADER_LENGTH;
}

static void put_slice(struct writer *writer, uint8_t tag, struct lubdub_slice slice)
{
    uint8_t *value = slice.length > 0 ? put_option(writer, tag, slice.length) : NULL;

    if (value != NULL) {
        memcpy(value, slice.data, slice.length);
    }
}

static void put_number(struct writer *writer, uint8_t tag, uint32_t number)
{
    uint8_t *value = put_option(writer, tag, 4);

    if (value != NULL) {
        lubdub_bytes_put32(value, number);
    }
}

static void put_label(struct writer *writer, const struct lubdub_label *label)
{
    uint8_t *value = put_option(writer, LUBDUB_OPTION_LABEL, label->key.length + 1 + label->value.length);

    if (value != NULL) {
        memcpy(value, label->key.data, label->key.length);
        value[label->key.length] = '=';
        if (label->value.length > 0) {
            memcpy(value + label->key.length + 1, label->value.data, label->value.length);
        }
    }
}

size_t lubdub_options_encode(const struct lubdub_options *options, uint8_t frame_type, uint8_t *target, size_t capacity)
{
    struct writer writer = {.target = target, .capacity = capacity};
    uint8_t *value;
    size_t i;

    if (frame_type == LUBDUB_FRAME_HELLO) {
        put_slice(&writer, LUBDUB_OPTION_IDENTITY, options->identity);
        put_slice(&writer, LUBDUB_OPTION_TOKEN, options->token);
        for (i = 0; i < options->label_count; i++) {
            put_label(&writer, &options->labels[i]);
        }
    }
    if (frame_type == LUBDUB_FRAME_HELLO || frame_type == LUBDUB_FRAME_WELCOME) {
        if (options->interval_ms > 0) {
            put_number(&writer, LUBDUB_OPTION_INTERVAL_MS, options->interval_ms);
        }
        if (options->expiry_ms > 0) {
            put_number(&writer, LUBDUB_OPTION_EXPIRY_MS, options->expiry_ms);
        }
        put_slice(&writer, LUBDUB_OPTION_AGENT, options->agent);
    }
    if (frame_type == LUBDUB_FRAME_HELLO || frame_type == LUBDUB_FRAME_WELCOME) {
        if (options->has_max_content && (value = put_option(&writer, LUBDUB_OPTION_MAX_CONTENT, 2)) != NULL) {
            lubdub_bytes_put16(value, options->max_content);
        }
    }
    if (frame_type == LUBDUB_FRAME_WELCOME) {
        if (options->has_message_rate && (value = put_option(&writer, LUBDUB_OPTION_MESSAGE_RATE, 8)) != NULL) {
            lubdub_bytes_put32(value, options->message_rate);
            lubdub_bytes_put32(value + 4, options->message_burst);
        }
        if (options->last_end != 0 && (value = put_option(&writer, LUBDUB_OPTION_LAST_END, 1)) != NULL) {
            value[0] = options->last_end;
        }
    }
    if (frame_type == LUBDUB_FRAME_BYE) {
        put_slice(&writer, LUBDUB_OPTION_TEXT, options->text);
        if (options->has_retry_after) {
            put_number(&writer, LUBDUB_OPTION_RETRY_AFTER_MS, options->retry_after_ms);
        }
    }
    return writer.is_full ? 0 : writer.length;
}
