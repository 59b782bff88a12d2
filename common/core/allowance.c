/* Counts messages against a rate. */
#include "core/allowance.h"

static lubdub_duration cost(struct lubdub_rate rate)
{
    return (LUBDUB_SECOND + rate.a_second - 1) / rate.a_second;
}

bool lubdub_allowance_take(struct lubdub_allowance *allowance, struct lubdub_rate rate, lubdub_time now)
{
    lubdub_time floor = lubdub_time_between(allowance->credit, now);
    lubdub_time used_to = allowance->used_to > floor ? allowance->used_to : floor;

    if (rate.a_second == 0) {
        return true;
    }
    if (used_to + cost(rate) > now + rate.burst * cost(rate)) {
        return false;
    }
    allowance->used_to = used_to + cost(rate);
    allowance->credit = lubdub_duration_shorter(allowance->credit, lubdub_time_between(allowance->used_to, now));
    return true;
}

lubdub_time lubdub_allowance_next(const struct lubdub_allowance *allowance, struct lubdub_rate rate)
{
    return rate.a_second == 0 ? 0 : lubdub_time_between((rate.burst - 1) * cost(rate), allowance->used_to);
}

void lubdub_allowance_forgive(struct lubdub_allowance *allowance, lubdub_duration away)
{
    allowance->credit = lubdub_time_after(allowance->credit, away);
}

void lubdub_allowance_expect_pile(struct lubdub_allowance *allowance, struct lubdub_rate rate,
                                  lubdub_duration silent_for)
{
    lubdub_duration piled;

    if (rate.a_second == 0) {
        return;
    }
    piled = lubdub_time_between((lubdub_duration)(rate.burst / 2) * cost(rate), silent_for / 2);
    piled = lubdub_duration_shorter(piled, LUBDUB_ALLOWANCE_PILE * cost(rate));
    if (allowance->credit < piled) {
        allowance->credit = piled;
    }
}

lubdub_duration lubdub_allowance_debt(const struct lubdub_allowance *allowance, lubdub_time now)
{
    return lubdub_time_between(now, allowance->used_to);
}

void lubdub_allowance_owe(struct lubdub_allowance *allowance, lubdub_duration debt, lubdub_time now)
{
    allowance->used_to = lubdub_time_after(now, debt);
}

/* The core has no printf(). */
static char *put_text(char *target, const char *text)
{
    while (*text != '\0') {
        *target++ = *text++;
    }
    return target;
}

static char *put_number(char *target, uint32_t number)
{
    char digits[10];
    unsigned count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0) {
        *target++ = digits[--count];
    }
    return target;
}

void lubdub_rate_text(char *text, uint32_t a_second, uint32_t burst)
{
    text = put_text(text, "more than twice ");
    text = put_number(text, a_second);
    text = put_text(text, " messages a second, or ");
    text = put_number(text, burst);
    text = put_text(text, " at once");
    *text = '\0';
}
