/* Parses numbers by hand, since strtoul and its kin take spaces, signs, other bases and the locale's decimal point. */
#include "program/settings/parse.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FRACTION_DIGITS_MAX 9

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit duration_units[] = {
    {"", LUBDUB_MILLISECOND}, {"ms", LUBDUB_MILLISECOND}, {"s", LUBDUB_SECOND},
    {"m", LUBDUB_MINUTE},     {"h", LUBDUB_HOUR},
};

static const struct unit size_units[] = {
    {"", 1},
    {"k", 1024},
    {"m", UINT64_C(1024) * 1024},
};

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* Takes one digit or more from *text. Saturates and says so in *fits: "99...9x" is still malformed, not too large. */
static bool take_digits(const char **text, uint64_t *number, bool *fits)
{
    const char *at = *text;

    *number = 0;
    *fits = true;
    for (; is_digit(*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0');

        if (*number > (UINT64_MAX - digit) / 10) {
            *fits = false;
        }
        *number = *fits ? *number * 10 + digit : UINT64_MAX;
    }
    if (at == *text) {
        return false;
    }
    *text = at;
    return true;
}

static enum lubdub_parse_result parse_with_unit(const char *text, const struct unit *units, size_t unit_count,
                                                uint64_t *value)
{
    uint64_t number;
    bool fits;
    size_t i;

    if (!take_digits(&text, &number, &fits)) {
        return LUBDUB_PARSE_MALFORMED;
    }
    for (i = 0; i < unit_count && strcmp(text, units[i].name) != 0; i++) {
    }
    if (i == unit_count) {
        return LUBDUB_PARSE_MALFORMED;
    }
    if (!fits || number > UINT64_MAX / units[i].factor) {
        return LUBDUB_PARSE_TOO_LARGE;
    }
    *value = number * units[i].factor;
    return LUBDUB_PARSE_OK;
}

/* ".5" of a number with a unit, as billionths; *text is moved behind it. False: it is no fraction. */
static bool take_fraction(const char **text, uint64_t *billionths)
{
    const char *start = *text + 1;
    const char *at = start;
    uint64_t scale = UINT64_C(1000000000);

    *billionths = 0;
    for (; is_digit(*at) && at - start < FRACTION_DIGITS_MAX; at++) {
        scale /= 10;
        *billionths += (uint64_t)(*at - '0') * scale;
    }
    *text = at;
    return at > start;
}

enum lubdub_parse_result lubdub_parse_count(const char *text, uint64_t *count)
{
    return parse_with_unit(text, size_units, 1, count);
}

enum lubdub_parse_result lubdub_parse_duration(const char *text, lubdub_duration *duration)
{
    const char *at = text;
    uint64_t billionths;
    uint64_t whole;
    bool fits;
    size_t i;

    if (!take_digits(&at, &whole, &fits) || *at != '.') {
        return parse_with_unit(text, duration_units, sizeof duration_units / sizeof duration_units[0], duration);
    }
    /* A fraction has its unit beside it: "0.5" alone may be meant in seconds, as with ping. */
    if (!take_fraction(&at, &billionths) || *at == '\0') {
        return LUBDUB_PARSE_MALFORMED;
    }
    for (i = 1; i < sizeof duration_units / sizeof duration_units[0]; i++) {
        if (strcmp(at, duration_units[i].name) == 0) {
            uint64_t factor = duration_units[i].factor;

            if (!fits || whole >= UINT64_MAX / factor) {
                return LUBDUB_PARSE_TOO_LARGE;
            }
            /* In two steps, as billionths of an hour do not fit as they are. */
            *duration = whole * factor + billionths * (factor / 1000) / 1000000;
            return LUBDUB_PARSE_OK;
        }
    }
    return LUBDUB_PARSE_MALFORMED;
}

enum lubdub_parse_result lubdub_parse_size(const char *text, uint64_t *bytes)
{
    return parse_with_unit(text, size_units, sizeof size_units / sizeof size_units[0], bytes);
}

enum lubdub_parse_result lubdub_parse_port(const char *text, uint16_t *port)
{
    uint64_t number;
    enum lubdub_parse_result result = lubdub_parse_count(text, &number);

    if (result != LUBDUB_PARSE_OK) {
        return result;
    }
    if (number == 0) {
        return LUBDUB_PARSE_MALFORMED;
    }
    if (number > UINT16_MAX) {
        return LUBDUB_PARSE_TOO_LARGE;
    }
    *port = (uint16_t)number;
    return LUBDUB_PARSE_OK;
}

enum lubdub_parse_result lubdub_parse_share(const char *text, double *share)
{
    uint64_t whole;
    uint64_t fraction = 0;
    bool fits;
    double scale = 1;
    double value;

    if (!take_digits(&text, &whole, &fits)) {
        return LUBDUB_PARSE_MALFORMED;
    }
    if (*text == '.') {
        const char *start = ++text;
        bool fraction_fits;

        if (!take_digits(&text, &fraction, &fraction_fits) || text - start > FRACTION_DIGITS_MAX) {
            return LUBDUB_PARSE_MALFORMED;
        }
        for (; start < text; start++) {
            scale *= 10;
        }
    }

    value = (double)whole + (double)fraction / scale;
    if (strcmp(text, "%") == 0) {
        value /= 100;
    } else if (*text != '\0') {
        return LUBDUB_PARSE_MALFORMED;
    }
    if (!fits || value > 1) {
        return LUBDUB_PARSE_TOO_LARGE;
    }
    *share = value;
    return LUBDUB_PARSE_OK;
}

const char *lubdub_format_duration(lubdub_duration duration, char text[LUBDUB_DURATION_TEXT_SIZE])
{
    size_t i = sizeof duration_units / sizeof duration_units[0] - 1;

    while (i > 1 && duration % duration_units[i].factor != 0) {
        i--;
    }
    if (duration < LUBDUB_MILLISECOND) {
        i = 0;
    }
    snprintf(text, LUBDUB_DURATION_TEXT_SIZE, "%llu%s", (unsigned long long)(duration / duration_units[i].factor),
             duration_units[i].name);
    return text;
}
