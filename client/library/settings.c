/* Sets the defaults, checks and copies a client's settings. */
#include "client/library/settings.h"

#include <string.h>

#include "core/sized.h"
#include "ev/gather.h"
#include "ev/transport.h"

#define HOST_LIMIT 255
#define CONNECT_TIMEOUT_LIMIT LUBDUB_HOUR
#define PROGRESS_LIMIT (24 * LUBDUB_HOUR)
#define BACKOFF_LIMIT (24 * LUBDUB_HOUR)

void lubdub_client_settings_init_sized(struct lubdub_client_settings *settings, size_t size)
{
    struct lubdub_client_settings defaults;

    memset(&defaults, 0, sizeof defaults);
    lubdub_session_settings_init(&defaults.session);
    defaults.session.expiry = 0;
    defaults.connect_timeout = 5 * LUBDUB_SECOND;
    defaults.backoff_min = 500 * LUBDUB_MILLISECOND;
    defaults.backoff_max = 30 * LUBDUB_SECOND;

    lubdub_sized_init(settings, size, &defaults, sizeof defaults);
}

bool lubdub_client_settings_adopt(struct lubdub_client_settings *own, const struct lubdub_client_settings *settings)
{
    lubdub_client_settings_init(own);
    return lubdub_sized_take(own, sizeof *own, settings, offsetof(struct lubdub_client_settings, servers));
}

static const char *check_servers(const struct lubdub_client_server *servers, size_t count)
{
    size_t i;

    if (count == 0) {
        return "there is no server to connect to";
    }
    for (i = 0; i < count; i++) {
        if (servers[i].host == NULL || servers[i].host[0] == '\0' || strlen(servers[i].host) > HOST_LIMIT) {
            return "the name of a server is empty or longer than 255 bytes";
        }
        if (servers[i].port == 0) {
            return "the port of a server is 0";
        }
    }
    return NULL;
}

/* Made by hand or by lubdub_label_parse(), it has to be what the wire allows. */
static bool is_valid_label(const struct lubdub_label *label)
{
    char text[LUBDUB_LABEL_KEY_LIMIT + 1 + LUBDUB_LABEL_VALUE_LIMIT];
    struct lubdub_label parsed;

    if (label->key.length == 0 || label->key.length > LUBDUB_LABEL_KEY_LIMIT ||
        label->value.length > LUBDUB_LABEL_VALUE_LIMIT) {
        return false;
    }
    memcpy(text, label->key.data, label->key.length);
    text[label->key.length] = '=';
    if (label->value.length > 0) {
        memcpy(text + label->key.length + 1, label->value.data, label->value.length);
    }
    return lubdub_label_parse(&parsed, text, label->key.length + 1 + label->value.length);
}

static const char *check_labels(const struct lubdub_label *labels, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (!is_valid_label(&labels[i])) {
            return "a label is not key=value, a key of 1 to 32 bytes of [a-z0-9_.-] and a value of at most 128 bytes";
        }
    }
    return NULL;
}

static bool is_link_local(const struct lubdub_address *address)
{
    return address->ip[0] == 0xfe && (address->ip[1] & 0xc0) == 0x80;
}

static const char *check(const struct lubdub_client_settings *settings)
{
    const char *fault = lubdub_session_settings_check(&settings->session, LUBDUB_ROLE_CLIENT);
    struct lubdub_address source;

    if (fault == NULL) {
        fault = check_labels(settings->session.labels, settings->session.label_count);
    }
    if (fault == NULL) {
        fault = check_servers(settings->servers, settings->server_count);
    }
    if (fault != NULL) {
        return fault;
    }
    if (settings->source != NULL && !lubdub_address_parse(&source, settings->source, 0)) {
        return "the source is no numeric address";
    }
    if (settings->source != NULL && is_link_local(&source) && source.scope == 0) {
        return "the source is a link-local address, which needs its scope: fe80::1%eth0";
    }
    if (settings->tls != NULL && !lubdub_transport_fits(settings->tls)) {
        return "tls is of another release of the library";
    }
    if (settings->tls_name != NULL && (settings->tls_name[0] == '\0' || strlen(settings->tls_name) > HOST_LIMIT)) {
        return "the name in the server's certificate is empty or longer than 255 bytes";
    }
    if (settings->stay_limit > CONNECT_TIMEOUT_LIMIT * 24) {
        return "a silent server is stayed with for more than a day";
    }
    if ((unsigned)settings->multipath > LUBDUB_MULTIPATH_REQUIRED) {
        return "multipath is none of its values";
    }
    if (settings->progress_within > PROGRESS_LIMIT) {
        return "progress is promised within more than a day";
    }
    if (settings->connect_timeout == 0 || settings->connect_timeout > CONNECT_TIMEOUT_LIMIT) {
        return "the connect timeout is 0 or over an hour";
    }
    if (settings->backoff_min == 0 || settings->backoff_max > BACKOFF_LIMIT) {
        return "the shortest backoff is 0 or the longest over a day";
    }
    if (settings->gather > LUBDUB_GATHER_LIMIT) {
        return "gather is more than 100 ms";
    }
    return settings->backoff_min > settings->backoff_max ? "the shortest backoff is longer than the longest" : NULL;
}

