/* Builds event lines and looks into them. */
#include "program/events/line.h"

#include <string.h>

#include "ev/clock.h"
#include "program/events/escape.h"
#include "program/events/field.h"

/* Kept free of text, so that however long the names are, the numbers after them still fit. */
#define TEXT_RESERVE 1024

void lubdub_event_line_begin(struct lubdub_event_line *line, const char *event, lubdub_time mono, uint64_t real)
{
    line->event = event;
    line->mono = mono;
    line->real = real;
    line->length = 0;
    line->is_truncated = false;
    line->rank = LUBDUB_EVENT_RANK_FIRST;
}

void lubdub_event_line_begin_now(struct lubdub_event_line *line, const char *event)
{
    lubdub_event_line_begin(line, event, lubdub_clock_now(), lubdub_clock_realtime());
}

static bool append(struct lubdub_event_line *line, const struct lubdub_event_field *field, size_t text_room)
{
    if (sizeof *field + text_room > sizeof line->fields - line->length) {
        line->is_truncated = true;
        return false;
    }
    memcpy(line->fields + line->length, field, sizeof *field);
    line->length += (uint32_t)sizeof *field;
    return true;
}

static void append_text(struct lubdub_event_line *line, const void *bytes, size_t length)
{
    if (length > 0) {
        memcpy(line->fields + line->length, bytes, length);
        line->length += (uint32_t)length;
    }
}

/* How much of the text may stay: as much as fits, and no half character at its end. */
static size_t cut(struct lubdub_event_line *line, const uint8_t *bytes, size_t length, size_t room)
{
    size_t kept = length;

    if (kept > room) {
        line->is_truncated = true;
        for (kept = room; kept > 0 && room - kept < 3 && (bytes[kept] & 0xc0) == 0x80; kept--) {
        }
    }
    return kept;
}

static size_t text_room(const struct lubdub_event_line *line)
{
    size_t end = line->length + sizeof(struct lubdub_event_field) + TEXT_RESERVE;
    size_t room = end < sizeof line->fields ? sizeof line->fields - end : 0;

    return room < LUBDUB_EVENT_STRING_MAX ? room : LUBDUB_EVENT_STRING_MAX;
}

void lubdub_event_line_number(struct lubdub_event_line *line, const char *key, uint64_t number)
{
    struct lubdub_event_field field = {.key = key, .kind = LUBDUB_EVENT_FIELD_NUMBER, .value.number = number};

    append(line, &field, 0);
}

void lubdub_event_line_real(struct lubdub_event_line *line, const char *key, double number)
{
    struct lubdub_event_field field = {.key = key, .kind = LUBDUB_EVENT_FIELD_REAL, .value.real = number};

    append(line, &field, 0);
}

void lubdub_event_line_flag(struct lubdub_event_line *line, const char *key, bool flag)
{
    struct lubdub_event_field field = {.key = key, .kind = LUBDUB_EVENT_FIELD_FLAG, .value.number = flag};

    append(line, &field, 0);
}

void lubdub_event_line_word(struct lubdub_event_line *line, const char *key, const char *word)
{
    struct lubdub_event_field field = {.key = key, .kind = LUBDUB_EVENT_FIELD_WORD, .value.word = word};

    if (word != NULL) {
        append(line, &field, 0);
    }
}

void lubdub_event_line_string(struct lubdub_event_line *line, const char *key, const void *bytes, size_t length)
{
    lubdub_event_line_string_cut(line, key, bytes, length, LUBDUB_EVENT_STRING_MAX);
}

void lubdub_event_line_string_cut(struct lubdub_event_line *line, const char *key, const void *bytes, size_t length,
                                  size_t most)
{
    struct lubdub_event_field field = {.key = key, .kind = LUBDUB_EVENT_FIELD_STRING};
    size_t room = text_room(line);
    size_t kept = cut(line, bytes, length, room < most ? room : most);

    field.text_length = (uint16_t)kept;
    if (append(line, &field, kept)) {
        append_text(line, bytes, kept);
    }
}

