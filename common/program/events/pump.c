/* Formats lines, writes them in batches, and reports gaps. */
#include "program/events/pump.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ev/clock.h"
#include "program/events/json.h"

#define BUFFER_SIZE ((size_t)64 * 1024)

/* More than a line can need: a full one, each byte of it as \u00XX, and its keys. */
#define LINE_SIZE ((size_t)32 * 1024)

#define RETRY_INTERVAL LUBDUB_SECOND

int lubdub_event_pump_init(struct lubdub_event_pump *pump, int descriptor, lubdub_event_format format,
                           void (*on_failed)(void *user_data), void (*on_refused)(int error, void *user_data),
                           void *user_data)
{
    int wrong = lubdub_event_output_init(&pump->output, descriptor);

    if (wrong != 0) {
        return wrong;
    }
    pump->buffer = malloc(BUFFER_SIZE);
    if (pump->buffer == NULL) {
        lubdub_event_output_clear(&pump->output);
        return ENOMEM;
    }
    pump->format = format;
    pump->on_failed = on_failed;
    pump->on_refused = on_refused;
    pump->user_data = user_data;
    pump->is_refused = false;
    pump->gap = (struct lubdub_event_gap){0};
    pump->buffered = 0;
    pump->buffered_lines = 0;
    atomic_init(&pump->lost, 0);
    atomic_init(&pump->kept, 0);
    atomic_init(&pump->has_failed, false);
    return 0;
}

void lubdub_event_pump_clear(struct lubdub_event_pump *pump)
{
    lubdub_event_output_clear(&pump->output);
    free(pump->buffer);
}

void lubdub_event_pump_warm_up(struct lubdub_event_pump *pump)
{
    memset(pump->buffer, 0, BUFFER_SIZE);
    lubdub_event_line_begin_now(&pump->line, "warm-up");
    lubdub_event_line_text(&pump->line, "text", "warm-up");
    lubdub_event_line_json(&pump->line, pump->buffer, BUFFER_SIZE);
}

void lubdub_event_pump_switch(struct lubdub_event_pump *pump)
{
    if (lubdub_event_output_switch(&pump->output)) {
        atomic_store(&pump->has_failed, false);
    }
}

static void note_gap(struct lubdub_event_pump *pump, uint64_t count, int error, lubdub_time mono, uint64_t real)
{
    if (count == 0) {
        return;
    }
    if (pump->gap.count == 0) {
        pump->gap.mono = mono;
        pump->gap.real = real;
    }
    pump->gap.count += count;
    pump->gap.error = error;
}

static void lose(struct lubdub_event_pump *pump, uint64_t count, int error)
{
    note_gap(pump, count, error, pump->line.mono, pump->line.real);
    atomic_fetch_add(&pump->lost, count);
}

static uint64_t count_lines(const char *lines, size_t length)
{
    uint64_t count = 0;
    size_t i;

    for (i = 0; i < length; i++) {
        count += lines[i] == '\n';
    }
    return count;
}

static bool is_time_up(struct lubdub_event_pump *pump)
{
    lubdub_time give_up_at = atomic_load(&pump->output.give_up_at);

    return give_up_at != LUBDUB_TIME_NEVER && lubdub_clock_now() >= give_up_at;
}

/* Says that writes are refused, or, with 0, that they are no more: each once. */
static void tell_refused(struct lubdub_event_pump *pump, int error)
{
    if (pump->is_refused != (error != 0)) {
        pump->is_refused = error != 0;
        if (pump->on_refused != NULL) {
            pump->on_refused(error, pump->user_data);
        }
    }
}

/* Returns whether all of it went out. */
static bool write_lines(struct lubdub_event_pump *pump, const char *lines, size_t length, size_t *written)
{
    enum lubdub_event_output_result result;

    *written = 0;
    if (atomic_load(&pump->has_failed) || is_time_up(pump)) {
        return length == 0;
    }
    result = lubdub_event_output_write(&pump->output, lines, length, written);
    if (result == LUBDUB_EVENT_OUTPUT_DEAD && !atomic_exchange(&pump->has_failed, true) && pump->on_failed != NULL) {
        pump->on_failed(pump->user_data);
    }
    if (result == LUBDUB_EVENT_OUTPUT_REFUSED) {
        tell_refused(pump, pump->output.error);
    } else if (result == LUBDUB_EVENT_OUTPUT_DONE && length > 0) {
        tell_refused(pump, 0);
    }
    return result == LUBDUB_EVENT_OUTPUT_DONE;
}