const char *lubdub_client_settings_check(const struct lubdub_client_settings *settings)
{
    struct lubdub_client_settings own;

    if (!lubdub_client_settings_adopt(&own, settings)) {
        return "the size was not set by the initialiser, or a setting is used that this version does not know";
    }
    return check(&own);
}

/* ---- the copy ---- */

size_t lubdub_client_rules_block_size(const struct lubdub_client_settings *settings)
{
    const struct lubdub_session_settings *session = &settings->session;
    size_t size = settings->server_count * sizeof(struct lubdub_server_entry) +
                  session->label_count * sizeof(struct lubdub_label) + session->agent.length +
                  session->identity.length + session->token.length + session->content.length;
    size_t i;

    for (i = 0; i < settings->server_count; i++) {
        size += strlen(settings->servers[i].host) + 1;
    }
    size += settings->tls_name != NULL ? strlen(settings->tls_name) + 1 : 0;
    for (i = 0; i < session->label_count; i++) {
        size += session->labels[i].key.length + session->labels[i].value.length;
    }
    return size;
}

static const char *copy_bytes(char **place, const char *data, size_t length)
{
    char *copy = *place;

    if (length > 0) {
        memcpy(copy, data, length);
    }
    *place += length;
    return copy;
}

/* A slice that is not there stays so: NULL means left out. */
static void copy_slice(char **place, struct lubdub_slice *slice)
{
    if (slice->data != NULL) {
        slice->data = copy_bytes(place, slice->data, slice->length);
    }
}

static struct lubdub_server_entry *copy_servers(char **place, struct lubdub_server_entry *entries,
                                                const struct lubdub_client_settings *settings)
{
    size_t i;

    for (i = 0; i < settings->server_count; i++) {
        const char *host = settings->servers[i].host;

        memset(&entries[i], 0, sizeof entries[i]);
        entries[i].server.port = settings->servers[i].port;
        entries[i].server.host = copy_bytes(place, host, strlen(host) + 1);
    }
    return entries;
}

static const struct lubdub_label *copy_labels(char **place, struct lubdub_label *labels,
                                              const struct lubdub_session_settings *session)
{
    size_t i;

    for (i = 0; i < session->label_count; i++) {
        labels[i] = session->labels[i];
        copy_slice(place, &labels[i].key);
        copy_slice(place, &labels[i].value);
    }
    return labels;
}

/* The block: servers, labels, and then all that needs no alignment. */
void lubdub_client_rules_init(struct lubdub_client_rules *rules, const struct lubdub_client_settings *settings,
                              void *block)
{
    struct lubdub_server_entry *entries = block;
    struct lubdub_label *labels = (struct lubdub_label *)(void *)(entries + settings->server_count);
    char *place = (char *)(labels + settings->session.label_count);

    memset(rules, 0, sizeof *rules);
    rules->session = settings->session;
    rules->session.labels = copy_labels(&place, labels, &settings->session);
    copy_slice(&place, &rules->session.agent);
    copy_slice(&place, &rules->session.identity);
    copy_slice(&place, &rules->session.token);
    copy_slice(&place, &rules->session.content);
    lubdub_server_list_init(&rules->servers, copy_servers(&place, entries, settings), settings->server_count);
    rules->has_source = settings->source != NULL && lubdub_address_parse(&rules->source, settings->source, 0);
    if (settings->tls_name != NULL) {
        rules->tls_name = copy_bytes(&place, settings->tls_name, strlen(settings->tls_name) + 1);
    }
    rules->tls = settings->tls;
    rules->connect_timeout = settings->connect_timeout;
    rules->reconnects = settings->reconnects;
    rules->multipath = settings->multipath;
}
