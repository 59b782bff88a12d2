/*
 * Implements rules for giving up a peer: those of other systems, and our own with a fixed timeout. They are judged on
 * traces: when would the observer give up if nothing came after this beat? Pure, whole numbers.
 *
 *     view      what one observer saw: the beats that reached it, in order
 *     policy    for each beat, the moment at which the observer gives up unless another beat comes before
 *
 * The sources are in docs/internals/simulation.md.
 */
#ifndef LUBDUB_SIMULATE_CONTEST_POLICY_H
#define LUBDUB_SIMULATE_CONTEST_POLICY_H

#include "simulate/world/simulate.h"

struct sim_arrival {
    size_t beat; /* of the trace */
    lubdub_time at;
};

struct sim_view {
    enum sim_observer observer; /* the server hears probes; the client, acks */
    const struct sim_trace *trace;
    struct sim_arrival *arrivals;
    size_t count;
};

/* Makes the view of one observer. Ends the program where there is no memory. */
void sim_view_make(struct sim_view *view, const struct sim_trace *trace, enum sim_observer observer);
void sim_view_clear(struct sim_view *view);

struct sim_rule;

/* Fills deadlines[i] for each arrival i. */
typedef void (*sim_policy_apply)(const struct sim_rule *rule, const struct sim_view *view, lubdub_time *deadlines);

struct sim_rule {
    const char *word;
    const char *text;
    bool is_datagrams; /* is carried in datagrams: what is lost stays lost, and nothing waits for it */
    bool is_for[SIM_OBSERVER_COUNT];
    sim_policy_apply apply;
    lubdub_duration interval;
    lubdub_duration length; /* of what the rule waits: timeout, margin, pause */
    lubdub_duration least_deviation;
    uint64_t factor; /* of deviations, in 2^-16 */
    unsigned window; /* arrivals that are looked at */
};

#define SIM_RULE_LIMIT 24

/* The rules of the table, at this interval. Returns how many. */
size_t sim_rules(struct sim_rule *rules, lubdub_duration interval);

/* Our rule with a fixed timeout (client) or expiry (server). */
void sim_rule_fixed(struct sim_rule *rule, lubdub_duration interval, lubdub_duration timeout);

#endif
