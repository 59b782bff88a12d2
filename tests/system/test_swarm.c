/* lubdub-swarm as people run it: all faults, an interruption, a server that dies, a full disk, bad options. */
#include "support/patience.h"
#include "support/test.h"
#include "support/tool.h"

#include "process.h"
#include "server_process.h"
#include "swarm_report.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void swarm_of_200_with_every_fault_misses_nothing_and_cries_no_wolf(void **state)
{
    char words[] =
        "--spawn-server --clients 200 --interval 200ms --expiry 800ms --timeout 2s --warmup 300ms --duration 2s "
        "--fault freeze:10% --fault kill:10% --fault reset:10% --fault bye:10% --fault server-stall:1200ms "
        "--fault server-freeze --fault server-kill --seed 7 --report json";
    const double held_up = (double)HELD_UP / (double)LUBDUB_MILLISECOND;
    struct process *swarm = *state;
    json_t *report;
    int status;

    report = swarm_run_to_report(swarm, words, &status);

    swarm_expect_detected(report, "freeze", "server", 20);
    swarm_expect_detected(report, "kill", "server", 20);
    swarm_expect_detected(report, "reset", "server", 20);
    swarm_expect_detected(report, "bye", "server", 20);
    swarm_expect_detected(report, "server-freeze", "client", 200);
    swarm_expect_detected(report, "server-kill", "client", 200);
    assert_int_equal(swarm_number(swarm_row(report, "server-stall", "client"), "injected"), 200);
    assert_int_equal(swarm_number(swarm_row(report, "server-stall", "client"), "false_alarms"), 0);
    assert_int_equal(swarm_number(swarm_row(report, "server-stall", "server"), "false_alarms"), 0);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "false_alarms"), 0);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "missed"), 0);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "connected"), 200);

    /* A silence is not noticed before its deadline; but some were silent already when the fault came. */
    assert_true(swarm_milliseconds(swarm_row(report, "server-freeze", "client"), "latency_ms", "min") + held_up >= 2000);
    assert_true(json_is_true(json_object_get(report, "passed")));
    assert_int_equal(status, 0);
    json_decref(report);
}

/* Deadlines that no living client misses on a busy machine, where faults are seen without any. */
#define PATIENT "--expiry 5s --timeout 5s "

/* The caller frees. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 20);

    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

/* The columns that the seed decides: of each line fault,side,identity; sorted, as two may change places within a
 * moment. */
static int compare_lines(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static size_t choices(char *text, char **lines, size_t limit)
{
    size_t count = 0;
    char *rest;
    char *line;

    for (line = strtok_r(text, "\n", &rest); line != NULL && count < limit; line = strtok_r(NULL, "\n", &rest)) {
        char *comma = strchr(line, ',');

        comma = comma != NULL ? strchr(comma + 1, ',') : NULL;
        comma = comma != NULL ? strchr(comma + 1, ',') : NULL;
        assert_non_null(comma);
        *comma = '\0';
        lines[count++] = line;
    }
    qsort(lines, count, sizeof *lines, compare_lines);
    return count;
}

static void run_to_csv(const char *path, char *words)
{
    struct process swarm;

    process_init(&swarm, "LUBDUB_SWARM");
    swarm_add(&swarm, words);
    process_add(&swarm, "--csv");
    process_add(&swarm, path);
    process_start(&swarm);
    assert_int_equal(process_wait(&swarm), 0);
    process_clear(&swarm);
}

static void
csv_has_a_line_for_each_observation_and_the_seed_repeats_the_choices_in_any_number_of_processes(void **state)
{
    char words[2][200];
    char paths[2][64];
    char *texts[2];
    char *lines[2][64];
    size_t counts[2];
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        snprintf(words[i], sizeof words[i],
                 "--spawn-server --processes %zu --clients 40 --interval 200ms " PATIENT "--warmup 0 --duration 500ms "
                 "--fault bye:25%% --fault reset:25%% --seed 42",
                 1 + 2 * i);
        snprintf(paths[i], sizeof paths[i], "/tmp/test_swarm.%ld.%zu.csv", (long)getpid(), i);
        run_to_csv(paths[i], words[i]);
        texts[i] = read_file(paths[i]);
        unlink(paths[i]);
    }
    assert_memory_equal(texts[0], "fault,side,identity,injected_ns,detected_ns,latency_ms,cause,", 61);
    for (i = 0; i < 2; i++) {
        counts[i] = choices(texts[i], lines[i], 64);
        assert_int_equal(counts[i], 1 + 20);
    }
    for (i = 0; i < counts[0]; i++) {
        assert_string_equal(lines[0][i], lines[1][i]);
    }
    free(texts[0]);
    free(texts[1]);
}

