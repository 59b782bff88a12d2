/* Whoever reads the events may be slow, gone or full: the heartbeat goes on, and what was dropped is counted. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lubdub/option.h>

#include "patience.h"
#include "raw_client.h"
#include "scratch.h"
#include "server_process.h"
#include "support/test.h"

/*
 * Sessions whose events, health too, are more than the pipe and a half of the store can hold: five kilobytes for each.
 * So many at once are told only if they come from several networks.
 */
#define SESSIONS_TOO_MANY 1900
#define SESSIONS_OF_A_NETWORK 400
#define HEALTH_CHANGES 10

struct stage {
    struct server_process server;
    struct raw_client client;
    struct raw_client passer_by;
    struct scratch scratch;
    struct event_reader file;
    bool is_mounted;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->client.socket = stage->passer_by.socket = -1;
    stage->file.descriptor = -1;
    scratch_make(&stage->scratch);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    raw_close(&stage->client);
    raw_close(&stage->passer_by);
    server_process_clear(&stage->server);
    if (stage->file.descriptor >= 0) {
        close(stage->file.descriptor);
        event_reader_clear(&stage->file);
    }
    if (stage->is_mounted) {
        umount2(stage->scratch.folder, MNT_DETACH);
    }
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

static void join(struct stage *stage)
{
    raw_join(&stage->client, stage->server.port, "chatterbox", 1000, 60000);
}

/* Its health changes so often, and it has much to say of it. */
static void change_health(struct stage *stage, unsigned count)
{
    uint8_t content[256];
    unsigned i;

    memset(content, 'x', sizeof content);
    for (i = 1; i <= count; i++) {
        raw_send_frame(&stage->passer_by, LUBDUB_FRAME_PROBE, i & 1, i, content, sizeof content);
    }
}

static void expect_acks_and_end(struct stage *stage)
{
    static struct raw_frame frame;
    enum raw_result result;

    do {
        result = raw_receive(&stage->passer_by, &frame, now() + PATIENCE);
    } while (result == RAW_FRAME);
    assert_int_equal(result, RAW_END);
}

/* Sessions that come and go. Their labels are as long as labels can be, so that `connected` has more than a kilobyte.
 */
static void make_events(struct stage *stage, uint64_t count, unsigned health_changes)
{
    struct wire_bytes options = {0};
    char label[LUBDUB_LABEL_KEY_LIMIT + 1 + LUBDUB_LABEL_VALUE_LIMIT];
    uint64_t i;

    memset(label, 'x', sizeof label);
    label[LUBDUB_LABEL_KEY_LIMIT] = '=';
    for (i = 0; i < LUBDUB_LABEL_COUNT_LIMIT; i++) {
        label[0] = (char)('a' + i);
        wire_bytes_put_option(&options, LUBDUB_OPTION_LABEL, label, sizeof label);
    }
    for (i = 0; i < count; i++) {
        char network[32];

        snprintf(network, sizeof network, "127.0.1.%u", (unsigned)(i / SESSIONS_OF_A_NETWORK + 1));
        raw_connect_from(&stage->passer_by, network, stage->server.port);
        raw_send_frame(&stage->passer_by, LUBDUB_FRAME_HELLO, 0, 1, options.data, options.length);
        raw_expect_welcome(&stage->passer_by);
        change_health(stage, health_changes);
        raw_bye(&stage->passer_by, 0);
        expect_acks_and_end(stage);
        raw_close(&stage->passer_by);
    }
    wire_bytes_clear(&options);
}

static size_t count_sessions(const struct event_reader *events)
{
    return count_events(events, "connected", NULL) + count_events(events, "disconnected", NULL);
}

static uint64_t count_dropped(const struct event_reader *events)
{
    uint64_t dropped = 0;
    size_t i;

    for (i = 0; i < events->count; i++) {
        if (strcmp(event_text(events->events[i], "event"), "dropped") == 0) {
            dropped += event_number(events->events[i], "count");
        }
    }
    return dropped;
}

static void slow_reader_of_events_loses_some_and_holds_nobody_up(void **state)
{
    struct stage *stage = *state;
    struct event_reader *events = &stage->server.events;
    lubdub_duration longest;
    size_t resident;
    unsigned i;

    server_process_start(&stage->server, NULL);
    join(stage);
    resident = process_resident(&stage->server.process);
    make_events(stage, SESSIONS_TOO_MANY, HEALTH_CHANGES);
    assert_true(process_resident(&stage->server.process) < resident + MEMORY_FACTOR * 40 * 1024);
    for (longest = LUBDUB_HOUR, i = 0; i < 5 && longest >= LUBDUB_SECOND;
         i++) { /* not counting when the machine is busy */
        const lubdub_time asked_at = now();

        raw_expect_life(&stage->client);
        longest = now() - asked_at;
    }
    assert_true(longest < LUBDUB_SECOND);
    assert_true(server_process_count(&stage->server, "events_lost") > 0);

    /* The reader comes back: what is missing is counted where it is missing. */
    expect_events(events, "dropped", 1);
    make_events(stage, 10, 0);
    raw_bye(&stage->client, 0);
    expect_event(events, "disconnected", "chatterbox");
    assert_true(count_dropped(events) > 0);
    /* Others may be among the dropped; those of sessions make up the rest. */
    assert_int_equal(count_dropped(events), server_process_count(&stage->server, "events_lost"));
    assert_true(count_sessions(events) + count_dropped(events) >= 2 * SESSIONS_TOO_MANY);
    process_signal(&stage->server.process, SIGTERM);
    event_reader_finish(events);
    assert_int_equal(process_wait(&stage->server.process), 0);
    expect_text(events->events[events->count - 1], "event", "stopped");
}

/* Nobody ever reads: the end does not wait for ever, and the log says how many were lost. */
static void server_ends_although_nobody_reads(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, "--drain=100ms", NULL);
    join(stage);
    make_events(stage, 200, 0);
    process_signal(&stage->server.process, SIGTERM);
    assert_int_equal(process_wait(&stage->server.process), 0);
    assert_int_equal(process_count_errors(&stage->server.process, "events were lost"), 1);
}

