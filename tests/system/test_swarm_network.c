/* lubdub-swarm's faults on the network: every one noticed as what it is, bad paths survived, nothing left behind. */
#include "support/patience.h"
#include "support/test.h"

#include "event_reader.h"
#include "network.h"
#include "process.h"
#include "scratch.h"
#include "swarm_report.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHILDREN 8

/* Or rather without the right to make one. */
static void skip_without_network(void)
{
    struct network network;

    network_make(&network); /* skips */
    network_remove(&network);
    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        print_message("needs /dev/net/tun: skipped\n");
        skip();
    }
}

static json_t *run_on_network(struct process *swarm, char *words, int *status)
{
    skip_without_network();
    return swarm_run_to_report(swarm, words, status);
}

static void swarm_of_200_notices_every_dead_path_on_both_sides(void **state)
{
    char words[] = "--spawn-server --processes 2 --clients 200 --interval 200ms --expiry 1200ms --timeout 1600ms "
                   "--warmup 300ms --duration 2s --fault cut:10% --fault drop-in:10% --fault drop-out:10% "
                   "--fault power:10% --fault freeze:10% --fault outage:200ms --fault server-cut --fault server-kill "
                   "--seed 7 --report json";
    const double held_up = (double)HELD_UP / (double)LUBDUB_MILLISECOND;
    int status;
    json_t *report = run_on_network(*state, words, &status);

    swarm_expect_detected(report, "cut", "client", 20);
    swarm_expect_detected(report, "cut", "server", 20);
    swarm_expect_detected(report, "drop-in", "client", 20);
    swarm_expect_detected(report, "drop-in", "server", 20);
    swarm_expect_detected(report, "drop-out", "client", 20);
    swarm_expect_detected(report, "drop-out", "server", 20);
    swarm_expect_detected(report, "power", "server", 20);
    swarm_expect_detected(report, "freeze", "server", 20);
    swarm_expect_spared(report, "outage", "client", 200);
    swarm_expect_spared(report, "outage", "server", 200);
    swarm_expect_detected(report, "server-cut", "client", 200);
    swarm_expect_detected(report, "server-cut", "server", 200);
    swarm_expect_detected(report, "server-kill", "client", 200);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "false_alarms"), 0);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "injected"), 100 + 3 * 200);

    /* A silence is not noticed before its deadline; but some were silent already when the fault came. */
    assert_true(swarm_milliseconds(swarm_row(report, "cut", "client"), "latency_ms", "min") + held_up >= 1600);
    assert_true(swarm_milliseconds(swarm_row(report, "cut", "server"), "latency_ms", "min") + held_up >= 1000);
    assert_int_equal(status, 0);
    json_decref(report);
}

/* Also skips where the kernel lacks Multipath TCP. */
static void skip_without_two_cables(void)
{
    struct network network;

    network_make_two(&network);
    network_remove(&network);
}

static void cut_of_one_cable_loses_nobody_and_of_both_is_noticed(void **state)
{
    char words[] = "--spawn-server=--mptcp --mptcp --clients 40 --interval 200ms --expiry 1500ms --timeout 1500ms "
                   "--warmup 500ms --duration 2s --fault cut-one:50% --fault cut-both:10% --fault power:10% "
                   "--fault outage-one:2s --seed 7 --report json";
    int status;
    json_t *report;

    skip_without_two_cables();
    report = run_on_network(*state, words, &status);
    swarm_expect_spared(report, "cut-one", "client", 20);
    swarm_expect_spared(report, "cut-one", "server", 20);
    swarm_expect_spared(report, "outage-one", "client", 40);
    swarm_expect_spared(report, "outage-one", "server", 40);
    swarm_expect_detected(report, "cut-both", "client", 4);
    swarm_expect_detected(report, "cut-both", "server", 4);
    swarm_expect_detected(report, "power", "server", 4);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "false_alarms"), 0);
    assert_false(swarm_has_note(report, "had one path only"));
    assert_int_equal(status, 0);
    json_decref(report);
}

/* Else nobody would be spared for want of a second path, and the test above would not mean much. */
static void cut_of_one_cable_loses_everybody_without_a_second_path(void **state)
{
    char words[] = "--spawn-server --mptcp --clients 20 --interval 200ms --expiry 1s --timeout 1s --warmup 300ms "
                   "--duration 100ms --fault cut-one:100% --fault outage-one:2s --seed 7 --report json";
    int status;
    json_t *report;

    skip_without_two_cables();
    report = run_on_network(*state, words, &status);
    assert_true(swarm_number(json_object_get(report, "totals"), "false_alarms") >= 20);
    assert_true(swarm_has_note(report, "had one path only"));
    assert_int_equal(status, 1);
    json_decref(report);
}

