/* Describes the fields in the bytes of a lubdub_event_line, for code that turns lines into another form. */
#ifndef LUBDUB_PROGRAM_EVENTS_FIELD_H
#define LUBDUB_PROGRAM_EVENTS_FIELD_H

#include <stdbool.h>
#include <stdint.h>

enum lubdub_event_field_kind {
    LUBDUB_EVENT_FIELD_NUMBER,
    LUBDUB_EVENT_FIELD_REAL,
    LUBDUB_EVENT_FIELD_FLAG,
    LUBDUB_EVENT_FIELD_WORD,
    LUBDUB_EVENT_FIELD_STRING,
    LUBDUB_EVENT_FIELD_LABELS, /* what follows, up to LABELS_END, is LABEL or COUNT */
    LUBDUB_EVENT_FIELD_LABEL,  /* its key stands in front of its text */
    LUBDUB_EVENT_FIELD_COUNT,  /* a label that is a number */
    LUBDUB_EVENT_FIELD_LABELS_END,
};

/*
 * What every field begins with, copied in and out (the bytes are not aligned). After it comes text: of a STRING its
 * bytes, of a LABEL the key's and then the value's.
 */
struct lubdub_event_field {
    const char *key; /* NULL for LABEL and LABELS_END */
    union {
        uint64_t number;
        double real;
        const char *word;
    } value;
    uint16_t key_length; /* of a LABEL's key */
    uint16_t text_length;
    uint8_t kind; /* enum lubdub_event_field_kind */
};

/*
 * Reads the field at *offset, which starts at 0 and is moved on. *text is set to what follows the field's head.
 * Returns false at the end of the bytes, which are a line's (line->fields, line->length).
 */
bool lubdub_event_field_next(const uint8_t *bytes, uint32_t length, uint32_t *offset, struct lubdub_event_field *field,
                             const char **text);

#endif
