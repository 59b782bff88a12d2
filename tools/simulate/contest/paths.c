/* Counts how often each timeout would be wrong on what patient sessions lived through, and runs the core with the best.
 */
#include "simulate/contest/paths.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ev/tuning.h"
#include "simulate/contest/bound.h"
#include "simulate/world/many.h"

#define MS LUBDUB_MILLISECOND
#define ENDLESS (900 * LUBDUB_HOUR)
#define WARM_UP LUBDUB_MINUTE
#define DAY (24.0 * 3600)

/* Seeds and length of the runs with real faults: some thousands of them. */
#define FAULT_SEEDS 10
#define FAULT_LENGTH LUBDUB_HOUR

/* Fewer false alarms than these say nothing of how often. */
#define LEAST_ALARMS 3

/* For each day of sessions, so many days of nothing but outages, which cost next to nothing. */
#define BOUND_DAYS 12

/* TCP's timers on one path follow from the timeout, and that from what TCP's timers make of outages: so often. */
#define ROUNDS 2
#define FIRST_GUESS (5 * LUBDUB_SECOND)

/* ---- waits ---- */

/*
 * What an observer waited for each beat, where that was long. A timeout T is wrong once for each run of waits above T,
 * since the first verdict ends the session: as often as there are waits above T, without those whose neighbour before
 * is above T, too.
 */
struct waits {
    lubdub_duration *longs;
    size_t long_count;
    size_t long_capacity;
    lubdub_duration *pairs; /* the shorter of two in a row */
    size_t pair_count;
    size_t pair_capacity;
};

static void put(lubdub_duration **items, size_t *count, size_t *capacity, lubdub_duration item)
{
    if (*count == *capacity) {
        *capacity = *capacity > 0 ? *capacity * 2 : 1024;
        *items = realloc(*items, *capacity * sizeof **items);
        if (*items == NULL) {
            abort();
        }
    }
    (*items)[(*count)++] = item;
}

static void add_view(struct waits *waits, const struct sim_view *view, lubdub_duration interval)
{
    lubdub_duration before = 0;
    size_t i;

    for (i = 0; i + 1 < view->count; i++) {
        const struct sim_arrival *arrival = &view->arrivals[i];
        lubdub_time since =
            view->observer == SIM_OBSERVER_SERVER ? arrival->at : view->trace->beats[arrival->beat + 1].sent_at;
        lubdub_duration wait = lubdub_time_between(since, view->arrivals[i + 1].at);

        if (arrival->at >= WARM_UP && wait > interval / 4) {
            put(&waits->longs, &waits->long_count, &waits->long_capacity, wait);
            if (before > interval / 4) {
                put(&waits->pairs, &waits->pair_count, &waits->pair_capacity, lubdub_duration_shorter(before, wait));
            }
        }
        before = wait;
    }
}

static int in_order(const void *one, const void *other)
{
    lubdub_duration a = *(const lubdub_duration *)one;
    lubdub_duration b = *(const lubdub_duration *)other;

    return a < b ? -1 : a > b;
}

static size_t count_above(const lubdub_duration *sorted, size_t count, lubdub_duration timeout)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (sorted[middle] > timeout) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return count - low;
}

static size_t wrong_with(const struct waits *waits, lubdub_duration timeout)
{
    return count_above(waits->longs, waits->long_count, timeout) -
           count_above(waits->pairs, waits->pair_count, timeout);
}

