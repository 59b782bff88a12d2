/*
 * Runs many pairs of sessions under one virtual clock, with links drawn from a seed: a small simulator.
 *
 * All servers' ends run in one process and all clients' ends in another, so that stopping one of the two stops
 * a whole side, and it measures how long it overslept by the earliest timer of them all, as the reactor does.
 */
#ifndef LUBDUB_TESTS_SUPPORT_FLEET_H
#define LUBDUB_TESTS_SUPPORT_FLEET_H

#include "pair.h"

struct fleet {
    struct pair *pairs;
    size_t count;
    uint64_t seed;
    uint64_t random;
    lubdub_time now;
    lubdub_time stopped_at[2]; /* the clients' process, the servers' process */
};

/*
 * Pairs that have not begun, with one-way delays up to longest_delay each; every fourth gets its bytes split at
 * random. A failing test prints the seed.
 */
void fleet_init(struct fleet *fleet, uint64_t seed, size_t count, lubdub_duration longest_delay);
void fleet_clear(struct fleet *fleet);

/* All begin, each at a random moment of the first `spread`. */
void fleet_open(struct fleet *fleet, lubdub_duration spread);

void fleet_run(struct fleet *fleet, lubdub_duration length);

/* SIGSTOP and SIGCONT for one of the two processes, or both. */
void fleet_stop(struct fleet *fleet, unsigned sides);
void fleet_go_on(struct fleet *fleet, unsigned sides);

/* How many sessions of a side are up; how many events of a kind it heard. */
size_t fleet_up(const struct fleet *fleet, enum side side);
size_t fleet_heard(const struct fleet *fleet, enum side side, enum lubdub_event_kind kind);

/* When this end went down; LUBDUB_TIME_NEVER if it did not. */
lubdub_time fleet_down_at(const struct endpoint *endpoint);
enum lubdub_cause fleet_cause(const struct endpoint *endpoint);

/* Fails the test with the seed and what both ends of the pair heard (pair may be NULL). */
void fleet_complain(const struct fleet *fleet, const struct pair *pair, const char *what, const char *file, int line);

#define FLEET_CHECK(fleet, pair, condition)                                         \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fleet_complain(fleet, pair, "not so: " #condition, __FILE__, __LINE__); \
        }                                                                           \
    } while (0)

/* Gives seeds 1 to count; or only the seed that the environment names in LUBDUB_SEED, as first and last. */
bool fleet_next_seed(uint64_t *seed, uint64_t count);

#endif
