/* Judges rules on traces with imagined faults, runs the core in the simulator, and counts the results. */
#include "simulate/contest/contest.h"

#include <stdlib.h>
#include <string.h>

#include "simulate/world/many.h"
#include "ev/tuning.h"

#define MS LUBDUB_MILLISECOND

/* Imagined faults for each client and hour. */
#define FAULTS_AN_HOUR 120
#define WARM_UP LUBDUB_MINUTE
#define LONGEST_TIMEOUT LUBDUB_MINUTE
#define ENDLESS (900 * LUBDUB_HOUR)

/* ---- one rule on one view ---- */

static lubdub_time *deadlines_of(const struct sim_rule *rule, const struct sim_view *view)
{
    lubdub_time *deadlines = malloc((view->count + 1) * sizeof *deadlines);

    if (deadlines == NULL) {
        abort();
    }
    rule->apply(rule, view, deadlines);
    return deadlines;
}

/*
 * Counts alarms in a row once (an outage ends, and all waiting beats come late): the first would have ended the
 * session.
 */
static uint64_t count_false_alarms(const struct sim_view *view, const lubdub_time *deadlines)
{
    uint64_t count = 0;
    bool was_alarmed = false;
    size_t i;

    for (i = 0; i + 1 < view->count; i++) {
        bool is_alarmed = deadlines[i] < view->arrivals[i + 1].at;

        if (view->arrivals[i].at >= WARM_UP) {
            count += is_alarmed && !was_alarmed;
        }
        was_alarmed = is_alarmed;
    }
    return count;
}

/* Index of the last arrival for which `at` of its beat is not after the fault; SIZE_MAX: none. */
static size_t last_before(const struct sim_view *view, lubdub_time fault,
                          lubdub_time (*at)(const struct sim_view *, size_t))
{
    size_t low = 0;
    size_t high = view->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (at(view, middle) <= fault) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - 1;
}

static lubdub_time when_arrived(const struct sim_view *view, size_t i)
{
    return view->arrivals[i].at;
}

/* The time until which a peer must have been alive for this beat to come. */
static lubdub_time when_caused(const struct sim_view *view, size_t i)
{
    const struct sim_beat *beat = &view->trace->beats[view->arrivals[i].beat];

    return view->observer == SIM_OBSERVER_SERVER ? beat->sent_at : beat->heard_at;
}

/* Returns false where the observer had given up before the fault. */
static bool detect(const struct sim_view *view, const lubdub_time *deadlines, lubdub_time fault, bool is_cut,
                   lubdub_duration *took)
{
    size_t known = last_before(view, fault, when_arrived);
    size_t last = is_cut ? known : last_before(view, fault, when_caused);
    size_t i;

    if (known >= view->count || deadlines[known] < fault) {
        return false;
    }
    for (i = known; i < last && i + 1 < view->count && deadlines[i] >= view->arrivals[i + 1].at; i++) {
    }
    if (deadlines[i] == LUBDUB_TIME_NEVER) {
        return false;
    }
    *took = lubdub_time_between(fault, deadlines[i]);
    return true;
}

void sim_tally_add(struct sim_tally *tally, const struct sim_rule *rule, const struct sim_view *view, uint64_t seed)
{
    lubdub_time *deadlines = deadlines_of(rule, view);
    struct sim_random random = {.state = seed};
    lubdub_time end = view->count > 0 ? view->arrivals[view->count - 1].at : 0;
    lubdub_duration span = end > WARM_UP + LONGEST_TIMEOUT ? end - WARM_UP - LONGEST_TIMEOUT : 0;
    uint64_t faults = span / (LUBDUB_HOUR / FAULTS_AN_HOUR);
    uint64_t i;

    tally->false_alarms += count_false_alarms(view, deadlines);
    for (i = 0; i < 2 * faults; i++) {
        lubdub_time fault = WARM_UP + sim_random_below(&random, span);
        lubdub_duration took;

        if (detect(view, deadlines, fault, i % 2 != 0, &took)) {
            sim_detections_add(&tally->detections[i % 2], took);
        }
    }
    free(deadlines);
}

void sim_tally_clear(struct sim_tally *tally)
{
    free(tally->detections[0].items);
    free(tally->detections[1].items);
    *tally = (struct sim_tally){0};
}

/* ---- many views ---- */

