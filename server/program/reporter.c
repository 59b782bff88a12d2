/* Turns events into fields of a line, and the fields into the text form. */
#include "server/program/reporter.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ev/address.h"
#include "ev/clock.h"
#include "program/events/escape.h"
#include "program/events/field.h"
#include "program/events/log.h"

/* For the log; not const because they travel as user data. */
static char standard_output[] = "stdout";
static char events_file[] = "events-file";

/* Seconds between looks at what is held or counted. */
#define SETTLING 0.25

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
    case LUBDUB_SERVER_PATHS:
        return "paths";
    }
    return "unknown";
}

/* Of which there are two words for one kind. */
static const char *word_of(const struct lubdub_server_event *event)
{
    if (event->kind == LUBDUB_SERVER_PATHS) {
        return event->paths < event->was_paths ? "path-lost" : "path-back";
    }
    return event_word(event->kind);
}

/*
 * A session, an address or an identity can bring about an event of the third rank as often as it likes. Sessions with
 * an identity have more room than those without: their events tell of a client that is known.
 */
static enum lubdub_event_rank rank_of(const struct lubdub_server_event *event)
{
    if (budget_concerns(event)) {
        return LUBDUB_EVENT_RANK_THIRD;
    }
    return event->session != 0 && event->identity.length == 0 ? LUBDUB_EVENT_RANK_SECOND : LUBDUB_EVENT_RANK_FIRST;
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
    lubdub_event_line_flag(line, "tls", event->is_tls);
    lubdub_event_line_number(line, "paths", event->paths);
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

/* The content of the probe that told it, as much as a line of a check has. */
static void put_content(struct lubdub_event_line *line, const uint8_t *content, size_t length)
{
    lubdub_event_line_string_cut(line, "content", content, length, BUDGET_CONTENT_MAX);
}

static void put_details(struct lubdub_event_line *line, const struct lubdub_server_event *event)
{
    switch (event->kind) {
    case LUBDUB_SERVER_LISTENING:
        lubdub_event_line_text(line, "address", event->address);
        lubdub_event_line_flag(line, "tls", event->is_tls);
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
        put_content(line, event->content, event->length);
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
    case LUBDUB_SERVER_PATHS:
        lubdub_event_line_number(line, "paths", event->paths);
        break;
    case LUBDUB_SERVER_STOPPED:
        lubdub_event_line_number(line, "cut", event->cut);
        break;
    case LUBDUB_SERVER_GONE:
    case LUBDUB_SERVER_DRAINING:
    case LUBDUB_SERVER_ROOM:
        break;
    }
}

/* CLOCK_REALTIME at that moment. */
static uint64_t realtime_of(lubdub_time mono)
{
    return lubdub_clock_realtime() - lubdub_time_between(mono, lubdub_clock_now());
}

static void put_line(struct reporter *reporter, const struct lubdub_event_line *line)
{
    size_t i;

    lubdub_event_writer_put(reporter->output, line);
    lubdub_event_writer_put(reporter->file, line);
    for (i = 0; i < reporter->listener_count; i++) {
        reporter->listeners[i](line, reporter->listener_data[i]);
    }
}

static void put_session(struct lubdub_event_line *line, uint64_t session, struct lubdub_slice identity,
                        const struct lubdub_address *remote)
{
    char text[LUBDUB_ADDRESS_TEXT_SIZE];

    if (session != 0) {
        lubdub_event_line_number(line, "session", session);
    }
    if (identity.length > 0) {
        lubdub_event_line_string(line, "id", identity.data, identity.length);
    }
    if (remote != NULL) {
        lubdub_event_line_text(line, "remote", lubdub_address_format(remote, text));
    }
}

static void build(const struct reporter *reporter, const struct lubdub_server_event *event,
                  struct lubdub_event_line *line)
{
    lubdub_event_line_begin(line, word_of(event), event->now, realtime_of(event->now));
    line->rank = rank_of(event);
    put_session(line, event->session, event->identity, event->remote);
    lubdub_event_line_text(line, "node", reporter->node);
    if (event->is_proxied) {
        lubdub_event_line_flag(line, "proxied", true);
    }
    put_details(line, event);
}

/* ---- sums ---- */

/* "192.0.2.7" or "2001:db8:1:2::/64". */
static void put_network(struct lubdub_event_line *line, const struct lubdub_address *network)
{
    char text[INET6_ADDRSTRLEN + sizeof "/64"];
    bool is_ipv4 = lubdub_address_is_ipv4(network);

    if (inet_ntop(is_ipv4 ? AF_INET : AF_INET6, is_ipv4 ? network->ip + 12 : network->ip, text, INET6_ADDRSTRLEN) ==
        NULL) {
        return;
    }
    if (!is_ipv4) {
        strcat(text, "/64");
    }
    lubdub_event_line_text(line, "network", text);
}

static void put_sum_details(struct lubdub_event_line *line, const struct budget_sum *sum)
{
    if (sum->network != NULL && sum->of == LUBDUB_SERVER_REJECTED) {
        lubdub_event_line_word(line, "cause", lubdub_cause_word(sum->cause));
        if (sum->has_reason) {
            lubdub_event_line_number(line, "reason", sum->reason);
        }
        put_network(line, sum->network);
    } else if (sum->network != NULL) {
        lubdub_event_line_flag(line, "anonymous", sum->is_nameless);
        put_network(line, sum->network);
    }
    if (sum->session == 0) {
        return;
    }
    if (sum->of == LUBDUB_SERVER_HEALTH) {
        lubdub_event_line_word(line, "health", lubdub_health_word(sum->health));
        put_content(line, sum->content, sum->content_length);
    } else if (sum->of == LUBDUB_SERVER_MESSAGE) {
        lubdub_event_line_number(line, "length", sum->bytes);
    } else if (sum->of == LUBDUB_SERVER_PATHS) {
        lubdub_event_line_number(line, "paths", sum->paths);
    } else {
        put_milliseconds(line, "silent_ms", sum->silent_for);
    }
}

/* Under the lock, so that the sums of a session stand before its end. */
static void tell_sum(const struct budget_sum *sum, void *user_data)
{
    struct reporter *reporter = user_data;
    struct lubdub_event_line line;

    lubdub_event_line_begin(&line, "summary", sum->now, realtime_of(sum->now));
    line.rank = sum->session != 0 ? LUBDUB_EVENT_RANK_THIRD : LUBDUB_EVENT_RANK_FIRST;
    put_session(&line, sum->session, sum->identity, sum->remote);
    lubdub_event_line_text(&line, "node", reporter->node);
    lubdub_event_line_word(&line, "of", event_word(sum->of));
    lubdub_event_line_number(&line, "count", sum->count);
    put_milliseconds(&line, "over_ms", sum->over);
    put_sum_details(&line, sum);
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
        build(reporter, event, &line);
        put_line(reporter, &line);
    }
}

