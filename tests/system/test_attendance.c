/* Identities that are expected and are not there, what a restart remembers, and that many ends at once are one alarm.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crowd.h"
#include "patience.h"
#include "raw_client.h"
#include "scratch.h"
#include "server_process.h"
#include "support/test.h"

struct stage {
    struct scratch scratch;
    char expect[SCRATCH_PATH];
    char state[SCRATCH_PATH];
    struct server_process server;
    struct raw_client client;
    struct raw_client other;
    struct crowd crowd;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->client.socket = stage->other.socket = -1;
    scratch_make(&stage->scratch);
    scratch_path(&stage->scratch, "state", stage->state);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    if (stage->crowd.pid > 0) {
        crowd_kill(&stage->crowd);
    }
    raw_close(&stage->client);
    raw_close(&stage->other);
    server_process_clear(&stage->server);
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

static void expect_these(struct stage *stage, const char *lines)
{
    scratch_write_text(&stage->scratch, "expect", lines, stage->expect);
}

static struct event_reader *events_of(struct stage *stage)
{
    return &stage->server.events;
}

static void join(struct stage *stage, struct raw_client *client, const char *identity)
{
    raw_join(client, stage->server.port, identity, 1000, 60000);
}

/* Waits until the file has these words. */
static void expect_in_file(const char *path, const char *words)
{
    lubdub_time until = now() + PATIENCE;
    static char text[65536];

    for (;;) {
        FILE *file = fopen(path, "r");

        if (file != NULL) {
            text[fread(text, 1, sizeof text - 1, file)] = '\0';
            fclose(file);
            if (strstr(text, words) != NULL) {
                return;
            }
        }
        if (now() > until) {
            fail_msg("%s has no '%s' but: %s", path, words, text);
        }
        stay(5 * LUBDUB_MILLISECOND);
    }
}

static void kill_server(struct stage *stage)
{
    process_signal(&stage->server.process, SIGKILL);
    assert_int_equal(process_wait(&stage->server.process), 128 + SIGKILL);
    server_process_clear(&stage->server);
    memset(&stage->server, 0, sizeof stage->server);
}

/* SIGKILL, and the same server again. */
static void restart(struct stage *stage, const char *grace)
{
    kill_server(stage);
    server_process_start(&stage->server, "--drain", "50ms", "--state", stage->state, "--grace", grace, NULL);
}

static void identity_that_never_came_is_missing_once_and_found(void **state)
{
    struct stage *stage = *state;
    json_t *event;

    expect_these(stage, "pump-7 grace=300ms site=north\npump-8 grace=1h\n");
    server_process_start(&stage->server, "--drain", "50ms", "--expect", stage->expect, "--node", "n1", NULL);
    event = expect_event(events_of(stage), "missing", "pump-7");
    assert_int_equal(event_number(event, "up"), 0);
    assert_int_equal(event_number(event, "expected"), 1);
    assert_true(event_number(event, "away_ms") >= 300);
    expect_text(event, "node", "n1");
    expect_text(json_object_get(event, "labels"), "site", "north");

    join(stage, &stage->client, "pump-7");
    event = expect_event(events_of(stage), "found", "pump-7");
    assert_int_equal(event_number(event, "up"), 1);
    raw_reset(&stage->client);
    event = expect_event(events_of(stage), "missing", "pump-7");
    expect_text(event, "last_end", "reset");
    join(stage, &stage->client, "pump-7");
    expect_event(events_of(stage), "found", "pump-7");
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
    assert_int_equal(count_events(events_of(stage), "missing", NULL), 2);
    assert_int_equal(count_events(events_of(stage), "found", NULL), 2);
}

static void identity_that_is_back_within_its_grace_is_not_missing(void **state)
{
    struct stage *stage = *state;

    expect_these(stage, "pump-7 grace=30s\n");
    server_process_start(&stage->server, "--drain", "50ms", "--expect", stage->expect, NULL);
    join(stage, &stage->client, "pump-7");
    raw_reset(&stage->client);
    expect_event(events_of(stage), "disconnected", "pump-7");
    join(stage, &stage->client, "pump-7");
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
    assert_int_equal(count_events(events_of(stage), "missing", NULL), 0);
    assert_int_equal(count_events(events_of(stage), "found", NULL), 0);
}

static void pattern_is_missing_while_too_few_are_up(void **state)
{
    struct stage *stage = *state;
    json_t *event;

    expect_these(stage, "valve-* 2 grace=200ms\n");
    server_process_start(&stage->server, "--drain", "50ms", "--expect", stage->expect, NULL);
    join(stage, &stage->client, "valve-1");
    event = expect_event(events_of(stage), "missing", "valve-*");
    assert_int_equal(event_number(event, "expected"), 2);
    assert_true(event_number(event, "up") <= 1);
    join(stage, &stage->other, "valve-b");
    event = expect_event(events_of(stage), "found", "valve-*");
    assert_int_equal(event_number(event, "up"), 2);
    raw_bye(&stage->client, 0);
    event = expect_event(events_of(stage), "missing", "valve-*");
    assert_int_equal(event_number(event, "up"), 1);
    server_process_finish(&stage->server);
}

