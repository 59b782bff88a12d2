/* The server's hook: what a run is told, in which order runs come, and what a bad one can do to others: nothing. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lubdub/option.h>

#include "patience.h"
#include "raw_client.h"
#include "scratch.h"
#include "server_process.h"
#include "support/test.h"
#include "wire_bytes.h"

struct stage {
    struct scratch scratch;
    char hook[SCRATCH_PATH];
    char said[SCRATCH_PATH]; /* what runs wrote */
    struct server_process server;
    struct raw_client client;
    struct raw_client passer_by;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->client.socket = stage->passer_by.socket = -1;
    scratch_make(&stage->scratch);
    scratch_write_text(&stage->scratch, "said", "", stage->said);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    raw_close(&stage->client);
    raw_close(&stage->passer_by);
    server_process_clear(&stage->server);
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

/* A shell script as the hook; in it, $said is the file. */
static void write_hook(struct stage *stage, const char *lines)
{
    char *script;

    assert_true(asprintf(&script, "#!/bin/sh\nsaid=%s\n%s\n", stage->said, lines) > 0);
    scratch_write_text(&stage->scratch, "hook", script, stage->hook);
    assert_int_equal(chmod(stage->hook, 0700), 0);
    free(script);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 65536);

    assert_non_null(file);
    (void)!fread(text, 1, 65535, file);
    fclose(file);
    return text;
}

/* Waits until these words stand in the file, and returns all of it; the caller frees. */
static char *expect_said(const struct stage *stage, const char *words)
{
    lubdub_time until = now() + PATIENCE;

    for (;;) {
        char *text = read_file(stage->said);

        if (strstr(text, words) != NULL) {
            return text;
        }
        if (now() > until) {
            fail_msg("no run of the hook wrote '%s' but: %s", words, text);
        }
        free(text);
        stay(5 * LUBDUB_MILLISECOND);
    }
}

static void expect_count(struct stage *stage, const char *name, uint64_t least)
{
    lubdub_time until = now() + PATIENCE;
    uint64_t found;

    while ((found = server_process_count(&stage->server, name)) < least) {
        if (now() > until) {
            fail_msg("%s is %llu, not %llu", name, (unsigned long long)found, (unsigned long long)least);
        }
        stay(10 * LUBDUB_MILLISECOND);
    }
}

static void visit(struct stage *stage, const char *identity)
{
    raw_join(&stage->passer_by, stage->server.port, identity, 1000, 60000);
    raw_bye(&stage->passer_by, 0);
    raw_expect_silent_end(&stage->passer_by);
    raw_close(&stage->passer_by);
}

/* Processes whose parent the server is. */
static bool has_children(const struct stage *stage)
{
    char *command;
    FILE *output;
    int count;

    assert_true(asprintf(&command, "cat /proc/%ld/task/*/children | wc -w", (long)stage->server.process.pid) > 0);
    output = popen(command, "r");
    assert_non_null(output);
    assert_int_equal(fscanf(output, "%d", &count), 1);
    pclose(output);
    free(command);
    return count > 1; /* the launcher is always there */
}

static void expect_no_children(const struct stage *stage)
{
    lubdub_time until = now() + PATIENCE;

    while (has_children(stage)) {
        assert_true(now() < until);
        stay(10 * LUBDUB_MILLISECOND);
    }
}

static void run_gets_fields_as_environment_and_as_json(void **state)
{
    struct stage *stage = *state;
    char *text;
    char *line;
    json_t *event;

    write_hook(stage, "printf '%s|%s|%s|%s\\n' \"$LUBDUB_EVENT\" \"$LUBDUB_ID\" \"$LUBDUB_CAUSE\" \"$#\" >> $said\n"
                      "cat >> $said");
    server_process_start(&stage->server, "--hook", stage->hook, "--hook-events", "disconnected", NULL);
    visit(stage, "$(touch /nowhere);`id`'\"");
    text = expect_said(stage, "}\n");
    line = strchr(text, '\n');
    *line++ = '\0';
    assert_string_equal(text, "disconnected|$(touch /nowhere);`id`'\"|bye|0");
    event = json_loads(line, 0, NULL);
    assert_non_null(event);
    expect_text(event, "event", "disconnected");
    expect_text(event, "id", "$(touch /nowhere);`id`'\"");
    expect_text(event, "cause", "bye");
    assert_int_equal(event_number(event, "session"), stage->passer_by.session);
    json_decref(event);
    free(text);
    server_process_finish(&stage->server);
}