static void reader_that_goes_away_is_no_harm(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    join(stage);
    close(stage->server.process.output);
    stage->server.process.output = -1;
    make_events(stage, 100, 0);
    process_expect_error(&stage->server.process, "nobody reads the events");
    raw_expect_life(&stage->client);
    process_signal(&stage->server.process, SIGTERM);
    assert_int_equal(process_wait(&stage->server.process), 0);
}

/* The scratch folder becomes a disk of 64 KiB. */
static void mount_small(struct stage *stage)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", stage->scratch.folder, "tmpfs", 0, "size=64k") != 0) {
        print_message("needs the right to mount a small file system: skipped\n");
        skip();
    }
    stage->is_mounted = true;
}

static void full_disk_is_no_harm(void **state)
{
    struct stage *stage = *state;

    char option[SCRATCH_PATH + 32] = "--events-file=/dev/full";

    if (geteuid() == 0) { /* which writes to files only */
        char events[SCRATCH_PATH];

        mount_small(stage);
        snprintf(option, sizeof option, "--events-file=%s", scratch_path(&stage->scratch, "events", events));
    }
    server_process_start(&stage->server, option, NULL);
    join(stage);
    make_events(stage, 200, 0);
    process_expect_error(&stage->server.process, "events cannot be written, they are lost output=events-file");
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server); /* standard output has them all */
    assert_int_equal(count_sessions(&stage->server.events), 2 * 201);
    assert_int_equal(process_count_errors(&stage->server.process, "events were lost"), 1);
}

static void read_file(struct stage *stage, const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(descriptor >= 0);
    if (stage->file.descriptor >= 0) {
        close(stage->file.descriptor);
        event_reader_clear(&stage->file);
    }
    event_reader_init(&stage->file, descriptor);
    while (!stage->file.has_ended) { /* perhaps in the middle of a line that is being written */
        event_reader_read(&stage->file, now());
    }
}

/* Reads the file again and again until this event stands there. */
static void expect_in_file(struct stage *stage, const char *path, const char *name)
{
    lubdub_time until = now() + PATIENCE;

    for (;;) {
        read_file(stage, path);
        if (find_event(&stage->file, name, NULL) != NULL) {
            return;
        }
        assert_true(now() < until);
        stay(10 * LUBDUB_MILLISECOND);
    }
}

static void disk_that_has_room_again_gets_whole_lines_and_the_count(void **state)
{
    struct stage *stage = *state;
    char option[SCRATCH_PATH + 32];
    char events[SCRATCH_PATH];
    char ballast[SCRATCH_PATH];
    static char weight[32768];
    const lubdub_time until = now() + PATIENCE;

    mount_small(stage);
    scratch_write(&stage->scratch, "ballast", weight, sizeof weight, ballast);
    scratch_path(&stage->scratch, "events", events);
    snprintf(option, sizeof option, "--events-file=%s", events);
    server_process_start(&stage->server, option, NULL);
    join(stage);
    make_events(stage, 200, 0);
    do { /* what is still in the server's store would fill the new room as well */
        assert_true(now() < until);
        read_file(stage, events);
    } while (count_sessions(&stage->file) + server_process_count(&stage->server, "events_lost") < 2 * 200);
    assert_int_equal(unlink(ballast), 0);
    expect_in_file(stage, events, "dropped");
    raw_bye(&stage->client, 0);
    do { /* a second gap may be told only with the line that follows it */
        assert_true(now() < until);
        read_file(stage, events);
    } while (count_sessions(&stage->file) + count_dropped(&stage->file) < 2 * 200);
    assert_true(count_dropped(&stage->file) > 0);
    server_process_finish(&stage->server);
    read_file(stage, events);
    assert_int_equal(stage->file.length, 0); /* whole lines only */
}