static bool is_called(long process, const char *name)
{
    char path[64];
    char found[32] = "";
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/comm", process);
    file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%31s", found) != 1) {
            found[0] = '\0';
        }
        fclose(file);
    }
    return strcmp(found, name) == 0;
}

/* The children with this name; how many there are. */
static size_t children_of(pid_t parent, const char *name, pid_t *children, size_t limit)
{
    char path[64];
    size_t count = 0;
    long child = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)parent, (long)parent);
    file = fopen(path, "r");
    while (file != NULL && count < limit && fscanf(file, "%ld", &child) == 1) {
        if (is_called(child, name)) {
            children[count++] = (pid_t)child;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

#define CHILDREN 8

struct children {
    pid_t workers[CHILDREN];
    size_t worker_count;
    pid_t servers[CHILDREN];
    size_t server_count;
};

static size_t descriptors_of(const pid_t *processes, size_t count)
{
    size_t sum = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        const struct process one = {.pid = processes[i]};

        sum += process_descriptors(&one);
    }
    return sum;
}

/*
 * Waits for the children that the swarm starts, for so many connections of theirs, and a little until probes were
 * answered. A server is called as we are for a moment.
 */
static void wait_for_children(const struct process *swarm, struct children *children, size_t workers, size_t servers,
                              size_t clients)
{
    const lubdub_time until = now() + PATIENCE;

    do {
        stay(10 * LUBDUB_MILLISECOND);
        children->worker_count = children_of(swarm->pid, "lubdub-swarm", children->workers, CHILDREN);
        children->server_count = children_of(swarm->pid, "lubdub-server", children->servers, CHILDREN);
    } while ((children->worker_count != workers || children->server_count != servers) && now() < until);
    assert_int_equal(children->worker_count, workers);
    assert_int_equal(children->server_count, servers);
    while (descriptors_of(children->workers, workers) < clients) {
        assert_true(now() < until);
        stay(10 * LUBDUB_MILLISECOND);
    }
    stay(2 * LUBDUB_SECOND);
}

static void expect_no_process(const pid_t *processes, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        assert_int_equal(kill(processes[i], 0), -1); /* the swarm has reaped it */
    }
}

static void ctrl_c_ends_with_what_was_measured_and_leaves_no_process(void **state)
{
    char words[] = "--spawn-server --processes 3 --server-processes 2 --clients 50 --interval 100ms " PATIENT
                   "--warmup 0 --duration 60s --fault kill:100% --seed 3 --report json";
    struct process *swarm = *state;
    json_t *report;
    struct children children;

    swarm_start(swarm, words);
    wait_for_children(swarm, &children, 3, 2, 50);
    process_signal(swarm, SIGINT);
    report = swarm_read_report(swarm);
    assert_int_equal(process_wait(swarm), 128 + SIGINT);
    assert_true(json_is_true(json_object_get(report, "interrupted")));
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "missed"), 0);
    assert_true(swarm_number(json_object_get(report, "totals"), "probes_acked") > 0);
    expect_no_process(children.workers, 3);
    expect_no_process(children.servers, 2);
    json_decref(report);
}

static void server_that_dies_on_its_own_is_told_and_what_was_measured_is_kept(void **state)
{
    char words[] = "--spawn-server --clients 50 --interval 100ms " PATIENT "--warmup 0 --duration 60s "
                   "--fault bye:100% --seed 3 --report json";
    struct process *swarm = *state;
    struct children children;
    json_t *report;

    swarm_start(swarm, words);
    wait_for_children(swarm, &children, 1, 1, 50);
    assert_int_equal(kill(children.servers[0], SIGKILL), 0);
    report = swarm_read_report(swarm);
    assert_int_equal(process_wait(swarm), 1);
    assert_true(json_is_true(json_object_get(report, "server_lost")));
    assert_non_null(strstr(json_string_value(json_array_get(json_object_get(report, "notes"), 0)), "the server died"));
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "false_alarms"), 0);
    assert_true(swarm_number(json_object_get(report, "totals"), "probes_acked") > 0);
    json_decref(report);
}

