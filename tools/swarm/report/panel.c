/* Draws the curve of one fault, the area of its bound behind it, and an axis that fits both. */
#include "swarm/report/panel.h"

#include <inttypes.h>
#include <math.h>

#include "swarm/report/marks.h"

/* Milliseconds: a logarithm cannot show less than something. */
#define SMALLEST 0.001

/* More points than can be told apart on a panel only make the file large. */
#define POINT_LIMIT 400

static size_t collect(const struct swarm_ledger *ledger, const struct swarm_row *row, lubdub_duration *latencies)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < ledger->count; i++) {
        const struct swarm_observation *observation = &ledger->observations[i];

        if ((enum swarm_fault)observation->fault == row->fault && (enum swarm_side)observation->side == row->side &&
            (observation->outcome == SWARM_DETECTED || observation->outcome == SWARM_WRONG_CAUSE)) {
            latencies[count++] = lubdub_time_between(observation->injected_at, observation->decided_at);
        }
    }
    swarm_sort(latencies, count);
    return count;
}

static double on_paper(lubdub_duration duration)
{
    double value = swarm_plot_milliseconds(duration);

    return value > SMALLEST ? value : SMALLEST;
}

/* The share of the whole, in percent, that was detected within each of the times. */
static void print_data(FILE *script, const lubdub_duration *latencies, size_t count, size_t whole)
{
    size_t step = count / POINT_LIMIT + 1;
    size_t i;

    fprintf(script, "$data << END\n%.6f 0\n", on_paper(latencies[0]));
    for (i = 0; i < count; i++) {
        if (i % step == 0 || i + 1 == count) {
            fprintf(script, "%.6f %.4f\n", on_paper(latencies[i]), 100.0 * (double)(i + 1) / (double)whole);
        }
    }
    fputs("END\n", script);
}

/* An upright line, as data: gnuplot's arrows lose their dashes in SVG. */
static void print_bound(FILE *script, const char *name, lubdub_duration bound)
{
    fprintf(script, "%s << END\n%.6f 0\n%.6f 105\nEND\n", name, on_paper(bound), on_paper(bound));
}

/* Within the bound: the area behind the curve. One without an earliest verdict begins at the axis. */
static void print_band(FILE *script, const struct swarm_row *row)
{
    fprintf(script, "$band << END\n%.6f 105\n%.6f 105\nEND\n", on_paper(row->bound_low), on_paper(row->bound_high));
}

/* Silence: from a little before the earliest verdict that there may be to a little after the last that there was. */
static void print_linear_axis(FILE *script, double low, double high)
{
    double margin = (high - low) * 0.2;
    double first = low > margin ? low - margin : 0;

    fprintf(script,
            "unset logscale x\nset xlabel 'from fault to verdict (ms)'\nset xrange [%.6f:%.6f]\n"
            "set xtics %.6f\n",
            first, high + margin, swarm_plot_mark_distance(high + margin - first));
}

/* News that the kernel brings: mostly at once, and now and then a thousand times later. Whole powers, so two have
 * marks. */
static void print_logarithmic_axis(FILE *script, double low, double high)
{
    fprintf(script,
            "set logscale x\nset xlabel 'from fault to verdict (ms, logarithmic)'\nset xrange [%g:%g]\n"
            "set xtics 10\n",
            pow(10, floor(log10(low * 0.95))), pow(10, ceil(log10(high * 1.05))));
}

static void print_axis(FILE *script, const struct swarm_row *row)
{
    bool is_told = swarm_fault_is_told(row->fault);
    lubdub_duration earliest = is_told ? row->bound_high : row->bound_low;
    double low = swarm_plot_milliseconds(row->latency.min < earliest ? row->latency.min : earliest);
    double high = swarm_plot_milliseconds(row->latency.max > row->bound_high ? row->latency.max : row->bound_high);

    if (is_told) {
        print_logarithmic_axis(script, low > SMALLEST ? low : SMALLEST, high > SMALLEST ? high : SMALLEST);
    } else {
        print_linear_axis(script, low, high);
    }
}

static void print_milliseconds(FILE *script, lubdub_duration duration)
{
    double value = swarm_plot_milliseconds(duration);

    fprintf(script, value < 100 ? "%.2g ms" : "%.0f ms", value);
}

/* What a quick look is to tell: the fault, the side that noticed it, the bound, and how late the slowest was. */
static void print_title(FILE *script, const struct swarm_row *row)
{
    fprintf(script, "set title \"{/:Bold %s, noticed by the %s (n = %zu)}\\nbound ", swarm_fault_word(row->fault),
            swarm_side_word(row->side), row->detected);
    if (row->bound_low > 0) {
        print_milliseconds(script, row->bound_low);
        fputs(" to ", script);
    }
    print_milliseconds(script, row->bound_high);
    fputs(" (grey), slowest ", script);
    print_milliseconds(script, row->latency.max);
    fputs("\"\n", script);
}

bool swarm_plot_has_panel(const struct swarm_row *row)
{
    return row->latency.count > 0 && row->has_bound;
}

void swarm_plot_panel(FILE *script, const struct swarm_row *row, const struct swarm_ledger *ledger,
                      lubdub_duration *room)
{
    size_t count = collect(ledger, row, room);
    size_t decided = row->injected - row->undecided;

    print_data(script, room, count, decided > count ? decided : count);
    print_title(script, row);
    print_axis(script, row);
    print_bound(script, "$low", row->bound_low);
    print_bound(script, "$high", row->bound_high);
    print_band(script, row);
    fprintf(script,
            "plot $band using 1:2 with filledcurves y1=0 lc rgb '#e8e8e8' notitle, "
            "%s$high using 1:2 with lines dt 2 lw 1.5 lc rgb 'black' notitle, "
            "$data using 1:2 with steps lw 2 lc rgb 'black' notitle\n",
            row->bound_low > 0 ? "$low using 1:2 with lines dt 3 lw 1.5 lc rgb 'black' notitle, " : "");
}
