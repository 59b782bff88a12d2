/* Runs lubdub-client: starts it, handles its signals, and ends it. */
#define _GNU_SOURCE
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lubdub/client.h>

#include "client/plan/logarithm.h"
#include "client/program/confine.h"
#include "client/program/program.h"
#include "client/program/reload.h"
#include "client/program/watch.h"
#include "ev/clock.h"
#include "ev/paths.h"
#include "program/events/log.h"
#include "program/process/exit_status.h"
#include "program/process/startup.h"

/* For commands that still run when all else is over. The last one is not killed. */
#define HOOKS_PATIENCE 2.0

/* ---- the end ---- */

static void judge(struct program *program)
{
    const struct options *options = &program->options;
    bool is_asked = options->count > 0 || options->deadline > 0;
    size_t i;

    if (program->signal != 0) {
        program->exit_status = LUBDUB_EXIT_BY_SIGNAL + program->signal;
        return;
    }
    for (i = 0; i < program->watch_count; i++) {
        if (program->watches[i].has_failed) {
            program->exit_status = EXIT_DOWN;
        }
    }
    if (is_asked && options->check != NULL &&
        (!program->check.has_result || program->check.health == LUBDUB_HEALTH_CRITICAL)) {
        program->exit_status = EXIT_DOWN;
    }
}

static void summarize(struct program *program)
{
    struct reporter_summary summary = {.round_trips = &program->round_trips};
    size_t i;

    for (i = 0; i < program->watch_count; i++) {
        const struct watch *watch = &program->watches[i];
        struct reporter_host host = {.server = &program->options.servers[watch->index], .is_up = watch->is_up};

        watch_counts(watch, &host.counts);
        summary.counts.sent += host.counts.sent;
        summary.counts.acked += host.counts.acked;
        summary.counts.late += host.counts.late;
        summary.counts.lost += host.counts.lost;
        summary.counts.narrow += host.counts.narrow;
        if (program->options.all) {
            reporter_report_host(&program->reporter, &host);
            summary.host_count++;
            summary.up_count += watch->is_up;
        }
    }
    reporter_summarize(&program->reporter, &summary);
}

static void finish(struct program *program)
{
    program->is_over = true;
    judge(program);
    summarize(program);
    check_stop(&program->check);
    if (lubdub_hooks_is_idle(&program->hooks)) {
        ev_break(program->loop, EVBREAK_ALL);
    } else {
        ev_timer_again(program->loop, &program->patience);
    }
}

static void on_rest(struct program *program)
{
    size_t i;

    for (i = 0; i < program->watch_count; i++) {
        if (!program->watches[i].is_stopped) {
            return;
        }
    }
    finish(program);
}

/* A command that takes too long does not keep the last word from being told. */
static void on_patience(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct program *program = timer->data;
    (void)revents;

    if (lubdub_hooks_has_waiting(&program->hooks)) {
        lubdub_hooks_hurry(&program->hooks);
        ev_timer_again(loop, timer);
    } else {
        ev_break(loop, EVBREAK_ALL);
    }
}

static void on_hooks_idle(void *user_data)
{
    struct program *program = user_data;

    if (program->is_over) {
        ev_break(program->loop, EVBREAK_ALL);
    }
}

/* The first time: with a BYE. The second time, and before there is any client: at once. */
static void leave(struct program *program)
{
    size_t i;

    if (program->is_leaving || program->is_over || program->watch_count == 0) {
        program->is_leaving = true;
        judge(program);
        ev_break(program->loop, EVBREAK_ALL);
        return;
    }
    program->is_leaving = true;
    service_tell_stopping(&program->service);
    for (i = 0; i < program->watch_count; i++) {
        lubdub_client_stop(program->watches[i].client, LUBDUB_REASON_NORMAL);
    }
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int revents)
{
    struct program *program = watcher->data;
    (void)loop, (void)revents;

    program->signal = watcher->signum;
    leave(program);
}

/* Without a file there is nothing to read again, and the terminal has gone. */
static void on_hang_up(struct ev_loop *loop, ev_signal *watcher, int revents)
{
    struct program *program = watcher->data;

    if (!reload_has_files(program)) {
        on_signal(loop, watcher, revents);
    } else if (program->watch_count > 0 && !program->is_leaving && !program->is_over) {
        reload_options(program);
    }
}

/* Standard output is not read any more: the program ends as by SIGPIPE, but says BYE. */
static void on_output_failed(struct ev_loop *loop, ev_async *async, int revents)
{
    struct program *program = async->data;
    (void)loop, (void)revents;

    program->signal = SIGPIPE;
    leave(program);
}

