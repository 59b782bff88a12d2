/* Formats points in time for people and programs. */
#ifndef LUBDUB_PROGRAM_EVENTS_TIMESTAMP_H
#define LUBDUB_PROGRAM_EVENTS_TIMESTAMP_H

#include <stdint.h>

#define LUBDUB_TIMESTAMP_SIZE 32

/* RFC 3339, UTC, microseconds: "2026-01-31T23:59:59.000001Z". Returns text. */
const char *lubdub_format_timestamp(uint64_t real, char text[LUBDUB_TIMESTAMP_SIZE]);

#endif
