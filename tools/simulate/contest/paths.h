/*
 * Compares one path with several, on the core itself: the shortest timeout that is wrong so rarely, and how soon it
 * finds a machine that is cut off or dead. With equally many packets, too.
 */
#ifndef LUBDUB_SIMULATE_CONTEST_PATHS_H
#define LUBDUB_SIMULATE_CONTEST_PATHS_H

#include <stdio.h>

#include "simulate/contest/contest.h"

/* False alarms of one session that are allowed: one a day, one in thirty days. */
enum paths_rate {
    PATHS_A_DAY,
    PATHS_A_MONTH,
    PATHS_RATE_COUNT,
};

/* One kind of path or paths, as one observer. */
struct paths_cell {
    lubdub_duration timeout[PATHS_RATE_COUNT]; /* the shortest that is wrong so rarely; 0: too little was run to say */
    lubdub_duration median[PATHS_RATE_COUNT];  /* from a cut of everything to the verdict, by the core */
    lubdub_duration p99[PATHS_RATE_COUNT];
    uint64_t found[PATHS_RATE_COUNT];
    lubdub_duration best[PATHS_RATE_COUNT]; /* the median that outages alone would allow (bound.h) */
};

struct paths_entry {
    unsigned paths;
    unsigned shared; /* of a thousand outages */
    lubdub_duration interval;
    double segments_a_second; /* of a session that nothing happens to but its network, both ways, all paths together */
    struct paths_cell cells[SIM_OBSERVER_COUNT];
};

#define PATHS_ENTRY_LIMIT 8

struct paths_contest {
    enum sim_network network;
    double days;                                   /* of sessions, in which false alarms were counted, for each entry */
    struct paths_entry entries[PATHS_ENTRY_LIMIT]; /* one path; one with as many packets; several */
    size_t count;
};

/*
 * On this network, with paths, clients, length and interval of these settings and the seeds from first to last;
 * has_share: only with the settings' share of shared outages, else with 0, 5, 20 and 50 %. False: problem says why not.
 */
bool paths_contest_run(const struct sim_settings *settings, bool has_share, enum sim_network network, uint64_t first,
                       uint64_t last, unsigned jobs, struct paths_contest *contest, char problem[SIM_PROBLEM_SIZE]);

void paths_contest_text(FILE *file, const struct paths_contest *contest);
void paths_contest_json(FILE *file, const struct paths_contest *contests, size_t count);

#endif
