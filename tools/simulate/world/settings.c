/* Sets the defaults of a run. */
#include "simulate/world/settings.h"

#include <string.h>

#define MS LUBDUB_MILLISECOND

void sim_settings_init(struct sim_settings *settings)
{
    memset(settings, 0, sizeof *settings);
    settings->seed = 1;
    settings->clients = 20;
    settings->length = LUBDUB_HOUR;
    settings->network = SIM_NETWORK_WAN;
    settings->is_mixed = true;
    settings->paths = 1;
    settings->faults = SIM_FAULTS_ALL;
    settings->fault_gap = 5 * LUBDUB_SECOND;
    settings->tcp = (struct sim_tcp){.rto_min = 200 * MS, .rto_max = 120 * LUBDUB_SECOND, .delayed_ack = 40 * MS};
    settings->interval = LUBDUB_SECOND;
    settings->timeout = 3 * LUBDUB_SECOND;
    settings->expiry = 3 * LUBDUB_SECOND;
    settings->adaptive_floor = 650 * MS; /* what docs/internals/simulation.md promises */
}
