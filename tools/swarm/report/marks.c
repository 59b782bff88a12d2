/* Chooses round distances between the marks of an axis. */
#include "swarm/report/marks.h"

#include <stddef.h>

double swarm_plot_milliseconds(lubdub_duration duration)
{
    return (double)duration / (double)LUBDUB_MILLISECOND;
}

double swarm_plot_mark_distance(double range)
{
    static const double steps[] = {1, 2, 5};
    double power = 1e-6;
    size_t i;

    for (;; power *= 10) {
        for (i = 0; i < 3; i++) {
            if (range / (steps[i] * power) <= 6) {
                return steps[i] * power;
            }
        }
    }
}
