/* Formats points in time by the calendar of UTC. */
#define _POSIX_C_SOURCE 200809L
#include "program/events/timestamp.h"

#include <stdio.h>
#include <time.h>

#include <lubdub/time.h>

const char *lubdub_format_timestamp(uint64_t real, char text[LUBDUB_TIMESTAMP_SIZE])
{
    time_t seconds = (time_t)(real / LUBDUB_SECOND);
    unsigned microseconds = (unsigned)(real % LUBDUB_SECOND / LUBDUB_MICROSECOND);
    struct tm utc;
    size_t length =
        gmtime_r(&seconds, &utc) != NULL ? strftime(text, LUBDUB_TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &utc) : 0;

    snprintf(text + length, LUBDUB_TIMESTAMP_SIZE - length, ".%06uZ", microseconds);
    return text;
}
