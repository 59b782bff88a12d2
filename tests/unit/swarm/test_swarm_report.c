/* What is said of a run that is made up: the tables, the object, the lines, the picture. */
#include "support/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "swarm/report/csv.h"
#include "swarm/report/json.h"
#include "swarm/report/plot.h"
#include "swarm/report/report.h"
#include "swarm/report/text.h"

#define MS LUBDUB_MILLISECOND
#define START (1000 * LUBDUB_SECOND)

static struct swarm_options options;
static struct swarm_findings findings;
static struct lubdub_histogram round_trips;
static struct swarm_report report;

/* Every test gets a run of ten seconds with fifty clients, in which nothing was done yet. */
static int setup(void **state)
{
    uint32_t i;

    swarm_options_init(&options);
    options.clients = 50;
    options.spawn_server = "";
    options.timeout = options.expiry = 3 * LUBDUB_SECOND;
    options.seed = 7;

    memset(&findings, 0, sizeof findings);
    memset(&round_trips, 0, sizeof round_trips);
    findings.has_server = true;
    findings.began_at = START;
    findings.timing = (struct swarm_timing){
        .interval = LUBDUB_SECOND, .timeout = 3 * LUBDUB_SECOND, .expiry = 3 * LUBDUB_SECOND, .delay = MS};
    findings.measures = (struct swarm_measures){
        .lasted = 10 * LUBDUB_SECOND,
        .connected_count = 50,
        .sent_count = 500,
        .acked_count = 480,
        .round_trip = {.count = 480, .min = MS, .p50 = MS, .p90 = 2 * MS, .p99 = 3 * MS, .p999 = 4 * MS, .max = 5 * MS},
        .window = 10 * LUBDUB_SECOND,
        .window_acked_count = 480,
    };
    assert_true(swarm_ledger_init(&findings.ledger, 50));
    assert_true(swarm_timeline_init(&findings.timeline, START, LUBDUB_SECOND));
    for (i = 0; i < 50; i++) {
        swarm_ledger_up(&findings.ledger, i, 1, START);
    }
    for (i = 1; i <= 10; i++) {
        swarm_timeline_sample(&findings.timeline,
                              &(struct swarm_sample){START + i * LUBDUB_SECOND, {50, 50}, &round_trips});
    }
    *state = &findings;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    swarm_findings_clear(&findings);
    swarm_options_clear(&options);
    return 0;
}

static void order(enum swarm_fault fault)
{
    options.orders[options.order_count++] = (struct swarm_order){.fault = fault, .share = 1};
}

static void inject(enum swarm_fault fault, uint32_t identity, lubdub_time after)
{
    swarm_ledger_inject(&findings.ledger, fault, identity, START + after, SWARM_MUST_NOTICE);
}

static void say(enum swarm_side side, uint32_t identity, lubdub_time after, enum lubdub_cause cause)
{
    swarm_ledger_verdict(&findings.ledger, &(struct swarm_verdict){.side = side,
                                                                   .identity = identity,
                                                                   .at = START + after,
                                                                   .cause = cause,
                                                                   .has_deadline = cause == LUBDUB_CAUSE_HUNG,
                                                                   .late_by = 1500000});
}

/* Two frozen, one of them called unreachable; one killed; one cut and seen by its server alone; one false alarm. */
static void make_history(void)
{
    order(SWARM_FAULT_FREEZE);
    order(SWARM_FAULT_KILL);
    order(SWARM_FAULT_CUT);
    inject(SWARM_FAULT_FREEZE, 1, 1000 * MS);
    inject(SWARM_FAULT_FREEZE, 2, 1000 * MS);
    inject(SWARM_FAULT_KILL, 3, 2000 * MS);
    inject(SWARM_FAULT_CUT, 4, 2000 * MS);
    say(SWARM_SIDE_SERVER, 1, 3500 * MS, LUBDUB_CAUSE_HUNG);
    say(SWARM_SIDE_SERVER, 2, 4001 * MS, LUBDUB_CAUSE_UNREACHABLE);
    say(SWARM_SIDE_SERVER, 3, 2000 * MS + MS / 4, LUBDUB_CAUSE_CLOSED);
    say(SWARM_SIDE_SERVER, 4, 4500 * MS, LUBDUB_CAUSE_UNREACHABLE);
    say(SWARM_SIDE_SERVER, 5, 5000 * MS, LUBDUB_CAUSE_HUNG);
    swarm_ledger_up(&findings.ledger, 5, 2, START + 7000 * MS);
    swarm_ledger_settle(&findings.ledger, LUBDUB_TIME_NEVER);
}

