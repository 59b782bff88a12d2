/* Writes the table of policies, as text or as JSON. */
#include "simulate/contest/table.h"

#include <jansson.h>

static const char *const observer_words[SIM_OBSERVER_COUNT] = {"client", "server"};

static double seconds(lubdub_duration duration)
{
    return (double)duration / (double)LUBDUB_SECOND;
}

/* False alarms in a day of one session. */
static double a_day(const struct sim_score *score)
{
    return score->days > 0 ? (double)score->false_alarms / score->days : 0;
}

/* The time to detect, as a share of that of the fixed setting with the same false alarms. */
static double share_of_fixed(const struct sim_score *score, unsigned kind)
{
    return score->fixed_median[kind] > 0 ? seconds(score->median[kind]) / seconds(score->fixed_median[kind]) : 0;
}

/* The mean of both medians: half of all deaths are of either kind. */
static double share_of_both(const struct sim_score *score)
{
    double fixed = seconds(score->fixed_median[0]) + seconds(score->fixed_median[1]);

    return fixed > 0 ? (seconds(score->median[0]) + seconds(score->median[1])) / fixed : 0;
}

/* ---- text ---- */

static void print_score(FILE *file, const struct sim_entry *entry, const struct sim_score *score)
{
    fprintf(file, "  %-13s %6.2f %9.3f  %7.3f %7.3f  %7.3f %7.3f", entry->word, entry->frames_a_second, a_day(score),
            seconds(score->median[0]), seconds(score->p99[0]), seconds(score->median[1]), seconds(score->p99[1]));
    if (score->fixed_timeout > 0) {
        fprintf(file, "  %7.3f  %5.2f %5.2f %5.2f\n", seconds(score->fixed_timeout), share_of_fixed(score, 0),
                share_of_fixed(score, 1), share_of_both(score));
    } else {
        fprintf(file, "    none      -     -     -\n");
    }
}

static void print_contest(FILE *file, const struct sim_contest *contest)
{
    unsigned observer;
    size_t i;

    fprintf(file, "\n%s: %s\n", sim_network_word(contest->network), sim_network_text(contest->network));
    for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
        fprintf(file,
                "\n  %s observes\n"
                "                 frames     false   frozen, found      cut off, found   fixed, as rarely wrong\n"
                "                a second    a day   median     p99   median     p99  timeout  shares of it\n",
                observer_words[observer]);
        for (i = 0; i < contest->count; i++) {
            if (contest->entries[i].scores[observer].is_there) {
                print_score(file, &contest->entries[i], &contest->entries[i].scores[observer]);
            }
        }
    }
}

static void print_legend(FILE *file, const struct sim_contest *contest)
{
    size_t i;

    fputs("\nTimes in seconds. shares of it: the median, frozen and cut, and the mean of both, over that of the fixed timeout\n"
          "that is wrong as rarely, on the kernel's own timers. core: the core itself, run with real faults; the others\n"
          "are judged on traces.\n\n",
          file);
    for (i = 0; i < contest->count; i++) {
        fprintf(file, "  %-13s %s\n", contest->entries[i].word, contest->entries[i].text);
    }
}

/* ---- with names ---- */

static json_t *score_json(const struct sim_score *score)
{
    if (!score->is_there) {
        return json_null();
    }
    return json_pack("{s:I, s:f, s:f, s:I, s:f, s:f, s:I, s:f, s:f, s:I, s:f, s:f, s:f}", "false_alarms",
                     (json_int_t)score->false_alarms, "session_days", score->days, "false_alarms_a_day", a_day(score),
                     "frozen_found", (json_int_t)score->found[0], "frozen_median_s", seconds(score->median[0]),
                     "frozen_p99_s", seconds(score->p99[0]), "cut_found", (json_int_t)score->found[1], "cut_median_s",
                     seconds(score->median[1]), "cut_p99_s", seconds(score->p99[1]), "missed",
                     (json_int_t)score->missed, "fixed_timeout_s", seconds(score->fixed_timeout),
                     "fixed_frozen_median_s", seconds(score->fixed_median[0]), "fixed_cut_median_s",
                     seconds(score->fixed_median[1]));
}

static json_t *contest_json(const struct sim_contest *contest)
{
    json_t *entries = json_array();
    size_t i;

    for (i = 0; i < contest->count; i++) {
        const struct sim_entry *entry = &contest->entries[i];

        json_array_append_new(entries, json_pack("{s:s, s:s, s:b, s:s, s:f, s:o, s:o}", "policy", entry->word, "text",
                                                 entry->text, "simulated", entry->is_core, "transport",
                                                 entry->is_datagrams ? "datagrams" : "tcp", "frames_a_second",
                                                 entry->frames_a_second, "client",
                                                 score_json(&entry->scores[SIM_OBSERVER_CLIENT]), "server",
                                                 score_json(&entry->scores[SIM_OBSERVER_SERVER])));
    }
    return json_pack("{s:s, s:s, s:o}", "network", sim_network_word(contest->network), "text",
                     sim_network_text(contest->network), "policies", entries);
}

void sim_table_text(FILE *file, const struct sim_table_heading *heading, const struct sim_contest *contests,
                    size_t count)
{
    size_t i;

    fprintf(file, "%llu seeds, %llu clients, %.0f s each; an interval of %.3f s\n",
            (unsigned long long)(heading->last_seed - heading->first_seed + 1), (unsigned long long)heading->clients,
            seconds(heading->length), seconds(heading->interval));
    for (i = 0; i < count; i++) {
        print_contest(file, &contests[i]);
    }
    print_legend(file, &contests[0]);
}

void sim_table_json(FILE *file, const struct sim_table_heading *heading, const struct sim_contest *contests,
                    size_t count)
{
    json_t *networks = json_array();
    size_t i;

    for (i = 0; i < count; i++) {
        json_array_append_new(networks, contest_json(&contests[i]));
    }
    networks = json_pack("{s:I, s:I, s:I, s:f, s:f, s:o}", "first_seed", (json_int_t)heading->first_seed, "last_seed",
                         (json_int_t)heading->last_seed, "clients", (json_int_t)heading->clients, "length_s",
                         seconds(heading->length), "interval_s", seconds(heading->interval), "networks", networks);
    json_dumpf(networks, file, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    fputc('\n', file);
    json_decref(networks);
}