static void faults_are_done_although_the_duration_is_over_before_the_first_of_them(void **state)
{
    char words[] = "--spawn-server --clients 40 --interval 200ms --expiry 3s --timeout 5s --warmup 0 --duration 0 "
                   "--fault freeze:50% --fault bye:25% --report json";
    struct process *swarm = *state;
    json_t *report;
    int status;

    report = swarm_run_to_report(swarm, words, &status);
    swarm_expect_detected(report, "freeze", "server", 20);
    swarm_expect_detected(report, "bye", "server", 10);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "skipped_faults"), 0);
    assert_int_equal(status, 0);
    json_decref(report);
}

static void second_ctrl_c_and_a_kill_leave_no_process(void **state)
{
    static const int signals[] = {SIGINT, SIGKILL};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(signals); i++) {
        char words[] =
            "--spawn-server --processes 2 --server-processes 2 --clients 20 --interval 100ms " PATIENT "--duration 60s";
        const lubdub_time until = now() + PATIENCE;
        struct children children;
        struct process swarm;
        size_t k;

        process_init(&swarm, "LUBDUB_SWARM");
        swarm_start(&swarm, words);
        wait_for_children(&swarm, &children, 2, 2, 20);
        if (signals[i] == SIGINT) {
            process_stop(&swarm); /* it finds both when it goes on */
            process_signal(&swarm, SIGTERM);
        }
        process_signal(&swarm, signals[i]);
        if (signals[i] == SIGINT) {
            process_go_on(&swarm);
        }
        assert_in_range(process_wait(&swarm), 128 + 1, 128 + SIGTERM);

        /* Nobody of ours reaps them now: they are init's, or zombies that wait for it. */
        for (k = 0; k < 4; k++) {
            pid_t process = k < 2 ? children.workers[k] : children.servers[k - 2];

            while (process_is_running(process) && now() < until) {
                stay(10 * LUBDUB_MILLISECOND);
            }
            assert_false(process_is_running(process));
        }
        process_clear(&swarm);
    }
}

/* A process of clients is killed; the swarm itself is stopped for so long before it can notice. */
static void expect_dead_process_is_told(struct process *swarm, lubdub_duration unnoticed)
{
    char words[] = "--spawn-server --processes 2 --clients 50 --interval 100ms " PATIENT "--warmup 0 --duration 60s "
                   "--fault bye:100% --seed 3 --report json";
    struct children children;
    json_t *report;

    swarm_start(swarm, words);
    wait_for_children(swarm, &children, 2, 1, 50);
    if (unnoticed > 0) {
        process_stop(swarm);
    }
    assert_int_equal(kill(children.workers[1], SIGKILL), 0);
    if (unnoticed > 0) {
        stay(unnoticed);
        process_go_on(swarm);
    }
    report = swarm_read_report(swarm);
    assert_int_equal(process_wait(swarm), 1);
    assert_true(json_is_false(json_object_get(report, "passed")));
    assert_true(json_is_false(json_object_get(report, "server_lost")));
    assert_non_null(strstr(json_string_value(json_array_get(json_object_get(report, "notes"), 0)),
                           "a process of the swarm died with 25 clients"));
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "false_alarms"), 0);
    assert_true(swarm_number(json_object_get(report, "totals"), "probes_acked") > 0);
    json_decref(report);
}

static void process_of_the_swarm_that_dies_is_told_and_what_was_measured_is_kept(void **state)
{
    expect_dead_process_is_told(*state, 0);
}

/* What the server said of its clients was right, however late the swarm hears of the death. */
static void process_that_dies_while_the_swarm_is_stopped_makes_no_false_alarm(void **state)
{
    expect_dead_process_is_told(*state, 1500 * LUBDUB_MILLISECOND);
}

static void several_processes_and_servers_are_one_swarm(void **state)
{
    char words[] =
        "--spawn-server --processes 3 --server-processes 3 --clients 100 --interval 200ms --expiry 800ms --timeout 3s "
        "--warmup 300ms --duration 1s --fault freeze:10% --fault kill:10% --fault reset:10% --fault bye:10% "
        "--fault server-stall:1200ms --fault vm-pause:3s --fault server-kill --seed 7 --report json";
    struct process *swarm = *state;
    json_t *report;
    int status;

    report = swarm_run_to_report(swarm, words, &status);

    swarm_expect_detected(report, "freeze", "server", 10);
    swarm_expect_detected(report, "kill", "server", 10);
    swarm_expect_detected(report, "reset", "server", 10);
    swarm_expect_detected(report, "bye", "server", 10);
    swarm_expect_detected(report, "server-kill", "client", 100);
    assert_int_equal(swarm_number(swarm_row(report, "server-stall", "server"), "injected"), 100);
    assert_int_equal(swarm_number(swarm_row(report, "vm-pause", "client"), "injected"), 100);
    assert_int_equal(swarm_number(swarm_row(report, "vm-pause", "server"), "injected"), 100);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "false_alarms"), 0);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "missed"), 0);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "connected"), 100);
    assert_true(swarm_number(json_object_get(report, "totals"), "probes_acked") <=
                swarm_number(json_object_get(report, "totals"), "probes_sent"));
    assert_int_equal(status, 0);
    json_decref(report);
}

