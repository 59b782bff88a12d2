/*
 * A gnuplot script with its data inside, handed to gnuplot: a panel for each fault and side, then two over the whole
 * width for the run's time.
 */
#include "swarm/report/plot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "swarm/report/marks.h"
#include "swarm/report/panel.h"
#include "swarm/report/time.h"

/* In pixels. Letters are large enough for a page that shows the picture at two thirds of its size. */
#define FEW_COLUMNS 3
#define MANY_COLUMNS 4
#define MANY_PANELS 9 /* more than these take more columns */
#define PANEL_WIDTH 420
#define PANEL_HEIGHT 310
#define LEAST_WIDTH 900
#define STRIP_HEIGHT 370 /* over the whole width: a panel of the run's time */
#define HEAD_HEIGHT 50

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

static void print_head(FILE *script, const char *path, const struct swarm_report *report, const struct page *page)
{
    const struct swarm_timing *timing = &report->findings->timing;
    bool is_svg = strcmp(path + strlen(path) - 4, ".svg") == 0;

    fprintf(script, "set terminal %s size %u,%u font 'sans-serif,%u' background 'white'\n", is_svg ? "svg" : "pngcairo",
            page->width, page->height, is_svg ? 14u : 11u);
    fputs("set output ", script);
    print_quoted(script, path);
    fprintf(script,
            "\nset multiplot title 'How soon a death is known: %" PRIu64
            " clients, probes every %.4g ms, timeout %.4g ms, expiry %.4g ms'\n",
            report->options->clients, swarm_plot_milliseconds(timing->interval),
            swarm_plot_milliseconds(timing->timeout), swarm_plot_milliseconds(timing->expiry));
    fputs("set ylabel 'detected (% of the faults)'\n"
          "set yrange [0:105]\nset ytics 25\nset grid lc rgb 'gray80' lt 1 lw 0.5\nset border 3\nset tics nomirror\n"
          "set format x '%g'\nset format y '%g'\nset format y2 '%g'\n"
          "set lmargin 9\nset rmargin 5\n",
          script);
}

static bool print_script(FILE *script, const char *path, const struct swarm_report *report, const struct page *page)
{
    const struct swarm_findings *findings = report->findings;
    lubdub_duration *room = malloc((findings->ledger.count + 1) * sizeof *room);
    unsigned panel = 0;
    size_t i;

    if (room == NULL) {
        return false;
    }
    print_head(script, path, report, page);
    for (i = 0; i < report->rows.count; i++) {
        const struct swarm_row *row = &report->rows.rows[i];

        if (swarm_plot_has_panel(row)) {
            place_panel(script, page, panel++);
            swarm_plot_panel(script, row, &findings->ledger, room);
        }
    }
    if (page->strips > 0) {
        place_strip(script, page, 0);
        swarm_plot_sessions(script, &findings->timeline, report->options->clients, findings->has_server);
    }
    if (page->strips > 1) {
        place_strip(script, page, 1);
        swarm_plot_round_trips(script, &findings->timeline, findings->timing.interval);
    }
    fputs("unset multiplot\nunset output\n", script);
    free(room);
    return true;
}

enum swarm_plot swarm_report_plot(const char *path, const struct swarm_report *report)
{
    const struct swarm_timeline *timeline = &report->findings->timeline;
    unsigned panel_count = 0;
    unsigned strips = timeline->count > 1 ? 1 + swarm_plot_has_round_trips(timeline) : 0;
    struct page page;
    bool is_printed;
    FILE *script;
    size_t i;

    for (i = 0; i < report->rows.count; i++) {
        panel_count += swarm_plot_has_panel(&report->rows.rows[i]);
    }
    if (panel_count + strips == 0) {
        return SWARM_PLOT_NOTHING_TO_DRAW;
    }
    if (!is_installed("gnuplot")) {
        return SWARM_PLOT_NO_GNUPLOT;
    }
    /* Where it cannot write the file, it would draw to standard output, where the report is. */
    script = popen("exec gnuplot - >/dev/null", "we");
    if (script == NULL) {
        return SWARM_PLOT_FAILED;
    }
    lay_out(&page, panel_count, strips);
    is_printed = print_script(script, path, report, &page);
    return pclose(script) == 0 && is_printed ? SWARM_PLOT_DRAWN : SWARM_PLOT_FAILED;
}