/* To the millisecond; no shorter than `least`. 0: too few false alarms are allowed in so many days. */
static lubdub_duration shortest_timeout(const struct waits *waits, double allowed, lubdub_duration least)
{
    lubdub_duration low = least / MS;
    lubdub_duration high = LUBDUB_HOUR / MS;

    if (allowed < LEAST_ALARMS) {
        return 0;
    }
    while (low < high) {
        lubdub_duration middle = (low + high) / 2;

        if ((double)wrong_with(waits, middle * MS) <= allowed) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low * MS;
}

/* ---- patient runs ---- */

struct patience {
    const struct sim_settings *settings;
    pthread_mutex_t lock;
    uint64_t next;
    uint64_t last;
    bool is_over;
    struct waits waits[SIM_OBSERVER_COUNT];
    uint64_t segments;
    char problem[SIM_PROBLEM_SIZE];
};

static bool take_seed(struct patience *all, uint64_t *seed)
{
    bool is_there;

    pthread_mutex_lock(&all->lock);
    is_there = !all->is_over;
    *seed = all->next;
    all->is_over = all->is_over || all->next++ == all->last;
    pthread_mutex_unlock(&all->lock);
    return is_there;
}

static void add_run(struct patience *all, struct sim_trace *traces, const struct sim_result *result)
{
    uint32_t client;
    unsigned observer;

    pthread_mutex_lock(&all->lock);
    all->segments += result->segments;
    if (result->has_failed) {
        memcpy(all->problem, result->problem, sizeof all->problem);
        all->is_over = true;
    }
    for (client = 0; client < all->settings->clients; client++) {
        for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
            struct sim_view view;

            sim_view_make(&view, &traces[client], (enum sim_observer)observer);
            add_view(&all->waits[observer], &view, all->settings->interval);
            sim_view_clear(&view);
        }
        sim_trace_clear(&traces[client]);
    }
    pthread_mutex_unlock(&all->lock);
}

static void *run_patiently(void *argument)
{
    struct patience *all = argument;
    struct sim_trace *traces = calloc(all->settings->clients, sizeof *traces);
    uint64_t seed;

    if (traces == NULL) {
        abort();
    }
    while (take_seed(all, &seed)) {
        struct sim_settings settings = *all->settings;
        struct sim_result result = {0};

        settings.seed = seed;
        settings.faults = SIM_FAULTS_NONE;
        settings.timeout = settings.expiry = ENDLESS;
        settings.traces = traces;
        sim_run(&settings, &result);
        add_run(all, traces, &result);
        sim_result_clear(&result);
    }
    free(traces);
    return NULL;
}

