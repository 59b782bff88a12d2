/* Runs lubdub-simulate: reads the options, runs the seeds, prints the report, and returns the exit status. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program/process/exit_status.h"
#include "program/process/startup.h"

#include "simulate/contest/contest.h"
#include "simulate/contest/paths.h"
#include "simulate/contest/table.h"
#include "simulate/options.h"
#include "simulate/report.h"
#include "simulate/world/many.h"

static double wall(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "lubdub-simulate: %s: %s\n", what, why);
    return LUBDUB_EXIT_CANNOT_START;
}

static atomic_int interrupted_by;

static void on_signal(int number)
{
    atomic_store(&interrupted_by, number);
}

/* The first signal ends the run and reports what there is; the second signal ends it at once. */
static void mind_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int check(const struct sim_options *options)
{
    static struct sim_sum sum;
    struct sim_settings settings;
    double began = wall();
    int exit_status;

    sim_options_settings(options, &settings);
    settings.story = options->story ? stdout : NULL;
    if (!options->story) {
        mind_signals();
    }
    if (!sim_run_many(&settings, options->seeds.first, options->seeds.last, (unsigned)options->jobs, &interrupted_by,
                      &sum)) {
        return fail("cannot start", "no memory");
    }
    if (options->story) {
        fputc('\n', stdout);
    }
    sim_report(stdout, options, &sum);
    sim_report_speed(stderr, options, &sum, wall() - began);
    exit_status = sum.failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    if (interrupted_by != 0) {
        fprintf(stderr, "lubdub-simulate: interrupted after %llu of %llu seeds\n", (unsigned long long)sum.seeds,
                (unsigned long long)(options->seeds.last - options->seeds.first + 1));
        exit_status = LUBDUB_EXIT_BY_SIGNAL + interrupted_by;
    }
    sim_sum_clear(&sum);
    return exit_status;
}

static int compare(const struct sim_options *options)
{
    const struct sim_table_heading heading = {.first_seed = options->seeds.first,
                                              .last_seed = options->seeds.last,
                                              .clients = options->clients,
                                              .length = options->length,
                                              .interval = options->interval};
    static const enum sim_network networks[] = {SIM_NETWORK_LAN, SIM_NETWORK_WAN, SIM_NETWORK_MOBILE};
    static struct sim_contest contests[sizeof networks / sizeof networks[0]];
    struct sim_settings settings;
    char problem[SIM_PROBLEM_SIZE];
    size_t count = 0;
    size_t i;

    sim_options_settings(options, &settings);
    for (i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        if (options->network != SIM_NETWORK_COUNT && options->network != (int)networks[i]) {
            continue;
        }
        if (!sim_contest_run(&settings, networks[i], options->seeds.first, options->seeds.last, (unsigned)options->jobs,
                             &contests[count], problem)) {
            fprintf(stderr, "lubdub-simulate: %s: %s\n", sim_network_word(networks[i]), problem);
            return EXIT_FAILURE;
        }
        count++;
    }
    (options->report == SIM_REPORT_TEXT ? sim_table_text : sim_table_json)(stdout, &heading, contests, count);
    return EXIT_SUCCESS;
}

static int compare_paths(const struct sim_options *options)
{
    static const enum sim_network networks[] = {SIM_NETWORK_EXPONENTIAL, SIM_NETWORK_HEAVY};
    static struct paths_contest contests[sizeof networks / sizeof networks[0]];
    struct sim_settings settings;
    char problem[SIM_PROBLEM_SIZE];
    bool is_one = options->network != SIM_NETWORK_COUNT;
    size_t count = is_one ? 1 : sizeof networks / sizeof networks[0];
    size_t i;

    sim_options_settings(options, &settings);
    for (i = 0; i < count; i++) {
        enum sim_network network = is_one ? (enum sim_network)options->network : networks[i];

        if (!paths_contest_run(&settings, options->shared >= 0, network, options->seeds.first, options->seeds.last,
                               (unsigned)options->jobs, &contests[i], problem)) {
            fprintf(stderr, "lubdub-simulate: %s: %s\n", sim_network_word(network), problem);
            return EXIT_FAILURE;
        }
        if (options->report == SIM_REPORT_TEXT) {
            paths_contest_text(stdout, &contests[i]);
        }
    }
    if (options->report == SIM_REPORT_JSON) {
        paths_contest_json(stdout, contests, count);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    struct sim_options options;
    int exit_status;

    if (lubdub_standard_streams_prepare() != 0) {
        return LUBDUB_EXIT_CANNOT_START;
    }
    sim_options_init(&options);
    if (!lubdub_settings_start(&sim_options_table, argc, argv, &options, &options.loaded, &exit_status)) {
        return exit_status;
    }
    if (options.compare) {
        exit_status = options.paths > 1 ? compare_paths(&options) : compare(&options);
    } else {
        exit_status = check(&options);
    }
    sim_options_clear(&options);
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        return fail("could not write all of the report", errno != 0 ? strerror(errno) : "an error");
    }
    return exit_status;
}
