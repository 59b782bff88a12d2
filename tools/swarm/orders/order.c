/* Reads orders, form by form, and explains how they are written. */
#include "swarm/orders/order.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "program/settings/parse.h"

#define LONGEST_STALL LUBDUB_HOUR
#define LONGEST_DELAY LUBDUB_HOUR
#define FASTEST_LINK 10000000000 /* bits a second */
#define SLOWEST_LINK 8

#define HELP_WIDTH 24 /* of the column with what is written */

static const char *parse_length(const char *text, struct swarm_order *order)
{
    lubdub_duration length;

    if (lubdub_parse_duration(text, &length) != LUBDUB_PARSE_OK || length == 0 || length > LONGEST_STALL) {
        return "its length must be a duration of 1ms to 1h, as in server-stall:2s";
    }
    order->length = length;
    return NULL;
}

static const char *parse_share(const char *text, struct swarm_order *order)
{
    double share;

    if (lubdub_parse_share(text, &share) != LUBDUB_PARSE_OK || share <= 0) {
        return "the share must be more than 0 and at most 100%, such as 5% or 0.05";
    }
    if (swarm_fault_is_servers(order->fault) && share < 1) {
        return "there is one server, so the share must be 1 or left out";
    }
    order->share = share;
    return NULL;
}

static const char *parse_loss(char *text, struct swarm_order *order)
{
    if (lubdub_parse_share(text, &order->conditions.loss) != LUBDUB_PARSE_OK || order->conditions.loss <= 0 ||
        order->conditions.loss >= 1) {
        return "the loss must be a part of the packets of more than 0 and less than 100%, as in loss:5% or "
               "loss:5%:20%, where 20% of the clients suffer it";
    }
    return NULL;
}

/* "D", "D±J" or "D+-J". The text is changed. */
static const char *parse_delay(char *text, struct swarm_order *order)
{
    static const char *const signs[] = {"\xc2\xb1", "+-"};
    struct swarm_conditions *conditions = &order->conditions;
    char *jitter = NULL;
    size_t i;

    for (i = 0; i < sizeof signs / sizeof signs[0] && jitter == NULL; i++) {
        jitter = strstr(text, signs[i]);
        if (jitter != NULL) {
            *jitter = '\0';
            jitter += strlen(signs[i]);
        }
    }
    if (lubdub_parse_duration(text, &conditions->delay) != LUBDUB_PARSE_OK || conditions->delay == 0 ||
        conditions->delay > LONGEST_DELAY ||
        (jitter != NULL && lubdub_parse_duration(jitter, &conditions->jitter) != LUBDUB_PARSE_OK) ||
        conditions->jitter > conditions->delay) {
        return "the delay must be a duration of 1ms to 1h, and perhaps another one by which it varies and which is no "
               "longer, as in delay:50ms, delay:50ms+-20ms or delay:50ms:20%";
    }
    return NULL;
}

/* Bits a second, as links are sold: k and m are 1000 and 1000 * 1000. The text is changed. */
static const char *parse_rate(char *text, struct swarm_order *order)
{
    size_t length = strlen(text);
    uint64_t unit = 1;
    uint64_t rate;

    if (length > 0 && (text[length - 1] == 'k' || text[length - 1] == 'm')) {
        unit = text[length - 1] == 'k' ? 1000 : 1000000;
        text[length - 1] = '\0';
    }
    if (lubdub_parse_count(text, &rate) != LUBDUB_PARSE_OK || rate > FASTEST_LINK / unit ||
        rate * unit < SLOWEST_LINK) {
        return "the rate must be 8 bits a second to 10000m, with k for 1000 and m for 1000000, as in slow-link:64k or "
               "slow-link:64k:20%";
    }
    order->conditions.bytes_per_second = (uint32_t)(rate * unit / 8);
    return NULL;
}

#define VALUE_SIZE 64

/* VALUE or VALUE:SHARE. */
static const char *parse_condition(const char *text, struct swarm_order *order,
                                   const char *(*parse_value)(char *value, struct swarm_order *order))
{
    size_t length = strcspn(text, ":");
    char value[VALUE_SIZE] = "";
    const char *wrong;

    if (length < sizeof value) {
        memcpy(value, text, length);
    }
    wrong = parse_value(value, order);
    if (wrong == NULL && text[length] == ':') {
        wrong = parse_share(text + length + 1, order);
    }
    return wrong;
}

