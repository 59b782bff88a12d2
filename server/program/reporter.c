/* Decides which lines are told, when, and to whom: what is beyond a budget is held back, summed up, and settled by a
 * timer. */
#include "server/program/reporter.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ev/clock.h"
#include "program/events/log.h"
#include "server/program/event_text.h"
#include "server/program/lines.h"

/* For the log; not const because they travel as user data. */
static char standard_output[] = "stdout";
static char events_file[] = "events-file";

/* Seconds between looks at what is held or counted. */
#define SETTLING 0.25

/* ---- what goes out later: sums, and what was held back ---- */

static void put_line(struct reporter *reporter, const struct lubdub_event_line *line)
{
    size_t i;

    lubdub_event_writer_put(reporter->output, line);
    lubdub_event_writer_put(reporter->file, line);
    for (i = 0; i < reporter->listener_count; i++) {
        reporter->listeners[i](line, reporter->listener_data[i]);
    }
}

/* Under the lock, so that the sums of a session stand before its end. */
static void tell_sum(const struct budget_sum *sum, void *user_data)
{
    struct reporter *reporter = user_data;
    struct lubdub_event_line line;

    lines_of_sum(&line, sum, reporter->node);
    put_line(reporter, &line);
}

static void release_line(const struct lubdub_event_line *line, void *user_data)
{
    put_line(user_data, line);
}

/* What the session did before it was told of follows. */
static void release_begun(const struct lubdub_event_line *line, uint64_t session, lubdub_time now, void *user_data)
{
    struct reporter *reporter = user_data;

    put_line(reporter, line);
    budget_begin(reporter->budget, session, now);
}

static bool settle(struct reporter *reporter, lubdub_time now, bool is_end)
{
    bool is_left = takeovers_settle(reporter->takeovers, now, is_end);

    is_left = brief_sessions_settle(reporter->brief_sessions, now, is_end) || is_left;
    return budget_settle(reporter->budget, now, is_end) || is_left;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct reporter *reporter = timer->data;
    (void)revents;

    pthread_mutex_lock(&reporter->lock);
    reporter->is_settling = settle(reporter, lubdub_clock_now(), false);
    if (!reporter->is_settling) {
        ev_timer_stop(loop, timer);
    }
    pthread_mutex_unlock(&reporter->lock);
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int revents)
{
    struct reporter *reporter = wake->data;
    (void)revents;

    ev_timer_again(loop, &reporter->timer);
}

/* ---- reporting ---- */

/* Under the lock. */
static void want_settling(struct reporter *reporter)
{
    if (!reporter->is_settling) {
        reporter->is_settling = true;
        ev_async_send(reporter->loop, &reporter->wake);
    }
}

static bool admits(struct reporter *reporter, const struct lubdub_server_event *event)
{
    if (takeovers_hide(reporter->takeovers, event) || brief_sessions_hide(reporter->brief_sessions, event)) {
        budget_count(reporter->budget, event);
        return false;
    }
    return budget_admits(reporter->budget, event);
}

/* Decided before the line is built: of a flood, most are only counted. */
static void report_minor(struct reporter *reporter, const struct lubdub_server_event *event)
{
    struct lubdub_event_line line;
    bool is_told;

    pthread_mutex_lock(&reporter->lock);
    is_told = admits(reporter, event);
    if (!is_told) {
        want_settling(reporter);
    }
    pthread_mutex_unlock(&reporter->lock);
    if (is_told) {
        lines_of_event(&line, event, reporter->node);
        put_line(reporter, &line);
    }
}

static void report_lifecycle(struct reporter *reporter, const struct lubdub_server_event *event)
{
    struct lubdub_event_line line;
    bool is_told = true;

    lines_of_event(&line, event, reporter->node);
    pthread_mutex_lock(&reporter->lock);
    if (event->kind == LUBDUB_SERVER_CONNECTED) {
        is_told = takeovers_connected(reporter->takeovers, event, &line) &&
                  brief_sessions_connected(reporter->brief_sessions, event, &line);
    } else if (event->kind == LUBDUB_SERVER_DISCONNECTED) {
        is_told = takeovers_disconnected(reporter->takeovers, event) &&
                  brief_sessions_disconnected(reporter->brief_sessions, event);
        budget_end(reporter->budget, event, is_told);
    } else if (event->kind == LUBDUB_SERVER_GONE) {
        is_told = brief_sessions_gone(reporter->brief_sessions, event);
    } else if (event->kind == LUBDUB_SERVER_STOPPED) {
        settle(reporter, event->now, true); /* nothing comes after it */
    }
    if (!is_told) {
        want_settling(reporter);
    }
    pthread_mutex_unlock(&reporter->lock);
    if (is_told) {
        put_line(reporter, &line);
    }
}