void lubdub_event_line_text(struct lubdub_event_line *line, const char *key, const char *text)
{
    if (text != NULL) {
        lubdub_event_line_string(line, key, text, strlen(text));
    }
}

void lubdub_event_line_labels_begin(struct lubdub_event_line *line, const char *key)
{
    struct lubdub_event_field field = {.key = key, .kind = LUBDUB_EVENT_FIELD_LABELS};

    append(line, &field, 0);
}

void lubdub_event_line_label(struct lubdub_event_line *line, const void *key, size_t key_length, const void *value,
                             size_t value_length)
{
    struct lubdub_event_field field = {.kind = LUBDUB_EVENT_FIELD_LABEL};
    size_t room = text_room(line);

    if (key_length > room) {
        line->is_truncated = true;
        return;
    }
    value_length = cut(line, value, value_length, room - key_length);
    field.key_length = (uint16_t)key_length;
    field.text_length = (uint16_t)value_length;
    if (append(line, &field, key_length + value_length)) {
        append_text(line, key, key_length);
        append_text(line, value, value_length);
    }
}

void lubdub_event_line_label_number(struct lubdub_event_line *line, const char *key, uint64_t number)
{
    struct lubdub_event_field field = {.kind = LUBDUB_EVENT_FIELD_COUNT, .key = key, .value.number = number};

    append(line, &field, 0);
}

void lubdub_event_line_labels_end(struct lubdub_event_line *line)
{
    struct lubdub_event_field field = {.kind = LUBDUB_EVENT_FIELD_LABELS_END};

    append(line, &field, 0);
}

static bool find(const struct lubdub_event_line *line, const char *key, struct lubdub_event_field *field,
                 const char **text)
{
    uint32_t offset = 0;

    while (lubdub_event_field_next(line->fields, line->length, &offset, field, text)) {
        if (field->key != NULL && strcmp(field->key, key) == 0) {
            return true;
        }
    }
    return false;
}

bool lubdub_event_line_is(const struct lubdub_event_line *line, const char *event)
{
    return strcmp(line->event, event) == 0;
}

bool lubdub_event_line_get_number(const struct lubdub_event_line *line, const char *key, uint64_t *number)
{
    struct lubdub_event_field field;
    const char *text;

    if (!find(line, key, &field, &text) || field.kind != LUBDUB_EVENT_FIELD_NUMBER) {
        return false;
    }
    *number = field.value.number;
    return true;
}

bool lubdub_event_line_get_real(const struct lubdub_event_line *line, const char *key, double *number)
{
    struct lubdub_event_field field;
    const char *text;

    if (!find(line, key, &field, &text) || field.kind != LUBDUB_EVENT_FIELD_REAL) {
        return false;
    }
    *number = field.value.real;
    return true;
}

bool lubdub_event_line_get_flag(const struct lubdub_event_line *line, const char *key, bool *flag)
{
    struct lubdub_event_field field;
    const char *text;

    if (!find(line, key, &field, &text) || field.kind != LUBDUB_EVENT_FIELD_FLAG) {
        return false;
    }
    *flag = field.value.number != 0;
    return true;
}

bool lubdub_event_line_get_string(const struct lubdub_event_line *line, const char *key, const char **bytes,
                                  size_t *length)
{
    struct lubdub_event_field field;
    const char *text;

    if (!find(line, key, &field, &text)) {
        return false;
    }
    if (field.kind == LUBDUB_EVENT_FIELD_WORD) {
        *bytes = field.value.word;
        *length = strlen(field.value.word);
        return true;
    }
    *bytes = text;
    *length = field.text_length;
    return field.kind == LUBDUB_EVENT_FIELD_STRING;
}

const char *lubdub_event_line_show(const struct lubdub_event_line *line, const char *key, const char *fallback,
                                   char *text, size_t capacity)
{
    const char *bytes = fallback;
    size_t length = strlen(fallback);

    if (!lubdub_event_line_get_string(line, key, &bytes, &length)) {
        bytes = fallback;
        length = strlen(fallback);
    }
    lubdub_escape_text(text, capacity, bytes, length);
    return text;
}
