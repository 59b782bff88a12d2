/* The panels of the run's time: what was up when, what was done to it, and how long a round trip took. */
#ifndef LUBDUB_SWARM_REPORT_TIME_H
#define LUBDUB_SWARM_REPORT_TIME_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "swarm/findings/timeline.h"

/* Prints the script of a panel: sessions up as each side saw them, with faults and verdicts. */
void swarm_plot_sessions(FILE *script, const struct swarm_timeline *timeline, uint64_t client_count, bool has_server);

bool swarm_plot_has_round_trips(const struct swarm_timeline *timeline);

/* Prints the script of a panel: the round trip of a probe. */
void swarm_plot_round_trips(FILE *script, const struct swarm_timeline *timeline, lubdub_duration interval);

#endif
