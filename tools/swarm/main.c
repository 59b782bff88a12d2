/* lubdub-swarm: reads its options, does a run, prints its report, and ends with a status. */
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/process/exit_status.h"
#include "program/process/startup.h"

#include "swarm/orders/options.h"
#include "swarm/report/csv.h"
#include "swarm/report/json.h"
#include "swarm/report/plot.h"
#include "swarm/report/report.h"
#include "swarm/report/text.h"
#include "swarm/run/run.h"

static int fail(const char *doing, const char *what, const char *why)
{
    fprintf(stderr, "lubdub-swarm: %s%s%s: %s\n", doing, what != NULL ? " " : "", what != NULL ? what : "", why);
    return LUBDUB_EXIT_CANNOT_START;
}

/* Returns whether all of it reached the file. */
static bool has_written(FILE *file, const char *name)
{
    bool is_written = ferror(file) == 0;

    errno = is_written ? 0 : errno;
    if (fflush(file) != 0) {
        is_written = false;
    }
    if (!is_written) {
        fail("could not write all of", name, errno != 0 ? strerror(errno) : "an error");
    }
    return is_written;
}

static bool write_csv(FILE *file, const char *name, const struct swarm_ledger *ledger)
{
    bool is_written;

    swarm_report_csv(file, ledger);
    is_written = has_written(file, name);
    fclose(file);
    return is_written;
}

/* A picture that cannot be is told of; only one that failed is a failure. */
static bool draw(const char *name, const struct swarm_report *report)
{
    switch (swarm_report_plot(name, report)) {
    case SWARM_PLOT_DRAWN:
        return true;
    case SWARM_PLOT_NOTHING_TO_DRAW:
        fail("no picture in", name, "nothing was detected that could be drawn");
        return true;
    case SWARM_PLOT_NO_GNUPLOT:
        fail("no picture in", name, "gnuplot is not installed");
        return true;
    case SWARM_PLOT_FAILED:
        break;
    }
    fail("no picture in", name, "gnuplot failed");
    return false;
}

/* The report comes first: it is what one waited for. Returns the exit status. */
static int report(const struct swarm_options *options, const struct swarm_findings *findings, FILE *csv)
{
    static struct swarm_report said; /* of some size */
    bool is_written = true;

    if (!swarm_report_make(&said, options, findings)) {
        fail("no report", NULL, "no memory is left");
        return EXIT_FAILURE;
    }
    if (options->report == SWARM_REPORT_JSON) {
        is_written = swarm_report_json(stdout, &said);
    } else {
        swarm_report_text(stdout, &said);
    }
    is_written &= has_written(stdout, "the report");
    if (csv != NULL) {
        is_written &= write_csv(csv, options->csv, &findings->ledger);
    }
    if (options->plot != NULL) {
        is_written &= draw(options->plot, &said);
    }
    if (findings->interrupted_by != 0) {
        return LUBDUB_EXIT_BY_SIGNAL + findings->interrupted_by;
    }
    return is_written && swarm_report_has_passed(&said) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Whether a picture could be written there, asked before the run rather than after it; leaves the file as it was. */
static bool is_writable(const char *name)
{
    bool was_there = access(name, F_OK) == 0;
    FILE *file = fopen(name, "ae");

    if (file == NULL) {
        return false;
    }
    fclose(file);
    if (!was_there) {
        unlink(name);
    }
    return true;
}

static int run_and_report(struct ev_loop *loop, const struct swarm_options *options)
{
    static struct swarm_findings findings; /* of some size */
    FILE *csv = NULL;
    int exit_status;

    /* before the CSV, which loses what it had */
    if (options->plot != NULL && !is_writable(options->plot)) {
        return fail("cannot write", options->plot, strerror(errno));
    }
    if (options->csv != NULL) {
        csv = fopen(options->csv, "we");
        if (csv == NULL) {
            return fail("cannot write", options->csv, strerror(errno));
        }
    }
    if (swarm_run(&findings, loop, options) == SWARM_RUN_DONE) {
        exit_status = report(options, &findings, csv);
    } else {
        exit_status = fail("cannot start", NULL, findings.problem);
        if (csv != NULL) {
            fclose(csv);
        }
    }
    swarm_findings_clear(&findings);
    return exit_status;
}

int main(int argc, char *argv[])
{
    struct swarm_options options;
    char problem[LUBDUB_SETTINGS_PROBLEM_SIZE];
    struct ev_loop *loop;
    int exit_status;

    if (lubdub_standard_streams_prepare() != 0) {
        return LUBDUB_EXIT_CANNOT_START;
    }
    swarm_options_init(&options);
    if (!lubdub_settings_start(&swarm_options_table, argc, argv, &options, &options.loaded, &exit_status)) {
        return exit_status;
    }
    loop = lubdub_loop_open("lubdub-swarm");
    if (loop == NULL) {
        exit_status = LUBDUB_EXIT_CANNOT_START;
    } else if (!swarm_options_make_tls(&options, problem, sizeof problem)) {
        exit_status = fail("cannot start", NULL, problem);
        ev_loop_destroy(loop);
    } else {
        exit_status = run_and_report(loop, &options);
        ev_loop_destroy(loop);
    }
    swarm_options_clear(&options);
    return exit_status;
}
