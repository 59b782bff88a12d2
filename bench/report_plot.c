/*
 * A gnuplot script with its data inside, handed to gnuplot: a panel for each fault and side, then two over the whole
 * width for the run's time.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/parse.h"

#include "report.h"

/* In pixels. Letters are large enough for a page that shows the picture at two thirds of its size. */
#define FEW_COLUMNS 3
#define MANY_COLUMNS 4
#define MANY_PANELS 9 /* more than these take more columns */
#define PANEL_WIDTH 400
#define PANEL_HEIGHT 310
#define LEAST_WIDTH 900
#define STRIP_HEIGHT 330 /* over the whole width: a panel of the run's time */
#define HEAD_HEIGHT 50

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

/* News that the kernel brings: mostly at once, and now and then a thousand times later. Whole powers, so two have
 * marks. */
static void print_logarithmic_axis(FILE *script, double low, double high)
{
    fprintf(script,
            "set logscale x\nset xlabel 'from the fault to the verdict (ms, logarithmic)'\nset xrange [%g:%g]\n"
            "set xtics 10\n",
            pow(10, floor(log10(low * 0.95))), pow(10, ceil(log10(high * 1.05))));
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
    size_t decided = row->injected - row->undecided;

    print_data(script, latencies, count, decided > count ? decided : count);
    fprintf(script, "set title \"%s, noticed by the %s (n = %zu)\\n", swarm_fault_word(row->fault),
            swarm_side_word(row->side), row->detected);
    if (row->bound_low > 0) {
        fputs("from ", script);
        print_milliseconds(script, row->bound_low);
        fputs(" (dotted) to ", script);
    } else {
        fputs("bound ", script);
    }
    print_milliseconds(script, row->bound_high);
    fputs(" (dashed)\"\n", script);
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

/* ---- over the run's time ---- */

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

    fputs("$sessions << END\n", script);
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
            fprintf(script, "%.4f %.6f %.6f\n", bin_end(timeline, i), in_milliseconds(round_trip.p50),
                    in_milliseconds(round_trip.p99));
            empty_count = 0;
        } else if (++empty_count == patience) {
            fputc('\n', script);
        }
    }
    fputs("END\n", script);
}

static bool has_round_trips(const struct swarm_timeline *timeline)
{
    size_t i;

    for (i = 0; i < timeline->count && timeline->bins[i].round_trips.count == 0; i++) {
    }
    return i < timeline->count;
}