static void full_disk_is_told_and_the_report_is_printed_all_the_same(void **state)
{
    char words[] = "--spawn-server --clients 20 --interval 200ms " PATIENT "--warmup 0 --duration 500ms "
                   "--fault bye:50% --csv /dev/full";
    struct process *swarm = *state;
    size_t length;
    char *report;

    swarm_start(swarm, words);
    report = process_read_output(swarm, &length);
    assert_int_equal(process_wait(swarm), 1);
    assert_non_null(strstr(report, "\nbye           server       10       10      0     0"));
    assert_non_null(strstr(report, "\npassed: 10 faults, 0 missed"));
    process_expect_error(swarm, "could not write all of /dev/full: No space left on device");
    free(report);
}

static void text_report_fits_a_hundred_columns(void **state)
{
    char words[] = "--spawn-server --clients 20 --interval 200ms --warmup 0 --duration 500ms --fault freeze:50%";
    struct process *swarm = *state;
    size_t length;
    char *report;
    char *rest;
    char *line;

    swarm_start(swarm, words);
    report = process_read_output(swarm, &length);
    process_wait(swarm);
    for (line = strtok_r(report, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        assert_in_range(strlen(line), 0, 100);
    }
    free(report);
}

static void picture_is_drawn_where_there_is_gnuplot(void **state)
{
    char path[64];
    char words[] =
        "--spawn-server --clients 20 --interval 200ms " PATIENT "--warmup 0 --duration 500ms --fault bye:50%";
    struct process *swarm = *state;
    char *picture;

    if (run("gnuplot", "--version", NULL) != 0) {
        skip_for_want_of("gnuplot");
    }
    snprintf(path, sizeof path, "/tmp/test_swarm.%ld.'%%.svg", (long)getpid());
    swarm_add(swarm, words);
    process_add(swarm, "--plot");
    process_add(swarm, path);
    process_start(swarm);
    assert_int_equal(process_wait(swarm), 0);
    picture = read_file(path);
    assert_non_null(strstr(picture, "<svg"));
    assert_non_null(strstr(picture, "bye, noticed by the server (n = 10)"));
    free(picture);
    unlink(path);
}

static void of_a_server_that_is_not_ours_nothing_is_claimed(void **state)
{
    static const char *const forms[] = {"text", "json"};
    struct server_process server = {0};
    size_t i;

    (void)state;
    server_process_start(&server, NULL);
    for (i = 0; i < COUNT_OF(forms); i++) {
        char words[] = "--clients 20 --interval 200ms " PATIENT "--warmup 0 --duration 500ms --fault kill:50%";
        struct process swarm;
        size_t length;
        char *report;

        process_init(&swarm, "LUBDUB_SWARM");
        swarm_add(&swarm, words);
        process_add(&swarm, "--report");
        process_add(&swarm, forms[i]);
        process_add(&swarm, server.address);
        process_start(&swarm);
        report = process_read_output(&swarm, &length);
        assert_int_equal(process_wait(&swarm), 0);
        if (i == 0) {
            assert_non_null(strstr(report, "\nkill          server       10        -      -     -"));
            assert_non_null(strstr(report,
                                   "\nclients passed: 0 false alarms; what the server noticed of 10 faults was not "
                                   "observed\n"));
        } else {
            assert_non_null(strstr(report, "\"server_observed\": false"));
        }
        free(report);
        process_clear(&swarm);
    }
    server_process_finish(&server);
    server_process_clear(&server);
}

/* Somebody else takes the identity of a living client over, which so loses its session for nothing. */
static void living_client_that_was_given_up_comes_back_and_the_mistake_has_an_end(void **state)
{
    char words[] = "--clients 20 --interval 100ms " PATIENT "--warmup 0 --duration 4s --report json";
    char thief_words[] = "--id swarm-3 --interval 50ms --expiry 5s --count 2 --events none";
    struct process *swarm = *state;
    struct server_process server = {0};
    struct process thief;
    const json_t *quality;
    json_t *report;

    server_process_start(&server, NULL);
    swarm_add(swarm, words);
    process_add(swarm, server.address);
    process_start(swarm);
    expect_events(&server.events, "connected", 20);
    process_init(&thief, "LUBDUB_CLIENT");
    swarm_add(&thief, thief_words);
    process_add(&thief, server.address);
    process_start(&thief);
    process_wait(&thief);
    process_clear(&thief);
    report = swarm_read_report(swarm);
    assert_int_equal(process_wait(swarm), 1);
    swarm_skip_if_held_up(report);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "false_alarms"), 1);
    quality = json_array_get(json_object_get(report, "quality"), 0);
    assert_string_equal(json_string_value(json_object_get(quality, "side")), "client");
    assert_int_equal(swarm_number(quality, "mistakes"), 1);
    assert_int_equal(swarm_number(quality, "uncorrected"), 0);
    assert_true(swarm_milliseconds(quality, "duration_s", "mean") > 0);
    assert_true(swarm_milliseconds(quality, "duration_s", "mean") < 4);
    json_decref(report);
    server_process_finish(&server);
    server_process_clear(&server);
}