struct field {
    const struct sim_settings *settings;
    struct sim_trace *traces[2]; /* in segments of TCP; in datagrams */
    struct sim_view *views[2][SIM_OBSERVER_COUNT];
    size_t count;
    double days;
};

static int in_order(const void *one, const void *other)
{
    lubdub_duration a = *(const lubdub_duration *)one;
    lubdub_duration b = *(const lubdub_duration *)other;

    return a < b ? -1 : a > b;
}

static void summarize(struct sim_detections *detections, lubdub_duration *median, lubdub_duration *p99)
{
    *median = *p99 = 0;
    if (detections->count > 0) {
        qsort(detections->items, detections->count, sizeof *detections->items, in_order);
        *median = detections->items[(detections->count - 1) / 2];
        *p99 = detections->items[(detections->count - 1) * 99 / 100];
    }
}

static void tally_all(const struct field *field, const struct sim_rule *rule, enum sim_observer observer,
                      struct sim_tally *tally)
{
    size_t i;

    memset(tally, 0, sizeof *tally);
    for (i = 0; i < field->count; i++) {
        sim_tally_add(tally, rule, &field->views[rule->is_datagrams][observer][i], sim_mix(i + 1));
    }
}

static uint64_t false_alarms_of(const struct field *field, const struct sim_rule *rule, enum sim_observer observer)
{
    uint64_t count = 0;
    size_t i;

    for (i = 0; i < field->count; i++) {
        const struct sim_view *view = &field->views[0][observer][i];
        lubdub_time *deadlines = deadlines_of(rule, view);

        count += count_false_alarms(view, deadlines);
        free(deadlines);
    }
    return count;
}

/* The shortest fixed timeout that is wrong no more often, to the millisecond. */
static void find_fixed(const struct field *field, enum sim_observer observer, struct sim_score *score)
{
    lubdub_duration low = 0;
    lubdub_duration high = LONGEST_TIMEOUT / MS;
    double rate = score->days > 0 ? (double)score->false_alarms / score->days : 0;
    struct sim_rule fixed;
    struct sim_tally tally;
    lubdub_duration p99;
    unsigned kind;

    while (low < high) {
        lubdub_duration middle = (low + high) / 2;

        sim_rule_fixed(&fixed, field->settings->interval, middle * MS);
        if ((double)false_alarms_of(field, &fixed, observer) <= rate * field->days) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (low == LONGEST_TIMEOUT / MS) {
        return;
    }
    score->fixed_timeout = low * MS;
    sim_rule_fixed(&fixed, field->settings->interval, low * MS);
    tally_all(field, &fixed, observer, &tally);
    for (kind = 0; kind < 2; kind++) {
        summarize(&tally.detections[kind], &score->fixed_median[kind], &p99);
    }
    sim_tally_clear(&tally);
}

static void score_detections(struct sim_score *score, struct sim_detections *detections)
{
    unsigned kind;

    for (kind = 0; kind < 2; kind++) {
        score->found[kind] = detections[kind].count;
        summarize(&detections[kind], &score->median[kind], &score->p99[kind]);
    }
}

static void enter_rule(struct sim_contest *contest, const struct field *field, const struct sim_rule *rule)
{
    struct sim_entry *entry = &contest->entries[contest->count++];
    unsigned observer;

    *entry = (struct sim_entry){
        .word = rule->word,
        .text = rule->text,
        .is_datagrams = rule->is_datagrams,
        .frames_a_second = 2 * (double)LUBDUB_SECOND / (double)rule->interval,
    };
    for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
        struct sim_score *score = &entry->scores[observer];
        struct sim_tally tally;

        if (!rule->is_for[observer]) {
            continue;
        }
        tally_all(field, rule, (enum sim_observer)observer, &tally);
        score->is_there = true;
        score->false_alarms = tally.false_alarms;
        score->days = field->days;
        score_detections(score, tally.detections);
        sim_tally_clear(&tally);
        find_fixed(field, (enum sim_observer)observer, score);
    }
}

/* ---- the core itself ---- */

