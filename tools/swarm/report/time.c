/* Draws the bins of a timeline as curves and marks, and axes for them. */
#include "swarm/report/time.h"

#include <inttypes.h>

#include "swarm/report/marks.h"

static double bin_end(const struct swarm_timeline *timeline, size_t bin)
{
    return (double)swarm_timeline_start(timeline, bin + 1) / (double)LUBDUB_SECOND;
}

/* What is drawn of a bin beside its sessions. */
enum mark {
    MARK_FAULT,
    MARK_VERDICT,
    MARK_FALSE_ALARM,
    MARK_COUNT,
};

static size_t count_of(const struct swarm_timeline_bin *bin, enum mark mark)
{
    switch (mark) {
    case MARK_FAULT:
        return bin->injected;
    case MARK_VERDICT:
        return bin->noticed[SWARM_SIDE_CLIENT] + bin->noticed[SWARM_SIDE_SERVER];
    case MARK_FALSE_ALARM:
        return bin->false_alarms[SWARM_SIDE_CLIENT] + bin->false_alarms[SWARM_SIDE_SERVER];
    case MARK_COUNT:
        break;
    }
    return 0;
}

static bool has_mark(const struct swarm_timeline *timeline, enum mark mark)
{
    size_t i;

    for (i = 0; i < timeline->count && count_of(&timeline->bins[i], mark) == 0; i++) {
    }
    return i < timeline->count;
}

static void print_count(FILE *script, bool is_there, size_t number)
{
    if (is_there) {
        fprintf(script, " %zu", number);
    } else {
        fputs(" -", script);
    }
}

/* Seconds; sessions up as clients and as the server see them; the marks. */
static void print_sessions_data(FILE *script, const struct swarm_timeline *timeline)
{
    size_t i;
    int k;

    fputs("$sessions << END\n0 0 0 - - -\n", script);
    for (i = 0; i < timeline->count; i++) {
        const struct swarm_timeline_bin *bin = &timeline->bins[i];

        fprintf(script, "%.4f", bin_end(timeline, i));
        for (k = 0; k < SWARM_SIDE_COUNT; k++) {
            print_count(script, bin->is_sampled, bin->up[k]);
        }
        for (k = 0; k < MARK_COUNT; k++) {
            print_count(script, count_of(bin, (enum mark)k) > 0, count_of(bin, (enum mark)k));
        }
        fputc('\n', script);
    }
    fputs("END\n", script);
}

/*
 * Seconds, median and 99th percentile in milliseconds. An empty line breaks the curve, where for some intervals nothing
 * came; a bin may be shorter than the time between two probes.
 */
static void print_round_trip_data(FILE *script, const struct swarm_timeline *timeline, lubdub_duration interval)
{
    size_t patience = (size_t)(5 * interval / (2 * timeline->width)) + 3;
    size_t empty_count = 0;
    struct swarm_summary round_trip;
    size_t i;

    fputs("$round << END\n", script);
    for (i = 0; i < timeline->count; i++) {
        swarm_histogram_summarize(&round_trip, &timeline->bins[i].round_trips);
        if (round_trip.count > 0) {
            fprintf(script, "%.4f %.6f %.6f\n", bin_end(timeline, i), swarm_plot_milliseconds(round_trip.p50),
                    swarm_plot_milliseconds(round_trip.p99));
            empty_count = 0;
        } else if (++empty_count == patience) {
            fputc('\n', script);
        }
    }
    fputs("END\n", script);
}

bool swarm_plot_has_round_trips(const struct swarm_timeline *timeline)
{
    size_t i;

    for (i = 0; i < timeline->count && timeline->bins[i].round_trips.count == 0; i++) {
    }
    return i < timeline->count;
}

static void print_time_axis(FILE *script, const struct swarm_timeline *timeline)
{
    double end = bin_end(timeline, timeline->count - 1);

    fprintf(
        script,
        "unset logscale\nset xlabel 'since the first connection (s)'\nset xrange [0:%.4f]\nset xtics %.6f\n"
        "set key outside bottom center horizontal Left reverse samplen 4 maxrows 1\nset lmargin 10\nset rmargin 12\n"
        "set tmargin 2.5\nset bmargin 6\n",
        end * 1.01, swarm_plot_mark_distance(end) / 2);
}

/* On a scale of their own: one at a time, or all at once. */
static void print_marks(FILE *script, const struct swarm_timeline *timeline)
{
    static const char *const styles[MARK_COUNT] = {
        "with impulses lw 4 lc rgb 'gray65' title 'faults (right)'",
        "with points pt 6 ps 0.7 lc rgb 'gray30' title 'verdicts (right)'",
        "with points pt 2 ps 1.2 lw 2 lc rgb 'black' title 'false alarms (right)'",
    };
    int k;

    for (k = 0; k < MARK_COUNT; k++) {
        if (has_mark(timeline, (enum mark)k)) {
            fprintf(script, "$sessions using 1:%d axes x1y2 %s, ", 4 + k, styles[k]);
        }
    }
}

void swarm_plot_sessions(FILE *script, const struct swarm_timeline *timeline, uint64_t client_count, bool has_server)
{
    bool has_marks =
        has_mark(timeline, MARK_FAULT) || has_mark(timeline, MARK_VERDICT) || has_mark(timeline, MARK_FALSE_ALARM);

    print_sessions_data(script, timeline);
    print_time_axis(script, timeline);
    fprintf(script,
            "set title '{/:Bold Sessions, and what was done to them}'\nset ylabel 'sessions up'\nset yrange [0:%.1f]\n"
            "set ytics auto\nset datafile missing '-'\n",
            1.1 * (double)client_count);
    if (has_marks) {
        fprintf(script,
                "set y2label 'faults, verdicts each %.4g s'\nset logscale y2\nset y2range [0.7:10<*]\nset y2tics "
                "10\nset border 11\n",
                (double)timeline->width / (double)LUBDUB_SECOND);
    }
    fputs("plot ", script);
    print_marks(script, timeline);
    if (has_server) {
        fputs("$sessions using 1:3 with lines dt 2 lw 2.5 lc rgb 'gray30' title 'up, says the server', ", script);
    }
    fputs("$sessions using 1:2 with lines dt 1 lw 1.5 lc rgb 'black' title 'up, say the clients'\n"
          "unset y2label\nunset y2tics\nset border 3\n",
          script);
}

void swarm_plot_round_trips(FILE *script, const struct swarm_timeline *timeline, lubdub_duration interval)
{
    print_round_trip_data(script, timeline, interval);
    print_time_axis(script, timeline);
    fprintf(script,
            "set title '{/:Bold Round trip of a probe}'\nset ylabel 'round trip (ms, logarithmic)'\nset logscale y\n"
            "set yrange [*:*]\nset ytics 10\n"
            "plot $round using 1:3 with linespoints dt 2 lw 1.5 pt 6 ps 0.4 lc rgb 'gray30' title 'p99 in %.4g s', "
            "$round using 1:2 with linespoints dt 1 lw 2 pt 7 ps 0.3 lc rgb 'black' title 'median'\n",
            (double)timeline->width / (double)LUBDUB_SECOND);
}
