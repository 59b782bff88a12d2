/* Turns events into fields of a line, and those fields into the text form. */
#include "server/program/reporter.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ev/clock.h"
#include "program/events/log.h"

#define REMOTE_SIZE 80

/* For the log; not const because they travel as user data. */
static char standard_output[] = "stdout";
static char events_file[] = "events-file";

static const char *event_word(enum lubdub_server_event_kind kind)
{
    switch (kind) {
    case LUBDUB_SERVER_LISTENING:
        return "listening";
    case LUBDUB_SERVER_CONNECTED:
        return "connected";
    case LUBDUB_SERVER_MESSAGE:
        return "message";
    case LUBDUB_SERVER_HEALTH:
        return "health";
    case LUBDUB_SERVER_LATE:
        return "late";
    case LUBDUB_SERVER_RECOVERED:
        return "recovered";
    case LUBDUB_SERVER_DISCONNECTED:
        return "disconnected";
    case LUBDUB_SERVER_GONE:
        return "gone";
    case LUBDUB_SERVER_REJECTED:
        return "rejected";
    case LUBDUB_SERVER_PAUSED:
        return "paused";
    case LUBDUB_SERVER_SUSPICIOUS:
        return "suspicious";
    case LUBDUB_SERVER_DRAINING:
        return "draining";
    case LUBDUB_SERVER_STOPPED:
        return "stopped";
    case LUBDUB_SERVER_ROOM:
        return "room";
    }
    return "unknown";
}

static void put_milliseconds(struct lubdub_event_line *line, const char *key, lubdub_duration duration)
{
    lubdub_event_line_number(line, key, duration / LUBDUB_MILLISECOND);
}

static void put_end(struct lubdub_event_line *line, const struct lubdub_server_event *event)
{
    lubdub_event_line_word(line, "cause", lubdub_cause_word(event->cause));
    if (event->has_reason) {
        lubdub_event_line_number(line, "reason", event->reason);
    }
    if (event->text.length > 0) {
        lubdub_event_line_string(line, "text", event->text.data, event->text.length);
    }
}

static void put_connected(struct lubdub_event_line *line, const struct lubdub_server_event *event)
{
    size_t i;

    put_milliseconds(line, "interval_ms", event->interval);
    put_milliseconds(line, "expiry_ms", event->expiry);
    lubdub_event_line_flag(line, "resumed", event->is_resumed);
    lubdub_event_line_flag(line, "tls", false);
    lubdub_event_line_labels_begin(line, "labels");
    for (i = 0; i < event->label_count; i++) {
        lubdub_event_line_label(line, event->labels[i].key.data, event->labels[i].key.length,
                                event->labels[i].value.data, event->labels[i].value.length);
    }
    lubdub_event_line_labels_end(line);
}

static void put_disconnected(struct lubdub_event_line *line, const struct lubdub_server_event *event)
{
    put_end(line, event);
    put_milliseconds(line, "silent_ms", event->silent_for);
    lubdub_event_line_number(line, "probes", event->probes);
    put_milliseconds(line, "connected_ms", event->connected_for);
    if (event->deadline != 0) {
        lubdub_event_line_number(line, "deadline_ns", event->deadline);
    }
    if (event->adaptive != 0) {
        put_milliseconds(line, "adaptive_ms", event->adaptive);
    }
}

static void put_details(struct lubdub_event_line *line, const struct lubdub_server_event *event)
{
    switch (event->kind) {
    case LUBDUB_SERVER_LISTENING:
        lubdub_event_line_text(line, "address", event->address);
        break;
    case LUBDUB_SERVER_CONNECTED:
        put_connected(line, event);
        break;
    case LUBDUB_SERVER_MESSAGE:
        lubdub_event_line_number(line, "length", event->length);
        break;
    case LUBDUB_SERVER_HEALTH:
        lubdub_event_line_word(line, "health", lubdub_health_word(event->health));
        lubdub_event_line_word(line, "was", lubdub_health_word(event->was_health));
        lubdub_event_line_string(line, "content", event->content, event->length);
        break;
    case LUBDUB_SERVER_LATE:
    case LUBDUB_SERVER_RECOVERED:
        put_milliseconds(line, "silent_ms", event->silent_for);
        break;
    case LUBDUB_SERVER_DISCONNECTED:
        put_disconnected(line, event);
        break;
    case LUBDUB_SERVER_REJECTED:
        put_end(line, event);
        break;
    case LUBDUB_SERVER_PAUSED:
    case LUBDUB_SERVER_SUSPICIOUS:
        lubdub_event_line_string(line, "text", event->text.data, event->text.length);
        break;
    case LUBDUB_SERVER_GONE:
    case LUBDUB_SERVER_DRAINING:
    case LUBDUB_SERVER_STOPPED:
    case LUBDUB_SERVER_ROOM:
        break;
    }
}

