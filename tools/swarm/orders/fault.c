/* The table of faults, and how people write them. */
#include "swarm/orders/fault.h"

#include <string.h>

#include "program/settings/parse.h"

#define LONGEST_STALL LUBDUB_HOUR
#define LONGEST_DELAY LUBDUB_HOUR
#define FASTEST_LINK 10000000000 /* bits a second */
#define SLOWEST_LINK 8

enum course {
    COURSE_LASTS,
    COURSE_PASSES,
};

enum place {
    PLACE_PROCESSES,
    PLACE_NETWORK,
};

struct fault {
    const char *word;
    enum swarm_side victim;
    enum course course;
    enum place place;
    unsigned causes[SWARM_SIDE_COUNT];
};

static const struct fault faults[] = {
#define SWARM_FAULT_ROW(name, word, victim, course, place, client_causes, server_causes) \
    {word, SWARM_SIDE_##victim, COURSE_##course, PLACE_##place, {client_causes, server_causes}},
    SWARM_FAULTS(SWARM_FAULT_ROW)
#undef SWARM_FAULT_ROW
};

const char *swarm_fault_word(enum swarm_fault fault)
{
    return fault < SWARM_FAULT_NONE ? faults[fault].word : "none";
}

const char *swarm_side_word(enum swarm_side side)
{
    return side == SWARM_SIDE_CLIENT ? "client" : "server";
}

bool swarm_fault_concerns(enum swarm_fault fault, enum swarm_side side)
{
    return fault < SWARM_FAULT_NONE && faults[fault].causes[side] != 0;
}

bool swarm_fault_passes(enum swarm_fault fault)
{
    return fault < SWARM_FAULT_NONE && faults[fault].course == COURSE_PASSES;
}

bool swarm_fault_has_row(enum swarm_fault fault, enum swarm_side side)
{
    return fault >= SWARM_FAULT_NONE || swarm_fault_passes(fault) || swarm_fault_concerns(fault, side);
}

bool swarm_fault_explains(enum swarm_fault fault, enum swarm_side side, enum lubdub_cause cause)
{
    return fault < SWARM_FAULT_NONE && (faults[fault].causes[side] >> cause & 1) != 0;
}

bool swarm_fault_is_told(enum swarm_fault fault)
{
    const unsigned silence = SWARM_CAUSE(HUNG) | SWARM_CAUSE(UNREACHABLE);

    return fault < SWARM_FAULT_NONE && !swarm_fault_passes(fault) &&
           ((faults[fault].causes[SWARM_SIDE_CLIENT] | faults[fault].causes[SWARM_SIDE_SERVER]) & silence) == 0;
}

bool swarm_fault_is_servers(enum swarm_fault fault)
{
    return fault < SWARM_FAULT_NONE && faults[fault].victim == SWARM_SIDE_SERVER;
}

bool swarm_fault_is_networks(enum swarm_fault fault)
{
    return fault < SWARM_FAULT_NONE && faults[fault].place == PLACE_NETWORK;
}

bool swarm_fault_is_condition(enum swarm_fault fault)
{
    return swarm_fault_passes(fault) && !swarm_fault_is_servers(fault);
}

/* ---- as people write them ---- */

static enum swarm_fault fault_of(const char *word, size_t length)
{
    int i;

    for (i = 0; i < SWARM_FAULT_NONE; i++) {
        if (strlen(faults[i].word) == length && memcmp(faults[i].word, word, length) == 0) {
            break;
        }
    }
    return (enum swarm_fault)i;
}

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

static const char *parse_loss(const char *text, struct swarm_order *order)
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

#define CONDITION_SIZE 64

/* VALUE or VALUE:SHARE. */
static const char *parse_condition(const char *text, struct swarm_order *order)
{
    size_t length = strcspn(text, ":");
    char value[CONDITION_SIZE] = "";
    const char *wrong;

    if (length < sizeof value) {
        memcpy(value, text, length);
    }
    wrong = order->fault == SWARM_FAULT_LOSS    ? parse_loss(value, order)
            : order->fault == SWARM_FAULT_DELAY ? parse_delay(value, order)
                                                : parse_rate(value, order);
    if (wrong == NULL && text[length] == ':') {
        wrong = parse_share(text + length + 1, order);
    }
    return wrong;
}

/* What stands behind the colon. */
static const char *parse_rest(const char *text, struct swarm_order *order)
{
    if (swarm_fault_is_condition(order->fault)) {
        return parse_condition(text, order);
    }
    return swarm_fault_passes(order->fault) ? parse_length(text, order) : parse_share(text, order);
}

static const char *judge_alone(enum swarm_fault fault)
{
    if (swarm_fault_is_condition(fault)) {
        return "must say how bad the path is, as in loss:5%, delay:50ms or slow-link:64k";
    }
    if (fault == SWARM_FAULT_OUTAGE) {
        return "must say how long it lasts, as in outage:500ms";
    }
    return swarm_fault_is_servers(fault) ? NULL : "must have a share, as in freeze:5%";
}

const char *swarm_order_parse(const char *text, struct swarm_order *order)
{
    size_t length = strcspn(text, ":");
    struct swarm_order parsed = {.fault = fault_of(text, length), .share = 1};
    const char *wrong;

    if (parsed.fault == SWARM_FAULT_NONE) {
        return "must be KIND:SHARE with one of the kinds freeze, kill, reset, bye, cut, drop-in, drop-out, power, "
               "loss, "
               "delay, slow-link, server-stall, vm-pause, outage, server-freeze, server-kill and server-cut, as in "
               "freeze:5%";
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
