/* Turns events into fields of a line. */
#include "client/program/reporter.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/program/text.h"
#include "ev/clock.h"

#define REMOTE_SIZE 80

static const char *event_word(enum lubdub_client_event_kind kind)
{
    switch (kind) {
    case LUBDUB_CLIENT_CONNECTING:
        return "connecting";
    case LUBDUB_CLIENT_FAILED:
        return "failed";
    case LUBDUB_CLIENT_UP:
        return "up";
    case LUBDUB_CLIENT_GRANT_CHANGED:
        return "grant-changed";
    case LUBDUB_CLIENT_ACKED:
        return "ack";
    case LUBDUB_CLIENT_LATE_ACK:
        return "late-ack";
    case LUBDUB_CLIENT_MESSAGE:
        return "message";
    case LUBDUB_CLIENT_HEALTH:
        return "server-health";
    case LUBDUB_CLIENT_PROGRESS:
        return "progress";
    case LUBDUB_CLIENT_DOWN:
        return "down";
    case LUBDUB_CLIENT_RETRYING:
        return "retrying";
    case LUBDUB_CLIENT_STOPPED:
        return "stopped";
    case LUBDUB_CLIENT_ROOM:
        return "room";
    case LUBDUB_CLIENT_PATHS:
        return "paths";
    }
    return "unknown";
}

/* Of which there are two words for one kind. */
static const char *word_of(const struct lubdub_client_event *event)
{
    if (event->kind == LUBDUB_CLIENT_PATHS) {
        return event->paths < event->was_paths ? "path-lost" : "path-back";
    }
    return event_word(event->kind);
}

static void put_milliseconds(struct lubdub_event_line *line, const char *key, lubdub_duration duration)
{
    lubdub_event_line_number(line, key, duration / LUBDUB_MILLISECOND);
}

static void put_microseconds(struct lubdub_event_line *line, const char *key, lubdub_duration duration)
{
    lubdub_event_line_number(line, key, (duration + LUBDUB_MICROSECOND / 2) / LUBDUB_MICROSECOND);
}

/* The server as the options name it. The remote address says what came of it. */
static void put_server(struct lubdub_event_line *line, const struct lubdub_client_server *server)
{
    char text[300];

    snprintf(text, sizeof text, strchr(server->host, ':') != NULL ? "[%s]:%u" : "%s:%u", server->host,
             (unsigned)server->port);
    lubdub_event_line_text(line, "server", text);
}

static void put_up(struct lubdub_event_line *line, const struct lubdub_client_event *event)
{
    put_milliseconds(line, "interval_ms", event->interval);
    put_milliseconds(line, "expiry_ms", event->expiry);
    if (event->kind == LUBDUB_CLIENT_GRANT_CHANGED) {
        return;
    }
    lubdub_event_line_flag(line, "resumed", event->is_resumed);
    lubdub_event_line_flag(line, "recovered", event->is_recovered);
    if (event->last_end != LUBDUB_CAUSE_NONE) {
        lubdub_event_line_word(line, "last_end", lubdub_cause_word(event->last_end));
    }
    lubdub_event_line_number(line, "paths", event->paths);
}

static void put_end(struct lubdub_event_line *line, const struct lubdub_client_event *event)
{
    lubdub_event_line_word(line, "cause", lubdub_cause_word(event->cause));
    if (event->has_reason) {
        lubdub_event_line_number(line, "reason", event->reason);
    }
    if (event->text.length > 0) {
        lubdub_event_line_string(line, "text", event->text.data, event->text.length);
    }
}

static void put_down(struct lubdub_event_line *line, const struct lubdub_client_event *event)
{
    put_end(line, event);
    if (event->sequence != 0) {
        lubdub_event_line_number(line, "sequence", event->sequence);
        put_milliseconds(line, "waited_ms", event->waited_for);
    }
    if (event->was_up && event->cause != LUBDUB_CAUSE_SHUTDOWN) {
        put_milliseconds(line, "silent_ms", event->silent_for);
    }
    if (event->was_up) {
        put_milliseconds(line, "connected_ms", event->connected_for);
    }
    if (event->deadline != 0) {
        lubdub_event_line_number(line, "deadline_ns", event->deadline);
    }
    if (event->adaptive != 0) {
        put_milliseconds(line, "adaptive_ms", event->adaptive);
    }
    lubdub_event_line_flag(line, "was_up", event->was_up);
    lubdub_event_line_flag(line, "connected", event->is_connected);
}

static void put_details(struct lubdub_event_line *line, const struct lubdub_client_event *event)
{
    switch (event->kind) {
    case LUBDUB_CLIENT_CONNECTING:
        put_server(line, event->server);
        break;
    case LUBDUB_CLIENT_FAILED:
        put_server(line, event->server);
        put_end(line, event);
        break;
    case LUBDUB_CLIENT_UP:
    case LUBDUB_CLIENT_GRANT_CHANGED:
        put_up(line, event);
        break;
    case LUBDUB_CLIENT_ACKED:
    case LUBDUB_CLIENT_LATE_ACK:
        lubdub_event_line_number(line, "sequence", event->sequence);
        put_microseconds(line, "rtt_us", event->round_trip);
        break;
    case LUBDUB_CLIENT_MESSAGE:
        lubdub_event_line_number(line, "sequence", event->sequence);
        lubdub_event_line_number(line, "length", event->length);
        lubdub_event_line_string(line, "content", event->content, event->length);
        break;
    case LUBDUB_CLIENT_HEALTH:
        lubdub_event_line_word(line, "health", lubdub_health_word(event->health));
        lubdub_event_line_word(line, "was", lubdub_health_word(event->was_health));
        lubdub_event_line_string(line, "content", event->content, event->length);
        break;
    case LUBDUB_CLIENT_PROGRESS:
        lubdub_event_line_flag(line, "stalled", event->is_stalled);
        put_milliseconds(line, "without_ms", event->without_progress);
        break;
    case LUBDUB_CLIENT_DOWN:
        put_server(line, event->server);
        put_down(line, event);
        break;
    case LUBDUB_CLIENT_RETRYING:
        put_milliseconds(line, "in_ms", event->retry_in);
        break;
    case LUBDUB_CLIENT_PATHS:
        lubdub_event_line_number(line, "paths", event->paths);
        break;
    case LUBDUB_CLIENT_STOPPED:
    case LUBDUB_CLIENT_ROOM:
        break;
    }
}

