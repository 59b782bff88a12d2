/* lubdub-swarm as a child process, and what its JSON report says. */
#ifndef LUBDUB_TESTS_SYSTEM_SWARM_REPORT_H
#define LUBDUB_TESTS_SYSTEM_SWARM_REPORT_H

#include <jansson.h>

#include "process.h"

/* Words in one string, cut at spaces; the string must outlive the process. */
void swarm_add(struct process *swarm, char *words);

/* Starts it with these words as its last ones. */
void swarm_start(struct process *swarm, char *words);

/* Its report; the caller decrefs. */
json_t *swarm_read_report(struct process *swarm);

/* Starts it, waits for its end, and gives its report likewise; skips where the machine held the swarm up. */
json_t *swarm_run_to_report(struct process *swarm, char *words, int *status);

json_int_t swarm_number(const json_t *object, const char *key);
double swarm_milliseconds(const json_t *object, const char *part, const char *key);

/* Of that fault on that side. */
const json_t *swarm_row(const json_t *report, const char *fault, const char *side);

/* All noticed, by the right name, and not long after their bound. */
void swarm_expect_detected(const json_t *report, const char *fault, const char *side, json_int_t count);

/* Nobody was lost for it on that side. */
void swarm_expect_spared(const json_t *report, const char *fault, const char *side, json_int_t count);

/*
 * Skips where the machine held the swarm itself up, or the packets of its network for half of an interval: living clients
 * may really have been silent for too long then, and dead paths have looked alive.
 */
void swarm_skip_if_held_up(json_t *report);

/* One of its notes has these words. */
bool swarm_has_note(const json_t *report, const char *words);

/* A test whose state is a swarm that has not been started; only words are added. */
#define SWARM_TEST(name) cmocka_unit_test_setup_teardown(name, swarm_setup, swarm_teardown)
int swarm_setup(void **state);
int swarm_teardown(void **state);

#endif