static void server_of_another_that_goes_away_is_told(void **state)
{
    char words[] = "--clients 20 --interval 100ms " PATIENT "--warmup 0 --duration 60s --report json";
    struct process *swarm = *state;
    struct server_process server = {0};
    json_t *report;

    server_process_start(&server, NULL);
    swarm_add(swarm, words);
    process_add(swarm, server.address);
    process_start(swarm);
    expect_events(&server.events, "connected", 20);
    process_signal(&server.process, SIGKILL);
    report = swarm_read_report(swarm);
    assert_int_equal(process_wait(swarm), 1);
    assert_true(json_is_true(json_object_get(report, "server_lost")));
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "false_alarms"), 0);
    json_decref(report);
    server_process_clear(&server);
}

static void server_that_is_not_there_is_a_failure_to_start(void **state)
{
    char words[] = "--clients 5 127.0.0.1:1";
    struct process *swarm = *state;

    swarm_start(swarm, words);
    assert_int_equal(process_wait(swarm), 3);
    process_expect_error(swarm, "0 of 5 clients could connect to 127.0.0.1:1");
    process_expect_error(swarm, "Connection refused");
}

static void more_clients_than_ports_are_not_started(void **state)
{
    char words[] = "--clients 70000 192.0.2.1:3333";
    struct process *swarm = *state;

    swarm_start(swarm, words);
    assert_int_equal(process_wait(swarm), 3);
    process_expect_error(swarm, "70000 clients: each takes a port of this machine");
    assert_int_equal(process_count_errors(swarm, "\n"), 1);
}

static void server_that_does_not_start_is_a_failure_to_start(void **state)
{
    char words[] = "--spawn-server=--no-such-option --clients 5";
    struct process *swarm = *state;

    swarm_start(swarm, words);
    assert_int_equal(process_wait(swarm), 3);
    process_expect_error(swarm, "--no-such-option");
    process_expect_error(swarm, "lubdub-server did not start: it ended with status 2");
}

static void picture_that_could_not_be_written_is_told_before_the_run(void **state)
{
    char path[64];
    char words[] = "--spawn-server --clients 5 --plot /nonexistent/picture.svg";
    struct process *swarm = *state;

    snprintf(path, sizeof path, "/tmp/test_swarm.%ld.csv", (long)getpid());
    swarm_add(swarm, words);
    process_add(swarm, "--csv");
    process_add(swarm, path);
    process_start(swarm);
    assert_int_equal(process_wait(swarm), 3);
    process_expect_error(swarm, "cannot write /nonexistent/picture.svg: No such file or directory");
    assert_int_equal(process_count_errors(swarm, "\n"), 1);
    assert_int_equal(access(path, F_OK), -1);
}

