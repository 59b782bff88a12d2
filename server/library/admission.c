/* Applies the limits of the settings to wishes, and compares tokens. */
#include "server/library/admission.h"

#include <stdint.h>

void lubdub_admission_grant(const struct lubdub_server_settings *settings, lubdub_duration interval,
                            lubdub_duration expiry, struct lubdub_grant *grant)
{
    bool asks_for_nothing = interval == 0 && expiry == 0;

    if (asks_for_nothing) {
        grant->interval = settings->session.interval;
        grant->expiry = settings->session.expiry;
        return;
    }
    grant->interval = lubdub_duration_clamp(interval > 0 ? interval : settings->session.interval,
                                            settings->interval_min, settings->interval_max);
    grant->expiry = lubdub_duration_clamp(expiry > 0 ? expiry : 3 * grant->interval, 1, settings->expiry_max);
    if (grant->expiry < 2 * grant->interval) {
        grant->expiry = 2 * grant->interval;
    }
}

/* Looks at every byte of the longer one, whatever it finds. */
static bool equals_in_constant_time(struct lubdub_slice expected, struct lubdub_slice given)
{
    size_t length = expected.length > given.length ? expected.length : given.length;
    unsigned difference = expected.length != given.length;
    size_t i;

    for (i = 0; i < length; i++) {
        uint8_t one = i < expected.length ? (uint8_t)expected.data[i] : 0;
        uint8_t other = i < given.length ? (uint8_t)given.data[i] : 0;

        difference |= (unsigned)(one ^ other);
    }
    return difference == 0;
}

bool lubdub_admission_token(const struct lubdub_server_settings *settings, struct lubdub_slice token)
{
    bool is_known = false;
    size_t i;

    for (i = 0; i < settings->token_count; i++) {
        is_known |= equals_in_constant_time(settings->tokens[i], token);
    }
    return is_known || settings->token_count == 0;
}
