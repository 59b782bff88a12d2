/* Commands that are run when something happens: their order, what of them is told, and their limits. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "program/process/hooks.h"
#include "support/test.h"

#define UP 1
#define DOWN 2
#define LIMIT 10.0 /* seconds, for whatever is waited for */

struct fixture {
    struct ev_loop *loop;
    struct lubdub_hooks hooks;
    struct lubdub_hook_subject subject;
    struct lubdub_hook_subject other;
    char path[64];
    bool is_idle;
};

static void on_idle(void *user_data)
{
    struct fixture *fixture = user_data;

    fixture->is_idle = true;
    ev_break(fixture->loop, EVBREAK_ALL);
}

static void begin(struct fixture *fixture, lubdub_duration timeout)
{
    lubdub_hooks_init(&fixture->hooks, fixture->loop, timeout, on_idle, fixture);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    int file;

    memset(&fixture, 0, sizeof fixture);
    fixture.loop = ev_default_loop(EVFLAG_AUTO);
    strcpy(fixture.path, "/tmp/lubdub-hooks-XXXXXX");
    file = mkstemp(fixture.path);
    assert_true(file >= 0);
    close(file);
    begin(&fixture, 60 * LUBDUB_SECOND);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    lubdub_hooks_clear(&fixture->hooks);
    unlink(fixture->path);
    return 0;
}

/* Runs `what`, which may sleep, and writes the event's word into the file. */
static void run(struct fixture *fixture, const char *what, const char *word, struct lubdub_hook_subject *subject,
                unsigned state)
{
    struct lubdub_event_line facts;
    char command[256];
    const struct lubdub_hook_call call = {.command = command, .facts = &facts, .subject = subject, .state = state};

    lubdub_event_line_begin_now(&facts, word);
    snprintf(command, sizeof command, "%s; echo $LUBDUB_EVENT >> %s", what, fixture->path);
    lubdub_hooks_run(&fixture->hooks, &call);
}

static void on_limit(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)timer, (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static void expect_said(struct fixture *fixture, const char *words)
{
    char text[4096];
    ev_timer timer;
    size_t length;
    FILE *file;

    ev_timer_init(&timer, on_limit, LIMIT, 0);
    ev_now_update(fixture->loop);
    ev_timer_start(fixture->loop, &timer);
    if (!lubdub_hooks_is_idle(&fixture->hooks)) {
        ev_run(fixture->loop, 0);
    }
    ev_timer_stop(fixture->loop, &timer);
    assert_true(lubdub_hooks_is_idle(&fixture->hooks));
    file = fopen(fixture->path, "r");
    assert_non_null(file);
    length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    assert_string_equal(text, words);
}

static void commands_run_one_at_a_time_in_their_order(void **state)
{
    struct fixture *fixture = *state;

    run(fixture, "sleep 0.2", "one", NULL, 0);
    run(fixture, "sleep 0.1", "two", NULL, 0);
    run(fixture, ":", "three", NULL, 0);
    expect_said(fixture, "one\ntwo\nthree\n");
    assert_true(fixture->is_idle);
}

static void only_the_last_state_of_a_subject_waits(void **state)
{
    struct fixture *fixture = *state;

    run(fixture, "sleep 0.2", "first", NULL, 0);
    run(fixture, ":", "down", &fixture->subject, DOWN);
    run(fixture, ":", "other-down", &fixture->other, DOWN);
    run(fixture, ":", "up", &fixture->subject, UP);
    assert_int_equal(fixture->hooks.count, 2);
    expect_said(fixture, "first\nother-down\nup\n");
}

static void state_that_was_told_is_not_told_again(void **state)
{
    struct fixture *fixture = *state;

    run(fixture, "sleep 0.2", "down", &fixture->subject, DOWN);
    run(fixture, ":", "up", &fixture->subject, UP);
    run(fixture, ":", "down-again", &fixture->subject, DOWN); /* what came between was never told */
    expect_said(fixture, "down\n");
    run(fixture, ":", "down-still", &fixture->subject, DOWN);
    run(fixture, ":", "up", &fixture->subject, UP);
    expect_said(fixture, "down\nup\n");
}

static void state_without_a_command_is_told_in_its_turn(void **state)
{
    struct fixture *fixture = *state;
    struct lubdub_event_line facts;
    const struct lubdub_hook_call silent = {.facts = &facts, .subject = &fixture->subject, .state = UP};

    lubdub_event_line_begin_now(&facts, "up");
    run(fixture, ":", "down", &fixture->subject, DOWN);
    expect_said(fixture, "down\n");
    lubdub_hooks_run(&fixture->hooks, &silent);
    assert_true(lubdub_hooks_is_idle(&fixture->hooks));
    run(fixture, ":", "down", &fixture->subject, DOWN);
    expect_said(fixture, "down\ndown\n");
}

static void command_that_takes_too_long_is_killed(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, 200 * LUBDUB_MILLISECOND);
    run(fixture, "sleep 1000", "one", NULL, 0);
    run(fixture, ":", "two", NULL, 0);
    expect_said(fixture, "two\n");
}

static void what_waits_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    unsigned i;

    run(fixture, "sleep 1000", "first", NULL, 0);
    for (i = 0; i < LUBDUB_HOOKS_LIMIT + 10; i++) {
        run(fixture, ":", "more", NULL, 0);
    }
    assert_int_equal(fixture->hooks.count, LUBDUB_HOOKS_LIMIT);
    lubdub_hooks_hurry(&fixture->hooks); /* and the test leaves no process behind */
}

int main(void)
{
#define HOOKS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        HOOKS_TEST(commands_run_one_at_a_time_in_their_order), HOOKS_TEST(only_the_last_state_of_a_subject_waits),
        HOOKS_TEST(state_that_was_told_is_not_told_again),     HOOKS_TEST(state_without_a_command_is_told_in_its_turn),
        HOOKS_TEST(command_that_takes_too_long_is_killed),     HOOKS_TEST(what_waits_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
