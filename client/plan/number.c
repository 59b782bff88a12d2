/* Parses decimals, units and rates. */
#include "client/plan/number.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

bool lubdub_plan_take_decimal(const char *text, double *number, const char **rest)
{
    size_t length = strspn(text, "0123456789");
    char *end;

    if (length == 0 || length > 12) {
        return false;
    }
    if (text[length] == '.') {
        size_t digits = strspn(text + length + 1, "0123456789");

        if (digits == 0 || digits > 9) {
            return false;
        }
        length += 1 + digits;
    }
    *number = strtod(text, &end);
    *rest = text + length;
    return end == *rest;
}

bool lubdub_plan_take_unit(const char *text, const struct plan_unit *units, double *seconds)
{
    for (; units->word != NULL; units++) {
        if (strcmp(text, units->word) == 0) {
            *seconds = units->seconds;
            return true;
        }
    }
    return false;
}

const struct plan_unit lubdub_plan_rates[] = {{"/second", 1},      {"/minute", 60},   {"/hour", 3600},
                                              {"/day", 86400},     {"/week", 604800}, {"/month", LUBDUB_PLAN_MONTH},
                                              {"/year", 31557600}, {NULL, 0}};

const char *lubdub_plan_take_rate(const char *value, void *field)
{
    const char *rest;
    double number;
    double unit;

    if (!lubdub_plan_take_decimal(value, &number, &rest) || !lubdub_plan_take_unit(rest, lubdub_plan_rates, &unit) ||
        number <= 0) {
        return "must be a number, not 0, a slash, and one of second, minute, hour, day, week, month, year: 1/month";
    }
    *(double *)field = unit / number;
    return NULL;
}
