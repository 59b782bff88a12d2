/* Puts the fields of the library's events, and of sums of them, into lines. */
#include "server/program/lines.h"

#include <arpa/inet.h>
#include <string.h>

#include "ev/address.h"
#include "ev/clock.h"
#include "program/events/field.h"

const char *lines_word(enum lubdub_server_event_kind kind)
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
    return lines_word(event->kind);
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

void lines_of_event(struct lubdub_event_line *line, const struct lubdub_server_event *event, const char *node)
{
    lubdub_event_line_begin(line, word_of(event), event->now, realtime_of(event->now));
    line->rank = rank_of(event);
    put_session(line, event->session, event->identity, event->remote);
    lubdub_event_line_text(line, "node", node);
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

void lines_of_sum(struct lubdub_event_line *line, const struct budget_sum *sum, const char *node)
{
    lubdub_event_line_begin(line, "summary", sum->now, realtime_of(sum->now));
    line->rank = sum->session != 0 ? LUBDUB_EVENT_RANK_THIRD : LUBDUB_EVENT_RANK_FIRST;
    put_session(line, sum->session, sum->identity, sum->remote);
    lubdub_event_line_text(line, "node", node);
    lubdub_event_line_word(line, "of", lines_word(sum->of));
    lubdub_event_line_number(line, "count", sum->count);
    put_milliseconds(line, "over_ms", sum->over);
    put_sum_details(line, sum);
}
