/* What lubdub-swarm was told to do. */
#ifndef LUBDUB_SWARM_ORDERS_OPTIONS_H
#define LUBDUB_SWARM_ORDERS_OPTIONS_H

#include <stdint.h>

#include "program/settings/settings.h"

#include "swarm/orders/order.h"

enum swarm_report_form {
    SWARM_REPORT_TEXT,
    SWARM_REPORT_JSON,
};

#define SWARM_ORDER_LIMIT 32

struct swarm_options {
    const char *spawn_server; /* more options for it; NULL: none is started */
    uint64_t clients;
    uint64_t processes;        /* 0 until checked: as few as hold the clients */
    uint64_t server_processes; /* of our own servers; 0 until checked: as few as hold the sessions */
    lubdub_duration interval;
    lubdub_duration timeout; /* 0 until checked: three intervals */
    lubdub_duration expiry;  /* 0 until checked: three intervals */
    bool mptcp;              /* the clients speak Multipath TCP; of a server its own options say so */
    bool adaptive;           /* the clients adapt; of a server its own options say so */
    uint64_t ramp;
    const char *gather;      /* NULL: auto */
    lubdub_duration longest_gather; /* the same, after the check */
    lubdub_duration warmup;
    lubdub_duration duration;
    struct lubdub_strings faults;
    uint64_t seed;
    int report; /* enum swarm_report_form */
    bool with_tls;
    const char *tls_ca;
    const char *tls_cert;
    const char *tls_key;
    const char *tls_name;
    const char *csv;
    const char *plot;

    /* what the check makes of it */
    struct lubdub_hostport server;
    struct swarm_order orders[SWARM_ORDER_LIMIT];
    size_t order_count;
    bool needs_network; /* one of them does */

    struct lubdub_tls *tls; /* of the clients; NULL: plain. swarm_options_make_tls() */

    struct lubdub_settings_loaded loaded;
};

extern const struct lubdub_settings_table swarm_options_table;

/* Reads the files of TLS, where the options ask for it. False: problem says why. */
bool swarm_options_make_tls(struct swarm_options *options, char *problem, size_t capacity);

/* The defaults; and the table has its help with that. */
void swarm_options_init(struct swarm_options *options);
void swarm_options_clear(struct swarm_options *options);

#endif
