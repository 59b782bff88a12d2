/* Turns the events of one client into lines, commands, and an end. */
#include "client/program/watch.h"

#include <stdio.h>
#include <string.h>

#include "program/events/log.h"

#define SHORTEST_CHECK_INTERVAL (100 * LUBDUB_MILLISECOND)

/* A token may be changed on both sides, and not at the same moment. */
#define UNAUTHORIZED_LIMIT 5

enum told_state {
    TOLD_NOTHING,
    TOLD_UP,
    TOLD_DOWN,
};

/* ---- commands ---- */

/* Also where only one of the two is given: after the other state it is news again. */
static void tell_state(struct watch *watch, enum told_state state, const struct lubdub_event_line *facts)
{
    const struct options *options = &watch->program->options;
    const struct lubdub_hook_call call = {
        .command = state == TOLD_UP ? options->on_up : options->on_down,
        .facts = facts,
        .subject = &watch->state,
        .state = state,
    };

    lubdub_hooks_run(&watch->program->hooks, &call);
}

static void tell_failure(struct watch *watch, const struct lubdub_event_line *facts)
{
    const struct lubdub_hook_call call = {
        .command = watch->program->options.on_failed,
        .facts = facts,
        .subject = &watch->rounds,
    };

    if (call.command != NULL) {
        lubdub_hooks_run(&watch->program->hooks, &call);
    }
}

/* ---- the end ---- */

static void add_counts(struct lubdub_client_counts *sum, const struct lubdub_client_counts *more)
{
    sum->sessions += more->sessions;
    sum->sent += more->sent;
    sum->acked += more->acked;
    sum->late += more->late;
    sum->lost += more->lost;
    sum->narrow += more->narrow;
}

void watch_counts(const struct watch *watch, struct lubdub_client_counts *counts)
{
    struct lubdub_client_counts own = {.size = sizeof own};

    if (watch->client != NULL) {
        lubdub_client_counts(watch->client, &own);
    }
    *counts = watch->past;
    add_counts(counts, &own);
}

static void on_stopped(struct watch *watch)
{
    if (watch->renews && !watch->program->is_leaving && !watch->is_done) {
        watch->renews = false;
        watch_counts(watch, &watch->past);
        lubdub_client_free(watch->client);
        watch->client = NULL;
        if (watch_start(watch)) {
            return;
        }
        watch->has_failed = true;
    }
    watch->is_stopped = true;
    watch->program->on_rest(watch->program);
}

/* The count of acks says that the server lives; only a finished check says that what is checked does. */
static void leave_if_done(struct watch *watch)
{
    const struct program *program = watch->program;

    if (watch->is_done && (program->options.check == NULL || program->check.has_result)) {
        lubdub_client_stop(watch->client, LUBDUB_REASON_NORMAL);
    }
}

/* ---- events ---- */

static void tell_manager(struct program *program)
{
    size_t up_count = 0;
    size_t i;

    for (i = 0; i < program->watch_count; i++) {
        up_count += program->watches[i].is_up;
    }
    service_tell_up(&program->service, up_count, program->watch_count);
}

static void read_token(struct watch *watch)
{
    struct options *options = &watch->program->options;
    char problem[LUBDUB_SETTINGS_PROBLEM_SIZE];

    if (options->token_file == NULL) {
        return;
    }
    if (!options_read_token(options, problem, sizeof problem)) {
        lubdub_log_peer(LUBDUB_LOG_WARNING, "the token stays as it was: %s", problem);
        return;
    }
    (void)lubdub_client_set_token(watch->client, options->token.lines[0].data, options->token.lines[0].length);
}

static void say_grant(struct watch *watch, const struct lubdub_client_event *event)
{
    unsigned long long asked = watch->program->options.interval / LUBDUB_MILLISECOND;
    unsigned long long granted = event->interval / LUBDUB_MILLISECOND;

    if (granted != asked && event->interval != watch->told_interval) {
        lubdub_log_info("the server grants another interval than was asked for asked_ms=%llu granted_ms=%llu", asked,
                        granted);
    }
    watch->told_interval = event->interval;
}

static void on_up(struct watch *watch, const struct lubdub_client_event *event, const struct lubdub_event_line *line)
{
    const char *message = watch->program->options.message;

    watch->is_up = true;
    watch->unauthorized = 0;
    say_grant(watch, event);
    tell_state(watch, TOLD_UP, line);
    tell_manager(watch->program);
    if (message != NULL && !event->is_recovered) {
        enum lubdub_error error = lubdub_client_send(watch->client, message, strlen(message));

        if (error != LUBDUB_ERROR_OK) {
            lubdub_log_error("the message was not sent error=\"%s\"", lubdub_error_text(error));
        }
    }
}

static void on_ack(struct watch *watch, const struct lubdub_client_event *event)
{
    struct program *program = watch->program;

    round_trips_add(&program->round_trips, event->round_trip);
    watch->ack_count++;
    if (!watch->is_done && program->options.count > 0 && watch->ack_count >= program->options.count) {
        watch->is_done = true;
        leave_if_done(watch);
    }
}

/* No patience makes a wrong token right. */
static void note_refusal(struct watch *watch, const struct lubdub_client_event *event)
{
    bool is_unauthorized = event->has_reason && event->reason == LUBDUB_REASON_UNAUTHORIZED;

    watch->unauthorized = is_unauthorized ? watch->unauthorized + 1 : 0;
    if (watch->unauthorized == UNAUTHORIZED_LIMIT) {
        lubdub_log_error("gives up: unauthorized so many times in a row times=%u", watch->unauthorized);
        watch->has_failed = true;
        lubdub_client_stop(watch->client, LUBDUB_REASON_NORMAL);
    }
}