static void nobody_is_lost_for_a_bad_path_and_the_dead_are_found_on_it(void **state)
{
    char words[] =
        "--spawn-server --clients 200 --interval 200ms --expiry 3s --timeout 3s --warmup 500ms --duration 3s "
        "--fault loss:2% --fault delay:20ms+-10ms:50% --fault slow-link:256k:20% --fault kill:10% "
        "--fault freeze:10% --seed 7 --report json";
    int status;
    json_t *report = run_on_network(*state, words, &status);
    const json_t *network;

    swarm_expect_spared(report, "loss", "client", 200);
    swarm_expect_spared(report, "loss", "server", 200);
    swarm_expect_spared(report, "delay", "client", 100);
    swarm_expect_spared(report, "slow-link", "server", 40);
    swarm_expect_detected(report, "kill", "server", 20);
    swarm_expect_detected(report, "freeze", "server", 20);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "false_alarms"), 0);
    assert_true(json_real_value(json_object_get(report, "delay_ms")) >= 30); /* the bounds allow for it */
    network = json_object_get(report, "network");
    assert_true(swarm_number(network, "carried") > 0);
    assert_true(swarm_number(network, "lost") > 0);
    assert_int_equal(swarm_number(network, "failed"), 0);
    assert_int_equal(status, 0);
    json_decref(report);
}

static void outage_longer_than_the_deadlines_is_counted_and_no_failure(void **state)
{
    char words[] = "--spawn-server --clients 40 --interval 100ms --expiry 300ms --timeout 300ms --warmup 300ms "
                   "--duration 100ms --fault outage:1s --report json";
    int status;
    json_t *report = run_on_network(*state, words, &status);
    json_int_t noticed = swarm_number(swarm_row(report, "outage", "client"), "detected") +
                         swarm_number(swarm_row(report, "outage", "server"), "detected");

    assert_int_equal(noticed, 40);
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "false_alarms"), 0);
    assert_true(swarm_has_note(report, "outage: it lasted"));
    assert_int_equal(status, 0);
    json_decref(report);
}

/* ---- nothing is left ---- */

/* "net:[4026531840]" of a process; empty: it is gone. */
static void namespace_of(const char *process, char name[64])
{
    char path[300];
    ssize_t length;

    snprintf(path, sizeof path, "/proc/%s/ns/net", process);
    length = readlink(path, name, 63);
    name[length > 0 ? length : 0] = '\0';
}

static bool anybody_is_in(const char *namespace)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    bool is_found = false;

    assert_non_null(processes);
    while (!is_found && (entry = readdir(processes)) != NULL) {
        char found[64] = "";

        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') {
            namespace_of(entry->d_name, found);
        }
        is_found = strcmp(found, namespace) == 0;
    }
    closedir(processes);
    return is_found;
}

static struct scratch scratch; /* for the server's events */

static int set_up(void **state)
{
    scratch_make(&scratch);
    return swarm_setup(state);
}

static int tear_down(void **state)
{
    scratch_remove(&scratch);
    return swarm_teardown(state);
}

struct children {
    long processes[CHILDREN];
    char namespaces[CHILDREN][64];
    int held[CHILDREN]; /* descriptors of them: what is held is not made anew under the same name by somebody else */
    size_t count;
    long wire;            /* the one that stays in our namespace */
    size_t outside_count; /* of those who are there, perhaps on their way to another */
};

