/* A gnuplot script with its data inside, handed to gnuplot. One small picture for each fault and side. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/parse.h"

#include "report.h"

#define PANEL_COLUMNS 3
#define PANEL_WIDTH 400
#define PANEL_HEIGHT 320
#define HEAD_HEIGHT 60

/* Milliseconds: a logarithm cannot show less than something. */
#define SMALLEST 0.001

/* More points than can be told apart on a panel only make the file large. */
#define POINT_LIMIT 400

static double in_milliseconds(lubdub_duration duration)
{
    return (double)duration / (double)LUBDUB_MILLISECOND;
}

static bool is_installed(const char *program)
{
    const char *path = getenv("PATH");
    char name[4096];

    while (path != NULL && *path != '\0') {
        size_t length = strcspn(path, ":");

        snprintf(name, sizeof name, "%.*s/%s", (int)length, path, program);
        if (length > 0 && access(name, X_OK) == 0) {
            return true;
        }
        path += length + (path[length] == ':');
    }
    return false;
}

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
    double value = in_milliseconds(duration);

    return value > SMALLEST ? value : SMALLEST;
}

/* The share, in percent, that was detected within each of the times. */
static void print_data(FILE *script, const lubdub_duration *latencies, size_t count)
{
    size_t step = count / POINT_LIMIT + 1;
    size_t i;

    fprintf(script, "$data << END\n%.6f 0\n", on_paper(latencies[0]));
    for (i = 0; i < count; i++) {
        if (i % step == 0 || i + 1 == count) {
            fprintf(script, "%.6f %.4f\n", on_paper(latencies[i]), 100.0 * (double)(i + 1) / (double)count);
        }
    }
    fputs("END\n", script);
}

/* An upright line, as data: gnuplot's arrows lose their dashes in SVG. */
static void print_bound(FILE *script, const char *name, lubdub_duration bound)
{
    fprintf(script, "%s << END\n%.6f 0\n%.6f 105\nEND\n", name, on_paper(bound), on_paper(bound));
}

/* 1, 2 or 5 times a power of ten, for about six marks on the axis. */
static double mark_distance(double range)
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

/* Silence: from a little before the earliest verdict that there may be to a little after the last that there was. */
static void print_linear_axis(FILE *script, double low, double high)
{
    double margin = (high - low) * 0.2;
    double first = low > margin ? low - margin : 0;

    fprintf(script,
            "unset logscale x\nset xlabel 'from the fault to the verdict (ms)'\nset xrange [%.6f:%.6f]\n"
            "set xtics %.6f\n",
            first, high + margin, mark_distance(high + margin - first));
}

/* News that the kernel brings: mostly at once, and now and then a thousand times later. */
static void print_logarithmic_axis(FILE *script, double low, double high)
{
    fprintf(script,
            "set logscale x\nset xlabel 'from the fault to the verdict (ms, logarithmic)'\nset xrange [%.6f:%.6f]\n"
            "set xtics 10\n",
            low / 2, high * 2);
}

static void print_axis(FILE *script, const struct swarm_row *row)
{
    bool is_told = swarm_fault_is_told(row->fault);
    lubdub_duration earliest = is_told ? row->bound_high : row->bound_low;
    double low = in_milliseconds(row->latency.min < earliest ? row->latency.min : earliest);
    double high = in_milliseconds(row->latency.max > row->bound_high ? row->latency.max : row->bound_high);

    if (is_told) {
        print_logarithmic_axis(script, low > SMALLEST ? low : SMALLEST, high > SMALLEST ? high : SMALLEST);
    } else {
        print_linear_axis(script, low, high);
    }
}

static void print_milliseconds(FILE *script, lubdub_duration duration)
{
    double value = in_milliseconds(duration);

    fprintf(script, value < 100 ? "%.2g ms" : "%.0f ms", value);
}

