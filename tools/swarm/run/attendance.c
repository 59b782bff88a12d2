/* Keeps two flags for each client, and counts of them. */
#include "swarm/run/attendance.h"

#include <stdlib.h>

#define IS_UP 1u
#define IS_BEING_STRUCK 2u

bool swarm_attendance_init(struct swarm_attendance *attendance, uint32_t client_count)
{
    *attendance = (struct swarm_attendance){.clients = calloc(client_count, 1)};
    return attendance->clients != NULL;
}

void swarm_attendance_clear(struct swarm_attendance *attendance)
{
    free(attendance->clients);
    *attendance = (struct swarm_attendance){0};
}

bool swarm_run_is_up(const struct swarm_run *run, uint32_t client)
{
    return (run->attendance.clients[client] & IS_UP) != 0;
}

bool swarm_run_is_being_struck(const struct swarm_run *run, uint32_t client)
{
    return (run->attendance.clients[client] & IS_BEING_STRUCK) != 0;
}

void swarm_run_set_up(struct swarm_run *run, uint32_t client, bool is_up)
{
    struct swarm_attendance *attendance = &run->attendance;
    uint8_t *flags = &attendance->clients[client];

    if (is_up && (*flags & IS_UP) == 0) {
        *flags |= IS_UP;
        attendance->up_count++;
        if (attendance->up_count > attendance->most_up_count) {
            attendance->most_up_count = attendance->up_count;
        }
    } else if (!is_up && (*flags & IS_UP) != 0) {
        *flags &= (uint8_t)~IS_UP;
        attendance->up_count--;
    }
}

void swarm_run_set_all_down(struct swarm_run *run)
{
    uint32_t i;

    for (i = 0; i < run->options->clients; i++) {
        swarm_run_set_up(run, i, false);
    }
}

enum swarm_expectation swarm_run_expectation(const struct swarm_run *run)
{
    return run->findings->has_server ? SWARM_MUST_NOTICE : SWARM_MAY_NOTICE;
}

void swarm_run_inject(struct swarm_run *run, enum swarm_fault fault, uint32_t client, lubdub_time at,
                      enum swarm_expectation expectation)
{
    swarm_ledger_inject(&run->findings->ledger, fault, client, at, expectation);
}

void swarm_run_inject_all(struct swarm_run *run, enum swarm_fault fault, lubdub_time at,
                          enum swarm_expectation expectation)
{
    uint32_t i;

    for (i = 0; i < run->options->clients; i++) {
        if (swarm_run_is_up(run, i)) {
            swarm_run_inject(run, fault, i, at, expectation);
        }
    }
}

void swarm_run_strike(struct swarm_run *run, enum swarm_fault fault, uint32_t client)
{
    if (!swarm_run_is_up(run, client) || swarm_run_is_being_struck(run, client)) {
        run->findings->measures.skipped_count++;
        return;
    }
    run->attendance.clients[client] |= IS_BEING_STRUCK;
    run->attendance.struck_count++;
    swarm_workers_strike(&run->workers, client, fault);
}

void swarm_run_take_answer(struct swarm_run *run, uint32_t client)
{
    run->attendance.clients[client] &= (uint8_t)~IS_BEING_STRUCK;
    run->attendance.struck_count--;
}

bool swarm_run_all_verdicts_are_in(const struct swarm_run *run)
{
    return run->findings->ledger.open_count == 0 && run->attendance.struck_count == 0;
}
