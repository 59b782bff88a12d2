/* A gnuplot script with its data inside, handed to gnuplot. One small picture for each fault and side. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/parse.h"

#include "report.h"

#define PANEL_COLUMNS 3
#define PANEL_WIDTH 400
#define PANEL_HEIGHT 310
#define HEAD_HEIGHT 50

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

/* The share, in percent, that was detected within each of the times. */
static void print_data(FILE *script, const lubdub_duration *latencies, size_t count)
{
    size_t step = count / POINT_LIMIT + 1;
    size_t i;

    fprintf(script, "$data << END\n%.6f 0\n", in_milliseconds(latencies[0]));
    for (i = 0; i < count; i++) {
        if (i % step == 0 || i + 1 == count) {
            fprintf(script, "%.6f %.4f\n", in_milliseconds(latencies[i]), 100.0 * (double)(i + 1) / (double)count);
        }
    }
    fputs("END\n", script);
}

static void print_bound(FILE *script, lubdub_duration bound, int dash_type)
{
    fprintf(script, "set arrow from first %.6f, graph 0 to first %.6f, graph 1 nohead dt %d lw 1.5 lc rgb 'black'\n",
            in_milliseconds(bound), in_milliseconds(bound), dash_type);
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

/* From a little before the earliest verdict that there may be to a little after the last one that there was. */
static void print_range(FILE *script, const struct swarm_row *row)
{
    double low = in_milliseconds(row->bound_low);
    double high = in_milliseconds(row->bound_high);
    double first = in_milliseconds(row->latency.min) < low ? in_milliseconds(row->latency.min) : low;
    double last = in_milliseconds(row->latency.max) > high ? in_milliseconds(row->latency.max) : high;
    double margin = (last - first) * 0.2;

    first = first > margin ? first - margin : 0;
    fprintf(script, "set xrange [%.6f:%.6f]\nset xtics %.6f\n", first, last + margin,
            mark_distance(last + margin - first));
}

static void print_panel(FILE *script, const struct swarm_row *row, const lubdub_duration *latencies, size_t count)
{
    print_data(script, latencies, count);
    fprintf(script, "set title \"%s, noticed by the %s (n = %zu)\\nbound %.3g ms (dashed)", swarm_fault_word(row->fault),
            swarm_side_word(row->side), row->detected, in_milliseconds(row->bound_high));
    if (row->bound_low > 0) {
        fprintf(script, ", not before %.3g ms (dotted)", in_milliseconds(row->bound_low));
    }
    fputs("\"\nunset arrow\n", script);
    print_range(script, row);
    if (row->bound_low > 0) {
        print_bound(script, row->bound_low, 3);
    }
    print_bound(script, row->bound_high, 2);
    fputs("plot $data using 1:2 with steps lw 2 lc rgb 'black' notitle\n", script);
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
    fputs("set xlabel 'from the fault to the verdict (ms)'\n"
          "set ylabel 'detected (% of the faults)'\n"
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

const char *swarm_report_plot(const char *path, const struct swarm_run *run, const struct swarm_rows *rows)
{
    unsigned panel_count = 0;
    bool is_printed;
    FILE *script;
    size_t i;

    for (i = 0; i < rows->count; i++) {
        panel_count += has_panel(&rows->rows[i]);
    }
    if (panel_count == 0) {
        return "nothing was detected that could be drawn";
    }
    if (!is_installed("gnuplot")) {
        return "gnuplot is not installed";
    }
    script = popen("gnuplot -", "we");
    if (script == NULL) {
        return "gnuplot cannot be started";
    }
    is_printed = print_script(script, path, run, rows, panel_count);
    if (pclose(script) != 0) {
        return "gnuplot could not draw it (see above)";
    }
    return is_printed ? NULL : "no memory is left";
}