/* Sorts what all seeds' sessions waited. The order in which they ran changes nothing. */
static bool wait_patiently(struct patience *all, const struct sim_settings *settings, uint64_t first, uint64_t last,
                           unsigned jobs)
{
    pthread_t *threads = calloc(jobs, sizeof *threads);
    unsigned started = 0;
    unsigned i;

    memset(all, 0, sizeof *all);
    all->settings = settings;
    all->next = first;
    all->last = last;
    if (threads == NULL) {
        abort();
    }
    pthread_mutex_init(&all->lock, NULL);
    while (started + 1 < jobs && pthread_create(&threads[started], NULL, run_patiently, all) == 0) {
        started++;
    }
    run_patiently(all);
    for (i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    free(threads);
    pthread_mutex_destroy(&all->lock);
    for (i = 0; i < SIM_OBSERVER_COUNT; i++) {
        struct waits *waits = &all->waits[i];

        if (waits->long_count > 0) {
            qsort(waits->longs, waits->long_count, sizeof *waits->longs, in_order);
        }
        if (waits->pair_count > 0) {
            qsort(waits->pairs, waits->pair_count, sizeof *waits->pairs, in_order);
        }
    }
    return all->problem[0] == '\0';
}

static void clear_patience(struct patience *all)
{
    unsigned i;

    for (i = 0; i < SIM_OBSERVER_COUNT; i++) {
        free(all->waits[i].longs);
        free(all->waits[i].pairs);
    }
}

/* ---- entries ---- */

/* One path is tuned as common/ev/link.c does it; several cannot be. */
static void tune(struct sim_settings *settings, lubdub_duration timeout)
{
    if (settings->paths == 1) {
        const struct lubdub_tuning tuning = lubdub_tuning_for(timeout, timeout);

        settings->tcp.rto_min = tuning.rto_min_us * LUBDUB_MICROSECOND;
        settings->tcp.rto_max = tuning.rto_max_ms * MS;
        settings->tcp.is_thin = true;
    }
}

/* A server's expiry is two intervals at least. */
static lubdub_duration least_timeout(enum sim_observer observer, lubdub_duration interval)
{
    return observer == SIM_OBSERVER_SERVER ? 2 * interval : interval / 2;
}

/* Half an interval passes from the cut to the next probe, or since the last one, on average. */
static void find_best(struct paths_entry *entry, const struct sim_settings *settings, double days, uint64_t seed)
{
    static const double a_day[PATHS_RATE_COUNT] = {1, 1.0 / 30};
    const lubdub_duration interval = settings->interval;
    struct paths_bound bound;
    unsigned rate;

    paths_bound_make(&bound, settings, days, seed);
    for (rate = 0; rate < PATHS_RATE_COUNT && days * a_day[rate] >= LEAST_ALARMS; rate++) {
        lubdub_duration timeout = paths_bound_timeout(&bound, interval, a_day[rate]);
        lubdub_duration least = least_timeout(SIM_OBSERVER_CLIENT, interval);
        lubdub_duration expiry =
            lubdub_duration_longer(timeout + interval, least_timeout(SIM_OBSERVER_SERVER, interval));

        entry->cells[SIM_OBSERVER_CLIENT].best[rate] = lubdub_duration_longer(timeout, least) + interval / 2;
        entry->cells[SIM_OBSERVER_SERVER].best[rate] = expiry - interval / 2;
    }
    paths_bound_clear(&bound);
}

static double days_of(const struct sim_settings *settings, uint64_t seeds)
{
    return (double)seeds * settings->clients * (double)(settings->length - WARM_UP) / (double)LUBDUB_SECOND / DAY;
}

static bool find_timeout(struct paths_entry *entry, const struct sim_settings *settings, enum paths_rate rate,
                         uint64_t first, uint64_t last, unsigned jobs, char problem[SIM_PROBLEM_SIZE])
{
    double days = days_of(settings, last - first + 1);
    double allowed = rate == PATHS_A_DAY ? days : days / 30;
    lubdub_duration guess = FIRST_GUESS;
    unsigned rounds = settings->paths == 1 ? ROUNDS : 1;
    unsigned round;

    if (rate != PATHS_A_DAY && allowed < LEAST_ALARMS) {
        return true;
    }
    for (round = 0; round < rounds; round++) {
        struct sim_settings here = *settings;
        struct patience all;
        unsigned observer;

        tune(&here, guess);
        if (!wait_patiently(&all, &here, first, last, jobs)) {
            memcpy(problem, all.problem, SIM_PROBLEM_SIZE);
            clear_patience(&all);
            return false;
        }
        entry->segments_a_second = (double)all.segments / (double)(last - first + 1) / settings->clients /
                                   ((double)settings->length / (double)LUBDUB_SECOND);
        for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
            lubdub_duration least = least_timeout((enum sim_observer)observer, settings->interval);

            entry->cells[observer].timeout[rate] = shortest_timeout(&all.waits[observer], allowed, least);
            if (settings->paths > 1) { /* one run serves both rates */
                entry->cells[observer].timeout[PATHS_A_MONTH] =
                    shortest_timeout(&all.waits[observer], days / 30, least);
            }
        }
        guess = entry->cells[SIM_OBSERVER_SERVER].timeout[rate];
        clear_patience(&all);
        if (guess == 0) {
            break;
        }
    }
    return true;
}

/* The core with this timeout, on one side; the other is endlessly patient. */
static bool run_core(struct paths_cell *cell, const struct sim_settings *settings, enum sim_observer observer,
                     enum paths_rate rate, uint64_t first, uint64_t last, unsigned jobs, char problem[SIM_PROBLEM_SIZE])
{
    struct sim_settings here = *settings;
    struct sim_sum *sum = calloc(1, sizeof *sum);
    struct sim_detections *cut;
    bool has_run;

    if (sum == NULL) {
        abort();
    }
    here.faults = SIM_FAULTS_CONTEST;
    here.length = here.length < FAULT_LENGTH ? here.length : FAULT_LENGTH;
    here.timeout = observer == SIM_OBSERVER_CLIENT ? cell->timeout[rate] : ENDLESS;
    here.expiry = observer == SIM_OBSERVER_SERVER ? cell->timeout[rate] : ENDLESS;
    here.is_blind[SIM_OBSERVER_CLIENT] = observer != SIM_OBSERVER_CLIENT;
    here.is_blind[SIM_OBSERVER_SERVER] = observer != SIM_OBSERVER_SERVER;
    tune(&here, cell->timeout[rate]);
    last = last - first < FAULT_SEEDS ? last : first + FAULT_SEEDS - 1;
    has_run = sim_run_many(&here, first, last, jobs, NULL, sum) && sum->failed == 0;
    if (has_run) {
        cut = &sum->total.detections[observer][1];
        cell->found[rate] = cut->count;
        if (cut->count > 0) {
            qsort(cut->items, cut->count, sizeof *cut->items, in_order);
            cell->median[rate] = cut->items[(cut->count - 1) / 2];
            cell->p99[rate] = cut->items[(cut->count - 1) * 99 / 100];
        }
    } else {
        snprintf(problem, SIM_PROBLEM_SIZE, "%u paths, %u of 1000 outages shared, %s, %.3f s, seed %llu: %.150s",
                 settings->paths, settings->shared, observer == SIM_OBSERVER_CLIENT ? "timeout" : "expiry",
                 (double)cell->timeout[rate] / (double)LUBDUB_SECOND,
                 (unsigned long long)(sum->failed > 0 ? sum->failures[0].seed : first),
                 sum->failed > 0 ? sum->failures[0].problem : "no memory");
    }
    sim_sum_clear(sum);
    free(sum);
    return has_run;
}