static void events_file_is_appended_to_and_rotated(void **state)
{
    struct stage *stage = *state;
    char option[SCRATCH_PATH + 32];
    char events[SCRATCH_PATH];
    char rotated[SCRATCH_PATH];
    struct stat status;

    scratch_write_text(&stage->scratch, "events", "{\"event\":\"of an earlier run\"}\n", events);
    scratch_path(&stage->scratch, "events.1", rotated);
    snprintf(option, sizeof option, "--events-file=%s", events);
    server_process_start(&stage->server, option, NULL);
    join(stage);
    expect_in_file(stage, events, "connected");
    expect_text(stage->file.events[0], "event", "of an earlier run");

    assert_int_equal(rename(events, rotated), 0);
    process_signal(&stage->server.process, SIGHUP);
    process_expect_error(&stage->server.process, "configuration read again");
    raw_message(&stage->client, "after the rotation");
    expect_in_file(stage, events, "message");
    assert_int_equal(count_events(&stage->file, "connected", NULL), 0);
    read_file(stage, rotated);
    assert_int_equal(count_events(&stage->file, "message", NULL), 0);

    /* The folder is gone: the file that is open stays, and the log says so. */
    assert_int_equal(rename(events, rotated), 0);
    assert_int_equal(mkdir(events, 0700), 0);
    process_signal(&stage->server.process, SIGHUP);
    process_expect_error(&stage->server.process, "cannot reopen the events file");
    raw_bye(&stage->client, 0);
    expect_in_file(stage, rotated, "disconnected");
    assert_int_equal(stat(events, &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    server_process_finish(&stage->server);
}

static void events_file_that_cannot_be_written_is_told_at_the_start(void **state)
{
    struct stage *stage = *state;
    static const char *const paths[] = {"/nonexistent/folder/events", "/"};
    size_t i;

    for (i = 0; i < COUNT_OF(paths); i++) {
        server_process_init(&stage->server);
        server_process_listen(&stage->server);
        process_add(&stage->server.process, "--events-file");
        process_add(&stage->server.process, paths[i]);
        process_start(&stage->server.process);
        assert_int_equal(process_wait(&stage->server.process), 3);
        assert_int_equal(process_count_errors(&stage->server.process, paths[i]), 1);
        assert_int_equal(process_count_errors(&stage->server.process, "\n"), 1);
        process_clear(&stage->server.process);
    }
}

static void finding_d9_root_says_why_it_does_not_follow_a_link(void **state)
{
    struct stage *stage = *state;
    char option[SCRATCH_PATH + 32];
    char link[SCRATCH_PATH];
    char target[SCRATCH_PATH];

    if (geteuid() != 0) {
        skip();
    }
    scratch_path(&stage->scratch, "target", target);
    assert_int_equal(symlink(target, scratch_path(&stage->scratch, "li\x1b[2Jnk", link)), 0);
    snprintf(option, sizeof option, "--events-file=%s", link);
    server_process_init(&stage->server);
    server_process_listen(&stage->server);
    process_add(&stage->server.process, option);
    process_start(&stage->server.process);
    assert_int_equal(process_wait(&stage->server.process), 3);
    assert_int_equal(process_count_errors(&stage->server.process, "it is a symbolic link, and root follows none"), 1);
    assert_int_equal(process_count_errors(&stage->server.process, "li\\x1b[2Jnk"), 1);
    assert_int_equal(access(target, F_OK), -1);
}

/* No descriptor of 0, 1 and 2 may ever be a socket: what is printed would go to a peer. */
static void closed_standard_streams_are_filled(void **state)
{
    struct stage *stage = *state;
    unsigned closed;

    for (closed = 1; closed < 8; closed++) {
        const lubdub_time until = now() + PATIENCE;
        int descriptor;

        server_process_init(&stage->server);
        server_process_listen(&stage->server);
        stage->server.process.input_from = (closed & 1) != 0 ? PROCESS_CLOSED : 0;
        stage->server.process.output_to = (closed & 2) != 0 ? PROCESS_CLOSED : 0;
        stage->server.process.errors_closed = (closed & 4) != 0;
        process_start(&stage->server.process);
        while (!raw_try_connect(&stage->client, stage->server.port)) {
            assert_true(now() < until);
            stay(5 * LUBDUB_MILLISECOND);
        }
        raw_expect_life(&stage->client);
        for (descriptor = 0; descriptor < 3; descriptor++) {
            char path[64];
            char target[256] = "";

            snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)stage->server.process.pid, descriptor);
            assert_true(readlink(path, target, sizeof target - 1) > 0);
            assert_null(strstr(target, "socket:"));
        }
        raw_close(&stage->client);
        process_signal(&stage->server.process, SIGTERM);
        assert_int_equal(process_wait(&stage->server.process), 0);
        process_clear(&stage->server.process);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(slow_reader_of_events_loses_some_and_holds_nobody_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(server_ends_although_nobody_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reader_that_goes_away_is_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_disk_is_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(disk_that_has_room_again_gets_whole_lines_and_the_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_file_is_appended_to_and_rotated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_file_that_cannot_be_written_is_told_at_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding_d9_root_says_why_it_does_not_follow_a_link, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closed_standard_streams_are_filled, set_up, tear_down),
    };

    measure_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
