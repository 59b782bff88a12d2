/* One panel of the picture: how soon one fault was known on one side. */
#ifndef LUBDUB_SWARM_REPORT_PANEL_H
#define LUBDUB_SWARM_REPORT_PANEL_H

#include <stdbool.h>
#include <stdio.h>

#include "swarm/findings/ledger.h"
#include "swarm/findings/result.h"

/* Whether this row has a panel of its own. */
bool swarm_plot_has_panel(const struct swarm_row *row);

/*
 * Prints the script of that panel: the share that was detected within a time, and the bound. room: for as many
 * durations as the ledger has observations.
 */
void swarm_plot_panel(FILE *script, const struct swarm_row *row, const struct swarm_ledger *ledger,
                      lubdub_duration *room);

#endif