/* On SIGHUP: a name that is new in it is waited for, one that is not in it any more is not, and sessions that are up
 * count. */
static void list_is_read_again(void **state)
{
    struct stage *stage = *state;
    json_t *event;

    expect_these(stage, "pump-7 grace=100ms\n");
    server_process_start(&stage->server, "--drain", "50ms", "--expect", stage->expect, NULL);
    expect_event(events_of(stage), "missing", "pump-7");
    join(stage, &stage->client, "valve-1");

    expect_these(stage, "pump-8 wrong wrong\n");
    process_signal(&stage->server.process, SIGHUP);
    process_expect_error(&stage->server.process, "line 1: a name with blanks stands in double quotes");

    expect_these(stage, "pump-8 grace=100ms\nvalve-* 2 grace=100ms\nvalve-? 1 grace=0\n");
    process_signal(&stage->server.process, SIGHUP);
    expect_event(events_of(stage), "missing", "pump-8");
    event = expect_event(events_of(stage), "missing", "valve-*");
    assert_int_equal(event_number(event, "up"), 1);
    join(stage, &stage->other, "pump-7");
    raw_bye(&stage->other, 0);
    expect_event(events_of(stage), "disconnected", "pump-7");
    server_process_finish(&stage->server);
    assert_int_equal(count_events(events_of(stage), "found", NULL), 0);
    assert_int_equal(count_events(events_of(stage), "missing", "valve-?"), 0);
    assert_int_equal(count_events(events_of(stage), "missing", "pump-7"), 1);
}

static void identity_of_before_a_restart_is_gone_once(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, "--drain", "50ms", "--state", stage->state, "--grace", "10s", NULL);
    join(stage, &stage->client, "pump-7");
    join(stage, &stage->other, "pump-8");
    expect_in_file(stage->state, "pump-8");
    expect_in_file(stage->state, "pump-7");
    restart(stage, "2s");
    raw_close(&stage->other);
    join(stage, &stage->other, "pump-8"); /* it is back in time */
    expect_event(events_of(stage), "gone", "pump-7");
    expect_in_file(stage->state, "\"pump-7\",\"state\":\"gone\"");
    restart(stage, "100ms");
    expect_event(events_of(stage), "gone", "pump-8");
    expect_in_file(stage->state, "\"pump-8\",\"state\":\"gone\"");
    server_process_finish(&stage->server);
    assert_int_equal(count_events(events_of(stage), "gone", "pump-7"), 0);
}

/* The second list has one more name, whose grace time is over only after that of the patterns. */
static void missing_pattern_is_not_told_again_after_a_restart(void **state)
{
    struct stage *stage = *state;

    expect_these(stage, "valve-* 1 grace=100ms\nfan-* 1 grace=1h\n");
    server_process_start(&stage->server, "--state", stage->state, "--expect", stage->expect, NULL);
    expect_event(events_of(stage), "missing", "valve-*");
    expect_in_file(stage->state, "{\"pattern\":\"valve-*\",\"missing\":true}");
    kill_server(stage);
    expect_these(stage, "valve-* 1 grace=100ms\nfan-* 1 grace=200ms\npump-7 grace=500ms\n");
    server_process_start(&stage->server, "--drain", "50ms", "--state", stage->state, "--expect", stage->expect, NULL);
    expect_event(events_of(stage), "missing", "fan-*");
    expect_event(events_of(stage), "missing", "pump-7");
    join(stage, &stage->client, "valve-1");
    expect_event(events_of(stage), "found", "valve-*");
    raw_bye(&stage->client, 0);
    expect_event(events_of(stage), "missing", "valve-*");
    server_process_finish(&stage->server);
    assert_int_equal(count_events(events_of(stage), "missing", "valve-*"), 1);
}

static void ends_are_remembered_with_their_causes(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, "--drain", "50ms", "--state", stage->state, NULL);
    join(stage, &stage->client, "pump-7");
    raw_bye(&stage->client, 0);
    expect_event(events_of(stage), "disconnected", "pump-7");
    raw_close(&stage->client);
    join(stage, &stage->client, "pump-7");
    raw_reset(&stage->client);
    expect_event(events_of(stage), "disconnected", "pump-7");
    server_process_finish(&stage->server);
    expect_in_file(stage->state, "\"connects\":2,\"losses\":1");
    expect_in_file(stage->state, "\"bye\"");
    expect_in_file(stage->state, "\"reset\"");
}

