/* Runs lubdub-plan: reads the options and the network, makes the plan, and returns the exit status. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/process/exit_status.h"

#include "client/plan/measure.h"
#include "plan/advice.h"
#include "plan/options.h"
#include "plan/report.h"
#include "program/process/startup.h"

#define EXIT_NOT_POSSIBLE 1

static double seconds(lubdub_duration duration)
{
    return (double)duration / (double)LUBDUB_SECOND;
}

static int fail(const char *what, const char *why, int exit_status)
{
    fprintf(stderr, "lubdub-plan: %s: %s\n", what, why);
    return exit_status;
}

static int read_file(const struct plan_options *options, struct plan_sample *sample)
{
    int descriptor = open(options->from, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); /* no waiting for a writer */
    FILE *file = NULL;
    char problem[PLAN_PROBLEM_SIZE];
    bool is_read;

    /* Once there is one, what it writes is waited for: a pipe of the shell is a file like others. */
    if (descriptor >= 0 && fcntl(descriptor, F_SETFL, 0) == 0) {
        file = fdopen(descriptor, "r");
    }
    if (file == NULL) {
        int fault = errno;

        if (descriptor >= 0) {
            close(descriptor);
        }
        return fail(options->from, strerror(fault), LUBDUB_EXIT_CANNOT_START);
    }
    is_read = lubdub_plan_sample_read(sample, file, problem);
    fclose(file);
    return is_read ? 0 : fail(options->from, problem, LUBDUB_EXIT_CANNOT_START);
}

static int measure(const struct plan_options *options, struct plan_sample *sample)
{
    char problem[PLAN_PROBLEM_SIZE];

    fprintf(stderr, "lubdub-plan: measuring for %.1f s\n", seconds(options->length));
    return lubdub_plan_measure(sample, options->server.host, options->server.port, options->measure_interval,
                               options->length, problem)
               ? 0
               : fail(options->measure, problem, EXIT_NOT_POSSIBLE);
}

/* Returns 0, or the status to leave with. */
static int take_network(const struct plan_options *options, struct plan *plan)
{
    int status = 0;

    switch (options->source) {
    case PLAN_STATED:
        plan->network.delay = options->delay;
        plan->network.variance = pow(options->deviation >= 0 ? options->deviation : options->delay / 2, 2);
        break;
    case PLAN_FILE:
        status = read_file(options, &plan->sample);
        break;
    case PLAN_MEASURED:
        status = measure(options, &plan->sample);
        break;
    }
    if (status == 0 && options->source != PLAN_STATED) {
        lubdub_plan_sample_network(&plan->sample, &plan->network);
    }
    if (options->loss >= 0) {
        plan->network.loss = options->loss;
    }
    plan->network.paths = options->paths > 0 ? (unsigned)options->paths : plan->sample.paths;
    plan->network.shared = options->shared >= 0 ? options->shared : LUBDUB_PLAN_SHARED;
    return status;
}

static void make_plan(const struct plan_options *options, struct plan *plan)
{
    plan->wish = (struct plan_wish){
        .detect = seconds(options->detect),
        .mistake_gap = options->mistake_gap,
        .mistake_length = seconds(options->mistake_length),
    };
    /* The server finds the dead within its expiry and one way; it grants no less than two intervals. */
    plan->expiry = plan->wish.detect - plan->network.delay;
    plan->limits = (struct plan_limits){
        .interval_least = seconds(options->interval_least),
        .interval_share = 0.5,
        .step = 1e-3,
    };
    if (options->frames_most > 0 && 2 / options->frames_most > plan->limits.interval_least) {
        plan->limits.interval_least = 2 / options->frames_most;
    }
    plan->answer = lubdub_plan_configure(&plan->wish, &plan->network, &plan->limits);
    if (!plan->answer.is_possible) {
        lubdub_plan_find_ways(&plan->wish, &plan->network, &plan->limits, &plan->ways);
        advice_round(&plan->ways, &plan->wish);
    }
}

int main(int argc, char *argv[])
{
    struct plan_options options;
    struct plan plan = {0};
    int exit_status;

    if (lubdub_standard_streams_prepare() != 0) {
        return LUBDUB_EXIT_CANNOT_START;
    }
    plan_options_init(&options);
    if (!lubdub_settings_start(&plan_options_table, argc, argv, &options, &options.loaded, &exit_status)) {
        return exit_status;
    }
    exit_status = take_network(&options, &plan);
    if (exit_status == 0) {
        make_plan(&options, &plan);
        plan_report(stdout, &options, &plan);
        exit_status = plan.answer.is_possible ? EXIT_SUCCESS : EXIT_NOT_POSSIBLE;
    }
    plan_options_clear(&options);
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        return fail("could not write all of the plan", errno != 0 ? strerror(errno) : "an error",
                    LUBDUB_EXIT_CANNOT_START);
    }
    return exit_status;
}