/* What stands behind the colon. */
static const char *parse_rest(const char *text, struct swarm_order *order)
{
    switch (swarm_fault_form(order->fault)) {
    case SWARM_FORM_SHARE:
    case SWARM_FORM_WHOLE:
        return parse_share(text, order);
    case SWARM_FORM_LENGTH:
    case SWARM_FORM_LENGTH_OR_NONE:
        return parse_length(text, order);
    case SWARM_FORM_LOSS:
        return parse_condition(text, order, parse_loss);
    case SWARM_FORM_DELAY:
        return parse_condition(text, order, parse_delay);
    case SWARM_FORM_RATE:
        return parse_condition(text, order, parse_rate);
    }
    return NULL;
}

/* A word without a colon. */
static const char *judge_alone(enum swarm_fault fault)
{
    switch (swarm_fault_form(fault)) {
    case SWARM_FORM_SHARE:
        return "must have a share, as in freeze:5%";
    case SWARM_FORM_LENGTH:
        return "must say how long it lasts, as in outage:500ms";
    case SWARM_FORM_LOSS:
    case SWARM_FORM_DELAY:
    case SWARM_FORM_RATE:
        return "must say how bad the path is, as in loss:5%, delay:50ms or slow-link:64k";
    case SWARM_FORM_WHOLE:
    case SWARM_FORM_LENGTH_OR_NONE:
        break;
    }
    return NULL;
}

/* Adds to a text what it certainly has room for. */
static void append(char *text, size_t capacity, const char *more)
{
    size_t length = strlen(text);

    assert(length + strlen(more) < capacity);
    memcpy(text + length, more, strlen(more) + 1);
}

/* All words there are, made once. */
static const char *name_kinds(void)
{
    static char text[512];
    int fault;

    text[0] = '\0';
    append(text, sizeof text, "must be KIND:SHARE with one of the kinds ");
    for (fault = 0; fault < SWARM_FAULT_NONE; fault++) {
        const char *separator = fault == 0 ? "" : fault + 1 < SWARM_FAULT_NONE ? ", " : " and ";

        append(text, sizeof text, separator);
        append(text, sizeof text, swarm_fault_word((enum swarm_fault)fault));
    }
    append(text, sizeof text, ", as in freeze:5%");
    return text;
}

const char *swarm_order_parse(const char *text, struct swarm_order *order)
{
    size_t length = strcspn(text, ":");
    struct swarm_order parsed = {.fault = swarm_fault_of_word(text, length), .share = 1};
    const char *wrong;

    if (parsed.fault == SWARM_FAULT_NONE) {
        return name_kinds();
    }
    wrong = text[length] == ':' ? parse_rest(text + length + 1, &parsed) : judge_alone(parsed.fault);
    if (wrong == NULL) {
        *order = parsed;
    }
    return wrong;
}

uint32_t swarm_order_size(const struct swarm_order *order, uint32_t client_count)
{
    double size = order->share * (double)client_count + 0.5;

    return size < 1 ? 1 : (uint32_t)size;
}

/* What stands behind the word, for people; the share of what is done to clients is said of all of them at once. */
static const char *usage_of(enum swarm_form form)
{
    switch (form) {
    case SWARM_FORM_SHARE:
    case SWARM_FORM_WHOLE:
        break;
    case SWARM_FORM_LENGTH:
        return ":D";
    case SWARM_FORM_LENGTH_OR_NONE:
        return "[:D]";
    case SWARM_FORM_LOSS:
        return ":P%[:SHARE]";
    case SWARM_FORM_DELAY:
        return ":D[+-J][:SHARE]";
    case SWARM_FORM_RATE:
        return ":R[:SHARE]";
    }
    return "";
}

void swarm_order_help(char *text, size_t capacity, enum swarm_victim victim)
{
    int i;

    for (i = 0; i < SWARM_FAULT_NONE; i++) {
        enum swarm_fault fault = (enum swarm_fault)i;
        char usage[HELP_WIDTH + 1];
        char line[160];

        if (swarm_fault_victim(fault) == victim) {
            snprintf(usage, sizeof usage, "%s%s%s", swarm_fault_word(fault), usage_of(swarm_fault_form(fault)),
                     swarm_fault_is_networks(fault) ? "*" : "");
            snprintf(line, sizeof line, "  %-*s%s\n", HELP_WIDTH, usage, swarm_fault_help(fault));
            append(text, capacity, line);
        }
    }
}
