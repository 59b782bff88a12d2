/* lubdub-plan and lubdub-simulate as programs: what they print, how they end, what they refuse. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <jansson.h>

#include "process.h"
#include "scratch.h"
#include "server_process.h"
#include "support/patience.h"
#include "support/test.h"

struct stage {
    struct scratch scratch;
    struct server_process server;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    server_process_init(&stage->server);
    scratch_make(&stage->scratch);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    server_process_clear(&stage->server);
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

/* Runs to the end with these arguments, up to a NULL. *output and *errors are the caller's to free. */
static int run_program(const char *variable, char **output, char **errors, va_list arguments)
{
    struct process process;
    const char *argument;
    size_t length;
    int status;

    process_init(&process, variable);
    while ((argument = va_arg(arguments, const char *)) != NULL) {
        process_add(&process, argument);
    }
    process_start(&process);
    *output = process_read_output(&process, &length);
    status = process_wait(&process);
    *errors = process_errors(&process);
    process_clear(&process);
    return status;
}

/* Its report as JSON; the caller's to release. */
static json_t *report_of(const char *variable, int expected, ...) __attribute__((sentinel));

static json_t *report_of(const char *variable, int expected, ...)
{
    va_list arguments;
    char *output;
    char *errors;
    json_t *report;
    int status;

    va_start(arguments, expected);
    status = run_program(variable, &output, &errors, arguments);
    va_end(arguments);
    if (status != expected) {
        fail_msg("%s ended with %d and said: %s", variable, status, errors);
    }
    report = json_loads(output, 0, NULL);
    if (report == NULL) {
        fail_msg("no JSON: %s", output);
    }
    free(output);
    free(errors);
    return report;
}

static void expect_refusal(const char *variable, int expected, const char *says, ...) __attribute__((sentinel));

static void expect_refusal(const char *variable, int expected, const char *says, ...)
{
    va_list arguments;
    char *output;
    char *errors;
    int status;

    va_start(arguments, says);
    status = run_program(variable, &output, &errors, arguments);
    va_end(arguments);
    if (status != expected || output[0] != '\0' || strstr(errors, says) == NULL ||
        strchr(errors, '\n') != errors + strlen(errors) - 1) {
        fail_msg("%s ended with %d, wanted %d and one line with \"%s\", said: %s", variable, status, expected, says,
                 errors);
    }
    free(output);
    free(errors);
}

static double number(json_t *report, const char *part, const char *name)
{
    return json_number_value(json_object_get(json_object_get(report, part), name));
}

static void stated_network_gives_a_plan(void **state)
{
    json_t *report;
    (void)state;

    report = report_of("LUBDUB_PLAN", 0, "--detect", "2s", "--false-alarms", "1/month", "--delay", "40ms",
                       "--deviation", "10ms", "--loss", "1%", "--report", "json", NULL);
    assert_true(json_is_true(json_object_get(report, "possible")));
    assert_true(number(report, "plan", "interval_ms") + number(report, "plan", "timeout_ms") == 2000);
    assert_true(number(report, "plan", "expiry_ms") == 1960);
    assert_true(number(report, "plan", "expiry_ms") >= 2 * number(report, "plan", "interval_ms"));
    assert_true(number(report, "plan", "mistake_gap_s") >= 2629800);
    json_decref(report);
}

static void impossible_wish_says_what_would_do(void **state)
{
    json_t *report;
    (void)state;

    report = report_of("LUBDUB_PLAN", 1, "--detect", "2s", "--delay", "40ms", "--loss", "30%", "--packets", "4",
                       "--report", "json", NULL);
    assert_true(json_is_false(json_object_get(report, "possible")));
    assert_true(number(report, "possible_with", "detect_s") > 2);
    assert_true(number(report, "possible_with", "interval_s") < 0.5);
    assert_true(number(report, "possible_with", "loss") < 0.3);
    json_decref(report);
}