/* The caller frees. */
static char *text_of(void (*print)(FILE *file))
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    assert_non_null(file);
    swarm_timeline_count(&findings.timeline, &findings.ledger);
    assert_true(swarm_report_make(&report, &options, &findings));
    print(file);
    fclose(file);
    return text;
}

static void print_text(FILE *file)
{
    swarm_report_text(file, &report);
}

static void print_json(FILE *file)
{
    assert_true(swarm_report_json(file, &report));
}

static void print_csv(FILE *file)
{
    swarm_report_csv(file, &findings.ledger);
}

static void expect_line(const char *text, const char *line)
{
    if (strstr(text, line) == NULL) {
        fail_msg("no line \"%s\" in:\n%s", line, text);
    }
}

static void text_has_times_deadlines_causes_and_quality(void **state)
{
    char *text;

    (void)state;
    make_history();
    text = text_of(print_text);
    expect_line(text, "\n50 clients, interval 1s, timeout 3s, expiry 3s, seed 7, 10.0 s\n" + 1);
    expect_line(text, "\nfreeze        server        2        2      0     0     2500    2500    3001    3001    3001 "
                      "   3001\n");
    expect_line(text, "\ncut           client        1        0      1     0        -       -       -       -       - "
                      "      -\n");
    expect_line(text, "\nnone          server        -        -      -     1        -       -       -       -       - "
                      "      -\n");
    /* earliest, bound, over · late p50, p99, max · mean, limits, p99 at most */
    expect_line(text, "\nfreeze        server     1999     3001    0.000       1.50    1.50    1.50      2750    3183 "
                      "      -\n");
    expect_line(text, "\nfault         side     missed  not waited   closed    reset     hung   unreachable\n");
    expect_line(text, "\nfreeze        server        0           0        -        -       *1             1\n");
    expect_line(text, "\nkill          server        0           0       *1       *0        -             -\n");
    expect_line(text, "\ncut           client        1           0        -        -        -            *0\n");
    expect_line(text, "\nnone          server        -           -        -        -        1             -\n");
    expect_line(text, "\nmistakes (false alarms)     1                                 0\n");
    expect_line(text, "\nduration T_M                2 s                               -\n");
    expect_line(text, "\nFAILED: 4 faults, 1 missed, 1 false alarms, 1 wrong causes\n");
    free(text);
}

static void server_that_is_not_ours_is_not_said_to_have_passed(void **state)
{
    char *text;

    (void)state;
    findings.has_server = false;
    order(SWARM_FAULT_FREEZE);
    swarm_ledger_inject(&findings.ledger, SWARM_FAULT_FREEZE, 1, START, SWARM_MAY_NOTICE);
    swarm_ledger_settle(&findings.ledger, LUBDUB_TIME_NEVER);
    text = text_of(print_text);
    expect_line(text, "not observed");
    expect_line(text, "\nclients passed: 0 false alarms; what the server noticed of 1 faults was not observed\n");
    free(text);
}

static void run_that_the_machine_did_not_carry_has_failed_and_says_so(void **state)
{
    char *text;
    json_t *object;

    (void)state;
    findings.is_overloaded = true;
    swarm_findings_note(&findings, "this machine could not carry the load: of %d clients %d came", 50, 20);
    text = text_of(print_text);
    expect_line(text, "\nnote        this machine could not carry the load: of 50 clients 20 came\n");
    expect_line(text, "\nFAILED: 0 faults, 0 missed, 0 false alarms, 0 wrong causes, and the machine could not carry "
                      "the load\n");
    free(text);
    text = text_of(print_json);
    object = json_loads(text, 0, NULL);
    assert_non_null(object);
    assert_true(json_is_false(json_object_get(object, "passed")));
    assert_true(json_is_true(json_object_get(object, "overloaded")));
    json_decref(object);
    free(text);
}

