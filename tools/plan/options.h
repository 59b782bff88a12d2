/* Holds the options of lubdub-plan. */
#ifndef LUBDUB_PLAN_OPTIONS_H
#define LUBDUB_PLAN_OPTIONS_H

#include "program/settings/settings.h"

#include "client/plan/chen.h"

enum plan_report_form {
    PLAN_REPORT_TEXT,
    PLAN_REPORT_JSON,
};

enum plan_source {
    PLAN_STATED,
    PLAN_FILE,
    PLAN_MEASURED,
};

struct plan_options {
    lubdub_duration detect;
    double mistake_gap;             /* seconds */
    lubdub_duration mistake_length; /* 0 until checked: detect */
    double delay;                   /* seconds; negative: not given */
    double deviation;
    double loss;
    uint64_t paths;
    double shared; /* negative: not given */
    const char *from;
    const char *measure;
    lubdub_duration length; /* of measuring */
    lubdub_duration measure_interval;
    lubdub_duration interval_least;
    double frames_most; /* a second; 0: any */
    int report;         /* enum plan_report_form */

    /* what the check makes of it */
    enum plan_source source;
    struct lubdub_hostport server;

    struct lubdub_settings_loaded loaded;
};

extern const struct lubdub_settings_table plan_options_table;

void plan_options_init(struct plan_options *options);
void plan_options_clear(struct plan_options *options);

#endif
