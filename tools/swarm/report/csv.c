/* Prints a line for each observation, with empty fields for what is not known. */
#include "swarm/report/csv.h"

#include <inttypes.h>

#include "swarm/orders/identity.h"

static void print_time(FILE *file, lubdub_time time)
{
    if (time != 0) {
        fprintf(file, "%" PRIu64, time);
    }
    fputc(',', file);
}

static double milliseconds(int64_t nanoseconds)
{
    return (double)nanoseconds / (double)LUBDUB_MILLISECOND;
}

static const char *outcome_word(enum swarm_outcome outcome)
{
    switch (outcome) {
    case SWARM_DETECTED:
        return "detected";
    case SWARM_WRONG_CAUSE:
        return "wrong-cause";
    case SWARM_MISSED:
        return "missed";
    case SWARM_FALSE_ALARM:
        return "false-alarm";
    case SWARM_OPEN:
    case SWARM_UNDECIDED:
        return "undecided";
    case SWARM_SPARED:
        return "spared";
    case SWARM_EXCUSED:
        return "excused";
    }
    return "";
}

static void print_observation(FILE *file, const struct swarm_observation *observation)
{
    bool is_decided = observation->decided_at != 0;

    fprintf(file, "%s,%s," SWARM_IDENTITY_FORMAT ",", swarm_fault_word((enum swarm_fault)observation->fault),
            swarm_side_word((enum swarm_side)observation->side), observation->identity);
    print_time(file, observation->injected_at);
    print_time(file, observation->decided_at);
    if (observation->injected_at != 0 && is_decided) {
        fprintf(file, "%.6f",
                milliseconds((int64_t)lubdub_time_between(observation->injected_at, observation->decided_at)));
    }
    fprintf(file, ",%s,%s,", is_decided ? lubdub_cause_word((enum lubdub_cause)observation->cause) : "",
            outcome_word((enum swarm_outcome)observation->outcome));
    if (is_decided && observation->has_deadline) {
        fprintf(file, "%.6f", milliseconds(observation->late_by));
    }
    fputc(',', file);
    if (observation->corrected_at != 0) {
        fprintf(file, "%" PRIu64, observation->corrected_at);
    }
    fputc('\n', file);
}

void swarm_report_csv(FILE *file, const struct swarm_ledger *ledger)
{
    size_t i;

    fputs("fault,side,identity,injected_ns,detected_ns,latency_ms,cause,outcome,late_ms,corrected_ns\n", file);
    for (i = 0; i < ledger->count; i++) {
        const struct swarm_observation *observation = &ledger->observations[i];

        /* Nobody noticed what nobody had to notice, or the server's death explains it: that is no observation. */
        if (observation->outcome != SWARM_SPARED && observation->outcome != SWARM_EXCUSED) {
            print_observation(file, observation);
        }
    }
}