static void report_lifecycle(struct reporter *reporter, const struct lubdub_server_event *event)
{
    struct lubdub_event_line line;
    bool is_told = true;

    build(reporter, event, &line);
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

/* ---- the text form, in the writer's thread ---- */

static uint64_t number(const struct lubdub_event_line *line, const char *key)
{
    uint64_t value = 0;

    lubdub_event_line_get_number(line, key, &value);
    return value;
}

static bool is_set(const struct lubdub_event_line *line, const char *key)
{
    bool flag = false;

    return lubdub_event_line_get_flag(line, key, &flag) && flag;
}

static int format_health(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    char health[32];
    char was[32];
    const char *content;
    size_t content_length;
    int length = snprintf(text, capacity, "health: %s (was %s)",
                          lubdub_event_line_show(line, "health", "", health, sizeof health),
                          lubdub_event_line_show(line, "was", "", was, sizeof was));

    if (lubdub_event_line_get_string(line, "content", &content, &content_length) && content_length > 0) {
        length += snprintf(text + length, capacity - (size_t)length, ": ");
        length += (int)lubdub_escape_name(text + length, capacity - (size_t)length, content, content_length);
    }
    return length;
}

static int format_sum(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    char word[512];
    char more[2048];
    int length = snprintf(text, capacity, "summary: %s %llu times more in %llu ms",
                          lubdub_event_line_show(line, "of", "", word, sizeof word),
                          (unsigned long long)number(line, "count"), (unsigned long long)number(line, "over_ms"));

    if (lubdub_event_line_show(line, "health", "", more, sizeof more)[0] != '\0') {
        length += snprintf(text + length, capacity - (size_t)length, ", now %s", more);
    }
    if (lubdub_event_line_show(line, "cause", "", more, sizeof more)[0] != '\0') {
        length += snprintf(text + length, capacity - (size_t)length, ": %s", more);
    }
    return length;
}

/* "hung 20, closed 8" */
static int format_causes(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    struct lubdub_event_field field;
    uint32_t offset = 0;
    const char *unused;
    int length = 0;

    text[0] = '\0';
    while (lubdub_event_field_next(line->fields, line->length, &offset, &field, &unused)) {
        if (field.kind == LUBDUB_EVENT_FIELD_COUNT && (size_t)length < capacity) {
            length += snprintf(text + length, capacity - (size_t)length, "%s%s %llu", length > 0 ? ", " : "", field.key,
                               (unsigned long long)field.value.number);
        }
    }
    return length;
}

static int format_attendance(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    char causes[1024];

    if (lubdub_event_line_is(line, "outage")) {
        format_causes(line, causes, sizeof causes);
        return snprintf(text, capacity, "outage: %llu of %llu sessions ended in %llu ms: %s",
                        (unsigned long long)number(line, "count"), (unsigned long long)number(line, "sessions"),
                        (unsigned long long)number(line, "over_ms"), causes);
    }
    if (lubdub_event_line_is(line, "flapping")) {
        return snprintf(text, capacity, "flapping: ended %llu times in %llu ms",
                        (unsigned long long)number(line, "count"), (unsigned long long)number(line, "over_ms"));
    }
    return snprintf(text, capacity, "%s: %llu of %llu up, after %llu ms", line->event,
                    (unsigned long long)number(line, "up"), (unsigned long long)number(line, "expected"),
                    (unsigned long long)number(line, "away_ms"));
}

static bool is_of_attendance(const struct lubdub_event_line *line)
{
    return lubdub_event_line_is(line, "missing") || lubdub_event_line_is(line, "found") ||
           lubdub_event_line_is(line, "outage") || lubdub_event_line_is(line, "flapping");
}

/* What happened, after the client that it happened to. */
static int format_event(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    char word[512];
    char more[2048];

    if (lubdub_event_line_is(line, "listening")) {
        return snprintf(text, capacity, "listening on %s%s",
                        lubdub_event_line_show(line, "address", "", more, sizeof more),
                        is_set(line, "tls") ? " over TLS" : "");
    }
    if (lubdub_event_line_is(line, "message")) {
        return snprintf(text, capacity, "message: %llu bytes", (unsigned long long)number(line, "length"));
    }
    if (lubdub_event_line_is(line, "health")) {
        return format_health(line, text, capacity);
    }
    if (lubdub_event_line_is(line, "path-lost")) {
        return snprintf(text, capacity, "path lost: %llu left", (unsigned long long)number(line, "paths"));
    }
    if (lubdub_event_line_is(line, "path-back")) {
        return snprintf(text, capacity, "path back: %llu now", (unsigned long long)number(line, "paths"));
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
    if (lubdub_event_line_is(line, "summary")) {
        return format_sum(line, text, capacity);
    }
    if (lubdub_event_line_is(line, "paused")) {
        return snprintf(text, capacity, "accepting pauses: %s",
                        lubdub_event_line_show(line, "text", "", more, sizeof more));
    }
    if (lubdub_event_line_is(line, "suspicious")) {
        return snprintf(text, capacity, "suspicious: %s", lubdub_event_line_show(line, "text", "", more, sizeof more));
    }
    if (is_of_attendance(line)) {
        return format_attendance(line, text, capacity);
    }
    return snprintf(text, capacity, "%s", line->event);
}

/* Words that lines have of their own where an identity may stand. */
static bool is_word_of_ours(const char *bytes, size_t length)
{
    static const char *const words[] = {"accepting", "dropped", "event",    "events", "missing",
                                        "found",     "outage",  "flapping", "path"};
    size_t i;

    for (i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i]) == length && memcmp(words[i], bytes, length) == 0) {
            return true;
        }
    }
    for (i = 0; i <= LUBDUB_SERVER_PATHS; i++) {
        const char *word = event_word((enum lubdub_server_event_kind)i);

        if (strlen(word) == length && memcmp(word, bytes, length) == 0) {
            return true;
        }
    }
    return false;
}