/* In the writer's thread. */
static void tell_output_failed(void *user_data)
{
    struct program *program = user_data;

    ev_async_send(program->loop, &program->output_failed);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct program *program = timer->data;
    bool has_failed = program->watch_count == 0;
    size_t i;
    (void)loop, (void)revents;

    if (program->is_leaving || program->is_over) {
        return;
    }
    for (i = 0; i < program->watch_count; i++) {
        struct watch *watch = &program->watches[i];

        if (!watch->is_done && (program->options.count > 0 || !watch->is_up || watch->ack_count == 0)) {
            watch->has_failed = has_failed = true;
        }
    }
    if (program->watch_count == 0) {
        program->exit_status = EXIT_DOWN;
    }
    if (has_failed) {
        lubdub_log_warning("the deadline came before all was done deadline_ms=%llu",
                           (unsigned long long)(program->options.deadline / LUBDUB_MILLISECOND));
    }
    leave(program);
}

/* What a shell or a supervisor asks of a program that a signal ends: to end by it. */
static void end_by_signal(int signal)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t set;

    sigaction(signal, &usual, NULL);
    sigemptyset(&set);
    sigaddset(&set, signal);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(signal); /* returns in a process 1, which no default action ends */
}

/* ---- the start ---- */

/* Watches a signal, unless it is ignored at the start (nohup, a shell's background): then it stays ignored. */
static void watch_signal(struct program *program, ev_signal *watcher, int signal,
                         void (*on_it)(struct ev_loop *, ev_signal *, int))
{
    struct sigaction present;

    if (sigaction(signal, NULL, &present) == 0 && present.sa_handler == SIG_IGN) {
        return;
    }
    ev_signal_init(watcher, on_it, signal);
    watcher->data = program;
    ev_signal_start(program->loop, watcher);
}