static void file_of_round_trips_gives_a_plan(void **state)
{
    struct stage *stage = *state;
    char path[SCRATCH_PATH];
    json_t *report;

    scratch_write_text(&stage->scratch, "trips.csv", "rtt_ms\n9\n\n10\n11\n\n", path);
    report = report_of("LUBDUB_PLAN", 0, "--detect", "1s", "--from", path, "--report", "json", NULL);
    assert_true(number(report, "network", "round_trips") == 3);
    assert_true(number(report, "network", "loss") == 0.25);
    json_decref(report);
}

static void fifo_without_a_writer_does_not_keep_the_plan_waiting(void **state)
{
    struct stage *stage = *state;
    char path[SCRATCH_PATH];

    scratch_path(&stage->scratch, "fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refusal("LUBDUB_PLAN", 3, "two at least", "--detect", "1s", "--from", path, NULL);
}

static void server_is_measured(void **state)
{
    struct stage *stage = *state;
    json_t *report;

    server_process_start(&stage->server, NULL);
    report = report_of("LUBDUB_PLAN", 0, "--detect", "60s", "--measure", stage->server.address, "--for", "600ms",
                       "--measure-interval", "20ms", "--loss", "0", "--report", "json", NULL);
    assert_true(number(report, "network", "round_trips") >= 2);
    assert_true(number(report, "network", "delay_s") > 0);
    json_decref(report);
    server_process_finish(&stage->server);
}

static void server_that_is_not_there_is_told(void **state)
{
    char address[64];
    struct process process;
    char *output;
    char *errors;
    size_t length;
    (void)state;

    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)free_port());
    process_init(&process, "LUBDUB_PLAN");
    process_add(&process, "--detect");
    process_add(&process, "2s");
    process_add(&process, "--measure");
    process_add(&process, address);
    process_start(&process);
    output = process_read_output(&process, &length);
    assert_int_equal(process_wait(&process), 1);
    errors = process_errors(&process);
    assert_non_null(strstr(errors, "refused"));
    process_clear(&process);
    free(errors);
    free(output);
}

static void plan_refuses_what_is_typed_wrong(void **state)
{
    (void)state;

    expect_refusal("LUBDUB_PLAN", 2, "--detect", NULL);
    expect_refusal("LUBDUB_PLAN", 2, "--delay", "--detect", "2s", NULL);
    expect_refusal("LUBDUB_PLAN", 2, "--from", "--detect", "2s", "--delay", "1ms", "--from", "x", NULL);
    expect_refusal("LUBDUB_PLAN", 2, "--false-alarms", "--detect", "2s", "--delay", "1", "--false-alarms", "0/day",
                   NULL);
    expect_refusal("LUBDUB_PLAN", 2, "--false-alarms", "--detect", "2s", "--delay", "1", "--false-alarms", "1/eon",
                   NULL);
    expect_refusal("LUBDUB_PLAN", 2, "--delay", "--detect", "2s", "--delay", "-1ms", NULL);
    expect_refusal("LUBDUB_PLAN", 2, "--delay", "--detect", "2s", "--delay", "1e3", NULL);
    expect_refusal("LUBDUB_PLAN", 2, "--loss", "--detect", "2s", "--delay", "1", "--loss", "100%", NULL);
    expect_refusal("LUBDUB_PLAN", 2, "--deviation", "--detect", "2s", "--from", "x", "--deviation", "1ms", NULL);
    expect_refusal("LUBDUB_PLAN", 2, "--packets", "--detect", "2s", "--delay", "1", "--packets", "0", NULL);
    expect_refusal("LUBDUB_PLAN", 2, "surplus", "surplus", NULL);
    expect_refusal("LUBDUB_PLAN", 3, "No such file", "--detect", "2s", "--from", "/no/such/file", NULL);
}

/* What the simulator prints with these arguments; the caller's to free. */
static char *simulated(int expected, ...) __attribute__((sentinel));

static char *simulated(int expected, ...)
{
    va_list arguments;
    char *output;
    char *errors;
    int status;

    va_start(arguments, expected);
    status = run_program("LUBDUB_SIMULATE", &output, &errors, arguments);
    va_end(arguments);
    if (status != expected) {
        fail_msg("lubdub-simulate ended with %d and said: %s", status, errors);
    }
    free(errors);
    return output;
}

