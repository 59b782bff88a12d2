/* Puts what an event has to say into the fields of a line. */
#include "server/register/telling.h"

#include <string.h>

static void begin(const struct lubdub_register *reg, struct lubdub_event_line *line, const char *event,
                  struct lubdub_slice identity)
{
    lubdub_event_line_begin_now(line, event);
    if (identity.length > 0) {
        lubdub_event_line_string(line, "id", identity.data, identity.length);
    }
    lubdub_event_line_text(line, "node", reg->node);
}

static void put_labels(struct lubdub_event_line *line, const struct expected *expected)
{
    size_t i;

    if (expected == NULL || expected->label_count == 0) {
        return;
    }
    lubdub_event_line_labels_begin(line, "labels");
    for (i = 0; i < expected->label_count; i++) {
        lubdub_event_line_label(line, expected->labels[i].key.data, expected->labels[i].key.length,
                                expected->labels[i].value.data, expected->labels[i].value.length);
    }
    lubdub_event_line_labels_end(line);
}

static void put_milliseconds(struct lubdub_event_line *line, const char *key, lubdub_duration duration)
{
    lubdub_event_line_number(line, key, duration / LUBDUB_MILLISECOND);
}

void tell_gone(struct lubdub_register *reg, const struct known *known)
{
    struct lubdub_event_line line;

    begin(reg, &line, "gone", known_identity(known));
    reg->tell(&line, reg->user_data);
}

static void tell_identity(struct lubdub_register *reg, const char *event, const struct known *known,
                          lubdub_duration away_for)
{
    struct lubdub_event_line line;

    begin(reg, &line, event, known_identity(known));
    lubdub_event_line_number(&line, "expected", 1);
    lubdub_event_line_number(&line, "up", known->session != 0 || known->is_elsewhere);
    put_milliseconds(&line, "away_ms", away_for);
    if (known->end_count > 0) {
        lubdub_event_line_word(&line, "last_end", lubdub_cause_word((enum lubdub_cause)known_end_at(known, 0)->cause));
    }
    put_labels(&line, known->watch != NULL ? known->watch->line : NULL);
    reg->tell(&line, reg->user_data);
}

void tell_missing(struct lubdub_register *reg, const struct known *known, lubdub_duration away_for)
{
    tell_identity(reg, "missing", known, away_for);
}

void tell_found(struct lubdub_register *reg, const struct known *known, lubdub_duration away_for)
{
    tell_identity(reg, "found", known, away_for);
}

static void tell_pattern(struct lubdub_register *reg, const char *event, const struct watch *watch,
                         lubdub_duration for_so_long)
{
    struct lubdub_event_line line;

    begin(reg, &line, event, watch->line->name);
    lubdub_event_line_number(&line, "expected", watch->line->count);
    lubdub_event_line_number(&line, "up", watch->up + watch->elsewhere);
    put_milliseconds(&line, "away_ms", for_so_long);
    put_labels(&line, watch->line);
    reg->tell(&line, reg->user_data);
}

void tell_few(struct lubdub_register *reg, const struct watch *watch, lubdub_duration for_so_long)
{
    tell_pattern(reg, "missing", watch, for_so_long);
}

void tell_enough(struct lubdub_register *reg, const struct watch *watch, lubdub_duration for_so_long)
{
    tell_pattern(reg, "found", watch, for_so_long);
}

void tell_flapping(struct lubdub_register *reg, const struct known *known, unsigned count, uint64_t over_ms)
{
    struct lubdub_event_line line;

    begin(reg, &line, "flapping", known_identity(known));
    lubdub_event_line_number(&line, "count", count);
    lubdub_event_line_number(&line, "over_ms", over_ms);
    lubdub_event_line_word(&line, "last_end", lubdub_cause_word((enum lubdub_cause)known_end_at(known, 0)->cause));
    reg->tell(&line, reg->user_data);
}

void tell_outage(struct lubdub_register *reg, const struct outage_burst *burst)
{
    const struct lubdub_slice nobody = {NULL, 0};
    struct lubdub_event_line line;
    size_t i;

    begin(reg, &line, "outage", nobody);
    lubdub_event_line_number(&line, "count", burst->count);
    lubdub_event_line_number(&line, "sessions", burst->sessions);
    put_milliseconds(&line, "over_ms", lubdub_time_between(burst->first_at, burst->last_at));
    lubdub_event_line_labels_begin(&line, "causes");
    for (i = 0; i < LUBDUB_CAUSE_CAPACITY; i++) {
        if (burst->by_cause[i] > 0) {
            lubdub_event_line_label_number(&line, lubdub_cause_word((enum lubdub_cause)i), burst->by_cause[i]);
        }
    }
    lubdub_event_line_labels_end(&line);
    lubdub_event_line_labels_begin(&line, "labels");
    for (i = 0; i < burst->label_count; i++) {
        lubdub_event_line_label(&line, burst->labels[i].key, burst->labels[i].key_length, burst->labels[i].value,
                                burst->labels[i].value_length);
    }
    lubdub_event_line_labels_end(&line);
    reg->tell(&line, reg->user_data);
}