static void flush(struct lubdub_event_pump *pump)
{
    uint64_t missing = 0;
    size_t written;

    if (!write_lines(pump, pump->buffer, pump->buffered, &written)) {
        missing = count_lines(pump->buffer + written, pump->buffered - written);
        lose(pump, missing, pump->output.error);
    }
    atomic_fetch_add(&pump->kept, pump->buffered_lines - missing);
    pump->buffered = 0;
    pump->buffered_lines = 0;
}

/* A text form must be one line, whatever the program's formatter let through. */
static void keep_to_one_line(char *text, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            text[i] = '?';
        }
    }
}

/* Writes the line's form and a newline into text, of LINE_SIZE bytes. Returns the length, 0 without a form. */
static size_t format_line(struct lubdub_event_pump *pump, const struct lubdub_event_line *line, char *text)
{
    size_t length;

    if (pump->format == NULL) {
        length = lubdub_event_line_json(line, text, LINE_SIZE - 1);
    } else {
        length = pump->format(line, text, LINE_SIZE - 1, pump->user_data);
        keep_to_one_line(text, length);
    }
    assert(length < LINE_SIZE);
    if (length > 0) {
        text[length++] = '\n';
    }
    return length;
}

bool lubdub_event_pump_report_gap(struct lubdub_event_pump *pump)
{
    const struct lubdub_event_gap *gap = &pump->gap;
    const char *reason = gap->error == 0 ? "the reader is slow" : strerror(gap->error);
    struct lubdub_event_line line;
    size_t length;
    size_t written;

    if (gap->count == 0) {
        return true;
    }
    assert(pump->buffered == 0);
    lubdub_event_line_begin(&line, "dropped", gap->mono, gap->real);
    lubdub_event_line_number(&line, "count", gap->count);
    lubdub_event_line_text(&line, "text", reason);
    length = format_line(pump, &line, pump->buffer);
    if (length == 0) {
        length = (size_t)snprintf(pump->buffer, LINE_SIZE, "%llu event%s dropped: %s\n", (unsigned long long)gap->count,
                                  gap->count == 1 ? "" : "s", reason);
    }
    if (!write_lines(pump, pump->buffer, length, &written)) {
        return false;
    }
    pump->gap = (struct lubdub_event_gap){0};
    return true;
}

lubdub_time lubdub_event_pump_retry_at(const struct lubdub_event_pump *pump)
{
    if (pump->gap.count == 0 || atomic_load(&pump->has_failed)) {
        return LUBDUB_TIME_NEVER;
    }
    return lubdub_time_after(lubdub_clock_now(), RETRY_INTERVAL);
}

/* Makes room for one line behind all that came before it. Returns false where a gap before it cannot be told of yet. */
static bool make_room(struct lubdub_event_pump *pump)
{
    if (pump->gap.count > 0 || BUFFER_SIZE - pump->buffered < LINE_SIZE) {
        flush(pump);
    }
    return lubdub_event_pump_report_gap(pump);
}

static void write_line(struct lubdub_event_pump *pump)
{
    size_t length;

    if (!make_room(pump)) {
        lose(pump, 1, pump->output.error);
        return;
    }
    length = format_line(pump, &pump->line, pump->buffer + pump->buffered);
    if (length > 0) {
        pump->buffered += length;
        pump->buffered_lines++;
        return;
    }
    if (pump->format == NULL) {
        lose(pump, 1, ENOMEM);
    } else {
        atomic_fetch_add(&pump->kept, 1);
    }
}

static bool next_line(struct lubdub_event_pump *pump, struct lubdub_event_half *half)
{
    if (lubdub_event_store_is_at_gap(half)) {
        flush(pump);
        note_gap(pump, half->refused, 0, half->refused_mono, half->refused_real);
    }
    return lubdub_event_store_next(half, &pump->line);
}

void lubdub_event_pump_write(struct lubdub_event_pump *pump, struct lubdub_event_half *half)
{
    while (next_line(pump, half)) {
        write_line(pump);
    }
    flush(pump);
    lubdub_event_pump_report_gap(pump);
}
