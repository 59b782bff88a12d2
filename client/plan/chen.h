/*
 * Computes interval and timeout from what is wished: the configuration procedure of Chen, Toueg and Aguilera, On the
 * Quality of Service of Failure Detectors, IEEE Transactions on Computers 51(5), May 2002. Pure. All lengths in
 * seconds.
 *
 *     detect          T_D^U    a crash is found within this
 *     mistake_gap     T_MR^L   between two mistakes, on average, at least
 *     mistake_length  T_M^U    a mistake lasts, on average, at most
 *     delay, variance, loss    E(D), V(D), p_L of what each heartbeat needs to reach the detector
 *
 *     interval        eta      from heartbeat to heartbeat
 *     timeout         delta    from sending one to the moment at which it, or a later one, must have come
 *
 * A client that gives each probe a timeout of its own is this detector (NFD-S) with the round trip as the delay: one
 * clock, and delta is the timeout. docs/guide/planning.md says what TCP changes.
 */
#ifndef LUBDUB_CLIENT_PLAN_CHEN_H
#define LUBDUB_CLIENT_PLAN_CHEN_H

#include <stdbool.h>

struct plan_wish {
    double detect;
    double mistake_gap;
    double mistake_length;
};

/*
 * With several paths (Multipath TCP) delay, variance and loss are those of one. What one path does not bring in time,
 * another one brings, later by the time to fail over, unless the paths fail together.
 */
struct plan_network {
    double delay;
    double variance;
    double loss;
    unsigned paths; /* 0 is 1 */
    double shared;  /* the share of the outages of one path that all paths have; with one path not used */
};

/* What moves from a path that is cut to another one comes so much later, there and back (docs/decisions/0016). */
#define LUBDUB_PLAN_FAILOVER 0.41

/* Where nobody says otherwise. */
#define LUBDUB_PLAN_SHARED 0.05

/* What may be chosen. */
struct plan_limits {
    double interval_least;
    double interval_share; /* at most this share of detect - delay; 0: only what the procedure itself allows */
    double step;           /* the interval is a multiple of this; 0: a thousandth of what is looked at */
};

struct plan_answer {
    bool is_possible;
    double interval;
    double timeout;
    /* Expected, by the bounds that hold for every distribution with this mean and variance. */
    double mistake_gap;
    double mistake_length;
    double detect_mean; /* of a crash at a random moment */
};

/* ln of f(interval): a lower bound of the mean gap between mistakes; the distribution of the delay is not known. */
double lubdub_plan_log_gap(const struct plan_wish *wish, const struct plan_network *network, double interval);

/* The longest interval that fulfils the wish. */
struct plan_answer lubdub_plan_configure(const struct plan_wish *wish, const struct plan_network *network,
                                         const struct plan_limits *limits);

/* The same where the distribution is known: late(user, x) is Pr(D > x). */
struct plan_answer lubdub_plan_configure_known(const struct plan_wish *wish, double loss,
                                               double (*late)(const void *user_data, double x), const void *user_data,
                                               const struct plan_limits *limits);

/*
 * What would make an impossible wish possible; each with all else as it is. 0: nothing of this kind would. Where
 * mistakes may last as long as the time to detect, they may last as long as another one, too.
 */
struct plan_ways {
    double detect;         /* found within this instead, or later; a day at most */
    double mistake_gap;    /* this gap instead, or a shorter one */
    double mistake_length; /* mistakes of this length instead, or longer */
    double deviation;      /* a network with this standard deviation, or less */
    double loss;           /* with this loss, or less; negative: no loss is low enough */
    double interval;       /* an interval as short as this, or shorter */
};

void lubdub_plan_find_ways(const struct plan_wish *wish, const struct plan_network *network,
                           const struct plan_limits *limits, struct plan_ways *ways);

#endif