/* Every fault that there is, and every cause. */
static void no_line_is_longer_than_a_terminal(void **state)
{
    char *text;
    char *rest;
    char *line;
    int fault;
    int cause;

    (void)state;
    for (fault = 0; fault < SWARM_FAULT_NONE; fault++) {
        order((enum swarm_fault)fault);
        inject((enum swarm_fault)fault, (uint32_t)fault, 1000 * MS);
        say(SWARM_SIDE_CLIENT, (uint32_t)fault, 9000 * MS, LUBDUB_CAUSE_HUNG);
        say(SWARM_SIDE_SERVER, (uint32_t)fault, 9000 * MS, LUBDUB_CAUSE_SLOW_READER);
    }
    for (cause = 1; cause < SWARM_CAUSE_COUNT; cause++) {
        say(SWARM_SIDE_SERVER, (uint32_t)(49 - cause), 5000 * MS, (enum lubdub_cause)cause);
        say(SWARM_SIDE_SERVER, (uint32_t)(49 - cause), 5000 * MS, (enum lubdub_cause)cause);
    }
    swarm_ledger_settle(&findings.ledger, LUBDUB_TIME_NEVER);
    text = text_of(print_text);
    for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (strlen(line) > 100) {
            fail_msg("%zu columns: %s", strlen(line), line);
        }
    }
    free(text);
}

static const json_t *element(const json_t *object, const char *key, size_t place)
{
    const json_t *value = json_array_get(json_object_get(object, key), place);

    assert_non_null(value);
    return value;
}

static double real(const json_t *object, const char *part, const char *key)
{
    const json_t *value = json_object_get(json_object_get(object, part), key);

    assert_true(json_is_real(value));
    return json_real_value(value);
}

static void json_says_the_same_under_its_names(void **state)
{
    char *text;
    json_t *object;
    const json_t *freeze;
    const json_t *quality;

    (void)state;
    make_history();
    text = text_of(print_json);
    object = json_loads(text, 0, NULL);
    assert_non_null(object);
    assert_true(json_is_false(json_object_get(object, "passed")));

    freeze = element(object, "faults", 0);
    assert_string_equal(json_string_value(json_object_get(freeze, "fault")), "freeze");
    assert_int_equal(json_integer_value(json_object_get(freeze, "detected")), 2);
    assert_int_equal(json_integer_value(json_object_get(freeze, "wrong_cause")), 1);
    assert_true(real(freeze, "latency_ms", "max") == 3001);
    assert_true(real(freeze, "late_ms", "p50") == 1.5);
    assert_true(real(freeze, "latency_mean_ms", "mean") == 2750.5);
    assert_true(real(freeze, "latency_mean_ms", "high") > 3001);
    assert_true(json_is_null(json_object_get(json_object_get(json_object_get(freeze, "latency_interval_ms"), "p99"),
                                             "high"))); /* two values do not tell */
    assert_string_equal(json_string_value(element(freeze, "right_causes", 0)), "hung");

    quality = element(object, "quality", SWARM_SIDE_SERVER);
    assert_string_equal(json_string_value(json_object_get(quality, "side")), "server");
    assert_int_equal(json_integer_value(json_object_get(quality, "mistakes")), 1);
    assert_true(real(quality, "duration_s", "mean") == 2);
    assert_true(json_is_null(json_object_get(json_object_get(quality, "duration_s"), "high")));
    quality = element(object, "quality", SWARM_SIDE_CLIENT);
    assert_true(json_is_null(json_object_get(json_object_get(quality, "recurrence_s"), "mean")));
    assert_true(real(quality, "recurrence_s", "low") > 0);

    assert_int_equal(json_array_size(json_object_get(json_object_get(object, "timeline"), "client_up")), 10);
    assert_true(real(object, "timeline", "bin_ms") == 1000);
    assert_int_equal(json_integer_value(element(json_object_get(object, "timeline"), "injected", 0)), 2);
    json_decref(object);
    free(text);
}

