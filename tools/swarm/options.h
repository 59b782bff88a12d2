/* What lubdub-swarm was told to do. */
#ifndef LUBDUB_SWARM_OPTIONS_H
#define LUBDUB_SWARM_OPTIONS_H

#include <stdint.h>

#include "program/settings/settings.h"

#include "swarm/orders/fault.h"

enum swarm_report_form {
    SWARM_REPORT_TEXT,
    SWARM_REPORT_JSON,
};

#define SWARM_ORDER_LIMIT 32

struct swarm_options {
    const char *spawn_server; /* more options for it; NULL: none is started */
    uint64_t clients;
    uint64_t processes;        /* 0 until checked: as few as hold the clients */
    uint64_t server_processes; /* likewise; of our own servers */
    lubdub_duration interval;
    lubdub_duration timeout; /* 0 until checked: three intervals */
    lubdub_duration expiry;  /* likewise */
    bool adaptive;           /* the clients adapt; of a server its own options say so */
    uint64_t ramp;
    lubdub_duration warmup;
    lubdub_duration duration;
    struct lubdub_strings faults;
    uint64_t seed;
    int report; /* enum swarm_report_form */
    const char *csv;
    const char *plot;

    /* what the check makes of it */
    struct lubdub_hostport server;
    struct swarm_order orders[SWARM_ORDER_LIMIT];
    size_t order_count;
    bool needs_network; /* one of them does */

    struct lubdub_settings_loaded loaded;
};

extern const struct lubdub_settings_table swarm_options_table;

/* Of clients, and of servers. */
#define SWARM_PROCESS_LIMIT 1024

/*
 * Whether this machine lets so many clients be, by its limits on open files, its memory; completes processes and
 * server_processes where they were left to us. False: problem says which limit, and what would help. Needs the rest
 * checked.
 */
bool swarm_options_fit(struct swarm_options *options, char *problem, size_t capacity);

/* The defaults. */
void swarm_options_init(struct swarm_options *options);
void swarm_options_clear(struct swarm_options *options);

#endif
