/* Parses numbers as people write wishes: decimals with a unit, and rates. Pure. */
#ifndef LUBDUB_CLIENT_PLAN_NUMBER_H
#define LUBDUB_CLIENT_PLAN_NUMBER_H

#include <stdbool.h>

struct plan_unit {
    const char *word; /* NULL: the end of the list */
    double seconds;
};

/* Digits, perhaps a point and more of them; what follows is *rest. */
bool lubdub_plan_take_decimal(const char *text, double *number, const char **rest);

bool lubdub_plan_take_unit(const char *text, const struct plan_unit *units, double *seconds);

/* Between two false alarms, where nothing else is wished: a twelfth of a Julian year, in seconds. */
#define LUBDUB_PLAN_MONTH 2629800.0

/* "/second" to "/year", the longest last. */
extern const struct plan_unit lubdub_plan_rates[];

/* "1/month" as the seconds between two, into a double. NULL, or what is wrong. */
const char *lubdub_plan_take_rate(const char *value, void *gap);

#endif
