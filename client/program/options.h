/* The options of lubdub-client, from its command line and configuration file, and the library settings they give. */
#ifndef LUBDUB_CLIENT_PROGRAM_OPTIONS_H
#define LUBDUB_CLIENT_PROGRAM_OPTIONS_H

#include <lubdub/client.h>

#include "client/program/goal.h"
#include "program/events/form.h"
#include "program/settings/secret_file.h"
#include "program/settings/settings.h"

/* --timeout: fixed, or adaptive up to a limit. */
struct timeout {
    lubdub_duration length; /* 0: 3 s, or three times the interval where that is more */
    bool adapts;
};

struct options {
    struct lubdub_strings server; /* of the file; those of the command line come before it */
    const char *source;
    lubdub_duration interval;
    struct timeout timeout;
    lubdub_duration expiry; /* 0: three times the interval */
    struct goal goal;       /* where there is one, it sets these three */
    lubdub_duration connect_timeout;
    bool stay;
    bool reconnect;
    lubdub_duration backoff_min;
    lubdub_duration backoff_max;
    const char *id;
    struct lubdub_strings label;
    const char *content;
    const char *token_file;
    const char *message;
    uint64_t count; /* 0: no end */
    const char *check;
    lubdub_duration check_interval; /* 0: that of the probes */
    lubdub_duration check_timeout;
    const char *on_up;
    const char *on_down;
    int events; /* enum lubdub_event_form */
    int log_level;

    struct lubdub_settings_loaded loaded;
    struct lubdub_secret_file token;
    struct lubdub_hostport *hosts; /* what the servers point to */
    struct lubdub_client_server *servers;
    size_t server_count;
    struct lubdub_label labels[LUBDUB_LABEL_COUNT_LIMIT];
};

extern const struct lubdub_settings_table options_table;

/* The values that hold when nothing is said. */
void options_init(struct options *options);
void options_clear(struct options *options);

/* Measures the first server and sets interval, timeout and expiry as the goal asks. False, and why not. */
bool options_pursue_goal(struct options *options, char *problem, size_t capacity);

/* Fills the library's settings; they point into options. */
void options_client_settings(const struct options *options, struct lubdub_client_settings *settings);

#endif