void reporter_report(struct reporter *reporter, const struct lubdub_server_event *event)
{
    struct lubdub_event_line line;
    char remote[REMOTE_SIZE];

    if (reporter->output == NULL && reporter->file == NULL) {
        return;
    }
    lubdub_event_line_begin(&line, event_word(event->kind), event->now,
                            lubdub_clock_realtime() - lubdub_time_between(event->now, lubdub_clock_now()));
    if (event->session != 0) {
        lubdub_event_line_number(&line, "session", event->session);
    }
    if (event->identity.length > 0) {
        lubdub_event_line_string(&line, "id", event->identity.data, event->identity.length);
    }
    if (event->remote != NULL) {
        lubdub_event_line_text(&line, "remote", lubdub_server_event_remote(event, remote));
    }
    lubdub_event_line_text(&line, "node", reporter->node);
    put_details(&line, event);
    lubdub_event_writer_put(reporter->output, &line);
    lubdub_event_writer_put(reporter->file, &line);
}

/* ---- the text form, in the writer's thread ---- */

static uint64_t number(const struct lubdub_event_line *line, const char *key)
{
    uint64_t value = 0;

    lubdub_event_line_get_number(line, key, &value);
    return value;
}

/* What happened, after the client that it happened to. */
static int format_event(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    char word[512];
    char more[2048];

    if (lubdub_event_line_is(line, "listening")) {
        return snprintf(text, capacity, "listening on %s",
                        lubdub_event_line_show(line, "address", "", more, sizeof more));
    }
    if (lubdub_event_line_is(line, "message")) {
        return snprintf(text, capacity, "message: %llu bytes", (unsigned long long)number(line, "length"));
    }
    if (lubdub_event_line_is(line, "health")) {
        return snprintf(text, capacity, "health: %s (was %s)",
                        lubdub_event_line_show(line, "health", "", word, sizeof word),
                        lubdub_event_line_show(line, "was", "", more, sizeof more));
    }
    if (lubdub_event_line_is(line, "late") || lubdub_event_line_is(line, "recovered")) {
        return snprintf(text, capacity, "%s: silent for %llu ms", line->event,
                        (unsigned long long)number(line, "silent_ms"));
    }
    if (lubdub_event_line_is(line, "disconnected")) {
        return snprintf(text, capacity, "disconnected: %s",
                        lubdub_event_line_show(line, "cause", "", word, sizeof word));
    }
    if (lubdub_event_line_is(line, "rejected")) {
        return snprintf(text, capacity, "rejected: %s: %s",
                        lubdub_event_line_show(line, "cause", "", word, sizeof word),
                        lubdub_event_line_show(line, "text", "", more, sizeof more));
    }
    if (lubdub_event_line_is(line, "paused")) {
        return snprintf(text, capacity, "accepting pauses: %s",
                        lubdub_event_line_show(line, "text", "", more, sizeof more));
    }
    if (lubdub_event_line_is(line, "suspicious")) {
        return snprintf(text, capacity, "suspicious: %s",
                        lubdub_event_line_show(line, "text", "", more, sizeof more));
    }
    return snprintf(text, capacity, "%s", line->event);
}

static size_t format(const struct lubdub_event_line *line, char *text, size_t capacity, void *user_data)
{
    char who[1024];
    size_t length = 0;
    int more;
    (void)user_data;

    if (lubdub_event_line_is(line, "dropped")) {
        return 0;
    }
    if (lubdub_event_line_show(line, "id", "", who, sizeof who)[0] != '\0') {
        length += (size_t)snprintf(text, capacity, "%s ", who);
    }
    if (lubdub_event_line_show(line, "remote", "", who, sizeof who)[0] != '\0') {
        length += (size_t)snprintf(text + length, capacity - length, "%s ", who);
    }
    more = format_event(line, text + length, capacity - length);
    return more < 0 || (size_t)more >= capacity - length ? 0 : length + (size_t)more;
}

/* In the writer's thread. */
static void on_failed(void *user_data)
{
    lubdub_log_warning("nobody reads the events any more output=%s", (const char *)user_data);
}

int reporter_open(struct reporter *reporter, const struct options *options)
{
    struct lubdub_event_writer_settings settings;
    int error = 0;

    memset(reporter, 0, sizeof *reporter);
    reporter->node = options->node;
    lubdub_event_writer_settings_init(&settings);
    settings.descriptor = STDOUT_FILENO;
    settings.on_failed = on_failed;
    settings.user_data = standard_output;
    settings.format = options->events == LUBDUB_EVENTS_TEXT ? format : NULL;
    if (options->events != LUBDUB_EVENTS_NONE) {
        error = lubdub_event_writer_new(&reporter->output, &settings);
    }
    if (error == 0 && options->events_file != NULL) {
        lubdub_event_writer_settings_init(&settings);
        settings.descriptor = -1;
        settings.path = options->events_file;
        settings.on_failed = on_failed;
        settings.user_data = events_file;
        error = lubdub_event_writer_new(&reporter->file, &settings);
    }
    return error;
}

int reporter_reopen(struct reporter *reporter)
{
    return reporter->file != NULL ? lubdub_event_writer_reopen(reporter->file) : 0;
}

uint64_t reporter_lost(const struct reporter *reporter)
{
    uint64_t lost = reporter->output != NULL ? lubdub_event_writer_lost(reporter->output) : 0;

    return lost + (reporter->file != NULL ? lubdub_event_writer_lost(reporter->file) : 0);
}

uint64_t reporter_close(struct reporter *reporter)
{
    uint64_t lost = lubdub_event_writer_close(reporter->output, LUBDUB_EVENT_WRITER_PATIENCE);

    return lost + lubdub_event_writer_close(reporter->file, LUBDUB_EVENT_WRITER_PATIENCE);
}
