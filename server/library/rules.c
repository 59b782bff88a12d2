/* Settings, copied and counted. */
#include "server/library/rules.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void lubdub_server_settings_init_sized(struct lubdub_server_settings *settings, size_t size)
{
    struct lubdub_server_settings defaults;

    memset(&defaults, 0, sizeof defaults);
    defaults.size = size < sizeof defaults ? size : sizeof defaults;
    lubdub_session_settings_init(&defaults.session);
    defaults.workers = 1;
    defaults.interval_min = 10 * LUBDUB_MILLISECOND;
    defaults.interval_max = LUBDUB_HOUR;
    defaults.expiry_max = 3 * LUBDUB_HOUR;
    defaults.remembered_ends = 16384;
    memset(settings, 0, size);
    memcpy(settings, &defaults, defaults.size);
}

const char *lubdub_server_settings_check(const struct lubdub_server_settings *settings)
{
    const char *fault = lubdub_session_settings_check(&settings->session, LUBDUB_ROLE_SERVER);

    if (fault != NULL) {
        return fault;
    }
    if (settings->interval_min < LUBDUB_MILLISECOND) {
        return "interval_min is less than 1 ms";
    }
    if (settings->interval_max < settings->interval_min) {
        return "interval_max is less than interval_min";
    }
    if (settings->expiry_max < 2 * settings->interval_min) {
        return "expiry_max is less than twice interval_min";
    }
    return settings->workers > 256 ? "there are more than 256 workers" : NULL;
}

struct lubdub_rules *lubdub_rules_new(const struct lubdub_server_settings *settings)
{
    size_t length = settings->session.agent.length;
    struct lubdub_rules *rules;
    char *bytes;
    size_t i;

    for (i = 0; i < settings->token_count; i++) {
        length += settings->tokens[i].length;
    }
    rules = calloc(1, sizeof *rules + settings->token_count * sizeof *rules->tokens + length);
    if (rules == NULL) {
        return NULL;
    }
    atomic_init(&rules->references, 1);
    rules->settings = *settings;
    bytes = (char *)&rules->tokens[settings->token_count];
    for (i = 0; i < settings->token_count; i++) {
        memcpy(bytes, settings->tokens[i].data, settings->tokens[i].length);
        rules->tokens[i] = (struct lubdub_slice){bytes, settings->tokens[i].length};
        bytes += settings->tokens[i].length;
    }
    rules->settings.tokens = rules->tokens;
    if (settings->session.agent.data != NULL) {
        memcpy(bytes, settings->session.agent.data, settings->session.agent.length);
        rules->settings.session.agent.data = bytes;
    }
    rules->settings.session.requires_hello |= settings->token_count > 0;
    return rules;
}

struct lubdub_rules *lubdub_rules_share(struct lubdub_rules *rules)
{
    atomic_fetch_add(&rules->references, 1);
    return rules;
}

void lubdub_rules_drop(struct lubdub_rules *rules)
{
    if (rules != NULL && atomic_fetch_sub(&rules->references, 1) == 1) {
        free(rules);
    }
}
