/* Holds the options of lubdub-presence. */
#ifndef LUBDUB_PRESENCE_OPTIONS_H
#define LUBDUB_PRESENCE_OPTIONS_H

#include "program/settings/secret_file.h"
#include "program/settings/settings.h"
#include "program/tls/credentials.h"

/* Where the server of the packages listens. */
#define PRESENCE_SOCKET "/run/lubdub/http.sock"

enum presence_command {
    PRESENCE_LIST,
    PRESENCE_GET,
    PRESENCE_WATCH,
    PRESENCE_MISSING,
};

struct presence_options {
    const char *redis; /* NULL: over HTTP */
    const char *redis_sentinel_user;
    const char *redis_sentinel_password_file;
    const char *redis_ca; /* with rediss:// */
    const char *redis_cert;
    const char *redis_key;
    const char *http; /* NULL: the packaged server's socket where it is there, else http://localhost */
    const char *token_file;
    bool is_json;
    const char *id; /* how it begins */
    const char *state;
    const char *label;

    /* what the check makes of the arguments */
    enum presence_command command;
    const char *name; /* GET; WATCH: NULL or the one */
    struct lubdub_secret_file token;
    struct lubdub_secret_file sentinel_password;

    struct lubdub_settings_loaded loaded;
};

extern const struct lubdub_settings_table presence_options_table;

void presence_options_init(struct presence_options *options);
void presence_options_clear(struct presence_options *options);

/* The files of TLS towards Redis. */
struct lubdub_credentials presence_options_credentials(const struct presence_options *options);

#endif