static bool enter(struct paths_contest *contest, const struct sim_settings *settings, uint64_t first, uint64_t last,
                  unsigned jobs, char problem[SIM_PROBLEM_SIZE])
{
    struct paths_entry *entry = &contest->entries[contest->count++];
    unsigned rate;
    unsigned observer;

    *entry = (struct paths_entry){.paths = settings->paths, .shared = settings->shared, .interval = settings->interval};
    find_best(entry, settings, BOUND_DAYS * contest->days, first);
    for (rate = 0; rate < PATHS_RATE_COUNT; rate++) {
        if ((rate == 0 || settings->paths == 1) &&
            !find_timeout(entry, settings, (enum paths_rate)rate, first, last, jobs, problem)) {
            return false;
        }
        for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
            if (entry->cells[observer].timeout[rate] > 0 &&
                !run_core(&entry->cells[observer], settings, (enum sim_observer)observer, (enum paths_rate)rate, first,
                          last, jobs, problem)) {
                return false;
            }
        }
    }
    return true;
}

bool paths_contest_run(const struct sim_settings *settings, bool has_share, enum sim_network network, uint64_t first,
                       uint64_t last, unsigned jobs, struct paths_contest *contest, char problem[SIM_PROBLEM_SIZE])
{
    static const unsigned shares[] = {0, 50, 200, 500};
    struct sim_settings one = *settings;
    struct sim_settings several;
    size_t i;

    memset(contest, 0, sizeof *contest);
    contest->network = network;
    contest->days = days_of(settings, last - first + 1);
    one.is_mixed = false;
    one.network = network;
    several = one;
    one.paths = 1;
    one.shared = 0;
    if (!enter(contest, &one, first, last, jobs, problem)) {
        return false;
    }
    contest->count = 2; /* the second is filled in last: only then it is known how many packets several paths take */
    for (i = 0; i < (has_share ? 1 : sizeof shares / sizeof shares[0]); i++) {
        several.shared = has_share ? settings->shared : shares[i];
        if (!enter(contest, &several, first, last, jobs, problem)) {
            return false;
        }
    }
    i = contest->count;
    one.interval = (lubdub_duration)((double)one.interval * contest->entries[0].segments_a_second /
                                     contest->entries[2].segments_a_second) /
                   MS * MS;
    contest->count = 1;
    if (!enter(contest, &one, first, last, jobs, problem)) {
        return false;
    }
    contest->count = i;
    return true;
}

/* ---- the table ---- */

static double seconds(lubdub_duration duration)
{
    return (double)duration / (double)LUBDUB_SECOND;
}

/* What outages alone would allow, and as a share of that on one path. */
static void print_best(FILE *file, const struct paths_contest *contest, const struct paths_entry *entry,
                       enum sim_observer observer, enum paths_rate rate)
{
    lubdub_duration best = entry->cells[observer].best[rate];

    if (best == 0) {
        fputs("        -     -", file);
        return;
    }
    fprintf(file, "  %7.3f  %4.2f", seconds(best),
            seconds(best) / seconds(contest->entries[0].cells[observer].best[rate]));
}

static void print_cell(FILE *file, const struct paths_contest *contest, const struct paths_entry *entry,
                       enum sim_observer observer, enum paths_rate rate)
{
    const struct paths_cell *cell = &entry->cells[observer];
    unsigned i;

