/* Joins what the server library and the register know of one name. */
#include "server/http/entry.h"

#include <string.h>

#include "ev/clock.h"

const char *entry_state_word(enum entry_state state)
{
    static const char *const words[ENTRY_STATES] = {"missing", "late", "away", "gone", "up"};

    return state < ENTRY_STATES ? words[state] : "unknown";
}

enum entry_state entry_state(const struct entry *entry)
{
    const struct lubdub_server_session *session = entry->session;

    if (session != NULL && session->state == LUBDUB_SERVER_IS_UP) {
        return ENTRY_UP;
    }
    if (session != NULL && session->state == LUBDUB_SERVER_IS_LATE) {
        return ENTRY_LATE;
    }
    if (entry->known != NULL && entry->known->is_missing) {
        return ENTRY_MISSING;
    }
    if (session != NULL) {
        return session->state == LUBDUB_SERVER_IS_AWAY ? ENTRY_AWAY : ENTRY_GONE;
    }
    switch (entry->known->state) {
    case KNOWN_NEVER:
    case KNOWN_AWAY:
    case KNOWN_UP: /* it came in just now, and its session has ended since */
        return ENTRY_AWAY;
    case KNOWN_GONE:
        break;
    }
    return ENTRY_GONE;
}

struct lubdub_slice entry_identity(const struct entry *entry)
{
    return entry->session != NULL ? entry->session->identity
                                  : (struct lubdub_slice){entry->known->identity, entry->known->length};
}

static bool is_text(struct lubdub_slice slice, const char *text)
{
    return slice.length == strlen(text) && memcmp(slice.data, text, slice.length) == 0;
}

static bool is_same(struct lubdub_slice one, struct lubdub_slice other)
{
    return one.length == other.length && memcmp(one.data, other.data, one.length) == 0;
}

bool entry_has_label(const struct entry *entry, struct lubdub_slice key, const struct lubdub_slice *value)
{
    size_t i;

    for (i = 0; entry->session != NULL && i < entry->session->label_count; i++) {
        const struct lubdub_label *label = &entry->session->labels[i];

        if (is_same(label->key, key) && (value == NULL || is_same(label->value, *value))) {
            return true;
        }
    }
    for (i = 0; entry->known != NULL && i < entry->known->label_count; i++) {
        const struct register_label *label = &entry->known->labels[i];

        if (is_text(key, label->key) && (value == NULL || is_text(*value, label->value))) {
            return true;
        }
    }
    return false;
}

/* Of a moment of the monotonic clock. */
static uint64_t real_of(const struct lubdub_server_session *session, lubdub_time moment)
{
    return lubdub_clock_realtime() - lubdub_time_between(moment, session->now);
}

uint64_t entry_since_ms(const struct entry *entry)
{
    /* The server remembers when the last session ended, the register when its identity was gone. */
    bool is_gone = entry->session != NULL && entry->session->state == LUBDUB_SERVER_IS_GONE && entry->known != NULL &&
                   entry->known->state == KNOWN_GONE;

    if (entry->session != NULL && entry->session->since != 0 && !is_gone) {
        return real_of(entry->session, entry->session->since) / LUBDUB_MILLISECOND;
    }
    return entry->known != NULL ? entry->known->since_ms : 0;
}

/* ---- JSON ---- */

/* Labels of the session, and of the list of the expected where the session has none of that key. */
static void write_labels(const struct entry *entry, struct text *text)
{
    const char *comma = "";
    size_t i;

    text_member(text, "labels");
    text_put(text, "{", 1);
    for (i = 0; entry->session != NULL && i < entry->session->label_count; i++) {
        const struct lubdub_label *label = &entry->session->labels[i];

        text_format(text, "%s", comma);
        text_json(text, label->key.data, label->key.length);
        text_put(text, ":", 1);
        text_json(text, label->value.data, label->value.length);
        comma = ",";
    }
    for (i = 0; entry->known != NULL && i < entry->known->label_count; i++) {
        const struct register_label *label = &entry->known->labels[i];
        const struct entry of_session = {.session = entry->session};

        if (entry_has_label(&of_session, (struct lubdub_slice){label->key, strlen(label->key)}, NULL)) {
            continue;
        }
        text_format(text, "%s", comma);
        text_json(text, label->key, strlen(label->key));
        text_put(text, ":", 1);
        text_json(text, label->value, strlen(label->value));
        comma = ",";
    }
    text_put(text, "}", 1);
}