static void find_children(const struct process *swarm, struct children *children)
{
    char own[64];
    char path[64];
    char number[16];
    long child;
    FILE *file;

    memset(children, 0, sizeof *children);
    namespace_of("self", own);
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)swarm->pid, (long)swarm->pid);
    file = fopen(path, "r");
    while (file != NULL && children->count < CHILDREN && fscanf(file, "%ld", &child) == 1) {
        snprintf(number, sizeof number, "%ld", child);
        namespace_of(number, children->namespaces[children->count]);
        if (strcmp(children->namespaces[children->count], own) == 0) {
            children->wire = child;
            children->outside_count++;
        }
        children->processes[children->count++] = child;
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void hold(struct children *children)
{
    size_t i;

    for (i = 0; i < children->count; i++) {
        char path[64];
        char name[64] = "";
        struct stat entry;

        snprintf(path, sizeof path, "/proc/%ld/ns/net", children->processes[i]);
        children->held[i] = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(children->held[i] >= 0);
        assert_int_equal(fstat(children->held[i], &entry), 0);
        snprintf(name, sizeof name, "net:[%lu]", (unsigned long)entry.st_ino);
        assert_string_equal(name, children->namespaces[i]);
    }
}

/* A wire, two processes of the swarm and a server, those in namespaces of their own. */
static void wait_for_children(const struct process *swarm, struct children *children)
{
    const lubdub_time until = now() + PATIENCE;

    do {
        stay(10 * LUBDUB_MILLISECOND);
        find_children(swarm, children);
    } while ((children->count < 4 || children->outside_count != 1) && now() < until);
    assert_int_equal(children->count, 4);
    assert_int_equal(children->outside_count, 1);
    hold(children);
}

static void expect_nothing_left(const struct children *children)
{
    const lubdub_time until = now() + PATIENCE;
    size_t i;

    for (i = 0; i < children->count; i++) {
        while ((process_is_running((pid_t)children->processes[i]) ||
                (children->processes[i] != children->wire && anybody_is_in(children->namespaces[i]))) &&
               now() < until) {
            stay(10 * LUBDUB_MILLISECOND);
        }
    }
    assert_true(now() < until);
    for (i = 0; i < children->count; i++) {
        close(children->held[i]);
    }
}

/* Until the server has told of its first death: then all clients have been up, and faults fall. */
static void wait_for_first_death(const struct process *swarm)
{
    const lubdub_time until = now() + PATIENCE;
    struct event_reader events;
    bool has_died = false;

    while (!has_died) {
        char path[SCRATCH_PATH];
        int file = open(scratch_path(&scratch, "events", path), O_RDONLY | O_CLOEXEC);

        assert_true(now() < until);
        assert_true(process_is_running(swarm->pid));
        stay(10 * LUBDUB_MILLISECOND);
        if (file >= 0) {
            event_reader_init(&events, file);
            while (!events.has_ended) {
                event_reader_read(&events, now());
            }
            has_died = count_events(&events, "disconnected", NULL) > 0;
            event_reader_clear(&events);
            close(file);
        }
    }
}

/* For longer than any test, and with deadlines that are longer than what a busy machine takes away. */
static void start_on_network(struct process *swarm, struct children *children)
{
    static char words[SCRATCH_PATH + 250]; /* they outlive the process */
    char path[SCRATCH_PATH];

    skip_without_network();
    snprintf(words, sizeof words,
             "--spawn-server=--events-file=%s --processes 2 --clients 50 --interval 100ms --expiry 5s --timeout 5s "
             "--warmup 0 --duration 60s --fault cut:20%% --fault power:20%% --fault kill:60%% --seed 3 --report json",
             scratch_path(&scratch, "events", path));
    swarm_start(swarm, words);
    wait_for_children(swarm, children);
    wait_for_first_death(swarm);
}

static void ctrl_c_ends_with_what_was_measured_and_leaves_nothing(void **state)
{
    struct process *swarm = *state;
    struct children children;
    json_t *report;

    start_on_network(swarm, &children);
    process_signal(swarm, SIGINT);
    report = swarm_read_report(swarm);
    assert_int_equal(process_wait(swarm), 128 + SIGINT);
    assert_true(json_is_true(json_object_get(report, "interrupted")));
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "missed"), 0);
    expect_nothing_left(&children);
    json_decref(report);
}

static void kill_leaves_nothing(void **state)
{
    struct process *swarm = *state;
    struct children children;

    start_on_network(swarm, &children);
    process_signal(swarm, SIGKILL);
    assert_int_equal(process_wait(swarm), 128 + SIGKILL);
    expect_nothing_left(&children);
}

static void wire_that_dies_is_told_and_what_was_measured_is_kept(void **state)
{
    struct process *swarm = *state;
    struct children children;
    json_t *report;

    start_on_network(swarm, &children);
    assert_int_equal(kill((pid_t)children.wire, SIGKILL), 0);
    report = swarm_read_report(swarm);
    assert_int_equal(process_wait(swarm), 1);
    assert_true(swarm_has_note(report, "carries the packets died"));
    assert_int_equal(swarm_number(json_object_get(report, "totals"), "false_alarms"), 0);
    expect_nothing_left(&children);
    json_decref(report);
}

static void who_may_not_make_a_network_is_told_so_and_nothing_is_started(void **state)
{
    struct process *swarm = *state;
    char options[] = "--reuid 65534 --clear-groups --bounding-set=-all";
    char words[] = "--spawn-server --clients 5 --fault drop-out:20%";
    int status;

    if (geteuid() != 0) {
        print_message("needs root, to give it up: skipped\n");
        skip();
    }
    setenv("LUBDUB_TEST_SETPRIV", "/usr/bin/setpriv", 1);
    process_init(swarm, "LUBDUB_TEST_SETPRIV");
    swarm_add(swarm, options);
    process_add(swarm, getenv("LUBDUB_SWARM"));
    swarm_start(swarm, words);
    status = process_wait(swarm);
    if (status == 126 || status == 127) {
        print_message("needs setpriv, and a program that everybody may run: skipped\n");
        skip();
    }
    assert_int_equal(status, 3);
    process_expect_error(swarm, "cannot start: --fault drop-out takes an internet of our own: no network namespace");
    process_expect_error(swarm, "it takes root");
    assert_int_equal(process_count_errors(swarm, "\n"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWARM_TEST(swarm_of_200_notices_every_dead_path_on_both_sides),
        SWARM_TEST(cut_of_one_cable_loses_nobody_and_of_both_is_noticed),
        SWARM_TEST(cut_of_one_cable_loses_everybody_without_a_second_path),
        SWARM_TEST(nobody_is_lost_for_a_bad_path_and_the_dead_are_found_on_it),
        SWARM_TEST(outage_longer_than_the_deadlines_is_counted_and_no_failure),
        cmocka_unit_test_setup_teardown(ctrl_c_ends_with_what_was_measured_and_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kill_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wire_that_dies_is_told_and_what_was_measured_is_kept, set_up, tear_down),
        SWARM_TEST(who_may_not_make_a_network_is_told_so_and_nothing_is_started),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