static void print_panel(FILE *script, const struct swarm_row *row, const lubdub_duration *latencies, size_t count)
{
    print_data(script, latencies, count);
    fprintf(script, "set title \"%s, noticed by the %s (n = %zu)\\nbound ", swarm_fault_word(row->fault),
            swarm_side_word(row->side), row->detected);
    print_milliseconds(script, row->bound_high);
    fputs(" (dashed)", script);
    if (row->bound_low > 0) {
        fputs(", not before ", script);
        print_milliseconds(script, row->bound_low);
        fputs(" (dotted)", script);
    }
    fputs("\"\n", script);
    print_axis(script, row);
    print_bound(script, "$low", row->bound_low);
    print_bound(script, "$high", row->bound_high);
    fprintf(script,
            "plot %s$high using 1:2 with lines dt 2 lw 1.5 lc rgb 'black' notitle, "
            "$data using 1:2 with steps lw 2 lc rgb 'black' notitle\n",
            row->bound_low > 0 ? "$low using 1:2 with lines dt 3 lw 1.5 lc rgb 'black' notitle, " : "");
}

/* A string of gnuplot's in single quotes. */
static void print_quoted(FILE *script, const char *text)
{
    fputc('\'', script);
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputc('\'', script);
        }
        fputc(*text, script);
    }
    fputc('\'', script);
}

static void print_head(FILE *script, const char *path, const struct swarm_run *run, unsigned panel_count)
{
    unsigned columns = panel_count < PANEL_COLUMNS ? panel_count : PANEL_COLUMNS;
    unsigned lines = (panel_count + columns - 1) / columns;
    bool is_svg = strcmp(path + strlen(path) - 4, ".svg") == 0;

    fprintf(script, "set terminal %s size %u,%u font 'sans-serif,%u' background 'white'\n", is_svg ? "svg" : "pngcairo",
            columns * PANEL_WIDTH, lines * PANEL_HEIGHT + HEAD_HEIGHT, is_svg ? 12u : 10u);
    fputs("set output ", script);
    print_quoted(script, path);
    fprintf(script,
            "\nset multiplot layout %u,%u title 'How soon a death is known: %" PRIu64
            " clients, probes every %.4g ms, timeout %.4g ms, expiry %.4g ms'\n",
            lines, columns, run->options->clients, in_milliseconds(run->timing.interval),
            in_milliseconds(run->timing.timeout), in_milliseconds(run->timing.expiry));
    fputs("set ylabel 'detected (% of the faults)'\n"
          "set yrange [0:105]\nset ytics 25\nset grid lc rgb 'gray80' lt 1 lw 0.5\nset border 3\nset tics nomirror\n"
          "set format x '%g'\n",
          script);
}

static bool has_panel(const struct swarm_row *row)
{
    return row->latency.count > 0 && row->has_bound;
}

static bool print_script(FILE *script, const char *path, const struct swarm_run *run, const struct swarm_rows *rows,
                         unsigned panel_count)
{
    lubdub_duration *latencies = malloc((run->ledger.count + 1) * sizeof *latencies);
    size_t i;

    if (latencies == NULL) {
        return false;
    }
    print_head(script, path, run, panel_count);
    for (i = 0; i < rows->count; i++) {
        if (has_panel(&rows->rows[i])) {
            print_panel(script, &rows->rows[i], latencies, collect(&run->ledger, &rows->rows[i], latencies));
        }
    }
    fputs("unset multiplot\nunset output\n", script);
    free(latencies);
    return true;
}

enum swarm_plot swarm_report_plot(const char *path, const struct swarm_run *run, const struct swarm_rows *rows)
{
    unsigned panel_count = 0;
    bool is_printed;
    FILE *script;
    size_t i;

    for (i = 0; i < rows->count; i++) {
        panel_count += has_panel(&rows->rows[i]);
    }
    if (panel_count == 0) {
        return SWARM_PLOT_NOTHING_TO_DRAW;
    }
    if (!is_installed("gnuplot")) {
        return SWARM_PLOT_NO_GNUPLOT;
    }
    script = popen("gnuplot -", "we");
    if (script == NULL) {
        return SWARM_PLOT_FAILED;
    }
    is_printed = print_script(script, path, run, rows, panel_count);
    return pclose(script) == 0 && is_printed ? SWARM_PLOT_DRAWN : SWARM_PLOT_FAILED;
}
