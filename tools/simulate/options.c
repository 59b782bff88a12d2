/* Lists the options of lubdub-simulate, one row each. */
#include "simulate/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lubdub/version.h>

#define LONGEST (1000 * LUBDUB_HOUR)
#define MS LUBDUB_MILLISECOND
#define FIELD(name) offsetof(struct sim_options, name)

static const char *const report_words[] = {"text", "json", NULL};

static const char *const network_words[] = {
#define SIM_NETWORK_WORD(name, word, text) word,
    SIM_NETWORKS(SIM_NETWORK_WORD)
#undef SIM_NETWORK_WORD
        "mixed",
    NULL,
};

static bool take_number(const char **text, uint64_t *number)
{
    char *end;

    if (**text < '0' || **text > '9') {
        return false;
    }
    errno = 0;
    *number = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

static const char *take_seeds(const char *value, void *field)
{
    static const char allowed[] =
        "must be a number, or two as in 1..100, the first not above the second, no more than 4294967295 in all";
    struct sim_seeds *seeds = field;
    const char *text = value;

    if (!take_number(&text, &seeds->first)) {
        return allowed;
    }
    seeds->last = seeds->first;
    if (strncmp(text, "..", 2) == 0) {
        text += 2;
        if (!take_number(&text, &seeds->last)) {
            return allowed;
        }
    }
    return *text == '\0' && seeds->first <= seeds->last && seeds->last - seeds->first < UINT32_MAX ? NULL : allowed;
}

static const struct lubdub_setting rows[] = {
    {.name = "seeds",
     .metavar = "A..B",
     .kind = LUBDUB_SETTING_CUSTOM,
     .offset = FIELD(seeds),
     .take = take_seeds,
     .help = "which runs; the same seed is the same run, always (1..20)"},
    {.name = "hours",
     .metavar = "N",
     .kind = LUBDUB_SETTING_COUNT,
     .offset = FIELD(hours),
     .minimum = 1,
     .maximum = 1000,
     .help = "of virtual time for each seed (1)"},
    {.name = "length",
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(length),
     .minimum = LUBDUB_SECOND,
     .maximum = LONGEST,
     .help = "of each run, instead of hours"},
    {.name = "clients",
     .letter = 'n',
     .metavar = "N",
     .kind = LUBDUB_SETTING_COUNT,
     .offset = FIELD(clients),
     .minimum = 1,
     .maximum = 10000,
     .help = "how many (20)"},
    {.name = "jobs",
     .letter = 'j',
     .metavar = "N",
     .kind = LUBDUB_SETTING_COUNT,
     .offset = FIELD(jobs),
     .minimum = 1,
     .maximum = 1024,
     .help = "runs at a time (the processors there are)"},
    {.name = "network",
     .metavar = "KIND",
     .kind = LUBDUB_SETTING_CHOICE,
     .offset = FIELD(network),
     .words = network_words,
     .help =
         "clean, lan, wan, mobile, exponential, heavy, or mixed: each client's is drawn from the first four (mixed)"},
    {.name = "paths",
     .metavar = "N",
     .kind = LUBDUB_SETTING_COUNT,
     .offset = FIELD(paths),
     .minimum = 1,
     .maximum = SIM_PATH_LIMIT,
     .help = "of each client, over Multipath TCP where there are several (1)"},
    {.name = "shared",
     .metavar = "SHARE",
     .kind = LUBDUB_SETTING_SHARE,
     .offset = FIELD(shared),
     .help = "of the outages of one path that all paths of a client have at once (0; with --compare 0, 5, 20 and 50%)"},
    {.name = "faults",
     .kind = LUBDUB_SETTING_FLAG,
     .offset = FIELD(has_faults),
     .help = "stops, pauses, crashes, restarts, cuts, partitions (yes)"},
    {.name = "fault-gap",
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(fault_gap),
     .minimum = MS,
     .maximum = LONGEST,
     .help = "between two faults, on average (5s; with --compare 2m, for each client)"},
    {.name = "interval",
     .letter = 'i',
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(interval),
     .minimum = MS,
     .maximum = LUBDUB_HOUR,
     .help = "between two probes of a client (1s)"},
    {.name = "timeout",
     .letter = 't',
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(timeout),
     .minimum = MS,
     .maximum = LUBDUB_HOUR,
     .help = "that a client waits for an ack (three intervals)"},
    {.name = "expiry",
     .letter = 'e',
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(expiry),
     .minimum = MS,
     .maximum = LUBDUB_HOUR,
     .help = "of silence that the server tolerates (three intervals)"},
    {.name = "rto-min",
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(rto_min),
     .minimum = MS,
     .maximum = LUBDUB_HOUR,
     .help = "TCP_RTO_MIN_US of every socket (200ms)"},
    {.name = "rto-max",
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(rto_max),
     .minimum = MS,
     .maximum = LUBDUB_HOUR,
     .help = "TCP_RTO_MAX_MS (2m)"},
    {.name = "user-timeout",
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(user_timeout),
     .maximum = LUBDUB_HOUR,
     .help = "TCP_USER_TIMEOUT (0: the kernel gives up after 924.6 s)"},
    {.name = "thin", .kind = LUBDUB_SETTING_FLAG, .offset = FIELD(is_thin), .help = "TCP_THIN_LINEAR_TIMEOUTS (no)"},
    {.name = "gather",
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(gather),
     .minimum = MS,
     .maximum = 100 * MS,
     .help = "for which every loop gathers, always (0)"},
    {.name = "adaptive",
     .kind = LUBDUB_SETTING_FLAG,
     .offset = FIELD(adapts),
     .help = "sessions that adapt, on both sides (no)"},
    {.name = "messages",
     .kind = LUBDUB_SETTING_FLAG,
     .offset = FIELD(has_messages),
     .help = "applications that talk, slow links, full buffers, changing grants (no)"},
    {.name = "story",
     .kind = LUBDUB_SETTING_FLAG,
     .offset = FIELD(story),
     .help = "tell what happens, one line each; takes a single seed"},
    {.name = "compare",
     .kind = LUBDUB_SETTING_FLAG,
     .offset = FIELD(compare),
     .help = "the table of policies on lan, wan and mobile instead of the checks; with --paths, of one and of several "
             "paths"},
    {.name = "report",
     .metavar = "text|json",
     .kind = LUBDUB_SETTING_CHOICE,
     .offset = FIELD(report),
     .words = report_words,
     .help = "form of the report on standard output (text)"},
};

static bool check(void *target, const struct lubdub_strings *positionals, char *problem, size_t capacity)
{
    struct sim_options *options = target;
    long processors;
    (void)positionals;

    if (options->length > 0 && options->hours > 0) {
        snprintf(problem, capacity, "--length and --hours: give one of the two");
        return false;
    }
    if (options->length == 0) {
        options->length = (options->hours > 0 ? options->hours : 1) * LUBDUB_HOUR;
    }
    options->timeout = options->timeout > 0 ? options->timeout : 3 * options->interval;
    options->expiry = options->expiry > 0 ? options->expiry : 3 * options->interval;
    if (options->expiry < 2 * options->interval) {
        snprintf(problem, capacity, "--expiry must be at least twice --interval");
        return false;
    }
    if (options->rto_min > options->rto_max) {
        snprintf(problem, capacity, "--rto-min must not be more than --rto-max");
        return false;
    }
    if (options->shared >= 0 && options->paths == 1) {
        snprintf(problem, capacity, "--shared goes with two --paths or more");
        return false;
    }
    if (options->story && (options->compare || options->seeds.first != options->seeds.last)) {
        snprintf(problem, capacity, "--story tells of a single seed: --seeds N");
        return false;
    }
    if (options->compare && options->network == SIM_NETWORK_CLEAN) {
        snprintf(problem, capacity, "--compare: on a clean network nobody is ever wrong; name lan, wan or mobile");
        return false;
    }
    if (options->compare && options->length < 5 * LUBDUB_MINUTE) {
        snprintf(problem, capacity, "--compare: takes runs of 5 minutes at least");
        return false;
    }
    if (options->fault_gap == 0) {
        options->fault_gap = options->compare ? 2 * LUBDUB_MINUTE : 5 * LUBDUB_SECOND;
    }
    if (options->jobs == 0) {
        processors = sysconf(_SC_NPROCESSORS_ONLN);
        options->jobs = processors > 0 ? (uint64_t)processors : 1;
    }
    return true;
}

const struct lubdub_settings_table sim_options_table = {
    .program = "lubdub-simulate",
    .section = "simulate",
    .arguments = "[OPTIONS]",
    .summary = "Runs the heartbeat's core, clients and server, over a simulated network in virtual time, does to them\n"
               "what may be done, and checks at every step what must always hold. Or compares policies of detection.\n",
    .closing = "Exit status: 0 all held; 1 something did not, and how to see it again is printed; 2 usage.\n",
    .version = LUBDUB_VERSION,
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .check = check,
};

void sim_options_init(struct sim_options *options)
{
    struct sim_settings settings;

    sim_settings_init(&settings);
    memset(options, 0, sizeof *options);
    options->seeds = (struct sim_seeds){1, 20};
    options->clients = settings.clients;
    options->network = SIM_NETWORK_COUNT;
    options->paths = settings.paths;
    options->shared = -1;
    options->has_faults = true;
    options->interval = settings.interval;
    options->rto_min = settings.tcp.rto_min;
    options->rto_max = settings.tcp.rto_max;
}

void sim_options_clear(struct sim_options *options)
{
    lubdub_settings_clear(&options->loaded);
}

void sim_options_settings(const struct sim_options *options, struct sim_settings *settings)
{
    sim_settings_init(settings);
    settings->seed = options->seeds.first;
    settings->clients = (uint32_t)options->clients;
    settings->length = options->length;
    settings->is_mixed = options->network == SIM_NETWORK_COUNT;
    settings->network = settings->is_mixed ? SIM_NETWORK_WAN : (enum sim_network)options->network;
    settings->paths = (unsigned)options->paths;
    settings->shared = options->shared > 0 ? (unsigned)(options->shared * SIM_SHARED_ALL + 0.5) : 0;
    settings->faults = options->has_faults ? SIM_FAULTS_ALL : SIM_FAULTS_NONE;
    settings->fault_gap = options->fault_gap;
    settings->interval = options->interval;
    settings->timeout = options->timeout;
    settings->expiry = options->expiry;
    settings->tcp.rto_min = options->rto_min;
    settings->tcp.rto_max = options->rto_max;
    settings->tcp.user_timeout = options->user_timeout;
    settings->tcp.is_thin = options->is_thin;
    settings->adapts = options->adapts;
    settings->gather = options->gather;
    settings->has_messages = options->has_messages;
}

/* No part of a millisecond is lost: the unit of the options is the millisecond. */
static unsigned long long ms(lubdub_duration duration)
{
    return (unsigned long long)(duration / MS);
}

void sim_options_replay(const struct sim_options *options, uint64_t seed, char *text, size_t capacity)
{
    char gather[32] = "";
    char paths[64] = "";

    if (options->paths > 1) {
        snprintf(paths, sizeof paths, " --paths %llu --shared %g%%", (unsigned long long)options->paths,
                 options->shared > 0 ? options->shared * 100 : 0);
    }
    if (options->gather > 0) {
        snprintf(gather, sizeof gather, " --gather %llums", ms(options->gather));
    }
    snprintf(text, capacity,
             "lubdub-simulate --story --seeds %llu --length %llums --clients %llu --network %s --faults=%s "
             "--fault-gap %llums --interval %llums --timeout %llums --expiry %llums --rto-min %llums --rto-max %llums "
             "--user-timeout %llums%s%s%s%s%s",
             (unsigned long long)seed, ms(options->length), (unsigned long long)options->clients,
             network_words[options->network], options->has_faults ? "yes" : "no", ms(options->fault_gap),
             ms(options->interval), ms(options->timeout), ms(options->expiry), ms(options->rto_min),
             ms(options->rto_max), ms(options->user_timeout), options->is_thin ? " --thin" : "", gather, paths,
             options->adapts ? " --adaptive" : "", options->has_messages ? " --messages" : "");
}