/* Whether its details name it. */
static bool names_server(enum lubdub_client_event_kind kind)
{
    return kind == LUBDUB_CLIENT_CONNECTING || kind == LUBDUB_CLIENT_FAILED || kind == LUBDUB_CLIENT_DOWN;
}

static bool is_told(const struct reporter *reporter, enum lubdub_client_event_kind kind)
{
    if (kind == LUBDUB_CLIENT_STOPPED || kind == LUBDUB_CLIENT_ROOM) {
        return false; /* the summary says so */
    }
    return !reporter->is_quiet || (kind != LUBDUB_CLIENT_ACKED && kind != LUBDUB_CLIENT_LATE_ACK);
}

void reporter_report(struct reporter *reporter, const struct lubdub_client_event *event, struct lubdub_event_line *line)
{
    char remote[REMOTE_SIZE];

    lubdub_event_line_begin(line, word_of(event), event->now,
                            lubdub_clock_realtime() - lubdub_time_between(event->now, lubdub_clock_now()));
    if (event->session != 0) {
        lubdub_event_line_number(line, "session", event->session);
    }
    lubdub_event_line_text(line, "id", reporter->identity);
    if (event->remote != NULL) {
        lubdub_event_line_text(line, "remote", lubdub_client_event_remote(event, remote));
    }
    put_details(line, event);
    if (reporter->names_servers && !names_server(event->kind)) {
        put_server(line, event->server);
    }
    if (is_told(reporter, event->kind)) {
        lubdub_event_writer_put(reporter->output, line);
    }
}

/* ---- the summary ---- */

static void put_counts(struct lubdub_event_line *line, const struct lubdub_client_counts *counts)
{
    lubdub_event_line_number(line, "sent", counts->sent);
    lubdub_event_line_number(line, "acked", counts->acked);
    lubdub_event_line_number(line, "late", counts->late);
    lubdub_event_line_number(line, "lost", counts->lost);
    lubdub_event_line_number(line, "narrow", counts->narrow);
}

void reporter_report_host(struct reporter *reporter, const struct reporter_host *host)
{
    struct lubdub_event_line line;

    lubdub_event_line_begin_now(&line, "host");
    lubdub_event_line_text(&line, "id", reporter->identity);
    put_server(&line, host->server);
    lubdub_event_line_flag(&line, "up", host->is_up);
    put_counts(&line, &host->counts);
    lubdub_event_writer_put(reporter->output, &line);
}

void reporter_summarize(struct reporter *reporter, const struct reporter_summary *summary)
{
    const struct round_trips *round_trips = summary->round_trips;
    struct lubdub_event_line line;

    lubdub_event_line_begin_now(&line, "summary");
    lubdub_event_line_text(&line, "id", reporter->identity);
    put_counts(&line, &summary->counts);
    if (summary->host_count > 0) {
        lubdub_event_line_number(&line, "hosts", summary->host_count);
        lubdub_event_line_number(&line, "up", summary->up_count);
    }
    if (round_trips->all.count > 0) {
        put_microseconds(&line, "rtt_min_us", round_trips->all.least);
        put_microseconds(&line, "rtt_p50_us", round_trips_percentile(round_trips, 50));
        put_microseconds(&line, "rtt_p99_us", round_trips_percentile(round_trips, 99));
        put_microseconds(&line, "rtt_max_us", round_trips->all.most);
    }
    lubdub_event_writer_put(reporter->output, &line);
}

void reporter_take_options(struct reporter *reporter, const struct options *options)
{
    reporter->identity = options_identity(options);
    reporter->is_quiet = options->quiet;
    reporter->names_servers = options->all;
}

/* Room of each half of the store: some thousands of lines. */
#define STORE_CAPACITY ((size_t)1024 * 1024)

int reporter_open(struct reporter *reporter, const struct options *options, void (*on_failed)(void *user_data),
                  void *user_data)
{
    struct lubdub_event_writer_settings settings;

    memset(reporter, 0, sizeof *reporter);
    reporter_take_options(reporter, options);
    if (options->events == LUBDUB_EVENTS_NONE) {
        return 0;
    }
    lubdub_event_writer_settings_init(&settings);
    settings.descriptor = STDOUT_FILENO;
    settings.format = options->events == LUBDUB_EVENTS_TEXT ? text_format : NULL;
    settings.on_failed = on_failed;
    settings.user_data = user_data;
    settings.capacity = STORE_CAPACITY;
    return lubdub_event_writer_new(&reporter->output, &settings);
}

uint64_t reporter_close(struct reporter *reporter)
{
    return lubdub_event_writer_close(reporter->output, LUBDUB_EVENT_WRITER_PATIENCE);
}
