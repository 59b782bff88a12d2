/* Writes one sentence for each event. */
#include "client/program/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <lubdub/cause.h>

/* Where a line grows; what does not fit is left out. */
struct page {
    char *text;
    size_t capacity;
    size_t length;
};

static void put(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct page *page, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(page->text + page->length, page->capacity - page->length, format, arguments);
    va_end(arguments);
    if (length > 0) {
        size_t room = page->capacity - page->length - 1;

        page->length += (size_t)length < room ? (size_t)length : room;
    }
}

static unsigned long long number(const struct lubdub_event_line *line, const char *key)
{
    uint64_t value = 0;

    lubdub_event_line_get_number(line, key, &value);
    return value;
}

static bool flag(const struct lubdub_event_line *line, const char *key)
{
    bool value = false;

    return lubdub_event_line_get_flag(line, key, &value) && value;
}

/* A field as it may be shown, or the fallback. */
static void put_field(struct page *page, const struct lubdub_event_line *line, const char *key, const char *fallback)
{
    char shown[3 * LUBDUB_EVENT_STRING_MAX];

    put(page, "%s", lubdub_event_line_show(line, key, fallback, shown, sizeof shown));
}

static bool has_field(const struct lubdub_event_line *line, const char *key)
{
    const char *bytes;
    size_t length;

    return lubdub_event_line_get_string(line, key, &bytes, &length) && length > 0;
}

static bool is_same_field(const struct lubdub_event_line *line, const char *one, const char *other)
{
    const char *bytes[2];
    size_t lengths[2];

    return lubdub_event_line_get_string(line, one, &bytes[0], &lengths[0]) &&
           lubdub_event_line_get_string(line, other, &bytes[1], &lengths[1]) && lengths[0] == lengths[1] &&
           memcmp(bytes[0], bytes[1], lengths[0]) == 0;
}

/* "localhost:3333 (127.0.0.1:3333)", or one of them where that says all. */
static void put_server(struct page *page, const struct lubdub_event_line *line)
{
    put_field(page, line, has_field(line, "server") ? "server" : "remote", "");
    if (has_field(line, "server") && has_field(line, "remote") && !is_same_field(line, "server", "remote")) {
        put(page, " (");
        put_field(page, line, "remote", "");
        put(page, ")");
    }
}

static void put_round_trip(struct page *page, unsigned long long microseconds)
{
    put(page, "%llu.%03llu", microseconds / 1000, microseconds % 1000);
}

static void put_ack(struct page *page, const struct lubdub_event_line *line, const char *what)
{
    put(page, "%s %llu from ", what, number(line, "sequence"));
    put_field(page, line, "remote", "");
    put(page, ": ");
    put_round_trip(page, number(line, "rtt_us"));
    put(page, " ms");
}

static void put_up(struct page *page, const struct lubdub_event_line *line)
{
    if (flag(line, "recovered")) {
        put(page, "lubdub-client: ");
        put_field(page, line, "remote", "");
        put(page, " is up again");
        return;
    }
    put(page, "lubdub-client: up, session %llu at ", number(line, "session"));
    put_field(page, line, "remote", "");
    put(page, ", interval %llu ms, expiry %llu ms", number(line, "interval_ms"), number(line, "expiry_ms"));
    if (flag(line, "resumed")) {
        put(page, ", resumed");
    }
    if (has_field(line, "last_end")) {
        put(page, ", the last one ended: ");
        put_field(page, line, "last_end", "");
    }
    if (number(line, "paths") > 1) {
        put(page, ", %llu paths", number(line, "paths"));
    }
}

/* "hung", "bye, draining (reason 1)", and what else there is to say. */
static void put_cause(struct page *page, const struct lubdub_event_line *line)
{
    uint64_t reason;

    put_field(page, line, "cause", "");
    if (lubdub_event_line_get_number(line, "reason", &reason)) {
        put(page, ", %s (reason %llu)", lubdub_reason_word((unsigned)reason), (unsigned long long)reason);
    }
    if (has_field(line, "text")) {
        put(page, ": ");
        put_field(page, line, "text", "");
    }
    if (number(line, "sequence") != 0) {
        put(page, " (probe %llu, %llu ms)", number(line, "sequence"), number(line, "waited_ms"));
    }
}

