/* Makes a table of the lists of faults, and answers what is asked of a row. */
#include "swarm/orders/fault.h"

#include <assert.h>
#include <string.h>

enum course {
    COURSE_LASTS,
    COURSE_PASSES,
};

struct fault {
    const char *word;
    enum swarm_victim victim;
    enum swarm_form form;
    enum course course;
    enum swarm_doer doer;
    unsigned ways;
    unsigned causes[SWARM_SIDE_COUNT];
    enum swarm_limit limits[SWARM_SIDE_COUNT];
    const char *help;
};

/* clang-format off */
#define ROW(victim, word, form, course, doer, ways, client_causes, client_limit, server_causes, server_limit, help) \
    {word, SWARM_VICTIM_##victim, SWARM_FORM_##form, COURSE_##course, SWARM_BY_##doer, ways,                        \
     {client_causes, server_causes}, {SWARM_LIMIT_##client_limit, SWARM_LIMIT_##server_limit}, help},
#define ROW_OF_CLIENTS(name, ...) ROW(CLIENTS, __VA_ARGS__)
#define ROW_OF_PATHS(name, ...) ROW(PATHS, __VA_ARGS__)
#define ROW_OF_SERVERS(name, ...) ROW(SERVERS, __VA_ARGS__)

static const struct fault faults[] = {
    SWARM_FAULTS_OF_CLIENTS(ROW_OF_CLIENTS)
    SWARM_FAULTS_OF_PATHS(ROW_OF_PATHS)
    SWARM_FAULTS_OF_SERVERS(ROW_OF_SERVERS)
};
/* clang-format on */

static const struct fault *row_of(enum swarm_fault fault)
{
    assert(fault < SWARM_FAULT_NONE);
    return &faults[fault];
}

const char *swarm_fault_word(enum swarm_fault fault)
{
    return fault < SWARM_FAULT_NONE ? faults[fault].word : "none";
}

const char *swarm_side_word(enum swarm_side side)
{
    return side == SWARM_SIDE_CLIENT ? "client" : "server";
}

enum swarm_fault swarm_fault_of_word(const char *word, size_t length)
{
    int i;

    for (i = 0; i < SWARM_FAULT_NONE; i++) {
        if (strlen(faults[i].word) == length && memcmp(faults[i].word, word, length) == 0) {
            break;
        }
    }
    return (enum swarm_fault)i;
}

enum swarm_victim swarm_fault_victim(enum swarm_fault fault)
{
    return row_of(fault)->victim;
}

enum swarm_form swarm_fault_form(enum swarm_fault fault)
{
    return row_of(fault)->form;
}

enum swarm_doer swarm_fault_doer(enum swarm_fault fault)
{
    return row_of(fault)->doer;
}

unsigned swarm_fault_ways(enum swarm_fault fault)
{
    return row_of(fault)->ways;
}

const char *swarm_fault_help(enum swarm_fault fault)
{
    return row_of(fault)->help;
}

enum swarm_limit swarm_fault_limit(enum swarm_fault fault, enum swarm_side side)
{
    return fault < SWARM_FAULT_NONE ? faults[fault].limits[side] : SWARM_LIMIT_NONE;
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
    return swarm_fault_limit(fault, SWARM_SIDE_CLIENT) == SWARM_LIMIT_TOLD ||
           swarm_fault_limit(fault, SWARM_SIDE_SERVER) == SWARM_LIMIT_TOLD;
}

bool swarm_fault_is_servers(enum swarm_fault fault)
{
    return fault < SWARM_FAULT_NONE && faults[fault].victim == SWARM_VICTIM_SERVERS;
}

bool swarm_fault_is_networks(enum swarm_fault fault)
{
    return fault < SWARM_FAULT_NONE && faults[fault].doer != SWARM_BY_PROCESSES;
}

bool swarm_fault_takes_two_cables(enum swarm_fault fault)
{
    return fault == SWARM_FAULT_CUT_BOTH || (fault < SWARM_FAULT_NONE && faults[fault].doer == SWARM_BY_ONE_CABLE);
}

bool swarm_fault_is_condition(enum swarm_fault fault)
{
    return fault < SWARM_FAULT_NONE && faults[fault].victim == SWARM_VICTIM_PATHS;
}
