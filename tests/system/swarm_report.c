#include "swarm_report.h"

#include <stdlib.h>
#include <string.h>

#include "support/patience.h"
#include "support/test.h"

void swarm_add(struct process *swarm, char *words)
{
    char *rest;
    char *word;

    for (word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        process_add(swarm, word);
    }
}

void swarm_start(struct process *swarm, char *words)
{
    swarm_add(swarm, words);
    process_start(swarm);
}

json_t *swarm_read_report(struct process *swarm)
{
    size_t length;
    char *text = process_read_output(swarm, &length);
    json_t *report = json_loadb(text, length, 0, NULL);

    if (report == NULL) {
        char *errors = process_errors(swarm);

        fail_msg("no report but: %s%s", text, errors);
    }
    free(text);
    return report;
}

json_t *swarm_run_to_report(struct process *swarm, char *words, int *status)
{
    json_t *report;

    swarm_start(swarm, words);
    report = swarm_read_report(swarm);
    *status = process_wait(swarm);
    swarm_skip_if_held_up(report);
    return report;
}

json_int_t swarm_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

double swarm_milliseconds(const json_t *object, const char *part, const char *key)
{
    const json_t *value = json_object_get(json_object_get(object, part), key);

    assert_true(json_is_real(value));
    return json_real_value(value);
}

const json_t *swarm_row(const json_t *report, const char *fault, const char *side)
{
    const json_t *rows = json_object_get(report, "faults");
    size_t i;

    for (i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);

        if (strcmp(json_string_value(json_object_get(row, "fault")), fault) == 0 &&
            strcmp(json_string_value(json_object_get(row, "side")), side) == 0) {
            return row;
        }
    }
    fail_msg("no row for %s, %s", fault, side);
    return NULL;
}

void swarm_expect_detected(const json_t *report, const char *fault, const char *side, json_int_t count)
{
    const json_t *found = swarm_row(report, fault, side);

    assert_int_equal(swarm_number(found, "injected"), count);
    assert_int_equal(swarm_number(found, "detected"), count);
    assert_int_equal(swarm_number(found, "missed"), 0);
    assert_int_equal(swarm_number(found, "wrong_cause"), 0);
    assert_int_equal(swarm_number(found, "false_alarms"), 0);
    assert_true(swarm_milliseconds(found, "latency_ms", "min") <= swarm_milliseconds(found, "latency_ms", "p50"));
    assert_true(swarm_milliseconds(found, "latency_ms", "p50") <= swarm_milliseconds(found, "latency_ms", "max"));
    assert_true(swarm_milliseconds(found, "latency_ms", "max") <=
                swarm_milliseconds(found, "bound_ms", "high") + (double)SLACK / (double)LUBDUB_MILLISECOND);
}

void swarm_expect_spared(const json_t *report, const char *fault, const char *side, json_int_t count)
{
    const json_t *found = swarm_row(report, fault, side);

    assert_int_equal(swarm_number(found, "injected"), count);
    assert_int_equal(swarm_number(found, "detected"), 0);
    assert_int_equal(swarm_number(found, "false_alarms"), 0);
}

/* How late the process that carries the packets was, at most; 0 without a network. */
static double wire_was_late(const json_t *report)
{
    const json_t *network = json_object_get(report, "network");

    return json_is_object(network) ? swarm_milliseconds(network, "late_ms", "max") : 0.0;
}

void swarm_skip_if_held_up(json_t *report)
{
    const double interval = json_number_value(json_object_get(json_object_get(report, "settings"), "interval_ms"));
    const double late = wire_was_late(report);

    assert_true(interval > 0.0);
    if (swarm_number(json_object_get(report, "costs"), "swarm_absences") > 0 || late > interval / 2) {
        json_decref(report);
        print_message("the machine was too busy to judge by (packets up to %.0f ms late)\n", late);
        skip();
    }
}

bool swarm_has_note(const json_t *report, const char *words)
{
    const json_t *notes = json_object_get(report, "notes");
    size_t i;

    for (i = 0; i < json_array_size(notes); i++) {
        if (strstr(json_string_value(json_array_get(notes, i)), words) != NULL) {
            return true;
        }
    }
    return false;
}

int swarm_setup(void **state)
{
    static struct process swarm;

    process_init(&swarm, "LUBDUB_SWARM");
    *state = &swarm;
    return 0;
}

int swarm_teardown(void **state)
{
    process_clear(*state);
    return 0;
}
