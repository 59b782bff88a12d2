/* Prints the plan as text, and as JSON with the same numbers. */
#include "plan/report.h"

#include <jansson.h>
#include <math.h>

#include "plan/advice.h"

#define TEXT_SIZE 48

/* A length of time as one would say it. */
static const char *length(double seconds, char text[TEXT_SIZE])
{
    static const struct {
        double least;
        double unit;
        const char *word;
    } units[] = {{2 * 31557600.0, 31557600, "years"},
                 {2 * 86400.0, 86400, "days"},
                 {2 * 3600.0, 3600, "hours"},
                 {120, 60, "minutes"},
                 {1, 1, "s"},
                 {0, 1e-3, "ms"}};
    size_t i = 0;

    if (seconds > 1e15) {
        snprintf(text, TEXT_SIZE, "an age");
        return text;
    }
    while (seconds < units[i].least) {
        i++;
    }
    snprintf(text, TEXT_SIZE, "%.*f %s", seconds < 1 || seconds >= 120 ? 1 : 3, seconds / units[i].unit, units[i].word);
    return text;
}

static double whole_ms(double seconds)
{
    return floor(seconds * 1e3 + 1e-6);
}

static const char *source_text(const struct plan_options *options, const struct plan *plan, char text[2 * TEXT_SIZE])
{
    switch (options->source) {
    case PLAN_STATED:
        return "stated";
    case PLAN_FILE:
    case PLAN_MEASURED:
        break;
    }
    snprintf(text, 2 * TEXT_SIZE, "%llu round trips, the longest %.3f ms", (unsigned long long)plan->sample.count,
             plan->sample.most * 1e3);
    return text;
}

static void print_answer(FILE *file, const struct plan *plan)
{
    const struct plan_answer *answer = &plan->answer;
    char gap[TEXT_SIZE];
    char mistake[TEXT_SIZE];

    fprintf(file, "\ninterval   %.0f ms\ntimeout    %.0f ms, of each probe\nexpiry     %.0f ms, at the server\n",
            whole_ms(answer->interval), whole_ms(answer->timeout), whole_ms(plan->expiry));
    fprintf(file, "packets    %.2f a second for each session, both ways\n", 2 / answer->interval);
    fprintf(file,
            "expected   found within %.3f s, in %.3f s on average; false alarms %s apart or more, of %s or less\n",
            plan->wish.detect, answer->detect_mean, length(answer->mistake_gap, gap),
            length(answer->mistake_length, mistake));
    fprintf(file, "           where losses and delays know nothing of each other: an outage of the path that lasts\n"
                  "           longer than the timeout is a false alarm, whatever the interval\n");
    fprintf(file, "\nlubdub-client%s --interval %.0fms --timeout %.0fms --expiry %.0fms\n",
            plan->network.paths > 1 ? " --mptcp" : "", whole_ms(answer->interval), whole_ms(answer->timeout),
            whole_ms(plan->expiry));
}

static bool is_any_way(const struct plan_ways *ways)
{
    return ways->detect > 0 || ways->mistake_gap > 0 || ways->mistake_length > 0 || ways->deviation > 0 ||
           ways->loss >= 0 || ways->interval > 0;
}

/* Prints each way out with the option that asks for it. */
static void print_ways(FILE *file, const struct plan *plan)
{
    const struct plan_ways *ways = &plan->ways;
    char text[TEXT_SIZE];
    char rate[ADVICE_RATE_SIZE];

    fprintf(file, "\nnot possible");
    if (plan->wish.detect <= plan->network.delay) {
        fprintf(file, ": nothing is known of a peer sooner than a round trip");
    }
    fprintf(file, is_any_way(ways) ? "; it would be with one of these\n\n"
                                   : "; nor would it be with a change of one thing alone\n");
    if (ways->detect > 0) {
        fprintf(file, "  found within %s (--detect %.0fms)\n", length(ways->detect, text), ways->detect * 1e3);
    }
    if (ways->mistake_gap > 0) {
        fprintf(file, "  a false alarm every %s (--false-alarms %s)\n", length(ways->mistake_gap, text),
                advice_rate(ways->mistake_gap, rate));
    }
    if (ways->mistake_length > 0) {
        fprintf(file, "  false alarms of %s (--mistake %.0fms)\n", length(ways->mistake_length, text),
                ways->mistake_length * 1e3);
    }
    if (ways->deviation > 0) {
        fprintf(file, "  round trips that deviate by %.6gms at most\n", ways->deviation * 1e3);
    }
    if (ways->loss > 0) {
        fprintf(file, "  a loss of %.3g %% at most\n", ways->loss * 100);
    } else if (ways->loss >= 0) {
        fprintf(file, "  no loss at all\n");
    }
    if (ways->interval > 0) {
        fprintf(file, "  an interval of %.0f ms, or %.2f packets a second (--interval-min, --packets)\n",
                ways->interval * 1e3, advice_packets(ways->interval));
    }
}