/* The identity, if there is one, and a blank: quoted where it could be read as anything else. */
static size_t put_name(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    const char *bytes;
    size_t length;
    size_t used;

    if (!lubdub_event_line_get_string(line, "id", &bytes, &length)) {
        return 0;
    }
    if (is_word_of_ours(bytes, length)) {
        used = (size_t)snprintf(text, capacity, "\"%.*s\"", (int)length, bytes);
    } else {
        used = lubdub_escape_name(text, capacity - 1, bytes, length);
    }
    memcpy(text + used, " ", 2);
    return used + 1;
}

static size_t format(const struct lubdub_event_line *line, char *text, size_t capacity, void *user_data)
{
    char remote[128];
    size_t length = put_name(line, text, capacity);
    int more;
    (void)user_data;

    if (lubdub_event_line_is(line, "dropped")) {
        return 0;
    }
    if (lubdub_event_line_show(line, "remote", "", remote, sizeof remote)[0] != '\0' ||
        lubdub_event_line_show(line, "network", "", remote, sizeof remote)[0] != '\0') {
        length += (size_t)snprintf(text + length, capacity - length, "%s ", remote);
    }
    more = format_event(line, text + length, capacity - length);
    return more < 0 || (size_t)more >= capacity - length ? 0 : length + (size_t)more;
}

/* In the writer's thread. */
static void on_failed(void *user_data)
{
    lubdub_log_warning("nobody reads the events any more output=%s", (const char *)user_data);
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