/* Fields that every event has, and the one that is an object. */
static void environment_has_the_time_and_the_labels(void **state)
{
    struct stage *stage = *state;
    char *text;
    char *line;
    char *number;
    json_t *event;
    json_t *labels;
    struct wire_bytes options = {0};

    write_hook(stage, "printf '%s|%s|%s\n' \"$LUBDUB_TIME\" \"$LUBDUB_MONO_NS\" \"$LUBDUB_LABELS\" >> $said\n"
                      "cat >> $said");
    server_process_start(&stage->server, "--hook", stage->hook, "--hook-events", "connected", NULL);
    raw_connect(&stage->passer_by, stage->server.port);
    wire_bytes_put_option(&options, LUBDUB_OPTION_LABEL, "k.x=a\"b", 7);
    raw_send_frame(&stage->passer_by, LUBDUB_FRAME_HELLO, 0, 1, options.data, options.length);
    wire_bytes_clear(&options);
    text = expect_said(stage, "}}\n");
    line = strchr(text, '\n');
    *line++ = '\0';
    event = json_loads(line, 0, NULL);
    number = strchr(text, '|');
    *number++ = '\0';
    expect_text(event, "time", text);
    assert_int_equal(strtoull(number, &number, 10), event_number(event, "mono_ns"));
    labels = json_loads(number + 1, 0, NULL);
    assert_true(json_equal(labels, json_object_get(event, "labels")));
    json_decref(labels);
    json_decref(event);
    free(text);
    server_process_finish(&stage->server);
}

/* The first run of the identity takes long; another identity's passes it, and its own wait. */
static void runs_of_an_identity_come_in_order(void **state)
{
    struct stage *stage = *state;
    char *text;

    write_hook(stage, "test \"$LUBDUB_ID $LUBDUB_EVENT\" = \"pump-7 connected\" && {\n"
                      "    until grep -q pump-8 $said; do sleep 0.01; done\n"
                      "}\n"
                      "test \"$LUBDUB_ID $LUBDUB_EVENT\" = \"pump-8 disconnected\" && exit\n"
                      "echo $LUBDUB_ID $LUBDUB_EVENT >> $said");
    server_process_start(&stage->server, "--hook", stage->hook, "--hook-events", "connected,disconnected", NULL);
    visit(stage, "pump-7");
    visit(stage, "pump-8");
    visit(stage, "pump-7");
    text = expect_said(stage, "pump-7 connected\npump-7 disconnected\npump-7 connected\npump-7 disconnected\n");
    assert_true(strncmp(text, "pump-8", 6) == 0);
    free(text);
    server_process_finish(&stage->server);
}

static void run_that_hangs_is_killed_and_counted(void **state)
{
    struct stage *stage = *state;

    write_hook(stage, "trap '' TERM INT HUP\n"
                      "test \"$LUBDUB_ID\" = bad && { echo hangs >> $said; sleep 1000; }\n"
                      "echo good >> $said");
    server_process_start(&stage->server, "--hook", stage->hook, "--hook-events", "connected", "--hook-timeout", "2s",
                         NULL);
    raw_join(&stage->client, stage->server.port, "bad", 1000, 60000);
    free(expect_said(stage, "hangs"));
    raw_expect_life(&stage->client);
    process_expect_error(&stage->server.process, "takes too long");
    visit(stage, "other");
    free(expect_said(stage, "good"));
    expect_count(stage, "hooks_killed", 1);
    expect_count(stage, "hooks_ok", 1);
    expect_no_children(stage);
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
}