void reporter_report(struct reporter *reporter, const struct lubdub_server_event *event)
{
    if (reporter->output == NULL && reporter->file == NULL && reporter->listener_count == 0) {
        return;
    }
    if (budget_concerns(event)) {
        report_minor(reporter, event);
    } else {
        report_lifecycle(reporter, event);
    }
}

void reporter_tell(struct reporter *reporter, const struct lubdub_event_line *line)
{
    put_line(reporter, line);
}

/* In the writer's thread. */
static void on_failed(void *user_data)
{
    lubdub_log_warning("nobody reads the events any more output=%s", (const char *)user_data);
}

/* In the writer's thread. */
static void on_refused(int error, void *user_data)
{
    if (error != 0) {
        lubdub_log_error("events cannot be written, they are lost output=%s error=\"%s\"", (const char *)user_data,
                         strerror(error));
    } else {
        lubdub_log_info("events are written again output=%s", (const char *)user_data);
    }
}

static bool has_budgets(const struct reporter *reporter)
{
    return reporter->budget != NULL && reporter->takeovers != NULL && reporter->brief_sessions != NULL;
}

static int open_budgets(struct reporter *reporter, struct ev_loop *loop)
{
    int error = pthread_mutex_init(&reporter->lock, NULL);

    if (error != 0) {
        return error;
    }
    reporter->loop = loop;
    reporter->budget = budget_new(tell_sum, reporter);
    reporter->takeovers = takeovers_new(release_line, tell_sum, reporter);
    reporter->brief_sessions = brief_sessions_new(release_begun, tell_sum, reporter);
    ev_timer_init(&reporter->timer, on_timer, 0., SETTLING);
    reporter->timer.data = reporter;
    ev_async_init(&reporter->wake, on_wake);
    reporter->wake.data = reporter;
    ev_async_start(loop, &reporter->wake);
    return has_budgets(reporter) ? 0 : ENOMEM;
}

int reporter_open(struct reporter *reporter, const struct options *options, struct ev_loop *loop)
{
    struct lubdub_event_writer_settings settings;
    int error;

    memset(reporter, 0, sizeof *reporter);
    reporter->node = options->node;
    error = open_budgets(reporter, loop);
    if (error != 0) {
        return error;
    }
    lubdub_event_writer_settings_init(&settings);
    settings.descriptor = STDOUT_FILENO;
    settings.on_failed = on_failed;
    settings.on_refused = on_refused;
    settings.user_data = standard_output;
    settings.format = options->events == LUBDUB_EVENTS_TEXT ? event_text_format : NULL;
    if (options->events != LUBDUB_EVENTS_NONE) {
        error = lubdub_event_writer_new(&reporter->output, &settings);
    }
    if (error == 0 && options->events_file != NULL) {
        lubdub_event_writer_settings_init(&settings);
        settings.descriptor = -1;
        settings.path = options->events_file;
        settings.on_failed = on_failed;
        settings.on_refused = on_refused;
        settings.user_data = events_file;
        error = lubdub_event_writer_new(&reporter->file, &settings);
    }
    return error;
}

void reporter_add_listener(struct reporter *reporter, reporter_hear hear, void *user_data)
{
    assert(reporter->listener_count < REPORTER_LISTENERS);
    reporter->listeners[reporter->listener_count] = hear;
    reporter->listener_data[reporter->listener_count] = user_data;
    reporter->listener_count++;
}

int reporter_reopen(struct reporter *reporter)
{
    return reporter->file != NULL ? lubdub_event_writer_reopen(reporter->file) : 0;
}

uint64_t reporter_lost_output(const struct reporter *reporter)
{
    return reporter->output != NULL ? lubdub_event_writer_lost(reporter->output) : 0;
}

uint64_t reporter_lost_file(const struct reporter *reporter)
{
    return reporter->file != NULL ? lubdub_event_writer_lost(reporter->file) : 0;
}

uint64_t reporter_lost(const struct reporter *reporter)
{
    return reporter_lost_output(reporter) + reporter_lost_file(reporter);
}

uint64_t reporter_close(struct reporter *reporter)
{
    uint64_t lost;

    if (reporter->loop == NULL) {
        return 0;
    }
    ev_async_stop(reporter->loop, &reporter->wake);
    ev_timer_stop(reporter->loop, &reporter->timer);
    if (has_budgets(reporter)) {
        settle(reporter, lubdub_clock_now(), true);
    }
    budget_free(reporter->budget);
    takeovers_free(reporter->takeovers);
    brief_sessions_free(reporter->brief_sessions);
    pthread_mutex_destroy(&reporter->lock);
    lost = lubdub_event_writer_close(reporter->output, LUBDUB_EVENT_WRITER_PATIENCE);
    return lost + lubdub_event_writer_close(reporter->file, LUBDUB_EVENT_WRITER_PATIENCE);
}