static void write_milliseconds(struct text *text, const char *key, lubdub_duration duration)
{
    text_member_number(text, key, duration / LUBDUB_MILLISECOND);
}

static void write_session(const struct lubdub_server_session *session, bool wants_all, struct text *text)
{
    if (session->session == 0) {
        if (session->state == LUBDUB_SERVER_IS_AWAY) {
            write_milliseconds(text, "grace_left_ms", session->grace_left);
        }
        return;
    }
    text_member_number(text, "session", session->session);
    text_member_word(text, "remote", session->remote);
    text_member_word(text, "health", lubdub_health_word(session->health));
    write_milliseconds(text, "interval_ms", session->interval);
    write_milliseconds(text, "expiry_ms", session->expiry);
    write_milliseconds(text, "silent_ms", session->silent_for);
    write_milliseconds(text, "connected_ms", lubdub_time_between(session->since, session->now));
    if (session->round_trip > 0) {
        text_member_number(text, "rtt_us", session->round_trip / LUBDUB_MICROSECOND);
    }
    text_member_number(text, "probes", session->probes);
    text_member_number(text, "messages", session->messages);
    text_member_number(text, "near_misses", session->near_misses);
    text_member_flag(text, "resumed", session->is_resumed);
    text_member_flag(text, "tls", session->is_tls);
    if (session->certificate.length > 0) {
        text_member_json(text, "certificate", session->certificate.data, session->certificate.length);
    }
    if (session->is_proxied) {
        text_member_flag(text, "proxied", true);
    }
    if (wants_all || session->health != LUBDUB_HEALTH_PASSING) {
        text_member_json(text, "content", (const char *)session->content, session->length);
    }
}

static void write_last_end(const struct entry *entry, struct text *text)
{
    if (entry->session != NULL && entry->session->last_end != LUBDUB_CAUSE_NONE) {
        text_member_word(text, "last_end", lubdub_cause_word(entry->session->last_end));
    } else if (entry->known != NULL && entry->known->end_count > 0) {
        text_member_word(text, "last_end", lubdub_cause_word((enum lubdub_cause)entry->known->ends[0].cause));
    }
}

static void write_ends(const struct register_identity *known, struct text *text)
{
    size_t i;

    text_member(text, "ends");
    text_put(text, "[", 1);
    for (i = 0; i < known->end_count; i++) {
        text_format(text, "%s{", i > 0 ? "," : "");
        text_member_time(text, "at", known->ends[i].at_ms * LUBDUB_MILLISECOND);
        text_member_word(text, "cause", lubdub_cause_word((enum lubdub_cause)known->ends[i].cause));
        text_member_number(text, "connected_s", known->ends[i].lasted_s);
        text_put(text, "}", 1);
    }
    text_put(text, "]", 1);
}

static void write_known(const struct register_identity *known, bool wants_all, struct text *text)
{
    if (known->is_expected) {
        text_member_flag(text, "is_expected", true);
    }
    if (known->is_elsewhere) {
        text_member_flag(text, "is_elsewhere", true);
    }
    if (known->is_pattern) {
        text_member_flag(text, "is_pattern", true);
        text_member_number(text, "expected", known->expected);
        text_member_number(text, "up", known->up);
        return;
    }
    if (known->is_flapping) {
        text_member_flag(text, "is_flapping", true);
    }
    text_member_number(text, "connects", known->connects);
    text_member_number(text, "losses", known->losses);
    if (wants_all) {
        write_ends(known, text);
    }
}

void entry_write(const struct entry *entry, bool wants_all, struct text *text)
{
    struct lubdub_slice identity = entry_identity(entry);
    uint64_t since_ms = entry_since_ms(entry);

    text_put(text, "{", 1);
    if (identity.length > 0) {
        text_member_json(text, "id", identity.data, identity.length);
    }
    text_member_word(text, "state", entry_state_word(entry_state(entry)));
    if (since_ms > 0) {
        text_member_time(text, "since", since_ms * LUBDUB_MILLISECOND);
    }
    if (entry->session != NULL) {
        write_session(entry->session, wants_all, text);
    }
    write_last_end(entry, text);
    write_labels(entry, text);
    if (entry->known != NULL) {
        write_known(entry->known, wants_all, text);
    } else if (wants_all) {
        text_member(text, "ends");
        text_put(text, "[]", 2);
    }
    text_put(text, "}", 1);
}
