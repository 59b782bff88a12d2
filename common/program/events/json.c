/* Turns event lines into JSON. */
#include "program/events/json.h"

#include <jansson.h>
#include <string.h>

#include "program/events/escape.h"
#include "program/events/field.h"
#include "program/events/timestamp.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define REPLACEMENT_LENGTH 3
#define LABEL_KEY_MAX 256

/*
 * Copies text with a replacement character for each byte that is no UTF-8, and for NUL: many readers refuse a text with
 * \u0000 in it, or end it there. Cuts what does not fit.
 */
static size_t make_valid(char *valid, size_t capacity, const char *text, size_t length)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t used = 0;
    size_t taken = 0;

    while (taken < length) {
        uint32_t code_point = 0;
        size_t size = lubdub_utf8_decode(bytes + taken, length - taken, &code_point);
        bool is_kept = size > 0 && code_point != 0;
        const void *source = is_kept ? (const void *)(bytes + taken) : REPLACEMENT;
        size_t source_length = is_kept ? size : REPLACEMENT_LENGTH;

        if (used + source_length > capacity) {
            break;
        }
        memcpy(valid + used, source, source_length);
        used += source_length;
        taken += size > 0 ? size : 1;
    }
    return used;
}

static json_t *json_text(const char *text, size_t length)
{
    char valid[LUBDUB_EVENT_STRING_MAX * REPLACEMENT_LENGTH];

    return json_stringn_nocheck(valid, make_valid(valid, sizeof valid, text, length));
}

/* JSON's integers end at 2^63 here; what lies beyond is still a number, to the precision that most readers have. */
static json_t *json_number(uint64_t number)
{
    return number <= INT64_MAX ? json_integer((json_int_t)number) : json_real((double)number);
}

static json_t *json_double(double number)
{
    json_t *value = json_real(number); /* NULL for infinity and NaN, which JSON cannot say */

    return value != NULL ? value : json_null();
}

static int add_label(json_t *labels, const struct lubdub_event_field *field, const char *text)
{
    char key[LABEL_KEY_MAX + 1];
    size_t length = make_valid(key, LABEL_KEY_MAX, text, field->key_length);

    key[length] = '\0';
    if (labels == NULL || json_object_get(labels, key) != NULL) {
        return 0;
    }
    return json_object_set_new_nocheck(labels, key, json_text(text + field->key_length, field->text_length));
}

/* Adds one field; *labels is the object that labels go to, of which the parent owns the memory. */
static int add_field(json_t *object, json_t **labels, const struct lubdub_event_field *field, const char *text)
{
    switch ((enum lubdub_event_field_kind)field->kind) {
    case LUBDUB_EVENT_FIELD_NUMBER:
        return json_object_set_new_nocheck(object, field->key, json_number(field->value.number));
    case LUBDUB_EVENT_FIELD_REAL:
        return json_object_set_new_nocheck(object, field->key, json_double(field->value.real));
    case LUBDUB_EVENT_FIELD_FLAG:
        return json_object_set_new_nocheck(object, field->key, json_boolean(field->value.number != 0));
    case LUBDUB_EVENT_FIELD_WORD:
        return json_object_set_new_nocheck(object, field->key, json_text(field->value.word, strlen(field->value.word)));
    case LUBDUB_EVENT_FIELD_STRING:
        return json_object_set_new_nocheck(object, field->key, json_text(text, field->text_length));
    case LUBDUB_EVENT_FIELD_LABELS:
        *labels = json_object();
        return json_object_set_new_nocheck(object, field->key, *labels);
    case LUBDUB_EVENT_FIELD_LABEL:
        return add_label(*labels, field, text);
    case LUBDUB_EVENT_FIELD_COUNT:
        return *labels != NULL ? json_object_set_new_nocheck(*labels, field->key, json_number(field->value.number)) : 0;
    case LUBDUB_EVENT_FIELD_LABELS_END:
        *labels = NULL;
        return 0;
    }
    return -1;
}

static json_t *to_object(const struct lubdub_event_line *line)
{
    char time[LUBDUB_TIMESTAMP_SIZE];
    json_t *object = json_object();
    json_t *labels = NULL;
    struct lubdub_event_field field;
    const char *text;
    uint32_t offset = 0;
    int wrong = object == NULL;

    wrong |= json_object_set_new_nocheck(object, "time", json_string(lubdub_format_timestamp(line->real, time)));
    wrong |= json_object_set_new_nocheck(object, "mono_ns", json_number(line->mono));
    wrong |= json_object_set_new_nocheck(object, "event", json_text(line->event, strlen(line->event)));
    while (lubdub_event_field_next(line->fields, line->length, &offset, &field, &text)) {
        wrong |= add_field(object, &labels, &field, text);
    }
    if (line->is_truncated) {
        wrong |= json_object_set_new_nocheck(object, "truncated", json_true());
    }
    if (wrong) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* DEL, the one control that jansson leaves raw, can only stand inside a string. Returns the new length, or 0. */
static size_t escape_delete(char *text, size_t length, size_t capacity)
{
    static const char escape[] = "\\u007f";
    size_t extra = sizeof escape - 2;
    char *at = text;

    while ((at = memchr(at, 0x7f, length - (size_t)(at - text))) != NULL) {
        if (length + extra > capacity) {
            return 0;
        }
        memmove(at + extra, at, length - (size_t)(at - text));
        memcpy(at, escape, sizeof escape - 1);
        length += extra;
    }
    return length;
}

static size_t dump(const json_t *value, char *text, size_t capacity)
{
    size_t length = json_dumpb(value, text, capacity, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12));

    return length <= capacity ? escape_delete(text, length, capacity) : 0;
}

size_t lubdub_event_line_json(const struct lubdub_event_line *line, char *text, size_t capacity)
{
    json_t *object = to_object(line);
    size_t length = dump(object, text, capacity);

    json_decref(object);
    return length;
}

size_t lubdub_event_line_json_member(const struct lubdub_event_line *line, const char *key, char *text, size_t capacity)
{
    json_t *object = to_object(line);
    size_t length = dump(json_object_get(object, key), text, capacity);

    json_decref(object);
    return length;
}
