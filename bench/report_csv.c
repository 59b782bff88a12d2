/* Observations as they are. */
#include <inttypes.h>

#include "report.h"

static void print_time(FILE *file, lubdub_time time)
{
    if (time != 0) {
        fprintf(file, "%" PRIu64, time);
    }
    fputc(',', file);
}

static void print_observation(FILE *file, const struct swarm_observation *observation)
{
    fprintf(file, "%s,%s," SWARM_IDENTITY_FORMAT ",", swarm_fault_word((enum swarm_fault)observation->fault),
            swarm_side_word((enum swarm_side)observation->side), observation->identity);
    print_time(file, observation->injected_at);
    print_time(file, observation->decided_at);
    if (observation->injected_at != 0 && observation->decided_at != 0) {
        fprintf(file, "%.6f",
                (double)lubdub_time_between(observation->injected_at, observation->decided_at) /
                    (double)LUBDUB_MILLISECOND);
    }
    fprintf(file, ",%s\n",
            observation->decided_at != 0 ? lubdub_cause_word((enum lubdub_cause)observation->cause) : "");
}

void swarm_report_csv(FILE *file, const struct swarm_ledger *ledger)
{
    size_t i;

    fputs("fault,side,identity,injected_ns,detected_ns,latency_ms,cause\n", file);
    for (i = 0; i < ledger->count; i++) {
        const struct swarm_observation *observation = &ledger->observations[i];

        /* Nobody noticed what nobody had to notice, or the server's death explains it: that is no observation. */
        if (observation->outcome != SWARM_SPARED && observation->outcome != SWARM_EXCUSED) {
            print_observation(file, observation);
        }
    }
}
