/* The table of faults, and how people write them. */
#include "fault.h"

#include <string.h>

#include "program/parse.h"

#define LONGEST_STALL LUBDUB_HOUR

enum course {
    COURSE_LASTS,
    COURSE_PASSES,
};

struct fault {
    const char *word;
    enum swarm_side victim;
    enum course course;
    unsigned causes[SWARM_SIDE_COUNT];
};

static const struct fault faults[] = {
#define SWARM_FAULT_ROW(name, word, victim, course, client_causes, server_causes) \
    {word, SWARM_SIDE_##victim, COURSE_##course, {client_causes, server_causes}},
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

const char *swarm_order_parse(const char *text, struct swarm_order *order)
{
    size_t length = strcspn(text, ":");
    struct swarm_order parsed = {.fault = fault_of(text, length), .share = 1};
    const char *wrong = NULL;

    if (length == 3 && memcmp(text, "cut", 3) == 0) {
        return "cannot be done in this version: to cut a cable takes network namespaces, which it does not make";
    }
    if (parsed.fault == SWARM_FAULT_NONE) {
        return "must be KIND:SHARE with one of the kinds freeze, kill, reset, bye, server-stall, vm-pause, server-freeze "
               "and server-kill, as in freeze:5%";
    }
    if (text[length] == ':') {
        const char *rest = text + length + 1;

        wrong = swarm_fault_passes(parsed.fault) ? parse_length(rest, &parsed) : parse_share(rest, &parsed);
    } else if (!swarm_fault_is_servers(parsed.fault)) {
        wrong = "must have a share, as in freeze:5%";
    }
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
