/* lubdub-client: turns arguments and signals into calls of the library, and events into commands and an exit status. */
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lubdub/client.h>

#include "client/program/check.h"
#include "client/program/options.h"
#include "client/program/reporter.h"
#include "ev/histogram.h"
#include "program/events/log.h"
#include "program/process/exit_status.h"
#include "program/process/hooks.h"
#include "program/process/startup.h"

#define EXIT_DOWN 1

#define SHORTEST_CHECK_INTERVAL (100 * LUBDUB_MILLISECOND)

/* For commands of --on-up and --on-down that still run when all else is over. They are not killed. */
#define HOOKS_PATIENCE 2.0

struct program {
    struct ev_loop *loop;
    struct lubdub_client *client;
    struct options options;
    struct reporter reporter;
    struct lubdub_histogram round_trips;
    struct check check;
    struct lubdub_hooks hooks;
    uint64_t ack_count;
    int exit_status;
    bool is_leaving; /* a signal came, or standard output is not read */
    bool is_over;    /* the client is at rest */
    ev_signal terminate;
    ev_signal interrupt;
    ev_signal hang_up;
    ev_async output_failed;
    ev_timer patience;
};

/* ---- the end ---- */

static void finish(struct program *program)
{
    struct lubdub_client_counts counts = {.size = sizeof counts};

    program->is_over = true;
    lubdub_client_counts(program->client, &counts);
    reporter_summarize(&program->reporter, &counts, &program->round_trips);
    check_stop(&program->check);
    if (program->hooks.running == 0) {
        ev_break(program->loop, EVBREAK_ALL);
    } else {
        ev_timer_start(program->loop, &program->patience);
    }
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)timer, (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static void on_hooks_idle(void *user_data)
{
    struct program *program = user_data;

    if (program->is_over) {
        ev_break(program->loop, EVBREAK_ALL);
    }
}

/* The first time: with a BYE. The second time: at once. */
static void leave(struct program *program, int exit_status)
{
    program->exit_status = exit_status;
    if (program->is_leaving || program->is_over) {
        ev_break(program->loop, EVBREAK_ALL);
        return;
    }
    program->is_leaving = true;
    lubdub_client_stop(program->client, LUBDUB_REASON_NORMAL);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int revents)
{
    (void)loop, (void)revents;
    leave(watcher->data, LUBDUB_EXIT_BY_SIGNAL + watcher->signum);
}

/* Standard output is not read any more: the program ends as by SIGPIPE, but says BYE. */
static void on_output_failed(struct ev_loop *loop, ev_async *async, int revents)
{
    (void)loop, (void)revents;
    leave(async->data, LUBDUB_EXIT_BY_SIGNAL + SIGPIPE);
}

/* In the writer's thread. */
static void tell_output_failed(void *user_data)
{
    struct program *program = user_data;

    ev_async_send(program->loop, &program->output_failed);
}

/* ---- events ---- */

static void on_up(struct program *program, const struct lubdub_client_event *event,
                  const struct lubdub_event_line *line)
{
    const char *message = program->options.message;

    if (program->options.on_up != NULL) {
        lubdub_hooks_run(&program->hooks, program->options.on_up, line);
    }
    if (message != NULL && !event->is_recovered) {
        enum lubdub_error error = lubdub_client_send(program->client, message, strlen(message));

        if (error != LUBDUB_ERROR_OK) {
            lubdub_log_error("the message was not sent error=\"%s\"", lubdub_error_text(error));
        }
    }
}

static void on_ack(struct program *program, const struct lubdub_client_event *event)
{
    lubdub_histogram_add(&program->round_trips, event->round_trip);
    program->ack_count++;
    if (program->ack_count == program->options.count) {
        if (program->check.health == LUBDUB_HEALTH_CRITICAL) {
            program->exit_status = EXIT_DOWN;
        }
        lubdub_client_stop(program->client, LUBDUB_REASON_NORMAL);
    }
}

static void on_down(struct program *program, const struct lubdub_client_event *event,
                    const struct lubdub_event_line *line)
{
    if (event->cause == LUBDUB_CAUSE_SHUTDOWN && event->has_reason) {
        return; /* the client left by itself */
    }
    if (!program->options.reconnect && !event->is_connected) {
        program->exit_status = EXIT_DOWN;
    }
    if (program->options.on_down != NULL) {
        lubdub_hooks_run(&program->hooks, program->options.on_down, line);
    }
}

static void on_event(struct lubdub_client *client, const struct lubdub_client_event *event, void *user_data)
{
    struct program *program = user_data;
    struct lubdub_event_line line;
    (void)client;

    reporter_report(&program->reporter, event, &line);
    switch (event->kind) {
    case LUBDUB_CLIENT_UP:
        on_up(program, event, &line);
        break;
    case LUBDUB_CLIENT_ACKED:
    case LUBDUB_CLIENT_LATE_ACK:
        on_ack(program, event);
        break;
    case LUBDUB_CLIENT_DOWN:
        on_down(program, event, &line);
        break;
    case LUBDUB_CLIENT_STOPPED:
        finish(program);
        break;
    case LUBDUB_CLIENT_ROOM:
    case LUBDUB_CLIENT_CONNECTING:
    case LUBDUB_CLIENT_FAILED:
    case LUBDUB_CLIENT_GRANT_CHANGED:
    case LUBDUB_CLIENT_MESSAGE:
    case LUBDUB_CLIENT_HEALTH:
    case LUBDUB_CLIENT_PROGRESS:
    case LUBDUB_CLIENT_RETRYING:
        break;
    }
}

static void on_health(enum lubdub_health health, void *user_data)
{
    struct program *program = user_data;

    lubdub_client_set_health(program->client, health);
}

/* ---- the start ---- */

static void watch_signal(struct program *program, ev_signal *watcher, int signal)
{
    ev_signal_init(watcher, on_signal, signal);
    watcher->data = program;
    ev_signal_start(program->loop, watcher);
}

static void start_check(struct program *program)
{
    const struct options *options = &program->options;
    lubdub_duration interval = options->check_interval;

    if (interval == 0) {
        interval = options->interval > SHORTEST_CHECK_INTERVAL ? options->interval : SHORTEST_CHECK_INTERVAL;
    }
    if (options->check != NULL) {
        check_start(&program->check, program->loop, options->check, interval, options->check_timeout, on_health,
                    program);
    }
}

/* Returns 0, or the status to leave with. */
static int start(struct program *program)
{
    struct lubdub_client_settings settings;
    enum lubdub_error error;
    int failed;

    ev_async_init(&program->output_failed, on_output_failed);
    program->output_failed.data = program;
    ev_async_start(program->loop, &program->output_failed);
    ev_timer_init(&program->patience, on_patience, HOOKS_PATIENCE, 0);
    lubdub_hooks_init(&program->hooks, program->loop, on_hooks_idle, program);

    failed = reporter_open(&program->reporter, &program->options, tell_output_failed, program);
    if (failed != 0) {
        fprintf(stderr, "lubdub-client: cannot write the events: %s\n", strerror(failed));
        return LUBDUB_EXIT_CANNOT_START;
    }
    options_client_settings(&program->options, &settings);
    error = lubdub_client_new(&program->client, program->loop, &settings, on_event, program);
    if (error != LUBDUB_ERROR_OK) {
        fprintf(stderr, "lubdub-client: cannot start: %s\n", lubdub_error_text(error));
        return LUBDUB_EXIT_CANNOT_START;
    }
    watch_signal(program, &program->terminate, SIGTERM);
    watch_signal(program, &program->interrupt, SIGINT);
    watch_signal(program, &program->hang_up, SIGHUP);
    start_check(program);
    lubdub_client_start(program->client);
    return 0;
}

int main(int argc, char *argv[])
{
    static struct program program;
    char problem[LUBDUB_SETTINGS_PROBLEM_SIZE];
    uint64_t lost;

    if (lubdub_standard_streams_prepare() != 0) {
        return LUBDUB_EXIT_CANNOT_START;
    }
    options_init(&program.options);
    if (!lubdub_settings_start(&options_table, argc, argv, &program.options, &program.options.loaded,
                               &program.exit_status)) {
        return program.exit_status;
    }
    program.loop = lubdub_loop_open("lubdub-client");
    if (program.loop == NULL) {
        return LUBDUB_EXIT_CANNOT_START;
    }
    if (lubdub_log_open(STDERR_FILENO, (enum lubdub_log_level)program.options.log_level) != 0) {
        lubdub_log_set_level((enum lubdub_log_level)program.options.log_level);
    }

    lubdub_log_kernel();
    if (program.options.goal.detect != 0 && !options_pursue_goal(&program.options, problem, sizeof problem)) {
        fprintf(stderr, "lubdub-client: %s\n", problem);
        lubdub_log_close();
        options_clear(&program.options);
        return EXIT_DOWN;
    }
    program.exit_status = start(&program);
    if (program.exit_status == 0) {
        ev_run(program.loop, 0);
    }
    check_stop(&program.check);
    lubdub_client_free(program.client);
    lost = reporter_close(&program.reporter);
    if (lost > 0 && program.exit_status != LUBDUB_EXIT_BY_SIGNAL + SIGPIPE) {
        lubdub_log_warning("events were lost count=%llu", (unsigned long long)lost);
    }
    lubdub_log_close();
    options_clear(&program.options);
    return program.exit_status;
}