static void run_that_forks_leaves_nothing_behind(void **state)
{
    struct stage *stage = *state;
    char *text;
    long forked;
    lubdub_time until;

    write_hook(stage, "sleep 1000 & echo $! forked >> $said");
    server_process_start(&stage->server, "--hook", stage->hook, "--hook-events", "connected", NULL);
    raw_join(&stage->client, stage->server.port, "pump-7", 1000, 60000);
    text = expect_said(stage, "forked");
    forked = strtol(text, NULL, 10);
    assert_true(forked > 1);
    free(text);
    expect_count(stage, "hooks_ok", 1);
    for (until = now() + PATIENCE; process_is_running((pid_t)forked); stay(5 * LUBDUB_MILLISECOND)) {
        assert_true(now() < until);
    }
    expect_no_children(stage);
    server_process_finish(&stage->server);
}

/* Of the lines that speak of hooks; the counters were asked for, and as often as the machine was slow. */
static size_t length_of_lines_about_hooks(const char *errors)
{
    size_t length = 0;

    while (*errors != '\0') {
        size_t line = strcspn(errors, "\n") + 1;
        const char *counters = strstr(errors, " counters ");

        length += counters != NULL && counters < errors + line ? 0 : line;
        errors += strnlen(errors, line);
    }
    return length;
}

static void run_that_floods_its_output_fills_no_log(void **state)
{
    struct stage *stage = *state;
    char *errors;

    write_hook(stage, "echo floods >> $said\nexec yes 'a line without end'");
    server_process_start(&stage->server, "--hook", stage->hook, "--hook-events", "connected", "--hook-timeout", "2s",
                         NULL);
    raw_join(&stage->client, stage->server.port, "pump-7", 1000, 60000);
    free(expect_said(stage, "floods"));
    raw_expect_life(&stage->client);
    expect_count(stage, "hooks_killed", 1);
    process_expect_error(&stage->server.process, "a hook wrote");
    errors = process_errors(&stage->server.process);
    assert_true(strstr(errors, "a line without end") != NULL);
    assert_true(length_of_lines_about_hooks(errors) < 16384);
    free(errors);
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
}

/* All four runs hang. What does not fit is left out and counted; the last events are those that are kept. */
static void more_events_than_can_wait_are_left_out(void **state)
{
    struct stage *stage = *state;
    char *text;
    unsigned i;

    write_hook(stage, "until test -e $said.go; do sleep 0.02; done\n"
                      "wc -l >> $said\necho $LUBDUB_COUNT counted >> $said");
    server_process_start(&stage->server, "--hook", stage->hook, "--hook-events", "connected", "--hook-batch", NULL);
    for (i = 0; i < 1400; i++) {
        visit(stage, NULL);
    }
    expect_count(stage, "hooks_dropped", 100);
    assert_int_equal(server_process_count(&stage->server, "hooks_ok"), 0);
    assert_true(asprintf(&text, "%s.go", stage->said) > 0);
    fclose(fopen(text, "w"));
    free(text);
    text = expect_said(stage, "256 counted\n"); /* a batch at its full size */
    assert_non_null(strstr(text, "256\n256 counted\n"));
    free(text);
    expect_count(stage, "hooks_ok", 5);
    server_process_finish(&stage->server);
}

static void program_that_cannot_be_started_is_counted(void **state)
{
    struct stage *stage = *state;

    write_hook(stage, "true");
    server_process_start(&stage->server, "--hook", stage->hook, "--hook-events", "connected,disconnected", NULL);
    assert_int_equal(unlink(stage->hook), 0); /* it was there at the start */
    visit(stage, "pump-7");
    expect_count(stage, "hooks_unstarted", 2);
    process_expect_error(&stage->server.process, "a hook cannot be started");
    server_process_finish(&stage->server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(run_gets_fields_as_environment_and_as_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(environment_has_the_time_and_the_labels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_of_an_identity_come_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(run_that_hangs_is_killed_and_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(run_that_forks_leaves_nothing_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(run_that_floods_its_output_fills_no_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_events_than_can_wait_are_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(program_that_cannot_be_started_is_counted, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
