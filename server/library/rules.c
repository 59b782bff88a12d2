/* Copies, checks and shares the settings of a server. */
#include "server/library/rules.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/sized.h"
#include "ev/gather.h"
#include "ev/transport.h"

void lubdub_server_settings_init_sized(struct lubdub_server_settings *settings, size_t size)
{
    struct lubdub_server_settings defaults;

    memset(&defaults, 0, sizeof defaults);
    lubdub_session_settings_init(&defaults.session);
    defaults.workers = 1;
    defaults.interval_min = 10 * LUBDUB_MILLISECOND;
    defaults.interval_max = LUBDUB_HOUR;
    defaults.expiry_max = 10 * LUBDUB_MINUTE;
    defaults.remembered_ends = 16384;
    defaults.away_limit = 65536;
    defaults.ipv6_prefix = 64;
    defaults.max_opening = 4096;
    defaults.accepts_per_turn = 64;
    defaults.max_handshakes = LUBDUB_HANDSHAKES_MOST;
    defaults.handshakes_per_turn = LUBDUB_HANDSHAKES_PER_TURN;
    defaults.handshake_work = LUBDUB_HANDSHAKE_WORK;
    defaults.max_labels = LUBDUB_LABEL_COUNT_LIMIT;
    lubdub_sized_init(settings, size, &defaults, sizeof defaults);
}

static const char *check_tokens(const struct lubdub_slice *tokens, size_t count)
{
    size_t i;

    if (count > 0 && tokens == NULL) {
        return "there is a count of tokens and no token";
    }
    for (i = 0; i < count; i++) {
        if (tokens[i].data == NULL || tokens[i].length == 0 || tokens[i].length > LUBDUB_TOKEN_LIMIT) {
            return "a token is not 1 to 1024 bytes"; /* an empty one would let in every client that sends none */
        }
    }
    return NULL;
}

static const char *check_patterns(const struct lubdub_slice *patterns, size_t count)
{
    size_t i;

    for (i = 0; patterns != NULL && i < count; i++) {
        if (patterns[i].data != NULL && !lubdub_identity_is_valid(patterns[i].data, patterns[i].length)) {
            return "a pattern is none of an identity";
        }
    }
    return NULL;
}

static const char *check_proxies(const struct lubdub_slice *proxies, size_t count)
{
    struct lubdub_network network;
    size_t i;

    if (count > 0 && proxies == NULL) {
        return "there is a count of proxies and no network";
    }
    for (i = 0; i < count; i++) {
        if (proxies[i].data == NULL || !lubdub_network_parse(&network, proxies[i].data, proxies[i].length)) {
            return "a network of proxies is none";
        }
    }
    return NULL;
}

static const char *check_handshakes(const struct lubdub_server_settings *settings)
{
    if (settings->max_handshakes < 1 || settings->max_handshakes > 65536) {
        return "max_handshakes is not 1 to 65536";
    }
    if (settings->handshakes_per_turn < 1 || settings->handshakes_per_turn > 65536) {
        return "handshakes_per_turn is not 1 to 65536";
    }
    if (settings->handshake_work < 1 || settings->handshake_work > 100 * LUBDUB_MILLISECOND) {
        return "handshake_work is none, or more than 100 ms";
    }
    return NULL;
}

static const char *check(const struct lubdub_server_settings *settings)
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
    if (settings->ipv6_prefix < 1 || settings->ipv6_prefix > 128) {
        return "ipv6_prefix is not 1 to 128";
    }
    if ((unsigned)settings->multipath > LUBDUB_MULTIPATH_REQUIRED) {
        return "multipath is none of its values";
    }
    if (settings->accepts_per_turn < 1 || settings->accepts_per_turn > 65536) {
        return "accepts_per_turn is not 1 to 65536";
    }
    if (settings->max_labels > LUBDUB_LABEL_COUNT_LIMIT) {
        return "max_labels is more than 8";
    }
    if (settings->workers > 256) {
        return "there are more than 256 workers";
    }
    if (settings->gather > LUBDUB_GATHER_LIMIT) {
        return "gather is more than 100 ms";
    }
    if (settings->tls != NULL && !lubdub_transport_fits(settings->tls)) {
        return "tls is of another release of the library";
    }
    fault = check_handshakes(settings);
    if (fault != NULL) {
        return fault;
    }
    fault = check_tokens(settings->tokens, settings->token_count);
    if (fault == NULL) {
        fault = check_patterns(settings->token_identities, settings->token_count);
    }
    return fault != NULL ? fault : check_proxies(settings->proxies, settings->proxy_count);
}

const char *lubdub_server_settings_adopt(struct lubdub_server_settings *own,
                                         const struct lubdub_server_settings *settings)
{
    lubdub_server_settings_init(own);
    if (!lubdub_sized_take(own, sizeof *own, settings, offsetof(struct lubdub_server_settings, workers))) {
        return "the size was not set by the initialiser, or a setting is used that this version does not know";
    }
    return check(own);
}

const char *lubdub_server_settings_check(const struct lubdub_server_settings *settings)
{
    struct lubdub_server_settings own;

    return lubdub_server_settings_adopt(&own, settings);
}

static bool take_proxies(struct lubdub_rules *rules, const struct lubdub_server_settings *settings)
{
    size_t i;

    rules->settings.proxies = NULL;
    if (settings->proxy_count == 0) {
        return true;
    }
    rules->proxies = calloc(settings->proxy_count, sizeof *rules->proxies);
    for (i = 0; rules->proxies != NULL && i < settings->proxy_count; i++) {
        (void)lubdub_network_parse(&rules->proxies[i], settings->proxies[i].data, settings->proxies[i].length);
    }
    return rules->proxies != NULL;
}

struct lubdub_rules *lubdub_rules_new(const struct lubdub_server_settings *settings, const uint64_t token_key[2])
{
    const struct lubdub_slice agent = settings->session.agent;
    struct lubdub_rules *rules = calloc(1, sizeof *rules + agent.length);

    if (rules == NULL) {
        return NULL;
    }
    if (!lubdub_tokens_init(&rules->tokens, token_key, settings->tokens, settings->token_identities,
                            settings->token_count)) {
        free(rules);
        return NULL;
    }
    atomic_init(&rules->references, 1);
    rules->settings = *settings;
    rules->settings.tokens = rules->settings.token_identities = NULL;
    rules->settings.proof_key = NULL;
    if (!take_proxies(rules, settings)) {
        lubdub_rules_drop(rules);
        return NULL;
    }
    if (agent.data != NULL) {
        memcpy(rules->agent, agent.data, agent.length);
        rules->settings.session.agent.data = rules->agent;
    }
    if (rules->settings.tls != NULL) {
        rules->settings.tls->kind->hold(rules->settings.tls);
    }
    rules->settings.session.requires_hello |= settings->token_count > 0 || settings->requires_identity;
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
        if (rules->settings.tls != NULL) {
            rules->settings.tls->kind->drop(rules->settings.tls);
        }
        lubdub_tokens_clear(&rules->tokens);
        free(rules->proxies);
        free(rules);
    }
}
