/*
 * Compares policies on the same networks: how soon each finds a frozen and a cut peer, and how often it is wrong.
 *
 * Rules (policy.h) are judged on traces, in which faults are imagined at random moments: a frozen peer sends nothing
 * from then on, a cut path carries nothing. Contenders are the core itself, run in the simulator with real faults on
 * the same paths; to enter another contender, add a row with the settings of its sessions to sim_contenders().
 */
#ifndef LUBDUB_SIMULATE_CONTEST_CONTEST_H
#define LUBDUB_SIMULATE_CONTEST_CONTEST_H

#include "simulate/contest/policy.h"

/* The core with some settings. */
struct sim_contender {
    const char *word;
    const char *text;
    unsigned intervals; /* of its timeout and its expiry */
    bool adapts;
    bool is_tuned; /* TCP's timers follow from the timeout (common/ev/tuning.h) */
    void (*tune)(struct lubdub_session_settings *settings, enum lubdub_role role, const void *user_data);
};

#define SIM_CONTENDER_LIMIT 8

/* Returns how many. */
size_t sim_contenders(struct sim_contender *contenders);

/* The result of one policy as one observer. */
struct sim_score {
    bool is_there;
    uint64_t false_alarms;
    double days;               /* of sessions */
    lubdub_duration median[2]; /* frozen, cut */
    lubdub_duration p99[2];
    uint64_t found[2];
    uint64_t missed;
    /* Our fixed setting that is wrong as often, at most: its timeout, and what it comes to. 0: none up to a minute. */
    lubdub_duration fixed_timeout;
    lubdub_duration fixed_median[2];
};

struct sim_entry {
    const char *word;
    const char *text;
    bool is_core; /* ran in the simulator; else judged on traces */
    bool is_datagrams;
    double frames_a_second; /* both ways, of one session */
    struct sim_score scores[SIM_OBSERVER_COUNT];
};

#define SIM_ENTRY_LIMIT (SIM_RULE_LIMIT + SIM_CONTENDER_LIMIT)

struct sim_contest {
    enum sim_network network;
    struct sim_entry entries[SIM_ENTRY_LIMIT];
    size_t count;
};

/*
 * On this network, with the clients, the length, the interval and TCP of these settings and the seeds from first to
 * last. False: threads could not be started, or a check failed, and problem says what.
 */
bool sim_contest_run(const struct sim_settings *settings, enum sim_network network, uint64_t first, uint64_t last,
                     unsigned jobs, struct sim_contest *contest, char problem[SIM_PROBLEM_SIZE]);

/* Judges one rule on one view, and adds to the score's false alarms and detections: for tests. */
struct sim_tally {
    uint64_t false_alarms;
    struct sim_detections detections[2]; /* frozen, cut */
};

void sim_tally_add(struct sim_tally *tally, const struct sim_rule *rule, const struct sim_view *view, uint64_t seed);
void sim_tally_clear(struct sim_tally *tally);

#endif