static void *must_have(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

size_t sim_contenders(struct sim_contender *contenders)
{
    static const struct sim_contender table[] = {
        {.word = "core-fixed-2", .text = "the core, timeout or expiry of 2 intervals", .intervals = 2},
        {.word = "core-fixed-3", .text = "3 intervals", .intervals = 3},
        {.word = "tuned-fixed-3",
         .text = "3 intervals, and TCP's timers tuned to them",
         .intervals = 3,
         .is_tuned = true},
        {.word = "core-adapt-3", .text = "the core, adaptive, 3 intervals at most", .intervals = 3, .adapts = true},
        {.word = "tuned-adapt-3", .text = "the same, and TCP tuned", .intervals = 3, .adapts = true, .is_tuned = true},
        {.word = "tuned-adapt-5", .text = "5 intervals at most", .intervals = 5, .adapts = true, .is_tuned = true},
    };

    memcpy(contenders, table, sizeof table);
    return sizeof table / sizeof table[0];
}

/* As common/ev/link.c does it for a session with this deadline. */
static void tune(struct sim_tcp *tcp, lubdub_duration timeout)
{
    const struct lubdub_tuning tuning = lubdub_tuning_for(timeout, timeout);

    tcp->rto_min = tuning.rto_min_us * LUBDUB_MICROSECOND;
    tcp->rto_max = tuning.rto_max_ms * MS;
    tcp->user_timeout = tuning.user_timeout_ms * MS;
    tcp->is_thin = true;
}

/* One side judges and the other is endlessly patient: else the faster side would end the session for both. */
static bool score_contender(struct sim_score *score, double *frames_a_second, const struct field *field,
                            enum sim_observer observer, uint64_t first, uint64_t last, unsigned jobs,
                            const struct sim_contender *contender, char problem[SIM_PROBLEM_SIZE])
{
    struct sim_settings settings = *field->settings;
    lubdub_duration timeout = settings.interval * contender->intervals;
    struct sim_sum *sum = must_have(1, sizeof *sum);
    double seconds;
    bool has_run;

    settings.faults = SIM_FAULTS_CONTEST;
    settings.timeout = observer == SIM_OBSERVER_CLIENT ? timeout : ENDLESS;
    settings.expiry = observer == SIM_OBSERVER_SERVER ? timeout : ENDLESS;
    settings.is_blind[SIM_OBSERVER_CLIENT] = observer != SIM_OBSERVER_CLIENT;
    settings.is_blind[SIM_OBSERVER_SERVER] = observer != SIM_OBSERVER_SERVER;
    settings.tune = contender->tune;
    settings.user_data = contender;
    settings.adapts = contender->adapts;
    if (contender->is_tuned) {
        tune(&settings.tcp, timeout);
    }
    has_run = sim_run_many(&settings, first, last, jobs, NULL, sum) && sum->failed == 0;
    if (has_run) {
        seconds = (double)sum->total.session_time / (double)LUBDUB_SECOND;
        *frames_a_second = seconds > 0 ? (double)(sum->total.probes + sum->total.acks) / seconds : 0;
        *score = (struct sim_score){
            .is_there = true,
            .false_alarms = sum->total.false_alarms[observer],
            .days = seconds / 86400,
            .missed = sum->total.missed[observer],
        };
        score_detections(score, sum->total.detections[observer]);
        find_fixed(field, observer, score);
    } else {
        snprintf(problem, SIM_PROBLEM_SIZE, "%s: %.200s", contender->word,
                 sum->failed > 0 ? sum->failures[0].problem : "no memory");
    }
    sim_sum_clear(sum);
    free(sum);
    return has_run;
}

static bool enter_contender(struct sim_contest *contest, const struct field *field, uint64_t first, uint64_t last,
                            unsigned jobs, const struct sim_contender *contender, char problem[SIM_PROBLEM_SIZE])
{
    struct sim_entry *entry = &contest->entries[contest->count++];
    double frames[SIM_OBSERVER_COUNT] = {0};
    unsigned observer;

    *entry = (struct sim_entry){.word = contender->word, .text = contender->text, .is_core = true};
    for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
        if (!score_contender(&entry->scores[observer], &frames[observer], field, (enum sim_observer)observer, first,
                             last, jobs, contender, problem)) {
            return false;
        }
        entry->frames_a_second = frames[observer] > entry->frames_a_second ? frames[observer] : entry->frames_a_second;
    }
    return true;
}

/* ---- the field ---- */

