/* Applies the limits of the settings to the interval and expiry that a client asks for. */
#include "server/library/admission.h"

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
