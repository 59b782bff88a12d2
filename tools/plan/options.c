/* Lists the options of lubdub-plan, one row each, and parses their numbers in three forms. */
#include "plan/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lubdub/frame.h>
#include <lubdub/version.h>

#include "client/plan/number.h"

#define FIELD(name) offsetof(struct plan_options, name)
#define LONGEST (24 * LUBDUB_HOUR)
#define DEFAULT_PORT 3333

static const char *const report_words[] = {"text", "json", NULL};

static const char *take_short_time(const char *value, void *field)
{
    static const struct plan_unit units[] = {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"", 1e-3}, {NULL, 0}};
    const char *rest;
    double number;
    double unit;

    if (!lubdub_plan_take_decimal(value, &number, &rest) || !lubdub_plan_take_unit(rest, units, &unit) ||
        number * unit > 3600) {
        return "must be a time as in 12.5ms, 300us or 1s, an hour at most";
    }
    *(double *)field = number * unit;
    return NULL;
}

static const char *take_number(const char *value, void *field)
{
    const char *rest;
    double number;

    if (!lubdub_plan_take_decimal(value, &number, &rest) || *rest != '\0' || number <= 0) {
        return "must be a number, not 0";
    }
    *(double *)field = number;
    return NULL;
}

static const struct lubdub_setting rows[] = {
    {.name = "detect",
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(detect),
     .minimum = LUBDUB_MILLISECOND,
     .maximum = LONGEST,
     .help = "within which a dead peer is to be found; must be given"},
    {.name = "false-alarms",
     .metavar = "N/UNIT",
     .kind = LUBDUB_SETTING_CUSTOM,
     .offset = FIELD(mistake_gap),
     .take = lubdub_plan_take_rate,
     .help = "of one session at most, as in 1/month or 0.5/day (1/month)"},
    {.name = "mistake",
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(mistake_length),
     .minimum = LUBDUB_MILLISECOND,
     .maximum = LONGEST,
     .help = "that a false alarm may last until it is known for one (as long as --detect)"},
    {.name = "measure",
     .metavar = "HOST[:PORT]",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(measure),
     .minimum = 1,
     .help = "measure the round trips to this server"},
    {.name = "for",
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(length),
     .minimum = 100 * LUBDUB_MILLISECOND,
     .maximum = LONGEST,
     .help = "how long to measure (10s)"},
    {.name = "measure-interval",
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(measure_interval),
     .minimum = 10 * LUBDUB_MILLISECOND,
     .maximum = LUBDUB_MINUTE,
     .help = "between the probes that measure (100ms)"},
    {.name = "from",
     .metavar = "FILE",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(from),
     .minimum = 1,
     .help = "round trips from what lubdub-client --events json printed, or a CSV file with a column rtt_us or rtt_ms"},
    {.name = "delay",
     .metavar = "D",
     .kind = LUBDUB_SETTING_CUSTOM,
     .offset = FIELD(delay),
     .take = take_short_time,
     .help = "the mean round trip, where it is known: 12.5ms, 300us"},
    {.name = "deviation",
     .metavar = "D",
     .kind = LUBDUB_SETTING_CUSTOM,
     .offset = FIELD(deviation),
     .take = take_short_time,
     .help = "its standard deviation (half the delay)"},
    {.name = "loss",
     .metavar = "SHARE",
     .kind = LUBDUB_SETTING_SHARE,
     .offset = FIELD(loss),
     .help = "of round trips that do not come back, 1% or 0.01 (0; or what was measured)"},
    {.name = "paths",
     .metavar = "N",
     .kind = LUBDUB_SETTING_COUNT,
     .offset = FIELD(paths),
     .minimum = 1,
     .maximum = 8,
     .help = "of Multipath TCP between both ends, each as delay, deviation and loss say (1; or what was measured)"},
    {.name = "shared",
     .metavar = "SHARE",
     .kind = LUBDUB_SETTING_SHARE,
     .offset = FIELD(shared),
     .help = "of the outages of one path that all paths have at once (5%)"},
    {.name = "interval-min",
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(interval_least),
     .minimum = LUBDUB_MILLISECOND,
     .maximum = LONGEST,
     .help = "the shortest that the server grants (10ms)"},
    {.name = "packets",
     .metavar = "N",
     .kind = LUBDUB_SETTING_CUSTOM,
     .offset = FIELD(frames_most),
     .take = take_number,
     .help = "a second at most, both ways, for one session (any)"},
    {.name = "report",
     .metavar = "text|json",
     .kind = LUBDUB_SETTING_CHOICE,
     .offset = FIELD(report),
     .words = report_words,
     .help = "form of the plan on standard output (text)"},
};

static bool check_source(struct plan_options *options, char *problem, size_t capacity)
{
    bool is_stated = options->delay >= 0;

    if (is_stated + (options->from != NULL) + (options->measure != NULL) != 1) {
        snprintf(problem, capacity,
                 "one of --delay, --from and --measure must say what the network is like, and one only");
        return false;
    }
    if (!is_stated && options->deviation >= 0) {
        snprintf(problem, capacity, "--deviation goes with --delay");
        return false;
    }
    options->source = is_stated ? PLAN_STATED : options->from != NULL ? PLAN_FILE : PLAN_MEASURED;
    if (options->measure != NULL) {
        const char *wrong = lubdub_hostport_parse(options->measure, DEFAULT_PORT, &options->server);

        if (wrong != NULL) {
            snprintf(problem, capacity, "--measure: %s", wrong);
            return false;
        }
    }
    return true;
}

static bool check(void *target, const struct lubdub_strings *positionals, char *problem, size_t capacity)
{
    struct plan_options *options = target;
    (void)positionals;

    if (options->detect == 0) {
        snprintf(problem, capacity, "--detect must be given: within which a dead peer is to be found");
        return false;
    }
    if (options->mistake_length == 0) {
        options->mistake_length = options->detect;
    }
    if (options->loss >= 1) {
        snprintf(problem, capacity, "--loss must be less than 100%%: else nothing ever comes back");
        return false;
    }
    if (options->shared >= 0 && options->paths == 1) {
        snprintf(problem, capacity, "--shared goes with two --paths or more");
        return false;
    }
    return check_source(options, problem, capacity);
}

const struct lubdub_settings_table plan_options_table = {
    .program = "lubdub-plan",
    .section = "plan",
    .arguments = "[OPTIONS]",
    .summary =
        "Says which interval, timeout and expiry find a dead peer in time and are wrong as rarely as is wished,\n"
        "with as few packets as that takes, on a network that is measured, was measured, or is stated.\n",
    .closing =
        "By Chen, Toueg and Aguilera, On the Quality of Service of Failure Detectors, 2002; docs/guide/planning.md.\n"
        "\n"
        "Exit status: 0 planned; 1 not possible, or the server was not there to be measured; 2 usage;\n"
        "3 the file cannot be read.\n",
    .version = LUBDUB_VERSION,
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .check = check,
};

void plan_options_init(struct plan_options *options)
{
    memset(options, 0, sizeof *options);
    options->mistake_gap = LUBDUB_PLAN_MONTH;
    options->delay = -1;
    options->deviation = -1;
    options->loss = -1;
    options->shared = -1;
    options->length = 10 * LUBDUB_SECOND;
    options->measure_interval = 100 * LUBDUB_MILLISECOND;
    options->interval_least = 10 * LUBDUB_MILLISECOND;
}

void plan_options_clear(struct plan_options *options)
{
    lubdub_settings_clear(&options->loaded);
}