static void bad_option_is_named_and_nothing_is_started(void **state)
{
    static const struct {
        const char *words;
        const char *error;
    } samples[] = {
        {"--fault freeze:101%", "--fault freeze:101%"},
        {"--fault freeze:0", "--fault freeze:0"},
        {"--fault sneeze:5%", "--fault sneeze:5%: must be KIND:SHARE"},
        {"--fault cut:5%", "--fault cut: is done on the way to a server of our own only: add --spawn-server"},
        {"--spawn-server --fault cut-one:5%", "--fault cut-one: needs a second cable: add --mptcp"},
        {"--spawn-server --fault cut-both:5%", "--fault cut-both: needs a second cable: add --mptcp"},
        {"--spawn-server --fault outage-one:1s", "--fault outage-one: needs a second cable: add --mptcp"},
        {"--fault loss:100%", "--fault loss:100%: the loss must be"},
        {"--fault delay:5ms+-6ms", "--fault delay:5ms+-6ms: the delay must be"},
        {"--fault slow-link:fast", "--fault slow-link:fast: the rate must be"},
        {"--fault outage", "--fault outage: must say how long"},
        {"--spawn-server --fault cut:60% --fault power:60%", "the shares take 120 clients, and there are 100"},
        {"--fault server-kill", "--spawn-server"},
        {"--spawn-server --fault server-kill:10%", "there is one server"},
        {"--fault freeze:70% --fault kill:70%", "the shares take 140 clients, and there are 100"},
        {"--clients 0", "--clients 0"},
        {"--clients 9999999 --spawn-server", "--clients 9999999: "},
        {"--processes 2 --clients 1", "--processes 2: there are 1 clients"},
        {"--processes 1025", "--processes 1025"},
        {"--server-processes 2", "--server-processes: are those of our own server: add --spawn-server"},
        {"--spawn-server --fault vm-pause:0", "--fault vm-pause:0"},
        {"--fault vm-pause", "--spawn-server"},
        {"--interval 1s --expiry 1s", "--expiry must be at least twice --interval"},
        {"--plot picture.gif", "--plot picture.gif"},
        {"--report xml", "--report xml"},
        {"--spawn-server 127.0.0.1:3333", "--spawn-server"},
        {"one two", "two"},
        {"--no-such-option", "--no-such-option"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(samples); i++) {
        struct process swarm;
        char words[128];
        size_t length;
        char *output;

        process_init(&swarm, "LUBDUB_SWARM");
        snprintf(words, sizeof words, "%s", samples[i].words);
        swarm_start(&swarm, words);
        output = process_read_output(&swarm, &length);
        assert_int_equal(process_wait(&swarm), 2);
        assert_int_equal(length, 0);
        process_expect_error(&swarm, samples[i].error);
        assert_int_equal(process_count_errors(&swarm, "\n"), 1);
        free(output);
        process_clear(&swarm);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWARM_TEST(swarm_of_200_with_every_fault_misses_nothing_and_cries_no_wolf),
        SWARM_TEST(csv_has_a_line_for_each_observation_and_the_seed_repeats_the_choices_in_any_number_of_processes),
        SWARM_TEST(ctrl_c_ends_with_what_was_measured_and_leaves_no_process),
        SWARM_TEST(several_processes_and_servers_are_one_swarm),
        SWARM_TEST(faults_are_done_although_the_duration_is_over_before_the_first_of_them),
        SWARM_TEST(second_ctrl_c_and_a_kill_leave_no_process),
        SWARM_TEST(process_of_the_swarm_that_dies_is_told_and_what_was_measured_is_kept),
        SWARM_TEST(process_that_dies_while_the_swarm_is_stopped_makes_no_false_alarm),
        SWARM_TEST(server_that_dies_on_its_own_is_told_and_what_was_measured_is_kept),
        SWARM_TEST(full_disk_is_told_and_the_report_is_printed_all_the_same),
        SWARM_TEST(text_report_fits_a_hundred_columns),
        SWARM_TEST(picture_is_drawn_where_there_is_gnuplot),
        SWARM_TEST(of_a_server_that_is_not_ours_nothing_is_claimed),
        SWARM_TEST(living_client_that_was_given_up_comes_back_and_the_mistake_has_an_end),
        SWARM_TEST(server_of_another_that_goes_away_is_told),
        SWARM_TEST(server_that_is_not_there_is_a_failure_to_start),
        SWARM_TEST(more_clients_than_ports_are_not_started),
        SWARM_TEST(server_that_does_not_start_is_a_failure_to_start),
        SWARM_TEST(picture_that_could_not_be_written_is_told_before_the_run),
        SWARM_TEST(bad_option_is_named_and_nothing_is_started),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
