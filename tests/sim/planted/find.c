/* Runs seeds until the judge finds something: find SEEDS CLIENTS. Every other adapts, three of four have messages. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "simulate/world/simulate.h"

int main(int argc, char *argv[])
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint32_t clients = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10;
    uint64_t seed;

    for (seed = 1; seed <= seeds; seed++) {
        struct sim_settings settings;
        struct sim_result result = {0};

        sim_settings_init(&settings);
        settings.seed = seed;
        settings.clients = clients;
        settings.length = 10 * LUBDUB_MINUTE;
        settings.fault_gap = 5 * LUBDUB_SECOND;
        settings.adapts = seed % 2 == 0;
        settings.has_messages = seed % 4 != 1;
        if (seed % 8 == 7) { /* clients that wait for long, so that much piles up */
            settings.interval = 100 * LUBDUB_MILLISECOND;
            settings.timeout = LUBDUB_MINUTE;
        }
        if (seed % 8 == 4) { /* long deadlines, so that adapting decides long before them */
            settings.timeout = settings.expiry = 10 * LUBDUB_SECOND;
        }
        sim_run(&settings, &result);
        if (result.has_failed) {
            printf("%" PRIu64 " %s\n", seed, result.problem);
            return 0;
        }
        sim_result_clear(&result);
    }
    printf("- not found in %" PRIu64 " seeds\n", seeds);
    return 1;
}