/* Byte for byte, whatever the form and however many work on it: a file of it can be compared with another. */
static void simulator_prints_the_same_twice(void **state)
{
    static const char *const forms[] = {"text", "json"};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(forms); i++) {
        char *one = simulated(0, "--seeds", "1..4", "--length", "1m", "--jobs", "1", "--report", forms[i], NULL);
        char *other = simulated(0, "--seeds", "1..4", "--length", "1m", "--jobs", "2", "--report", forms[i], NULL);

        assert_non_null(strstr(one, "digest"));
        assert_string_equal(one, other);
        free(one);
        free(other);
    }
}

/* Before it has its handler the signal would end it; it has it once it catches it. */
static bool catches(pid_t process, int number)
{
    char path[64];
    char line[128];
    unsigned long long caught = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/status", (long)process);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "SigCgt: %llx", &caught) != 1) {
    }
    fclose(file);
    return (caught >> (number - 1) & 1) != 0;
}

static void interrupted_simulator_reports_the_seeds_up_to_then(void **state)
{
    const lubdub_time until = now() + PATIENCE;
    struct process process;
    char *output;
    char *errors;
    size_t length;
    (void)state;

    process_init(&process, "LUBDUB_SIMULATE");
    process_add(&process, "--seeds=1..4000000000");
    process_add(&process, "--length=1m");
    process_start(&process);
    while (!catches(process.pid, SIGINT) && now() < until) {
        stay(LUBDUB_MILLISECOND);
    }
    process_signal(&process, SIGINT);
    output = process_read_output(&process, &length);
    assert_int_equal(process_wait(&process), 128 + SIGINT);
    errors = process_errors(&process);
    assert_non_null(strstr(output, "seeds of 60 s with 20 clients: 0 failed"));
    assert_non_null(strstr(errors, "of 4000000000 seeds"));
    free(output);
    free(errors);
    process_clear(&process);
}

static void simulator_refuses_what_is_typed_wrong(void **state)
{
    (void)state;

    expect_refusal("LUBDUB_SIMULATE", 2, "--seeds", "--seeds", "5..4", NULL);
    expect_refusal("LUBDUB_SIMULATE", 2, "--seeds", "--seeds", "x", NULL);
    expect_refusal("LUBDUB_SIMULATE", 2, "no more than", "--seeds", "1..99999999999", NULL);
    expect_refusal("LUBDUB_SIMULATE", 2, "--length", "--length", "1m", "--hours", "1", NULL);
    expect_refusal("LUBDUB_SIMULATE", 2, "--network", "--network", "moon", NULL);
    expect_refusal("LUBDUB_SIMULATE", 2, "--expiry", "--expiry", "1s", NULL);
    expect_refusal("LUBDUB_SIMULATE", 2, "--story", "--story", NULL);
    expect_refusal("LUBDUB_SIMULATE", 2, "--rto-min", "--rto-min", "3s", "--rto-max", "2s", NULL);
    expect_refusal("LUBDUB_SIMULATE", 2, "--compare", "--compare", "--network", "clean", NULL);
    expect_refusal("LUBDUB_SIMULATE", 2, "--compare", "--compare", "--length", "1m", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stated_network_gives_a_plan),
        cmocka_unit_test(impossible_wish_says_what_would_do),
        cmocka_unit_test_setup_teardown(file_of_round_trips_gives_a_plan, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fifo_without_a_writer_does_not_keep_the_plan_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(server_is_measured, set_up, tear_down),
        cmocka_unit_test(server_that_is_not_there_is_told),
        cmocka_unit_test(plan_refuses_what_is_typed_wrong),
        cmocka_unit_test(simulator_prints_the_same_twice),
        cmocka_unit_test(interrupted_simulator_reports_the_seeds_up_to_then),
        cmocka_unit_test(simulator_refuses_what_is_typed_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
