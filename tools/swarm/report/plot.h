/* The report as a picture. */
#ifndef LUBDUB_SWARM_REPORT_PLOT_H
#define LUBDUB_SWARM_REPORT_PLOT_H

#include "swarm/report/report.h"

enum swarm_plot {
    SWARM_PLOT_DRAWN,
    SWARM_PLOT_NOTHING_TO_DRAW,
    SWARM_PLOT_NO_GNUPLOT,
    SWARM_PLOT_FAILED, /* gnuplot has said why */
};

/*
 * Draws for each fault and side the share that was detected within a time, and the bound; then over the run's time how
 * many sessions were up as each side saw it, with the faults, and the round trip.
 */
enum swarm_plot swarm_report_plot(const char *path, const struct swarm_report *report);

#endif