static void damaged_file_is_set_aside(void **state)
{
    struct stage *stage = *state;
    char aside[SCRATCH_PATH + 16];

    scratch_write_text(&stage->scratch, "state", "{\"lubdub_state\":1}\n{\"id\":\"pump-7\"", stage->state);
    server_process_start(&stage->server, "--drain", "50ms", "--state", stage->state, NULL);
    process_expect_error(&stage->server.process, "set aside");
    snprintf(aside, sizeof aside, "%s.damaged", stage->state);
    expect_in_file(aside, "pump-7");
    join(stage, &stage->client, "pump-8");
    expect_in_file(stage->state, "pump-8");
    server_process_finish(&stage->server);
}

static void full_disk_and_one_to_be_read_only_keep_the_old_state(void **state)
{
    struct stage *stage = *state;
    char folder[SCRATCH_PATH];
    char path[SCRATCH_PATH + 16];
    char filler[SCRATCH_PATH + 16];
    static const char zeros[65536];
    FILE *file;

    scratch_path(&stage->scratch, "disk", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    if (mount("tmpfs", folder, "tmpfs", 0, "size=64k") != 0) {
        skip(); /* without the right to mount */
    }
    snprintf(path, sizeof path, "%s/state", folder);
    snprintf(filler, sizeof filler, "%s/filler", folder);
    server_process_start(&stage->server, "--drain", "50ms", "--state", path, NULL);
    join(stage, &stage->client, "pump-7");
    expect_in_file(path, "pump-7");

    file = fopen(filler, "w");
    setvbuf(file, NULL, _IONBF, 0);
    (void)!fwrite(zeros, 1, sizeof zeros, file);
    fclose(file);
    join(stage, &stage->other, "pump-8");
    process_expect_error(&stage->server.process, "the state cannot be written");
    expect_in_file(path, "pump-7");
    raw_expect_life(&stage->client);

    unlink(filler);
    process_expect_error(&stage->server.process, "the state is written again");
    expect_in_file(path, "pump-8");
    server_process_finish(&stage->server);

    server_process_clear(&stage->server);
    assert_int_equal(mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    server_process_start(&stage->server, "--drain", "50ms", "--state", path, NULL);
    process_expect_error(&stage->server.process, "the server cannot write this option=--state");
    server_process_finish(&stage->server);
    assert_int_equal(umount(folder), 0);
}

static void state_that_cannot_be_read_stops_the_start(void **state)
{
    struct stage *stage = *state;
    struct process process;

    process_init(&process, "LUBDUB_SERVER");
    process_add(&process, "--state");
    process_add(&process, stage->scratch.folder);
    process_start(&process);
    assert_int_equal(process_wait(&process), 3);
    process_expect_error(&process, "cannot read the state");
    process_clear(&process);
}

static void state_without_a_folder_stops_the_start(void **state)
{
    struct process process;
    (void)state;

    process_init(&process, "LUBDUB_SERVER");
    process_add(&process, "--state");
    process_add(&process, "/nonexistent/state");
    process_start(&process);
    assert_int_equal(process_wait(&process), 3);
    process_expect_error(&process, "its folder is not there");
    process_clear(&process);
}

static void many_ends_are_one_outage(void **state)
{
    struct stage *stage = *state;
    json_t *event;

    server_process_start(&stage->server, "--drain", "50ms", NULL);
    join(stage, &stage->client, "survivor");
    stage->crowd =
        (struct crowd){.port = stage->server.port, .prefix = "c", .count = 30, .interval_ms = 1000, .expiry_ms = 30000};
    crowd_start(&stage->crowd);
    crowd_kill(&stage->crowd);
    event = expect_event(events_of(stage), "outage", NULL);
    assert_int_equal(event_number(event, "count"), 30);
    assert_int_equal(event_number(event, "sessions"), 31);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(event, "causes"), "closed")) +
                         json_integer_value(json_object_get(json_object_get(event, "causes"), "reset")),
                     30);
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
    assert_int_equal(count_events(events_of(stage), "outage", NULL), 1);
}

static void identity_that_comes_and_goes_is_flapping_once(void **state)
{
    struct stage *stage = *state;
    json_t *event;
    unsigned i;

    server_process_start(&stage->server, "--drain", "50ms", NULL);
    for (i = 0; i < 8; i++) {
        join(stage, &stage->client, "pump-7");
        raw_reset(&stage->client);
        expect_events(events_of(stage), "disconnected", i + 1);
    }
    event = expect_event(events_of(stage), "flapping", "pump-7");
    assert_int_equal(event_number(event, "count"), 5);
    assert_true(event_has(event, "over_ms"));
    server_process_finish(&stage->server);
    assert_int_equal(count_events(events_of(stage), "flapping", NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(identity_that_never_came_is_missing_once_and_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(identity_that_is_back_within_its_grace_is_not_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pattern_is_missing_while_too_few_are_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(list_is_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(identity_of_before_a_restart_is_gone_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_pattern_is_not_told_again_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_are_remembered_with_their_causes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_file_is_set_aside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_disk_and_one_to_be_read_only_keep_the_old_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(state_that_cannot_be_read_stops_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(state_without_a_folder_stops_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_ends_are_one_outage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(identity_that_comes_and_goes_is_flapping_once, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