    if (cell->timeout[rate] == 0) {
        fprintf(file, "        -       -           -");
        return;
    }
    fprintf(file, "  %7.3f %7.3f", seconds(cell->timeout[rate]), seconds(cell->median[rate]));
    for (i = 0; i < 2; i++) {
        lubdub_duration of_one = contest->entries[i].cells[observer].median[rate];

        if (of_one > 0 && cell->median[rate] > 0) {
            fprintf(file, "  %4.2f", seconds(cell->median[rate]) / seconds(of_one));
        } else {
            fprintf(file, "     -");
        }
    }
}

void paths_contest_text(FILE *file, const struct paths_contest *contest)
{
    unsigned observer;
    size_t i;

    fprintf(file, "\n%s: %s; %.0f days of sessions\n", sim_network_word(contest->network),
            sim_network_text(contest->network), contest->days);
    for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
        fprintf(file,
                "\n  %s observes\n"
                "                         segments  1 false alarm a day                            1 in 30 days\n"
                "  paths  shared interval a second  timeout  median  shares of it  at best  share   timeout  median  "
                "shares of it  at best  share\n",
                observer == SIM_OBSERVER_CLIENT ? "client" : "server");
        for (i = 0; i < contest->count; i++) {
            const struct paths_entry *entry = &contest->entries[i];

            fprintf(file, "  %5u %5.0f %% %7.3f  %8.2f", entry->paths, entry->shared / 10.0, seconds(entry->interval),
                    entry->segments_a_second);
            print_cell(file, contest, entry, (enum sim_observer)observer, PATHS_A_DAY);
            print_best(file, contest, entry, (enum sim_observer)observer, PATHS_A_DAY);
            fputs("  ", file);
            print_cell(file, contest, entry, (enum sim_observer)observer, PATHS_A_MONTH);
            print_best(file, contest, entry, (enum sim_observer)observer, PATHS_A_MONTH);
            fputc('\n', file);
        }
    }
    fputs(
        "\nTimes in seconds. timeout: the shortest that is wrong so rarely. median: from the moment at which nothing "
        "of the\n"
        "peer arrives any more, on any path, to the verdict of the core with that timeout. shares of it: the median, "
        "over\n"
        "that of one path at the same interval, and of one path with as many packets. A server's expiry is two "
        "intervals\n"
        "at least. at best: the median if every beat were heard the moment one path lets it through, and as a share of "
        "that on\n"
        "one path. -: too little was run to say.\n",
        file);
}

static json_t *cell_json(const struct paths_cell *cell, enum paths_rate rate)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:I}", "timeout_s", seconds(cell->timeout[rate]), "median_s",
                     seconds(cell->median[rate]), "p99_s", seconds(cell->p99[rate]), "best_median_s",
                     seconds(cell->best[rate]), "found", (json_int_t)cell->found[rate]);
}

static json_t *entry_json(const struct paths_entry *entry)
{
    static const char *const observers[] = {"client", "server"};
    json_t *object = json_pack("{s:i, s:f, s:f, s:f}", "paths", (int)entry->paths, "shared", entry->shared / 1000.0,
                               "interval_s", seconds(entry->interval), "segments_a_second", entry->segments_a_second);
    unsigned i;

    for (i = 0; i < SIM_OBSERVER_COUNT; i++) {
        json_object_set_new(object, observers[i],
                            json_pack("{s:o, s:o}", "one_a_day", cell_json(&entry->cells[i], PATHS_A_DAY),
                                      "one_in_30_days", cell_json(&entry->cells[i], PATHS_A_MONTH)));
    }
    return object;
}

void paths_contest_json(FILE *file, const struct paths_contest *contests, size_t count)
{
    json_t *networks = json_array();
    size_t i;
    size_t k;

    for (i = 0; i < count; i++) {
        json_t *entries = json_array();

        for (k = 0; k < contests[i].count; k++) {
            json_array_append_new(entries, entry_json(&contests[i].entries[k]));
        }
        json_array_append_new(networks, json_pack("{s:s, s:f, s:o}", "network", sim_network_word(contests[i].network),
                                                  "session_days", contests[i].days, "entries", entries));
    }
    json_dumpf(networks, file, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    fputc('\n', file);
    json_decref(networks);
}
