/* What the panels of the picture have in common: units and the marks on an axis. */
#ifndef LUBDUB_SWARM_REPORT_MARKS_H
#define LUBDUB_SWARM_REPORT_MARKS_H

#include <lubdub/time.h>

double swarm_plot_milliseconds(lubdub_duration duration);

/* 1, 2 or 5 times a power of ten, for about six marks on an axis of that range. */
double swarm_plot_mark_distance(double range);

#endif