static void on_end_of_wait(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)timer, (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static void wait_for(struct ev_loop *loop, lubdub_duration length)
{
    ev_timer timer;

    ev_timer_init(&timer, on_end_of_wait, (ev_tstamp)length / (ev_tstamp)LUBDUB_SECOND, 0);
    ev_now_update(loop);
    ev_timer_start(loop, &timer);
    ev_run(loop, 0);
    ev_timer_stop(loop, &timer);
}

/* A client that comes back waits for its server here, too. False: leave. */
static bool pursue_goal(struct program *program)
{
    const struct options *options = &program->options;
    char problem[LUBDUB_SETTINGS_PROBLEM_SIZE];
    lubdub_duration range = options->backoff_min;

    for (;;) {
        enum goal_result result = options_pursue_goal(&program->options, program->loop, problem, sizeof problem);
        lubdub_duration wait;

        if (result == GOAL_REACHED || program->is_leaving) {
            return !program->is_leaving;
        }
        if (result == GOAL_NOT_POSSIBLE || !options->reconnect) {
            fprintf(stderr, "lubdub-client: %s\n", problem);
            program->exit_status = EXIT_DOWN;
            return false;
        }
        wait = lubdub_clock_now() % (range + 1); /* as good as by chance: what was tried took its time */
        range = range > options->backoff_max / 2 ? options->backoff_max : 2 * range;
        lubdub_log_warning("%s; trying again in_ms=%llu", problem, (unsigned long long)(wait / LUBDUB_MILLISECOND));
        wait_for(program->loop, wait);
        if (program->is_leaving) {
            return false;
        }
    }
}

static void watch_events(struct program *program)
{
    lubdub_duration deadline = program->options.deadline;

    ev_async_init(&program->output_failed, on_output_failed);
    program->output_failed.data = program;
    ev_async_start(program->loop, &program->output_failed);
    ev_timer_init(&program->patience, on_patience, 0, HOOKS_PATIENCE);
    program->patience.data = program;
    ev_timer_init(&program->deadline, on_deadline, (ev_tstamp)deadline / (ev_tstamp)LUBDUB_SECOND, 0);
    program->deadline.data = program;
    if (deadline > 0) {
        ev_now_update(program->loop);
        ev_timer_start(program->loop, &program->deadline);
    }
    lubdub_hooks_init(&program->hooks, program->loop, program->options.hook_timeout, on_hooks_idle, program);
    watch_signal(program, &program->terminate, SIGTERM, on_signal);
    watch_signal(program, &program->interrupt, SIGINT, on_signal);
    watch_signal(program, &program->hang_up, SIGHUP, on_hang_up);
}

/* Returns 0, or the status to leave with. */
static int start(struct program *program)
{
    size_t count = program->options.all ? program->options.server_count : 1;
    int failed = reporter_open(&program->reporter, &program->options, tell_output_failed, program);
    size_t i;

    if (failed != 0) {
        fprintf(stderr, "lubdub-client: cannot write the events: %s\n", strerror(failed));
        return LUBDUB_EXIT_CANNOT_START;
    }
    program->watches = calloc(count, sizeof *program->watches);
    if (program->watches == NULL) {
        fprintf(stderr, "lubdub-client: cannot start: no memory is left\n");
        return LUBDUB_EXIT_CANNOT_START;
    }
    for (i = 0; i < count; i++) {
        program->watches[i].program = program;
        program->watches[i].index = i;
        program->watch_count++;
        if (!watch_start(&program->watches[i])) {
            return LUBDUB_EXIT_CANNOT_START;
        }
    }
    watch_start_check(program);
    service_start(&program->service, program->loop, count);
    return 0;
}

/* The files of TLS are read before anything else is done. */
static bool prepare_tls(struct program *program)
{
    const struct lubdub_credentials files = options_credentials(&program->options);
    char problem[LUBDUB_SETTINGS_PROBLEM_SIZE];

    if (!options_make_tls(&program->options, problem, sizeof problem)) {
        fprintf(stderr, "lubdub-client: cannot start: %s\n", problem);
        program->exit_status = LUBDUB_EXIT_CANNOT_START;
        return false;
    }
    lubdub_credentials_warn(program->options.tls, &files);
    return true;
}

static void run(struct program *program)
{
    watch_events(program);
    if (!prepare_tls(program)) {
        return;
    }
    if (program->options.goal.detect != 0 && !lubdub_logarithm_open()) {
        fprintf(stderr, "lubdub-client: cannot start: --goal: %s\n", lubdub_logarithm_problem());
        program->exit_status = LUBDUB_EXIT_CANNOT_START;
        return;
    }
    program->exit_status = confine_end(&program->options);
    if (program->exit_status != 0) {
        return;
    }
    if (program->options.goal.detect != 0 && !pursue_goal(program)) {
        return;
    }
    program->exit_status = start(program);
    if (program->exit_status == 0) {
        ev_run(program->loop, 0);
    }
}

/* False where this kernel lacks what --mptcp=require asks for. */
static bool has_paths_it_needs(struct program *program)
{
    enum lubdub_multipath wanted = options_multipath(&program->options);
    const char *lack = wanted != LUBDUB_MULTIPATH_OFF ? lubdub_paths_lack() : NULL;

    if (lack == NULL) {
        return true;
    }
    if (wanted == LUBDUB_MULTIPATH_REQUIRED) {
        fprintf(stderr, "lubdub-client: --mptcp=require: %s\n", lack);
        program->exit_status = LUBDUB_EXIT_CANNOT_START;
        return false;
    }
    lubdub_log_warning("--mptcp: plain TCP only reason=\"%s\"", lack);
    return true;
}

static void clear(struct program *program)
{
    uint64_t lost;
    size_t i;

    service_close(&program->service);
    check_stop(&program->check);
    lubdub_hooks_clear(&program->hooks);
    for (i = 0; i < program->watch_count; i++) {
        lubdub_client_free(program->watches[i].client);
    }
    free(program->watches);
    lost = reporter_close(&program->reporter);
    if (lost > 0 && program->signal != SIGPIPE) {
        lubdub_log_warning("events were lost count=%llu", (unsigned long long)lost);
    }
    lubdub_log_close();
    options_clear(&program->options);
}

int main(int argc, char *argv[])
{
    static struct program program;

    if (lubdub_standard_streams_prepare() != 0) {
        return LUBDUB_EXIT_CANNOT_START;
    }
    program.argc = argc;
    program.argv = argv;
    program.on_rest = on_rest;
    options_init(&program.options);
    if (!lubdub_settings_start(&options_table, argc, argv, &program.options, &program.options.loaded,
                               &program.exit_status)) {
        return program.exit_status;
    }
    program.exit_status = confine_begin(&program.options);
    if (program.exit_status != 0) {
        return program.exit_status;
    }
    service_open(&program.service);
    program.loop = lubdub_loop_open("lubdub-client");
    if (program.loop == NULL) {
        return LUBDUB_EXIT_CANNOT_START;
    }
    if (lubdub_log_open(STDERR_FILENO, (enum lubdub_log_level)program.options.log_level) != 0) {
        lubdub_log_set_level((enum lubdub_log_level)program.options.log_level);
    }

    lubdub_log_kernel();
    if (has_paths_it_needs(&program)) {
        run(&program);
    }
    clear(&program);
    if (program.signal != 0) {
        end_by_signal(program.signal);
    }
    return program.exit_status;
}