static void put_down(struct page *page, const struct lubdub_event_line *line)
{
    bool is_our_leave = false;
    const char *cause;
    size_t length;

    if (lubdub_event_line_get_string(line, "cause", &cause, &length)) {
        const char *shutdown = lubdub_cause_word(LUBDUB_CAUSE_SHUTDOWN);

        is_our_leave = length == strlen(shutdown) && memcmp(cause, shutdown, length) == 0 && has_field(line, "remote");
    }
    if (is_our_leave && flag(line, "was_up")) {
        put(page, "lubdub-client: leaving ");
        put_server(page, line);
        return;
    }
    put(page, flag(line, "was_up") ? "lubdub-client: " : "lubdub-client: cannot reach ");
    put_server(page, line);
    put(page, flag(line, "was_up") ? " is down: " : ": ");
    put_cause(page, line);
}

static void put_summary(struct page *page, const struct lubdub_event_line *line)
{
    static const char *const keys[] = {"rtt_min_us", "rtt_p50_us", "rtt_p99_us", "rtt_max_us"};
    unsigned long long acked = number(line, "acked");
    unsigned long long lost = number(line, "lost");
    double share = acked + lost > 0 ? 100.0 * (double)lost / (double)(acked + lost) : 0;
    size_t i;

    put(page, "lubdub-client: %llu sent, %llu acked, %llu lost (%.3g%%)", number(line, "sent"), acked, lost, share);
    for (i = 0; i < sizeof keys / sizeof keys[0] && acked > 0; i++) {
        put(page, i == 0 ? ", rtt min/p50/p99/max " : "/");
        put_round_trip(page, number(line, keys[i]));
    }
    if (acked > 0) {
        put(page, " ms");
    }
    if (number(line, "hosts") > 0) {
        put(page, ", %llu of %llu up", number(line, "up"), number(line, "hosts"));
    }
}

static void put_host(struct page *page, const struct lubdub_event_line *line)
{
    put(page, "lubdub-client: ");
    put_server(page, line);
    put(page, " is %s: %llu sent, %llu acked, %llu lost", flag(line, "up") ? "up" : "down", number(line, "sent"),
        number(line, "acked"), number(line, "lost"));
}

static void put_other(struct page *page, const struct lubdub_event_line *line)
{
    if (lubdub_event_line_is(line, "path-lost") || lubdub_event_line_is(line, "path-back")) {
        put(page, "lubdub-client: a path to ");
        put_field(page, line, "remote", "");
        put(page, lubdub_event_line_is(line, "path-lost") ? " is lost, %llu left" : " works again, %llu now",
            number(line, "paths"));
    } else if (lubdub_event_line_is(line, "connecting")) {
        put(page, "lubdub-client: connecting to ");
        put_server(page, line);
    } else if (lubdub_event_line_is(line, "failed")) {
        put(page, "lubdub-client: cannot reach ");
        put_server(page, line);
        put(page, ": ");
        put_cause(page, line);
    } else if (lubdub_event_line_is(line, "host")) {
        put_host(page, line);
    } else if (lubdub_event_line_is(line, "retrying")) {
        put(page, "lubdub-client: trying again in %llu ms", number(line, "in_ms"));
    } else if (lubdub_event_line_is(line, "grant-changed")) {
        put(page, "lubdub-client: new grant, interval %llu ms, expiry %llu ms", number(line, "interval_ms"),
            number(line, "expiry_ms"));
    } else if (lubdub_event_line_is(line, "server-health")) {
        put(page, "lubdub-client: the server is ");
        put_field(page, line, "health", "");
    }
}

size_t text_format(const struct lubdub_event_line *line, char *text, size_t capacity, void *user_data)
{
    struct page page = {.text = text, .capacity = capacity};
    (void)user_data;

    if (lubdub_event_line_is(line, "ack")) {
        put_ack(&page, line, "ack");
    } else if (lubdub_event_line_is(line, "late-ack")) {
        put_ack(&page, line, "late ack");
    } else if (lubdub_event_line_is(line, "message")) {
        put(&page, "message %llu from ", number(line, "sequence"));
        put_field(&page, line, "remote", "");
        put(&page, ": ");
        put_field(&page, line, "content", "");
    } else if (lubdub_event_line_is(line, "up")) {
        put_up(&page, line);
    } else if (lubdub_event_line_is(line, "down")) {
        put_down(&page, line);
    } else if (lubdub_event_line_is(line, "summary")) {
        put_summary(&page, line);
    } else {
        put_other(&page, line);
    }
    return page.length;
}