static void on_down(struct watch *watch, const struct lubdub_client_event *event, const struct lubdub_event_line *line)
{
    const struct options *options = &watch->program->options;

    if (event->cause == LUBDUB_CAUSE_SHUTDOWN && event->has_reason) {
        return; /* the client left by itself */
    }
    watch->is_up = false;
    tell_state(watch, TOLD_DOWN, line);
    tell_manager(watch->program);
    if (!event->was_up) {
        tell_failure(watch, line);
    }
    if (!options->reconnect) {
        watch->has_failed = watch->has_failed || !event->is_connected;
    } else if (!event->was_up) {
        note_refusal(watch, event);
    }
}

/* A server that is up and cannot work is no use: where that is asked for, it counts as down until it says otherwise. */
static void on_health(struct watch *watch, const struct lubdub_client_event *event,
                      const struct lubdub_event_line *line)
{
    const struct options *options = &watch->program->options;
    bool is_up = event->health != LUBDUB_HEALTH_CRITICAL;

    if (!options->require_server_health || is_up == watch->is_up) {
        return;
    }
    watch->is_up = is_up;
    tell_state(watch, is_up ? TOLD_UP : TOLD_DOWN, line);
    tell_manager(watch->program);
    if (!is_up && !options->reconnect) {
        watch->has_failed = true;
        lubdub_client_stop(watch->client, LUBDUB_REASON_NORMAL);
    }
}

static void on_event(struct lubdub_client *client, const struct lubdub_client_event *event, void *user_data)
{
    struct watch *watch = user_data;
    struct lubdub_event_line line;
    (void)client;

    reporter_report(&watch->program->reporter, event, &line);
    switch (event->kind) {
    case LUBDUB_CLIENT_CONNECTING:
        read_token(watch);
        break;
    case LUBDUB_CLIENT_UP:
        on_up(watch, event, &line);
        break;
    case LUBDUB_CLIENT_GRANT_CHANGED:
        say_grant(watch, event);
        break;
    case LUBDUB_CLIENT_ACKED:
    case LUBDUB_CLIENT_LATE_ACK:
        on_ack(watch, event);
        break;
    case LUBDUB_CLIENT_DOWN:
        on_down(watch, event, &line);
        break;
    case LUBDUB_CLIENT_HEALTH:
        on_health(watch, event, &line);
        break;
    case LUBDUB_CLIENT_STOPPED:
        on_stopped(watch);
        break;
    case LUBDUB_CLIENT_PATHS:
    case LUBDUB_CLIENT_ROOM:
    case LUBDUB_CLIENT_FAILED:
    case LUBDUB_CLIENT_MESSAGE:
    case LUBDUB_CLIENT_PROGRESS:
    case LUBDUB_CLIENT_RETRYING:
        break;
    }
}

/* ---- for the program ---- */

/* What the check said is the content, or where it says nothing that of the options. */
static void tell_check(struct watch *watch)
{
    const struct program *program = watch->program;
    const struct check *check = &program->check;
    struct lubdub_slice content = {check->said, check->said_length};
    enum lubdub_error error;

    if (content.length == 0) {
        content = lubdub_client_text(program->options.content);
    }
    lubdub_client_set_health(watch->client, check->health);
    error = lubdub_client_set_content(watch->client, content.data, content.length);
    if (error != LUBDUB_ERROR_OK) {
        lubdub_log_peer(LUBDUB_LOG_WARNING, "the server is not told what the check says error=\"%s\"",
                        lubdub_error_text(error));
    }
}

/* Watches that waited for a result leave, and all watches tell it. */
static void on_check(void *user_data)
{
    const struct program *program = user_data;
    size_t i;

    for (i = 0; i < program->watch_count; i++) {
        struct watch *watch = &program->watches[i];

        if (!watch->is_stopped) {
            tell_check(watch);
            leave_if_done(watch);
        }
    }
}

void watch_start_check(struct program *program)
{
    const struct options *options = &program->options;
    lubdub_duration interval = options->check_interval;

    if (interval == 0) {
        interval = lubdub_duration_longer(options->interval, SHORTEST_CHECK_INTERVAL);
    }
    if (options->check != NULL) {
        check_start(&program->check, program->loop, options->check, interval, options->check_timeout, on_check,
                    program);
    }
}

bool watch_start(struct watch *watch)
{
    const struct options *options = &watch->program->options;
    struct lubdub_client_settings settings;
    enum lubdub_error error;

    options_client_settings(options, &settings);
    if (options->all) {
        settings.servers = &options->servers[watch->index];
        settings.server_count = 1;
    }
    error = lubdub_client_new(&watch->client, watch->program->loop, &settings, on_event, watch);
    if (error != LUBDUB_ERROR_OK) {
        fprintf(stderr, "lubdub-client: cannot start: %s\n", lubdub_error_text(error));
        return false;
    }
    if (watch->program->check.has_result) {
        tell_check(watch);
    }
    lubdub_client_start(watch->client);
    return true;
}

void watch_renew(struct watch *watch)
{
    if (!watch->is_stopped && !watch->is_done) {
        watch->renews = true;
        lubdub_client_stop(watch->client, LUBDUB_REASON_NORMAL);
    }
}