static void csv_has_all_that_is_known_of_each(void **state)
{
    char *text;

    (void)state;
    make_history();
    text = text_of(print_csv);
    assert_string_equal(text,
                        "fault,side,identity,injected_ns,detected_ns,latency_ms,cause,outcome,late_ms,corrected_ns\n"
                        "freeze,server,swarm-1,1001000000000,1003500000000,2500.000000,hung,detected,1.500000,\n"
                        "freeze,server,swarm-2,1001000000000,1004001000000,3001.000000,unreachable,wrong-cause,,\n"
                        "kill,server,swarm-3,1002000000000,1002000250000,0.250000,closed,detected,,\n"
                        "cut,client,swarm-4,1002000000000,,,,missed,,\n"
                        "cut,server,swarm-4,1002000000000,1004500000000,2500.000000,unreachable,detected,,\n"
                        "none,server,swarm-5,,1005000000000,,hung,false-alarm,1.500000,1007000000000\n");
    free(text);
}

/* The caller frees. NULL: there is no gnuplot. */
static char *draw(void)
{
    char path[64];
    char *text = calloc(1, 1 << 20);
    FILE *file;

    assert_non_null(text);
    snprintf(path, sizeof path, "/tmp/test_swarm_report.%ld.svg", (long)getpid());
    swarm_timeline_count(&findings.timeline, &findings.ledger);
    assert_true(swarm_report_make(&report, &options, &findings));
    switch (swarm_report_plot(path, &report)) {
    case SWARM_PLOT_DRAWN:
        break;
    case SWARM_PLOT_NO_GNUPLOT:
        free(text);
        print_message("gnuplot is not installed\n");
        return NULL;
    case SWARM_PLOT_NOTHING_TO_DRAW:
    case SWARM_PLOT_FAILED:
        fail_msg("nothing was drawn");
    }
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    unlink(path);
    return text;
}

static void picture_has_panels_for_what_was_noticed_and_for_the_time(void **state)
{
    char *picture;
    uint32_t i;

    (void)state;
    make_history();
    for (i = 0; i < 100; i++) {
        lubdub_histogram_add(&round_trips, MS + i * MS / 100);
    }
    swarm_timeline_sample(&findings.timeline,
                          &(struct swarm_sample){START + 11 * LUBDUB_SECOND, {40, 41}, &round_trips});
    picture = draw();
    if (picture == NULL) {
        skip();
    }
    expect_line(picture, "freeze, noticed by the server (n = 2)");
    expect_line(picture, "bound 1999 ms to 3001 ms (grey), slowest 3001 ms");
    expect_line(picture, "kill, noticed by the server (n = 1)");
    expect_line(picture, "cut, noticed by the server (n = 1)");
    assert_null(strstr(picture, "cut, noticed by the client")); /* it was missed */
    expect_line(picture, "false alarms (right)");
    expect_line(picture, "Round trip of a probe");
    free(picture);
}

static void run_without_any_fault_has_a_picture_of_its_time(void **state)
{
    char *picture = draw();

    (void)state;
    if (picture == NULL) {
        skip();
    }
    expect_line(picture, "up, say the clients");
    assert_null(strstr(picture, "faults (right)"));
    assert_null(strstr(picture, "Round trip"));
    free(picture);
}

static void picture_that_cannot_be_written_is_a_failure(void **state)
{
    (void)state;
    assert_true(swarm_report_make(&report, &options, &findings));
    switch (swarm_report_plot("/nonexistent/picture.svg", &report)) {
    case SWARM_PLOT_FAILED:
        break;
    case SWARM_PLOT_NO_GNUPLOT:
        skip();
        break;
    case SWARM_PLOT_DRAWN:
    case SWARM_PLOT_NOTHING_TO_DRAW:
        fail_msg("it was drawn");
    }
}

#define REPORT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPORT_TEST(text_has_times_deadlines_causes_and_quality),
        REPORT_TEST(server_that_is_not_ours_is_not_said_to_have_passed),
        REPORT_TEST(run_that_the_machine_did_not_carry_has_failed_and_says_so),
        REPORT_TEST(no_line_is_longer_than_a_terminal),
        REPORT_TEST(json_says_the_same_under_its_names),
        REPORT_TEST(csv_has_all_that_is_known_of_each),
        REPORT_TEST(picture_has_panels_for_what_was_noticed_and_for_the_time),
        REPORT_TEST(run_without_any_fault_has_a_picture_of_its_time),
        REPORT_TEST(picture_that_cannot_be_written_is_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
