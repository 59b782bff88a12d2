/* Prints the digests of a few runs. */
#include <inttypes.h>
#include <stdio.h>

#include "simulate/world/simulate.h"

int main(void)
{
    uint64_t seed;

    for (seed = 1; seed <= 12; seed++) {
        struct sim_settings settings;
        struct sim_result result = {0};

        sim_settings_init(&settings);
        settings.seed = seed;
        settings.length = 10 * LUBDUB_MINUTE;
        settings.faults = seed % 4 == 0 ? SIM_FAULTS_CONTEST : SIM_FAULTS_ALL;
        settings.adapts = seed % 3 == 0;
        settings.fault_gap = settings.faults == SIM_FAULTS_ALL ? 2 * LUBDUB_SECOND : LUBDUB_MINUTE;
        settings.paths = seed % 6 == 5 ? 2 : 1;
        sim_run(&settings, &result);
        printf("%" PRIu64 " %016" PRIx64 " %" PRIu64 " %" PRIu64 "\n", seed, result.digest, result.segments,
               result.verdicts);
        sim_result_clear(&result);
    }
    return 0;
}
