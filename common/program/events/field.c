/* Reads the fields of an event line one after the other. */
#include "program/events/field.h"

#include <assert.h>
#include <string.h>

bool lubdub_event_field_next(const uint8_t *bytes, uint32_t length, uint32_t *offset, struct lubdub_event_field *field,
                             const char **text)
{
    if (*offset >= length) {
        return false;
    }
    memcpy(field, bytes + *offset, sizeof *field);
    *offset += (uint32_t)sizeof *field;
    *text = (const char *)bytes + *offset;
    *offset += (uint32_t)field->key_length + field->text_length;
    assert(*offset <= length);
    return true;
}
