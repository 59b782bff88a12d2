/* Holds the options of lubdub-client, from its command line and configuration file, and the settings they give. */
#ifndef LUBDUB_CLIENT_PROGRAM_OPTIONS_H
#define LUBDUB_CLIENT_PROGRAM_OPTIONS_H

#include <lubdub/client.h>

#include "client/program/goal.h"
#include "program/events/form.h"
#include "program/settings/secret_file.h"
#include "program/settings/settings.h"
#include "program/tls/credentials.h"

/* --timeout: fixed, or adaptive up to a limit. */
struct timeout {
    lubdub_duration length; /* 0: 3 s, or three times the interval where that is more */
    bool adapts;
};

enum id_source {
    ID_FROM_NOTHING,
    ID_FROM_HOST,
    ID_FROM_MACHINE,
};

struct options {
    struct lubdub_strings server; /* of the file; the servers of the command line come before them */
    const char *source;
    lubdub_duration interval;
    struct timeout timeout;
    lubdub_duration expiry; /* 0: three times the interval */
    struct goal goal;       /* where there is one, it sets these three */
    lubdub_duration connect_timeout;
    bool stay;
    bool require_server_health;
    lubdub_duration stay_limit; /* 0: ten timeouts */
    bool reconnect;
    const char *mptcp;           /* NULL or "no": not wanted; "require": nothing else */
    bool all;                    /* a session with every server */
    lubdub_duration backoff_min; /* these two 0: unless set */
    lubdub_duration backoff_max;
    const char *id;
    int id_from;          /* enum id_source */
    uint64_t incarnation; /* 0: by the clock */
    struct lubdub_strings label;
    const char *content;
    const char *token_file;
    bool with_tls;
    const char *tls_ca;
    const char *tls_cert;
    const char *tls_key;
    const char *tls_name;
    const char *message;
    uint64_t count;           /* 0: no end */
    lubdub_duration deadline; /* 0: none */
    const char *check;
    lubdub_duration check_interval; /* 0: that of the probes */
    lubdub_duration check_timeout;
    const char *on_up;
    const char *on_down;
    const char *on_failed;
    lubdub_duration hook_timeout;
    bool quiet;
    const char *gather; /* NULL: auto */
    int events; /* enum lubdub_event_form */
    int seccomp; /* enum lubdub_filter_mode */
    int log_level;

    struct lubdub_settings_loaded loaded;
    char found_id[LUBDUB_IDENTITY_LIMIT + 1]; /* by id_from */
    struct lubdub_secret_file token;
    struct lubdub_tls *tls;        /* options_make_tls() */
    struct lubdub_hostport *hosts; /* what the servers point to */
    struct lubdub_client_server *servers;
    size_t server_count;
    struct lubdub_label labels[LUBDUB_LABEL_COUNT_LIMIT];
};

extern const struct lubdub_settings_table options_table;

/* The files of TLS, as the options name them. */
struct lubdub_credentials options_credentials(const struct options *options);

/* Reads these files, where the options ask for TLS. False: problem says why. */
bool options_make_tls(struct options *options, char *problem, size_t capacity);

/* The values that hold when nothing is said. */
void options_init(struct options *options);
void options_clear(struct options *options);

/* Measures the first server and sets interval, timeout and expiry as the goal asks; or says why not. */
enum goal_result options_pursue_goal(struct options *options, struct ev_loop *loop, char *problem, size_t capacity);

/* Fills the library's settings for all servers; they point into options. */
void options_client_settings(const struct options *options, struct lubdub_client_settings *settings);

/* By --id or --id-from; NULL: none. */
const char *options_identity(const struct options *options);

/* What --mptcp asks for. */
enum lubdub_multipath options_multipath(const struct options *options);

/* Reads the token file again, if there is one. False, and why: then the token is what it was. */
bool options_read_token(struct options *options, char *problem, size_t capacity);

/* What differs in options that were read again. */
#define OPTIONS_CHANGES_SIZE 512
struct options_changes {
    char names[OPTIONS_CHANGES_SIZE]; /* with commas */
    char fixed[OPTIONS_CHANGES_SIZE]; /* the options that cannot change while the program runs */
    bool needs_session;               /* some of the names are told to the server when a session begins */
};
void options_compare(const struct options *old, const struct options *fresh, struct options_changes *changes);

#endif
