/* What the parts of the picture have in common: pieces of a script for gnuplot. */
#ifndef LUBDUB_SWARM_REPORT_PLOT_H
#define LUBDUB_SWARM_REPORT_PLOT_H

#include "swarm/report/report.h"

static inline double swarm_plot_milliseconds(lubdub_duration duration)
{
    return (double)duration / (double)LUBDUB_MILLISECOND;
}

/* 1, 2 or 5 times a power of ten, for about six marks on an axis of that range. */
double swarm_plot_mark_distance(double range);

/* Whether this row has a panel of its own, and that panel: the share that was detected within a time, and the bound. */
bool swarm_plot_has_panel(const struct swarm_row *row);

/* room: for as many durations as the ledger has observations. */
void swarm_plot_panel(FILE *script, const struct swarm_row *row, const struct swarm_ledger *ledger,
                      lubdub_duration *room);

/* Over the run's time: sessions up as each side saw them, with faults and verdicts; and the round trip. */
void swarm_plot_sessions(FILE *script, const struct swarm_timeline *timeline, const struct swarm_run *run);
bool swarm_plot_has_round_trips(const struct swarm_timeline *timeline);
void swarm_plot_round_trips(FILE *script, const struct swarm_timeline *timeline, lubdub_duration interval);

#endif
