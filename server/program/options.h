/* Holds the options of lubdub-server, from its command line and configuration file, and the settings they give. */
#ifndef LUBDUB_SERVER_PROGRAM_OPTIONS_H
#define LUBDUB_SERVER_PROGRAM_OPTIONS_H

#include <lubdub/server.h>

#include "program/events/form.h"
#include "program/settings/settings.h"
#include "program/settings/secret_file.h"
#include "program/settings/token_file.h"
#include "server/register/expect_file.h"
#include "program/tls/credentials.h"

struct options {
    struct lubdub_hostports listen;
    struct lubdub_hostports tls_listen;
    const char *tls_cert;
    const char *tls_key;
    const char *tls_client_ca;
    bool require_cert;
    bool is_handed_tls; /* the service manager has a socket for it: set before the options are read */
    uint64_t workers;
    lubdub_duration interval;
    lubdub_duration expiry;
    lubdub_duration interval_min;
    lubdub_duration interval_max;
    lubdub_duration expiry_max;
    lubdub_duration handshake_timeout;
    lubdub_duration grace;
    int detect;
    uint64_t max_content;
    uint64_t max_sessions;
    uint64_t max_per_address;
    uint64_t max_opening;
    uint64_t accepts_per_turn;
    uint64_t max_labels;
    uint64_t max_handshakes;
    uint64_t handshakes_per_turn;
    lubdub_duration handshake_work;
    uint64_t ipv6_prefix;
    uint64_t message_rate;
    uint64_t message_burst;
    uint64_t output_buffer;
    const char *gather; /* NULL: auto */
    int on_message; /* enum lubdub_on_message by the order of the words */
    bool require_hello;
    bool mptcp;
    bool require_id;
    bool reuse_port;
    const char *token_file;
    const char *redis;
    const char *redis_password_file;
    const char *redis_sentinel_user;
    const char *redis_sentinel_password_file;
    const char *redis_secret_file;
    const char *redis_ca;
    const char *redis_cert;
    const char *redis_key;
    lubdub_duration redis_lease;
    uint64_t redis_rate;
    struct lubdub_strings proxy_from;
    const char *user;
    int seccomp; /* enum lubdub_filter_mode */
    int events; /* enum lubdub_event_form */
    const char *events_file;
    const char *node;
    const char *expect;
    const char *state;
    const char *http;
    const char *http_token_file;
    struct lubdub_strings http_hosts;
    const char *hook;
    const char *hook_events;
    bool hook_batch;
    lubdub_duration hook_timeout;
    lubdub_duration drain;
    uint64_t log_rate;
    int log_level;

    struct lubdub_settings_loaded loaded;
    struct lubdub_token_file tokens;
    struct lubdub_secret_file redis_password;
    struct lubdub_secret_file redis_sentinel_password;
    struct lubdub_secret_file redis_secret;
    uint8_t proof_key[16]; /* made of it; with --redis only */
    struct lubdub_slice *proxies; /* proxy_from, as the library takes it */
    struct expect_file expected;
    struct lubdub_tls *tls; /* options_make_tls() */
    struct lubdub_secret_file http_token;
};

extern const struct lubdub_settings_table options_table;

/* The values that hold when nothing is said. */
void options_init(struct options *options);
void options_clear(struct options *options);

/* Whether the options listen to TLS, or the service manager does. */
bool options_speak_tls(const struct options *options);

/* Whether clients elsewhere send their tokens to a listener without TLS that the options name. */
bool options_show_tokens(const struct options *options);

/* No option says where to listen: on all addresses, then, at the usual port. */
bool options_listens_plainly_everywhere(const struct options *options);

/* The files of TLS, as the options name them. */
struct lubdub_credentials options_credentials(const struct options *options);

/* The same of TLS towards Redis. */
struct lubdub_credentials options_redis_credentials(const struct options *options);

/* Reads the files for clients, where the options ask for TLS. False: problem says why. */
bool options_make_tls(struct options *options, char *problem, size_t capacity);

/* Fills the library's settings; they point into options. */
void options_server_settings(const struct options *options, struct lubdub_server_settings *settings);

#endif
