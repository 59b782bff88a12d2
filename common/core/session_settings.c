/* Sets the defaults of a session's rules, refuses rules that cannot work, and returns the words for health. */
#include <lubdub/session.h>
#include <lubdub/version.h>

#include <assert.h>
#include <string.h>

#include "core/sized.h"

#define DEFAULT_OUTPUT_LIMIT 65536

static const char agent[] = "lubdub/" LUBDUB_VERSION;

/*
 * The size that programs were compiled with, where pointers have 64 bits. A new field takes the place of reserved
 * bytes.
 */
static_assert(sizeof(void *) != 8 || sizeof(struct lubdub_session_settings) == 384, "the size of settings stays");
static_assert(sizeof(void *) != 8 || sizeof(struct lubdub_session) == 48, "the size of a session stays");
static_assert(sizeof(void *) != 8 || sizeof(struct lubdub_event) == 640, "the size of an event stays");
static_assert(sizeof(void *) != 8 || sizeof(struct lubdub_options) == 416, "the size of options stays");
static_assert(sizeof(void *) != 8 || sizeof(struct lubdub_turn) == 112, "the size of a turn stays");
static_assert(sizeof(void *) != 8 || sizeof(struct lubdub_grant) == 64, "the size of a grant stays");
static_assert(sizeof(void *) != 8 || sizeof(struct lubdub_probe_counts) == 64, "the size of probe counts stays");

void lubdub_session_settings_init_sized(struct lubdub_session_settings *settings, size_t size)
{
    struct lubdub_session_settings defaults;

    memset(&defaults, 0, sizeof defaults);
    defaults.max_content = LUBDUB_MAX_CONTENT_DEFAULT;
    defaults.interval = LUBDUB_SECOND;
    defaults.expiry = 3 * LUBDUB_SECOND;
    defaults.timeout = 3 * LUBDUB_SECOND;
    defaults.handshake_timeout = 5 * LUBDUB_SECOND;
    defaults.output_limit = DEFAULT_OUTPUT_LIMIT;
    defaults.message_rate = LUBDUB_MESSAGE_RATE_DEFAULT;
    defaults.message_burst = LUBDUB_MESSAGE_BURST_DEFAULT;
    defaults.agent = (struct lubdub_slice){agent, sizeof agent - 1};
    lubdub_sized_init(settings, size, &defaults, sizeof defaults);
}

static bool is_reserve_untouched(const struct lubdub_session_settings *settings)
{
    size_t i;

    for (i = 0; i < sizeof settings->reserved / sizeof settings->reserved[0]; i++) {
        if (settings->reserved[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool is_milliseconds(lubdub_duration duration)
{
    return duration >= LUBDUB_MILLISECOND && duration <= UINT32_MAX * LUBDUB_MILLISECOND;
}

static bool is_printable_ascii(struct lubdub_slice slice)
{
    size_t i;

    for (i = 0; i < slice.length; i++) {
        if (slice.data[i] < 0x20 || slice.data[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* Whether the peer will take it for the label that it is. */
static bool is_label(const struct lubdub_label *label)
{
    char bytes[LUBDUB_LABEL_KEY_LIMIT + 1 + LUBDUB_LABEL_VALUE_LIMIT];
    struct lubdub_label parsed;

    if (label->key.length > LUBDUB_LABEL_KEY_LIMIT || label->value.length > LUBDUB_LABEL_VALUE_LIMIT) {
        return false;
    }
    if (label->key.length > 0) {
        memcpy(bytes, label->key.data, label->key.length);
    }
    bytes[label->key.length] = '=';
    if (label->value.length > 0) {
        memcpy(bytes + label->key.length + 1, label->value.data, label->value.length);
    }
    return lubdub_label_parse(&parsed, bytes, label->key.length + 1 + label->value.length) &&
           parsed.key.length == label->key.length;
}

const char *lubdub_session_settings_check(const struct lubdub_session_settings *settings, enum lubdub_role role)
{
    size_t i;

    if (settings->size != sizeof *settings) {
        return "the size was not set by the initialiser";
    }
    if (!is_reserve_untouched(settings)) {
        return "a setting is used that this version does not know";
    }
    if (settings->max_content > LUBDUB_CONTENT_LIMIT) {
        return "max_content is over 65535";
    }
    if (!is_milliseconds(settings->interval)) {
        return "the interval is not between 1 ms and 49 days";
    }
    if (settings->expiry != 0 && !is_milliseconds(settings->expiry)) {
        return "the expiry is not between 1 ms and 49 days";
    }
    if ((settings->message_rate == 0) != (settings->message_burst == 0)) {
        return "of the message rate and burst one is 0 and the other is not";
    }
    if (settings->handshake_timeout == 0) {
        return "the handshake timeout is 0";
    }
    if (settings->agent.length > LUBDUB_AGENT_LIMIT || !is_printable_ascii(settings->agent)) {
        return "the agent is not at most 64 bytes of printable ASCII";
    }
    if (role == LUBDUB_ROLE_SERVER) {
        return settings->expiry < 2 * settings->interval ? "the expiry is less than twice the interval" : NULL;
    }
    if (settings->timeout == 0) {
        return "the timeout is 0";
    }
    if (settings->identity.data != NULL &&
        !lubdub_identity_is_valid(settings->identity.data, settings->identity.length)) {
        return "the identity is not 1 to 128 bytes of UTF-8, without control and invisible characters, and not blank";
    }
    if (settings->token.data != NULL && (settings->token.length == 0 || settings->token.length > LUBDUB_TOKEN_LIMIT)) {
        return "the token is not 1 to 1024 bytes";
    }
    if (settings->content.length > LUBDUB_CONTENT_LIMIT) {
        return "the content of a probe is over 65535 bytes";
    }
    if (settings->label_count > LUBDUB_LABEL_COUNT_LIMIT) {
        return "there are more than 8 labels";
    }
    for (i = 0; i < settings->label_count; i++) {
        if (!is_label(&settings->labels[i])) {
            return "a label is not key=value in the permitted characters";
        }
    }
    return NULL;
}

const char *lubdub_health_word(enum lubdub_health health)
{
    switch (health) {
    case LUBDUB_HEALTH_PASSING:
        return "passing";
    case LUBDUB_HEALTH_WARNING:
        return "warning";
    case LUBDUB_HEALTH_CRITICAL:
        return "critical";
    }
    return "unknown";
}