static void print_time_axis(FILE *script, const struct swarm_timeline *timeline)
{
    double end = bin_end(timeline, timeline->count - 1);

    fprintf(script,
            "unset logscale\nset xlabel 'since the first connection (s)'\nset xrange [0:%.4f]\nset xtics %.6f\n"
            "set key outside top center horizontal Left reverse samplen 3\nset lmargin 9\nset rmargin 9\n",
            end, mark_distance(end) / 2);
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

static void print_sessions(FILE *script, const struct swarm_timeline *timeline, const struct swarm_run *run)
{
    bool has_marks =
        has_mark(timeline, MARK_FAULT) || has_mark(timeline, MARK_VERDICT) || has_mark(timeline, MARK_FALSE_ALARM);

    print_sessions_data(script, timeline);
    print_time_axis(script, timeline);
    fprintf(script,
            "set title 'Sessions, and what was done to them'\nset ylabel 'sessions up'\nset yrange [0:%.1f]\n"
            "set ytics auto\nset datafile missing '-'\n",
            1.1 * (double)run->options->clients);
    if (has_marks) {
        fprintf(script, "set y2label 'in %.4g s'\nset logscale y2\nset y2range [0.7:*]\nset y2tics 10\nset border 11\n",
                (double)timeline->width / (double)LUBDUB_SECOND);
    }
    fputs("plot ", script);
    print_marks(script, timeline);
    if (run->has_server) {
        fputs("$sessions using 1:3 with lines dt 2 lw 2.5 lc rgb 'gray30' title 'up, says the server', ", script);
    }
    fputs("$sessions using 1:2 with lines dt 1 lw 1.5 lc rgb 'black' title 'up, say the clients'\n"
          "unset y2label\nunset y2tics\nset border 3\n",
          script);
}

static void print_round_trips(FILE *script, const struct swarm_timeline *timeline, lubdub_duration interval)
{
    print_round_trip_data(script, timeline, interval);
    print_time_axis(script, timeline);
    fprintf(script,
            "set title 'Round trip of a probe'\nset ylabel 'round trip (ms, logarithmic)'\nset logscale y\n"
            "set yrange [*:*]\nset ytics 10\n"
            "plot $round using 1:3 with linespoints dt 2 lw 1.5 pt 6 ps 0.4 lc rgb 'gray30' title 'p99 in %.4g s', "
            "$round using 1:2 with linespoints dt 1 lw 2 pt 7 ps 0.3 lc rgb 'black' title 'median'\n",
            (double)timeline->width / (double)LUBDUB_SECOND);
}

/* ---- the page ---- */

struct page {
    unsigned panel_count;
    unsigned columns;
    unsigned lines;
    unsigned strips;
    unsigned width;
    unsigned height;
};

static void lay_out(struct page *page, unsigned panel_count, unsigned strips)
{
    unsigned columns = panel_count > MANY_PANELS ? MANY_COLUMNS : FEW_COLUMNS;

    page->panel_count = panel_count;
    page->columns = panel_count < columns ? panel_count : columns;
    page->lines = page->columns > 0 ? (panel_count + page->columns - 1) / page->columns : 0;
    page->strips = strips;
    page->width = page->columns * PANEL_WIDTH > LEAST_WIDTH ? page->columns * PANEL_WIDTH : LEAST_WIDTH;
    page->height = HEAD_HEIGHT + page->lines * PANEL_HEIGHT + strips * STRIP_HEIGHT;
}

/* The next plot is drawn there; pixels are counted from the top left, gnuplot's shares from the bottom left. */
static void place(FILE *script, const struct page *page, unsigned left, unsigned top, unsigned width, unsigned height)
{
    fprintf(script, "set origin %.5f,%.5f\nset size %.5f,%.5f\n", (double)left / page->width,
            1 - (double)(top + height) / page->height, (double)width / page->width, (double)height / page->height);
}

static void place_panel(FILE *script, const struct page *page, unsigned panel)
{
    unsigned width = page->width / page->columns;

    place(script, page, panel % page->columns * width, HEAD_HEIGHT + panel / page->columns * PANEL_HEIGHT, width,
          PANEL_HEIGHT);
}

static void place_strip(FILE *script, const struct page *page, unsigned strip)
{
    place(script, page, 0, HEAD_HEIGHT + page->lines * PANEL_HEIGHT + strip * STRIP_HEIGHT, page->width, STRIP_HEIGHT);
}

static void print_head(FILE *script, const char *path, const struct swarm_run *run, const struct page *page)
{
    bool is_svg = strcmp(path + strlen(path) - 4, ".svg") == 0;

    fprintf(script, "set terminal %s size %u,%u font 'sans-serif,%u' background 'white'\n", is_svg ? "svg" : "pngcairo",
            page->width, page->height, is_svg ? 14u : 11u);
    fputs("set output ", script);
    print_quoted(script, path);
    fprintf(script,
            "\nset multiplot title 'How soon a death is known: %" PRIu64
            " clients, probes every %.4g ms, timeout %.4g ms, expiry %.4g ms'\n",
            run->options->clients, in_milliseconds(run->timing.interval), in_milliseconds(run->timing.timeout),
            in_milliseconds(run->timing.expiry));
    fputs("set ylabel 'detected (% of the faults)'\n"
          "set yrange [0:105]\nset ytics 25\nset grid lc rgb 'gray80' lt 1 lw 0.5\nset border 3\nset tics nomirror\n"
          "set format x '%g'\nset format y '%g'\nset format y2 '%g'\n",
          script);
}

static bool has_panel(const struct swarm_row *row)
{
    return row->latency.count > 0 && row->has_bound;
}

static bool print_script(FILE *script, const char *path, const struct swarm_report *report, const struct page *page)
{
    const struct swarm_run *run = report->run;
    lubdub_duration *latencies = malloc((run->ledger.count + 1) * sizeof *latencies);
    unsigned panel = 0;
    size_t i;

    if (latencies == NULL) {
        return false;
    }
    print_head(script, path, run, page);
    for (i = 0; i < report->rows.count; i++) {
        const struct swarm_row *row = &report->rows.rows[i];

        if (has_panel(row)) {
            place_panel(script, page, panel++);
            print_panel(script, row, latencies, collect(&run->ledger, row, latencies));
        }
    }
    if (page->strips > 0) {
        place_strip(script, page, 0);
        print_sessions(script, &run->timeline, run);
    }
    if (page->strips > 1) {
        place_strip(script, page, 1);
        print_round_trips(script, &run->timeline, run->timing.interval);
    }
    fputs("unset multiplot\nunset output\n", script);
    free(latencies);
    return true;
}

enum swarm_plot swarm_report_plot(const char *path, const struct swarm_report *report)
{
    const struct swarm_timeline *timeline = &report->run->timeline;
    unsigned panel_count = 0;
    unsigned strips = timeline->count > 1 ? 1 + has_round_trips(timeline) : 0;
    struct page page;
    bool is_printed;
    FILE *script;
    size_t i;

    for (i = 0; i < report->rows.count; i++) {
        panel_count += has_panel(&report->rows.rows[i]);
    }
    if (panel_count + strips == 0) {
        return SWARM_PLOT_NOTHING_TO_DRAW;
    }
    if (!is_installed("gnuplot")) {
        return SWARM_PLOT_NO_GNUPLOT;
    }
    script = popen("gnuplot -", "we");
    if (script == NULL) {
        return SWARM_PLOT_FAILED;
    }
    lay_out(&page, panel_count, strips);
    is_printed = print_script(script, path, report, &page);
    return pclose(script) == 0 && is_printed ? SWARM_PLOT_DRAWN : SWARM_PLOT_FAILED;
}
