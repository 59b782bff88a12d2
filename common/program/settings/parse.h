/*
 * Parses numbers with units as people write them: durations, sizes, counts, ports and shares. Pure.
 *
 * Strict on purpose: digits and a documented unit, nothing else. No sign, no space, no exponent, no other base, and no
 * dependence on the locale. On any result but LUBDUB_PARSE_OK the target is left as it was.
 */
#ifndef LUBDUB_PROGRAM_SETTINGS_PARSE_H
#define LUBDUB_PROGRAM_SETTINGS_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

enum lubdub_parse_result {
    LUBDUB_PARSE_OK,
    LUBDUB_PARSE_MALFORMED, /* not what is documented; also the empty text */
    LUBDUB_PARSE_TOO_LARGE, /* understood, but does not fit */
};

/* Decimal digits: "15000". */
enum lubdub_parse_result lubdub_parse_count(const char *text, uint64_t *count);

/*
 * Digits and a unit, one of ms, s, m, h: "250ms", "3s"; with a fraction of up to nine digits where the unit stands
 * there: "0.5s". A bare number is milliseconds. The result is in nanoseconds.
 */
enum lubdub_parse_result lubdub_parse_duration(const char *text, lubdub_duration *duration);

/* Bytes: digits, then perhaps k (1024) or m (1024 * 1024): "64k". */
enum lubdub_parse_result lubdub_parse_size(const char *text, uint64_t *bytes);

/* 1 to 65535. */
enum lubdub_parse_result lubdub_parse_port(const char *text, uint16_t *port);

/* A part of a whole as "5%", "0.5%" or "0.05": 0 to 1. At most nine digits after the point. */
enum lubdub_parse_result lubdub_parse_share(const char *text, double *share);

#define LUBDUB_DURATION_TEXT_SIZE 32

/*
 * Writes a duration the way lubdub_parse_duration reads it, in the largest unit that divides it: "3s", "1500ms", "0".
 * What is no whole number of milliseconds is rounded down to one. Returns text.
 */
const char *lubdub_format_duration(lubdub_duration duration, char text[LUBDUB_DURATION_TEXT_SIZE]);

#endif
