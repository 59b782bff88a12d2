/* Holds the options of lubdub-simulate. */
#ifndef LUBDUB_SIMULATE_OPTIONS_H
#define LUBDUB_SIMULATE_OPTIONS_H

#include "program/settings/settings.h"

#include "simulate/world/simulate.h"

enum sim_report_form {
    SIM_REPORT_TEXT,
    SIM_REPORT_JSON,
};

struct sim_seeds {
    uint64_t first;
    uint64_t last;
};

struct sim_options {
    struct sim_seeds seeds;
    uint64_t hours;
    lubdub_duration length; /* 0 until checked: the hours */
    uint64_t clients;
    uint64_t jobs; /* 0 until checked: the processors */
    int network;   /* enum sim_network, or SIM_NETWORK_COUNT: mixed */
    uint64_t paths;
    double shared; /* negative: not given */
    bool has_faults;
    lubdub_duration gather;
    bool adapts;
    bool has_messages;
    bool is_thin;
    lubdub_duration fault_gap;
    lubdub_duration interval;
    lubdub_duration timeout; /* 0 until checked: three intervals */
    lubdub_duration expiry;  /* the same */
    lubdub_duration rto_min;
    lubdub_duration rto_max;
    lubdub_duration user_timeout;
    bool story;
    bool compare;
    int report; /* enum sim_report_form */

    struct lubdub_settings_loaded loaded;
};

extern const struct lubdub_settings_table sim_options_table;

/* The defaults. */
void sim_options_init(struct sim_options *options);
void sim_options_clear(struct sim_options *options);

/* Makes the settings of a run from the options; its seed is the first of the seeds. */
void sim_options_settings(const struct sim_options *options, struct sim_settings *settings);

/* The command that plays one seed again, and what happens in it. */
void sim_options_replay(const struct sim_options *options, uint64_t seed, char *text, size_t capacity);

#endif