/* Carries the same beats over the same path in datagrams; the side that hears a beat answers at once. */
static void trace_datagrams(struct sim_trace *datagrams, const struct sim_trace *segments, enum sim_network network,
                            uint64_t path_seed)
{
    struct sim_path path;
    size_t i;
    size_t answered = 0;

    sim_path_init(&path, network, path_seed);
    for (i = 0; i < segments->count; i++) {
        struct sim_beat *beat;

        sim_trace_add(datagrams, segments->beats[i].sent_at);
        beat = &datagrams->beats[i];
        (void)sim_path_carry(&path, SIM_UP, 0, beat->sent_at, &beat->heard_at);
    }
    /* The way back is taken in the order of its own times. */
    sim_path_init(&path, network, path_seed);
    for (answered = 0; answered < datagrams->count; answered++) {
        struct sim_beat *beat = &datagrams->beats[answered];

        if (beat->heard_at != LUBDUB_TIME_NEVER) {
            (void)sim_path_carry(&path, SIM_DOWN, 0, beat->heard_at, &beat->answered_at);
        }
    }
}

static bool make_field(struct field *field, const struct sim_settings *settings, uint64_t first, uint64_t last,
                       char problem[SIM_PROBLEM_SIZE])
{
    uint32_t clients = settings->clients;
    uint64_t seed;
    unsigned kind;
    unsigned observer;
    size_t i;

    memset(field, 0, sizeof *field);
    field->settings = settings;
    field->count = (size_t)(last - first + 1) * clients;
    field->days = (double)field->count * (double)(settings->length - WARM_UP) / (double)LUBDUB_SECOND / 86400;
    for (kind = 0; kind < 2; kind++) {
        field->traces[kind] = must_have(field->count, sizeof *field->traces[kind]);
        for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
            field->views[kind][observer] = must_have(field->count, sizeof *field->views[kind][observer]);
        }
    }
    for (seed = first; seed <= last; seed++) {
        struct sim_settings patient = *settings;
        struct sim_result result = {0};
        struct sim_trace *traces = &field->traces[0][(seed - first) * clients];
        uint32_t client;

        patient.seed = seed;
        patient.faults = SIM_FAULTS_NONE;
        patient.timeout = patient.expiry = ENDLESS;
        patient.traces = traces;
        sim_run(&patient, &result);
        if (result.has_failed) {
            snprintf(problem, SIM_PROBLEM_SIZE, "%s", result.problem);
            return false;
        }
        sim_result_clear(&result);
        for (client = 0; client < clients; client++) {
            trace_datagrams(&field->traces[1][(seed - first) * clients + client], &traces[client], settings->network,
                            sim_path_seed(seed, client));
        }
    }
    for (kind = 0; kind < 2; kind++) {
        for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
            for (i = 0; i < field->count; i++) {
                sim_view_make(&field->views[kind][observer][i], &field->traces[kind][i], (enum sim_observer)observer);
            }
        }
    }
    return true;
}

static void clear_field(struct field *field)
{
    unsigned kind;
    unsigned observer;
    size_t i;

    for (kind = 0; kind < 2; kind++) {
        for (i = 0; i < field->count; i++) {
            for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
                sim_view_clear(&field->views[kind][observer][i]);
            }
            sim_trace_clear(&field->traces[kind][i]);
        }
        for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
            free(field->views[kind][observer]);
        }
        free(field->traces[kind]);
    }
}

bool sim_contest_run(const struct sim_settings *settings, enum sim_network network, uint64_t first, uint64_t last,
                     unsigned jobs, struct sim_contest *contest, char problem[SIM_PROBLEM_SIZE])
{
    struct sim_settings here = *settings;
    struct sim_rule rules[SIM_RULE_LIMIT];
    struct sim_contender contenders[SIM_CONTENDER_LIMIT];
    struct field field;
    bool has_run;
    size_t count;
    size_t i;

    here.is_mixed = false;
    here.network = network;
    memset(contest, 0, sizeof *contest);
    contest->network = network;
    has_run = make_field(&field, &here, first, last, problem);
    if (has_run) {
        count = sim_rules(rules, here.interval);
        for (i = 0; i < count; i++) {
            enter_rule(contest, &field, &rules[i]);
        }
        count = sim_contenders(contenders);
        for (i = 0; has_run && i < count; i++) {
            has_run = enter_contender(contest, &field, first, last, jobs, &contenders[i], problem);
        }
    }
    clear_field(&field);
    return has_run;
}