static void report_text(FILE *file, const struct plan_options *options, const struct plan *plan)
{
    char gap[TEXT_SIZE];
    char source[2 * TEXT_SIZE];

    fprintf(file, "wished     found within %.3f s, a false alarm every %s or more rarely\n", plan->wish.detect,
            length(plan->wish.mistake_gap, gap));
    fprintf(file, "network    round trip %.3f ms, deviation %.3f ms, %.4g %% lost (%s)\n", plan->network.delay * 1e3,
            sqrt(plan->network.variance) * 1e3, plan->network.loss * 100, source_text(options, plan, source));
    if (plan->network.paths > 1) {
        fprintf(file, "paths      %u, which share %.4g %% of their outages; a cut one is left after %.0f ms\n",
                plan->network.paths, plan->network.shared * 100, LUBDUB_PLAN_FAILOVER * 1e3);
    }
    if (plan->answer.is_possible) {
        print_answer(file, plan);
    } else {
        print_ways(file, plan);
    }
}

static json_t *number_or_null(double value)
{
    return value > 0 && isfinite(value) ? json_real(value) : json_null();
}

static json_t *answer_json(const struct plan *plan)
{
    const struct plan_answer *answer = &plan->answer;

    if (!answer->is_possible) {
        return json_null();
    }
    return json_pack("{s:f, s:f, s:f, s:f, s:o, s:f, s:f}", "interval_ms", whole_ms(answer->interval), "timeout_ms",
                     whole_ms(answer->timeout), "expiry_ms", whole_ms(plan->expiry), "packets_a_second",
                     2 / answer->interval, "mistake_gap_s", number_or_null(answer->mistake_gap), "mistake_length_s",
                     answer->mistake_length, "detect_mean_s", answer->detect_mean);
}

static json_t *ways_json(const struct plan *plan)
{
    const struct plan_ways *ways = &plan->ways;

    if (plan->answer.is_possible) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "detect_s", number_or_null(ways->detect), "mistake_gap_s",
                     number_or_null(ways->mistake_gap), "mistake_length_s", number_or_null(ways->mistake_length),
                     "deviation_s", number_or_null(ways->deviation), "loss",
                     ways->loss >= 0 ? json_real(ways->loss) : json_null(), "interval_s",
                     number_or_null(ways->interval));
}

void plan_report(FILE *file, const struct plan_options *options, const struct plan *plan)
{
    json_t *root;

    if (options->report == PLAN_REPORT_TEXT) {
        report_text(file, options, plan);
        return;
    }
    root = json_pack("{s:b, s:{s:f, s:f, s:f}, s:{s:f, s:f, s:f, s:I, s:i, s:f}, s:o, s:o}", "possible",
                     plan->answer.is_possible, "wish", "detect_s", plan->wish.detect, "mistake_gap_s",
                     plan->wish.mistake_gap, "mistake_length_s", plan->wish.mistake_length, "network", "delay_s",
                     plan->network.delay, "deviation_s", sqrt(plan->network.variance), "loss", plan->network.loss,
                     "round_trips", (json_int_t)plan->sample.count, "paths",
                     plan->network.paths > 1 ? (int)plan->network.paths : 1, "shared",
                     plan->network.paths > 1 ? plan->network.shared : 1.0, "plan", answer_json(plan), "possible_with",
                     ways_json(plan));
    json_dumpf(root, file, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    fputc('\n', file);
    json_decref(root);
}
