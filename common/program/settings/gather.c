/* A duration with a word for the default and a word for none. */
#include "program/settings/gather.h"

#include <string.h>

#include "ev/gather.h"
#include "program/settings/parse.h"

#define SHORTEST (10 * LUBDUB_MICROSECOND)

static bool parse(const char *value, lubdub_duration *length)
{
    if (strcmp(value, "auto") == 0) {
        *length = LUBDUB_GATHER_AUTO;
        return true;
    }
    if (strcmp(value, "off") == 0) {
        *length = 0;
        return true;
    }
    return lubdub_parse_duration(value, length) == LUBDUB_PARSE_OK && *length >= SHORTEST &&
           *length <= LUBDUB_GATHER_LIMIT;
}

const char *lubdub_gather_judge(const char *value, void *field)
{
    lubdub_duration length;
    (void)field;

    return parse(value, &length)
               ? NULL
               : "must be a duration from 0.01ms to 100ms (a bare number is milliseconds), auto or off";
}

lubdub_duration lubdub_gather_value(const char *value)
{
    lubdub_duration length = LUBDUB_GATHER_AUTO;

    return value == NULL || parse(value, &length) ? length : LUBDUB_GATHER_AUTO;
}
